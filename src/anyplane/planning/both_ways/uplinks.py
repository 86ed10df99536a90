"""uplinks: every session by which a site could send, and by which of them an announcement was heard.

A session counts for the way back whatever is announced over it: what a site tells a neighbour and what it
hears from it are two things. A route server's session stands for all members of the exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.design import announcements
from anyplane.design.design import Design, Site, Upstream
from anyplane.model.errors import TopologyError
from anyplane.model.nouns import Announcement, UpstreamKind
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import km_to
from anyplane.planning.sessions import Sessions, exchange_at, label
from anyplane.topology import Topology

Int64 = NDArray[np.int64]

KIND_NAMES = {
    UpstreamKind.TRANSIT: "transit",
    UpstreamKind.PEER: "peer",
    UpstreamKind.ROUTE_SERVER: "route server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """One upstream of a site, by its place in the design. name: "AS174 COGENT-174", "DE-CIX (AS6695)";
    of a second one to the same neighbour "AS174#2 COGENT-174"."""

    site: int
    asn: int
    kind: UpstreamKind
    name: str
    is_backup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The sessions of one site, D of them; a route server has one for each member.

    pop: (D,) the neighbour's pop that speaks there. network: (D,) its network. km: (D,) from the site to it.
    uplink: (D,) index into Uplinks.all. is_transit: (D,) does the neighbour tell us everything?
    """

    pop: Int64
    network: Int64
    km: NDArray[np.float64]
    uplink: Int64
    is_transit: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplinks:
    """Of all sites of a design. edges: by site; one without sessions where it is not enabled."""

    all: tuple[Uplink, ...]
    edges: tuple[Edge, ...]


def uplinks_of(design: Design, topology: Topology) -> Uplinks:
    """The Uplinks of every enabled site; a TopologyError names the neighbours that the topology lacks."""
    sessions = Sessions(topology)
    found: list[Uplink] = []
    edges = []
    for index, site in enumerate(design.sites):
        pops: list[int] = []
        apart: list[float] = []
        owner: list[int] = []
        for upstream in site.upstreams if site.is_enabled else ():
            seeds = sessions.seeds(_plain(design, site, upstream), site, index=index, warnings=[])
            pops += [seed.pop for seed in seeds]
            apart += [seed.km for seed in seeds]
            owner += [len(found)] * len(seeds)
            name = _name(topology, site, upstream)
            before = sum(one.site == index and one.asn == int(upstream.asn) for one in found)
            found.append(
                Uplink(
                    site=index,
                    asn=int(upstream.asn),
                    kind=upstream.kind,
                    name=_numbered(name, before + 1),
                    is_backup=upstream.is_backup,
                )
            )
        pop = np.array(pops, np.int64)
        edges.append(
            Edge(
                pop=pop,
                network=topology.pop_network[pop].astype(np.int64),
                km=np.array(apart, np.float64),
                uplink=np.array(owner, np.int64),
                is_transit=np.array([found[u].kind == UpstreamKind.TRANSIT for u in owner], bool),
            )
        )
    if sessions.problems:
        raise TopologyError("\n".join(dict.fromkeys(sessions.problems)))
    return Uplinks(all=tuple(found), edges=tuple(edges))


def uplinks_of_seeds(design: Design, scenario: Scenario, uplinks: Uplinks) -> tuple[int, ...]:
    """For each seed of a scenario as `compile` made it, the uplink that carries its announcement."""
    sessions = np.zeros(len(uplinks.all), np.int64)
    for edge in uplinks.edges:
        np.add.at(sessions, edge.uplink, 1)
    number = _numbers(design)
    owners: list[int] = []
    for item in announcements(design):
        if item.prefix == scenario.prefixes[0]:
            uplink = number[_key(item)].pop(0)
            owners += [uplink] * int(sessions[uplink])
    if len(owners) != len(scenario.seeds.seeds):
        raise AssertionError("seeds that are of no uplink")
    return tuple(owners)


def _numbers(design: Design) -> dict[tuple[object, ...], list[int]]:
    """By prefix, site, neighbour and kind: the uplinks that announce so, in the file's order."""
    found: dict[tuple[object, ...], list[int]] = {}
    count = 0
    for site in design.sites:
        for upstream in site.upstreams if site.is_enabled else ():
            for prefix in upstream.prefixes:
                key = (prefix, site.name, upstream.asn, upstream.kind)
                found.setdefault(key, []).append(count)
            count += 1
    return found


def _key(item: Announcement) -> tuple[object, ...]:
    return (item.prefix, item.site, item.upstream, item.kind)


def _plain(design: Design, site: Site, upstream: Upstream) -> Announcement:
    """Any announcement to this neighbour: only where it is heard matters here."""
    return Announcement(
        prefix=design.groups[0].prefixes[0],
        site=site.name,
        upstream=upstream.asn,
        kind=upstream.kind,
        origin=design.origin,
    )


def _name(topology: Topology, site: Site, upstream: Upstream) -> str:
    if upstream.kind != UpstreamKind.ROUTE_SERVER:
        network = topology.index_of(int(upstream.asn))
        return label(topology, network) if network >= 0 else f"AS{int(upstream.asn)}"
    km = km_to(topology.metros, site.metro, site.place.lat, site.place.lon)
    ixp = exchange_at(topology, int(upstream.asn), km)
    name = topology.ixp_name[ixp] if ixp >= 0 else ""
    return f"{name} (AS{int(upstream.asn)})" if name else f"AS{int(upstream.asn)}"


def _numbered(name: str, number: int) -> str:
    """The second uplink to one neighbour is "AS174#2 COGENT-174"."""
    if number == 1:
        return name
    first, space, rest = name.partition(" ")
    return f"{first}#{number}{space}{rest}"
