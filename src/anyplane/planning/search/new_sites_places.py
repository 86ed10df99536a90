"""Places: the metros where a site could be added, and who could be its upstreams there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design
from anyplane.model.nouns import UpstreamKind
from anyplane.planning.catchment import Clients
from anyplane.planning.latency import LatencyModel, km_to
from anyplane.planning.weighted import Float64
from anyplane.topology import Topology

USED, OTHERS = 2, 3
"""Transits of a metro that are tried: so many that the design has elsewhere, so many more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A network that would hear a new site in a metro. customers: networks in its customer cone; of a route
    server its members. is_used: the design has it at another site."""

    asn: int
    kind: UpstreamKind
    customers: int
    is_used: bool
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One metro. offers: transits, those in use first and larger cones first; then a route server, if any."""

    metro: int
    code: str
    offers: tuple[Offer, ...]

    @property
    def transits(self) -> tuple[int, ...]:
        """Indices of the offers that are transits."""
        return tuple(i for i, one in enumerate(self.offers) if one.kind is UpstreamKind.TRANSIT)

    def sets(self, *, size: int, is_quick: bool) -> list[tuple[int, ...]]:
        """Offers to be taken together: `size` transits (or all, of fewer), with and without the route server.

        is_quick: of the transits only those that come first, and those with the largest cones.
        """
        transits = self.transits
        servers = tuple(i for i in range(len(self.offers)) if i not in transits)
        wanted = min(size, len(transits))
        chosen = list(combinations(transits, wanted)) if wanted else []
        if is_quick and chosen:
            largest = sorted(transits, key=lambda i: (-self.offers[i].customers, self.offers[i].asn))[:wanted]
            chosen = list(dict.fromkeys((transits[:wanted], tuple(sorted(largest)))))
        return chosen + [(*one, *servers) for one in (chosen or [()]) if servers]


def candidates(design: Design, topology: Topology, *, only_used: bool) -> tuple[Candidate, ...]:
    """Every metro without a site of the design where somebody would hear one, by code.

    only_used: no other transits than those that the design has somewhere.
    """
    taken = {_metro_of(topology, site.metro, site.place.lat, site.place.lon) for site in design.sites}
    used = {
        int(one.asn) for site in design.sites for one in site.upstreams if one.kind is UpstreamKind.TRANSIT
    }
    customers = topology.adj_start[1:] - topology.adj_customers
    sells = customers > 0
    sells[topology.asn == int(design.origin)] = False
    is_used = np.isin(topology.asn, np.array(sorted(used), np.int64))
    if only_used:
        sells &= is_used
    cones: dict[int, int] = {}
    found = []
    by_metro = np.argsort(topology.pop_metro, kind="stable")
    ends = np.searchsorted(topology.pop_metro[by_metro], np.arange(len(topology.metros.code) + 1))
    for metro in range(len(topology.metros.code)):
        if metro in taken:
            continue
        here = np.unique(topology.pop_network[by_metro[ends[metro] : ends[metro + 1]]])
        here = here[sells[here]]
        here = here[np.lexsort((here, -customers[here]))]
        listed = [*here[is_used[here]][:USED].tolist(), *here[~is_used[here]][:OTHERS].tolist()]
        offers = []
        for network in listed:
            if network not in cones:
                cones[network] = cone(topology, network)
            offers.append(
                Offer(
                    asn=int(topology.asn[network]),
                    kind=UpstreamKind.TRANSIT,
                    customers=cones[network],
                    is_used=bool(is_used[network]),
                    name=topology.name[network] if len(topology.name) else "",
                )
            )
        offers.sort(key=lambda one: (not one.is_used, -one.customers, one.asn))
        offers += _route_server(topology, metro)
        if offers:
            found.append(Candidate(metro=metro, code=topology.metros.code[metro], offers=tuple(offers)))
    return tuple(sorted(found, key=lambda one: one.code))


def potential(
    candidate: Candidate, topology: Topology, clients: Clients, rtt: Float64, model: LatencyModel
) -> float:
    """User-milliseconds that would be won if all for whom it is nearer came to this metro on straight ways.

    rtt: (U,) what each client has now.
    """
    ideal = model.rtt(topology.metros.km[candidate.metro], 1)[clients.metro]
    return float(clients.users @ np.maximum(rtt - ideal, 0.0))


def cone(topology: Topology, network: int) -> int:
    """How many networks are customers of this one, or customers of such, and so on."""
    seen = np.zeros(topology.networks, bool)
    seen[network] = True
    for front in _fronts(topology, network, seen):
        seen[front] = True
    return int(seen.sum()) - 1


def _fronts(topology: Topology, network: int, seen: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    front = np.array([network], np.int64)
    while len(front):
        start, end = (
            topology.adj_customers[front].astype(np.int64),
            topology.adj_start[front + 1].astype(np.int64),
        )
        count = end - start
        # Positions of all these ranges, one after the other.
        shift = np.repeat(start - np.concatenate(([0], np.cumsum(count)[:-1])), count)
        below = np.unique(topology.adj[shift + np.arange(int(count.sum()))]).astype(np.int64)
        front = below[~seen[below]]
        yield front


def _metro_of(topology: Topology, code: str, lat: float, lon: float) -> int:
    return int(km_to(topology.metros, code, lat, lon).argmin())


def _route_server(topology: Topology, metro: int) -> list[Offer]:
    """The route server with the most members here."""
    members = np.diff(topology.ixp_start)
    here = np.flatnonzero((topology.ixp_metro == metro) & (topology.ixp_asn > 0) & (members > 0))
    if not len(here):
        return []
    largest = int(here[np.lexsort((here, -members[here]))][0])
    return [
        Offer(
            asn=int(topology.ixp_asn[largest]),
            kind=UpstreamKind.ROUTE_SERVER,
            customers=int(members[largest]),
            is_used=False,
            name=topology.ixp_name[largest],
        )
    ]
