"""returning: how a site reaches a client: the client's prefix over the Internet, and the site's choice.

The client's network announces its prefix at all its pops; `routing` carries it. The site hears from a transit
whatever that holds, from a peer (or a member behind a route server) only what it originates or holds from a
customer: the export rule of `routing.reference`. It then decides as any network does: class, path length,
lowest ASN. All its sessions are in one place, so none is a nearer exit than another. `Prefer` replaces the
first step where the site's own local preference is another.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Asn, RouteClass
from anyplane.planning.both_ways.uplinks import Edge, Int64
from anyplane.routing import NO_SITE, Routes, Seed, Seeds
from anyplane.routing.state import OFF
from anyplane.topology import Topology


class Prefer(StrEnum):
    """Whom the site's local preference puts first."""

    PEER = "peer"
    TRANSIT = "transit"
    SHORTEST = "shortest"


def client_seeds(topology: Topology, network: int, *, origin: int) -> Seeds:
    """The seeds of a prefix that a network originates at each of its pops.

    origin: our own ASN. A network that the topology knows by it finds itself in every path that we would
    hear, so it takes no part here either; `routing.state.admit` silences it for a session that is off.
    """
    asn = Asn(int(topology.asn[network]))
    first, last = int(topology.pop_start[network]), int(topology.pop_start[network + 1])
    seeds = [
        Seed(pop=pop, site=0, route_class=RouteClass.ORIGIN, length=0, asn=asn) for pop in range(first, last)
    ]
    ours = topology.index_of(origin)
    if ours >= 0 and ours != network:
        pop = int(topology.pop_start[ours])
        seeds.append(Seed(pop=pop, site=0, route_class=RouteClass.CUSTOMER, length=OFF, asn=Asn(origin)))
    return Seeds.of(seeds, sites=1)


def is_told(routes: Routes, edge: Edge) -> NDArray[np.bool_]:
    """(D,) does this neighbour export its route to the site?"""
    held = routes.route_class[edge.network]
    told: NDArray[np.bool_] = (routes.site[edge.pop] != NO_SITE) & (
        edge.is_transit | (held <= int(RouteClass.CUSTOMER))
    )
    return told


def best_sessions(routes: Routes, edge: Edge, prefer: Prefer) -> Int64:
    """The sessions that are as good as any, the chosen one first; none where nobody tells a route."""
    told = np.flatnonzero(is_told(routes, edge))
    if not len(told):
        return told.astype(np.int64)
    rank = ranks(routes, edge, prefer)[told]
    tied = told[rank == rank.min()]
    # Networks are in the order of their ASNs, and so are their pops.
    ordered: Int64 = tied[np.lexsort((tied, edge.pop[tied]))]
    return ordered


def ranks(routes: Routes, edge: Edge, prefer: Prefer) -> Int64:
    """(D,) class (as `prefer` has it) and path length as one number; the lower is better."""
    length = routes.length[edge.network].astype(np.int64) + 1
    return (classes(edge, prefer) << 20) | length


def classes(edge: Edge, prefer: Prefer) -> Int64:
    """(D,) 0 for sessions that come first whatever the path length, 1 for the others."""
    if prefer is Prefer.SHORTEST:
        return np.zeros(len(edge.pop), np.int64)
    first = edge.is_transit if prefer is Prefer.TRANSIT else ~edge.is_transit
    return (~first).astype(np.int64)
