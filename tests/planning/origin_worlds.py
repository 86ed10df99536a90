"""Worlds in which a site is a network: the origin's own AS, with a link to every neighbour of that site."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anyplane.model.nouns import UpstreamKind
from anyplane.planning.both_ways.uplinks import Uplinks
from anyplane.topology import Topology, build


def links_of(world: Topology) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(provider, customer) and (peer, peer) of a topology, by ASN."""
    transit, peering = [], []
    for network in range(world.networks):
        own = int(world.asn[network])
        first, last = int(world.adj_start[network]), int(world.adj_start[network + 1])
        peers, customers = int(world.adj_peers[network]), int(world.adj_customers[network])
        peering += [(own, int(world.asn[n])) for n in world.adj[peers:customers] if network < n]
        transit += [(own, int(world.asn[n])) for n in world.adj[customers:last]]
        assert first <= peers
    return transit, peering


def with_site(world: Topology, uplinks: Uplinks, site: int, *, origin: int, metro: int) -> Topology | None:
    """The world and, last in it, the origin's network in the metro of one site, linked as its sessions say.

    None where a neighbour has two sessions of different kinds there: a link has one relationship. The link
    to a member behind a route server ends at the member's port.
    """
    edge = uplinks.edges[site]
    by_network: dict[int, tuple[bool, int]] = {}
    for session in range(len(edge.pop)):
        network = int(edge.network[session])
        entry = (bool(edge.is_transit[session]), int(edge.pop[session]))
        if by_network.setdefault(network, entry) != entry:
            return None
    transit, peering = links_of(world)
    assert origin > int(world.asn[-1]), "the origin comes last, so that every other index stays"
    transit += [(int(world.asn[n]), origin) for n, (is_transit, _) in by_network.items() if is_transit]
    peering += [(int(world.asn[n]), origin) for n, (is_transit, _) in by_network.items() if not is_transit]
    made = build(
        asn=[*world.asn.tolist(), origin],
        providers_customers=transit,
        peers=peering,
        presence=(
            [*world.asn[world.pop_network].tolist(), origin],
            [*world.pop_metro.tolist(), metro],
        ),
        metros=world.metros,
        rov=[*world.rov.tolist(), False],
        origin="with a site",
    )
    ours = world.networks
    own, far = made.ic_own.copy(), made.ic_far.copy()
    for a in range(len(made.adj)):
        at = slice(int(made.ic_start[a]), int(made.ic_start[a + 1]))
        holder = int(np.searchsorted(made.adj_start, a, side="right")) - 1
        if holder == ours:
            far[at] = by_network[int(made.adj[a])][1]
        elif int(made.adj[a]) == ours:
            own[at] = by_network[holder][1]
    return replace(made, ic_own=own, ic_far=far)


def is_route_server(uplinks: Uplinks, site: int) -> bool:
    """Has the site a session with a route server?"""
    return any(one.site == site and one.kind is UpstreamKind.ROUTE_SERVER for one in uplinks.all)
