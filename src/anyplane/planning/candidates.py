"""candidates: every route offered to one network, and for one of its pops the rule that removed each.

The same five rules as routing (see `routing.reference`), read backwards from a stable state: what each
neighbour holds, it exports by the valley-free rule, its seeds' filters and the receiver's validation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from anyplane.model.nouns import RouteClass
from anyplane.routing import NO_SITE, Routes, Seed
from anyplane.routing.state import OFF


class Rule(StrEnum):
    """What removed a candidate; TIE: nothing but the lowest ASN, so it may be the real choice."""

    CHOSEN = "chosen"
    RELATIONSHIP = "relationship"
    PATH_LENGTH = "path length"
    BACKUP = "backup"
    MED = "med"
    HOT_POTATO = "hot potato"
    TIE = "tie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One offer to a network.

    neighbour: network index, or -1 for a site's own session. next_hop: as in Routes. exit_pop: where it
    leaves the network (or the seed's pop). km: from the exit to the site. exit_km: from the deciding pop to
    the exit. sites: the possible ones behind it. is_backup: held back because there is something better.
    removed_by: CHOSEN for the one in use.
    """

    neighbour: int
    next_hop: int
    exit_pop: int
    route_class: RouteClass
    length: int
    site: int
    sites: tuple[int, ...]
    km: float
    asn: int
    med: int = 0
    is_backup: bool = False
    exit_km: float = 0.0
    removed_by: Rule = Rule.CHOSEN


def candidates(routes: Routes, network: int) -> list[Candidate]:
    """All offers to a network in the stable state of all its seeds (no failed site), before any choice."""
    topology = routes.topology
    offers = _sessions(routes, network)
    first, last = int(topology.adj_start[network]), int(topology.adj_start[network + 1])
    low, high = int(topology.ic_start[first]), int(topology.ic_start[last])
    far = topology.ic_far[low:high]
    adjacency = np.repeat(np.arange(first, last), np.diff(topology.ic_start[first : last + 1]))
    held_as = np.where(
        adjacency < topology.adj_peers[network],
        int(RouteClass.PROVIDER),
        np.where(adjacency < topology.adj_customers[network], int(RouteClass.PEER), int(RouteClass.CUSTOMER)),
    )
    neighbours = topology.pop_network[far]
    # Valley-free export (Gao and Rexford): to customers everything, to others only what earns money.
    exports = (held_as == int(RouteClass.PROVIDER)) | (
        routes.route_class[neighbours] <= int(RouteClass.CUSTOMER)
    )
    for i in np.flatnonzero(exports & (routes.site[far] != NO_SITE)):
        pop = int(far[i])
        offer = _exported(
            routes, network, pop, int(topology.ic_own[low + int(i)]), RouteClass(int(held_as[i]))
        )
        if offer is not None:
            offers.append(offer)
    return offers


def judged(routes: Routes, pop: int, offers: list[Candidate]) -> list[Candidate]:
    """The offers to a pop's network with the rule that removed each at this pop, the chosen one first."""
    topology = routes.topology
    away = topology.metros.km[topology.pop_metro[pop]]
    chosen = int(routes.next_hop[pop])
    located = [replace(offer, exit_km=float(away[topology.pop_metro[offer.exit_pop]])) for offer in offers]
    if not located:
        return []
    active = [offer for offer in located if not offer.is_backup]
    best_class = min((offer.route_class for offer in active), default=RouteClass.NONE)
    best_length = min((o.length for o in active if o.route_class == best_class), default=0)
    good = [o for o in active if o.route_class == best_class and o.length == best_length]
    lowest_med: dict[int, int] = {}
    for offer in good:
        if offer.neighbour < 0:
            lowest_med[offer.asn] = min(offer.med, lowest_med.get(offer.asn, offer.med))
    good = [o for o in good if o.neighbour >= 0 or o.med == lowest_med[o.asn]]
    nearest = min((offer.exit_km for offer in good), default=0.0)

    def rule(offer: Candidate) -> Rule:
        if offer.is_backup:
            return Rule.BACKUP
        if offer.route_class != best_class:
            return Rule.RELATIONSHIP
        if offer.length != best_length:
            return Rule.PATH_LENGTH
        if offer.neighbour < 0 and offer.med != lowest_med[offer.asn]:
            return Rule.MED
        if offer.exit_km != nearest:
            return Rule.HOT_POTATO
        return Rule.CHOSEN if offer.next_hop == chosen else Rule.TIE

    order = list(Rule)
    ranked = [replace(offer, removed_by=rule(offer)) for offer in located]
    # The chosen next hop may be met at two interconnects that are equally near; one line is enough to say so.
    seen_chosen = False
    result = []
    for offer in sorted(ranked, key=lambda o: (_closeness(order, o), o.length, o.exit_km, o.asn, o.next_hop)):
        if offer.removed_by == Rule.CHOSEN:
            if seen_chosen:
                continue
            seen_chosen = True
        result.append(offer)
    return result


def possible_sites(routes: Routes, pop: int) -> tuple[int, ...]:
    """The sites that some way of breaking ties reaches from a pop, ascending."""
    words = [int(word) for word in routes.possible[pop]]
    return tuple(index * 64 + bit for index, word in enumerate(words) for bit in range(64) if word >> bit & 1)


def seed_behind(routes: Routes, pop: int) -> Seed | None:
    """The seed at the end of the path from a pop."""
    k = routes.seed_of(pop)
    return routes.seeds.seeds[k] if k >= 0 else None


def _closeness(order: list[Rule], offer: Candidate) -> tuple[int, int]:
    """How near an offer came to being chosen: the later the rule that removed it, the nearer."""
    if offer.removed_by == Rule.CHOSEN:
        return (0, 0)
    return (len(order) - order.index(offer.removed_by), int(offer.route_class))


def _sessions(routes: Routes, network: int) -> list[Candidate]:
    topology = routes.topology
    start, end = int(topology.pop_start[network]), int(topology.pop_start[network + 1])
    drops = bool(topology.rov[network])
    return [
        Candidate(
            neighbour=-1,
            next_hop=-(k + 1),
            exit_pop=seed.pop,
            route_class=seed.route_class,
            length=seed.length,
            site=seed.site,
            sites=(seed.site,),
            km=seed.km,
            asn=int(seed.asn),
            med=seed.med,
            is_backup=seed.is_backup and int(routes.lengths[k]) == OFF,
        )
        for k, seed in enumerate(routes.seeds.seeds)
        if start <= seed.pop < end
        and not (seed.is_invalid and drops and seed.route_class != RouteClass.ORIGIN)
    ]


def _exported(routes: Routes, network: int, pop: int, exit_pop: int, held_as: RouteClass) -> Candidate | None:
    """What a neighbour's pop hands to this network over one interconnect, or None."""
    topology = routes.topology
    path = routes.pop_path(pop)
    if any(int(topology.pop_network[here]) == network for here in path):
        return None  # its own ASN is in the path (RFC 4271 9.1.2)
    neighbour = int(topology.pop_network[pop])
    times = 0
    if int(routes.next_hop[pop]) < 0:
        seed = routes.seeds.seeds[-int(routes.next_hop[pop]) - 1]
        for item in seed.filters:
            matches = (
                (item.networks is None or network in item.networks)
                and (item.metros is None or int(topology.pop_metro[pop]) in item.metros)
                and (item.classes is None or held_as in item.classes)
            )
            if matches and item.blocks:
                return None
            if matches:
                times = max(times, item.times)
    origin = routes.seeds.seeds[-int(routes.next_hop[path[-1]]) - 1]
    if origin.is_invalid and bool(topology.rov[network]):
        return None
    apart = float(topology.metros.km[topology.pop_metro[exit_pop], topology.pop_metro[pop]])
    return Candidate(
        neighbour=neighbour,
        next_hop=pop,
        exit_pop=exit_pop,
        route_class=held_as,
        length=int(routes.length[neighbour]) + 1 + times,
        site=int(routes.site[pop]),
        sites=possible_sites(routes, pop),
        km=apart + float(routes.km[pop]),
        asn=int(topology.asn[neighbour]),
    )
