"""Where attacks and users land: as `plan` says, as a design written so says, never by a poisoned way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import random_worlds
import tiny_world
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anyplane.design.design import Design
from anyplane.design.setting import with_settings
from anyplane.planning.attack.kept import fingerprint
from anyplane.planning.attack.responses import NOTHING, Ground, Kind, Poison, Response, pair, responses
from anyplane.planning.attack.sources import listed
from anyplane.planning.attack.sweep import Sweep
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import base_outcome
from anyplane.routing import NO_SITE, propagate
from anyplane.routing.flow import flow
from anyplane.topology import Topology

LATENCY = LatencyModel()


def random_sweep(seed: int) -> tuple[Design, Topology, Scenario, list[Response], Sweep]:
    """A random world, one scenario that may be turned, some of its responses, and their sweep."""
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    design = random_worlds.design(rng, world)
    scenario = compile_design(design, world)[-1]
    ground = Ground.of(design, scenario)
    mixed = any(
        set(scenario.prefixes) - set(design.sites[uplink.site].upstreams[uplink.upstream].prefixes)
        for mine in ground.uplinks.values()
        for uplink in mine
    )
    assume(not mixed and scenario.announcing)
    prepared = list(responses(ground))
    picked = [prepared[int(i)] for i in rng.integers(0, len(prepared), 6)]
    attack = rng.random(world.pops)
    sweep = Sweep(design, world, scenario, picked, weights=attack[np.newaxis, :], latency=LATENCY)
    return design, world, scenario, picked, sweep


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_users_land_as_plan_says(seed: int) -> None:
    _, world, scenario, _, sweep = random_sweep(seed)

    outcome = base_outcome(scenario, world, LATENCY)

    assert sweep.now.by_site[0] == pytest.approx(outcome.base.users, abs=1e-9)
    assert sweep.now.rtt == (
        outcome.base.rtt.p50,
        outcome.base.rtt.p90,
        outcome.base.rtt.p95,
        outcome.base.rtt.p99,
    )


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_an_attack_spread_as_the_users_lands_as_they_do(seed: int) -> None:
    design, world, scenario, _, _ = random_sweep(seed)
    users = np.bincount(world.pop_network, world.users, world.networks)
    volumes = {int(asn): float(users[n]) for n, asn in enumerate(world.asn) if users[n]}
    attack = listed(world, volumes, name="x", gbps=500.0)

    sweep = Sweep(design, world, scenario, [], weights=attack.weight[np.newaxis, :], latency=LATENCY)

    assert attack.weight.sum() == pytest.approx(500.0)
    assert sweep.now.by_site[1] == pytest.approx(sweep.now.by_site[0] * 500.0 / users.sum())


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_response_lands_as_a_design_that_was_written_so(seed: int) -> None:
    design, world, scenario, picked, sweep = random_sweep(seed)
    landings = sweep.land(picked, threads=1)
    for response, landing in zip(picked, landings, strict=True):
        if response.droppers:
            continue
        turned = with_settings(design, response.settings)
        (wanted,) = [s for s in compile_design(turned, world) if scenario.prefixes[0] in s.prefixes]

        routes = propagate(world, wanted.seeds)

        real = scenario.real_sites
        assert landing.by_site[0, :real] == pytest.approx(flow(routes, sweep.weights[0])[:real])
        assert landing.by_site[1, :real] == pytest.approx(flow(routes, sweep.weights[1])[:real])
        assert landing.by_site.sum(axis=1) + landing.unreached == pytest.approx(sweep.totals)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_poisoned_network_never_carries_the_route(seed: int) -> None:
    _, world, _, _, sweep = random_sweep(seed)
    network = seed % world.networks
    asn = int(world.asn[network])
    everywhere = sweep.scenario.announcing

    routes = sweep.poisoned(Poison(asn=asn, sites=everywhere))

    start, end = int(world.pop_start[network]), int(world.pop_start[network + 1])
    assert (routes.site[start:end] == NO_SITE).all()
    for pop in range(world.pops):
        assert network not in [int(world.pop_network[here]) for here in routes.pop_path(pop)]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_network_poisoned_at_one_site_never_carries_to_that_site(seed: int) -> None:
    _, world, _, _, sweep = random_sweep(seed)
    network = seed % world.networks
    site = sweep.scenario.announcing[0]

    routes = sweep.poisoned(Poison(asn=int(world.asn[network]), sites=(site,)))

    for pop in range(world.pops):
        path = [int(world.pop_network[here]) for here in routes.pop_path(pop)]
        if network in path:
            assert sweep.scenario.owners[routes.seed_of(pop)] != site


def tiny(prepared: list[Response], *, address_share: float = 1.0) -> Sweep:
    """The small world under 18.7 Gbit/s from AS101."""
    world = tiny_world.topology()
    scenario = compile_design(tiny_world.design(), world)[0]
    attack = listed(world, {101: 18.7}, name="x", gbps=None)
    return Sweep(
        tiny_world.design(),
        world,
        scenario,
        prepared,
        weights=attack.weight[np.newaxis, :],
        latency=tiny_world.LATENCY,
        address_share=address_share,
    )


def ground() -> Ground:
    world = tiny_world.topology()
    return Ground.of(tiny_world.design(), compile_design(tiny_world.design(), world)[0])


def named(name: str) -> Response:
    """The response of that name in the small world."""
    return next(one for one in responses(ground(), poison=(10,)) if one.name == name)


def test_the_attack_of_one_network_lands_whole_on_one_site() -> None:
    now = tiny([]).now

    assert now.by_site[1].tolist() == [18.7, 0.0]
    assert now.by_site[0].tolist() == [650.0, 300.0]
    assert now.unreached.tolist() == [50.0, 0.0]


def test_every_kind_of_response_is_prepared() -> None:
    found = {one.name: one.kind for one in responses(ground(), poison=(10,))}

    assert found == {
        "do nothing": Kind.NOTHING,
        "a: prepend 1": Kind.PREPEND,
        "a: prepend 2": Kind.PREPEND,
        "a: prepend 3": Kind.PREPEND,
        "a: withdraw": Kind.WITHDRAW,
        "a: no-export": Kind.NO_EXPORT,
        "concentrate on a": Kind.CONCENTRATE,
        "c: prepend 1": Kind.PREPEND,
        "c: prepend 2": Kind.PREPEND,
        "c: prepend 3": Kind.PREPEND,
        "c: withdraw": Kind.WITHDRAW,
        "c: no-export": Kind.NO_EXPORT,
        "concentrate on c": Kind.CONCENTRATE,
        "blackhole at AS10": Kind.BLACKHOLE,
        "blackhole at AS20": Kind.BLACKHOLE,
        "blackhole everywhere": Kind.BLACKHOLE,
        "poison AS10": Kind.POISON,
        "a: poison AS10": Kind.POISON,
        "c: poison AS10": Kind.POISON,
    }


def test_a_withdrawn_site_hands_users_and_attack_to_the_other() -> None:
    response = named("a: withdraw")

    (landing,) = tiny([response]).land([response])

    assert landing.by_site.tolist() == [[0.0, 950.0], [0.0, 18.7]]
    assert landing.moved == 700.0  # AS103's tie goes to a, the lower ASN


def test_a_blackhole_drops_the_attack_and_the_users_who_cross_that_network() -> None:
    response = named("blackhole at AS10")

    (landing,) = tiny([response]).land([response])

    assert landing.by_site.tolist() == [[0.0, 300.0], [0.0, 0.0]]
    assert landing.dropped.tolist() == [650.0, 18.7]
    assert landing.moved == 0


def test_a_blackhole_leaves_the_users_of_other_addresses_alone() -> None:
    response = named("blackhole at AS10")

    (landing,) = tiny([response], address_share=0.1).land([response])

    assert landing.by_site[0] == pytest.approx([585.0, 300.0])
    assert landing.by_site[1].tolist() == [0.0, 0.0]
    assert landing.dropped == pytest.approx([65.0, 18.7])


def test_a_poisoned_path_sends_its_network_elsewhere() -> None:
    response = named("a: poison AS10")

    (landing,) = tiny([response]).land([response])

    assert landing.by_site[0].tolist() == [0.0, 950.0]
    assert landing.by_site[1].tolist() == [0.0, 18.7]


def test_a_poisoned_path_is_longer_by_the_network_and_the_origin_again() -> None:
    sweep = tiny([])

    routes = sweep.poisoned(Poison(asn=103, sites=(0,)))

    assert sweep.routes.lengths.tolist() == [1, 1]
    assert routes.lengths.tolist() == [3, 1]


def test_a_pair_does_both_and_what_collides_is_none() -> None:
    first, second = named("a: prepend 1"), named("blackhole at AS20")
    both = pair(first, second)

    assert both is not None
    assert both.settings == first.settings
    assert both.droppers == (20,)
    assert pair(first, named("a: withdraw")) is None
    assert pair(first, NOTHING) is None
    assert pair(second, named("blackhole at AS10")) is None


def test_known_landings_are_not_reckoned_again() -> None:
    prepared = [named("a: prepend 1"), named("a: withdraw")]
    sweep = tiny(prepared)
    told: list[int] = []
    first, second = sweep.land(prepared)

    again = sweep.land(
        prepared, known={"a: prepend 1": second}, keep=lambda landings: told.append(len(landings))
    )

    assert again[0] is second
    assert (again[1].by_site == second.by_site).all()
    assert told == [2]
    assert first is not second


def test_what_is_kept_is_not_taken_for_another_internet_with_the_same_neighbours() -> None:
    sweep = tiny([])
    before = fingerprint(sweep)
    assert fingerprint(tiny([])) == before

    # The last neighbour of the first network that has peers becomes its customer.
    world = sweep.topology
    peers = world.adj_customers.copy()
    network = int(np.flatnonzero(peers > world.adj_peers)[0])
    peers[network] -= 1
    sweep.topology = replace(world, adj_customers=peers)

    assert fingerprint(sweep) != before
