"""The row about health checks: what 500 of them cost an agent."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from bench.internet import ROOT, Internet
from bench.measured import Measured, ProcessError

COUNT = 500
SECONDS = 5.0
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


def _load(kind: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.check_load", kind, str(COUNT), str(SECONDS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    if done.returncode:
        raise ProcessError(f"check_load ended with {done.returncode}: {done.stderr.strip()[-120:]}")
    found: dict[str, float] = json.loads(done.stdout)
    if found["failed"]:
        raise ProcessError(f"{found['failed']} checks failed: {found['why']}")
    return found
