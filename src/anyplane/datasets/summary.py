"""summarize: what is in a topology, in numbers that people ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anyplane.datasets.cache import Stored
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Continent:
    """One continent's part of the Internet."""

    code: str
    metros: int
    networks: int
    """Networks present in one of its metros."""
    users: float
    exchanges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One network or exchange in a list of the largest."""

    asn: int
    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The numbers of `anyplane topology info`; the fields are its JSON."""

    origin: str
    networks: int
    transit_links: int
    peering_links: int
    pops: int
    interconnects: int
    stubs: int
    """Networks without customers."""
    multihomed_stubs: int
    """Stubs with two providers or more."""
    transit: int
    """Networks with customers and with providers."""
    provider_free: int
    """Networks with customers and without providers."""
    isolated: int
    """Networks with neither customers nor providers: they only peer."""
    clique: tuple[int, ...]
    """The transit-free networks that the source of the graph names; empty where it names none."""
    multi_metro: int
    largest_presence: int
    metros: int
    metros_used: int
    users: float
    with_country: int
    with_name: int
    rov: int
    continents: tuple[Continent, ...]
    exchanges: int
    exchange_members: int
    largest_exchanges: tuple[Ranked, ...]
    most_customers: tuple[Ranked, ...]
    size: int
    """Bytes of the file, 0 when there is none."""
    sha256: str
    provenance: Mapping[str, object]


def summarize(stored: Stored, *, top: int = 10) -> Summary:
    """The numbers of this topology; `top` entries in the lists of the largest."""
    topology = stored.topology
    providers = topology.adj_peers - topology.adj_start[:-1]
    peers = topology.adj_customers - topology.adj_peers
    customers = topology.adj_start[1:] - topology.adj_customers
    presence = np.diff(topology.pop_start)
    members = np.diff(topology.ixp_start)
    clique = stored.provenance.get("clique")
    names = topology.name
    return Summary(
        origin=topology.origin,
        networks=topology.networks,
        transit_links=int(customers.sum()),
        peering_links=int(peers.sum()) // 2,
        pops=topology.pops,
        interconnects=len(topology.ic_own) // 2,
        stubs=int((customers == 0).sum()),
        multihomed_stubs=int(((customers == 0) & (providers > 1)).sum()),
        transit=int(((customers > 0) & (providers > 0)).sum()),
        provider_free=int(((customers > 0) & (providers == 0)).sum()),
        isolated=int(((customers == 0) & (providers == 0)).sum()),
        clique=tuple(int(asn) for asn in clique) if isinstance(clique, list) else (),
        multi_metro=int((presence > 1).sum()),
        largest_presence=int(presence.max(initial=0)),
        metros=len(topology.metros.code),
        metros_used=len(np.unique(topology.pop_metro)),
        users=float(topology.users.sum()),
        with_country=int((topology.country != "").sum()),
        with_name=sum(1 for name in names if name),
        rov=int(topology.rov.sum()),
        continents=_continents(topology),
        exchanges=len(members),
        exchange_members=int(members.sum()),
        largest_exchanges=tuple(
            Ranked(asn=int(topology.ixp_asn[x]), name=topology.ixp_name[x], count=int(members[x]))
            for x in np.argsort(-members, kind="stable")[:top].tolist()
        ),
        most_customers=tuple(
            Ranked(asn=int(topology.asn[n]), name=names[n] if names else "", count=int(customers[n]))
            for n in np.argsort(-customers, kind="stable")[:top].tolist()
        ),
        size=stored.size,
        sha256=stored.sha256,
        provenance=stored.provenance,
    )


def _continents(topology: Topology) -> tuple[Continent, ...]:
    of_metro = np.array(topology.metros.continent)
    of_pop = of_metro[topology.pop_metro]
    of_ixp = of_metro[topology.ixp_metro]
    return tuple(
        Continent(
            code=code,
            metros=int((of_metro == code).sum()),
            networks=len(np.unique(topology.pop_network[of_pop == code])),
            users=float(topology.users[of_pop == code].sum()),
            exchanges=int((of_ixp == code).sum()),
        )
        for code in sorted(set(topology.metros.continent))
    )
