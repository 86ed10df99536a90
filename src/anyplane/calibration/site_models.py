"""site_models: the sessions of a site, and what was learned of it, as the SiteModel that `chance` needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anyplane.calibration.alone import Bools, Entry, Int32, alone, offered
from anyplane.calibration.alone_kernels import FAR
from anyplane.calibration.calibration import Calibration, SiteFacts
from anyplane.calibration.chance import Int16, SiteModel, Terrain
from anyplane.calibration.site_facts import corrected, missing_links, recalled
from anyplane.calibration.willingness import UNKNOWN, Willingness, rates, willingness
from anyplane.model.nouns import RouteClass
from anyplane.routing.seeds import ExportFilter, Seed
from anyplane.topology import Topology

TRANSIT_CARRIES = 0.9
PEER_CARRIES = 0.73
"""Before anything is known: of a session that the design lists."""
HARDLY_TRANSIT = (0.1, 2.0)
"""(a, b): a network with c other customers really sells transit with the chance (c + a) / (c + b).

A sponsor's or a hobbyist's network is often written down as transit and filters what it was never asked to
carry; one that has customers has its filters open for customers.
"""
MED_PENALTY_KM = 20_000.0
BACKUP_LENGTH = 30
"""GRACEFUL_SHUTDOWN: longer than everything else that a network may hear."""


def entries_of(topology: Topology, seeds: Sequence[Seed], *, facts: SiteFacts | None) -> tuple[Entry, ...]:
    """The sessions of one site: those of the design with the chance that each carries, and those only seen.

    A single session carries for certain. A network with a session that was seen to use another way does not;
    one that nobody observes gets the share of those observed.
    """
    found: list[Entry] = []
    for seed in seeds:
        least = min(
            other.med
            for other in seeds
            if other.asn == seed.asn and topology.pop_network[other.pop] == topology.pop_network[seed.pop]
        )
        found.append(
            Entry(
                pop=seed.pop,
                route_class=int(seed.route_class),
                length=int(seed.length) + (BACKUP_LENGTH if seed.is_backup else 0),
                chance=_carries(topology, seed, facts),
                penalty=float(seed.km) + (MED_PENALTY_KM if seed.med > least else 0.0),
            )
        )
    if len({topology.pop_network[entry.pop] for entry in found}) == 1:
        found = [replace(entry, chance=1.0) for entry in found]
    return tuple(found)


def seen_entries(
    topology: Topology, facts: SiteFacts, *, known: Sequence[Entry], metro: int
) -> tuple[Entry, ...]:
    """Where the site was heard though the design does not say so, and where the graph lacks a link."""
    has = {int(topology.pop_network[entry.pop]) for entry in known}
    longer = min((entry.length for entry in known), default=1) - 1
    extra = [
        (topology.index_of(item.asn), 1 if item.relation == "customer" else 2, 1 + longer)
        for item in facts.heard
        if topology.index_of(item.asn) >= 0 and topology.index_of(item.asn) not in has
    ]
    extra += [(network, 2, length + longer) for network, length in missing_links(topology, facts)]
    return tuple(
        Entry(pop=_nearest_pop(topology, network, metro), route_class=route_class, length=length)
        for network, route_class, length in extra
    )


def site_model(
    terrain: Terrain,
    *,
    metro: int,
    entries: tuple[Entry, ...],
    added: Int32,
    silent: Bools,
    facts: SiteFacts | None,
    elsewhere: Willingness = UNKNOWN,
) -> SiteModel:
    """The SiteModel; `elsewhere`: the pooled willingness of all sites."""
    ground = terrain.ground
    if facts is None or not facts.paths:
        routes = alone(ground, entries, added=added, leaks=np.zeros(0, np.int64), silent=silent)
        rate = rates(ground, UNKNOWN, routes, elsewhere)
        none = np.zeros(len(added), bool)
        return SiteModel(
            metro=metro, entries=entries, routes=routes, rate=rate, added=_small(added), leaks=none
        )
    known = recalled(ground, facts)
    leaks = np.array(sorted(known.leaks), np.int64)
    closed, open_added = corrected(added, ground, known)
    routes = alone(ground, entries, added=closed, leaks=leaks, silent=silent)
    # Towards networks that nobody observes a refused link refuses likely, not certainly: `rates` says.
    routes = replace(routes, offered=offered(ground, routes, added=open_added, leaks=leaks))
    rate = rates(ground, willingness(ground, known.seen, routes, open_added), routes, elsewhere)
    is_leak = np.zeros(len(added), bool)
    is_leak[leaks] = True
    return SiteModel(
        metro=metro, entries=entries, routes=routes, rate=rate, added=_small(open_added), leaks=is_leak
    )


def pooled(calibration: Calibration, topology: Topology) -> Willingness:
    """What all observed sites together say about each neighbour and about the classes."""
    classes = {"customer": 1, "peer": 2, "provider": 3}
    taken: Counter[tuple[int, int]] = Counter()
    refused: Counter[tuple[int, int]] = Counter()
    for facts in calibration.sites:
        for item in facts.willing:
            neighbour = topology.index_of(item.neighbour) if item.neighbour else -1
            if item.neighbour and neighbour < 0:
                continue
            taken[neighbour, classes[item.relation]] += item.taken
            refused[neighbour, classes[item.relation]] += item.refused
    return Willingness(taken=dict(taken), refused=dict(refused), links={})


def restricted(terrain: Terrain, seeds: Sequence[Seed], *, is_invalid: bool) -> Int32:
    """(A,) what the communities of these seeds add or forbid: prepends, FAR. ROV drops what is invalid."""
    ground, t = terrain.ground, terrain.topology
    added: Int32 = np.zeros(len(t.adj), np.int32)
    by_network: dict[int, list[Seed]] = {}
    for seed in seeds:
        by_network.setdefault(int(t.pop_network[seed.pop]), []).append(seed)
    for network, own in by_network.items():
        if not any(seed.filters for seed in own):
            continue
        for a in range(int(t.adj_start[network]), int(t.adj_start[network + 1])):
            neighbour = int(t.adj[a])
            at = ground.adjacency(neighbour, network)
            held_as = int(ground.route_class[at])
            metros = {int(t.pop_metro[pop]) for pop in t.ic_own[t.ic_start[a] : t.ic_start[a + 1]]}
            added[at] = min(_of_rules(seed.filters, neighbour, held_as, metros) for seed in own)
    if is_invalid:
        added[t.rov[ground.owner]] = FAR
    return added


def _of_rules(rules: tuple[ExportFilter, ...], neighbour: int, held_as: int, metros: set[int]) -> int:
    """What the rules that match this neighbour everywhere add; FAR where one blocks."""
    extra = 0
    for rule in rules:
        matches = (
            (rule.networks is None or neighbour in rule.networks)
            and (rule.metros is None or metros <= rule.metros)
            and (rule.classes is None or held_as in {int(c) for c in rule.classes})
        )
        if matches and rule.blocks:
            return int(FAR)
        if matches:
            extra = max(extra, rule.times)
    return extra


def _carries(topology: Topology, seed: Seed, facts: SiteFacts | None) -> float:
    """The chance that a session carries; what a network originates itself is there."""
    if seed.route_class == RouteClass.ORIGIN:
        return 1.0
    if facts is None or not facts.paths:
        return _before(topology, seed)
    asn = int(topology.asn[topology.pop_network[seed.pop]])
    if any(item.asn == asn for item in facts.heard):
        return 1.0
    if any(item.asn == asn for item in facts.taken):
        return 0.0
    return (len(facts.heard) + 1.0) / (len(facts.heard) + facts.unheard + 2.0)


def _before(topology: Topology, seed: Seed) -> float:
    """The chance that a session carries, before anything was seen."""
    if seed.route_class > RouteClass.CUSTOMER:
        return PEER_CARRIES
    network = int(topology.pop_network[seed.pop])
    customers = topology.adj[int(topology.adj_customers[network]) : int(topology.adj_start[network + 1])]
    others = int((customers != topology.index_of(int(seed.asn))).sum())
    a, b = HARDLY_TRANSIT
    return TRANSIT_CARRIES * (others + a) / (others + b)


def _nearest_pop(topology: Topology, network: int, metro: int) -> int:
    start, end = int(topology.pop_start[network]), int(topology.pop_start[network + 1])
    return start + int(np.argmin(topology.metros.km[metro, topology.pop_metro[start:end]]))


def _small(added: Int32) -> Int16:
    """Without FAR, which `rate` expresses by 0: lengths are added up. Two bytes: each site has its own."""
    return np.where(added >= FAR, 0, np.minimum(added, 255)).astype(np.int16)
