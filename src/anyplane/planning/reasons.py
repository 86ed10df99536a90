"""reasons: why a pop does not reach the site nearest to it, in one sentence for people."""

from __future__ import annotations

from collections.abc import Sequence

from anyplane.model.nouns import RouteClass
from anyplane.planning.candidates import Candidate, Rule, candidates, judged
from anyplane.routing import NO_EXPORT, Routes

CLASS_NAMES = {
    RouteClass.ORIGIN: "own",
    RouteClass.CUSTOMER: "customer",
    RouteClass.PEER: "peer",
    RouteClass.PROVIDER: "provider",
}


def reason(routes: Routes, pop: int, nearest: int, names: Sequence[str]) -> str:
    """Where on the path from `pop` the site `nearest` lost, and by which rule; `names` of the sites."""
    topology = routes.topology
    path = routes.pop_path(pop)
    if not path:
        return f"{_where(routes, pop)} has no route"
    reached = names[int(routes.site[pop])]
    begin = f"{_where(routes, pop)} reaches {reached}: "
    for here in path:
        network = int(topology.pop_network[here])
        ranked = judged(routes, here, candidates(routes, network))
        chosen = ranked[0]
        rivals = [offer for offer in ranked[1:] if offer.site == nearest or nearest in offer.sites]
        # When the chosen way itself may lead to the nearest site, the matter is decided further down.
        if rivals and nearest not in chosen.sites:
            whose = "its" if here == pop else f"further on, AS{int(topology.asn[network])}'s"
            metro = "" if here == pop else topology.metros.code[int(topology.pop_metro[here])]
            return begin + _sentence(routes, chosen, rivals[0], whose, names[nearest], metro)
    last = int(topology.pop_network[path[-1]])
    filters = [seed.filters for seed in routes.seeds.seeds if seed.site == nearest]
    shy = ", which asks for NO_EXPORT" if filters and all(NO_EXPORT in asked for asked in filters) else ""
    seed = routes.seeds.seeds[routes.seed_of(pop)]
    if path[-1] == pop:
        return begin + f"it hears {reached} itself and no route to {names[nearest]}" + shy
    session = f"AS{int(topology.asn[last])}'s session with {names[seed.site]}"
    return begin + f"its path ends in {session}, and no network on the way is offered {names[nearest]}" + shy


def through(routes: Routes, offer: Candidate) -> str:
    """ "through AS174", or "over its own session"."""
    if offer.neighbour < 0:
        return "over its own session"
    return f"through AS{int(routes.topology.asn[offer.neighbour])}"


def _sentence(
    routes: Routes, chosen: Candidate, rival: Candidate, whose: str, nearest: str, metro: str
) -> str:
    """metro: where the traffic enters the deciding network, if that is not where the users are."""
    topology = routes.topology
    own, other = CLASS_NAMES[chosen.route_class], CLASS_NAMES[rival.route_class]
    used, lost = through(routes, chosen), through(routes, rival)
    match rival.removed_by:
        case Rule.RELATIONSHIP:
            return f"{whose} {own} route {used} wins over the {other} route to {nearest} {lost}"
        case Rule.PATH_LENGTH:
            return (
                f"{whose} {own} route {used} has a path of {chosen.length}, "
                f"the one to {nearest} {lost} has {rival.length}"
            )
        case Rule.HOT_POTATO:
            code = topology.metros.code[int(topology.pop_metro[chosen.exit_pop])]
            far = topology.metros.code[int(topology.pop_metro[rival.exit_pop])]
            return (
                f"{whose} nearest exit {f'from {metro} ' if metro not in ('', code) else ''}is {code} "
                f"({chosen.exit_km:,.0f} km) {used}; "
                f"the equally good route to {nearest} {lost} leaves in {far} ({rival.exit_km:,.0f} km)"
            )
        case Rule.MED:
            return f"{whose} session with MED {chosen.med} wins over that to {nearest} with MED {rival.med}"
        case Rule.BACKUP:
            return f"{whose} {own} route {used} comes before the backup session with {nearest}"
        case _:
            return (
                f"{whose} {own} route {used} and that to {nearest} {lost} are equally good; "
                "the lowest ASN is assumed, so it may be otherwise"
            )


def _where(routes: Routes, pop: int) -> str:
    topology = routes.topology
    asn = int(topology.asn[topology.pop_network[pop]])
    return f"AS{asn} in {topology.metros.code[int(topology.pop_metro[pop])]}"
