"""The definition of routing: plain Python, written to be read. `frontier` must equal it, bit for bit.

Theory of operation. Every network looks at what its neighbours export to it, keeps what its policy prefers,
and exports that; this is repeated until nothing changes any more. What remains is the stable state. Under
the rules below (Gao and Rexford, "Stable Internet routing without global coordination", 2001) it exists and
is unique, whatever the order of events.

A network prefers, in this order:

1. the class of the route: its own, then a customer's, a peer's, a provider's;
2. the shorter AS path, prepends counted (RFC 4271 9.1.2.2 a);
3. among routes heard from the same site operator at this network: the lower MED (9.1.2.2 c);
4. *hot potato*: each pop leaves by the exit nearest to it (9.1.2.2 e, interior cost = kilometres);
5. the neighbour with the lowest ASN, then the lowest pop. Real routers go by router id or age here, which
   nobody can know from outside: what rule 5 decides is a tie, and `possible` keeps every way to break it.

It exports a route of its own or of a customer to everybody, any other to its customers only; what a seed's
filters forbid is not exported, and where they ask for prepends, they are added. A network that validates
(ROV) drops invalid routes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing.routes import NO_NEXT, NO_SITE, UNREACHED, Routes
from anyplane.routing.seeds import Seed, Seeds
from anyplane.routing.state import OFF, Lengths, admit, settle_backups
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One route that a network may choose.

    exit_pop: where it leaves the network. next_hop: as in Routes. tie_break: rule 5, lower wins.
    networks: on the path after this one, nearest first. operator: whose MED it carries, if a site's session.
    """

    route_class: RouteClass
    length: int
    exit_pop: int
    next_hop: int
    tie_break: tuple[int, int, int]
    site: int
    km: np.float32
    networks: tuple[int, ...]
    is_invalid: bool
    operator: Asn | None = None
    med: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one pop chose, and everything that was as good up to rule 5."""

    chosen: Candidate
    tied: tuple[Candidate, ...]
    distance: np.float32


State = dict[int, Decision]
"""By pop; a pop without a route is absent."""


def propagate(topology: Topology, seeds: Seeds) -> Routes:
    """The Routes of these seeds by the definition; for small graphs (seconds at 1,000 networks)."""
    return settle_backups(topology, seeds, _settled)


def expected(routes: Routes) -> NDArray[np.float32]:
    """(P, S) the chance of each site at each pop when every tie is an even draw; see `ties.expected`."""
    topology, seeds = routes.topology, routes.seeds
    admitted, silent = admit(topology, seeds, routes.lengths)
    state = stable_state(topology, seeds, admitted, silent)
    chance = np.zeros((topology.pops, seeds.sites), np.float32)
    for pop in _from_the_seeds_outward(state):
        for candidate in state[pop].tied:
            if candidate.next_hop >= 0:
                chance[pop] += chance[candidate.next_hop]
            else:
                chance[pop, candidate.site] += 1
        chance[pop] /= len(state[pop].tied)
    return chance


def candidates(
    topology: Topology, seeds: Seeds, lengths: Lengths, state: State, network: int
) -> list[Candidate]:
    """Every route offered to a network in this state, before any choice."""
    offers: list[Candidate] = []
    for k in range(len(seeds.seeds)):
        seed = seeds.seeds[k]
        if int(topology.pop_network[seed.pop]) == network and int(lengths[k]) != OFF:
            offers.append(_heard_from_site(seed, k, int(lengths[k])))
    first, last = int(topology.adj_start[network]), int(topology.adj_start[network + 1])
    for a in range(first, last):
        held_as = _class_of_adjacency(topology, network, a)
        for i in range(int(topology.ic_start[a]), int(topology.ic_start[a + 1])):
            exit_pop, next_pop = int(topology.ic_own[i]), int(topology.ic_far[i])
            offer = _exported(topology, seeds, state, next_pop, to=network, held_as=held_as)
            if offer is not None:
                length, decision = offer
                apart = topology.metros.km[topology.pop_metro[exit_pop], topology.pop_metro[next_pop]]
                neighbour = int(topology.pop_network[next_pop])
                offers.append(
                    Candidate(
                        route_class=held_as,
                        length=length,
                        exit_pop=exit_pop,
                        next_hop=next_pop,
                        tie_break=(int(topology.asn[neighbour]), 1, next_pop),
                        site=decision.chosen.site,
                        km=np.float32(apart + np.float32(decision.distance + decision.chosen.km)),
                        networks=(neighbour, *decision.chosen.networks),
                        is_invalid=decision.chosen.is_invalid,
                    )
                )
    return [c for c in offers if network not in c.networks and _accepts(topology, network, c)]


def decide(topology: Topology, network: int, offers: list[Candidate]) -> dict[int, Decision]:
    """What each pop of a network chooses out of these offers (rules 1 to 5); empty when there are none."""
    if not offers:
        return {}
    best = min((c.route_class, c.length) for c in offers)
    good = [c for c in offers if (c.route_class, c.length) == best]
    good = [
        c
        for c in good
        if c.operator is None or c.med == min(other.med for other in good if other.operator == c.operator)
    ]
    decisions: dict[int, Decision] = {}
    for pop in range(int(topology.pop_start[network]), int(topology.pop_start[network + 1])):
        away = topology.metros.km[topology.pop_metro[pop]]
        nearest = min(away[topology.pop_metro[c.exit_pop]] for c in good)
        tied = tuple(c for c in good if away[topology.pop_metro[c.exit_pop]] == nearest)
        decisions[pop] = Decision(chosen=min(tied, key=lambda c: c.tie_break), tied=tied, distance=nearest)
    return decisions


def _settled(topology: Topology, seeds: Seeds, lengths: Lengths) -> Routes:
    admitted, silent = admit(topology, seeds, lengths)
    return _routes(topology, seeds, admitted, stable_state(topology, seeds, admitted, silent))


def stable_state(topology: Topology, seeds: Seeds, admitted: Lengths, silent: NDArray[np.bool_]) -> State:
    """What every pop has chosen once nothing changes any more; `admit` gives the last two arguments."""
    state: State = {}
    changed = True
    while changed:
        changed = False
        for network in range(topology.networks):
            if silent[network]:
                continue
            offers = candidates(topology, seeds, admitted, state, network)
            decisions = decide(topology, network, offers)
            for pop in range(int(topology.pop_start[network]), int(topology.pop_start[network + 1])):
                if state.get(pop) != decisions.get(pop):
                    changed = True
                    if pop in decisions:
                        state[pop] = decisions[pop]
                    else:
                        del state[pop]
    return state


def _heard_from_site(seed: Seed, k: int, length: int) -> Candidate:
    return Candidate(
        route_class=seed.route_class,
        length=length,
        exit_pop=seed.pop,
        next_hop=-(k + 1),
        tie_break=(int(seed.asn), 0, k),
        site=seed.site,
        km=np.float32(seed.km),
        networks=(),
        is_invalid=seed.is_invalid,
        operator=seed.asn,
        med=seed.med,
    )


def _exported(
    topology: Topology, seeds: Seeds, state: State, pop: int, *, to: int, held_as: RouteClass
) -> tuple[int, Decision] | None:
    """(length as received, decision) of what `pop` exports to the network `to`, or None."""
    decision = state.get(pop)
    if decision is None:
        return None
    chosen = decision.chosen
    if chosen.route_class in (RouteClass.PEER, RouteClass.PROVIDER) and held_as != RouteClass.PROVIDER:
        return None
    prepends = 0
    if chosen.next_hop < 0:
        for rule in seeds.seeds[-chosen.next_hop - 1].filters:
            matches = (
                (rule.networks is None or to in rule.networks)
                and (rule.metros is None or int(topology.pop_metro[pop]) in rule.metros)
                and (rule.classes is None or held_as in rule.classes)
            )
            if matches and rule.blocks:
                return None
            if matches:
                prepends = max(prepends, rule.times)
    return chosen.length + 1 + prepends, decision


def _accepts(topology: Topology, network: int, candidate: Candidate) -> bool:
    is_own = candidate.route_class == RouteClass.ORIGIN
    return is_own or not (candidate.is_invalid and bool(topology.rov[network]))


def _class_of_adjacency(topology: Topology, network: int, a: int) -> RouteClass:
    if a < int(topology.adj_peers[network]):
        return RouteClass.PROVIDER
    return RouteClass.PEER if a < int(topology.adj_customers[network]) else RouteClass.CUSTOMER


def _routes(topology: Topology, seeds: Seeds, lengths: Lengths, state: State) -> Routes:
    words = max(1, -(-seeds.sites // 64))
    routes = Routes(
        route_class=np.full(topology.networks, RouteClass.NONE, np.uint8),
        length=np.full(topology.networks, UNREACHED, np.uint16),
        site=np.full(topology.pops, NO_SITE, np.uint16),
        km=np.full(topology.pops, np.inf, np.float32),
        hops=np.zeros(topology.pops, np.uint16),
        next_hop=np.full(topology.pops, NO_NEXT, np.int32),
        possible=np.zeros((topology.pops, words), np.uint64),
        lengths=lengths,
        seeds=seeds,
        topology=topology,
    )
    for pop in _from_the_seeds_outward(state):
        chosen = state[pop].chosen
        network = int(topology.pop_network[pop])
        routes.route_class[network] = chosen.route_class
        routes.length[network] = chosen.length
        routes.site[pop] = chosen.site
        routes.km[pop] = state[pop].distance + chosen.km
        routes.next_hop[pop] = chosen.next_hop
        if chosen.next_hop >= 0:
            routes.hops[pop] = routes.hops[chosen.next_hop] + 1
        else:
            routes.hops[pop] = 0 if chosen.route_class == RouteClass.ORIGIN else 1
        for candidate in state[pop].tied:
            if candidate.next_hop >= 0:
                routes.possible[pop] |= routes.possible[candidate.next_hop]
            else:
                routes.possible[pop, candidate.site // 64] |= np.uint64(1 << (candidate.site % 64))
    return routes


def _from_the_seeds_outward(state: State) -> list[int]:
    """The pops in an order in which every next hop stands before those that use it."""
    return sorted(state, key=lambda pop: (state[pop].chosen.route_class, state[pop].chosen.length))
