"""single_site: anycast against each of its sites alone, under the same attackers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.trust import report as results
from anyplane.planning.trust.cases import Asked, Variant, canonical
from anyplane.planning.trust.cells import cell, figures, shares_of, unreached
from anyplane.planning.trust.report import Attack, SingleSite, World
from anyplane.planning.trust.sweep import Sweep
from anyplane.planning.weighted import Float64

TRIALS = 600
"""Runs that are spent on finding the best single site, over all sites."""
FEWEST = 30


def trials(sweep: Sweep) -> Asked:
    """Each site alone where nobody validates; and all of them together, to compare with."""
    who = tried(sweep)
    found = {alone(site, World.NOBODY, has_list=True): who for site in sweep.scenario.announcing}
    found[alone(-1, World.NOBODY, has_list=True)] = who
    return found


def best(sweep: Sweep) -> Asked:
    """The best of them, under all attackers."""
    site = best_alone(sweep)
    has_list = bool(sweep.rov[World.LIST].any())
    everyone = np.ones(len(sweep.attackers.network), bool)
    worlds = (World.NOBODY, World.LIST)
    return {alone(site, world, has_list=has_list): everyone for world in worlds} if site >= 0 else {}


def tried(sweep: Sweep) -> NDArray[np.bool_]:
    """(A,) the attackers that every single site is tried with: an even choice of all of them."""
    count = len(sweep.attackers.network)
    sites = len(sweep.scenario.announcing)
    wanted = min(count, max(FEWEST, TRIALS // max(1, sites)))
    chosen = np.zeros(count, bool)
    # They are in the order of their ASNs, so an even choice is one over all ages of networks.
    chosen[(np.arange(wanted) * count) // max(1, wanted)] = True
    return chosen


def alone(site: int, world: World, *, has_list: bool) -> Variant:
    """The same-prefix attack, invalid, against one site with a ROA."""
    variant = Variant(attack=Attack.SAME, world=world, is_attack_invalid=True, site=site)
    return canonical(variant, has_list=has_list)


def best_alone(sweep: Sweep) -> int:
    """The site that, alone, loses least to the attackers it was tried with; -1 when none was."""
    means = {}
    who = np.flatnonzero(tried(sweep))
    for site in sweep.scenario.announcing:
        shares = shares_of(sweep, {alone(site, World.NOBODY, has_list=True): who})
        if len(shares) == len(who):
            means[site] = float(shares.mean())
    return min(means, key=lambda site: (means[site], site)) if means else -1


def single_site(sweep: Sweep) -> SingleSite | None:
    """Anycast against each site alone, or None where there is one site, or nothing was run."""
    sites = sweep.scenario.announcing
    who = np.flatnonzero(tried(sweep))
    best = best_alone(sweep)
    if len(sites) < 2 or best < 0:
        return None
    rows = []
    for site in sites:
        variant = alone(site, World.NOBODY, has_list=True)
        shares = shares_of(sweep, {variant: who})
        if len(shares) == len(who):
            rows.append(_alone(sweep.scenario.sites[site], shares, unreached(sweep, site=site)))
    everybody = Variant(attack=Attack.SAME, world=World.NOBODY)
    together = shares_of(sweep, {everybody: who})
    has_list = bool(sweep.rov[World.LIST].any())
    everyone = np.arange(len(sweep.attackers.network))
    return SingleSite(
        tried=len(who),
        anycast=_alone("all sites", together, unreached(sweep)),
        sites=tuple(sorted(rows, key=lambda row: (row.mean, row.site))),
        best=sweep.scenario.sites[best],
        cells=tuple(
            cell(Attack.SAME, world, sweep, {alone(best, world, has_list=has_list): everyone})
            for world in (World.NOBODY, World.LIST)
        ),
    )


def _alone(name: str, shares: Float64, unreached: float) -> results.Alone:
    mean, median, p90, worst = figures(shares)
    return results.Alone(
        site=name,
        attackers=len(shares),
        mean=mean,
        median=median,
        p90=p90,
        worst=worst,
        unreached=unreached,
    )
