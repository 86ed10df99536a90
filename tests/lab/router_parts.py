"""A blueprint with one of everything that a router can meet: small enough to read its configurations.

as10 (fra, nyc)   transit; the site fra is its customer in fra
as20-ams          FRR; customer of as10 in fra, peer of as30; at the exchange
as30-ams          BIRD; customer of as10 in nyc; validates (ROV); at the exchange; users
rs-ams            the route server (AS 65010); the site fra is there too
"""

from __future__ import annotations

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
from anyplane.model.nouns import Asn, Effect, ExportRule, RouteClass, UpstreamKind

V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")
TO_20 = ExportRule(effect=Effect.NO_EXPORT, to_asns=frozenset({Asn(20)}))
TWICE_TO_PEERS = ExportRule(effect=Effect.PREPEND, times=2, to_classes=frozenset({RouteClass.PEER}))
ONCE_IN_EUROPE = ExportRule(effect=Effect.PREPEND, times=1, to_regions=frozenset({"EU"}))
THRICE = ExportRule(effect=Effect.PREPEND, times=3)

_FRA = Location(metro="FRA", country="DE", continent="EU")
_AMS = Location(metro="AMS", country="NL", continent="EU")
_NYC = Location(metro="NYC", country="US", continent="NA")
_PLACES = {
    "as10-fra": (10, _FRA, NodeKind.ROUTER),
    "as10-nyc": (10, _NYC, NodeKind.ROUTER),
    "as20-ams": (20, _AMS, NodeKind.ROUTER),
    "as30-ams": (30, _AMS, NodeKind.ROUTER),
    "site-fra": (64500, _FRA, NodeKind.SITE),
    "rs-ams": (65010, _AMS, NodeKind.ROUTE_SERVER),
}
DESIGN = """\
version: 1
service: {name: parts, origin: 64500, prefixes: [198.51.100.0/24, "2001:db8:53::/48"]}
sites:
  fra:
    metro: FRA
    daemon:
      {kind: bird, router_id: 10.0.0.5, control: /run/site-fra/bird.ctl, include: /run/site-fra/anyplane.conf}
    upstreams:
      - asn: 10
        session:
          - {neighbor: 100.72.0.8, local: 100.72.0.9, bfd: true, gtsm: true, role: customer}
          - {neighbor: "fd72::8", local: "fd72::9", hold: 9 s}
"""


def parts(*, design_text: str = DESIGN, frr: tuple[str, ...] = ("as20-ams",)) -> Blueprint:
    """The world above; `frr`: who runs FRR."""
    nodes = tuple(
        Node(
            name=name,
            index=index,
            kind=kind,
            asn=Asn(asn),
            location=where,
            router_id=ROUTER_ID + index + 1,
            site="fra" if kind == NodeKind.SITE else "",
        )
        for index, (name, (asn, where, kind)) in enumerate(_PLACES.items())
    )
    nodes = tuple(
        replace(
            node,
            daemon=RouterKind.FRR if node.name in frr else RouterKind.BIRD,
            mrai_s=5 if node.asn == 20 else 0,
            is_client=node.asn in (20, 30),
            is_rov=node.asn == 30,
        )
        for node in nodes
    )
    kinds = (
        (LinkKind.INTERNAL, "as10-fra", "as10-nyc", 6200.5),
        (LinkKind.CUSTOMER, "as10-fra", "as20-ams", 360.0),
        (LinkKind.CUSTOMER, "as10-nyc", "as30-ams", 5860.0),
        (LinkKind.PEER, "as20-ams", "as30-ams", 0.0),
        (LinkKind.SITE, "as10-fra", "site-fra", 0.0),
    )
    links = tuple(
        Link(index=index, kind=kind, a=a, b=b, km=km, delay_ms=0.0)
        for index, (kind, a, b, km) in enumerate(kinds)
    )
    ports = tuple(
        Port(node=name, position=position)
        for position, name in enumerate(("rs-ams", "as20-ams", "as30-ams", "site-fra"), start=1)
    )
    return Blueprint(
        name="parts",
        origin=Asn(64500),
        prefixes=(V4, V6),
        communities={"10:20": (TO_20,), "10:2": (TWICE_TO_PEERS, ONCE_IN_EUROPE), "65010:0:20": (TO_20,)},
        nodes=nodes,
        links=links,
        exchanges=(Exchange(index=0, name="AMS-IX", asn=Asn(65010), route_server="rs-ams", ports=ports),),
        sites=(
            SiteLink(
                site="fra",
                node="site-fra",
                upstream=Asn(10),
                kind=UpstreamKind.TRANSIT,
                link=4,
                rules={str(V4): (THRICE,), str(V6): ()},
            ),
            SiteLink(
                site="fra", node="site-fra", upstream=Asn(65010), kind=UpstreamKind.ROUTE_SERVER, exchange=0
            ),
        ),
        design_text=design_text,
        has_delays=False,
    )
