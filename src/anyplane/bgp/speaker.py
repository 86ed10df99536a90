"""Speaker: one BGP daemon, told the whole set of announcements and asked what it really announces.

The contract, held for every implementation by tests/speaker_contract:

- `apply(wanted)` is whole and idempotent. When it returns, the daemon has accepted exactly this set; it
  raises SpeakerRejected or SpeakerUnreachable otherwise, and then what was announced before may still be.
- `observe()` says what the daemon's own tables hold *now*, never what it was told. Only routes inside the
  design's prefixes are reported, so that a default route of somebody else's is none of our business.
- `panic_withdraw()` withdraws all that is ours by the shortest path there is, even when the daemon's
  configuration is broken or our include file cannot be written. It may be called at any time, twice, and
  before `apply`.
- `dead_mans_orders()` are commands that a separate process runs when the agent falls silent, for daemons
  whose routes do not hang on an address that the kernel expires. They work without this Python process.
- Nothing here decides. Retries, fallbacks and alarms are the agent's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from anyplane.design.operation import Address, Session
from anyplane.model.nouns import Announcement, Asn, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One prefix as one neighbour is sent it. `prepend` counts the extra copies of our ASN.

    `communities` holds standard and large ones in text form, `med` 0 where none is sent.
    """

    neighbor: Address
    prefix: Prefix
    prepend: int = 0
    med: int = 0
    communities: frozenset[str] = frozenset()


class SessionState(StrEnum):
    """What a session is doing; RFC 4271 states other than Established are all DOWN."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """A session as the daemon shows it.

    `reason`: its last error in the daemon's words (a NOTIFICATION, a prefix limit, a refused connection);
    `uptime_s` None where the daemon does not say.
    """

    neighbor: Address
    upstream: Asn
    state: SessionState
    reason: str = ""
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the daemon's own tables say. `routes`: every session's Adj-RIB-Out, our space only.

    `is_exact` False: the daemon does not show attributes after the export filter, so only the presence of a
    (neighbor, prefix) is proof.
    """

    routes: frozenset[Route]
    sessions: tuple[SessionSeen, ...] = ()
    is_exact: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a daemon can do, for the agent and for `render`."""

    has_lease: bool
    """Its routes follow an address on lo (BIRD direct, FRR's import check): the kernel ends them."""
    has_bfd: bool
    has_roles: bool
    has_rtr: bool
    survives_agent: bool
    """Routes stay when the agent's process goes, unless the lease or the dead man's orders end them."""


class Speaker(Protocol):
    """See the module's text."""

    name: str
    capabilities: Capabilities

    async def apply(self, wanted: frozenset[Announcement]) -> None: ...

    async def observe(self) -> Observation: ...

    async def panic_withdraw(self) -> None: ...

    def dead_mans_orders(self) -> tuple[tuple[str, ...], ...]: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Inheritable(Protocol):
    """A Speaker whose daemon is our child, and can pass to the program that this process becomes (execv)."""

    async def handover(self) -> dict[str, object]:
        """What `adopt` needs, as JSON; {}: it cannot pass. Nothing is told to the daemon afterwards."""

    def adopt(self, facts: Mapping[str, object]) -> bool:
        """Go on with the daemon that was handed over; one that does not fit is ended (False)."""


def routes_of(wanted: Iterable[Announcement], sessions: Iterable[Session]) -> frozenset[Route]:
    """The routes that `wanted` puts on every session of the right upstream and address family."""
    listed = tuple(sessions)
    return frozenset(
        Route(
            neighbor=session.neighbor,
            prefix=one.prefix,
            prepend=one.as_path_prepend,
            med=one.med,
            communities=frozenset(one.communities),
        )
        for one in wanted
        for session in listed
        if session.upstream == one.upstream and session.family == one.prefix.version
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Wanted against observed. `dark`: wanted, but the session is down, so that it is not on the wire."""

    missing: frozenset[Route] = field(default_factory=frozenset)
    extra: frozenset[Route] = field(default_factory=frozenset)
    altered: frozenset[Route] = field(default_factory=frozenset)
    dark: frozenset[Route] = field(default_factory=frozenset)

    @property
    def is_healed(self) -> bool:
        """Does the daemon announce what it should, as far as its sessions are up?"""
        return not (self.missing or self.extra or self.altered)


def difference(wanted: frozenset[Route], seen: Observation) -> Difference:
    """What is missing, extra, altered (announced with other attributes; as wanted) or dark."""
    down = {one.neighbor for one in seen.sessions if one.state is SessionState.DOWN}
    announced = {(one.neighbor, one.prefix): one for one in seen.routes}
    expected = {(one.neighbor, one.prefix): one for one in wanted}
    missing = frozenset(
        one for key, one in expected.items() if key not in announced and one.neighbor not in down
    )
    altered: frozenset[Route] = frozenset()
    if seen.is_exact:
        altered = frozenset(
            one for key, one in expected.items() if key in announced and announced[key] != one
        )
    return Difference(
        missing=missing,
        extra=frozenset(one for key, one in announced.items() if key not in expected),
        altered=altered,
        dark=frozenset(one for key, one in expected.items() if one.neighbor in down),
    )
