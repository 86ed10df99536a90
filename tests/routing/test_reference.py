"""The definition itself, on worlds small enough to work out by hand: one rule of the model each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import metros

from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import NO_EXPORT, NO_SITE, ExportFilter, Routes, Seed, Seeds, frontier, reference
from anyplane.topology import Topology, build

WEST, MIDDLE, EAST = 0, 1, 2
KM = np.array([[0, 100, 1000], [100, 0, 900], [1000, 900, 0]])
OPERATOR = Asn(64500)


def world(
    transit: list[tuple[int, int]],
    peers: list[tuple[int, int]],
    presence: list[tuple[int, int]],
    *,
    rov: tuple[int, ...] = (),
) -> Topology:
    asns = sorted({asn for asn, _ in presence})
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peers,
        presence=([asn for asn, _ in presence], [metro for _, metro in presence]),
        metros=metros(KM),
        rov=[asn in rov for asn in asns],
    )


def pop(topology: Topology, asn: int, metro: int) -> int:
    found = topology.pop_at(topology.index_of(asn), metro)
    assert found >= 0
    return found


def session(topology: Topology, network: int, metro: int, site: int, **attributes: object) -> Seed:
    """A site's session, as a customer of this network."""
    plain = Seed(
        pop=pop(topology, network, metro), site=site, route_class=RouteClass.CUSTOMER, length=1, asn=OPERATOR
    )
    return replace(plain, **attributes)


def propagate(topology: Topology, *seeds: Seed) -> Routes:
    """The definition's Routes, after seeing that the kernel has the same."""
    these = Seeds.of(seeds, sites=1 + max(seed.site for seed in seeds))
    definition, fast = reference.propagate(topology, these), frontier.propagate(topology, these)
    for name in ("route_class", "length", "site", "next_hop", "hops", "possible", "km"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(definition, name), err_msg=name)
    return definition


def path(topology: Topology, routes: Routes, asn: int) -> tuple[int, ...]:
    return routes.as_path(int(topology.pop_start[topology.index_of(asn)]))


def two_sided() -> Topology:
    """AS10 in WEST and EAST; AS20 and AS21 sell in WEST, AS22 in EAST; AS30 is a stub of AS20."""
    return world(
        [(10, 20), (10, 21), (10, 22), (20, 30)],
        [(20, 21)],
        [(10, WEST), (10, EAST), (20, WEST), (21, WEST), (22, EAST), (30, WEST)],
    )


def test_each_metro_leaves_by_its_nearest_exit_and_adds_up_the_kilometres() -> None:
    topology = world([], [], [(10, WEST), (10, MIDDLE), (10, EAST)])
    routes = propagate(
        topology,
        session(topology, 10, WEST, 0, km=5.0),
        session(topology, 10, EAST, 1, km=7.0),
    )

    assert routes.site.tolist() == [0, 0, 1]
    assert routes.km.tolist() == [5.0, 105.0, 7.0]


def test_a_customers_route_wins_over_a_shorter_one_of_a_peer() -> None:
    topology = two_sided()
    routes = propagate(
        topology, session(topology, 30, WEST, 0, length=6), session(topology, 21, WEST, 1, length=1)
    )

    assert path(topology, routes, 20) == (20, 30, *[OPERATOR] * 6)
    assert path(topology, routes, 10) == (10, 21, OPERATOR)


def test_a_peers_route_goes_to_customers_only() -> None:
    topology = world([(20, 30)], [(20, 21), (20, 22)], [(20, WEST), (21, WEST), (22, WEST), (30, WEST)])
    routes = propagate(topology, session(topology, 21, WEST, 0))

    assert path(topology, routes, 20) == (20, 21, OPERATOR)
    assert path(topology, routes, 30) == (30, 20, 21, OPERATOR)
    assert path(topology, routes, 22) == ()


def test_the_lower_med_wins_between_two_sites_at_one_upstream_however_near_the_other() -> None:
    topology = world([], [], [(10, WEST), (10, EAST)])
    near, far = session(topology, 10, WEST, 0, med=10), session(topology, 10, EAST, 1, med=5)

    assert propagate(topology, near, far).site.tolist() == [1, 1]
    assert propagate(topology, replace(near, length=1), replace(far, length=2)).site.tolist() == [0, 0]


def test_med_is_not_compared_between_operators() -> None:
    topology = world([], [], [(10, WEST), (10, EAST)])
    routes = propagate(
        topology,
        session(topology, 10, WEST, 0, med=10),
        session(topology, 10, EAST, 1, med=5, asn=Asn(64501)),
    )

    assert routes.site.tolist() == [0, 1]


def test_no_export_keeps_the_route_in_the_upstream() -> None:
    topology = two_sided()
    routes = propagate(topology, session(topology, 20, WEST, 0, filters=(NO_EXPORT,)))

    assert path(topology, routes, 20) == (20, OPERATOR)
    assert [path(topology, routes, asn) for asn in (10, 21, 22, 30)] == [(), (), (), ()]


@pytest.mark.parametrize(
    ("to", "unreached"),
    [(RouteClass.CUSTOMER, 10), (RouteClass.PEER, 21), (RouteClass.PROVIDER, 30)],
)
def test_do_not_export_to_a_class_says_what_the_neighbour_would_hold(to: RouteClass, unreached: int) -> None:
    topology = two_sided()
    rule = ExportFilter(blocks=True, classes=frozenset([to]))
    routes = propagate(topology, session(topology, 20, WEST, 0, filters=(rule,)))

    direct = {asn for asn in (10, 21, 30) if path(topology, routes, asn) == (asn, 20, OPERATOR)}
    assert direct == {10, 21, 30} - {unreached}


def test_prepend_towards_one_network_lengthens_that_way_alone() -> None:
    topology = two_sided()
    rule = ExportFilter(blocks=False, times=2, networks=frozenset([topology.index_of(10)]))
    routes = propagate(topology, session(topology, 20, WEST, 0, filters=(rule,)))

    assert path(topology, routes, 10) == (10, 20, 20, 20, OPERATOR)
    assert path(topology, routes, 22) == (22, 10, 20, 20, 20, OPERATOR)
    assert path(topology, routes, 30) == (30, 20, OPERATOR)


def test_of_several_prepends_asked_for_the_longest_counts() -> None:
    topology = two_sided()
    rules = tuple(ExportFilter(blocks=False, times=times) for times in (1, 3, 2))
    routes = propagate(topology, session(topology, 20, WEST, 0, filters=rules))

    assert path(topology, routes, 30) == (30, 20, 20, 20, 20, OPERATOR)


def test_do_not_export_in_a_region_leaves_the_interconnects_elsewhere() -> None:
    topology = world([(10, 20)], [], [(10, WEST), (10, EAST), (20, WEST), (20, EAST)])
    rule = ExportFilter(blocks=True, metros=frozenset([EAST]))
    routes = propagate(topology, session(topology, 20, EAST, 0, filters=(rule,)))

    # AS10 in EAST stands next to the site, but its way leads over WEST and back.
    assert routes.next_hop[pop(topology, 10, EAST)] == pop(topology, 20, WEST)
    assert routes.km[pop(topology, 10, EAST)] == 2000.0


def test_a_filter_belongs_to_the_session_that_carries_it() -> None:
    topology = world([(10, 20)], [], [(10, WEST), (10, EAST), (20, WEST), (20, EAST)])
    routes = propagate(
        topology,
        session(topology, 20, WEST, 0, filters=(NO_EXPORT,)),
        session(topology, 20, EAST, 1),
    )

    assert routes.site[pop(topology, 20, WEST)] == 0
    assert routes.site[pop(topology, 10, WEST)] == 1


def test_a_blackhole_takes_the_upstreams_own_users_and_nobody_else() -> None:
    topology = two_sided()
    routes = propagate(
        topology,
        session(topology, 20, WEST, 0),
        session(topology, 21, WEST, 1, filters=(NO_EXPORT,)),  # site 1 stands for the blackhole
    )

    assert [
        asn for asn in (10, 20, 21, 22, 30) if routes.site[topology.pop_start[topology.index_of(asn)]] == 1
    ] == [21]


def test_a_drained_session_serves_nobody_while_there_is_any_other_route() -> None:
    topology = two_sided()
    drained = session(topology, 20, WEST, 0, is_backup=True)

    routes = propagate(topology, drained, session(topology, 22, EAST, 1, length=4))

    assert set(routes.site.tolist()) == {1}
    assert path(topology, routes, 20) == (20, 10, 22, *[OPERATOR] * 4)
    assert set(propagate(topology, drained).site.tolist()) == {0}


def test_when_all_is_drained_the_shortest_backup_comes_in_first_and_may_serve_everybody() -> None:
    topology = two_sided()
    routes = propagate(
        topology,
        session(topology, 20, WEST, 0, is_backup=True),
        session(topology, 22, EAST, 1, is_backup=True, length=3),
    )

    assert set(routes.site.tolist()) == {0}


def test_a_network_that_originates_itself_takes_part_whoever_else_names_its_asn() -> None:
    topology = world([(10, 20), (20, 30)], [], [(10, WEST), (20, WEST), (30, WEST)])
    own = session(topology, 20, WEST, 1, route_class=RouteClass.ORIGIN, length=0, asn=Asn(20))
    routes = propagate(topology, session(topology, 10, WEST, 0, asn=Asn(20)), own)

    assert path(topology, routes, 20) == (20,)
    assert path(topology, routes, 30) == (30, 20)


def test_a_network_gives_its_backup_up_when_a_later_one_brings_it_another_route() -> None:
    topology = world([(10, 20)], [], [(10, WEST), (20, WEST)])
    routes = propagate(
        topology,
        session(topology, 10, WEST, 0, is_backup=True, filters=(NO_EXPORT,)),
        session(topology, 20, WEST, 1, is_backup=True, length=3),
    )

    # AS10 goes first and keeps its route to itself; so AS20 takes its own, and exports it to AS10.
    assert routes.site.tolist() == [1, 1]


def test_a_hijacker_wins_where_it_is_nearer_and_loses_those_that_validate() -> None:
    topology = world(
        [(10, 20), (10, 21), (10, 22), (21, 31), (20, 30)],
        [],
        [(asn, WEST) for asn in (10, 20, 21, 22, 30, 31)],
        rov=(22, 30),
    )
    victim = session(topology, 20, WEST, 0)
    hijacker = Seed(
        pop=pop(topology, 31, WEST),
        site=1,
        route_class=RouteClass.ORIGIN,
        length=0,
        asn=Asn(31),
        is_invalid=True,
    )

    routes = propagate(topology, replace(victim, length=3), hijacker)

    assert path(topology, routes, 31) == (31,)
    assert path(topology, routes, 21) == (21, 31)
    assert path(topology, routes, 10) == (10, 21, 31)
    assert path(topology, routes, 22) == (), "it validates, and its only provider holds the hijacker's"
    assert path(topology, routes, 30) == (30, 20, *[OPERATOR] * 3)


def test_an_upstream_that_validates_refuses_an_invalid_session() -> None:
    topology = world([], [], [(10, WEST)], rov=(10,))

    assert path(topology, propagate(topology, session(topology, 10, WEST, 0, is_invalid=True)), 10) == ()


def test_the_network_with_the_origins_own_asn_takes_no_part() -> None:
    topology = world([(10, 20), (20, 30)], [], [(10, WEST), (20, WEST), (30, WEST)])
    routes = propagate(topology, session(topology, 10, WEST, 0, asn=Asn(20)))

    assert [path(topology, routes, asn) for asn in (10, 20, 30)] == [(10, 20), (), ()]


def test_equally_good_providers_are_a_tie_that_the_lowest_asn_wins() -> None:
    topology = world([(20, 40), (30, 40)], [], [(20, WEST), (30, WEST), (40, WEST)])
    routes = propagate(topology, session(topology, 20, WEST, 0), session(topology, 30, WEST, 1))

    stub = pop(topology, 40, WEST)
    assert routes.site[stub] == 0
    assert int(routes.possible[stub, 0]) == 0b11
    assert reference.expected(routes)[stub].tolist() == [0.5, 0.5]


def test_a_path_longer_than_16_bits_is_not_handed_on() -> None:
    topology = two_sided()
    routes = frontier.propagate(topology, Seeds.of([session(topology, 20, WEST, 0, length=65533)], sites=1))
    rule = ExportFilter(blocks=False, times=40)
    asked = frontier.propagate(
        topology, Seeds.of([session(topology, 20, WEST, 0, length=65500, filters=(rule,))], sites=1)
    )

    is_cut_off = routes.route_class[topology.pop_network] == RouteClass.NONE
    assert routes.length.tolist() == [65534, 65533, 65534, 65535, 65534]
    assert topology.asn[topology.pop_network[is_cut_off]].tolist() == [22]
    np.testing.assert_array_equal(routes.site == NO_SITE, is_cut_off)
    assert asked.length.tolist() == [65535, 65500, 65535, 65535, 65535]
