"""Measured: what one row of the table found; and the two ways of measuring, a call and a whole process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ANYPLANE = (sys.executable, "-c", "from anyplane.cli.main import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of each run, and how they compare with something measured in the same run.

    ratio: median over the median of `against`. rss: bytes at the peak, of the whole process. note: what a
    reader must know to take the numbers for what they are.
    """

    seconds: tuple[float, ...]
    ratio: float
    against: str
    rss: int | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """How long a process took, and the most memory that it had."""

    seconds: float
    rss: int


class ProcessError(Exception):
    """A process that is being measured ended with an error."""


def alternate(
    call: Callable[[], object], other: Callable[[], object], *, runs: int, block: int = 1
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds of both calls, run by turns so that what slows the machine slows both.

    A turn is `block` calls of each; its first call, which finds the other's data in the processor's cache, is
    not kept when there are more. The first turn of all is not kept either.
    """
    mine: list[float] = []
    its: list[float] = []
    for turn in range(1 + -(-runs // max(1, block - 1))):
        for what, kept in ((call, mine), (other, its)):
            seconds = [_seconds(what) for _ in range(block)]
            if turn:
                kept.extend(seconds[1:] or seconds)
    return tuple(mine), tuple(its)


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def alternate_processes(
    command: Sequence[str], other: Sequence[str], *, runs: int, env: Mapping[str, str] | None = None
) -> tuple[list[Process], list[Process]]:
    """The same for processes; the first turn, which fills caches, is not kept."""
    mine, its = [], []
    for _ in range(runs + 1):
        mine.append(process(command, env=env))
        its.append(process(other, env=env))
    return mine[1:], its[1:]


# A child's peak begins with what its parent had when it was started: a small process starts it, not this one.
_LAUNCH = """
import os, sys, time
begin = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - begin
code = os.waitstatus_to_exitcode(status)
sys.stderr.write(f"\\n{code} {seconds!r} {usage.ru_maxrss}")
"""


def process(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Process:
    """Run a process to its end; exit codes 0 and 1 (a promise of the design is broken) are answers."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCH, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
        check=True,
    )
    said, _, told = done.stderr.decode().rpartition("\n")
    code, seconds, rss = told.split()
    if code not in {"0", "1"} or "Traceback" in said:
        reason = [line for line in said.splitlines() if line.strip()][-1:]
        raise ProcessError(f"{command[3]} ended with {code}: {' '.join(reason)[:120]}")
    return Process(seconds=float(seconds), rss=int(rss) * (1 if sys.platform == "darwin" else 1024))


def of_processes(
    mine: Sequence[Process], its: Sequence[Process], *, against: str, note: str = ""
) -> Measured:
    """A Measured out of two lists of processes."""
    return Measured(
        seconds=tuple(run.seconds for run in mine),
        ratio=statistics.median(run.seconds for run in mine) / statistics.median(run.seconds for run in its),
        against=against,
        rss=max(run.rss for run in mine),
        note=note,
    )


def of_calls(
    call: Callable[[], object],
    other: Callable[[], object],
    *,
    runs: int,
    against: str,
    block: int = 1,
    share: float = 1.0,
    note: str = "",
) -> Measured:
    """A Measured out of two calls; `share` of the first one's time is what the row is about."""
    mine, its = alternate(call, other, runs=runs, block=block)
    seconds = tuple(one * share for one in mine)
    ratio = statistics.median(seconds) / statistics.median(its)
    return Measured(seconds=seconds, ratio=ratio, against=against, note=note)
