"""Processes that outlive their test session: labs that nobody took down, and what else runs on by itself.

A session marks itself in its environment, which every process that it starts inherits, however deep inside a
lab it runs. So those of a session that was killed are told from those of one that runs beside ours, and both
from a lab of the user's own: by pid and start time, for a pid alone is used again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from anyplane.kernel.processes import Process, process

MARK = "ANYPLANE_TEST_SESSION"
LABS = "ANYPLANE_LAB_DIR"
END_S = 5.0
_PROC = Path("/proc")
# Python's own, of pools of processes: it ends with us, and by design not before.
_OURS_TO_THE_END = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


def mark_this_session() -> None:
    """Whatever we start from here on is known by us, and our labs meet nobody else's."""
    own = process(os.getpid())
    assert own is not None
    os.environ[MARK] = f"{own.pid}.{own.started}"
    os.environ[LABS] = tempfile.mkdtemp(prefix=f"anyplane-test-{own.pid}-labs-")


def end_orphans() -> None:
    """Kill what sessions left that are no more."""
    for one, session in _marked():
        if process(session.pid) != session:
            _kill(one)


def left_by_this_session() -> list[str]:
    """What runs still, or lies where our labs were, in words; it is gone then."""
    deadline = time.monotonic() + END_S
    while (left := _own()) and time.monotonic() < deadline:
        time.sleep(0.05)  # what was told to end in the last test may be ending
    words = []
    for one in left:
        words.append(
            f"process {one.pid}: {_command(one.pid).replace(bytes(1), b' ').decode(errors='replace')}"
        )
        _kill(one)
    labs = Path(os.environ[LABS])
    with contextlib.suppress(FileNotFoundError):
        words += [f"lab {path}" for path in labs.iterdir()]
    shutil.rmtree(labs, ignore_errors=True)
    return words


def _own() -> list[Process]:
    us = process(os.getpid())
    return [
        one
        for one, session in _marked()
        if session == us and one != us and not any(words in _command(one.pid) for words in _OURS_TO_THE_END)
    ]


def _marked() -> list[tuple[Process, Process]]:
    """Each living process that a session marked, with that session."""
    found = []
    start = f"{MARK}=".encode()
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        one = process(int(entry.name))
        try:
            words = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it is gone, or another user's
        for word in words:
            pid, _, started = word.removeprefix(start).partition(b".")
            if one is not None and word.startswith(start) and pid.isdigit() and started.isdigit():
                found.append((one, Process(pid=int(pid), started=int(started))))
    return found


def _command(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _kill(one: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(one.pid)
        try:
            if process(one.pid) == one:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
