"""Stand and Table: one upstream's place at the witness and what is known there, without a socket.

A Table takes the events of connections and yields Changes; it never waits and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from anyplane.bgp.speaker import Route, SessionSeen, SessionState
from anyplane.bgp.wire import Closed, Connection, Established, Event, Opened, Received, SegmentKind, Update
from anyplane.design.operation import Address
from anyplane.model.nouns import Asn, Prefix

MAX_PREFIX_REACHED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One upstream's place: where the witness listens, as which AS, and for whom.

    `neighbor`: the upstream's address, by which routes are named. `peer_asn` None: any AS may come.
    `allowed` empty: peers on this machine only.
    """

    host: Address
    port: int
    asn: Asn
    neighbor: Address
    peer_asn: Asn | None = None
    allowed: frozenset[Address] = frozenset()
    hold_s: int = 9

    def admits(self, peer: Address) -> bool:
        """May this address connect?"""
        return peer in self.allowed if self.allowed else peer.is_loopback or peer == self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A route as it left: `route` as the agent compares it, the path as sent, and since when (monotonic)."""

    route: Route
    as_path: tuple[int, ...]
    next_hop: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A route appeared or changed (`after`), or went (`after` None), or a session did (`prefix` None)."""

    at: float
    neighbor: Address
    upstream: Asn
    prefix: Prefix | None = None
    before: Witnessed | None = None
    after: Witnessed | None = None
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Table:
    """What one stand knows; `routes` is the adj-RIB-in of `connection`, `since` when it was established."""

    stand: Stand
    max_prefixes: int
    routes: dict[Prefix, Witnessed] = field(default_factory=dict)
    connection: Connection | None = None
    since: float | None = None
    reason: str = "nobody has connected yet"
    connections: int = 0

    def session(self, *, now: float) -> SessionSeen:
        """The session, under the upstream's address."""
        return SessionSeen(
            neighbor=self.stand.neighbor,
            upstream=self.stand.asn,
            state=SessionState.DOWN if self.since is None else SessionState.UP,
            reason=self.reason,
            uptime_s=None if self.since is None else now - self.since,
        )

    def on(self, connection: Connection, event: Event, *, now: float) -> Iterator[Change]:
        """What an event of one of the connections changes; it may close the connection."""
        match event:
            case Opened():
                if self.connection is not None:
                    yield from self.end("a newer connection of the same peer took its place", now=now)
                self.connection = connection
            case Established() if self.connection is connection:
                self.since = now
                restart_s = event.open.capabilities.restart_s
                self.reason = (
                    f"the daemon asks that its routes be kept {restart_s} s after its death (RFC 4724)"
                    if restart_s
                    else ""
                )
                yield self.told(f"session up with AS{event.open.asn}, hold time {event.hold_s} s", now=now)
            case Received(message=Update() as update) if self.connection is connection:
                yield from self._update(connection, update, now)
            case Closed(reason=reason):
                if self.connection is connection:
                    yield from self.end(reason, now=now)
                else:
                    yield from self.refused(reason, now=now)
            case _:
                pass

    def end(self, reason: str, *, now: float) -> Iterator[Change]:
        """The session is over: so are its routes, for nothing is kept for a restart."""
        gone, self.routes = self.routes, {}
        self.connection = None
        self.since = None
        self.reason = reason
        for prefix, before in gone.items():
            yield self._changed(now, prefix=prefix, before=before, reason=reason)
        yield self.told(f"session down: {reason}", now=now)

    def refused(self, reason: str, *, now: float) -> Iterator[Change]:
        """A connection that came to nothing; it does not touch a session that is up."""
        if self.connection is None:
            self.reason = reason
        yield self.told(reason, now=now)

    def told(self, reason: str, *, now: float) -> Change:
        """A change that is about the session and no prefix."""
        return self._changed(now, reason=reason)

    def _update(self, connection: Connection, update: Update, now: float) -> Iterator[Change]:
        for prefix in update.withdrawn:
            before = self.routes.pop(prefix, None)
            if before is not None:
                reason = "; ".join(update.attributes.faults) or "withdrawn"
                yield self._changed(now, prefix=prefix, before=before, reason=reason)
        for prefix in update.announced:
            before = self.routes.get(prefix)
            if before is None and len(self.routes) >= self.max_prefixes:
                limit = f"more than {self.max_prefixes} prefixes (RFC 4486 section 4)"
                for event in connection.close(MAX_PREFIX_REACHED, limit):
                    yield from self.on(connection, event, now=now)
                return
            after = _witnessed(self.stand, connection, update, prefix, now)
            self.routes[prefix] = after
            if before is None or (before.route, before.as_path) != (after.route, after.as_path):
                yield self._changed(now, prefix=prefix, before=before, after=after, reason="announced")

    def _changed(
        self,
        at: float,
        *,
        prefix: Prefix | None = None,
        before: Witnessed | None = None,
        after: Witnessed | None = None,
        reason: str,
    ) -> Change:
        return Change(
            at=at,
            neighbor=self.stand.neighbor,
            upstream=self.stand.asn,
            prefix=prefix,
            before=before,
            after=after,
            reason=reason,
        )


def prepends(as_path: tuple[int, ...], origin: int) -> int:
    """Copies of `origin` at the end of the path beyond the one that must be there."""
    count = 0
    for asn in reversed(as_path):
        if asn != origin:
            break
        count += 1
    return max(0, count - 1)


def _witnessed(stand: Stand, connection: Connection, update: Update, prefix: Prefix, now: float) -> Witnessed:
    attributes = update.attributes
    origin = stand.peer_asn or (connection.peer.asn if connection.peer else 0)
    sequence = tuple(
        asn
        for segment in attributes.as_path or ()
        if segment.kind is SegmentKind.SEQUENCE
        for asn in segment.asns
    )
    reach = attributes.reach
    is_multiprotocol = reach is not None and prefix in reach.prefixes
    hop = reach.next_hops[0] if reach is not None and is_multiprotocol else attributes.next_hop
    return Witnessed(
        route=Route(
            neighbor=stand.neighbor,
            prefix=prefix,
            prepend=prepends(sequence, origin),
            med=attributes.med or 0,
            communities=frozenset((*attributes.communities, *attributes.large_communities)),
        ),
        as_path=attributes.path,
        next_hop=str(hop or ""),
        since=now,
    )
