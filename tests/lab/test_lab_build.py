"""The blueprint is the topology and the design, no more and no less; everything has a place of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.datasets.world_file import read_world
from anyplane.design import Design, parse
from anyplane.lab.blueprint import Blueprint, LinkKind, Node, NodeKind, RouterKind
from anyplane.lab.proof.random_worlds import random_world
from anyplane.lab.world.build import build
from anyplane.lab.world.draft import router_name
from anyplane.lab.world.relations import untold
from anyplane.model.errors import UsageError
from anyplane.model.nouns import UpstreamKind
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
seeds = st.integers(0, 10_000)
thorough = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def topology() -> Topology:
    return read_world(EXAMPLES / "dozen-cities.world.yaml")


@pytest.fixture(scope="module")
def design() -> Design:
    return parse((EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8"))


def addresses(blueprint: Blueprint) -> list[object]:
    found: list[object] = []
    for node in blueprint.nodes:
        found += [node.loopback4, node.loopback6, node.client_address(4), node.client_address(6)]
    for link in blueprint.links:
        found += [end for node in (link.a, link.b) for end in (link.v4(node).ip, link.v6(node).ip)]
        found += [link.mac(link.a), link.mac(link.b)]
    for exchange in blueprint.exchanges:
        for port in exchange.ports:
            found += [exchange.v4(port.node).ip, exchange.v6(port.node).ip, exchange.mac(port.node)]
    return found


@thorough
@given(seed=seeds)
def test_everything_has_an_index_a_name_and_addresses_of_its_own(seed: int) -> None:
    world = random_world(seed)

    blueprint = build(world.design, world.topology)

    assert [node.index for node in blueprint.nodes] == list(range(len(blueprint.nodes)))
    assert [link.index for link in blueprint.links] == list(range(len(blueprint.links)))
    assert [exchange.index for exchange in blueprint.exchanges] == list(range(len(blueprint.exchanges)))
    assert len({node.name for node in blueprint.nodes}) == len(blueprint.nodes)
    assert len({node.router_id for node in blueprint.nodes}) == len(blueprint.nodes)
    found = addresses(blueprint)
    assert len(set(found)) == len(found)
    for exchange in blueprint.exchanges:
        assert [port.position for port in exchange.ports] == list(range(1, len(exchange.ports) + 1))
        assert exchange.ports[0].node == exchange.route_server


@thorough
@given(seed=seeds)
def test_router_ids_ascend_as_the_planner_breaks_ties(seed: int) -> None:
    world = random_world(seed)

    blueprint = build(world.design, world.topology)

    order = [str(site.name) for site in world.design.sites]

    def key(node: Node) -> tuple[int, int, int]:
        if node.kind == NodeKind.SITE:
            return int(node.asn), 0, order.index(node.site)
        return int(node.asn), 1, node.index

    neighbours = [node for node in blueprint.nodes if node.kind in (NodeKind.ROUTER, NodeKind.SITE)]
    by_id = sorted(neighbours, key=lambda node: node.router_id)
    assert by_id == sorted(neighbours, key=key)


@thorough
@given(seed=seeds)
def test_links_are_the_interconnects_once_each_with_the_relation_they_have(seed: int) -> None:
    world = random_world(seed)
    topology = world.topology
    silent = topology.index_of(int(world.design.origin))

    blueprint = build(world.design, topology)

    expected = set()
    for network in range(topology.networks):
        for a in range(int(topology.adj_start[network]), int(topology.adj_start[network + 1])):
            for i in range(int(topology.ic_start[a]), int(topology.ic_start[a + 1])):
                own, far = int(topology.ic_own[i]), int(topology.ic_far[i])
                ends = router_name(topology, own), router_name(topology, far)
                if silent in (network, int(topology.adj[a])):
                    continue
                if a >= int(topology.adj_customers[network]):
                    expected.add((LinkKind.CUSTOMER, *ends))
                elif a >= int(topology.adj_peers[network]):
                    expected.add((LinkKind.PEER, *sorted(ends)))
    found = [
        (link.kind, *(sorted((link.a, link.b)) if link.kind == LinkKind.PEER else (link.a, link.b)))
        for link in blueprint.links
        if link.kind in (LinkKind.CUSTOMER, LinkKind.PEER)
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected
    for link in blueprint.links:
        a, b = blueprint.by_name[link.a], blueprint.by_name[link.b]
        if link.kind == LinkKind.INTERNAL:
            assert a.asn == b.asn
            assert a.location.metro != b.location.metro
        if link.kind == LinkKind.SITE:
            assert (a.kind, b.kind) == (NodeKind.ROUTER, NodeKind.SITE)


@thorough
@given(seed=seeds)
def test_every_pop_of_a_network_is_cabled_to_every_other(seed: int) -> None:
    world = random_world(seed)

    blueprint = build(world.design, world.topology)

    meshed = {frozenset((link.a, link.b)) for link in blueprint.links if link.kind == LinkKind.INTERNAL}
    wanted = {
        frozenset((one.name, other.name))
        for nodes in blueprint.by_asn.values()
        for one in nodes
        for other in nodes
        if one.index < other.index
    }
    assert meshed == wanted
    assert int(world.design.origin) not in blueprint.by_asn


def test_each_upstream_of_a_site_is_a_cable_or_a_port(design: Design, topology: Topology) -> None:
    blueprint = build(design, topology)

    reached = [
        (link.site, int(link.upstream), blueprint.links[link.link].a if link.link >= 0 else "")
        for link in blueprint.sites
    ]
    assert reached == [
        ("mad", 174, "as174-mad"),
        ("mad", 1299, "as1299-mad"),
        ("mad", 48793, ""),
        ("tyo", 174, "as174-tyo"),
        ("tyo", 2914, "as2914-tyo"),
        ("chi", 174, "as174-chi"),
        ("chi", 1299, "as1299-chi"),
        ("chi", 2914, "as2914-chi"),
    ]
    (exchange,) = blueprint.exchanges
    assert [port.node for port in exchange.ports] == [
        "rs-mad",
        "as2860-lis",
        "as3352-mad",
        "as12479-mad",
        "site-mad",
    ]
    served = [link for link in blueprint.sites if link.kind == UpstreamKind.ROUTE_SERVER]
    assert [link.exchange for link in served] == [0]


def test_clients_are_the_pops_with_users_or_those_chosen(design: Design, topology: Topology) -> None:
    everybody = build(design, topology).clients
    chosen = build(
        design, topology, clients=[topology.pop_at(topology.index_of(174), code_of(topology, "FRA"))]
    )

    assert sum(node.users for node in everybody) == pytest.approx(float(topology.users.sum()))
    assert {node.name for node in everybody} >= {"as3243-lis", "as4713-tyo", "as7922-chi"}
    assert [node.name for node in chosen.clients] == ["as174-fra"]


def code_of(topology: Topology, code: str) -> int:
    return topology.metros.code.index(code)


def test_frr_runs_on_the_busiest_networks_of_one_metro_or_where_it_is_told(
    design: Design, topology: Topology
) -> None:
    counted = build(design, topology, frr=2, mrai_s=5)
    told = build(design, topology, frr=["as174-fra"])

    chosen = [node for node in counted.nodes if node.daemon == RouterKind.FRR]
    assert [node.name for node in chosen] == ["as701-nyc", "as1221-syd"]
    assert {node.mrai_s for node in chosen} == {5}
    assert [node.name for node in told.nodes if node.daemon == RouterKind.FRR] == ["as174-fra"]
    with pytest.raises(UsageError, match="no router as1-fra"):
        build(design, topology, frr=["as1-fra"])


def test_backends_of_a_site_are_nodes_behind_it(topology: Topology) -> None:
    text = (EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "    checks:\n",
        "    backends:\n"
        "      - {name: web1, address: 10.0.0.11, checks: [{tcp: service:80}]}\n"
        '      - {name: web2, address: "fd00::12", checks: [{tcp: service:80}]}\n'
        "    checks:\n",
    )

    blueprint = build(parse(text), topology)

    behind = [link for link in blueprint.links_of["site-mad"] if link.kind == LinkKind.BACKEND]
    assert [link.b for link in behind] == ["mad-web1", "mad-web2"]
    edited = parse(blueprint.design_text)
    (mad, *_) = edited.sites
    assert [(one.name, one.address, one.interface) for one in mad.health["dns"].backends] == [
        ("web1", behind[0].v4("mad-web1").ip, behind[0].device),
        ("web2", behind[1].v6("mad-web2").ip, behind[1].device),
    ]


def test_a_disabled_site_is_not_in_the_lab(topology: Topology) -> None:
    text = (EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8")
    off = parse(text.replace("    metro: TYO\n", "    metro: TYO\n    enabled: false\n"))

    blueprint = build(off, topology)

    assert sorted(blueprint.site_nodes) == ["chi", "mad"]
    assert [site.is_enabled for site in parse(blueprint.design_text).sites] == [True, False, True]


def test_rules_that_a_community_tells_are_left_to_the_wire(topology: Topology) -> None:
    text = (EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "health:\n  dns:\n    addresses",
        'communities:\n  "174:970": {no_export: true, to: peers}\nhealth:\n  dns:\n    addresses',
    ).replace(
        "      - asn: 174\n",
        "      - asn: 174\n"
        '        communities: ["174:970"]\n'
        "        actions: [{prepend: 2, to: customers}]\n",
        1,
    )

    blueprint = build(parse(text), topology)

    (first, *_) = blueprint.sites
    assert [rule.times for rule in first.rules["203.0.113.0/24"]] == [2]
    assert list(blueprint.communities) == ["174:970"]


@pytest.mark.parametrize("name", ["", "Lab", "a" * 25, "my lab"])
def test_a_lab_has_a_plain_name(name: str, design: Design, topology: Topology) -> None:
    with pytest.raises(UsageError, match="cannot name a lab"):
        build(design, topology, name=name)


def test_what_a_community_of_somebody_elses_asks_for_is_not_told_by_it() -> None:
    asked = "{prepend: 2, to: [peers]}"
    text = (
        "version: 1\nservice: {name: x, origin: 64500, prefixes: [198.51.100.0/24]}\n"
        f'communities: {{"300:1": [{asked}], "200:1": [{asked}]}}\n'
        "sites:\n  mad:\n    metro: MAD\n    upstreams:\n"
        f'      - {{asn: 200, communities: ["COMMUNITY"], actions: [{asked}]}}\n'
    )

    (by_another,), (by_itself,) = (
        parse(text.replace("COMMUNITY", community)).sites[0].upstreams for community in ("300:1", "200:1")
    )

    design = parse(text.replace("COMMUNITY", "200:1"))
    assert untold(design, by_another) == by_another.rules != ()
    assert untold(design, by_itself) == ()


def test_behind_a_route_server_each_site_has_a_rank_of_its_own() -> None:
    world = next(
        world
        for world in map(random_world, range(200))
        if sum(one.kind == UpstreamKind.ROUTE_SERVER for site in world.design.sites for one in site.upstreams)
        > 1
    )

    blueprint = build(world.design, world.topology)

    served = [one for one in blueprint.sites if one.exchange >= 0]
    ids = [one.counts_as for one in served]
    assert all(ids)
    assert ids == sorted(set(ids))
    assert not set(ids) & {node.router_id for node in blueprint.nodes}
    assert all(one.counts_as is None for one in blueprint.sites if one.exchange < 0)
