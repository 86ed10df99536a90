"""Blueprint: all that a lab consists of, as values; what is built is exactly this.

One *node* is one network namespace. A router node is one pop (a network in a metro) and runs one BGP
daemon; a site node is one site of the design with its daemon, its agent and its servers; an exchange is one
LAN with one route server node. A *link* is a cable between two nodes, with a pair of addresses and a delay.

Addresses (RFC 6598 and RFC 4193 space, so that they meet no prefix of a design), n = the node's `index`,
l = the link's, x = the exchange's, all counted from 0:

    loopback of node n       100.64.0.0/16  + n + 1       fd64::(n + 1)
    link l, ends a and b     100.72.0.0/13  + 2 l, + 1    fd72::(2 l), + 1     a /31 and a /127
    exchange x, port p       100.80.0.0/13  + 1024 x + p  fd80:x::p            a /22 and a /64, p from 1
    clients at node n        100.96.0.0/11  + 256 n + 10  fd96:n::10           a /24 and a /64

Ties. The planner's last rule is the lowest neighbour ASN, then the lowest pop; a router's is the lowest
router id. So router ids ascend in the order (ASN, sites before pops, position), and both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from anyplane.model.nouns import Asn, ExportRule, Prefix, UpstreamKind

LOOPBACK4, LOOPBACK6 = IPv4Address("100.64.0.0"), IPv6Address("fd64::")
LINK4, LINK6 = IPv4Address("100.72.0.0"), IPv6Address("fd72::")
LAN4, LAN6 = IPv4Address("100.80.0.0"), IPv6Address("fd80::")
CLIENT4, CLIENT6 = IPv4Address("100.96.0.0"), IPv6Address("fd96::")
ROUTER_ID = IPv4Address("10.0.0.0")
LAN_SIZE = 1024
MOST_NODES = 8192
"""As many as there are client networks in 100.96.0.0/11."""


class NodeKind(StrEnum):
    """What a node is."""

    ROUTER = "router"
    SITE = "site"
    ROUTE_SERVER = "route_server"
    BACKEND = "backend"


class RouterKind(StrEnum):
    """Which daemon a router node runs."""

    BIRD = "bird"
    FRR = "frr"


class LinkKind(StrEnum):
    """What the far end (b) is to the near end (a), or what else the cable is for."""

    CUSTOMER = "customer"
    """b buys transit from a."""
    PEER = "peer"
    INTERNAL = "internal"
    """Two pops of one network: carries iBGP and traffic, at a cost of its kilometres."""
    SITE = "site"
    """a is an upstream's router, b a site."""
    BACKEND = "backend"
    """a is a site, b one of its servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a node stands: ISO 3166 alpha-2, continent AF AN AS EU NA OC SA; "" where unknown."""

    metro: str
    country: str = ""
    continent: str = ""
    lat: float = 0.0
    lon: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Node:
    """One network namespace. `name` is unique and fit for a shell: as174-fra, site-fra, rs-ams, fra-web1.

    daemon       what runs there (router nodes)
    is_client    users sit here: a client network is announced, and probers send from `client4`, `client6`
    users        how many (the planner's estimate)
    is_rov       drops RPKI-invalid routes
    mrai_s       advertisement interval towards eBGP neighbours (FRR only; BIRD has none)
    site         the site's name in the design (site and backend nodes)
    """

    name: str
    index: int
    kind: NodeKind
    asn: Asn
    location: Location
    router_id: IPv4Address
    daemon: RouterKind = RouterKind.BIRD
    is_client: bool = False
    users: float = 0.0
    is_rov: bool = False
    mrai_s: int = 0
    site: str = ""

    @property
    def loopback4(self) -> IPv4Address:
        """On lo, a /32."""
        return LOOPBACK4 + self.index + 1

    @property
    def loopback6(self) -> IPv6Address:
        """On lo, a /128."""
        return LOOPBACK6 + self.index + 1

    @property
    def client4(self) -> IPv4Network:
        """The network that users sit in, announced when `is_client`."""
        return IPv4Network((CLIENT4 + 256 * self.index, 24))

    @property
    def client6(self) -> IPv6Network:
        """The same for IPv6."""
        return IPv6Network((int(CLIENT6) + (self.index << 96), 64))

    def client_address(self, family: int) -> IPv4Address | IPv6Address:
        """Where a prober sends from, on lo."""
        return self.client4[10] if family == 4 else self.client6[0x10]


@dataclass(frozen=True, kw_only=True)
class Link:
    """One cable between node `a` and node `b`; the device is called the same at both ends.

    delay_ms: one way. km: as the planner reckons it (the cost, inside a network). upstream: what the upstream
    is to the site (links of kind SITE).
    """

    index: int
    kind: LinkKind
    a: str
    b: str
    km: float
    delay_ms: float
    upstream: UpstreamKind = UpstreamKind.TRANSIT

    @property
    def device(self) -> str:
        """The interface's name at either end."""
        return f"l{self.index}"

    def v4(self, node: str) -> IPv4Interface:
        """The address of that end."""
        return self._v4[node == self.b]

    def v6(self, node: str) -> IPv6Interface:
        """The same for IPv6."""
        return self._v6[node == self.b]

    @cached_property
    def _v4(self) -> tuple[IPv4Interface, IPv4Interface]:
        """Of a and b; made once, for a big lab asks for it a hundred thousand times."""
        first = LINK4 + 2 * self.index
        return IPv4Interface((first, 31)), IPv4Interface((first + 1, 31))

    @cached_property
    def _v6(self) -> tuple[IPv6Interface, IPv6Interface]:
        first = LINK6 + 2 * self.index
        return IPv6Interface((first, 127)), IPv6Interface((first + 1, 127))

    def mac(self, node: str) -> str:
        """The hardware address of that end; fixed, so that nobody has to ask for it."""
        return "02:aa:" + ":".join(
            f"{byte:02x}" for byte in (2 * self.index + (node == self.b)).to_bytes(4, "big")
        )

    def far(self, node: str) -> str:
        """The other end."""
        return self.a if node == self.b else self.b


@dataclass(frozen=True, kw_only=True)
class Port:
    """One node's port on an exchange. delay_ms: one way, from the node to the exchange; km likewise."""

    node: str
    position: int
    """From 1; the route server is 1."""
    km: float = 0.0
    delay_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """An Internet exchange: one LAN; the route server (RFC 7947) is a node at port 1."""

    index: int
    name: str
    asn: Asn
    route_server: str
    ports: tuple[Port, ...]

    @property
    def device(self) -> str:
        """The interface's name at every port."""
        return f"x{self.index}"

    def v4(self, node: str) -> IPv4Interface:
        """The address of that node's port."""
        return IPv4Interface((LAN4 + LAN_SIZE * self.index + self.port(node).position, 22))

    def v6(self, node: str) -> IPv6Interface:
        """The same for IPv6."""
        return IPv6Interface((int(LAN6) + (self.index << 96) + self.port(node).position, 64))

    def mac(self, node: str) -> str:
        """The hardware address of that node's port."""
        number = LAN_SIZE * self.index + self.port(node).position
        return "02:bb:" + ":".join(f"{byte:02x}" for byte in number.to_bytes(4, "big"))

    def port(self, node: str) -> Port:
        """That node's port; KeyError when it has none."""
        for port in self.ports:
            if port.node == node:
                return port
        raise KeyError(node)


@dataclass(frozen=True, kw_only=True)
class SiteLink:
    """One upstream of a site and how it is reached: over a link, or behind an exchange's route server.

    rules: what the upstream does with the route without being told by a community on the wire (`actions` of
    the design), for each prefix that it is announced with. A rule that a community asks for is not among
    them: the router reads the community.
    """

    site: str
    node: str
    upstream: Asn
    kind: UpstreamKind
    link: int = -1
    exchange: int = -1
    counts_as: IPv4Address | None = None
    """Behind a route server: the router id by which ties with this site's route are broken at members."""
    rules: Mapping[str, tuple[ExportRule, ...]] = field(default_factory=dict)
    """By prefix in text form."""


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A whole lab. Nodes stand in the order of their index, links and exchanges too."""

    name: str
    """Of the lab: [a-z0-9-]{1,24}."""
    origin: Asn
    prefixes: tuple[Prefix, ...]
    """The design's, announced or not."""
    communities: Mapping[str, tuple[ExportRule, ...]]
    """What an upstream does on seeing this community on a route from a site; text form, as in the design."""
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    exchanges: tuple[Exchange, ...]
    sites: tuple[SiteLink, ...]
    """In the order of the design: sites, then upstreams."""
    design_text: str = ""
    """The lab's edition of the design: the same, with addresses, daemons and checks filled in."""
    left_out: tuple[str, ...] = ()
    """Checks of the design that nothing in a lab can answer, with the reason; the edition lacks them."""
    has_delays: bool = True
    is_plain_ibgp: bool = False
    """Pops tell each other their best route alone, as plain iBGP has it, though the planner sees them all."""

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def links_of(self) -> Mapping[str, tuple[Link, ...]]:
        """The links that end at a node, for every node."""
        found: dict[str, list[Link]] = {node.name: [] for node in self.nodes}
        for link in self.links:
            found[link.a].append(link)
            found[link.b].append(link)
        return {name: tuple(links) for name, links in found.items()}

    @cached_property
    def exchanges_of(self) -> Mapping[str, tuple[Exchange, ...]]:
        """The exchanges where a node has a port, for every node."""
        found: dict[str, list[Exchange]] = {node.name: [] for node in self.nodes}
        for exchange in self.exchanges:
            for port in exchange.ports:
                found[port.node].append(exchange)
        return {name: tuple(exchanges) for name, exchanges in found.items()}

    @cached_property
    def by_asn(self) -> Mapping[Asn, tuple[Node, ...]]:
        """The router nodes of each network."""
        found: dict[Asn, list[Node]] = {}
        for node in self.nodes:
            if node.kind == NodeKind.ROUTER:
                found.setdefault(node.asn, []).append(node)
        return {asn: tuple(nodes) for asn, nodes in found.items()}

    @cached_property
    def clients(self) -> tuple[Node, ...]:
        """The nodes where users sit."""
        return tuple(node for node in self.nodes if node.is_client)

    @cached_property
    def site_nodes(self) -> Mapping[str, Node]:
        """By the site's name in the design."""
        return {node.site: node for node in self.nodes if node.kind == NodeKind.SITE}

    @property
    def families(self) -> tuple[int, ...]:
        """4, 6 or both: those of the design's prefixes."""
        return tuple(sorted({prefix.version for prefix in self.prefixes}))
