"""A site that announces alone: class and length are the planner's until a link refuses or leaks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from worlds import metros, seed_sets, topologies

from anyplane.calibration.alone import Alone, Entry, Ground, alone
from anyplane.calibration.alone_kernels import FAR
from anyplane.model.nouns import RouteClass
from anyplane.routing import Seeds, propagate
from anyplane.routing.state import admit, lengths_of
from anyplane.topology import Topology, build

KM = np.zeros((1, 1))


def world(transit: list[tuple[int, int]], peers: list[tuple[int, int]] | None = None) -> Ground:
    asns = sorted({asn for pair in (*transit, *(peers or [])) for asn in pair})
    return Ground(
        build(
            asn=asns,
            providers_customers=transit,
            peers=peers or [],
            presence=(asns, [0] * len(asns)),
            metros=metros(KM),
        )
    )


def heard_at(ground: Ground, asn: int, *, route_class: int = 1, length: int = 1) -> Entry:
    network = ground.topology.index_of(asn)
    return Entry(pop=int(ground.topology.pop_start[network]), route_class=route_class, length=length)


def routes(
    ground: Ground, *entries: Entry, refused: tuple[int, ...] = (), leaks: tuple[int, ...] = ()
) -> Alone:
    added = np.zeros(len(ground.topology.adj), np.int32)
    added[list(refused)] = FAR
    silent = np.zeros(ground.topology.networks, bool)
    return alone(ground, entries, added=added, leaks=np.array(sorted(leaks), np.int64), silent=silent)


def path(ground: Ground, found: Alone, asn: int) -> list[int]:
    t = ground.topology
    return [int(t.asn[n]) for n in found.path(t, t.index_of(asn))]


def link(ground: Ground, asn: int, neighbour: int) -> int:
    return ground.adjacency(ground.topology.index_of(asn), ground.topology.index_of(neighbour))


@st.composite
def single_site_worlds(draw: st.DrawFn) -> tuple[Topology, Seeds]:
    topology = draw(topologies(acyclic=True))
    return topology, draw(seed_sets(topology, sites=1, plain=True))


@given(single_site_worlds())
def test_without_corrections_class_and_length_are_those_of_propagate(world: tuple[Topology, Seeds]) -> None:
    topology, seeds = world
    definition = propagate(topology, seeds)
    _, silent = admit(topology, seeds, lengths_of(seeds))
    entries = tuple(
        Entry(pop=seed.pop, route_class=int(seed.route_class), length=int(seed.length))
        for seed in seeds.seeds
    )

    found = alone(
        Ground(topology),
        entries,
        added=np.zeros(len(topology.adj), np.int32),
        leaks=np.zeros(0, np.int64),
        silent=silent,
    )

    is_reached = definition.route_class != RouteClass.NONE
    np.testing.assert_array_equal(found.length < FAR, is_reached)
    np.testing.assert_array_equal(found.length[is_reached], definition.length[is_reached])
    np.testing.assert_array_equal(found.route_class[is_reached], definition.route_class[is_reached])


@given(single_site_worlds())
def test_every_path_ends_at_a_session_and_is_as_long_as_it_says(world: tuple[Topology, Seeds]) -> None:
    topology, seeds = world
    _, silent = admit(topology, seeds, lengths_of(seeds))
    entries = tuple(
        Entry(pop=seed.pop, route_class=int(seed.route_class), length=int(seed.length))
        for seed in seeds.seeds
    )
    shortest: dict[int, set[int]] = {}
    for entry in entries:
        shortest.setdefault(int(topology.pop_network[entry.pop]), set()).add(entry.length)

    found = alone(
        Ground(topology),
        entries,
        added=np.zeros(len(topology.adj), np.int32),
        leaks=np.zeros(0, np.int64),
        silent=silent,
    )

    for network in np.flatnonzero(found.length < FAR).tolist():
        hops = found.path(topology, network)
        assert len(set(hops)) == len(hops)
        assert found.length[network] - (len(hops) - 1) in shortest[hops[-1]]


def test_the_order_has_every_customer_before_its_providers_even_where_they_go_round() -> None:
    ground = world([(1, 2), (2, 3), (3, 1), (1, 4)])

    assert sorted(ground.order.tolist()) == [0, 1, 2, 3]
    straight = world([(1, 2), (2, 3), (1, 3)])
    assert straight.topology.asn[straight.order].tolist() == [3, 2, 1]


def test_a_network_that_originates_takes_no_customers_route_however_short() -> None:
    ground = world([(1, 10), (1, 20)])

    found = routes(ground, heard_at(ground, 1, route_class=0, length=6), heard_at(ground, 10))

    assert path(ground, found, 1) == [1]
    assert path(ground, found, 20) == [20, 1]
    at = ground.topology.index_of(1)
    assert (found.route_class[at], found.length[at]) == (0, 6)


def test_a_refused_link_sends_a_network_the_other_way() -> None:
    ground = world([(1, 10), (2, 10), (1, 20), (2, 20)])

    plain = routes(ground, heard_at(ground, 10))
    cut = routes(ground, heard_at(ground, 10), refused=(link(ground, 20, 1),))

    assert path(ground, plain, 20) == [20, 1, 10]
    assert path(ground, cut, 20) == [20, 2, 10]
    assert not cut.offered[link(ground, 20, 1)]
    assert cut.offered[link(ground, 20, 2)]


def test_a_leak_hands_over_what_the_rules_forbid() -> None:
    ground = world([(1, 10), (1, 50), (2, 50), (2, 60)])

    plain = routes(ground, heard_at(ground, 10))
    leaking = routes(ground, heard_at(ground, 10), leaks=(link(ground, 2, 50),))

    assert path(ground, plain, 60) == []
    assert path(ground, leaking, 60) == [60, 2, 50, 1, 10]


def test_leaks_that_feed_each_other_make_no_loop() -> None:
    ground = world([(1, 10), (1, 50), (2, 50), (2, 60), (3, 60), (3, 50)])
    leaks = tuple(link(ground, *pair) for pair in ((2, 50), (3, 60), (3, 50), (2, 60)))

    found = routes(ground, heard_at(ground, 10), leaks=leaks)

    for asn in (2, 3, 60):
        hops = path(ground, found, asn)
        assert hops[-1] == 10
        assert len(set(hops)) == len(hops)


def test_a_network_is_not_offered_a_path_through_itself() -> None:
    ground = world([(1, 10), (1, 20)])

    found = routes(ground, heard_at(ground, 10))

    assert not found.offered[link(ground, 10, 1)]
    assert found.offered[link(ground, 20, 1)]
    assert not found.offered[link(ground, 1, 20)]
