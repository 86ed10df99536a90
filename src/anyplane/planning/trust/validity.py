"""validate: the RPKI state of one route, and why, as RFC 6811 defines it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anyplane.model.nouns import Prefix
from anyplane.model.rpki import Vrp

NOBODY = -1
"""An origin that no VRP names: the state of a network with none of its own."""


class State(StrEnum):
    """RFC 6811 section 2."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_FOUND = "not found"


class Reason(StrEnum):
    """Why a route is invalid; "as" and "length" are Routinator's words for the first two."""

    NONE = ""
    ORIGIN = "origin"
    MAX_LENGTH = "maxLength"
    AS0 = "AS0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state of a route and its covering VRPs, those that match it first."""

    state: State
    reason: Reason
    covering: tuple[Vrp, ...]
    matching: tuple[Vrp, ...]


def validate(route: Prefix, origin: int, vrps: Iterable[Vrp]) -> Verdict:
    """RFC 6811: not found without a covering VRP, valid when one matches, else invalid.

    The reason is maxLength when a covering VRP is of this AS and only the route is too long, AS0 when nobody
    but AS0 is named (RFC 6483 section 4: "should not be used"), else origin.
    """
    covering = [vrp for vrp in vrps if vrp.covers(route)]
    matching = tuple(vrp for vrp in covering if vrp.matches(route, origin))
    others = tuple(vrp for vrp in covering if vrp not in matching)
    if not covering:
        state, reason = State.NOT_FOUND, Reason.NONE
    elif matching:
        state, reason = State.VALID, Reason.NONE
    elif any(vrp.asn == origin != 0 for vrp in covering):
        state, reason = State.INVALID, Reason.MAX_LENGTH
    elif all(vrp.asn == 0 for vrp in covering):
        state, reason = State.INVALID, Reason.AS0
    else:
        state, reason = State.INVALID, Reason.ORIGIN
    return Verdict(state=state, reason=reason, covering=matching + others, matching=matching)


def living(vrps: Iterable[Vrp], now: int) -> tuple[Vrp, ...]:
    """Those that have not expired; one expires at the very second it names."""
    return tuple(vrp for vrp in vrps if vrp.expires is None or vrp.expires > now)
