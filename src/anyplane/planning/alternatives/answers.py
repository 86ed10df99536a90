"""answers: which address DNS gives to whom, out of where it believes them to be.

GeoDNS gives the nearest site that is up, by great circle, among those that the design's residency rules allow
for the country it believes the user in: that is how an operator would write the rules down. A regional answer
is the region of that site; a region whose sites are all allowed comes first where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design, Residency
from anyplane.planning.alternatives.regions import SiteRegion
from anyplane.planning.ideal import SAME_PLACE_KM
from anyplane.planning.latency import km_to
from anyplane.planning.weighted import Float64
from anyplane.topology import Metros

Bools = NDArray[np.bool_]


def distances(design: Design, metros: Metros) -> Float64:
    """(M, R) kilometres from each metro to each site of the design."""
    return np.stack(
        [km_to(metros, site.metro, site.place.lat, site.place.lon) for site in design.sites], axis=1
    )


def allowed(design: Design, rules: Sequence[Residency], metros: Metros) -> Bools:
    """(M, R) may a user in this metro be served from this site by all of these rules?"""
    names = np.array([str(site.name) for site in design.sites])
    out = np.ones((len(metros.code), len(names)), bool)
    for rule in rules:
        inside = np.isin(np.array(metros.country), sorted(rule.countries))
        of_rule = np.isin(names, sorted(str(site) for site in rule.sites))
        out[inside] &= of_rule[None, :]
    return out


def nearest_sites(km: Float64, is_up: Bools, may: Bools) -> Float64:
    """(M, R) the odds of each site in the answer to somebody believed in each metro.

    The nearest one that is up and allowed; if none is both, the nearest that is up. Sites in one place share.
    """
    open_ones = may & is_up[None, :]
    has_any = open_ones.any(axis=1, keepdims=True)
    open_ones = np.where(has_any, open_ones, is_up[None, :])
    away = np.where(open_ones, km, np.inf)
    least = away.min(axis=1, keepdims=True)
    chosen = (away <= least + SAME_PLACE_KM) & open_ones
    count = chosen.sum(axis=1, keepdims=True)
    odds: Float64 = np.divide(chosen, count, out=np.zeros(chosen.shape), where=count > 0)
    return odds


def nearest_regions(km: Float64, regions: Sequence[SiteRegion], is_up: Bools, may: Bools) -> Float64:
    """(M, G) the odds of each region in the answer to somebody believed in each metro.

    is_up: (G,) has the region a site that announces? DNS goes by all the sites of a region that is up.
    """
    sites = may.shape[1]
    whole = np.zeros_like(may)
    open_sites = np.zeros(sites, bool)
    member = np.zeros((sites, len(regions)))
    for g, region in enumerate(regions):
        members = list(region.sites)
        member[members, g] = 1.0
        whole[:, members] = np.all(may[:, members], axis=1, keepdims=True)
        open_sites[members] = is_up[g]
    return nearest_sites(km, open_sites, whole) @ member
