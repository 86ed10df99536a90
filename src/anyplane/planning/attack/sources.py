"""Attack: who sends how much, by network and by pop: a list that somebody measured, or a seeded botnet.

A botnet here is drawn with chances and volumes that grow with the users of a network, because bots are
people's devices; both have a wide spread, so that a few networks send most. Which networks, and how much of
it, depends on the ASN and the seed alone: another graph with the same networks gives nearly the same botnet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.design.countries import CONTINENTS, COUNTRIES
from anyplane.design.countries import continent as continent_code
from anyplane.design.quantities import Unfit
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import ASN_MAX
from anyplane.planning.catchment import has_metros
from anyplane.planning.weighted import Float64, Int64
from anyplane.topology import Topology
from anyplane.topology.placement import hash01

NETWORKS = 1000
"""Networks of a botnet where nothing else is said."""
DRAW_POWER = 0.75
VOLUME_POWER = 0.75
"""Chance and volume of a network grow with its users to this power: large networks filter a little more."""
VOLUME_SIGMA = 1.0
"""Of the logarithm of a network's volume, beside what its users make of it."""
LEAST_GBPS = 0.001
PREFIX = "botnet:"
KINDS = "botnet:global, botnet:region=EU (a continent or a country), botnet:network=64500"
EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attack:
    """name: as asked for. network: (A,) indices, ascending; gbps: (A,) of each. weight: (P,) Gbit/s by pop.

    unknown: (ASN, Gbit/s) that were named and are not in the topology, the largest first.
    """

    name: str
    network: Int64
    gbps: Float64
    weight: Float64
    unknown: tuple[tuple[int, float], ...] = ()

    @property
    def total(self) -> float:
        """Gbit/s of all, the unknown too."""
        return float(self.gbps.sum()) + sum(gbps for _, gbps in self.unknown)


def listed(topology: Topology, volumes: Mapping[int, float], *, name: str, gbps: float | None) -> Attack:
    """The attack of a list of Gbit/s by ASN; gbps: all of it scaled to this sum, the unknown included.

    A network's traffic comes from its metros as its users are spread, or evenly where it has none.
    """
    scale = 1.0 if gbps is None else gbps / sum(volumes.values())
    known: dict[int, float] = {}
    unknown = []
    for asn, sent in volumes.items():
        index = topology.index_of(asn)
        if index < 0:
            unknown.append((asn, sent * scale))
        elif sent > 0:
            known[index] = sent * scale
    if not known:
        raise TopologyError(
            f"{name}: none of its {len(volumes):,} networks is in this topology",
            hint="name the Internet of today with --topology",
        )
    if sum(known.values()) < LEAST_GBPS:
        raise UsageError(
            f"{name}: its networks send less than 1 Mbit/s together",
            hint="volumes are in Gbit/s; or say --gbps 500",
        )
    network = np.array(sorted(known), np.int64)
    volume = np.array([known[int(n)] for n in network])
    return Attack(
        name=name,
        network=network,
        gbps=volume,
        weight=_by_pop(topology, network, volume, np.ones(topology.pops, bool)),
        unknown=tuple(sorted(unknown, key=lambda row: (-row[1], row[0]))),
    )


def botnet(topology: Topology, spec: str, *, gbps: float, networks: int = NETWORKS, seed: int = 1) -> Attack:
    """The botnet that "botnet:global", "botnet:region=EU" or "botnet:network=64500" names.

    Drawn without putting back (Efraimidis and Spirakis, 2006) among networks with users in the region.
    """
    kind, _, which = spec.removeprefix(PREFIX).partition("=")
    if kind == "network":
        index = _network(topology, which)
        only = np.array([index], np.int64)
        weight = _by_pop(topology, only, np.array([gbps]), np.ones(topology.pops, bool))
        return Attack(name=spec, network=only, gbps=np.array([gbps]), weight=weight)
    if kind == "region":
        is_meant = region_pops(topology, which)
    elif kind == "global" and not which:
        is_meant = np.ones(topology.pops, bool)
    else:
        raise UsageError(f"there is no botnet {spec!r}", hint=f"there are {KINDS}")
    users = np.bincount(topology.pop_network, topology.users * is_meant, topology.networks)
    able = np.flatnonzero(users > 0)
    if not len(able):
        raise TopologyError(f"{spec}: this topology has no users there", hint="give them with --users")
    asn = topology.asn[able]
    luck = np.maximum(hash01(asn, salt=8 * seed + 1), 2.0**-53)
    # The largest of u ** (1 / w), said with logarithms so that small weights do not underflow.
    keys = np.log(luck) / users[able] ** DRAW_POWER
    drawn = np.sort(able[np.argsort(-keys, kind="stable")[:networks]])
    asn = topology.asn[drawn]
    radius = np.sqrt(-2 * np.log(np.maximum(hash01(asn, salt=8 * seed + 2), 2.0**-53)))
    normal = radius * np.cos(2 * np.pi * hash01(asn, salt=8 * seed + 3))  # Box and Muller, 1958
    volume = users[drawn] ** VOLUME_POWER * np.exp(VOLUME_SIGMA * normal)
    volume *= gbps / volume.sum()
    return Attack(name=spec, network=drawn, gbps=volume, weight=_by_pop(topology, drawn, volume, is_meant))


def region_pops(topology: Topology, region: str) -> NDArray[np.bool_]:
    """(P,) the pops in a continent (EU, Europe) or a country (DE); where a code is both, the continent."""
    code = region.strip().upper()
    if code not in CONTINENTS and code not in COUNTRIES:
        try:
            code = continent_code(region)
        except Unfit:
            raise UsageError(
                f"{region!r} is neither a continent nor a country",
                hint=f"write one of {', '.join(CONTINENTS)}, or a country such as DE",
            ) from None
    column = continents(topology) if code in CONTINENTS else _countries(topology)
    return np.asarray(column == code, bool)


def continents(topology: Topology) -> NDArray[np.str_]:
    """(P,) the continent of each pop; without metros, that of its network's country."""
    if has_metros(topology):
        return np.array(topology.metros.continent)[topology.pop_metro]
    of_country = {country: code for code, countries in CONTINENTS.items() for country in countries}
    by_network = np.array([of_country.get(str(country), "") for country in topology.country], "U2")
    return by_network[topology.pop_network]


def _countries(topology: Topology) -> NDArray[np.str_]:
    if has_metros(topology):
        return np.array(topology.metros.country)[topology.pop_metro]
    return np.asarray(topology.country)[topology.pop_network]


def _network(topology: Topology, text: str) -> int:
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= ASN_MAX):
        raise UsageError(f"{text!r} is not an AS number", hint="write botnet:network=64500")
    index = topology.index_of(int(digits))
    if index < 0:
        raise TopologyError(f"AS{int(digits)} is not in this topology", hint="name another with --topology")
    return index


def _by_pop(topology: Topology, network: Int64, gbps: Float64, is_meant: NDArray[np.bool_]) -> Float64:
    """(P,) the volumes spread over the pops that are meant: by their users, else evenly."""
    wanted = np.zeros(topology.networks)
    wanted[network] = gbps
    users = topology.users * is_meant
    of_network = topology.pop_network
    total = np.bincount(of_network, users, topology.networks)
    pops = np.bincount(of_network, is_meant, topology.networks)
    by_users = np.divide(users, total[of_network], out=np.zeros(topology.pops), where=total[of_network] > 0)
    even = is_meant / np.maximum(pops[of_network], 1)
    weight: Float64 = wanted[of_network] * np.where(total[of_network] > 0, by_users, even)
    return weight
