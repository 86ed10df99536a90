"""Processes: which ones a name, a pidfile or a systemd unit means, their death in milliseconds, and children
that die with us.

A pid is used again; a pid with its start time is not. `Process` carries both, and `watch` compares them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio

from anyplane.model.errors import KernelError

PROC = Path("/proc")
_COMM_LENGTH = 15
_STATE, _START = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the name
_ORDERS = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[2]))
if os.getppid() != int(sys.argv[1]): sys.exit(143)
os.execvp(sys.argv[3], sys.argv[3:])
"""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Process:
    """One process. `started`: clock ticks after boot, as the kernel counts them; no wall clock touches it."""

    started: int
    pid: int


def find_by_name(name: str, *, proc: Path = PROC) -> tuple[Process, ...]:
    """Living processes whose /proc/PID/comm is `name` (its first 15 characters), oldest first."""
    wanted = name.encode()[:_COMM_LENGTH]
    return _find(proc, "comm", lambda text: text.rstrip(b"\n") == wanted)


def find_by_unit(unit: str, *, proc: Path = PROC) -> tuple[Process, ...]:
    """Living processes in the control group of a systemd unit ("unbound.service"), oldest first.

    Read from /proc/PID/cgroup, version 1 or 2: no D-Bus, no privilege.
    """
    wanted = unit.encode() if "." in unit else f"{unit}.service".encode()
    return _find(
        proc, "cgroup", lambda text: any(wanted in line.rstrip().split(b"/") for line in text.splitlines())
    )


def find_by_pidfile(path: Path, *, proc: Path = PROC) -> tuple[Process, ...]:
    """The process that a pidfile names, if it lives. A file that is absent or empty names nobody.

    A stale file may name a stranger that got the pid later; the file alone cannot tell. KernelError when it
    holds no number or may not be read.
    """
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KernelError(f"{path}: {error.strerror}", hint="may the agent read the pidfile?") from error
    words = text.split()
    if not words:
        return ()
    if not (words[0].isascii() and words[0].isdigit()):
        raise KernelError(f"{path}: {words[0][:40]!r} is no process id", hint="is this the pidfile?")
    found = process(int(words[0]), proc=proc)
    return () if found is None else (found,)


def process(pid: int, *, proc: Path = PROC) -> Process | None:
    """The living process with that pid; None when there is none, or a zombie."""
    try:
        stat = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name stands in parentheses and may itself hold any character.
    fields = stat[stat.rfind(b")") + 1 :].split()
    if len(fields) <= _START or not fields[_START].isdigit() or fields[_STATE] in (b"Z", b"X"):
        return None
    return Process(pid=pid, started=int(fields[_START]))


async def watch(watched: Process) -> None:
    """Return as soon as the process is dead (milliseconds), at once when it was before.

    It waits for as long as the process lives: the deadline is the caller's. No polling, one descriptor.
    """
    try:
        descriptor = os.pidfd_open(watched.pid)
    except ProcessLookupError:
        return
    except OSError as error:
        raise KernelError(
            f"process {watched.pid} cannot be watched: {error.strerror}", hint="pidfd_open needs Linux 5.3"
        ) from error
    try:
        # The descriptor now holds whoever has the pid; only then may it be compared.
        if process(watched.pid) == watched:
            await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)


def dies_with_us(*, with_signal: int = signal.SIGKILL) -> tuple[str, ...]:
    """The words to put before a child's command so that the kernel ends it when we die, even by SIGKILL.

    A Python of 10 ms sets PR_SET_PDEATHSIG in the child and becomes the command. It is not `setpriv
    --pdeathsig`, which is absent from busybox and does not notice a parent that died meanwhile. Two traps of
    the kernel: the signal comes when the *thread* that started the child ends, so start it from the main
    thread; and a set-user-id command loses it.
    """
    return (sys.executable, "-I", "-S", "-c", _ORDERS, str(os.getpid()), str(int(with_signal)))


def _find(proc: Path, file: str, is_meant: Callable[[bytes], bool]) -> tuple[Process, ...]:
    found = []
    try:
        entries = [one for one in proc.iterdir() if one.name.isdigit()]
    except OSError as error:
        raise KernelError(f"{proc}: {error.strerror}", hint="is /proc mounted?") from error
    for entry in entries:
        try:
            text = (entry / file).read_bytes()
        except OSError:
            continue  # it is gone, or hidden by hidepid
        if is_meant(text) and (one := process(int(entry.name), proc=proc)) is not None:
            found.append(one)
    return tuple(sorted(found))
