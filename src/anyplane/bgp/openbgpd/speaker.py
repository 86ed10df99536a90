"""OpenbgpdSpeaker: the Speaker for OpenBGPD, by way of bgpctl.

bgpctl says "request sent" and no more, so `apply` reads back which networks bgpd holds before it returns. A
change never needs a reload: see markers.py. Nothing ties bgpd's routes to an address on lo, so the dead man's
orders (`network flush`) stand in for the lease.
"""

from __future__ import annotations

import time

from anyplane.bgp.openbgpd.bgpctl import Bgpctl
from anyplane.bgp.openbgpd.markers import networks
from anyplane.bgp.openbgpd.tables import OWN_DOING, SHUT_DOWN, networks_held, routes_sent, sessions_seen
from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import Capabilities, Observation, Route, SessionSeen, SessionState
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement, Prefix

_WAKE_S = 5.0
CAPABILITIES = Capabilities(has_lease=False, has_bfd=False, has_roles=True, has_rtr=True, survives_agent=True)


class OpenbgpdSpeaker:
    """`control` of the plan's daemon is bgpd's socket; its setting `bgpctl` another command than bgpctl."""

    name = "openbgpd"
    capabilities = CAPABILITIES

    def __init__(self, plan: RouterPlan) -> None:
        self.plan = plan
        self._wake_at = 0.0
        self._bgpctl = Bgpctl(plan.daemon.control, plan.daemon.settings.get("bgpctl", "bgpctl"))

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Make bgpd's networks inside our space exactly those of `wanted`; withdrawals first."""
        refuse_foreign(self.plan, wanted)
        goal = networks(self.plan, wanted)
        prefixes = frozenset(prefix for listed in goal.values() for prefix in listed)
        await self._delete(await self._held() - prefixes)
        for arguments, listed in goal.items():
            await self._bgpctl.run(
                *("network", "bulk", *arguments, "add"), lines=sorted(str(prefix) for prefix in listed)
            )
        if (held := await self._held()) != prefixes:
            apart = ", ".join(sorted(str(prefix) for prefix in held ^ prefixes)[:5])
            raise SpeakerRejected(
                "openbgpd",
                "bgpd took the commands, and its networks are not what was wanted",
                command="bgpctl network show",
                reply=f"they differ by {apart}",
                hint="does something else run `bgpctl network` here? its log says what it refused",
            )

    async def observe(self) -> Observation:
        """bgpd's sessions and its Adj-RIB-Out, after its filters."""
        neighbors = await self._bgpctl.ask("show", "neighbor")
        sessions = sessions_seen(neighbors, self.plan.sessions)
        await self._wake((*sessions, *sessions_seen(neighbors, witness_sessions(self.plan))))
        routes: set[Route] = set()
        for session in sessions:
            if session.state is SessionState.UP:
                sent = await self._bgpctl.ask(
                    "show", "rib", "detail", "out", "neighbor", str(session.neighbor)
                )
                routes |= routes_sent(sent, session.neighbor, asn=self.plan.asn)
        return Observation(
            routes=frozenset(one for one in routes if self._is_ours(one.prefix)), sessions=sessions
        )

    async def panic_withdraw(self) -> None:
        """Flush all that was added at run time, then delete what else there is inside our space."""
        await self._bgpctl.run("network", "flush")
        await self._delete(await self._held())

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """All that was added at run time goes: it is only ever the agent that adds."""
        return ((*self._bgpctl.command, "network", "flush"),)

    async def aclose(self) -> None:
        """Nothing stays open between calls."""

    async def _wake(self, sessions: tuple[SessionSeen, ...]) -> None:
        """Have bgpd call a neighbour that is back: left alone it stays idle for 30 s, then for longer.

        One that an operator shut down (`bgpctl neighbor X down`) stays so, and one that bgpd gave up itself.
        """
        now = time.monotonic()
        meant = (SHUT_DOWN, OWN_DOING)
        idle = [
            one
            for one in sessions
            if one.reason.startswith("Idle") and not any(words in one.reason for words in meant)
        ]
        if not idle:
            self._wake_at = now + _WAKE_S  # until then it says why it is idle, and no longer
        elif now >= self._wake_at:
            self._wake_at = now + _WAKE_S
            for one in idle:
                await self._bgpctl.run("neighbor", str(one.neighbor), "up")

    async def _held(self) -> frozenset[Prefix]:
        held = networks_held(await self._bgpctl.ask("network", "show"))
        return frozenset(prefix for prefix in held if self._is_ours(prefix))

    async def _delete(self, prefixes: frozenset[Prefix]) -> None:
        if prefixes:
            await self._bgpctl.run("network", "bulk", "delete", lines=sorted(map(str, prefixes)))

    def _is_ours(self, prefix: Prefix) -> bool:
        return any(
            prefix.version == own.version
            and prefix.network_address in own
            and prefix.prefixlen >= own.prefixlen
            for own in self.plan.prefixes
        )
