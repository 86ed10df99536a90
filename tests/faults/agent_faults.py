"""Faults of the agent: killed, stopped, hung, without disk; restarted, upgraded, its clock moved."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from scene import BOTH, Scene
from table import EVERY, Group, fault

HANG = Path(__file__).parent / "agent_that_hangs.py"
LEASED = ("bird2", "bird3", "frr")
KEPT = ("gobgp3", "gobgp4", "openbgpd")
"""Daemons that outlive the agent and are withdrawn by the keeper."""


@fault(
    "agent SIGKILL -> peer empty",
    group=Group.AGENT,
    median=3.1,
    worst=3.5,
    others="never",
    daemons=EVERY,
    in_ci=("bird2", "gobgp3"),
)
def agent_killed(daemon: str, n: int) -> list[float]:
    """BIRD and FRR: the lease ends. GoBGP, OpenBGPD: the keeper acts when it would have; ExaBGP dies too."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            figures.append(stage.seconds_to_empty(stage.fra.kill_agent()))
    return figures


@fault(
    "agent SIGSTOP -> peer empty",
    group=Group.AGENT,
    median=3.1,
    worst=3.5,
    others="never",
    daemons=EVERY,
    in_ci=("exabgp",),
)
def agent_stopped(daemon: str, n: int) -> list[float]:
    """It lives, but renews nothing."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            if daemon not in LEASED:
                time.sleep(2)  # the keeper of the turn before has acted and ended; a new one comes up
            with stage.fra.stopped() as since:
                figures.append(stage.seconds_to_empty(since))
    return figures


@fault(
    "check loop hangs -> peer empty",
    group=Group.AGENT,
    median=3.1,
    worst=3.5,
    others="never",
    daemons=EVERY,
    in_ci=("bird2",),
)
def loop_hangs(daemon: str, n: int) -> list[float]:
    """The process lives, but its loop does not turn for 8 seconds."""
    figures = []
    with Scene(daemon) as stage:
        stage.fra.program = (sys.executable, str(HANG))
        stage.start()
        for _ in range(n):
            stage.again()
            if daemon not in LEASED:
                time.sleep(2)  # as above
            since = time.monotonic()
            os.kill(stage.fra.agent_pid, signal.SIGRTMIN)
            figures.append(stage.seconds_to_empty(since))
            stage.wait_announced(timeout=60)
    return figures


@contextlib.contextmanager
def _small_disk(path: Path) -> Iterator[Path]:
    """A file system of 2 MB at `path`."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


@contextlib.contextmanager
def _full(path: Path) -> Iterator[None]:
    """Not a byte is free there."""
    filler = path / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], capture_output=True, check=False)
    with pytest.raises(OSError, match="No space left"):
        (path / "more").write_bytes(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def _on_a_full_disk(daemon: str, n: int, name: str) -> list[float]:
    figures = []
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Scene(daemon))
        disk = stack.enter_context(_small_disk(stage.fra.host.directory / name))
        stack.callback(stage.fra.stop_agent)
        stage.start()
        for _ in range(n):
            stage.again()
            with _full(disk):
                figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
    return figures


@fault(
    "disk of the state full, service dies -> peer empty",
    group=Group.AGENT,
    median=1.7,
    worst=2.2,
    others="never",
    daemons=EVERY,
)
def disk_full(daemon: str, n: int) -> list[float]:
    """The journal cannot be written."""
    return _on_a_full_disk(daemon, n, "state")


@fault(
    "run directory full, service dies -> peer empty",
    group=Group.AGENT,
    median=1.7,
    worst=2.2,
    others="never",
    daemons=EVERY,
    in_ci=("bird2",),
)
def run_directory_full(daemon: str, n: int) -> list[float]:
    """BIRD's include file stands there too, and cannot be written."""
    return _on_a_full_disk(daemon, n, "run")


@fault(
    "journal locked by another process, service dies -> empty",
    group=Group.AGENT,
    median=1.7,
    worst=2.2,
)
def journal_locked(daemon: str, n: int) -> list[float]:
    """Somebody has the database open and its write lock in hand."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            path = stage.fra.state_dir / f"{stage.fra.name}.journal.sqlite"
            with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
                other.execute("ROLLBACK")
    return figures


def _withdrawn(stage: Scene, for_s: float, before: tuple[int, dict[str, float]]) -> float:
    """What the peer was sent to withdraw meanwhile, its lost sessions, and whether a poll saw a gap."""
    gaps = stage.polls_that_saw(lambda held: not held >= BOTH, for_s=for_s)
    lost = stage.sessions_lost(before[1])
    return float(max(stage.withdrawals() - before[0], 0) + lost + bool(gaps))


def _before(stage: Scene) -> tuple[int, dict[str, float]]:
    found = stage.withdrawals(), stage.sessions()
    assert len(found[1]) == 2
    return found


@fault(
    "agent upgraded in place -> lost",
    group=Group.AGENT,
    median=0,
    worst=0,
    unit="withdrawals",
    daemons=EVERY,
    in_ci=("bird2", "gobgp3", "exabgp"),
)
def agent_upgraded(daemon: str, n: int) -> list[float]:
    """The agent becomes the new program under the same process id."""
    figures = []
    with Scene(daemon).start() as stage:
        pid = stage.fra.agent_pid
        for _ in range(n):
            stage.again()
            before = _before(stage)
            os.kill(pid, signal.SIGUSR2)
            figures.append(_withdrawn(stage, 5, before))
            assert stage.fra.status()["running_s"] < 6
            assert stage.fra.agent_pid == stage.fra.status()["pid"] == pid
            assert stage.fra.state == "up"
    return figures


@fault(
    "agent crashes and starts again within the lease -> lost",
    group=Group.AGENT,
    median=0,
    worst=0,
    unit="withdrawals",
    daemons=(*LEASED, *KEPT),
    in_ci=("bird2",),
)
def agent_restarted(daemon: str, n: int) -> list[float]:
    """SIGKILL and a new process at once, as systemd does: what is still held is adopted."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            before = _before(stage)
            stage.fra.kill_agent()
            stage.fra.start_agent()
            figures.append(_withdrawn(stage, 6, before))
            assert stage.fra.state == "up"
    return figures


@fault(
    "agent crashes and starts again at once -> off the air",
    group=Group.AGENT,
    median=5,
    worst=8,
    daemons=("exabgp",),
)
def agent_restarted_with_its_child(daemon: str, n: int) -> list[float]:
    """ExaBGP is the agent's child and dies with it."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            stage.fra.kill_agent()
            since = stage.watch(lambda held: not held)
            stage.fra.start_agent()
            figures.append(stage.seconds_to_both(since))
    return figures


@fault(
    "clock jumps by an hour, to and fro -> lost",
    group=Group.AGENT,
    median=0,
    worst=0,
    unit="withdrawals",
    in_ci=("bird2",),
)
def clock_jumps(daemon: str, n: int) -> list[float]:
    """The wall clock of the agent's process (and of nothing else) jumps."""
    figures = []
    with Scene(daemon) as stage:
        clock = stage.network.directory / "clock"
        clock.write_text("+0\n")
        stage.fra.env = {
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        stage.start()
        for number in range(n):
            stage.again()
            before = _before(stage)
            jump = 3600 if number % 2 == 0 else -3600
            part = clock.with_suffix(".part")
            part.write_text(f"{jump:+d}\n")
            part.replace(clock)
            figures.append(_withdrawn(stage, 5, before))
            assert abs(stage.fra.status()["at"] - time.time() - jump) < 60, "the clock did not jump"
    return figures


@cache
def _faketime() -> Path:
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
