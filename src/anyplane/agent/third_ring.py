"""third_ring: what the witness was sent, against what is wanted and what the daemon's table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from anyplane.agent.record import listed_routes
from anyplane.bgp.speaker import Observation, Route, SessionState, difference


class ThirdRing(Protocol):
    """A witness: what really leaves, in the form of a Speaker's `observe`."""

    def observation(self) -> Observation:
        """What it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Where the rings differ. `denied`: the daemon's table and the witness differ, whatever is wanted.

    `dark`: wanted, and the witness has no session that would show it. Routes are as wanted, or as the daemon
    says; `extra` as the witness was sent them.
    """

    missing: frozenset[Route] = field(default_factory=frozenset)
    extra: frozenset[Route] = field(default_factory=frozenset)
    altered: frozenset[Route] = field(default_factory=frozenset)
    denied: frozenset[Route] = field(default_factory=frozenset)
    dark: frozenset[Route] = field(default_factory=frozenset)
    sent: frozenset[Route] = field(default_factory=frozenset)
    """All that the witness was sent, where some of it is altered."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.altered or self.denied)

    @property
    def places(self) -> int:
        """How many pairs of prefix and neighbour differ; those without a session are not counted."""
        found = self.missing | self.extra | self.altered | self.denied
        return len({(one.prefix, one.neighbor) for one in found})

    def __str__(self) -> str:
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        for words, routes in (
            ("it was not sent", self.missing),
            ("it is still sent", self.extra),
            ("it is sent with other attributes", self.altered),
            ("the daemon's table says otherwise of", self.denied),
            ("it has no session for", self.dark),
        ):
            if routes:
                yield f"{words} {listed_routes(routes)}"
        # One of them in full, so that the fault has a face.
        for one in sorted(self.altered, key=lambda one: (str(one.neighbor), str(one.prefix)))[:1]:
            for other in self.sent:
                if (other.neighbor, other.prefix) == (one.neighbor, one.prefix):
                    yield f"wanted {_attributes(one)}, and it has {_attributes(other)}"


def disagreement(wanted: frozenset[Route], seen: Observation | None, witnessed: Observation) -> Disagreement:
    """The third ring against the first, and against the second where both can be looked at."""
    found = difference(wanted, witnessed)
    return Disagreement(
        missing=found.missing,
        extra=found.extra,
        altered=found.altered,
        denied=frozenset() if seen is None else _denied(seen, witnessed),
        dark=found.dark,
        sent=witnessed.routes if found.altered else frozenset(),
    )


def _attributes(one: Route) -> str:
    parts = [f"prepend {one.prepend}", f"MED {one.med}", *sorted(one.communities)]
    return " ".join(parts)


def _denied(seen: Observation, witnessed: Observation) -> frozenset[Route]:
    """What the daemon says it sends and the witness was not sent so, or the other way round.

    Only where both sessions are up: a session that is down shows nothing, and is an alarm of its own.
    """
    down = {
        one.neighbor for ring in (seen, witnessed) for one in ring.sessions if one.state is SessionState.DOWN
    }
    ours = {(one.neighbor, one.prefix): one for one in seen.routes if one.neighbor not in down}
    theirs = {(one.neighbor, one.prefix): one for one in witnessed.routes if one.neighbor not in down}
    differ = {
        key
        for key in ours.keys() | theirs.keys()
        if (key in ours) != (key in theirs) or (seen.is_exact and ours[key] != theirs[key])
    }
    return frozenset(ours.get(key) or theirs[key] for key in differ)
