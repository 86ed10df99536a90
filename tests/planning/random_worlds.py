"""Random worlds with a design: hierarchy, metros with distances, an exchange, users, every attribute."""

from __future__ import annotations

from ipaddress import ip_network

import numpy as np

from anyplane.design.design import Design, PrefixGroup, Site, Upstream
from anyplane.model.nouns import Asn, Effect, ExportRule, Place, RouteClass, SiteName, UpstreamKind
from anyplane.planning.latency import great_circle_km
from anyplane.topology import Metros, Topology, build

ROUTE_SERVER = 64000
ORIGIN = 64500
PREFIXES = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/48"))


def metros(rng: np.random.Generator, count: int) -> Metros:
    """Metros anywhere, on three continents."""
    lat, lon = rng.uniform(-60, 60, count), rng.uniform(-180, 180, count)
    km = np.stack([great_circle_km(lat, lon, a, b) for a, b in zip(lat, lon, strict=True)]).astype(np.float32)
    km = np.maximum(km, km.T)
    np.fill_diagonal(km, 0)
    continents = ("EU", "NA", "AS")
    return Metros(
        code=tuple(f"M{i:02d}" for i in range(count)),
        name=tuple(f"Metro {i}" for i in range(count)),
        country=tuple(("DE", "US", "JP")[i % 3] for i in range(count)),
        continent=tuple(continents[i % 3] for i in range(count)),
        lat=lat,
        lon=lon,
        population=np.ones(count),
        km=km,
    )


def topology(rng: np.random.Generator, *, networks: int = 30, places: int = 8) -> Topology:
    """Three networks on top that peer, transits below, stubs at the bottom, one exchange."""
    asns = sorted(int(n) for n in rng.choice(np.arange(1, 900), networks, replace=False))
    rank = [asns[i] for i in rng.permutation(networks)]
    transit = []
    peering = [(rank[0], rank[1]), (rank[1], rank[2]), (rank[0], rank[2])]
    for i in range(3, networks):
        top = min(i, max(3, networks // 3))
        sellers = rng.choice(top, int(rng.integers(1, min(3, top) + 1)), replace=False)
        transit += [(rank[int(j)], rank[i]) for j in sellers]
        peering += [(rank[i], rank[j]) for j in range(3, i) if j not in sellers and rng.random() < 0.06]
    presence, metro = [], []
    for i, asn in enumerate(rank):
        most = 5 if i < 3 else 3 if i < networks // 3 else 1
        here = rng.choice(places, int(rng.integers(1, min(most, places) + 1)), replace=False)
        presence += [asn] * len(here)
        metro += [int(m) for m in here]
    members = tuple(int(a) for a in rng.choice(asns, min(6, networks), replace=False))
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peering,
        presence=(presence, metro),
        users=np.where(rng.random(len(metro)) < 0.7, rng.integers(1, 1000, len(metro)), 0),
        metros=metros(rng, places),
        rov=rng.random(networks) < 0.2,
        ixps=(("IX", ROUTE_SERVER, int(rng.integers(places)), members),),
        origin="random",
    )


def design(rng: np.random.Generator, world: Topology, *, sites: int = 4) -> Design:
    """Sites with transits, peers and the route server; prepends, MED, backups, rules, fewer prefixes."""
    made = []
    for number in range(sites):
        metro = int(rng.integers(len(world.metros.code)))
        picked = rng.choice(world.asn, int(rng.integers(1, 4)), replace=False)
        upstreams = [_upstream(rng, world, int(asn)) for asn in picked]
        if rng.random() < 0.3:
            upstreams.append(
                Upstream(asn=Asn(ROUTE_SERVER), kind=UpstreamKind.ROUTE_SERVER, prefixes=PREFIXES)
            )
        made.append(
            Site(
                name=SiteName(f"s{number}"),
                metro=world.metros.code[metro],
                place=Place(lat=float(world.metros.lat[metro]), lon=float(world.metros.lon[metro])),
                upstreams=tuple(upstreams),
            )
        )
    return Design(
        file="random.yaml",
        name="random",
        origin=Asn(ORIGIN),
        groups=(PrefixGroup(name="all", prefixes=PREFIXES),),
        sites=tuple(made),
    )


def _upstream(rng: np.random.Generator, world: Topology, asn: int) -> Upstream:
    rules: tuple[ExportRule, ...] = ()
    if rng.random() < 0.3:
        rules = (
            ExportRule(
                effect=Effect.PREPEND if rng.random() < 0.5 else Effect.NO_EXPORT,
                times=int(rng.integers(1, 3)),
                to_asns=frozenset({Asn(int(rng.choice(world.asn)))}) if rng.random() < 0.4 else frozenset(),
                to_regions=frozenset({"EU"}) if rng.random() < 0.3 else frozenset(),
                to_classes=frozenset({RouteClass.PEER}) if rng.random() < 0.3 else frozenset(),
            ),
        )
    return Upstream(
        asn=Asn(asn),
        kind=UpstreamKind.TRANSIT if rng.random() < 0.8 else UpstreamKind.PEER,
        prefixes=PREFIXES if rng.random() < 0.8 else PREFIXES[:1],
        prepend=int(rng.choice([0, 0, 1, 2])),
        med=int(rng.choice([0, 0, 10])),
        rules=rules,
        is_no_export=bool(rng.random() < 0.05),
        is_backup=bool(rng.random() < 0.12),
        is_blackhole=bool(rng.random() < 0.03),
    )
