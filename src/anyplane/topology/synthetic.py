"""synthetic: an Internet made from a seed, with the statistics of the real one.

How it is made (docs/explanation/synthetic-internet.md compares the result with CAIDA's graph):

1. The known networks come first; the others get a country by how many networks it has, and a
   metro in it by Internet users.
2. Every network gets a size; the largest sell transit, and their customers follow the real rank curve.
3. Each network buys from networks of a higher standing (so the hierarchy has no cycles), at home where home
   has enough transit to sell, else from the carriers that are present near it. The clique buys from nobody.
4. Networks join exchanges near them; peers are drawn inside exchanges; the clique peers among itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyplane.model.errors import TopologyError
from anyplane.topology import synthetic_shape as shape
from anyplane.topology.build import build
from anyplane.topology.known import Country, KnownIxp, KnownNetwork, NetworkKind, Peering
from anyplane.topology.synthetic_cast import Cast, draw_cast
from anyplane.topology.synthetic_peering import Membership, join, peer
from anyplane.topology.synthetic_transit import buy_transit, draw_sizes
from anyplane.topology.topology import Metros, Topology
from anyplane.topology.users import estimate_users

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

FEWEST, MOST = 1_000, 200_000


def synthesize(
    networks: int,
    *,
    rng: np.random.Generator,
    metros: Metros,
    known_networks: Sequence[KnownNetwork],
    known_ixps: Sequence[KnownIxp],
    countries: Sequence[Country],
    origin: str = "",
) -> Topology:
    """A Topology of that many networks (1,000 to 200,000), the known ones among them.

    The same arguments and the same state of `rng` give the same Topology, byte for byte.
    """
    fewest = max(FEWEST, 2 * len(known_networks))
    if not fewest <= networks <= MOST:
        raise TopologyError(
            f"a synthetic Internet has {fewest} to {MOST} networks, not {networks}",
            hint="2000, 10000 and 80000 are the usual sizes",
        )
    if not any(network.kind is NetworkKind.TIER1 for network in known_networks):
        raise TopologyError("a synthetic Internet needs a clique: no known network is of kind tier1")
    cast = draw_cast(networks, metros, known_networks, countries, rng=rng)
    customers, standing = draw_sizes(cast, rng=rng)
    provider, customer = buy_transit(cast, customers, standing, metros, rng=rng)
    members, wanted = _join(cast, customers, known_ixps, metros, rng)
    left, right = _peer(cast, members, wanted, (provider, customer), rng)
    presence = _presence(cast, customers, members, known_ixps, metros, rng)
    pairs = np.stack([cast.asn[provider], cast.asn[customer]], axis=1)
    users = estimate_users(
        (cast.asn[presence[0]], presence[1]),
        metros,
        countries=countries,
        providers_customers=pairs,
        known={network.asn: network.users for network in known_networks},
        home=(cast.asn, cast.country),
    )
    return build(
        asn=cast.asn,
        providers_customers=pairs,
        peers=np.stack([cast.asn[left], cast.asn[right]], axis=1),
        presence=(cast.asn[presence[0]], presence[1]),
        metros=metros,
        users=users,
        country=cast.country,
        rov=_rov(cast, customers, rng),
        ixps=_route_servers(cast, members, known_ixps, metros, rng),
        names=tuple(n.name for n in cast.known) + ("",) * (networks - len(cast.known)),
        origin=origin or f"synthetic, {networks} networks",
    )


def _join(
    cast: Cast, customers: Float64, ixps: Sequence[KnownIxp], metros: Metros, rng: np.random.Generator
) -> tuple[Membership, Float64]:
    """Who is at which exchange, and how many peers each network wants."""
    count, known = len(cast.asn), len(cast.known)
    peering = round(shape.PEERING_SHARE * count)
    curve = shape.at_rank(shape.PEERS, peering, count)
    score = rng.lognormal(0.0, 1.5, count) * (0.3 + np.minimum(customers, 40)) ** 0.75
    score[:known] = 0.0
    order = np.argsort(-score, kind="stable")[:peering]
    # The largest of the curve are the known open peers; the others take what follows.
    is_open = np.zeros(count, bool)
    is_open[:known] = [n.peering is Peering.OPEN and n.kind is not NetworkKind.CONTENT for n in cast.known]
    hosts = np.flatnonzero(is_open)
    reach = np.array([len(cast.places[i]) for i in hosts]) * rng.lognormal(0.0, 0.2, len(hosts))
    hosts = hosts[np.argsort(-reach, kind="stable")]
    seats = np.unique(np.linspace(0, max(len(hosts), peering // 40), len(hosts)).astype(int))[: len(hosts)]
    wanted = np.zeros(count)
    wanted[hosts[: len(seats)]] = curve[seats]
    free = np.setdiff1d(np.arange(peering), seats)
    wanted[order[: len(free)]] = curve[free[: len(order)]]
    for i, network in enumerate(cast.known):
        if not is_open[i]:
            typical = shape.PEERS_OF_KIND[network.kind] * rng.lognormal(0.0, 0.5)
            wanted[i] = typical * min(1.0, (count / shape.REAL_NETWORKS) ** 0.25)
    wanted[cast.is_kind(NetworkKind.TIER1)] = 0.0

    index = {code: i for i, code in enumerate(metros.code)}
    ixp_metro = np.array([index[ixp.metro] for ixp in ixps], dtype=np.int64)
    fixed = [
        (i, x)
        for i, network in enumerate(cast.known)
        if network.kind is not NetworkKind.TIER1
        for x in np.flatnonzero(np.isin(ixp_metro, cast.places[i]))
    ]
    table = np.array(fixed, dtype=np.int64).reshape(-1, 2)
    roams = wanted.copy()
    roams[np.unique(table[:, 0])] = 0.0
    roams[cast.is_kind(NetworkKind.EYEBALL, NetworkKind.RESEARCH, NetworkKind.TRANSIT)] = 0.0
    members = join(
        roams,
        cast.home,
        (table[:, 0], table[:, 1]),
        pull=np.array([ixp.members for ixp in ixps], dtype=np.float64),
        ixp_metro=ixp_metro,
        km=metros.km,
        rng=rng,
    )
    return members, wanted


def _peer(
    cast: Cast, members: Membership, wanted: Float64, transit: tuple[Int64, Int64], rng: np.random.Generator
) -> tuple[Int64, Int64]:
    count = len(cast.asn)
    clique = np.flatnonzero(cast.is_kind(NetworkKind.TIER1))
    row, column = np.triu_indices(len(clique), 1)
    taken = np.minimum(*transit) * count + np.maximum(*transit)
    links = round(shape.PEER_LINKS * count) - len(row)
    left, right = peer(members, wanted, links, np.sort(taken), rng=rng)
    return np.concatenate([clique[row], left]), np.concatenate([clique[column], right])


def _presence(
    cast: Cast,
    customers: Float64,
    members: Membership,
    ixps: Sequence[KnownIxp],
    metros: Metros,
    rng: np.random.Generator,
) -> tuple[Int64, Int64]:
    """(network, metro) pairs: known places; else home, exchanges joined and, for sellers, metros at home."""
    index = {code: i for i, code in enumerate(metros.code)}
    ixp_metro = np.array([index[ixp.metro] for ixp in ixps], dtype=np.int64)
    known = len(cast.known)
    network = [np.repeat(np.arange(known), [len(p) for p in cast.places]), np.arange(known, len(cast.asn))]
    metro = [np.concatenate(cast.places) if known else np.empty(0, np.int64), cast.home[known:]]
    roams = members.network >= known
    network.append(members.network[roams])
    metro.append(ixp_metro[members.ixp[roams]])

    number = np.unique(np.array(metros.country), return_inverse=True)[1]
    order = np.lexsort((-metros.population, number))
    start = np.searchsorted(number[order], np.arange(number.max() + 2))
    wide = np.flatnonzero((customers >= 6) & (np.arange(len(cast.asn)) >= known))
    country = number[cast.home[wide]]
    more = np.minimum(1.5 * np.log2(1 + customers[wide] / 5), start[country + 1] - start[country]).astype(
        np.int64
    )
    seller = np.repeat(np.arange(len(wide)), more)
    # The country's larger metros more often than its smaller ones.
    size = (start[country + 1] - start[country])[seller]
    pick = (rng.random(len(seller)) ** 2 * size).astype(np.int64)
    network.append(wide[seller])
    metro.append(order[start[country[seller]] + pick])
    width = len(metros.code)
    key = np.unique(np.concatenate(network) * width + np.concatenate(metro))
    return key // width, key % width


def _rov(cast: Cast, customers: Float64, rng: np.random.Generator) -> Bool:
    share = np.where(customers > 0, shape.ROV_TRANSIT, shape.ROV_STUB)
    share[: len(cast.known)] = [shape.ROV_OF_KIND[network.kind] for network in cast.known]
    return np.asarray(rng.random(len(share)) < share, dtype=np.bool_)


def _route_servers(
    cast: Cast,
    members: Membership,
    ixps: Sequence[KnownIxp],
    metros: Metros,
    rng: np.random.Generator,
) -> tuple[tuple[str, int, int, tuple[int, ...]], ...]:
    """The exchanges with those members that peer with the route server: open networks and most others."""
    index = {code: i for i, code in enumerate(metros.code)}
    joins = rng.random(len(cast.asn)) < 0.85
    joins[: len(cast.known)] = [network.peering is Peering.OPEN for network in cast.known]
    ixp_tables = []
    for x, ixp in enumerate(ixps):
        here = members.network[members.ixp == x]
        asns = tuple(int(a) for a in np.sort(cast.asn[here[joins[here]]]))
        ixp_tables.append((ixp.name, int(ixp.asn), index[ixp.metro], asns))
    return tuple(ixp_tables)
