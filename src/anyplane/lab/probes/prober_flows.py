"""Flows of a prober: how queries go out and answers come in, by datagrams, connections, or a long connection.

A flow tells the log at once what it saw. `Handlers` is the table of the loop: whom to call for which file.
"""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from anyplane.lab.probes.prober_sockets import Doors, destination, failure_of, now_us, queued_error
from anyplane.lab.probes.queries import NO_SITE, Failure, Flow, Kind, ProbePlan, Turn
from anyplane.lab.probes.query_log import LogWriter
from anyplane.lab.probes.questions import colo_of, http_request, identity_of, question, question_tail, site_of

_IN, _OUT, _ERR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR
_REMEMBERED = 64
_MOST = 4096
"""Bytes of an HTTP answer in which the site must stand."""


@dataclass(slots=True)
class Handlers:
    """The loop's files and what to call when something happens to one."""

    epoll: select.epoll
    called: dict[int, Callable[[int], None]] = field(default_factory=dict)

    def add(self, file: int, events: int, call: Callable[[int], None]) -> None:
        """From here on `call` hears of it."""
        self.epoll.register(file, events)
        self.called[file] = call

    def drop(self, file: int) -> None:
        """Before the file is closed."""
        if self.called.pop(file, None) is not None:
            self.epoll.unregister(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every flow needs of the prober."""

    plan: ProbePlan
    doors: Doors
    log: LogWriter
    handlers: Handlers


class DatagramFlow:
    """DNS over UDP from a set of source ports in turns; an answer counts by its ID and where it came from."""

    def __init__(self, number: int, flow: Flow, around: Surroundings, *, ports: int) -> None:
        self._number, self._log, self._handlers = number, around.log, around.handlers
        self._destination = destination(flow.target)
        self._tail = question(0)[2:]
        self._waiting: dict[int, int] = {}
        """Sequence by ID; an entry that was never answered is overwritten 65,536 queries later."""
        self._sites: dict[bytes, str] = {}
        self._sockets: list[socket.socket] = []
        for _ in range(ports):
            made = around.doors.datagrams(flow.client, flow.family)
            self._sockets.append(made)
            self._handlers.add(made.fileno(), _IN, self._reader(made))

    def send(self, sequence: int) -> None:
        """One query now."""
        made = self._sockets[sequence % len(self._sockets)]
        identity = sequence & 0xFFFF
        data = identity.to_bytes(2, "big") + self._tail
        self._waiting[identity] = sequence
        at = now_us()
        try:
            made.sendto(data, self._destination)
        except OSError:
            # An ICMP error of an earlier query is told here, in place of sending this one.
            self._hear(made)
            at = now_us()
            try:
                made.sendto(data, self._destination)
            except OSError as error:
                self._log.sent(self._number, sequence, at)
                self._log.failed(self._number, sequence, at, failure_of(error.errno or errno.EHOSTUNREACH))
                return
        self._log.sent(self._number, sequence, at)

    def tick(self, now: int) -> None:
        """Nothing: the log's reader knows when a query is too old."""

    def excuse(self, for_us: int) -> None:
        """Nothing: queries have the times at which they were sent."""

    @property
    def is_waiting(self) -> bool:
        """Are there queries without an answer?"""
        return bool(self._waiting)

    def close(self) -> None:
        """Give the sockets back."""
        for made in self._sockets:
            self._handlers.drop(made.fileno())
            made.close()

    def _reader(self, made: socket.socket) -> Callable[[int], None]:
        def readable(events: int) -> None:
            if events & _ERR:
                self._hear(made)
            if events & _IN:
                try:
                    data, source = made.recvfrom(2048)
                except OSError:
                    return
                self._answer(data, source)

        return readable

    def _answer(self, data: bytes, source: object) -> None:
        at = now_us()
        identity = identity_of(data)
        if source != self._destination or identity is None:
            return
        sequence = self._waiting.pop(identity, None)
        if sequence is None:
            return
        rest = data[2:]
        site = self._sites.get(rest)
        if site is None:
            if len(self._sites) >= _REMEMBERED:
                self._sites.clear()
            site = self._sites[rest] = site_of(data)
        if site == NO_SITE:
            self._log.failed(self._number, sequence, at, Failure.WRONG)
        else:
            self._log.answered(self._number, sequence, at, site)

    def _hear(self, made: socket.socket) -> None:
        while (told := queued_error(made)) is not None:
            data, failure, _ = told
            identity = identity_of(data)
            sequence = self._waiting.get(identity) if identity is not None else None
            if sequence is not None:
                self._log.failed(self._number, sequence, now_us(), failure)


class ConnectionFlow:
    """A new connection for each query: connect, ask, hear the answer, close."""

    def __init__(self, number: int, flow: Flow, around: Surroundings) -> None:
        self._number, self._flow, self._around = number, flow, around
        self._destination = destination(flow.target)
        self._patience = int((around.plan.timeout_s + around.plan.linger_s) * 1e6)
        self._request = http_request(flow.target.address) if flow.target.kind == Kind.HTTP else b""
        self._open: dict[int, tuple[socket.socket, bytearray]] = {}
        self._deadlines: deque[tuple[int, int]] = deque()

    def send(self, sequence: int) -> None:
        """One more connection now."""
        made = self._around.doors.stream(self._flow.client, self._flow.family)
        at = now_us()
        self._around.log.sent(self._number, sequence, at)
        number = made.connect_ex(self._destination)
        if number not in (0, errno.EINPROGRESS):
            made.close()
            self._around.log.failed(self._number, sequence, at, failure_of(number))
            return
        self._open[sequence] = (made, bytearray())
        self._deadlines.append((at + self._patience, sequence))
        self._around.handlers.add(made.fileno(), _OUT, lambda events: self._happened(sequence, events))

    def tick(self, now: int) -> None:
        """Give up on those that take too long."""
        while self._deadlines and self._deadlines[0][0] <= now:
            _, sequence = self._deadlines.popleft()
            if sequence in self._open:
                self._end(sequence, error=Failure.TIMEOUT)

    def excuse(self, for_us: int) -> None:
        """Nothing: queries have the times at which they were sent."""

    @property
    def is_waiting(self) -> bool:
        """Are there connections without an answer?"""
        return bool(self._open)

    def close(self) -> None:
        """Close what is open; the log's reader calls it undecided."""
        for made, _ in self._open.values():
            self._around.handlers.drop(made.fileno())
            made.close()
        self._open.clear()

    def _happened(self, sequence: int, events: int) -> None:
        made, heard = self._open[sequence]
        if number := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(sequence, error=failure_of(number))
            return
        try:
            if events & _OUT:
                made.send(self._asked(sequence))
                self._around.handlers.epoll.modify(made.fileno(), _IN)
                return
            data = made.recv(_MOST)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(sequence, error=failure_of(error.errno or errno.ECONNRESET))
            return
        heard += data
        self._judge(sequence, bytes(heard), is_end=not data)

    def _asked(self, sequence: int) -> bytes:
        if self._request:
            return self._request
        message = question(sequence)
        return len(message).to_bytes(2, "big") + message

    def _judge(self, sequence: int, heard: bytes, *, is_end: bool) -> None:
        if self._request:
            if site := colo_of(heard):
                self._end(sequence, site=site)
            elif len(heard) > _MOST:
                self._end(sequence, error=Failure.WRONG)
        elif len(heard) >= 2 and len(heard) >= 2 + int.from_bytes(heard[:2], "big"):
            is_ours = identity_of(heard[2:]) == sequence & 0xFFFF and question_tail() in heard
            site = site_of(heard[2:]) if is_ours else NO_SITE
            self._end(sequence, site=site, error=None if site else Failure.WRONG)
        if is_end and sequence in self._open:
            self._end(sequence, error=Failure.WRONG if heard else Failure.CLOSED)

    def _end(self, sequence: int, *, site: str = NO_SITE, error: Failure | None = None) -> None:
        at = now_us()
        made, _ = self._open.pop(sequence)
        self._around.handlers.drop(made.fileno())
        made.close()
        if error is None:
            self._around.log.answered(self._number, sequence, at, site)
        else:
            self._around.log.failed(self._number, sequence, at, error)


class StreamFlow:
    """One long connection that the server writes to; connected anew, at the flow's rate, when it ended."""

    def __init__(self, number: int, flow: Flow, around: Surroundings) -> None:
        self._number, self._flow, self._around = number, flow, around
        self._destination = destination(flow.target)
        self._silence = int(around.plan.silence_s * 1e6)
        self._give_up = int((around.plan.timeout_s + around.plan.linger_s) * 1e6)
        self._timeout = int(around.plan.timeout_s * 1e6)
        self._socket: socket.socket | None = None
        self._is_established = False
        self._site = NO_SITE
        self._begin = bytearray()
        self._heard_at = 0

    is_waiting = False

    def send(self, _: int) -> None:
        """Connect, unless there is a connection."""
        if self._socket is not None:
            return
        made = self._around.doors.stream(self._flow.client, self._flow.family)
        self._heard_at = now_us()
        self._is_established, self._site = False, NO_SITE
        self._begin.clear()
        number = made.connect_ex(self._destination)
        self._socket = made
        self._around.handlers.add(made.fileno(), _OUT, self._happened)
        if number not in (0, errno.EINPROGRESS):
            self._end(Turn(failure_of(number)))

    def tick(self, now: int) -> None:
        """Give up on a connection that has been silent for too long."""
        if self._socket is not None:
            silent = now - self._heard_at
            if not self._is_established and silent > self._timeout:
                self._end(Turn.TIMEOUT)
            elif silent > self._give_up:
                self._end(Turn.LOST, for_us=silent)

    def excuse(self, for_us: int) -> None:
        """The prober stood still for so long; that was not the connection's silence."""
        self._heard_at += for_us

    def close(self) -> None:
        """Close it, of our own will."""
        if self._socket is not None:
            self._around.handlers.drop(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _happened(self, _: int) -> None:
        made = self._socket
        if made is None:
            return
        if number := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(Turn(failure_of(number)))
            return
        now = now_us()
        if not self._is_established:
            self._is_established, self._heard_at = True, now
            self._around.handlers.epoll.modify(made.fileno(), _IN)
            self._around.log.turned(self._number, now, Turn.ESTABLISHED)
            return
        try:
            data = made.recv(_MOST)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(Turn(failure_of(error.errno or errno.ECONNRESET)))
            return
        if not data:
            self._end(Turn.CLOSED)
            return
        if (silent := now - self._heard_at) > self._silence:
            self._around.log.turned(self._number, now, Turn.SILENT, self._site, silent)
        self._heard_at = now
        if not self._site and len(self._begin) <= _MOST:
            self._begin += data
            if site := colo_of(bytes(self._begin)):
                self._site = site
                self._around.log.turned(self._number, now, Turn.SITE, site)

    def _end(self, turn: Turn, *, for_us: int = 0) -> None:
        self._around.log.turned(self._number, now_us(), turn, self._site, for_us)
        self.close()


AnyFlow = DatagramFlow | ConnectionFlow | StreamFlow
