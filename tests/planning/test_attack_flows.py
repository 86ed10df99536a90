"""Several weights handed on at once end where each would alone, and a sink swallows what crosses it."""

from __future__ import annotations

import numpy as np
import pytest
import random_worlds
from hypothesis import given
from hypothesis import strategies as st

from anyplane.planning.compile import compile as compile_design
from anyplane.routing import NO_SITE, Routes
from anyplane.routing.crossing import crossing
from anyplane.routing.flow import flow, flows
from anyplane.routing.frontier import Engine


def routes_of(seed: int) -> tuple[Routes, np.random.Generator]:
    """The routes of a random design on a random world; its engine still holds the offers."""
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    scenario = compile_design(random_worlds.design(rng, world), world)[0]
    return Engine(world, scenario.seeds).run(reuse=True), rng


def by_site(routes: Routes, by_seed: np.ndarray) -> np.ndarray:
    """(S,) of (K,)."""
    site = np.array([seed.site for seed in routes.seeds.seeds], np.int64)
    return np.bincount(site, weights=by_seed, minlength=routes.seeds.sites)


@given(st.integers(0, 10_000))
def test_each_of_several_weights_ends_where_it_would_alone(seed: int) -> None:
    routes, rng = routes_of(seed)
    weights = rng.random((3, routes.topology.pops)) * (rng.random((3, routes.topology.pops)) < 0.5)
    before = weights.copy()

    found = flows(routes, weights)

    for weight, came in zip(weights, found.by_seed, strict=True):
        assert by_site(routes, came) == pytest.approx(flow(routes, weight))
    assert (found.sunk == 0).all()
    assert (weights == before).all()


@given(st.integers(0, 10_000))
def test_nothing_is_lost_but_what_sinks_or_has_no_route(seed: int) -> None:
    routes, rng = routes_of(seed)
    weights = rng.random((2, routes.topology.pops))
    sinks = rng.random(routes.topology.networks) < 0.15

    found = flows(routes, weights, sinks=sinks)

    routed = weights[:, routes.site != NO_SITE].sum(axis=1)
    assert found.by_seed.sum(axis=1) + found.sunk == pytest.approx(routed)
    has_route = routes.site != NO_SITE
    assert found.sunk == pytest.approx(weights @ np.where(has_route, crossing(routes, networks=sinks), 0.0))


@given(st.integers(0, 10_000))
def test_a_sink_swallows_whoever_has_it_on_the_path(seed: int) -> None:
    """Where no network on the path has a choice, the path itself is the definition."""
    routes, rng = routes_of(seed)
    sinks = rng.random(routes.topology.networks) < 0.3
    offers = offers_of(routes)
    for pop in range(routes.topology.pops):
        path = routes.pop_path(pop)
        networks = [int(routes.topology.pop_network[here]) for here in path]
        if not path or any(offers[network] > 1 for network in networks):
            continue
        weight = np.zeros((1, routes.topology.pops))
        weight[0, pop] = 1.0

        found = flows(routes, weight, sinks=sinks)

        assert found.sunk[0] == float(any(sinks[network] for network in networks))
        reached = by_site(routes, found.by_seed[0])
        assert reached[int(routes.site[pop])] == 1.0 - found.sunk[0]


def offers_of(routes: Routes) -> list[int]:
    """How many equally good candidates each network has."""
    assert isinstance(routes.engine, Engine)
    work = routes.engine.workspace
    counts = [0] * routes.topology.networks
    for network in work.order[: int(work.settled[0])]:
        at = int(work.node[network, 1])
        while at >= 0:
            counts[network] += 1
            at = int(work.offer[at, 1])
    return counts
