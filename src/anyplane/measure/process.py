"""A process lives: found by pidfile, name or systemd unit, then watched through its pidfd.

The kernel makes a pidfd readable when the process ends, so a death is told within milliseconds, by the alarm,
and a run between deaths costs no system call. After a death the process is looked for once more at once
(another of the same name or unit may live on), and then at each run.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from anyplane.design.operation import ProcessProbe
from anyplane.measure.outcome import Alarm, Outcome, Unhealthy, bad, good
from anyplane.measure.shared import Shared

COMM_MAX = 15
"""The kernel keeps so many bytes of a name (TASK_COMM_LEN - 1)."""
SCAN_FRESH_S = 0.1
_CGROUPS = ("sys/fs/cgroup", "sys/fs/cgroup/systemd", "sys/fs/cgroup/unified")
_DEAD = frozenset("ZX")


class ProcessProber:
    """Watches one process."""

    doing = "looking for the process"

    def __init__(self, spec: ProcessProbe, *, shared: Shared, alarm: Alarm) -> None:
        self._spec, self._alarm = spec, alarm
        self._root = Path(shared.root)
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._pid, self._fd = 0, -1
        self._outcome = bad("not looked for yet")

    async def probe(self) -> Outcome:
        """Good while the watched process lives; else it is looked for."""
        if self._fd < 0:
            self._watch()
        return self._outcome

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _watch(self) -> None:
        for pid in sorted(self._find()):
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            # Looked at only now: whoever has this pid from here on has the pidfd too.
            if state(self._root, pid) in _DEAD:
                os.close(fd)
                continue
            self._pid, self._fd = pid, fd
            self._outcome = good(f"process {pid} lives")
            self._loop.add_reader(fd, self._died)
            return
        raise Unhealthy(self._absence())

    def _died(self) -> None:
        died = self._pid
        self.close()
        self._shared.kept("processes", lambda: Processes(self._root)).forget()
        try:
            self._watch()
        except (Unhealthy, OSError):
            self._alarm(bad(f"process {died} ended"))

    def _find(self) -> list[int]:
        spec = self._spec
        if spec.pidfile:
            return pid_of(Path(spec.pidfile))
        if spec.unit:
            return pids_of_unit(self._root, spec.unit)
        return self._shared.kept("processes", lambda: Processes(self._root)).named(spec.name)

    def _absence(self) -> str:
        spec = self._spec
        if spec.pidfile:
            return f"no process lives that {spec.pidfile} names"
        return f"the unit {spec.unit} has no process" if spec.unit else f"no process is named {spec.name}"


class Processes:
    """The names of all processes, read at most every SCAN_FRESH_S however many checks ask."""

    def __init__(self, root: Path) -> None:
        self._proc = root / "proc"
        self._pids: dict[str, list[int]] = {}
        self._at = -SCAN_FRESH_S

    def named(self, name: str) -> list[int]:
        """Pids of the processes of a name, which the kernel cuts at COMM_MAX bytes."""
        if time.monotonic() - self._at > SCAN_FRESH_S:
            self._pids = self._scan()
            self._at = time.monotonic()
        return self._pids.get(name.encode()[:COMM_MAX].decode("utf-8", "replace"), [])

    def forget(self) -> None:
        """Read anew next time."""
        self._at = -SCAN_FRESH_S

    def close(self) -> None:
        """Nothing is held."""

    def _scan(self) -> dict[str, list[int]]:
        pids: dict[str, list[int]] = {}
        for entry in os.scandir(self._proc):
            if entry.name.isdigit():
                try:
                    name = Path(entry.path, "comm").read_bytes()
                except OSError:
                    continue  # it ended meanwhile
                pids.setdefault(name.rstrip(b"\n").decode("utf-8", "replace"), []).append(int(entry.name))
        return pids


def pid_of(pidfile: Path) -> list[int]:
    """The pid in a pidfile; empty when there is no such file, Unhealthy when it holds something else."""
    try:
        with pidfile.open("rb") as file:
            text = file.read(64).split()
    except FileNotFoundError:
        return []
    if not text:
        return []
    if not text[0].isdigit() or not 0 < int(text[0]) < 2**31:
        raise Unhealthy(f"{pidfile} holds no pid")
    return [int(text[0])]


def pids_of_unit(root: Path, unit: str) -> list[int]:
    """The processes of a systemd unit, from its control group (v2, v1 or both mounted)."""
    if "/" in unit or unit in ("", ".", ".."):
        raise Unhealthy(f"{unit!r} is no unit's name")
    if "." not in unit:
        unit += ".service"
    for mounted in _CGROUPS:
        base = root / mounted
        # The usual place, then slices of the operator's own and those of template units.
        for found in (
            base / "system.slice" / unit,
            *base.glob(f"*.slice/{_plain(unit)}"),
            *base.glob(f"*.slice/*.slice/{_plain(unit)}"),
        ):
            if pids := _members(found):
                return pids
    return []


def _plain(unit: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in unit)


def _members(group: Path) -> list[int]:
    """Processes of a control group and of those below it (a unit may delegate)."""
    try:
        pids = [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except (OSError, ValueError):
        return []
    return pids or [pid for below in sorted(group.glob("*/cgroup.procs")) for pid in _members(below.parent)]


def state(root: Path, pid: int) -> str:
    """The letter of /proc/PID/stat: R, S, Z, ...; X when there is no such process."""
    try:
        text = (root / "proc" / str(pid) / "stat").read_bytes()
    except OSError:
        return "X"
    return text[text.rfind(b")") + 2 :][:1].decode("ascii", "replace")
