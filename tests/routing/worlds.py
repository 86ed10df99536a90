"""Small random Internets and announcement sets for property tests: every attribute of the routing model.

Hypothesis likes small and simple values: most worlds drawn piece by piece are nearly empty. So two of three
topologies and seed sets come from one drawn random seed (`busy_topology`, `busy_seeds`), where each attribute
meets the others: a hierarchy with metros, several sessions at one network, and whole worlds with ROV,
backups or filters.
`test_worlds.py` holds how often that must happen.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import NO_EXPORT, ExportFilter, Seed, Seeds
from anyplane.topology import Metros, Topology, build


def metros(km: np.ndarray) -> Metros:
    """Metros with these distances and no geography."""
    count = len(km)
    return Metros(
        code=tuple(f"M{i:02d}" for i in range(count)),
        name=tuple(f"Metro {i}" for i in range(count)),
        country=("DE",) * count,
        continent=("EU",) * count,
        lat=np.zeros(count),
        lon=np.zeros(count),
        population=np.ones(count),
        km=km.astype(np.float32),
    )


def busy_topology(rng: np.random.Generator, *, acyclic: bool = False) -> Topology:
    """A hierarchy of 4 to 12 networks in 1 to 5 metros, every network with a provider but the first two."""
    count = int(rng.integers(4, 13))
    asns = rng.choice(np.arange(1, 61), count, replace=False).tolist()
    km = rng.integers(1, 4, (5, 5)) * 100
    km = np.triu(km, 1) + np.triu(km, 1).T
    places = int(rng.integers(1, 6))
    presence = [
        (asn, int(metro))
        for asn in asns
        for metro in rng.choice(places, int(rng.integers(1, min(3, places) + 1)), replace=False)
    ]
    transit, peering = [], [(asns[0], asns[1])]
    for i in range(2, count):
        sellers = rng.choice(i, int(rng.integers(1, min(3, i) + 1)), replace=False)
        transit += [(asns[int(seller)], asns[i]) for seller in sellers]
        others = [j for j in range(i) if j not in sellers and rng.random() < 0.2]
        peering += [(asns[i], asns[j]) for j in others]
    if not acyclic and rng.random() < 0.3:
        transit += [(asns[j], asns[i]) for i, j in [rng.choice(count, 2, replace=False)] if i < j]
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peering,
        presence=([asn for asn, _ in presence], [metro for _, metro in presence]),
        metros=metros(km[:places, :places]),
        rov=rng.random(count) < 0.3,
    )


def busy_seeds(rng: np.random.Generator, topology: Topology, *, sites: int = 4, plain: bool = False) -> Seeds:
    """Three to eight sessions, often several at one network, often equally long."""
    classes = [RouteClass.ORIGIN, *[RouteClass.CUSTOMER] * 10, RouteClass.PEER, RouteClass.PEER]
    hosts = rng.integers(0, topology.networks, int(rng.integers(1, 6)))
    invalid, backup, filtered = (0.0 if plain else rng.choice([0.0, 0.5]) for _ in range(3))
    seeds = []
    for _ in range(int(rng.integers(3, 9))):
        host = int(rng.choice(hosts))
        is_origin = (route_class := classes[int(rng.integers(0, len(classes)))]) == RouteClass.ORIGIN
        neighbour = int(rng.choice([64500, 64500, 64500, 30, 7]))
        rules = tuple(busy_filter(rng, topology) for _ in range(int(rng.integers(1, 4))))
        seeds.append(
            Seed(
                pop=int(rng.integers(topology.pop_start[host], topology.pop_start[host + 1])),
                site=int(rng.integers(0, sites)),
                route_class=route_class,
                length=int(rng.random() < 0.25) + (0 if is_origin else 1),
                asn=Asn(int(topology.asn[host]) if is_origin else neighbour),
                km=float(rng.integers(0, 4) * 50),
                med=0 if plain else int(rng.integers(0, 2)),
                is_invalid=bool(rng.random() < invalid),
                is_backup=bool(rng.random() < backup),
                filters=rules if rng.random() < filtered else (),
            )
        )
    return Seeds.of(seeds, sites=sites)


def busy_filter(rng: np.random.Generator, topology: Topology) -> ExportFilter:
    """One rule with a scope that holds about half of the networks, metros or classes, or all of them."""

    def half(values: list[int]) -> frozenset[int] | None:
        return frozenset(v for v in values if rng.random() < 0.6) if rng.random() < 0.6 else None

    blocks = bool(rng.random() < 0.3)
    classes = half([int(RouteClass.CUSTOMER), int(RouteClass.PEER), int(RouteClass.PROVIDER)])
    return ExportFilter(
        blocks=blocks,
        times=0 if blocks else int(rng.integers(1, 4)),
        networks=half(list(range(topology.networks))),
        metros=half(list(range(len(topology.metros.code)))),
        classes=None if classes is None else frozenset(map(RouteClass, classes)),
    )


@st.composite
def distances(draw: st.DrawFn) -> np.ndarray:
    """A symmetric matrix of few distinct values, so that equal distances are common."""
    count = draw(st.integers(1, 5))
    km = np.zeros((count, count), np.float32)
    for i in range(count):
        for j in range(i):
            km[i, j] = km[j, i] = draw(st.integers(1, 3)) * 100
    return km


@st.composite
def topologies(draw: st.DrawFn, *, most: int = 9, acyclic: bool = False) -> Topology:
    """Up to `most` networks with any relationships, provider cycles included."""
    if draw(st.integers(0, 2)):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        return busy_topology(rng, acyclic=acyclic)
    count = draw(st.integers(1, most))
    asns = sorted(draw(st.sets(st.integers(1, 60), min_size=count, max_size=count)))
    world = metros(draw(distances()))
    presence_asn, presence_metro = [], []
    for asn in asns:
        for metro in draw(st.sets(st.integers(0, len(world.code) - 1), min_size=1, max_size=3)):
            presence_asn.append(asn)
            presence_metro.append(metro)
    transit, peering = [], []
    for i in range(count):
        for j in range(i):
            kind = draw(st.integers(0, 5))
            if kind == 1 or (kind == 2 and acyclic):
                transit.append((asns[j], asns[i]))
            elif kind == 2:
                transit.append((asns[i], asns[j]))
            elif kind == 3:
                peering.append((asns[i], asns[j]))
    rov = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peering,
        presence=(presence_asn, presence_metro),
        metros=world,
        rov=rov,
    )


@st.composite
def export_filters(draw: st.DrawFn, topology: Topology) -> ExportFilter:
    """NO_EXPORT, or any scope of network, metro and class."""
    if draw(st.booleans()):
        return NO_EXPORT
    networks = st.frozensets(st.integers(0, topology.networks - 1), max_size=3)
    metro_sets = st.frozensets(st.integers(0, len(topology.metros.code) - 1), max_size=3)
    classes = st.frozensets(st.sampled_from([RouteClass.CUSTOMER, RouteClass.PEER, RouteClass.PROVIDER]))
    blocks = draw(st.booleans())
    return ExportFilter(
        blocks=blocks,
        times=0 if blocks else draw(st.integers(1, 3)),
        networks=draw(st.none() | networks),
        metros=draw(st.none() | metro_sets),
        classes=draw(st.none() | classes),
    )


@st.composite
def seed_sets(draw: st.DrawFn, topology: Topology, *, sites: int = 4, plain: bool = False) -> Seeds:
    """Up to eight sessions of up to `sites` sites; `plain` leaves filters, ROV, backups and MED out."""
    if draw(st.integers(0, 2)):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        return busy_seeds(rng, topology, sites=sites, plain=plain)
    seeds = []
    for _ in range(draw(st.integers(0, 8))):
        route_class = draw(
            st.sampled_from([RouteClass.ORIGIN, RouteClass.CUSTOMER, RouteClass.CUSTOMER, RouteClass.PEER])
        )
        pop = draw(st.integers(0, topology.pops - 1))
        own = int(topology.asn[topology.pop_network[pop]])
        is_origin = route_class == RouteClass.ORIGIN
        rules = st.lists(export_filters(topology), max_size=2)
        seeds.append(
            Seed(
                pop=pop,
                site=draw(st.integers(0, sites - 1)),
                route_class=route_class,
                length=draw(st.integers(0, 3)) + (0 if is_origin else 1),
                asn=Asn(own if is_origin else draw(st.sampled_from([7, 30, 64500]))),
                km=float(draw(st.integers(0, 3)) * 50),
                med=0 if plain else draw(st.integers(0, 2)),
                is_invalid=not plain and draw(st.integers(0, 3)) == 0,
                is_backup=not plain and draw(st.integers(0, 5)) == 0,
                filters=() if plain or draw(st.booleans()) else tuple(draw(rules)),
            )
        )
    return Seeds.of(seeds, sites=sites)


@st.composite
def worlds(draw: st.DrawFn, *, plain: bool = False, sites: int = 4) -> tuple[Topology, Seeds]:
    """A topology and seeds on it."""
    topology = draw(topologies())
    return topology, draw(seed_sets(topology, sites=sites, plain=plain))
