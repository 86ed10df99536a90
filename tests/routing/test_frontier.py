"""The fast engines equal the definition on random worlds."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from worlds import busy_seeds, busy_topology, metros, seed_sets, topologies, worlds

from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import NO_SITE, Routes, Seed, Seeds, expected, frontier, levels, reference
from anyplane.routing.flow import flow
from anyplane.routing.ribs import rib_rows
from anyplane.routing.state import admit
from anyplane.topology import build, without_metros

EXAMPLES = int(os.environ.get("ANYPLANE_EXAMPLES", "1500"))
"""Worlds for each property; `make agree` raises it."""

thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def assert_same(fast: Routes, definition: Routes) -> None:
    for name in ("route_class", "length", "site", "next_hop", "hops", "possible", "km"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(definition, name), err_msg=name)


@thorough
@given(worlds())
def test_the_kernel_equals_the_definition_with_every_attribute(world):
    topology, seeds = world

    fast, definition = frontier.propagate(topology, seeds), reference.propagate(topology, seeds)

    event(f"sites reached: {len(set(definition.site.tolist()) - {NO_SITE})}")
    assert_same(fast, definition)


@thorough
@given(worlds(sites=70))
def test_more_than_64_sites_need_a_second_word_and_nothing_else_changes(world):
    topology, seeds = world

    assert_same(frontier.propagate(topology, seeds), reference.propagate(topology, seeds))


@thorough
@given(worlds())
def test_expected_sites_equal_the_definition(world):
    topology, seeds = world
    routes = frontier.propagate(topology, seeds)

    chance = expected(routes)

    np.testing.assert_allclose(chance, reference.expected(routes), rtol=1e-5)
    np.testing.assert_allclose(chance.sum(axis=1), routes.site != NO_SITE, rtol=1e-5)
    bits = (routes.possible[:, :1] >> np.arange(seeds.sites, dtype=np.uint64)) & np.uint64(1)
    np.testing.assert_array_equal(chance > 0, bits > 0)


@thorough
@given(worlds())
def test_every_path_leads_over_links_to_the_site_and_is_as_long_as_it_says(world):
    topology, seeds = world
    routes = frontier.propagate(topology, seeds)

    for pop in range(topology.pops):
        path, networks = routes.as_path(pop), routes.pop_path(pop)
        if not path:
            assert routes.site[pop] == NO_SITE
            continue
        network = int(topology.pop_network[pop])
        assert len(path) == int(routes.length[network]) + 1
        assert path[0] == int(topology.asn[network])
        assert seeds.seeds[routes.seed_of(pop)].site == int(routes.site[pop])
        assert len({int(topology.pop_network[p]) for p in networks}) == len(networks)


@pytest.mark.parametrize("number", range(0, 1500, 100))
def test_a_backup_is_used_only_by_a_network_that_hears_nothing_else(number):
    # Fixed worlds: about one random world of 20,000 has no such state (its filters make it go round).
    for seed in range(number, number + 100):
        rng = np.random.default_rng(seed)
        topology = busy_topology(rng)
        assert_backups_rest(topology, busy_seeds(rng, topology))


def assert_backups_rest(topology, seeds):
    engine = frontier.Engine(topology, seeds)
    routes = engine.run()
    admitted, silent = admit(topology, seeds, routes.lengths)

    state = reference.stable_state(topology, seeds, admitted, silent)

    users = {
        int(topology.pop_network[pop])
        for pop, decision in state.items()
        if decision.chosen.next_hop < 0 and seeds.seeds[-decision.chosen.next_hop - 1].is_backup
    }
    for network in users:
        for offer in reference.candidates(topology, seeds, admitted, state, network):
            assert offer.next_hop < 0
            assert seeds.seeds[-offer.next_hop - 1].is_backup
    assert_same(engine.run(reuse=True), routes)


@thorough
@given(worlds())
def test_users_flow_to_the_sites_as_expected_says(world):
    topology, seeds = world
    weight = np.arange(1.0, topology.pops + 1)
    engine = frontier.Engine(topology, seeds)
    again = engine.run(reuse=True)

    shares = flow(again, weight)

    np.testing.assert_allclose(shares, weight @ expected(again), rtol=1e-4)
    np.testing.assert_allclose(flow(engine.run(), weight), shares, rtol=1e-12)


@thorough
@given(worlds())
def test_the_written_paths_are_those_that_the_routes_tell(world):
    topology, seeds = world
    routes = frontier.propagate(topology, seeds)
    pops = np.arange(topology.pops)

    text = rib_rows(routes, "192.0.2.0/24", pops=pops).decode()

    paths = [routes.as_path(pop) for pop in range(topology.pops)]
    assert text.splitlines() == [f'{path[0]},192.0.2.0/24,"{path}"' for path in paths if path]


@thorough
@given(st.data())
def test_levels_equal_the_definition_without_metros(data):
    topology = without_metros(data.draw(topologies(acyclic=True)))
    seeds = data.draw(seed_sets(topology, plain=True))
    assume(levels.rank(topology) is not None)

    result = levels.LevelEngine(topology, seeds).run()

    definition = reference.propagate(topology, seeds)
    np.testing.assert_array_equal(result.route_class, definition.route_class)
    np.testing.assert_array_equal(result.length, definition.length)
    np.testing.assert_array_equal(result.possible, definition.possible)


@thorough
@given(st.data())
def test_lanes_add_up_what_each_scenario_alone_gives(data):
    topology = without_metros(data.draw(topologies(acyclic=True)))
    sites = data.draw(st.sampled_from([4, 30, 70]))
    seeds = data.draw(seed_sets(topology, plain=True, sites=sites))
    assume(levels.rank(topology) is not None and seeds.seeds)
    row = st.lists(st.sampled_from([0, 1, 2, 5, 65535]), min_size=len(seeds.seeds), max_size=len(seeds.seeds))
    rows = np.array(data.draw(st.lists(row, min_size=1, max_size=40)), np.uint16).reshape(
        -1, len(seeds.seeds)
    )
    weight = np.arange(1.0, topology.networks + 1)

    shares = levels.LevelEngine(topology, seeds).shares(rows, weight, threads=2)

    engine = frontier.Engine(topology, seeds)
    for r in range(len(rows)):
        routes = engine.run(rows[r])
        words = [int.from_bytes(word.tobytes(), "little") for word in routes.possible]
        for site in range(sites):
            possible = sum(weight[n] for n in range(topology.networks) if words[n] >> site & 1)
            certain = sum(weight[n] for n in range(topology.networks) if words[n] == 1 << site)
            assert shares.possible[r, site] == possible
            assert shares.certain[r, site] == certain
        assert shares.unreached[r] == sum(weight[routes.site == NO_SITE])


def chain(length: int) -> tuple[Seeds, object]:
    world = metros(np.zeros((1, 1)))
    asns = range(1, length + 1)
    topology = build(
        asn=asns,
        providers_customers=[(n, n + 1) for n in range(1, length)],
        peers=[],
        presence=(asns, np.zeros(length, int)),
        metros=world,
    )
    seed = Seed(pop=length - 1, site=0, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500))
    return Seeds.of([seed], sites=1), topology


@pytest.mark.parametrize("length", [17, 300, 5000])
def test_a_path_of_thousands_of_hops_is_followed_to_its_end(length):
    seeds, topology = chain(length)

    routes = frontier.propagate(topology, seeds)

    assert int(routes.length[0]) == length
    assert routes.as_path(0) == (*range(1, length + 1), 64500)
    assert int(levels.LevelEngine(topology, seeds).run().length[0]) == length


def test_three_hundred_sites_at_one_network_are_told_apart():
    world = metros(np.array([[0, 1], [1, 0]]))
    topology = build(
        asn=[1, 2], providers_customers=[(1, 2)], peers=[], presence=([1, 2], [0, 1]), metros=world
    )
    rows = [
        Seed(pop=0, site=s, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500), km=s)
        for s in range(300)
    ]

    routes = frontier.propagate(topology, Seeds.of(rows, sites=300))

    assert routes.site.tolist() == [0, 0]
    assert sum(int(word).bit_count() for word in routes.possible[1]) == 300


def test_a_provider_cycle_ends_and_keeps_every_network_reached():
    world = metros(np.zeros((1, 1)))
    asns = [1, 2, 3, 4]
    topology = build(
        asn=asns,
        providers_customers=[(1, 2), (2, 3), (3, 1), (3, 4)],
        peers=[],
        presence=(asns, [0] * 4),
        metros=world,
    )
    seeds = Seeds.of(
        [Seed(pop=3, site=0, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500))], sites=1
    )

    routes = frontier.propagate(topology, seeds)

    assert [routes.as_path(pop) for pop in range(4)] == [
        (1, 2, 3, 4, 64500),
        (2, 3, 4, 64500),
        (3, 4, 64500),
        (4, 64500),
    ]
    assert levels.rank(topology) is None
    with pytest.raises(ValueError, match="cycle"):
        levels.LevelEngine(topology, seeds)
