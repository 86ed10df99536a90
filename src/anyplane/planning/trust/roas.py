"""roas: the ROAs to create, what existing ones allow too much, and the same as SLURM for a trial.

Minimal ROAs: one for each route that is or would be announced, exactly as long (RFC 9319), one prefix in each
(RFC 9455). All of them belong to be created together, the longest prefixes first: a ROA for a covering prefix
makes every more-specific route without one invalid (RFC 7115 section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anyplane.model.nouns import Prefix
from anyplane.model.rpki import Vrp, covers
from anyplane.planning.jsonform import render
from anyplane.planning.trust.report import Loose, Purpose, Roa
from anyplane.planning.trust.validity import State, validate

ACCEPTED = {4: 24, 6: 48}
"""The longest prefixes that networks accept from one another (RFC 7454 section 6.1.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A route that is looked at: what it is for, and the groups of the design that it serves."""

    prefix: Prefix
    origin: int
    purpose: Purpose
    groups: tuple[str, ...]


def loose(checked: Sequence[Checked], vrps: Sequence[Vrp]) -> tuple[tuple[Loose, Vrp], ...]:
    """The VRPs that allow routes nobody means to announce: by maxLength, or left over."""
    found = []
    for vrp in vrps:
        routes = {
            item.prefix
            for item in checked
            if item.purpose is not Purpose.BLACKHOLE and vrp.matches(item.prefix, item.origin)
        }
        allowed = (1 << (vrp.max_length - vrp.prefix.prefixlen + 1)) - 1
        if _is_left_over(vrp, checked):
            found.append((_left_over(vrp, allowed), vrp))
        if not routes or vrp.max_length == vrp.prefix.prefixlen or allowed == len(routes):
            continue
        holes = tuple(_holes(routes, vrp))
        longest = max(route.prefixlen for route in routes)
        found.append(
            (
                Loose(
                    prefix=str(vrp.prefix),
                    max_length=vrp.max_length,
                    asn=int(vrp.asn),
                    allowed=allowed,
                    announced=len(routes),
                    is_exploitable=bool(holes),
                    words=_loose_words(vrp, holes, longest=longest),
                ),
                vrp,
            )
        )
    return tuple(found)


def _is_left_over(vrp: Vrp, checked: Sequence[Checked]) -> bool:
    """Is it for a part of a prefix and an AS that are looked at, but for no route of them?"""
    return any(
        item.origin == vrp.asn != 0 and item.prefix != vrp.prefix and covers(item.prefix, vrp.prefix)
        for item in checked
    ) and not any(vrp.matches(item.prefix, item.origin) for item in checked)


def _left_over(vrp: Vrp, allowed: int) -> Loose:
    accepted = ACCEPTED[vrp.prefix.version]
    is_exploitable = vrp.prefix.prefixlen <= accepted
    return Loose(
        prefix=str(vrp.prefix),
        max_length=vrp.max_length,
        asn=int(vrp.asn),
        allowed=allowed,
        announced=0,
        is_exploitable=is_exploitable,
        words=f"nobody here announces it, so anybody can with AS{int(vrp.asn)} forged as its origin: that is "
        "valid, and draws all its users; name it with --more-specific if an emergency needs it"
        if is_exploitable
        else f"nobody here announces it; it is longer than /{accepted}, which networks drop",
    )


def _holes(routes: set[Prefix], vrp: Vrp) -> Iterator[Prefix]:
    """The halves of announced prefixes that the VRP allows, networks accept, and nobody of us announces."""
    for route in sorted(routes, key=lambda p: (int(p.network_address), p.prefixlen)):
        if route.prefixlen < min(vrp.max_length, ACCEPTED[route.version]):
            yield from (half for half in route.subnets() if half not in routes)


def _loose_words(vrp: Vrp, holes: Sequence[Prefix], *, longest: int) -> str:
    if holes:
        return (
            f"anybody can announce {holes[0]} with AS{int(vrp.asn)} forged as its origin: that is valid, and "
            "draws all its users"
        )
    accepted = ACCEPTED[vrp.prefix.version]
    if vrp.max_length > longest and longest >= accepted:
        return f"only routes longer than /{accepted} can be forged out of it, which networks drop"
    return "other prefixes in it can be announced with a forged origin; none takes users of this design"


def wanted(checked: Sequence[Checked], vrps: Sequence[Vrp], too_loose: Sequence[Vrp]) -> tuple[Roa, ...]:
    """The ROAs to create, longest prefix first; blackhole routes get none (RFC 9319 section 6)."""
    found: dict[tuple[Prefix, int], Roa] = {}
    for item in checked:
        if item.purpose is Purpose.BLACKHOLE or (item.prefix, item.origin) in found:
            continue
        state = validate(item.prefix, item.origin, vrps).state
        replaced = [vrp for vrp in too_loose if vrp.matches(item.prefix, item.origin)]
        exact = [
            vrp
            for vrp in vrps
            if vrp.asn == item.origin
            and vrp.prefix == item.prefix
            and vrp.max_length == item.prefix.prefixlen
        ]
        if exact or (state is State.VALID and not replaced):
            continue
        why = (
            f"{item.purpose.value}, {state.value}" if state is not State.VALID else "in place of a loose one"
        )
        found[item.prefix, item.origin] = Roa(
            asn=item.origin,
            prefix=str(item.prefix),
            max_length=item.prefix.prefixlen,
            why=why,
            replaces=str(replaced[0]) if replaced else "",
        )
    order = sorted(
        found, key=lambda key: (-key[0].prefixlen, key[0].version, int(key[0].network_address), key[1])
    )
    return tuple(found[key] for key in order)


def to_slurm(roas: Sequence[Roa]) -> str:
    """RFC 8416: the ROAs as local assertions, to see in one's own validator what they will do."""
    return render(
        {
            "slurmVersion": 1,
            "validationOutputFilters": {"prefixFilters": [], "bgpsecFilters": []},
            "locallyAddedAssertions": {
                "prefixAssertions": [
                    {"asn": roa.asn, "prefix": roa.prefix, "comment": f"trial: {roa.why}"} for roa in roas
                ],
                "bgpsecAssertions": [],
            },
        }
    )
