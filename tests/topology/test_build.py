"""build equals a naive reading of its own contract, and refuses what it cannot mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.model.errors import TopologyError
from anyplane.topology import Metros, Topology, build, without_metros

PROVIDER, PEER, CUSTOMER = 0, 1, 2
"""The runs of an adjacency, in their order."""

Pairs = list[tuple[int, int]]
Input = tuple[list[int], Pairs, Pairs, Pairs, list[float], Metros]


def world(km: np.ndarray) -> Metros:
    count = len(km)
    return Metros(
        code=tuple(f"M{i:02d}" for i in range(count)),
        name=tuple(f"Metro {i}" for i in range(count)),
        country=("DE",) * count,
        continent=("EU",) * count,
        lat=np.zeros(count),
        lon=np.zeros(count),
        population=np.ones(count),
        km=km.astype(np.float32),
    )


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """Networks, links (repeated and contradicting ones too) and presence (repeated too), in any order."""
    metros = draw(st.integers(1, 6))
    km = np.zeros((metros, metros))
    for i in range(metros):
        for j in range(i):
            km[i, j] = km[j, i] = draw(st.integers(1, 4)) * 100
    asns = draw(st.lists(st.integers(1, 2**32 - 1), min_size=2, max_size=8, unique=True))
    pair = st.lists(st.sampled_from(asns), min_size=2, max_size=2, unique=True).map(tuple)
    pop = st.tuples(st.sampled_from(asns), st.integers(0, metros - 1))
    presence = [(asn, draw(st.integers(0, metros - 1))) for asn in asns]
    presence = draw(st.permutations(presence + draw(st.lists(pop, max_size=12))))
    users = [float(draw(st.integers(0, 5))) for _ in presence]
    links = st.lists(pair, max_size=12)
    return asns, draw(links), draw(links), presence, users, world(km)


def built(given_input: Input) -> Topology:
    asns, transit, peers, presence, users, metros = given_input
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peers,
        presence=([asn for asn, _ in presence], [metro for _, metro in presence]),
        users=users,
        country=[f"{asn % 26 + 65:c}X" for asn in asns],
        rov=[asn % 2 == 0 for asn in asns],
        names=tuple(f"name of {asn}" for asn in asns),
        metros=metros,
    )


def relations(transit: Pairs, peers: Pairs) -> dict[tuple[int, int], int]:
    """(own, neighbour) -> run, by the contract: transit wins over peering, the first line over later ones."""
    of: dict[tuple[int, int], int] = {}
    for provider, customer in transit:
        if (provider, customer) not in of:
            of[customer, provider], of[provider, customer] = PROVIDER, CUSTOMER
    for one, other in peers:
        if (one, other) not in of:
            of[one, other] = of[other, one] = PEER
    return of


def adjacencies(topology: Topology) -> dict[tuple[int, int], tuple[int, int]]:
    """(own, neighbour) -> (run, index of the adjacency), by ASN."""
    found = {}
    for n in range(topology.networks):
        bounds = [topology.adj_start[n], topology.adj_peers[n], topology.adj_customers[n]]
        bounds.append(topology.adj_start[n + 1])
        for run in (PROVIDER, PEER, CUSTOMER):
            neighbours = topology.adj[bounds[run] : bounds[run + 1]]
            assert (np.diff(neighbours) > 0).all(), "a run is sorted and names nobody twice"
            for a in range(bounds[run], bounds[run + 1]):
                found[int(topology.asn[n]), int(topology.asn[topology.adj[a]])] = (run, a)
    return found


@settings(max_examples=300)
@given(inputs())
def test_networks_and_pops_are_sorted_and_keep_what_was_given(given_input: Input) -> None:
    asns, _, _, presence, users, _ = given_input
    topology = built(given_input)

    pops = [
        (int(topology.asn[n]), int(metro))
        for n, metro in zip(topology.pop_network, topology.pop_metro, strict=True)
    ]
    assert topology.asn.tolist() == sorted(asns)
    assert pops == sorted(set(presence))
    assert topology.pop_start[0] == 0
    assert (
        np.repeat(np.arange(len(asns)), np.diff(topology.pop_start)).tolist() == topology.pop_network.tolist()
    )
    for pop, users_there in zip(pops, topology.users, strict=True):
        assert users_there == sum(count for at, count in zip(presence, users, strict=True) if at == pop)
    for n, asn in enumerate(sorted(asns)):
        assert topology.index_of(asn) == n
        assert topology.name[n] == f"name of {asn}"
        assert topology.country[n] == f"{asn % 26 + 65:c}X"
        assert topology.rov[n] == (asn % 2 == 0)


@settings(max_examples=300)
@given(inputs())
def test_links_stand_in_both_directions_with_the_relationship_that_wins(given_input: Input) -> None:
    _, transit, peers, *_ = given_input
    topology = built(given_input)

    assert {pair: run for pair, (run, _) in adjacencies(topology).items()} == relations(transit, peers)
    assert topology.adj_start[-1] == len(topology.adj)


@settings(max_examples=300)
@given(inputs())
def test_interconnects_are_all_common_metros_or_else_one_nearest_pair(given_input: Input) -> None:
    topology = built(given_input)
    km = topology.metros.km
    found = adjacencies(topology)

    def metros_of(asn: int) -> set[int]:
        n = topology.index_of(asn)
        return set(topology.pop_metro[topology.pop_start[n] : topology.pop_start[n + 1]].tolist())

    def used(a: int) -> list[tuple[int, int]]:
        here = slice(topology.ic_start[a], topology.ic_start[a + 1])
        return list(zip(topology.ic_own[here].tolist(), topology.ic_far[here].tolist(), strict=True))

    for (own, far), (_, a) in found.items():
        pairs = used(a)
        places = [(int(topology.pop_metro[i]), int(topology.pop_metro[j])) for i, j in pairs]
        assert {int(topology.asn[topology.pop_network[i]]) for i, _ in pairs} == {own}
        assert {int(topology.asn[topology.pop_network[j]]) for _, j in pairs} == {far}
        common = metros_of(own) & metros_of(far)
        if common:
            assert places == [(metro, metro) for metro in sorted(common)]
        else:
            assert len(places) == 1
            assert km[places[0]] == min(km[i, j] for i in metros_of(own) for j in metros_of(far))
        assert sorted(used(found[far, own][1])) == sorted((j, i) for i, j in pairs)
    assert topology.ic_start[-1] == len(topology.ic_own) == len(topology.ic_far)


@settings(max_examples=100)
@given(inputs(), st.randoms())
def test_the_order_of_networks_and_presence_does_not_matter(given_input: Input, random: object) -> None:
    asns, transit, peers, presence, users, metros = given_input
    order = list(range(len(presence)))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = (asns[::-1], transit, peers, [presence[i] for i in order], [users[i] for i in order], metros)

    one, two = built(given_input).arrays(), built(other).arrays()

    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@settings(max_examples=100)
@given(inputs())
def test_without_metros_every_network_is_one_pop_with_all_its_users(given_input: Input) -> None:
    topology = built(given_input)

    flat = without_metros(topology)

    assert flat.pops == flat.networks == topology.networks
    assert flat.users.sum() == topology.users.sum()
    own = np.repeat(np.arange(flat.networks), np.diff(flat.adj_start))
    np.testing.assert_array_equal(flat.ic_own, own)
    np.testing.assert_array_equal(flat.ic_far, topology.adj)
    np.testing.assert_array_equal(flat.ic_start, np.arange(len(flat.adj) + 1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"asn": [10, 20, 10]}, "AS10 is listed twice"),
        ({"providers_customers": [(10, 10)]}, "AS10 is linked to itself"),
        ({"peers": [(10, 99)]}, "AS99 is used in a link or a presence"),
        ({"presence": ([10, 99], [0, 0])}, "AS99 is used in a link or a presence"),
        ({"presence": ([10], [0])}, "AS20 is in no metro"),
        ({"presence": ([10, 20], [0, 1])}, "names metro 1; there are 1 metros"),
        ({"presence": ([10, 20], [0, -1])}, "names metro -1; there are 1 metros"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_network_it_is_about(
    changed: dict[str, object], message: str
) -> None:
    sound: dict[str, object] = {
        "asn": [10, 20],
        "providers_customers": [(10, 20)],
        "peers": [],
        "presence": ([10, 20], [0, 0]),
        "metros": world(np.zeros((1, 1))),
    }

    with pytest.raises(TopologyError, match=message):
        build(**{**sound, **changed})  # type: ignore[arg-type]


def test_a_graph_without_networks_or_links_is_a_topology_too() -> None:
    metros = world(np.zeros((1, 1)))
    empty = build(asn=[], providers_customers=[], peers=[], presence=([], []), metros=metros)
    lonely = build(asn=[7], providers_customers=[], peers=[], presence=([7], [0]), metros=metros)

    assert (empty.networks, empty.pops, len(empty.adj)) == (0, 0, 0)
    assert (lonely.networks, lonely.pops, lonely.ic_start.tolist()) == (1, 1, [0])
