"""Small labs by hand: `World` collects nodes and links and makes a Blueprint of them; some worlds ready made.

    world = World("line")
    lisbon = world.router(100, "lis", is_client=True)
    transit = world.router(200, "mad")
    site = world.site("mad")
    world.customer(transit, lisbon, km=500)     # lisbon buys from transit
    world.upstream(transit, site)               # the site buys from transit
    blueprint = world.blueprint()

A node is called as100-lis, site-mad, rs-ams. Distances become delays of 1 ms for each 100 km, one way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

from anyplane.lab.blueprint import (
    ROUTER_ID,
    Blueprint,
    Exchange,
    Link,
    LinkKind,
    Location,
    Node,
    NodeKind,
    Port,
    RouterKind,
    SiteLink,
)
from anyplane.model.nouns import Asn, ExportRule, Prefix, UpstreamKind

ORIGIN = 64500
PREFIXES = ("198.51.100.0/24", "2001:db8:a::/48")
MS_PER_KM = 0.01
_PLACES = {
    "lis": ("PT", "EU", 38.72, -9.14),
    "mad": ("ES", "EU", 40.42, -3.70),
    "fra": ("DE", "EU", 50.11, 8.68),
    "ams": ("NL", "EU", 52.37, 4.90),
    "chi": ("US", "NA", 41.88, -87.63),
    "tyo": ("JP", "AS", 35.68, 139.69),
}


class World:
    """Nodes, links and exchanges in the order in which they were added."""

    def __init__(
        self, name: str = "tiny", *, origin: int = ORIGIN, prefixes: tuple[str, ...] = PREFIXES
    ) -> None:
        self.name = name
        self.origin = Asn(origin)
        self.prefixes: tuple[Prefix, ...] = tuple(ip_network(prefix) for prefix in prefixes)
        self.nodes: list[Node] = []
        self.links: list[Link] = []
        self.exchanges: list[Exchange] = []
        self.sites: list[SiteLink] = []

    def router(
        self,
        asn: int,
        metro: str,
        *,
        daemon: RouterKind = RouterKind.BIRD,
        is_client: bool = False,
        users: float = 0.0,
        is_rov: bool = False,
        mrai_s: int = 0,
    ) -> str:
        """A router of a network in a metro; its name."""
        node = self._node(f"as{asn}-{metro}", NodeKind.ROUTER, asn, metro)
        return self._add(
            replace(node, daemon=daemon, is_client=is_client, users=users, is_rov=is_rov, mrai_s=mrai_s)
        )

    def site(self, name: str, *, metro: str = "") -> str:
        """A site of the design; its node's name."""
        node = self._node(f"site-{name}", NodeKind.SITE, self.origin, metro or name)
        return self._add(replace(node, site=name))

    def backend(self, site: str, name: str) -> str:
        """A server behind a site's node (`site` is the node's name), and the cable to it; its node's name."""
        behind = next(node for node in self.nodes if node.name == site)
        node = self._node(f"{behind.site}-{name}", NodeKind.BACKEND, self.origin, behind.location.metro)
        added = self._add(replace(node, site=behind.site))
        self.link(site, added, LinkKind.BACKEND, km=0)
        return added

    def link(
        self,
        a: str,
        b: str,
        kind: LinkKind,
        *,
        km: float = 100.0,
        delay_ms: float | None = None,
        upstream: UpstreamKind = UpstreamKind.TRANSIT,
    ) -> Link:
        """A cable: what `b` is to `a` is the kind."""
        delay = km * MS_PER_KM if delay_ms is None else delay_ms
        link = Link(
            index=len(self.links), kind=kind, a=a, b=b, km=float(km), delay_ms=delay, upstream=upstream
        )
        self.links.append(link)
        return link

    def customer(self, provider: str, customer: str, *, km: float = 100.0) -> Link:
        """`customer` buys transit from `provider`."""
        return self.link(provider, customer, LinkKind.CUSTOMER, km=km)

    def peer(self, a: str, b: str, *, km: float = 100.0) -> Link:
        """Two networks that peer."""
        return self.link(a, b, LinkKind.PEER, km=km)

    def internal(self, a: str, b: str, *, km: float = 100.0) -> Link:
        """Two pops of one network."""
        return self.link(a, b, LinkKind.INTERNAL, km=km)

    def upstream(
        self,
        router: str,
        site: str,
        *,
        kind: UpstreamKind = UpstreamKind.TRANSIT,
        km: float = 0.0,
        rules: Mapping[str, tuple[ExportRule, ...]] | None = None,
    ) -> Link:
        """The site (its node's name) is connected to that router."""
        link = self.link(router, site, LinkKind.SITE, km=km, upstream=kind)
        self.sites.append(
            SiteLink(
                site=self._at(site).site,
                node=site,
                upstream=self._at(router).asn,
                kind=kind,
                link=link.index,
                rules=dict(rules or {}),
            )
        )
        return link

    def exchange(
        self, name: str, members: tuple[str, ...], *, asn: int = 64900, km: float = 10.0
    ) -> Exchange:
        """A LAN: the route server `rs-NAME` at port 1, the members after it; sites among them hear it."""
        index = len(self.exchanges)
        server = self._add(self._node(f"rs-{name}", NodeKind.ROUTE_SERVER, asn + index, name))
        ports = [Port(node=server, position=1)]
        for position, member in enumerate(members, start=2):
            ports.append(Port(node=member, position=position, km=km, delay_ms=km * MS_PER_KM))
            if self._at(member).kind == NodeKind.SITE:
                self.sites.append(
                    SiteLink(
                        site=self._at(member).site,
                        node=member,
                        upstream=Asn(asn + index),
                        kind=UpstreamKind.ROUTE_SERVER,
                        exchange=index,
                    )
                )
        exchange = Exchange(
            index=index, name=name, asn=Asn(asn + index), route_server=server, ports=tuple(ports)
        )
        self.exchanges.append(exchange)
        return exchange

    def blueprint(
        self,
        *,
        has_delays: bool = False,
        communities: Mapping[str, tuple[ExportRule, ...]] | None = None,
        design_text: str = "",
    ) -> Blueprint:
        """All of it; router ids ascend with (ASN, sites first, position)."""
        order = sorted(self.nodes, key=lambda node: (node.asn, node.kind != NodeKind.SITE, node.index))
        router_ids = {node.name: ROUTER_ID + position for position, node in enumerate(order, start=1)}
        return Blueprint(
            name=self.name,
            origin=self.origin,
            prefixes=self.prefixes,
            communities=dict(communities or {}),
            nodes=tuple(replace(node, router_id=router_ids[node.name]) for node in self.nodes),
            links=tuple(self.links),
            exchanges=tuple(self.exchanges),
            sites=tuple(self.sites),
            design_text=design_text,
            has_delays=has_delays,
        )

    def _at(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def _node(self, name: str, kind: NodeKind, asn: int, metro: str) -> Node:
        country, continent, lat, lon = _PLACES.get(metro, ("", "", 0.0, 0.0))
        return Node(
            name=name,
            index=len(self.nodes),
            kind=kind,
            asn=Asn(asn),
            location=Location(metro=metro, country=country, continent=continent, lat=lat, lon=lon),
            router_id=ROUTER_ID,
        )

    def _add(self, node: Node) -> str:
        assert all(other.name != node.name for other in self.nodes), f"two nodes are called {node.name}"
        self.nodes.append(node)
        return node.name


def line(name: str = "line", *, has_delays: bool = False) -> Blueprint:
    """as100-lis buys from as200-mad, which peers with as300-fra; users at both ends."""
    world = World(name)
    lisbon = world.router(100, "lis", is_client=True, users=1000)
    madrid = world.router(200, "mad")
    frankfurt = world.router(300, "fra", is_client=True, users=2000)
    world.customer(madrid, lisbon, km=500)
    world.peer(madrid, frankfurt, km=1400)
    return world.blueprint(has_delays=has_delays)


def lonely(name: str) -> Blueprint:
    """Two routers that do not know each other: up in a second."""
    world = World(name)
    world.router(100, "lis")
    world.router(200, "mad")
    return world.blueprint()


def two_sites(name: str = "two", *, has_delays: bool = False, design_text: str = "") -> Blueprint:
    """Sites in Madrid and Frankfurt behind a transit each; these peer, and have a client network each."""
    world = World(name)
    madrid, frankfurt = world.router(200, "mad"), world.router(300, "fra")
    lisbon = world.router(100, "lis", is_client=True, users=1000)
    amsterdam = world.router(400, "ams", is_client=True, users=2000)
    world.peer(madrid, frankfurt, km=1400)
    world.customer(madrid, lisbon, km=500)
    world.customer(frankfurt, amsterdam, km=360)
    world.upstream(madrid, world.site("mad"))
    world.upstream(frankfurt, world.site("fra"))
    return world.blueprint(has_delays=has_delays, design_text=design_text)


def exchange(name: str = "exchange", *, has_delays: bool = False) -> Blueprint:
    """Three networks, one of them of two pops, and a site on one exchange."""
    world = World(name)
    amsterdam, frankfurt = world.router(300, "ams"), world.router(300, "fra", is_client=True, users=2000)
    one, other = world.router(400, "ams", is_client=True), world.router(500, "ams")
    site = world.site("ams")
    world.internal(amsterdam, frankfurt, km=360)
    world.upstream(other, site)
    world.exchange("ams", (amsterdam, one, other, site))
    return world.blueprint(has_delays=has_delays)


def ring(count: int, *, chords: int = 0, name: str = "ring", has_delays: bool = False) -> Blueprint:
    """`count` networks in a ring, each with `chords` more peers: for counting and timing, not for routing."""
    world = World(name)
    names = [world.router(1000 + number, "fra", is_client=number % 10 == 0) for number in range(count)]
    for number in range(count):
        for step in range(1, chords + 2):
            world.peer(names[number], names[(number + step * step) % count])
    return world.blueprint(has_delays=has_delays)


def everything(name: str = "everything", *, has_delays: bool = False) -> Blueprint:
    """One of each kind: a transit of two pops, a client, an exchange, a site with a backend."""
    world = World(name)
    amsterdam, frankfurt = world.router(300, "ams"), world.router(300, "fra")
    client = world.router(100, "lis", is_client=True, users=1000)
    other = world.router(400, "ams")
    site = world.site("ams")
    world.internal(amsterdam, frankfurt, km=360)
    world.customer(frankfurt, client, km=1800)
    world.upstream(amsterdam, site)
    world.exchange("ams", (amsterdam, other, site))
    world.backend(site, "web1")
    return world.blueprint(has_delays=has_delays)
