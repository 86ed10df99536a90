"""fib_watch: when each node's kernel learned or forgot a route, for all nodes in one process.

    python -m anyplane.lab.probes.fib_watch PLAN.json

A route notification carries no time, so it is given the moment at which it is read, at once: one thread, one
epoll, one netlink socket for each namespace. The log is lines of text like a prober's (probes.query_log):

    H {plan}                                   the plan as JSON
    r,NODE,T,CHANGE,PREFIX,DEVICES,NEXT HOPS   NODE is a position in the plan; T in microseconds of
                                               CLOCK_MONOTONIC; several next hops are joined by spaces
    o,NODE,T                                   the node's buffer overflowed: changes before T are missing
    p,T,US / m,T,WORD / t,T                    as in a prober's log

SIGTERM ends it. A plan with prefixes keeps only changes of those; one without keeps all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from anyplane.lab.container.libc import CLONE_NEWNET, setns
from anyplane.lab.probes.fib_messages import Change, RouteChange, route_change
from anyplane.lab.probes.prober_sockets import now_us, room_for_files
from anyplane.lab.probes.queries import Mark, Stall
from anyplane.model.errors import AnyplaneError, DataError, KernelError, LabError

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_GROUPS = (7, 11)  # RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE
_SO_RCVBUFFORCE = 33
_ROOM = 4 << 20
_DATAGRAM = 1 << 16
_TICK_S, _STALL_US, _FLUSH_US = 0.05, 10_000, 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FibPlan:
    """Whom to watch: nodes by name with the path of their namespace; prefixes in text form."""

    log: str
    nodes: Mapping[str, str]
    prefixes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The plan as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> FibPlan:
        """The other way; DataError when it is none."""
        try:
            plain = json.loads(text)
            return cls(log=plain["log"], nodes=dict(plain["nodes"]), prefixes=tuple(plain["prefixes"]))
        except (ValueError, TypeError, KeyError) as error:
            raise DataError("FIB plan", f"is none: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FibChange:
    """One change in one node's kernel, and when it was read."""

    at: float
    node: str
    change: Change
    prefix: str
    devices: tuple[str, ...]
    next_hops: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FibLog:
    """All that was seen, in order. overflows: (node, before when) of which changes are missing."""

    plan: FibPlan
    changes: tuple[FibChange, ...]
    stalls: tuple[Stall, ...]
    marks: tuple[Mark, ...]
    overflows: tuple[tuple[str, float], ...]
    ends_at: float

    def last(self, *, prefix: str, since: float, until: float = float("inf")) -> FibChange | None:
        """The last change of that prefix anywhere: the moment at which routing stood still."""
        found = [one for one in self.changes if one.prefix == prefix and since <= one.at < until]
        return found[-1] if found else None

    def first(self, *, node: str, prefix: str, since: float) -> FibChange | None:
        """A node's first change since then, e.g. the withdrawal as the site's upstream carried it out."""
        for one in self.changes:
            if one.node == node and one.prefix == prefix and one.at >= since:
                return one
        return None


def read(path: Path) -> FibLog:
    """The log, also of a watch that still runs or was killed; DataError when it is none."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from error
    if not lines or not lines[0].startswith(b"H "):
        raise DataError(str(path), "is no log of a FIB watch", line=1)
    plan = FibPlan.from_text(lines[0][2:].decode("utf-8", "replace"))
    names = tuple(plan.nodes)
    changes, stalls, marks, overflows = [], [], [], []
    end = 0.0
    for line in lines[1:]:
        kind, *words = line.decode("ascii", "replace").split(",")
        try:
            if kind == "r":
                end = int(words[1]) / 1e6
                change = FibChange(
                    at=end,
                    node=names[int(words[0])],
                    change=Change(words[2]),
                    prefix=words[3],
                    devices=tuple(words[4].split()),
                    next_hops=tuple(words[5].split()),
                )
                changes.append(change)
            elif kind == "o":
                end = int(words[1]) / 1e6
                overflows.append((names[int(words[0])], end))
            elif kind == "p":
                stalls.append(Stall(at=int(words[0]) / 1e6, for_s=int(words[1]) / 1e6))
            elif kind == "m":
                end = int(words[0]) / 1e6
                marks.append(Mark(at=end, word=words[1]))
            elif kind == "t":
                end = int(words[0]) / 1e6
        except (ValueError, IndexError):
            continue
    return FibLog(
        plan=plan,
        changes=tuple(changes),
        stalls=tuple(stalls),
        marks=tuple(marks),
        overflows=tuple(overflows),
        ends_at=end,
    )


def main(arguments: list[str]) -> int:
    """Watch until SIGTERM; 0, or 4 with a complaint on stderr."""
    try:
        if len(arguments) != 1:
            raise LabError("usage: python -m anyplane.lab.probes.fib_watch PLAN.json")
        plan = FibPlan.from_text(Path(arguments[0]).read_text())
        with contextlib.ExitStack() as closing:
            watch(plan, closing)
    except (AnyplaneError, OSError) as error:
        sys.stderr.write(f"fib_watch: {error}\n")
        return error.exit_code if isinstance(error, AnyplaneError) else LabError.exit_code
    return 0


def watch(plan: FibPlan, closing: contextlib.ExitStack) -> None:
    """The loop."""
    file = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    closing.callback(os.close, file)
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    closing.callback(os.close, reading)
    closing.callback(os.close, writing)
    signal.set_wakeup_fd(writing)
    closing.callback(signal.set_wakeup_fd, -1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    room_for_files(2 * len(plan.nodes))
    epoll = closing.enter_context(select.epoll())
    epoll.register(reading, select.EPOLLIN)
    ears = {}
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    closing.callback(os.close, home)
    for position, (name, path) in enumerate(plan.nodes.items()):
        ear = _Ear(position, name, path, home)
        closing.callback(ear.close)
        ears[ear.socket.fileno()] = ear
        epoll.register(ear.socket.fileno(), select.EPOLLIN)
    wanted = frozenset(plan.prefixes)
    now = flushed = now_us()
    lines = [f"H {plan.to_text()}", f"m,{now},started", f"t,{now}\n"]
    os.write(file, "\n".join(lines).encode())
    lines.clear()
    is_running = True
    while is_running:
        expected = now + int(_TICK_S * 1e6)
        events = epoll.poll(_TICK_S)
        now = now_us()
        if now - expected > _STALL_US:
            lines.append(f"p,{expected},{now - expected}")
        for ready, _ in events:
            if ready in ears:
                ears[ready].hear(lines, wanted)
            else:
                is_running = False
        if now - flushed >= _FLUSH_US or not is_running:
            flushed = now = now_us()
            lines.extend([] if is_running else [f"m,{now},stopped"])
            lines.append(f"t,{now}\n")
            os.write(file, "\n".join(lines).encode())
            lines.clear()


class _Ear:
    """One node's netlink socket and the names of its devices."""

    def __init__(self, position: int, name: str, path: str, home: int) -> None:
        self._position, self._home = position, home
        try:
            self._inside = os.open(path or "/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self._enter()
            try:
                self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
                self._devices = dict(socket.if_nameindex())
            finally:
                setns(home, CLONE_NEWNET)
        except OSError as error:
            raise LabError(f"{name}: its routes cannot be watched: {error.strerror}") from error
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        except OSError:  # not without root; as much as there is
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self.socket.bind((0, 0))  # a socket without a port of its own hears nothing
        for group in _GROUPS:
            self.socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self.socket.settimeout(0)

    def hear(self, lines: list[str], wanted: frozenset[str]) -> None:
        """Everything that is there."""
        while True:
            try:
                data = self.socket.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lines.append(f"o,{self._position},{now_us()}")
                continue
            at = now_us()
            try:
                changes = route_change(data)
            except KernelError:
                lines.append(f"o,{self._position},{at}")
                continue
            for change in changes:
                if not wanted or change.prefix in wanted:
                    lines.append(self._line(at, change))

    def close(self) -> None:
        """Give both files back."""
        self.socket.close()
        os.close(self._inside)

    def _line(self, at: int, change: RouteChange) -> str:
        devices = " ".join(self._device(number) for number in change.devices)
        hops = " ".join(change.next_hops)
        return f"r,{self._position},{at},{change.change},{change.prefix},{devices},{hops}"

    def _device(self, number: int) -> str:
        if number not in self._devices:
            self._enter()
            try:
                self._devices = dict(socket.if_nameindex())
            finally:
                setns(self._home, CLONE_NEWNET)
        return self._devices.setdefault(number, f"#{number}")

    def _enter(self) -> None:
        setns(self._inside, CLONE_NEWNET)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
