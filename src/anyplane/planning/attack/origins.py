"""origins: on which site the traffic of each network and continent lands, and how much of it whole."""

from __future__ import annotations

import numpy as np

from anyplane.planning.attack.report import SiteGbps, Source
from anyplane.planning.attack.sources import Attack, continents
from anyplane.planning.attack.sweep import Sweep
from anyplane.planning.rounding import part
from anyplane.planning.weighted import Float64

LARGEST = 12
LEAST_GBPS = 0.0005
LEAST_OF_SOURCE = 5e-7
"""A source among thousands may send little: its parts are kept to a kbit/s."""
NAMES = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


def gbps(value: float) -> float:
    """Gbit/s as a report keeps them, to a thousandth."""
    return round(float(value), 3)


def largest(sweep: Sweep, attack: Attack) -> tuple[Source, ...]:
    """The networks that send most, and where their traffic lands."""
    order = np.lexsort((attack.network, -attack.gbps))[:LARGEST]
    topology = sweep.topology
    weights = np.zeros((len(order), topology.pops))
    for row, index in enumerate(order):
        network = int(attack.network[index])
        pops = slice(int(topology.pop_start[network]), int(topology.pop_start[network + 1]))
        weights[row, pops] = attack.weight[pops]
    found = []
    for row, index in enumerate(order):
        network = int(attack.network[index])
        name = topology.name[network] if topology.name else ""
        found.append((f"AS{int(topology.asn[network])} {name}".rstrip(), network, weights[row].sum()))
    landed = sweep.by_site(sweep.spread(weights).by_seed)
    return tuple(
        _source(
            sweep,
            name=name,
            asn=int(topology.asn[network]),
            country=str(topology.country[network]),
            total=float(total),
            landed=landed[row],
        )
        for row, (name, network, total) in enumerate(found)
    )


def by_continent(sweep: Sweep, attack: Attack) -> tuple[Source, ...]:
    """The attack by the continent that it comes from, the largest part first."""
    column = continents(sweep.topology)
    codes = [str(code) for code in np.unique(column[attack.weight > 0])]
    weights = np.array([np.where(column == code, attack.weight, 0.0) for code in codes])
    landed = sweep.by_site(sweep.spread(weights).by_seed)
    made = [
        _source(
            sweep,
            name=NAMES.get(code, "elsewhere"),
            asn=0,
            country="",
            total=float(weights[row].sum()),
            landed=landed[row],
        )
        for row, code in enumerate(codes)
    ]
    return tuple(sorted(made, key=lambda one: (-one.gbps, one.name)))


def landing_whole(sweep: Sweep, attack: Attack) -> tuple[int, float]:
    """The networks each of which lands on one site, whatever ties decide, and their part of the attack."""
    topology, routes = sweep.topology, sweep.routes
    pops = np.flatnonzero(attack.weight > 0)
    sites = len(sweep.scenario.sites)
    possible = routes.possible[pops]
    site = routes.site[pops].astype(np.int64)
    bit = np.zeros_like(possible)
    reached = site < sites
    bit[np.flatnonzero(reached), site[reached] // 64] = np.uint64(1) << (site[reached] % 64).astype(np.uint64)
    is_certain = reached & (possible == bit).all(axis=1)
    network = topology.pop_network[pops]
    low = np.full(topology.networks, sites + 1, np.int64)
    high = np.full(topology.networks, -1, np.int64)
    np.minimum.at(low, network, np.where(is_certain, site, -1))
    np.maximum.at(high, network, np.where(is_certain, site, sites))
    is_whole = low[attack.network] == high[attack.network]
    return int(is_whole.sum()), part(float(attack.gbps[is_whole].sum()), float(attack.gbps.sum()))


def _source(sweep: Sweep, *, name: str, asn: int, country: str, total: float, landed: Float64) -> Source:
    order = np.lexsort((np.arange(len(landed)), -landed))
    return Source(
        name=name,
        asn=asn,
        country=country,
        gbps=_fine(total),
        unreached_gbps=_fine(max(0.0, total - float(landed.sum()))),
        landed=tuple(
            SiteGbps(site=sweep.scenario.sites[s], gbps=_fine(landed[s]))
            for s in order
            if landed[s] >= LEAST_OF_SOURCE
        ),
    )


def _fine(value: float) -> float:
    return round(float(value), 6)
