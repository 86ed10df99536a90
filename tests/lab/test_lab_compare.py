"""Random worlds on real routers against the definition of routing, and that a difference would be seen."""

from __future__ import annotations

import copy

import pytest
from lab_here import needs_lab

from anyplane.design import announcements
from anyplane.design.communities import owner
from anyplane.lab.proof.compare import Cause, compared, frr_routers, held, tables_of
from anyplane.lab.proof.random_worlds import random_world
from anyplane.lab.proof.rehearsal import waves
from anyplane.lab.world.build import build


@pytest.mark.parametrize("seed", [3])
def test_real_routers_go_the_ways_that_the_definition_says(seed: int) -> None:
    needs_lab()

    outcome = compared(random_world(seed, routers=20))

    assert outcome.routers >= 14
    assert outcome.routed > outcome.ways / 2
    assert not outcome.differences, str(outcome)


def test_frr_on_some_networks_goes_the_same_ways() -> None:
    needs_lab("vtysh")
    world = random_world(208, routers=16)

    outcome = compared(world, frr=3)

    assert frr_routers(world, 3)
    assert not outcome.differences, str(outcome)


def test_with_plain_ibgp_too_a_route_behind_a_route_server_counts_as_its_own_site() -> None:
    needs_lab()

    # as30453 hears of a blackhole from the site, and from a route server whose first site is another.
    outcome = compared(random_world(78, routers=30), is_plain_ibgp=True)

    assert not outcome.differences, str(outcome)


def test_a_router_that_goes_another_way_is_reported_with_both_lists_and_the_rule() -> None:
    needs_lab()
    world = random_world(5, routers=8)
    blueprint = build(world.design, world.topology, name="compare-5", has_delays=False)
    tables = copy.deepcopy(dict(tables_of(world, blueprint)))
    node, prefix = next(
        (node, prefix)
        for node, of in tables.items()
        for prefix, routes in of.items()
        if routes and routes[0]["is_best"] and not node.startswith("rs-")
    )

    tables[node][prefix][0]["as_path"] = [64666]
    outcome = held(world, blueprint, tables)

    assert [(one.node, one.prefix) for one in outcome.differences] == [(node, prefix)]
    text = str(outcome)
    assert "64666" in text
    assert outcome.differences[0].cause in (Cause.UNEXPLAINED, Cause.HIDDEN)
    assert outcome.differences[0].predicted_candidates
    assert outcome.differences[0].rule


def test_the_same_seed_gives_the_same_world_of_exactly_so_many_routers() -> None:
    one, other = random_world(11), random_world(11)

    assert one.topology.pops == 30
    assert one.design.source == other.design.source
    assert (one.topology.adj == other.topology.adj).all()


def test_random_worlds_have_everything_that_the_model_knows() -> None:
    listed = [one for seed in range(40) for one in announcements(random_world(seed).design)]

    assert any(one.as_path_prepend for one in listed)
    assert any(one.med for one in listed)
    assert any(one.is_backup for one in listed)
    assert any(one.is_blackhole for one in listed)
    assert any(one.kind == "route_server" for one in listed)
    assert any(rule.to_regions for one in listed for rule in one.export_rules)
    assert any(rule.to_asns for one in listed for rule in one.export_rules)
    assert any(rule.to_classes for one in listed for rule in one.export_rules)


def test_random_worlds_have_blackholed_hosts_hijacks_and_foreign_communities_too() -> None:
    worlds = [random_world(seed) for seed in range(30)]

    assert any(host.prefixlen == 32 for world in worlds for _, host in world.blackholes)
    assert any(host.prefixlen == 128 for world in worlds for _, host in world.blackholes)
    assert any(world.hijacks for world in worlds)
    assert any(len(world.design.groups) == 4 for world in worlds)
    assert any(len(site.upstreams) > 3 for world in worlds for site in world.design.sites)
    assert any(
        owner(text) not in (None, upstream.asn)
        for world in worlds
        for site in world.design.sites
        for upstream in site.upstreams
        for text in upstream.communities
    )


def test_backups_are_announced_after_everything_else_and_upstream_by_upstream() -> None:
    listed = next(
        found
        for found in (announcements(random_world(seed).design) for seed in range(60))
        if len({one.upstream for one in found if one.is_backup}) > 1
    )

    first, *rest = waves(listed)

    assert not any(one.is_backup for one in first)
    assert all(len({one.upstream for one in wave}) == 1 for wave in rest)
    assert frozenset(listed) == first.union(*rest)
