"""memory: the fake among the Speakers; announces into a set, and fails on request."""

from __future__ import annotations

from anyplane.bgp.router import RouterPlan, refuse_foreign
from anyplane.bgp.speaker import (
    Capabilities,
    Observation,
    Route,
    SessionSeen,
    SessionState,
    routes_of,
)
from anyplane.model.nouns import Announcement


class MemorySpeaker:
    """Keeps the routes in `routes`; `fault`, when set, is raised by every call but `panic_withdraw`."""

    name = "memory"
    capabilities = Capabilities(
        has_lease=False, has_bfd=False, has_roles=False, has_rtr=False, survives_agent=False
    )

    def __init__(self, plan: RouterPlan) -> None:
        self.plan = plan
        self.routes: frozenset[Route] = frozenset()
        self.fault: Exception | None = None
        self.applied: list[frozenset[Announcement]] = []

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        """Announce exactly this."""
        self._fail()
        refuse_foreign(self.plan, wanted)
        self.applied.append(wanted)
        self.routes = routes_of(wanted, self.plan.sessions)

    async def observe(self) -> Observation:
        """What is announced; every session is up."""
        self._fail()
        sessions = tuple(
            SessionSeen(neighbor=one.neighbor, upstream=one.upstream, state=SessionState.UP)
            for one in self.plan.sessions
        )
        return Observation(routes=self.routes, sessions=sessions)

    async def panic_withdraw(self) -> None:
        """Announce nothing, whatever else is broken."""
        self.routes = frozenset()

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]:
        """None: the routes go with the process."""
        return ()

    async def aclose(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


def open_speaker(plan: RouterPlan) -> MemorySpeaker:
    """A speaker that announces to nobody."""
    return MemorySpeaker(plan)
