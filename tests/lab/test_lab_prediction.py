"""The prediction is what the planner says, told as the routers' tables would, timed as the wires are cut."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.datasets.world_file import read_world
from anyplane.design import Design, parse
from anyplane.lab.blueprint import Blueprint, LinkKind, NodeKind
from anyplane.lab.proof.random_worlds import random_world
from anyplane.lab.world.build import build
from anyplane.lab.world.prediction import Hop, NodeRoute, Prediction, from_json, predict, to_json
from anyplane.model.errors import UsageError
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.routing import propagate
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
V4 = "203.0.113.0/24"
LATENCY = LatencyModel()


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_world(EXAMPLES / "dozen-cities.world.yaml")


@pytest.fixture(scope="module")
def design() -> Design:
    return parse((EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def blueprint(design: Design, topology: Topology) -> Blueprint:
    return build(design, topology)


def nodes_on(hops: Sequence[Hop], blueprint: Blueprint) -> tuple[str, ...]:
    """The names of the nodes that stand at these hops."""
    names = {
        (int(node.asn), node.location.metro): node.name
        for node in blueprint.nodes
        if node.kind == NodeKind.ROUTER
    }
    return tuple(names[hop.asn, hop.metro] for hop in hops)


def wire_delay(blueprint: Blueprint, route: NodeRoute) -> float | None:
    """One way along the links of a route; None where it ends at no site, or two ways lead to the site."""
    nodes = nodes_on(route.hops, blueprint)
    total = 0.0
    for here, after in pairwise(nodes):
        (link,) = [
            one for one in blueprint.links_of[here] if one.far(here) == after and one.kind != LinkKind.SITE
        ]
        total += link.delay_ms
    site = blueprint.site_nodes.get(route.site)
    if site is None:
        return None
    last = nodes[-1]
    cables = [one for one in blueprint.links_of[last] if one.kind == LinkKind.SITE and one.b == site.name]
    lans = [one for one in blueprint.exchanges_of[last] if one in blueprint.exchanges_of[site.name]]
    if len(cables) + len(lans) != 1:
        return None
    if cables:
        return total + cables[0].delay_ms
    return total + lans[0].port(last).delay_ms + lans[0].port(site.name).delay_ms


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_delays_on_the_wire_sum_up_to_the_planners_round_trip_less_the_last_mile(seed: int) -> None:
    world = random_world(seed)
    blueprint = build(world.design, world.topology)
    prediction = predict(world.design, world.topology, blueprint)
    routers = [node for node in blueprint.nodes if node.kind == NodeKind.ROUTER]
    checked = 0

    for scenario in compile_design(world.design, world.topology):
        routes = propagate(world.topology, scenario.seeds)
        told = prediction.by_prefix[str(scenario.prefixes[0])]
        for node in routers:
            network = world.topology.index_of(int(node.asn))
            metro = world.topology.metros.code.index(node.location.metro)
            pop = world.topology.pop_at(network, metro)
            route = told.of(node.name)
            if not route.site or (one_way := wire_delay(blueprint, route)) is None:
                continue
            planned = float(LATENCY.rtt(routes.km[pop : pop + 1], routes.hops[pop : pop + 1])[0])
            # The planner rounds to a hundredth, its kilometres are of single precision.
            assert 2 * one_way == pytest.approx(planned - LATENCY.last_mile_ms, abs=0.012)
            checked += 1

    assert checked > 0 or not any(route.site for told in prediction.prefixes for route in told.routes)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_node_is_told_the_planners_site_and_path(seed: int) -> None:
    world = random_world(seed)
    blueprint = build(world.design, world.topology)

    prediction = predict(world.design, world.topology, blueprint)

    for scenario in compile_design(world.design, world.topology):
        routes = propagate(world.topology, scenario.seeds)
        for prefix in scenario.prefixes:
            told = prediction.by_prefix[str(prefix)]
            for node in (one for one in blueprint.nodes if one.kind == NodeKind.ROUTER):
                network = world.topology.index_of(int(node.asn))
                metro = world.topology.metros.code.index(node.location.metro)
                pop = world.topology.pop_at(network, metro)
                route = told.of(node.name)
                assert (int(node.asn), *route.as_path) == routes.as_path(pop) or not route.site
                assert route.km == pytest.approx(float(routes.km[pop]), abs=1e-2) or not route.site
                assert (route.site == "") == (not routes.as_path(pop))
                if route.site:
                    # Prepends aside, the path has a network for each change of ASN on the way.
                    networks = list(dict.fromkeys(hop.asn for hop in route.hops))
                    assert networks == list(dict.fromkeys((int(node.asn), *route.as_path)))[:-1]


def test_lisbon_goes_to_madrid_tokyo_to_tokyo_chicago_to_chicago(
    design: Design, topology: Topology, blueprint: Blueprint
) -> None:
    prediction = predict(design, topology, blueprint)

    for prefix in prediction.prefixes:
        sites = {route.node: route.site for route in prefix.routes}
        assert sites["as3243-lis"] == sites["as2860-lis"] == "mad"
        assert sites["as4713-tyo"] == sites["as2516-tyo"] == "tyo"
        assert sites["as7922-chi"] == "chi"
        assert all(route.is_certain for route in prefix.routes if blueprint.by_name[route.node].is_client)
    assert [item.prefix for item in prediction.prefixes] == [V4, "2001:db8:53::/48"]


def test_the_round_trip_comes_back_over_the_sites_default_route(
    design: Design, topology: Topology, blueprint: Blueprint
) -> None:
    route = predict(design, topology, blueprint).by_prefix[V4].of("as2860-lis")

    # Out over the exchange (0.15 ms and the fibre); back through AS174 and AS1299, its provider: three hops.
    fibre = route.km * LATENCY.inflation / 204.19
    assert route.as_path == (64500,)
    assert route.rtt_ms == pytest.approx(2 * fibre + 0.15 + 3 * 0.15, abs=0.002)


def test_with_a_site_gone_its_users_go_elsewhere(
    design: Design, topology: Topology, blueprint: Blueprint
) -> None:
    gone = predict(design, topology, blueprint, without=["mad"]).by_prefix[V4]

    assert "mad" not in {route.site for route in gone.routes}
    assert gone.of("as3243-lis").site == "chi"


def test_with_an_upstream_gone_the_others_carry_the_site(
    design: Design, topology: Topology, blueprint: Blueprint
) -> None:
    gone = predict(design, topology, blueprint, without=["mad:48793", "mad:174"]).by_prefix[V4]

    assert gone.of("as12479-mad").as_path == (1299, 64500)
    assert gone.of("as12479-mad").site == "mad"
    assert gone.of("as174-mad").site != "mad"


def test_with_all_gone_nobody_has_a_route(design: Design, topology: Topology, blueprint: Blueprint) -> None:
    gone = predict(design, topology, blueprint, without=["mad", "tyo", "chi"])

    assert {route.site for item in gone.prefixes for route in item.routes} == {""}


def test_who_is_to_be_gone_must_be_there(design: Design, topology: Topology, blueprint: Blueprint) -> None:
    with pytest.raises(UsageError, match="no site or upstream lis"):
        predict(design, topology, blueprint, without=["lis"])


def test_a_prediction_survives_json(design: Design, topology: Topology, blueprint: Blueprint) -> None:
    prediction = predict(design, topology, blueprint, without=["chi"])

    assert from_json(to_json(prediction)) == prediction
    assert not isinstance(values(prediction)[0], np.generic)
    assert not any(isinstance(value, np.generic) for value in values(prediction))


def values(prediction: Prediction) -> list[object]:
    found: list[object] = []
    for route in (route for item in prediction.prefixes for route in item.routes):
        found += [route.km, route.rtt_ms, *route.as_path, *(hop.asn for hop in route.hops), route.is_certain]
    return found


def test_reading_a_prediction_needs_no_numpy() -> None:
    program = (
        "import sys; from anyplane.lab.world.prediction import from_json; "
        'from_json(\'{"prefixes": [], "last_mile_ms": 6}\'); '
        "print([name for name in sys.modules if name.split('.')[0] in ('numpy', 'numba')])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]", done.stderr
