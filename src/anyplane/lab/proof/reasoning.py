"""reasoning: what a pop could choose from by the definition of routing, and which rule made the choice."""

from __future__ import annotations

from anyplane.routing import Routes
from anyplane.routing.reference import Candidate, candidates, stable_state
from anyplane.routing.state import admit

RULES = (
    "being the only route",
    "rule 1 (class)",
    "rule 2 (AS-path length)",
    "rule 3 (MED)",
    "rule 4 (hot potato)",
    "rule 5 (lowest neighbour ASN)",
)


def candidates_of(routes: Routes, pop: int) -> tuple[str, tuple[str, ...]]:
    """(the rule that decided, one line for each candidate of the pop, the best first)."""
    topology, seeds = routes.topology, routes.seeds
    admitted, silent = admit(topology, seeds, routes.lengths)
    state = stable_state(topology, seeds, admitted, silent)
    network = int(topology.pop_network[pop])
    offers = candidates(topology, seeds, admitted, state, network)
    away = topology.metros.km[topology.pop_metro[pop]]

    def keys(one: Candidate) -> tuple[int, int, int, float, tuple[int, int, int]]:
        lowest = min(
            (
                other.med
                for other in offers
                if (other.operator, other.route_class, other.length)
                == (one.operator, one.route_class, one.length)
            ),
            default=0,
        )
        beaten = int(one.operator is not None and one.med > lowest)
        km = float(away[topology.pop_metro[one.exit_pop]])
        return (int(one.route_class), one.length, beaten, km, one.tie_break)

    ordered = sorted(offers, key=keys)
    rule = RULES[0]
    if len(ordered) > 1:
        first, second = keys(ordered[0]), keys(ordered[1])
        rule = next(RULES[n + 1] for n in range(len(first)) if first[n] != second[n])
    lines = tuple(
        f"{one.route_class.name.lower()} length {one.length} "
        f"{' '.join(str(int(topology.asn[n])) for n in one.networks)} to site {one.site}, MED {one.med}, "
        f"{float(away[topology.pop_metro[one.exit_pop]]):.1f} km to the exit, tie {one.tie_break}"
        for one in ordered
    )
    return rule, lines
