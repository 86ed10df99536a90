"""Draft: a blueprint in the making: a router for each pop, a node for each site, and the cables between them.

Delays. A path's links, both ways, sum up to the planner's round trip less the last mile: a link carries the
light in its kilometres of fibre, and one between two networks half the time of a hop as well; where two
networks meet at an exchange, each of the two ports has half of that. The last mile (6 ms there and back) is
not on the wire: the prediction says so, and it is added where figures for users are shown.

Ties. Router ids ascend as the planner breaks ties (see blueprint): a site counts as its origin's ASN, and a
route server as the site behind it, because what it hands on begins with the site's ASN.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from anyplane.design.design import Design, Site, Upstream
from anyplane.lab.blueprint import (
    ROUTER_ID,
    Exchange,
    Link,
    LinkKind,
    Location,
    Node,
    NodeKind,
    Port,
    SiteLink,
)
from anyplane.lab.world.relations import interconnects, untold
from anyplane.model.nouns import Asn, Place, SiteName, UpstreamKind
from anyplane.planning.latency import FIBRE_KM_PER_MS, Float64, LatencyModel, km_to
from anyplane.planning.sessions import exchange_at, nearest_pop, ports
from anyplane.topology import Topology

Order = tuple[int, int, int, int]


def router_name(topology: Topology, pop: int) -> str:
    """What the node of a pop is called: as174-fra."""
    metro = topology.metros.code[int(topology.pop_metro[pop])]
    return f"as{int(topology.asn[topology.pop_network[pop]])}-{_plain(metro) or 'any'}"


def path_delay_ms(latency: LatencyModel, km: float, *, crossings: float) -> float:
    """One way over so many kilometres and from network to network so many times."""
    return km * latency.inflation / FIBRE_KM_PER_MS + crossings * latency.hop_ms / 2


@dataclass(slots=True, kw_only=True)
class Draft:
    """A blueprint in the making; `order` says how router ids will ascend."""

    design: Design
    topology: Topology
    latency: LatencyModel
    nodes: list[Node] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    lans: dict[int, Exchange] = field(default_factory=dict)
    """By the exchange's index in the topology."""
    sites: list[SiteLink] = field(default_factory=list)
    name_of: dict[int, str] = field(default_factory=dict)
    """By pop."""
    served: dict[int, Order] = field(default_factory=dict)
    """-1 - (index of a link behind a route server) -> its order."""
    node_of: dict[SiteName, str] = field(default_factory=dict)
    network_upstreams: set[int] = field(default_factory=set)

    def routers(self, clients: Collection[int] | None) -> None:
        """A node for each pop; the network that bears the origin's own number is silent and gets none."""
        topology = self.topology
        silent = topology.index_of(int(self.design.origin))
        chosen = set(np.flatnonzero(topology.users > 0).tolist() if clients is None else clients)
        for pop in range(topology.pops):
            network = int(topology.pop_network[pop])
            if network == silent:
                continue
            asn = Asn(int(topology.asn[network]))
            node = Node(
                name=router_name(topology, pop),
                index=len(self.nodes),
                kind=NodeKind.ROUTER,
                asn=asn,
                location=self._location(int(topology.pop_metro[pop])),
                router_id=ROUTER_ID,
                is_client=pop in chosen,
                users=float(topology.users[pop]),
                is_rov=bool(topology.rov[network]),
            )
            self.name_of[pop] = self._add(node, (int(asn), 1, pop, 0))

    def places(self) -> None:
        """A node for each site that is enabled, and for each server behind it."""
        for number, site in enumerate(self.design.sites):
            if not site.is_enabled:
                continue
            where = self._place_of(site)
            origin = self.design.origin
            node = Node(
                name=f"site-{_plain(str(site.name))}",
                index=len(self.nodes),
                kind=NodeKind.SITE,
                asn=origin,
                location=where,
                router_id=ROUTER_ID,
                site=str(site.name),
            )
            added = self._add(node, (int(origin), 0, number, 0))
            self.node_of[site.name] = added
            health = {**self.design.health, **site.health}
            for backend in dict.fromkeys(one.name for judged in health.values() for one in judged.backends):
                behind = replace(
                    node,
                    name=f"{_plain(str(site.name))}-{_plain(backend)}",
                    index=len(self.nodes),
                    kind=NodeKind.BACKEND,
                )
                far = self._add(behind, (2**33, 0, len(self.nodes), 0))
                self._link(LinkKind.BACKEND, added, far, 0.0, crossings=0)

    def adjacencies(self) -> None:
        """A cable for each interconnect, and a full mesh inside each network."""
        topology = self.topology
        kilometres = topology.metros.km
        for network in range(topology.networks):
            pops = range(int(topology.pop_start[network]), int(topology.pop_start[network + 1]))
            for a in pops:
                for b in range(a + 1, pops.stop):
                    if a in self.name_of:
                        km = float(kilometres[topology.pop_metro[a], topology.pop_metro[b]])
                        self._link(LinkKind.INTERNAL, self.name_of[a], self.name_of[b], km, crossings=0)
        for kind, a, b in interconnects(topology):
            if a in self.name_of and b in self.name_of:
                km = float(kilometres[topology.pop_metro[a], topology.pop_metro[b]])
                self._link(kind, self.name_of[a], self.name_of[b], km, crossings=1)

    def exchanges(self) -> None:
        """A LAN with a route server for each exchange where a site is; the sites come after the members."""
        users: dict[int, list[tuple[Site, float, Order]]] = {}
        for number, site in enumerate(self.design.sites):
            for place, upstream in enumerate(site.upstreams if site.is_enabled else ()):
                if upstream.kind == UpstreamKind.ROUTE_SERVER:
                    km = self._distances(site)
                    ixp = exchange_at(self.topology, int(upstream.asn), km)
                    if ixp >= 0:
                        away = float(km[int(self.topology.ixp_metro[ixp])])
                        order = (int(self.design.origin), 0, number, 1 + place)
                        users.setdefault(ixp, []).append((site, away, order))
        for ixp, sites in users.items():
            self.lans[ixp] = self._exchange(ixp, sites)

    def upstreams(self) -> None:
        """The cable of each site to each transit and peer, and what all its upstreams do for it."""
        for number, site in enumerate(self.design.sites):
            for place, upstream in enumerate(site.upstreams if site.is_enabled else ()):
                if upstream.kind == UpstreamKind.ROUTE_SERVER:
                    ixp = exchange_at(self.topology, int(upstream.asn), self._distances(site))
                    if ixp >= 0:
                        self.served[-1 - len(self.sites)] = (int(self.design.origin), 0, number, 1 + place)
                        self._site_link(site, upstream, exchange=self.lans[ixp].index)
                    continue
                network = self.topology.index_of(int(upstream.asn))
                if network < 0:
                    continue
                km = self._distances(site)
                pop = nearest_pop(self.topology, network, km)
                if pop in self.name_of:
                    self.network_upstreams.add(int(upstream.asn))
                    apart = round(float(km[int(self.topology.pop_metro[pop])]), 3)
                    link = self._link(
                        LinkKind.SITE,
                        self.name_of[pop],
                        self.node_of[site.name],
                        apart,
                        crossings=1,
                        upstream=upstream.kind,
                    )
                    self._site_link(site, upstream, link=link.index)

    def numbered(self) -> tuple[tuple[Node, ...], tuple[SiteLink, ...]]:
        """Nodes whose router ids ascend as `order` does, and the links of sites with what they count as.

        A route server hands on the routes of several sites: each of its links has a rank of its own.
        """
        ranked = sorted([*enumerate(self.order), *self.served.items()], key=lambda one: (one[1], -one[0]))
        rank = {key: ROUTER_ID + place for place, (key, _) in enumerate(ranked, start=1)}
        return (
            tuple(replace(node, router_id=rank[node.index]) for node in self.nodes),
            tuple(replace(one, counts_as=rank.get(-1 - at)) for at, one in enumerate(self.sites)),
        )

    def _exchange(self, ixp: int, sites: list[tuple[Site, float, Order]]) -> Exchange:
        topology = self.topology
        index = len(self.lans)
        metro = int(topology.ixp_metro[ixp])
        asn = Asn(int(topology.ixp_asn[ixp]))
        server = Node(
            name=f"rs-{_plain(topology.metros.code[metro])}",
            index=len(self.nodes),
            kind=NodeKind.ROUTE_SERVER,
            asn=asn,
            location=self._location(metro),
            router_id=ROUTER_ID,
        )
        name = self._add(server, min(order for _, _, order in sites))
        found: dict[str, float] = {name: 0.0}
        for pop in ports(topology, ixp):
            if pop in self.name_of:
                found[self.name_of[pop]] = float(topology.metros.km[metro, topology.pop_metro[pop]])
        for site, away, _ in sites:
            found[self.node_of[site.name]] = away
        return Exchange(
            index=index,
            name=topology.ixp_name[ixp] or f"AS{int(asn)}",
            asn=asn,
            route_server=name,
            ports=tuple(
                Port(
                    node=node,
                    position=position,
                    km=km,
                    delay_ms=0.0 if node == name else path_delay_ms(self.latency, km, crossings=0.5),
                )
                for position, (node, km) in enumerate(found.items(), start=1)
            ),
        )

    def _site_link(self, site: Site, upstream: Upstream, *, link: int = -1, exchange: int = -1) -> None:
        rules = untold(self.design, upstream)
        self.sites.append(
            SiteLink(
                site=str(site.name),
                node=self.node_of[site.name],
                upstream=upstream.asn,
                kind=upstream.kind,
                link=link,
                exchange=exchange,
                rules={str(prefix): rules for prefix in upstream.prefixes},
            )
        )

    def _link(
        self,
        kind: LinkKind,
        a: str,
        b: str,
        km: float,
        *,
        crossings: int,
        upstream: UpstreamKind = UpstreamKind.TRANSIT,
    ) -> Link:
        delay = path_delay_ms(self.latency, km, crossings=crossings)
        link = Link(
            index=len(self.links), kind=kind, a=a, b=b, km=km, delay_ms=round(delay, 6), upstream=upstream
        )
        self.links.append(link)
        return link

    def _add(self, node: Node, order: Order) -> str:
        taken = {other.name for other in self.nodes}
        name, number = node.name, 1
        while name in taken:
            number += 1
            name = f"{node.name}-{number}"
        self.nodes.append(replace(node, name=name))
        self.order.append(order)
        return name

    def _distances(self, site: Site) -> Float64:
        return km_to(self.topology.metros, site.metro, site.place.lat, site.place.lon)

    def _location(self, metro: int) -> Location:
        metros = self.topology.metros
        return Location(
            metro=metros.code[metro],
            country=metros.country[metro],
            continent=metros.continent[metro],
            lat=float(metros.lat[metro]),
            lon=float(metros.lon[metro]),
        )

    def _place_of(self, site: Site) -> Location:
        nearest = self._location(int(self._distances(site).argmin()))
        place: Place = site.place
        return replace(nearest, metro=site.metro or nearest.metro, lat=place.lat, lon=place.lon)


def _plain(text: str) -> str:
    """Lower case, and fit for a name in a shell."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
