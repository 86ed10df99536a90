"""Asn, Place, Relationship, Scope, Action, Announcement: the words of operators as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import NewType

Asn = NewType("Asn", int)
SiteName = NewType("SiteName", str)
Prefix = IPv4Network | IPv6Network

ASN_MAX = 4_294_967_295


class RouteClass(IntEnum):
    """How a network came to a route; the lower value is preferred (Gao and Rexford, 2001)."""

    ORIGIN = 0
    CUSTOMER = 1
    PEER = 2
    PROVIDER = 3
    NONE = 255


class UpstreamKind(StrEnum):
    """What the other side of a site's session is to us."""

    TRANSIT = "transit"
    PEER = "peer"
    ROUTE_SERVER = "route_server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point on the globe, degrees north and east."""

    lat: float
    lon: float


class Effect(StrEnum):
    """What an action community makes the upstream do with our route."""

    NO_EXPORT = "no_export"
    PREPEND = "prepend"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRule:
    """One restriction that an upstream applies when it exports our route.

    The rule matches a neighbour when *all* that it names agrees: `to_asns` (empty: any network), `to_regions`
    (continent or country codes, matched where the upstream meets the neighbour; empty: anywhere) and
    `to_classes` (what the neighbour is to the upstream: customer, peer or provider; empty: all three).
    Any matching NO_EXPORT blocks; of several matching PREPENDs the largest counts.
    """

    effect: Effect
    times: int = 0
    to_asns: frozenset[Asn] = frozenset()
    to_regions: frozenset[str] = frozenset()
    to_classes: frozenset[RouteClass] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One prefix announced from one site to one upstream: BGP attributes and what the upstream makes of it.

    This is the one meaning of drain, prepend, regional and blackhole: the planner turns it into seeds, the
    daemon backends into router configuration. `communities` are in text form ("64500:10", "174:100:2",
    "65535:0"). `as_path_prepend` counts the extra copies of the origin ASN.
    """

    prefix: Prefix
    site: SiteName
    upstream: Asn
    kind: UpstreamKind
    origin: Asn
    as_path_prepend: int = 0
    med: int = 0
    communities: tuple[str, ...] = ()
    export_rules: tuple[ExportRule, ...] = ()
    is_backup: bool = False
    is_blackhole: bool = False
