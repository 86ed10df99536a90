"""GobgpSpeaker: tells GoBGP what to announce, upstream by upstream, and reads back what it sends.

GoBGP keeps routes in memory only: a restart forgets them all, and the agent's next turn finds them missing.
Its routes outlive the agent, so the keeper runs `withdraw.py` when the agent falls silent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from anyplane.bgp.gobgp.client import DAEMON, Client, within
from anyplane.bgp.gobgp.paths import Told
from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import Capabilities, Observation, Route, SessionSeen, SessionState, routes_of
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Address, Session
from anyplane.model.errors import AnyplaneError, SpeakerError, SpeakerRejected
from anyplane.model.nouns import Announcement, Asn

T = TypeVar("T")
Table = dict[tuple[Asn, int], frozenset[Told]]
"""What each upstream is told, by address family."""

_ESTABLISHED = 6
_STATES = ("unknown", "idle", "connect", "active", "opensent", "openconfirm", "established")
_REASONS = (
    "",
    "administratively down",
    "hold timer expired",
    "we sent a NOTIFICATION",
    "the neighbour sent a NOTIFICATION",
    "reading failed",
    "writing failed",
    "idle timer expired",
    "restart timer expired",
    "graceful restart",
    "invalid message",
    "hard reset",
    "deconfigured",
    "bad peer AS",
)


class GobgpSpeaker:
    """Drives a gobgpd that runs with the rendered configuration."""

    name = DAEMON
    capabilities = Capabilities(
        has_lease=False, has_bfd=False, has_roles=False, has_rtr=True, survives_agent=True
    )

    def __init__(self, plan: RouterPlan) -> None:
        self.plan = plan
        self._client = Client(plan.daemon.control, asn=plan.asn)
        self._disabled: set[Address] = set()
        self._held_last: Table = {}
        """What the VRFs held when they were last read: a withdrawal need not wait for a reading."""
        self._lock = anyio.Lock()

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Withdraw, announce, and read back until every VRF holds exactly its part of `wanted`."""
        refuse_foreign(self.plan, wanted)
        goal = self._goal(wanted)
        await self._in_thread(lambda: self._apply(goal))

    async def observe(self) -> Observation:
        """Every neighbour's Adj-RIB-Out, and the sessions."""
        return await self._in_thread(self._observe)

    async def panic_withdraw(self) -> None:
        """Empty every VRF; where that fails, shut the sessions down."""
        await self._in_thread(self.withdraw_all)

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """`panic_withdraw` as a command of its own."""
        sessions = [f"{one.upstream},{one.neighbor}" for one in self.plan.sessions]
        prefixes = [str(one) for one in self.plan.prefixes]
        module = "anyplane.bgp.gobgp.withdraw"
        order = [sys.executable, "-m", module, self.plan.daemon.control or "-", str(self.plan.asn)]
        return ((*order, *sessions, "--", *prefixes),)

    async def aclose(self) -> None:
        """Close the connection; gobgpd goes on announcing."""
        async with self._lock:
            self._client.close()

    def withdraw_all(self) -> None:
        """Blocking: take everything of ours out of every VRF, else disable the neighbours."""
        try:
            self._apply({key: frozenset() for key in self._keys()}, is_panic=True)
        except AnyplaneError:
            for one in (*self.plan.sessions, *witness_sessions(self.plan)):
                self._client.disable(str(one.neighbor))
                self._disabled.add(one.neighbor)

    def _apply(self, goal: Table, *, is_panic: bool = False) -> None:
        refused: SpeakerError | None = None
        for _ in range(3):
            refused = self._change(self._held_last, goal) or refused
            self._held_last = self._held()
            if self._held_last == goal:
                break
        else:
            raise refused or SpeakerRejected(DAEMON, "its tables do not hold what they were told")
        if not is_panic:
            for neighbor in tuple(self._disabled):
                self._client.enable(str(neighbor))
                self._disabled.discard(neighbor)

    def _change(self, held: Table, goal: Table) -> SpeakerError | None:
        """Withdrawals first. A path that is announced again replaces what was announced of its prefix."""
        refused: SpeakerError | None = None
        for key, told in held.items():
            kept = {one.prefix for one in goal[key]}
            for one in sorted(told, key=str):
                if one.prefix not in kept:
                    refused = self._try(self._client.withdraw, key[0], one) or refused
        for key, told in goal.items():
            for one in sorted(told - held.get(key, frozenset()), key=str):
                refused = self._try(self._client.announce, key[0], one) or refused
        return refused

    def _try(self, change: Callable[[Asn, Told], None], upstream: Asn, told: Told) -> SpeakerError | None:
        """One refused route must not keep the others from being withdrawn or announced."""
        try:
            change(upstream, told)
        except SpeakerRejected as error:
            return error
        return None

    def _held(self) -> Table:
        return {
            key: frozenset(one for one in self._client.told(*key) if within(one.prefix, self.plan.prefixes))
            for key in self._keys()
        }

    def _observe(self) -> Observation:
        sessions = self._sessions()
        up = {one.neighbor for one in sessions if one.state is SessionState.UP}
        routes = frozenset(
            Route(
                neighbor=session.neighbor,
                prefix=one.prefix,
                prepend=one.prepend,
                med=one.med,
                communities=one.communities,
            )
            for session in self.plan.sessions
            if session.neighbor in up
            for one in self._client.sent(str(session.neighbor), session.family)
            if within(one.prefix, self.plan.prefixes)
        )
        return Observation(routes=routes, sessions=sessions)

    def _sessions(self) -> tuple[SessionSeen, ...]:
        found: dict[Address, Any] = {}
        for peer in self._client.peers():
            try:
                found[ip_address(peer.conf.neighbor_address or peer.state.neighbor_address)] = peer
            except ValueError:  # an unnumbered neighbour is named by its interface; it is none of ours
                continue
        return tuple(_seen(one, found.get(one.neighbor), self._client.version) for one in self.plan.sessions)

    def _keys(self) -> tuple[tuple[Asn, int], ...]:
        return tuple(dict.fromkeys((one.upstream, one.family) for one in self.plan.sessions))

    def _goal(self, wanted: frozenset[Announcement]) -> Table:
        goal: dict[tuple[Asn, int], set[Told]] = {key: set() for key in self._keys()}
        upstreams = {one.neighbor: one.upstream for one in self.plan.sessions}
        for route in routes_of(wanted, self.plan.sessions):
            goal[upstreams[route.neighbor], route.prefix.version].add(
                Told(prefix=route.prefix, prepend=route.prepend, med=route.med, communities=route.communities)
            )
        return {key: frozenset(told) for key, told in goal.items()}

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """The calls have deadlines of their own; a cancelled caller waits for the one under way."""
        async with self._lock:
            return await anyio.to_thread.run_sync(work)


def _seen(session: Session, peer: Any, version: int) -> SessionSeen:
    if peer is None:
        reason = "gobgpd does not know this neighbour; was it started with the rendered configuration?"
        return SessionSeen(
            neighbor=session.neighbor, upstream=session.upstream, state=SessionState.DOWN, reason=reason
        )
    state = peer.state.session_state
    if state == _ESTABLISHED:
        return SessionSeen(neighbor=session.neighbor, upstream=session.upstream, state=SessionState.UP)
    name = _STATES[state] if 0 <= state < len(_STATES) else "unknown"
    parts = [f"{name}: nothing heard from {session.neighbor} port {session.port}"]
    if peer.state.admin_state == (1 if version == 3 else 2):
        parts = ["administratively down: `gobgp neighbor ADDRESS enable` brings it back"]
    elif peer.state.admin_state == (2 if version == 3 else 3):
        parts = ["maximum number of prefixes reached"]
    elif 0 < peer.state.disconnect_reason < len(_REASONS):
        parts = [_REASONS[peer.state.disconnect_reason], peer.state.disconnect_message]
    elif peer.state.messages.received.notification:
        parts = [f"{name}: the neighbour has sent {peer.state.messages.received.notification} NOTIFICATION"]
    elif peer.state.messages.sent.notification:
        parts = [f"{name}: we have sent {peer.state.messages.sent.notification} NOTIFICATION"]
    return SessionSeen(
        neighbor=session.neighbor,
        upstream=session.upstream,
        state=SessionState.DOWN,
        reason=": ".join(part for part in parts if part),
    )


def open_speaker(plan: RouterPlan) -> GobgpSpeaker:
    """A speaker that connects with its first call."""
    return GobgpSpeaker(plan)
