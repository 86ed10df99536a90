"""The way back is what `routing.reference` chooses where the site is a network, linked to its upstreams."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from origin_worlds import is_route_server, links_of, with_site
from random_worlds import ORIGIN, design, topology

from anyplane.model.nouns import RouteClass
from anyplane.planning.both_ways.returning import Prefer, best_sessions, client_seeds, is_told
from anyplane.planning.both_ways.uplinks import uplinks_of
from anyplane.planning.both_ways.walks import Walker
from anyplane.planning.both_ways.ways import km_back
from anyplane.routing import NO_SITE, Seed, Seeds, propagate, reference
from anyplane.routing.state import admit, lengths_of
from anyplane.topology import Topology


def plain_seeds(world: Topology, network: int) -> Seeds:
    """The client's prefix, said without any of our code."""
    pops = range(int(world.pop_start[network]), int(world.pop_start[network + 1]))
    return Seeds.of(
        [
            Seed(pop=pop, site=0, route_class=RouteClass.ORIGIN, length=0, asn=world.asn[network])
            for pop in pops
        ],
        sites=1,
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_way_back_is_what_the_definition_chooses_at_a_site_that_is_a_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = topology(rng, networks=24, places=6)
    plan = design(rng, world, sites=3)
    uplinks = uplinks_of(plan, world)
    client = int(rng.integers(world.networks))
    routes = propagate(world, client_seeds(world, client, origin=ORIGIN))
    for index, site in enumerate(plan.sites):
        metro = world.metros.code.index(site.metro)
        whole = with_site(world, uplinks, index, origin=ORIGIN, metro=metro)
        if whole is None:
            continue
        seeds = plain_seeds(whole, client)
        truth = reference.propagate(whole, seeds)
        ours = int(whole.pop_start[world.networks])
        edge = uplinks.edges[index]
        found = best_sessions(routes, edge, Prefer.PEER)

        assert bool(len(found)) == (int(truth.site[ours]) != NO_SITE)
        if not len(found):
            continue
        pops = truth.pop_path(ours)[1:]
        walked = Walker(routes).walk(int(edge.pop[found[0]])).pops
        assert list(walked) == pops
        state = reference.stable_state(whole, seeds, *admit(whole, seeds, lengths_of(seeds)))
        assert {int(edge.pop[k]) for k in found} == {c.next_hop for c in state[ours].tied}
        assert int(truth.length[world.networks]) == int(routes.length[edge.network[found[0]]]) + 1
        assert int(truth.hops[ours]) == int(routes.hops[walked[0]]) + 1
        if not is_route_server(uplinks, index):
            # A member's port is at the exchange, which may lie elsewhere than the site.
            km = km_back(routes, edge, int(found[0]), walked[-1], walked[-1])
            assert km == pytest.approx(float(truth.km[ours]), abs=0.5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(Prefer))
def test_another_local_preference_only_replaces_the_first_step(seed: int, prefer: Prefer) -> None:
    rng = np.random.default_rng(seed)
    world = topology(rng, networks=24, places=6)
    plan = design(rng, world, sites=3)
    uplinks = uplinks_of(plan, world)
    routes = reference.propagate(world, client_seeds(world, int(rng.integers(24)), origin=ORIGIN))
    for edge in uplinks.edges:
        told = []
        for session in range(len(edge.pop)):
            network = int(edge.network[session])
            held = int(routes.route_class[network])
            if held != RouteClass.NONE and (edge.is_transit[session] or held <= RouteClass.CUSTOMER):
                is_transit = bool(edge.is_transit[session])
                first = {
                    Prefer.PEER: is_transit,
                    Prefer.TRANSIT: not is_transit,
                    Prefer.SHORTEST: False,
                }[prefer]
                told.append(((first, int(routes.length[network])), int(edge.pop[session]), session))

        assert np.flatnonzero(is_told(routes, edge)).tolist() == sorted(item[2] for item in told)
        best = min((item[0] for item in told), default=None)
        wanted = [item[2] for item in sorted(told, key=lambda item: item[1:]) if item[0] == best]
        assert best_sessions(routes, edge, prefer).tolist() == wanted


def steps_of(world: Topology) -> dict[tuple[int, int], str]:
    """What each step between two networks is: up, across or down."""
    transit, peering = links_of(world)
    kinds = {(a, b): "across" for x, y in peering for a, b in ((x, y), (y, x))}
    for provider, customer in transit:
        kinds[provider, customer] = "down"
        kinds[customer, provider] = "up"
    return kinds


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_possible_way_back_is_valley_free_and_uses_links_that_exist(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = topology(rng, networks=30, places=6)
    plan = design(rng, world, sites=2)
    kinds = steps_of(world)
    client = int(rng.integers(30))
    routes = propagate(world, client_seeds(world, client, origin=ORIGIN))
    walker = Walker(routes)
    for edge in uplinks_of(plan, world).edges:
        for session in best_sessions(routes, edge, Prefer.PEER).tolist():
            walks, is_whole = walker.possible(int(edge.pop[session]), most=50)
            opened = walker.walk(int(edge.pop[session])).is_open
            assert is_whole or opened
            assert opened == (len(walker.next_hops(walks[0][0])) > 1 or _has_tie(walker, walks[0]))
            for *pops, _ in walks:
                asns = [int(world.asn[world.pop_network[pop]]) for pop in pops]
                assert asns[-1] == int(world.asn[client])
                assert len(set(asns)) == len(asns)
                steps = ["up" if edge.is_transit[session] else "across"]
                steps += [kinds[pair] for pair in pairwise(asns)]
                # Up as often as wanted, across at most once, then down: nothing else earns its way.
                text = "".join({"up": "u", "across": "a", "down": "d"}[step] for step in steps)
                rest = text.lstrip("u")
                assert rest.removeprefix("a").strip("d") == ""


def _has_tie(walker: Walker, walk: tuple[int, ...]) -> bool:
    return any(len(walker.next_hops(pop)) > 1 for pop in walk[:-1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_networks_of_our_own_number_carry_nothing_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = topology(rng, networks=24, places=6)
    ours, client = (int(n) for n in rng.choice(24, 2, replace=False))
    seeds = client_seeds(world, client, origin=int(world.asn[ours]))

    for routes in (propagate(world, seeds), reference.propagate(world, seeds)):
        assert int(routes.route_class[ours]) == RouteClass.NONE
        for pop in range(world.pops):
            assert ours not in {int(world.pop_network[here]) for here in routes.pop_path(pop)}
