"""Neighbours: the BGP sessions of one node, with everything that either daemon needs to configure them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from anyplane.design import parse
from anyplane.design.design import Design
from anyplane.design.operation import Session
from anyplane.lab.blueprint import Blueprint, Exchange, Link, LinkKind, Node, NodeKind, SiteLink
from anyplane.lab.routers.policy import Export, Hearing, export, hearing
from anyplane.model.nouns import Asn, RouteClass, UpstreamKind

Address = IPv4Address | IPv6Address


class SessionKind(StrEnum):
    """Who is at the other end; it opens the session's name, so that a table shows it."""

    EBGP = "link"
    INTERNAL = "pop"
    SITE = "site"
    SERVER = "server"
    """The exchange's route server, seen by a member."""
    MEMBER = "member"
    """A member, seen by the route server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One BGP session.

    name: what the daemon calls it. node: the other end. families: what it carries. local, remote: its
    transport. hop4, hop6: our addresses as next hop, towards it. route_class: the class in which we hold what
    it sends. session: the other side's configuration, where a site is the other side. device: the interface.
    """

    name: str
    kind: SessionKind
    node: str
    asn: Asn
    families: tuple[int, ...]
    local: Address
    remote: Address
    hop4: IPv4Address
    hop6: IPv6Address
    route_class: RouteClass
    export: Export
    device: str = ""
    hearing: Hearing | None = None
    session: Session | None = None
    router_id: IPv4Address
    """Of the other end: what rule 5 compares."""
    is_identified: bool = True
    """Do its routes carry `router_id` through our network, so that all pops break a tie alike?"""
    ties: tuple[IPv4Address, ...] = ()
    """Of a route server: what the sites behind it count as. Of a site there: what it counts as."""
    has_med: bool = False
    """Does our network hear several sites itself, so that their MEDs may meet?"""
    has_all_paths: bool = False
    """Inside a network that hears several sites: pops tell each other all routes (RFC 7911), not the best."""


def neighbours(blueprint: Blueprint, node: Node) -> tuple[Neighbour, ...]:
    """Every session of a router or of a route server, in the order of links, then of exchanges."""
    found: list[Neighbour] = []
    for link in blueprint.links_of[node.name]:
        far = blueprint.by_name[link.far(node.name)]
        if link.kind == LinkKind.SITE and node.name == link.a:
            found += _sites(blueprint, node, far, link)
        elif link.kind == LinkKind.INTERNAL:
            found.append(_internal(blueprint, node, far))
        elif link.kind in (LinkKind.CUSTOMER, LinkKind.PEER):
            found.append(_external(blueprint, node, far, link))
    for exchange in blueprint.exchanges_of[node.name]:
        if node.name == exchange.route_server:
            found += _clients(blueprint, node, exchange)
        elif node.kind == NodeKind.ROUTER:
            server = blueprint.by_name[exchange.route_server]
            found.append(_port(blueprint, exchange, node, server, SessionKind.SERVER))
    if node.kind == NodeKind.ROUTER and _sites_heard(blueprint, node.asn) > 1:
        return tuple(replace(one, has_med=True) for one in found)
    return tuple(replace(one, has_all_paths=False) for one in found)


@lru_cache(maxsize=8)
def edition(text: str) -> Design:
    """The lab's edition of the design, parsed once for all nodes of a lab."""
    return parse(text, file="design.yaml")


def _external(blueprint: Blueprint, node: Node, far: Node, link: Link) -> Neighbour:
    if link.kind == LinkKind.PEER:
        held_as = RouteClass.PEER
    else:
        held_as = RouteClass.CUSTOMER if node.name == link.a else RouteClass.PROVIDER
    return Neighbour(
        name=_name(SessionKind.EBGP, link.index, far.name),
        kind=SessionKind.EBGP,
        node=far.name,
        router_id=far.router_id,
        is_identified=not blueprint.is_plain_ibgp,
        asn=far.asn,
        families=blueprint.families,
        local=link.v4(node.name).ip,
        remote=link.v4(far.name).ip,
        hop4=link.v4(node.name).ip,
        hop6=link.v6(node.name).ip,
        route_class=held_as,
        export=export(blueprint, node, to=far.asn, neighbour_is=held_as),
        device=link.device,
    )


def _internal(blueprint: Blueprint, node: Node, far: Node) -> Neighbour:
    return Neighbour(
        name=_name(SessionKind.INTERNAL, far.index, far.name),
        kind=SessionKind.INTERNAL,
        node=far.name,
        router_id=far.router_id,
        is_identified=not blueprint.is_plain_ibgp,
        asn=node.asn,
        families=blueprint.families,
        local=node.loopback4,
        remote=far.loopback4,
        hop4=node.loopback4,
        hop6=node.loopback6,
        route_class=RouteClass.NONE,
        export=Export(classes=frozenset()),
        has_all_paths=not blueprint.is_plain_ibgp,
    )


def _sites_heard(blueprint: Blueprint, asn: Asn) -> int:
    """By how many ways a network hears sites itself.

    A pop that tells others its best route alone may hide the one whose MED would rule out theirs (RFC 3345).
    """
    pops = {node.name for node in blueprint.by_asn[asn]}
    count = 0
    for link in blueprint.sites:
        if link.link >= 0:
            count += bool(pops & {blueprint.links[link.link].a, blueprint.links[link.link].b})
        else:
            count += any(port.node in pops for port in blueprint.exchanges[link.exchange].ports)
    return count


def _clients(blueprint: Blueprint, server: Node, exchange: Exchange) -> list[Neighbour]:
    found: list[Neighbour] = []
    for port in exchange.ports:
        far = blueprint.by_name[port.node]
        if far.kind == NodeKind.ROUTER:
            found.append(_port(blueprint, exchange, server, far, SessionKind.MEMBER))
        elif far.kind == NodeKind.SITE:
            found += _sites(blueprint, server, far, exchange)
    return found


def _port(blueprint: Blueprint, exchange: Exchange, node: Node, far: Node, kind: SessionKind) -> Neighbour:
    return Neighbour(
        name=_name(kind, exchange.index, far.name),
        kind=kind,
        node=far.name,
        router_id=far.router_id,
        is_identified=not blueprint.is_plain_ibgp,
        asn=far.asn,
        families=blueprint.families,
        local=exchange.v4(node.name).ip,
        remote=exchange.v4(far.name).ip,
        hop4=exchange.v4(node.name).ip,
        hop6=exchange.v6(node.name).ip,
        route_class=RouteClass.PEER,
        export=Export(classes=frozenset()),
        device=exchange.device,
        ties=_ties(blueprint, exchange) if kind == SessionKind.SERVER else (),
    )


def _ties(blueprint: Blueprint, exchange: Exchange) -> tuple[IPv4Address, ...]:
    return tuple(one.counts_as for one in blueprint.sites if one.exchange == exchange.index and one.counts_as)


def _sites(blueprint: Blueprint, node: Node, far: Node, over: Link | Exchange) -> list[Neighbour]:
    """The sessions that the site's edition of the design has with this node; else one for each family."""
    found: list[Neighbour] = []
    for link in blueprint.sites:
        if link.site != far.site or not _runs_over(link, over):
            continue
        heard_as = RouteClass.CUSTOMER if link.kind == UpstreamKind.TRANSIT else RouteClass.PEER
        for number, (session, family) in enumerate(_declared(blueprint, link, node, over)):
            ends = (over.v4, over.v6)[family == 6]
            ours, theirs = ends(node.name).ip, ends(far.name).ip
            found.append(
                Neighbour(
                    name=_name(SessionKind.SITE, over.index, f"{far.name}_{number}"),
                    kind=SessionKind.SITE,
                    node=far.name,
                    router_id=far.router_id,
                    is_identified=not blueprint.is_plain_ibgp,
                    asn=blueprint.origin,
                    families=(family,),
                    local=session.neighbor if session else ours,
                    remote=(session.local if session else None) or theirs,
                    hop4=over.v4(node.name).ip,
                    hop6=over.v6(node.name).ip,
                    route_class=heard_as,
                    export=Export(classes=frozenset()),
                    device=over.device,
                    hearing=hearing(blueprint, link),
                    ties=(link.counts_as,) if link.counts_as else (),
                    session=session,
                )
            )
    return found


def _runs_over(link: SiteLink, over: Link | Exchange) -> bool:
    return over.index == (link.link if isinstance(over, Link) else link.exchange)


def _declared(
    blueprint: Blueprint, link: SiteLink, node: Node, over: Link | Exchange
) -> list[tuple[Session | None, int]]:
    if blueprint.design_text:
        ours = {over.v4(node.name).ip, over.v6(node.name).ip}
        declared = [
            session
            for site in edition(blueprint.design_text).sites
            if site.name == link.site
            for upstream in site.upstreams
            if upstream.asn == link.upstream
            for session in upstream.sessions
            if session.neighbor in ours
        ]
        if declared:
            return [(session, session.family) for session in declared]
    return [(None, family) for family in blueprint.families]


def _name(kind: SessionKind, number: int, far: str) -> str:
    return f"{kind.value}{number}_{far}".replace("-", "_")
