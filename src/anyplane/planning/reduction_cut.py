"""cut: some pops of a topology and what lies between them, as a topology; no interconnect is invented."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from anyplane.planning.sessions import ports
from anyplane.topology import Topology


def cut(
    topology: Topology, pops: Collection[int], *, exchanges: Sequence[int] = ()
) -> tuple[Topology, tuple[int, ...]]:
    """The topology of these pops, and for each pop of it the index in the whole.

    `topology.build` would join two networks that no longer share a metro at the nearest pair of what is left;
    here two networks meet where they met before, or not at all. Of the exchanges those listed stay, and a
    member stays when the pop stays that speaks there.
    """
    kept = np.array(sorted(set(pops)), np.int64)
    is_kept = np.zeros(topology.pops, bool)
    is_kept[kept] = True
    networks = np.unique(topology.pop_network[kept]).astype(np.int64)
    new_network = np.full(topology.networks, -1, np.int64)
    new_network[networks] = np.arange(len(networks))
    new_pop = np.full(topology.pops, -1, np.int64)
    new_pop[kept] = np.arange(len(kept))

    between = np.flatnonzero(is_kept[topology.ic_own] & is_kept[topology.ic_far])
    adjacency = np.searchsorted(topology.ic_start, between, side="right") - 1
    used, counts = np.unique(adjacency, return_counts=True)
    owner = np.searchsorted(topology.adj_start, used, side="right") - 1
    own = new_network[owner]
    everyone = np.arange(len(networks))
    start = np.searchsorted(own, np.arange(len(networks) + 1))
    # The three runs of an adjacency stay in order, so the ends of the runs are counts.
    is_provider = used < topology.adj_peers[owner]
    is_above_customer = used < topology.adj_customers[owner]
    providers = np.bincount(own[is_provider], minlength=len(networks))[everyone]
    above = np.bincount(own[is_above_customer], minlength=len(networks))[everyone]

    members = []
    for ixp in exchanges:
        everybody = topology.ixp_member[int(topology.ixp_start[ixp]) : int(topology.ixp_start[ixp + 1])]
        here = [
            int(new_network[member])
            for member, pop in zip(everybody, ports(topology, ixp), strict=True)
            if is_kept[pop]
        ]
        members.append(sorted(here))
    pop_network = new_network[topology.pop_network[kept]]
    small = Topology(
        asn=topology.asn[networks],
        country=topology.country[networks],
        pop_start=np.searchsorted(pop_network, np.arange(len(networks) + 1)).astype(np.int32),
        pop_metro=topology.pop_metro[kept],
        pop_network=pop_network.astype(np.int32),
        users=topology.users[kept],
        adj_start=start.astype(np.int32),
        adj_peers=(start[:-1] + providers).astype(np.int32),
        adj_customers=(start[:-1] + above).astype(np.int32),
        adj=new_network[topology.adj[used]].astype(np.int32),
        ic_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        ic_own=new_pop[topology.ic_own[between]].astype(np.int32),
        ic_far=new_pop[topology.ic_far[between]].astype(np.int32),
        rov=topology.rov[networks],
        ixp_asn=topology.ixp_asn[list(exchanges)],
        ixp_metro=topology.ixp_metro[list(exchanges)],
        ixp_start=np.concatenate([[0], np.cumsum([len(some) for some in members])]).astype(np.int32),
        ixp_member=np.array([member for some in members for member in some], np.int32),
        ixp_name=tuple(topology.ixp_name[ixp] for ixp in exchanges),
        name=tuple(topology.name[int(network)] for network in networks) if topology.name else (),
        metros=topology.metros,
        origin=f"{topology.origin}, reduced to {len(kept)} pops",
    )
    return small, tuple(int(pop) for pop in kept)
