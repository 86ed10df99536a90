"""A world small enough to reckon by hand: three metros on the equator, 1 ms for each 100 km, 1,000 users.

    metro  AAA (DE, 0 km)      BBB (FR, 1,000 km)      CCC (US, 4,000 km)
    AS10   x                                           x          transit
    AS20   x                   x                       x          transit, peer of AS10
    AS101  600 users                                              customer of AS10
    AS102                      250 users                          customer of AS20
    AS103                                              100 users  customer of both
    AS104                                              50 users   linked to nobody

Site a is a customer of AS10 in AAA, site c a customer of AS20 in CCC. So AS101 reaches a (0 km), AS102 goes
down to AS20, which keeps its customer route to c (3,000 km), and AS103 has a tie: a through AS10 (4,000 km,
the lower ASN) or c through AS20 (0 km).
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from math import pi

import numpy as np

from anyplane.design.design import (
    Design,
    Objectives,
    PrefixGroup,
    Residency,
    Site,
    Upstream,
)
from anyplane.model.nouns import Asn, Place, SiteName, UpstreamKind
from anyplane.planning.latency import EARTH_RADIUS_KM, FIBRE_KM_PER_MS, LatencyModel, great_circle_km
from anyplane.topology import Metros, Topology, build

KM_PER_DEGREE = EARTH_RADIUS_KM * pi / 180
LATENCY = LatencyModel(inflation=FIBRE_KM_PER_MS / 200, hop_ms=1.0, last_mile_ms=0.0)
"""1 ms for each 100 km and for each network crossed."""
V4, V6 = ip_network("192.0.2.0/24"), ip_network("2001:db8::/48")


def metros() -> Metros:
    """AAA, BBB and CCC."""
    lon = np.array([0.0, 1000.0, 4000.0]) / KM_PER_DEGREE
    lat = np.zeros(3)
    km = np.stack([great_circle_km(lat, lon, 0.0, float(there)) for there in lon], axis=1)
    return Metros(
        code=("AAA", "BBB", "CCC"),
        name=("Aachen", "Brest", "Chicago"),
        country=("DE", "FR", "US"),
        continent=("EU", "EU", "NA"),
        lat=lat,
        lon=lon,
        population=np.ones(3),
        km=km.round(1).astype(np.float32),
    )


def topology(**changes: object) -> Topology:
    """The world above; `changes` replace arguments of `build`."""
    arguments: dict[str, object] = {
        "asn": [10, 20, 101, 102, 103, 104],
        "providers_customers": [(10, 101), (20, 102), (10, 103), (20, 103)],
        "peers": [(10, 20)],
        "presence": ([10, 10, 20, 20, 20, 101, 102, 103, 104], [0, 2, 0, 1, 2, 0, 1, 2, 2]),
        "metros": metros(),
        "users": [0, 0, 0, 0, 0, 600, 250, 100, 50],
        "country": ["DE", "US", "DE", "FR", "US", "US"],
        "ixps": (("AAA-IX", 65010, 0, (10, 20)),),
        "names": ("Ten", "Twenty", "A-Net", "B-Net", "C-Net", "Island"),
        "origin": "a tiny world",
    }
    return build(**(arguments | changes))  # type: ignore[arg-type]


def upstream(asn: int, **changes: object) -> Upstream:
    """A transit session that announces both prefixes."""
    return replace(Upstream(asn=Asn(asn), kind=UpstreamKind.TRANSIT, prefixes=(V4, V6)), **changes)


def site(name: str, where: int, *upstreams: Upstream, **changes: object) -> Site:
    """A site in metro 0, 1 or 2."""
    world = metros()
    plain = Site(
        name=SiteName(name),
        metro=world.code[where],
        place=Place(lat=0.0, lon=float(world.lon[where])),
        upstreams=upstreams,
    )
    return replace(plain, **changes)


def design(**changes: object) -> Design:
    """Sites a and c, 2 queries per second and user, capacity for 1,000 and 1,500."""
    plain = Design(
        file="tiny.yaml",
        name="tiny",
        origin=Asn(64500),
        groups=(PrefixGroup(name="all", prefixes=(V4, V6), load_per_user=2.0),),
        sites=(
            site("a", 0, upstream(10), capacity=1000.0),
            site("c", 2, upstream(20), capacity=1500.0),
        ),
    )
    return replace(plain, **changes)


def promising() -> Design:
    """The same design with promises: some kept, some broken, some that ties may break."""
    return design(
        objectives=Objectives(p50_rtt_ms=1.0, p95_rtt_ms=50.0, largest_share=0.65, worst_failure_load=1.0),
        residency=(
            Residency(name="german", countries=frozenset({"DE"}), sites=frozenset({SiteName("a")})),
            Residency(name="american", countries=frozenset({"US"}), sites=frozenset({SiteName("c")})),
            Residency(name="french", countries=frozenset({"FR"}), sites=frozenset({SiteName("a")})),
        ),
    )
