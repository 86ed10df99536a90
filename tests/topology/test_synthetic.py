"""The synthetic Internet has the statistics of the real one, and every promise of a Topology."""

import numpy as np
import pytest

from anyplane.datasets import world
from anyplane.model.errors import TopologyError
from anyplane.topology import Topology
from anyplane.topology.known import NetworkKind
from anyplane.topology.synthetic import synthesize
from anyplane.topology.synthetic_asn import draw_asns

SMALL, USUAL = 2_000, 10_000


def make(networks: int, seed: int = 1) -> Topology:
    return synthesize(
        networks,
        rng=np.random.default_rng(seed),
        metros=world.metros(),
        known_networks=world.known_networks(),
        known_ixps=world.known_ixps(),
        countries=world.countries(),
    )


@pytest.fixture(scope="module", params=[SMALL, USUAL])
def topology(request: pytest.FixtureRequest) -> Topology:
    return make(request.param)


def counts(topology: Topology) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Providers, peers and customers of every network."""
    start, end = topology.adj_start[:-1], topology.adj_start[1:]
    return (
        topology.adj_peers - start,
        topology.adj_customers - topology.adj_peers,
        end - topology.adj_customers,
    )


def clique(topology: Topology) -> list[int]:
    return [topology.index_of(n.asn) for n in world.known_networks() if n.kind is NetworkKind.TIER1]


def provider_links(topology: Topology) -> tuple[np.ndarray, np.ndarray]:
    own = np.repeat(np.arange(topology.networks), np.diff(topology.adj_start))
    is_up = np.arange(len(topology.adj)) < topology.adj_peers[own]
    return topology.adj[is_up], own[is_up]


def test_there_are_as_many_networks_as_asked_and_the_known_ones_among_them(topology: Topology) -> None:
    assert topology.networks in (SMALL, USUAL)
    for network in world.known_networks():
        here = topology.index_of(network.asn)
        pops = topology.pop_metro[topology.pop_start[here] : topology.pop_start[here + 1]]
        assert {topology.metros.code[metro] for metro in pops} == set(network.metros)
        assert topology.name[here] == network.name


def test_the_provider_hierarchy_has_no_cycle(topology: Topology) -> None:
    provider, customer = provider_links(topology)
    alive = np.ones(topology.networks, bool)
    while True:
        counted = alive[provider] & alive[customer]
        bought = np.bincount(customer[counted], minlength=topology.networks)
        top = alive & (bought == 0)
        if not top.any():
            break
        alive &= ~top

    assert not alive.any()


def test_only_the_clique_has_no_provider_and_it_peers_in_a_full_mesh(topology: Topology) -> None:
    providers, _, _ = counts(topology)
    top = clique(topology)

    assert sorted(np.flatnonzero(providers == 0)) == sorted(top)
    for network in top:
        peers = topology.adj[topology.adj_peers[network] : topology.adj_customers[network]]
        assert set(top) - {network} <= set(peers.tolist())


def test_links_and_stubs_are_as_frequent_as_in_the_real_graph(topology: Topology) -> None:
    providers, peers, customers = counts(topology)
    links = (providers.sum() + peers.sum() + customers.sum()) / 2
    is_stub = customers == 0
    ordinary = is_stub & ~np.isin(topology.asn, [network.asn for network in world.known_networks()])

    # Real 2025-09: 7.26 links a network, 72 % of them peering, 84 % stubs with 1.86 providers. Small graphs
    # hold the 370 known networks too, whose stubs (content) have many providers, and saturate the few that
    # peer with everybody.
    assert 5.5 < links / topology.networks < 8.0
    assert 0.62 < peers.sum() / 2 / links < 0.75
    assert 0.81 < is_stub.mean() < 0.88
    assert 1.7 < providers[ordinary].mean() < 2.1
    assert 0.40 < (providers[ordinary] == 1).mean() < 0.52


def test_a_few_networks_have_very_many_neighbours_and_most_have_few(topology: Topology) -> None:
    providers, peers, customers = counts(topology)
    degree = providers + peers + customers

    assert np.median(degree) == 2
    assert customers.max() > 0.07 * topology.networks
    assert peers.max() > 0.05 * topology.networks
    assert 0.15 < (peers > 0).mean() < 0.40


def test_every_network_reaches_the_clique_in_few_steps(topology: Topology) -> None:
    provider, customer = provider_links(topology)
    depth = np.full(topology.networks, 99)
    depth[clique(topology)] = 0
    for step in range(1, 10):
        depth[customer[(depth[provider] == step - 1) & (depth[customer] > step)]] = step

    # Real: 23 %, 60 %, 15 % of the networks are 1, 2, 3 steps below; a smaller graph is shallower.
    assert depth.max() <= 6
    assert 1.3 < depth.mean() < 2.0


def test_users_are_those_of_the_world_and_few_networks_serve_most_of_them(topology: Topology) -> None:
    of_network = np.bincount(topology.pop_network, weights=topology.users)
    ranked = np.sort(of_network)[::-1]

    assert 5.3e9 < ranked.sum() < 5.7e9
    assert 0.45 < ranked[:100].sum() / ranked.sum() < 0.75
    assert topology.users.min() >= 0


def test_route_servers_have_members_that_are_present_there(topology: Topology) -> None:
    assert len(topology.ixp_name) == len(world.known_ixps())
    for x in range(len(topology.ixp_name)):
        for member in topology.ixp_member[topology.ixp_start[x] : topology.ixp_start[x + 1]]:
            pops = topology.pop_metro[topology.pop_start[member] : topology.pop_start[member + 1]]
            assert topology.ixp_metro[x] in pops
    assert np.diff(topology.ixp_start).max() > 0.01 * topology.networks


def test_some_networks_validate_and_the_large_ones_more(topology: Topology) -> None:
    assert 0.1 < topology.rov.mean() < 0.3
    assert topology.rov[clique(topology)].mean() > topology.rov.mean()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    first, again, other = make(SMALL), make(SMALL), make(SMALL, seed=2)

    for name in ("asn", "country", "pop_metro", "users", "adj", "ic_own", "rov", "ixp_member"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert first.asn.tobytes() != other.asn.tobytes()


def test_drawn_asns_are_distinct_public_and_of_their_registry() -> None:
    continent = np.repeat(np.array(["AS", "OC", "EU", "SA", "AF", "NA"]), 5_000)

    asns = draw_asns(continent, np.array([174, 131_072]), rng=np.random.default_rng(0))

    assert len(np.unique(asns)) == len(asns)
    assert not np.isin(asns, [0, 174, 131_072, 23_456]).any()
    assert not ((asns >= 64_496) & (asns <= 131_071)).any()
    is_long = asns > 65_535
    assert 0.45 < is_long.mean() < 0.55
    assert (asns[(continent == "EU") & is_long] >= 196_608).all()
    assert (asns[(continent == "EU") & is_long] < 262_144).all()


def test_a_size_out_of_range_is_refused_with_a_hint() -> None:
    with pytest.raises(TopologyError, match=r"1000 to 200000 networks, not 10\nhint"):
        make(10)


def test_an_internet_without_a_clique_is_refused() -> None:
    with pytest.raises(TopologyError, match="clique"):
        synthesize(
            SMALL,
            rng=np.random.default_rng(0),
            metros=world.metros(),
            known_networks=(),
            known_ixps=world.known_ixps(),
            countries=world.countries(),
        )
