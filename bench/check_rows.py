"""The rows about health checks: what 500 of them cost an agent, and how the lease fares without CPU."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from bench.internet import ROOT, Internet
from bench.measured import Measured, ProcessError

COUNT = 500
SECONDS = 5.0
HOGS = 8
LONGEST_S = 60.0


def checks(_internet: Internet, runs: int, _full: bool) -> Measured:
    """CPU seconds in each second of 500 checks at 1 s, of five kinds; the whole process's memory."""
    mine, its = [], []
    for _ in range(min(runs, 3)):
        mine.append(_load("mix"))
        its.append(_load("process"))
    shares = tuple(one["cpu_share"] for one in mine)
    each = statistics.median(one["us_per_check"] for one in mine)
    return Measured(
        seconds=shares,
        ratio=statistics.median(shares) / statistics.median(one["cpu_share"] for one in its),
        against="500 that ask nobody",
        rss=int(max(one["rss"] for one in mine)),
        note=f"{each:.0f} \N{MICRO SIGN}s of CPU each",
    )


def lease(_internet: Internet, runs: int, _full: bool) -> Measured:
    """The longest gap between two renewals of a lease: 500 checks, eight processes that want the CPU."""
    quiet, starved = [], []
    for _ in range(min(runs, 3)):
        quiet.append(_lease_load(0))
        starved.append(_lease_load(HOGS))
    worst = tuple(one["worst_ms"] / 1e3 for one in starved)
    lost = sum(one["lease_lost"] + one["failing"] for one in starved)
    return Measured(
        seconds=worst,
        ratio=statistics.median(worst) / statistics.median(one["worst_ms"] / 1e3 for one in quiet),
        against="nobody else wants the CPU",
        note=f"the lease is 3 s; {lost} leases lost, {HOGS} busy processes",
    )


def _lease_load(hogs: int) -> dict[str, float]:
    return _json("bench.lease_load", "--hogs", str(hogs), "--seconds", "20")


def _load(kind: str) -> dict[str, float]:
    found = _json("bench.check_load", kind, str(COUNT), str(SECONDS))
    if found["failed"]:
        raise ProcessError(f"{found['failed']} checks failed: {found['why']}")
    return found


def _json(module: str, *arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    if done.returncode:
        raise ProcessError(f"{module} ended with {done.returncode}: {done.stderr.strip()[-120:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
