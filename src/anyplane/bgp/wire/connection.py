"""Connection: one BGP session after TCP is up, without a socket or a clock.

The shell around it does three things: it passes what arrives to `feed` and takes the events, it sends what
`data_to_send` returns after every call, and it calls `tick` no later than `wake_at`. The states are those of
RFC 4271 section 8 that come after the connection: OpenSent, OpenConfirm, Established, and Idle when it is
over. Both sides send their OPEN at once, so whoever connected does not matter here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

from anyplane.bgp.wire.capabilities import PAIRS, Capabilities, Family, WireRole
from anyplane.bgp.wire.fault import CEASE, FSM, HOLD, OPEN, WireError
from anyplane.bgp.wire.messages import (
    EXTENDED_LIMIT,
    HEADER_SIZE,
    LIMIT,
    Keepalive,
    Message,
    Notification,
    Open,
    RouteRefresh,
    parse,
    render,
    size_of,
)
from anyplane.bgp.wire.update import Update
from anyplane.model.nouns import Asn

OPEN_WITHIN_S = 10.0
"""Seconds that a peer has from the connection to Established; RFC 4271's 4 minutes suit no local peer."""


class State(StrEnum):
    """RFC 4271 section 8.2.2."""

    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"
    IDLE = "Idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Our side. `peer_asn` None: any. `hold_s` 0: no keepalives (RFC 4271 section 4.4)."""

    asn: Asn
    identifier: IPv4Address
    peer_asn: Asn | None = None
    hold_s: int = 90
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    role: WireRole | None = None
    has_extended_message: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The peer's OPEN is acceptable; the shell may still `close`, for example on a collision."""

    open: Open


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """The session is up. `families`: what both sides speak; `hold_s`: the lesser of both wishes."""

    open: Open
    families: tuple[Family, ...]
    hold_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An UPDATE or a ROUTE-REFRESH of an established session."""

    message: Update | RouteRefresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """It is over; what `data_to_send` still holds is to be sent, then TCP closed.

    `sent` or `received` is the NOTIFICATION that ended it; neither: the connection just ended.
    """

    reason: str
    sent: Notification | None = None
    received: Notification | None = None


Event = Opened | Established | Received | Closed


@dataclass(slots=True, kw_only=True)
class _Timers:
    hold_at: float | None
    keepalive_at: float | None = None
    hold_s: float = 0.0


@dataclass(slots=True)
class Connection:
    """See the module's text. `now` is monotonic seconds, never less than before."""

    local: Local
    now: float
    state: State = field(default=State.OPEN_SENT, init=False)
    peer: Open | None = field(default=None, init=False)
    _inbox: bytearray = field(default_factory=bytearray, init=False)
    _outbox: bytearray = field(default_factory=bytearray, init=False)
    _timers: _Timers = field(init=False)

    def __post_init__(self) -> None:
        self._timers = _Timers(hold_at=self.now + OPEN_WITHIN_S)
        capabilities = Capabilities(
            families=self.local.families,
            asn4=self.local.asn,
            has_route_refresh=True,
            has_extended_message=self.local.has_extended_message,
            role=self.local.role,
        )
        self._send(
            Open(
                asn=self.local.asn,
                hold_s=self.local.hold_s,
                identifier=self.local.identifier,
                capabilities=capabilities,
            )
        )

    def data_to_send(self) -> bytes:
        """What is to be sent now; it is handed out once."""
        data = bytes(self._outbox)
        self._outbox.clear()
        return data

    @property
    def wake_at(self) -> float | None:
        """When `tick` must be called at the latest; None: never."""
        times = [at for at in (self._timers.hold_at, self._timers.keepalive_at) if at is not None]
        return min(times) if times and self.state is not State.IDLE else None

    @property
    def is_over(self) -> bool:
        """Did it end?"""
        return self.state is State.IDLE

    @property
    def is_as4(self) -> bool:
        """Do both sides speak 4-byte AS numbers (RFC 6793)? We always do."""
        return self.peer is not None and self.peer.capabilities.asn4 is not None

    def feed(self, data: bytes, *, now: float) -> list[Event]:
        """What the bytes mean, in order; empty bytes: the peer closed the connection."""
        if self.state is State.IDLE:
            return []
        if not data:
            return [self._over("the peer closed the connection without a word")]
        self._inbox += data
        events: list[Event] = []
        try:
            while not self.is_over and (message := self._next()) is not None:
                events += self._on(message, now)
        except WireError as error:
            sent = Notification(code=error.code, subcode=error.subcode, data=error.data)
            events.append(self._over(str(error), sent=sent))
        return events

    def tick(self, *, now: float) -> list[Event]:
        """Let time pass: keepalives are due, or the peer was silent too long."""
        if self.state is State.IDLE:
            return []
        timers = self._timers
        if timers.hold_at is not None and now >= timers.hold_at:
            if self.state is State.ESTABLISHED:
                reason = f"nothing came for {timers.hold_s:g} s (RFC 4271 section 6.5)"
            else:
                reason = f"the session was not up within {OPEN_WITHIN_S:g} s"
            return [self._over(reason, sent=Notification(code=HOLD))]
        if timers.keepalive_at is not None and now >= timers.keepalive_at:
            self._send(Keepalive())
            timers.keepalive_at = now + timers.hold_s / 3
        return []

    def close(self, subcode: int, reason: str) -> list[Event]:
        """End it with Cease (RFC 4486)."""
        if self.state is State.IDLE:
            return []
        return [self._over(reason, sent=Notification(code=CEASE, subcode=subcode))]

    def _next(self) -> Message | None:
        """The next whole message of the inbox."""
        inbox = self._inbox
        if len(inbox) < HEADER_SIZE:
            # Garbage is refused at its first wrong byte; a peer of another protocol never sends 19.
            if inbox and inbox[:16].strip(b"\xff"):
                size_of(bytes(inbox).ljust(HEADER_SIZE, b"\0"))
            return None
        peer = self.peer
        is_extended = self.local.has_extended_message and peer and peer.capabilities.has_extended_message
        limit = EXTENDED_LIMIT if is_extended else LIMIT
        size = size_of(bytes(inbox[:HEADER_SIZE]), limit=limit)
        if len(inbox) < size:
            return None
        content = bytes(inbox[:size])
        del inbox[:size]
        is_external = peer is None or peer.asn != self.local.asn
        is_as4 = self.peer is None or self.is_as4
        return parse(content, limit=limit, is_as4=is_as4, is_external=is_external)

    def _on(self, message: Message, now: float) -> list[Event]:
        if isinstance(message, Notification):
            return [self._over(f"the peer sent {message}", received=message)]
        if self.state is State.OPEN_SENT and isinstance(message, Open):
            return self._on_open(message, now)
        if self.state is State.OPEN_CONFIRM and isinstance(message, Keepalive):
            return self._on_confirm(now)
        if self.state is State.ESTABLISHED and not isinstance(message, Open):
            self._heard(now)
            return [] if isinstance(message, Keepalive) else [Received(message=message)]
        subcode = {State.OPEN_SENT: 1, State.OPEN_CONFIRM: 2, State.ESTABLISHED: 3}[self.state]
        kind = type(message).__name__.upper()
        raise WireError(FSM, subcode, f"{kind} does not belong in {self.state}", rfc="RFC 6608 section 3")

    def _on_open(self, message: Open, now: float) -> list[Event]:
        expected = self.local.peer_asn
        if expected is not None and message.asn != expected:
            raise WireError(
                OPEN, 2, f"the peer is AS{message.asn}, not AS{expected}", rfc="RFC 4271 section 6.2"
            )
        theirs, ours = message.capabilities.role, self.local.role
        if theirs is not None and ours is not None and (ours, theirs) not in PAIRS:
            raise WireError(
                OPEN, 11, f"our role {ours.name} does not fit {theirs.name}", rfc="RFC 9234 section 4.2"
            )
        self.peer = message
        self.state = State.OPEN_CONFIRM
        hold = min(self.local.hold_s, message.hold_s)
        self._timers.hold_s = hold
        self._timers.keepalive_at = now + hold / 3 if hold else None
        self._send(Keepalive())
        return [Opened(open=message)]

    def _on_confirm(self, now: float) -> list[Event]:
        assert self.peer is not None  # noqa: S101  # OpenConfirm follows its OPEN
        self.state = State.ESTABLISHED
        self._timers.hold_at = None
        self._heard(now)
        offered = self.peer.capabilities.families or (Family.IPV4,)
        families = tuple(family for family in self.local.families if family in offered)
        return [Established(open=self.peer, families=families, hold_s=int(self._timers.hold_s))]

    def _heard(self, now: float) -> None:
        if self._timers.hold_s:
            self._timers.hold_at = now + self._timers.hold_s

    def _over(
        self, reason: str, *, sent: Notification | None = None, received: Notification | None = None
    ) -> Closed:
        if sent is not None:
            self._send(sent)
        self.state = State.IDLE
        self._inbox.clear()
        return Closed(reason=reason, sent=sent, received=received)

    def _send(self, message: Message) -> None:
        self._outbox += render(message)
