"""build: networks, links and presence -> Topology; the one place where interconnects are decided."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyplane.model.errors import TopologyError
from anyplane.topology.topology import Int32, Metros, Topology

Links = tuple[NDArray[np.int32], NDArray[np.int32]]


def build(
    *,
    asn: ArrayLike,
    providers_customers: ArrayLike,
    peers: ArrayLike,
    presence: tuple[ArrayLike, ArrayLike],
    metros: Metros,
    users: ArrayLike | None = None,
    country: ArrayLike | None = None,
    rov: ArrayLike | None = None,
    ixps: tuple[tuple[str, int, int, tuple[int, ...]], ...] = (),
    names: tuple[str, ...] = (),
    origin: str = "",
) -> Topology:
    """The Topology of these networks; the input may come in any order.

    asn: (N,) distinct. providers_customers: (K, 2) ASNs, provider first. peers: (K, 2) ASNs. presence: two
    arrays of equal length, ASN and metro index, one entry for each pop; every network needs at least one.
    users: one number for each entry of presence, added up where an entry occurs twice. country, rov: one
    entry for each of asn. ixps: (name, route server's ASN or 0, metro index, members' ASNs).

    A link given twice counts once; where the two disagree, customer-provider wins over peer. A link whose
    two ends are the same network, or name a network that `asn` lacks, is a TopologyError.
    """
    given = np.asarray(asn, dtype=np.uint32)
    order = np.argsort(given, kind="stable")
    sorted_asn = given[order]
    if len(sorted_asn) > 1 and bool((sorted_asn[1:] == sorted_asn[:-1]).any()):
        twice = int(sorted_asn[1:][sorted_asn[1:] == sorted_asn[:-1]][0])
        raise TopologyError(f"AS{twice} is listed twice among the networks")
    count = len(sorted_asn)

    pop_start, pop_network, pop_metro, pop_users = _pops(sorted_asn, presence, users, len(metros.code))
    adj_start, adj_peers, adj_customers, adj = _adjacencies(
        count, _links(sorted_asn, providers_customers), _links(sorted_asn, peers)
    )
    ic_start, ic_own, ic_far = _interconnects(adj_start, adj, pop_start, pop_metro, metros.km)
    members = [np.sort(_indices(sorted_asn, np.asarray(ixp[3], dtype=np.int64))) for ixp in ixps]
    return Topology(
        asn=sorted_asn,
        country=(np.full(count, "", "U2") if country is None else np.asarray(country, dtype="U2")[order]),
        pop_start=pop_start,
        pop_metro=pop_metro,
        pop_network=pop_network,
        users=pop_users,
        adj_start=adj_start,
        adj_peers=adj_peers,
        adj_customers=adj_customers,
        adj=adj,
        ic_start=ic_start,
        ic_own=ic_own,
        ic_far=ic_far,
        rov=(np.zeros(count, bool) if rov is None else np.asarray(rov, dtype=bool)[order]),
        ixp_asn=np.array([ixp[1] for ixp in ixps], dtype=np.uint32),
        ixp_metro=np.array([ixp[2] for ixp in ixps], dtype=np.int32),
        ixp_start=np.concatenate([[0], np.cumsum([len(m) for m in members])]).astype(np.int32),
        ixp_member=(np.concatenate(members) if members else np.empty(0)).astype(np.int32),
        ixp_name=tuple(ixp[0] for ixp in ixps),
        name=tuple(names[i] for i in order) if names else (),
        metros=metros,
        origin=origin,
    )


def without_metros(topology: Topology) -> Topology:
    """The same graph with every network in one and the same metro: ties fall to the lowest ASN alone.

    This is the model of other AS-level simulators (BGPy). Users are added up by network.
    """
    count = topology.networks
    index = np.arange(count, dtype=np.int32)
    start = np.append(index, np.int32(count))
    adj_count = len(topology.adj)
    own = np.repeat(index, np.diff(topology.adj_start)).astype(np.int32)
    metros = topology.metros
    nowhere = Metros(
        code=("---",),
        name=("nowhere",),
        country=("",),
        continent=("",),
        lat=np.zeros(1),
        lon=np.zeros(1),
        population=np.array([float(metros.population.sum())]),
        km=np.zeros((1, 1), np.float32),
    )
    return Topology(
        asn=topology.asn,
        country=topology.country,
        pop_start=start,
        pop_metro=np.zeros(count, np.int32),
        pop_network=index,
        users=np.bincount(topology.pop_network, topology.users, count).astype(np.float64),
        adj_start=topology.adj_start,
        adj_peers=topology.adj_peers,
        adj_customers=topology.adj_customers,
        adj=topology.adj,
        ic_start=np.arange(adj_count + 1, dtype=np.int32),
        ic_own=own,
        ic_far=topology.adj,
        rov=topology.rov,
        ixp_asn=topology.ixp_asn,
        ixp_metro=np.zeros_like(topology.ixp_metro),
        ixp_start=topology.ixp_start,
        ixp_member=topology.ixp_member,
        ixp_name=topology.ixp_name,
        name=topology.name,
        metros=nowhere,
        origin=f"{topology.origin}, without metros",
    )


def _indices(sorted_asn: NDArray[np.uint32], asns: NDArray[np.int64]) -> Int32:
    where = np.searchsorted(sorted_asn, asns)
    where = np.minimum(where, max(len(sorted_asn) - 1, 0))
    missing = asns[sorted_asn[where] != asns] if len(sorted_asn) else asns
    if len(missing):
        raise TopologyError(
            f"AS{int(missing[0])} is used in a link or a presence but is not among the networks"
        )
    return where.astype(np.int32)


def _links(sorted_asn: NDArray[np.uint32], pairs: ArrayLike) -> Links:
    table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    same = table[table[:, 0] == table[:, 1]]
    if len(same):
        raise TopologyError(f"AS{int(same[0, 0])} is linked to itself")
    return _indices(sorted_asn, table[:, 0]), _indices(sorted_asn, table[:, 1])


def _pops(
    sorted_asn: NDArray[np.uint32],
    presence: tuple[ArrayLike, ArrayLike],
    users: ArrayLike | None,
    metro_count: int,
) -> tuple[Int32, Int32, Int32, NDArray[np.float64]]:
    network = _indices(sorted_asn, np.asarray(presence[0], dtype=np.int64))
    metro = np.asarray(presence[1], dtype=np.int64)
    if len(metro) and (int(metro.min()) < 0 or int(metro.max()) >= metro_count):
        wrong = int(metro.min()) if int(metro.min()) < 0 else int(metro.max())
        raise TopologyError(f"a presence names metro {wrong}; there are {metro_count} metros")
    weight = np.zeros(len(metro)) if users is None else np.asarray(users, dtype=np.float64)
    key, inverse = np.unique(network.astype(np.int64) * metro_count + metro, return_inverse=True)
    pop_network = (key // metro_count).astype(np.int32)
    counts = np.bincount(pop_network, minlength=len(sorted_asn))
    if len(sorted_asn) and int(counts.min()) == 0:
        raise TopologyError(f"AS{int(sorted_asn[int(counts.argmin())])} is in no metro")
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return (
        start,
        pop_network,
        (key % metro_count).astype(np.int32),
        np.bincount(inverse.ravel(), weights=weight, minlength=len(key)).astype(np.float64),
    )


def _adjacencies(count: int, transit: Links, peering: Links) -> tuple[Int32, Int32, Int32, Int32]:
    """CSR of both directions; the run of a neighbour is 0 provider, 1 peer, 2 customer."""
    provider, customer = transit
    left, right = peering
    own = np.concatenate([customer, provider, left, right]).astype(np.int64)
    far = np.concatenate([provider, customer, right, left]).astype(np.int64)
    run = np.repeat(np.array([0, 2, 1, 1], np.int64), [len(customer), len(provider), len(left), len(right)])
    # One relationship a pair: of several statements the strongest (transit before peering) stays. Two
    # networks that are each other's provider keep both directions of the first one read.
    rank = np.array([0, 1, 0], np.int64)[run]
    first = np.lexsort((np.arange(len(own)), rank, np.maximum(own, far), np.minimum(own, far)))
    low, high = np.minimum(own, far)[first], np.maximum(own, far)[first]
    is_first = np.ones(len(first), bool)
    is_first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    keep = first[is_first]
    mirrored = 2 - run[keep]
    own, far, run = (
        np.concatenate([own[keep], far[keep]]),
        np.concatenate([far[keep], own[keep]]),
        np.concatenate([run[keep], mirrored]),
    )
    order = np.lexsort((far, run, own))
    own, far, run = own[order], far[order], run[order]
    start = np.searchsorted(own, np.arange(count + 1)).astype(np.int32)
    key = own * 3 + run
    peers = np.searchsorted(key, np.arange(count) * 3 + 1).astype(np.int32)
    customers = np.searchsorted(key, np.arange(count) * 3 + 2).astype(np.int32)
    return start, peers, customers, far.astype(np.int32)


def _interconnects(
    adj_start: Int32, adj: Int32, pop_start: Int32, pop_metro: Int32, km: NDArray[np.float32]
) -> tuple[Int32, Int32, Int32]:
    # Imported here, because numba takes longer to load than most commands take to run.
    from anyplane.topology.interconnects import count_interconnects, fill_interconnects

    start = np.zeros(len(adj) + 1, np.int64)
    count_interconnects(adj_start, adj, pop_start, pop_metro, start)
    np.cumsum(start, out=start)
    if int(start[-1]) > np.iinfo(np.int32).max:
        raise TopologyError(f"{int(start[-1])} interconnects do not fit in 32 bits")
    own = np.empty(int(start[-1]), np.int32)
    far = np.empty(int(start[-1]), np.int32)
    fill_interconnects(adj_start, adj, pop_start, pop_metro, km, start, own, far)
    return start.astype(np.int32), own, far
