"""cells: what a set of runs took, as figures over the attackers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.rounding import fraction, part
from anyplane.planning.trust.cases import EVERY_SITE, Variant
from anyplane.planning.trust.report import Attack, Cell, World
from anyplane.planning.trust.sweep import Sweep, Taken
from anyplane.planning.weighted import Float64
from anyplane.routing import NO_SITE, Engine
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import lengths_of

POINTS = tuple(step / 100 for step in range(101))

Runs = Mapping[Variant, NDArray[np.int64]]
"""Variant -> the attackers (numbers) that it is for."""


def taken_by(sweep: Sweep, runs: Runs) -> list[tuple[int, Taken]]:
    """(attacker, what it takes) for those that were run, by number."""
    found = []
    for variant, numbers in runs.items():
        for a in numbers.tolist():
            taken = sweep.done.get((variant.name, sweep.asn(a)))
            if taken is not None:
                found.append((a, taken))
    return sorted(found, key=lambda pair: pair[0])


def is_whole(sweep: Sweep, runs: Runs) -> bool:
    """Was every attacker run? Not so after an interrupt."""
    return 0 < len(taken_by(sweep, runs)) == sum(len(numbers) for numbers in runs.values())


def shares_of(sweep: Sweep, runs: Runs) -> Float64:
    total = sweep.clients.total
    return np.array([part(taken.users, total) for _, taken in taken_by(sweep, runs)], np.float64)


def cell(attack: Attack, world: World, sweep: Sweep, runs: Runs) -> Cell:
    found = [taken for _, taken in taken_by(sweep, runs)]
    if not is_whole(sweep, runs):
        # Those that need no run are answered at once and take nothing: alone they would mislead.
        return Cell(attack=attack, world=world, attackers=0, why="not run with all attackers yet")
    total = sweep.clients.total
    shares = np.array([part(taken.users, total) for taken in found])
    mean, median, p90, worst = figures(shares)
    networks = figures(np.array([taken.networks for taken in found]))
    curve = np.quantile(shares, POINTS, method="inverted_cdf")
    return Cell(
        attack=attack,
        world=world,
        attackers=len(found),
        mean=mean,
        median=median,
        p90=p90,
        worst=worst,
        networks_mean=networks[0],
        networks_median=networks[1],
        networks_p90=networks[2],
        networks_worst=networks[3],
        cut_off=fraction(float(np.mean([part(taken.cut_off, total) for taken in found]))),
        curve=tuple(fraction(float(value)) for value in curve),
    )


def figures(shares: Float64) -> tuple[float, float, float, float]:
    """Mean, median, p90 and the worst; a quantile is the least value that so many do not exceed."""
    if not len(shares):
        return 0.0, 0.0, 0.0, 0.0
    median, p90 = np.quantile(shares, (0.5, 0.9), method="inverted_cdf")
    mean = float(np.cumsum(shares)[-1]) / len(shares)
    return fraction(mean), fraction(median), fraction(p90), fraction(float(shares.max()))


def unreached(
    sweep: Sweep, *, site: int = EVERY_SITE, world: World = World.NOBODY, is_invalid: bool = False
) -> float:
    """The share of users without a route when nobody attacks; is_invalid: our own route is."""
    scenario = sweep.scenario
    lengths = lengths_of(scenario.seeds) if site == EVERY_SITE else scenario.alone(site)
    seeds = Seeds.of(
        [replace(seed, is_invalid=is_invalid) for seed in scenario.seeds.seeds], sites=scenario.seeds.sites
    )
    routes = Engine(replace(sweep.topology, rov=sweep.rov[world]), seeds).run(lengths)
    return part(float(sweep.weight[routes.site == NO_SITE].sum()), sweep.clients.total)
