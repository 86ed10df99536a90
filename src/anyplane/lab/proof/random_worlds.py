"""random_worlds: small Internets and designs drawn from a seed, in which every rule of the model works.

A hierarchy after Gao and Rexford: a clique of transit networks in many metros, resellers below them with
several providers, stubs below those, peers where chance wants them; real metros, so that distances are real
and no two of them equal. One exchange with a route server. The design on it has two to four groups of
prefixes of both families that are announced selectively, with prepends, MED, NO_EXPORT, backups, blackholes
and communities that mean networks, regions and classes: of the upstream itself, of nobody, and of others,
which nobody obeys. In half of the worlds one address is blackholed at a site, and in a third a network that
has no right to it originates a prefix.

A seed means the same world for as long as VERSION stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

import numpy as np
import yaml

from anyplane.datasets.world import metros
from anyplane.design import parse
from anyplane.design.design import Design
from anyplane.model.nouns import Prefix
from anyplane.topology import Topology, build

VERSION = 2
ORIGIN = 64500
ROUTE_SERVER = 64999
NOBODYS = 65010
"""A private ASN: what begins with it is obeyed by whoever hears it."""
GROUPS = {
    "dns": ["198.51.100.0/24", "2001:db8:53::/48"],
    "api": ["203.0.113.0/24"],
    "web": ["192.0.2.0/24", "2001:db8:80::/48"],
    "six": ["2001:db8:66::/48"],
}
CITIES = (
    "FRA", "AMS", "LON", "MAD", "PAR", "STO", "WAW", "MIL", "NYC", "CHI", "DFW", "LAX",
    "SEA", "MIA", "GRU", "EZE", "JNB", "NBO", "SIN", "HKG", "TYO", "SYD", "BOM", "DXB",
)  # fmt: skip
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One topology and a design on it, and what happens there besides.

    blackholes: (site, one address) that the site has dropped (RFC 7999). hijacks: (pop, prefix) that the pop
    originates as its own.
    """

    seed: int
    topology: Topology
    design: Design
    blackholes: tuple[tuple[str, Prefix], ...] = ()
    hijacks: tuple[tuple[int, Prefix], ...] = ()


def random_world(seed: int, *, routers: int = 30) -> World:
    """The world of that seed, with exactly so many pops (at least 6)."""
    rng = np.random.default_rng([seed, routers, VERSION])
    topology = _topology(rng, routers)
    text = yaml.safe_dump(_design(rng, topology), sort_keys=False, allow_unicode=True)
    design = parse(text, file=f"world-{seed}.yaml")
    return World(
        seed=seed,
        topology=topology,
        design=design,
        blackholes=_blackholes(rng, design),
        hijacks=_hijacks(rng, design, topology),
    )


def _blackholes(rng: Rng, design: Design) -> tuple[tuple[str, Prefix], ...]:
    """One address of a prefix, dropped at one site."""
    if rng.random() < 0.5:
        return ()
    site = design.sites[int(rng.integers(len(design.sites)))]
    prefix = _drawn(rng, design)
    return ((str(site.name), ip_network(prefix[66])),)


def _hijacks(rng: Rng, design: Design, topology: Topology) -> tuple[tuple[int, Prefix], ...]:
    """A pop of some network that does no ROV itself."""
    could = [
        pop
        for pop in range(topology.pops)
        if not topology.rov[topology.pop_network[pop]] and topology.asn[topology.pop_network[pop]] != ORIGIN
    ]
    if rng.random() < 2 / 3 or not could:
        return ()
    return ((int(rng.choice(could)), _drawn(rng, design)),)


def _drawn(rng: Rng, design: Design) -> Prefix:
    listed = [prefix for group in design.groups for prefix in group.prefixes]
    return listed[int(rng.integers(len(listed)))]


def _topology(rng: Rng, routers: int) -> Topology:
    world = metros()
    cities = [world.code.index(code) for code in CITIES if code in world.code]
    places = [int(at) for at in rng.choice(cities, min(len(cities), 10), replace=False)]
    sizes = _sizes(rng, routers)
    asns = [int(asn) for asn in rng.choice(np.arange(1000, 60000), len(sizes), replace=False)]
    if rng.random() < 0.1:
        asns[-1] = ORIGIN  # a network that the graph knows by the origin's own number stays silent
    presence = [
        (asn, int(metro))
        for asn, size in zip(asns, sizes, strict=True)
        for metro in rng.choice(places, size, replace=False)
    ]
    top = max(2, len(sizes) // 6)
    middle = top + max(1, len(sizes) // 3)
    transit: list[tuple[int, int]] = []
    peering = [(asns[i], asns[j]) for i in range(top) for j in range(i)]
    for i in range(top, len(asns)):
        sellers = rng.choice(min(i, middle), int(rng.integers(1, 4)) if i > 3 else 1, replace=False)
        transit += [(asns[int(seller)], asns[i]) for seller in sellers]
        others = [j for j in range(top, i) if j not in sellers and rng.random() < 0.12]
        peering += [(asns[i], asns[j]) for j in others]
    members = tuple(int(asn) for asn in rng.choice(asns[top:], min(len(asns) - top, 5), replace=False))
    return build(
        asn=asns,
        providers_customers=transit,
        peers=peering,
        presence=([asn for asn, _ in presence], [metro for _, metro in presence]),
        metros=world,
        users=[float(users) for users in rng.integers(1, 1000, len(presence))],
        rov=rng.random(len(asns)) < 0.2,
        ixps=(("RANDOM-IX", ROUTE_SERVER, int(rng.choice(places)), members),),
        origin=f"a random world of {routers} routers",
    )


def _sizes(rng: Rng, routers: int) -> list[int]:
    """How many metros each network is in: many for the first, one for the last."""
    sizes: list[int] = []
    while (left := routers - sum(sizes)) > 0:
        most = 5 if len(sizes) < 3 else 3 if len(sizes) < 8 else 1
        sizes.append(min(left, int(rng.integers(min(2, most), most + 1))))
    return sizes


def _design(rng: Rng, topology: Topology) -> dict[str, object]:
    upstreams = [int(asn) for asn in topology.asn if int(asn) != ORIGIN]
    present = sorted({int(metro) for metro in topology.pop_metro})
    groups = {name: GROUPS[name] for name in GROUPS if name in ("dns", "api") or rng.random() < 0.4}
    catalogue = _catalogue(rng, topology, upstreams)
    sites: dict[str, object] = {}
    count = int(rng.integers(2, 6))
    for metro in rng.choice(present, min(count, len(present)), replace=False):
        code = topology.metros.code[int(metro)]
        chosen = [
            int(asn)
            for asn in rng.choice(upstreams, min(int(rng.integers(1, 5)), len(upstreams)), replace=False)
        ]
        sessions = [_upstream(rng, topology, asn, catalogue, list(groups)) for asn in chosen]
        if rng.random() < 0.35:
            served = _upstream(rng, topology, ROUTE_SERVER, catalogue, list(groups))
            sessions.append(served | {"kind": "route_server"})
        sites[code.lower()] = {"metro": code, "upstreams": sessions}
    return {
        "version": 1,
        "service": {"name": "random", "origin": ORIGIN, "prefixes": groups},
        "communities": {text: actions for of in catalogue.values() for text, actions in of.items()},
        "sites": sites,
    }


def _catalogue(rng: Rng, topology: Topology, upstreams: list[int]) -> dict[int, dict[str, object]]:
    """Communities that every upstream (and the route server) obeys: by ASN, then text -> actions."""
    return {
        asn: {
            f"{asn}:{number}": [_action(rng, topology) for _ in range(int(rng.integers(1, 3)))]
            for number in range(1, int(rng.integers(2, 5)))
        }
        for asn in [*upstreams, ROUTE_SERVER, NOBODYS]
    }


def _action(rng: Rng, topology: Topology) -> dict[str, object]:
    action: dict[str, object] = (
        {"no_export": True} if rng.random() < 0.35 else {"prepend": int(rng.integers(1, 4))}
    )
    metro = int(rng.choice(topology.pop_metro))
    targets: list[object] = []
    if rng.random() < 0.35:
        targets += [int(asn) for asn in rng.choice(topology.asn, min(3, topology.networks), replace=False)]
    if rng.random() < 0.4:
        targets.append(f"continent {topology.metros.continent[metro]}")
    elif rng.random() < 0.2 and topology.metros.country[metro] not in {"AF", "AS", "NA", "SA"}:
        targets.append(f"country {topology.metros.country[metro]}")
    if rng.random() < 0.3:
        targets.append(str(rng.choice(["customers", "peers", "providers"])))
    return action | ({"to": targets} if targets else {})


def _upstream(
    rng: Rng, topology: Topology, asn: int, catalogue: dict[int, dict[str, object]], groups: list[str]
) -> dict[str, object]:
    found: dict[str, object] = {"asn": asn}
    if rng.random() < 0.2:
        found["kind"] = "peer"
    if rng.random() < 0.35:
        found["prepend"] = int(rng.integers(1, 4))
    if rng.random() < 0.4:
        found["med"] = int(rng.integers(0, 3)) * 10
    if rng.random() < 0.08:
        found["no_export"] = True
    if rng.random() < 0.12:
        found["backup"] = True
    if rng.random() < 0.04:
        found["blackhole"] = True
    if rng.random() < 0.4:
        known = list(catalogue[asn])
        found["communities"] = [str(text) for text in rng.choice(known, min(2, len(known)), replace=False)]
    asked: list[object] = [_action(rng, topology)] if rng.random() < 0.25 else []
    for owner in (NOBODYS, int(rng.choice(list(catalogue)))):
        if rng.random() < 0.12:
            text = str(rng.choice(list(catalogue[owner])))
            found["communities"] = list(dict.fromkeys([*_listed(found.get("communities")), text]))
            if rng.random() < 0.4:
                # Asked for twice: by a community, perhaps of somebody who is not there, and in words.
                asked += _listed(catalogue[owner][text])
    if asked:
        found["actions"] = asked
    if rng.random() < 0.3:
        count = int(rng.integers(1, len(groups)))
        found["announce"] = [str(name) for name in rng.choice(groups, count, replace=False)]
    return found


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
