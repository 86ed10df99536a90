"""Exposure: which runs answer the questions about a scenario, and their results as cells of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Prefix
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.trust import report as results
from anyplane.planning.trust.attackers import role
from anyplane.planning.trust.cases import EVERY_SITE, Case, Variant, canonical
from anyplane.planning.trust.report import Attack, Cell, Exposure, SingleSite, Taker, World
from anyplane.planning.trust.sweep import Sweep, Taken
from anyplane.planning.trust.validity import State
from anyplane.planning.weighted import Float64
from anyplane.routing import NO_SITE, Engine
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import lengths_of

WORST = 10
TRIALS = 600
"""Runs that are spent on finding the best single site, over all sites."""
FEWEST = 30
POINTS = tuple(step / 100 for step in range(101))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Prefixes with the same cases: (name, Case) of each situation, "now" first."""

    prefixes: tuple[Prefix, ...]
    cases: tuple[tuple[str, Case], ...]


Asked = dict[Variant, NDArray[np.bool_]]


def asked(subjects: Sequence[Subject], sweep: Sweep) -> Asked:
    """(A,) for each variant that is needed: the attackers to run."""
    found: Asked = {}
    has_list = bool(sweep.rov[World.LIST].any())
    for subject in subjects:
        for _, case in subject.cases:
            for attack in case.invalid:
                for world in World:
                    for variant, who in case.variants(attack, world):
                        key = canonical(variant, has_list=has_list)
                        found[key] = found[key] | who if key in found else who.copy()
    return found


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
        shares = _shares(sweep, {alone(site, World.NOBODY, has_list=True): who})
        if len(shares) == len(who):
            means[site] = float(shares.mean())
    return min(means, key=lambda site: (means[site], site)) if means else -1


def exposure(subject: Subject, sweep: Sweep, *, named: bool, single: SingleSite | None) -> Exposure:
    """The Exposure of these prefixes, out of what the sweep has done. named: list every attacker."""
    return Exposure(
        scenario=sweep.scenario.name,
        prefixes=tuple(map(str, subject.prefixes)),
        users=people(sweep.clients.total),
        networks=sweep.topology.networks,
        attackers=len(sweep.attackers.network),
        situations=tuple(_situation(name, case, sweep, named=named) for name, case in subject.cases),
        single=single,
    )


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
        shares = _shares(sweep, {variant: who})
        if len(shares) == len(who):
            rows.append(_alone(sweep.scenario.sites[site], shares, _unreached(sweep, site=site)))
    everybody = Variant(attack=Attack.SAME, world=World.NOBODY)
    together = _shares(sweep, {everybody: who})
    has_list = bool(sweep.rov[World.LIST].any())
    everyone = np.arange(len(sweep.attackers.network))
    return SingleSite(
        tried=len(who),
        anycast=_alone("all sites", together, _unreached(sweep)),
        sites=tuple(sorted(rows, key=lambda row: (row.mean, row.site))),
        best=sweep.scenario.sites[best],
        cells=tuple(
            _cell(Attack.SAME, world, sweep, {alone(best, world, has_list=has_list): everyone})
            for world in (World.NOBODY, World.LIST)
        ),
    )


def _alone(name: str, shares: Float64, unreached: float) -> results.Alone:
    mean, median, p90, worst = _figures(shares)
    return results.Alone(
        site=name,
        attackers=len(shares),
        mean=mean,
        median=median,
        p90=p90,
        worst=worst,
        unreached=unreached,
    )


def _unreached(
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


def _situation(name: str, case: Case, sweep: Sweep, *, named: bool) -> results.Situation:
    cells = []
    for attack in Attack:
        for world in World:
            if attack in case.impossible:
                if world is World.NOBODY:
                    cells.append(Cell(attack=attack, world=world, attackers=0, why=case.impossible[attack]))
            else:
                cells.append(_cell(attack, world, sweep, _runs(case, attack, world, sweep)))
    same = {world: _runs(case, Attack.SAME, world, sweep) for world in World}
    return results.Situation(
        name=name,
        state=case.own,
        unreached=tuple(
            _unreached(sweep, world=world, is_invalid=case.own is State.INVALID) for world in World
        ),
        cells=tuple(cells),
        worst=_worst(case, sweep),
        named=tuple(_attacker(a, case, sweep) for a in range(len(sweep.attackers.network))) if named else (),
        countries=_countries(sweep, same),
    )


Runs = Mapping[Variant, NDArray[np.int64]]
"""Variant -> the attackers (numbers) that it is for."""


def _runs(case: Case, attack: Attack, world: World, sweep: Sweep) -> dict[Variant, NDArray[np.int64]]:
    has_list = bool(sweep.rov[World.LIST].any())
    found: dict[Variant, NDArray[np.int64]] = {}
    for variant, who in case.variants(attack, world):
        key = canonical(variant, has_list=has_list)
        numbers = np.flatnonzero(who)
        found[key] = np.union1d(found[key], numbers) if key in found else numbers
    return found


def _taken(sweep: Sweep, runs: Runs) -> list[tuple[int, Taken]]:
    """(attacker, what it takes) for those that were run, by number."""
    found = []
    for variant, numbers in runs.items():
        for a in numbers.tolist():
            taken = sweep.done.get((variant.name, sweep.asn(a)))
            if taken is not None:
                found.append((a, taken))
    return sorted(found, key=lambda pair: pair[0])


def _is_whole(sweep: Sweep, runs: Runs) -> bool:
    """Was every attacker run? Not so after an interrupt."""
    return 0 < len(_taken(sweep, runs)) == sum(len(numbers) for numbers in runs.values())


def _shares(sweep: Sweep, runs: Runs) -> Float64:
    total = sweep.clients.total
    return np.array([part(taken.users, total) for _, taken in _taken(sweep, runs)], np.float64)


def _cell(attack: Attack, world: World, sweep: Sweep, runs: Runs) -> Cell:
    found = [taken for _, taken in _taken(sweep, runs)]
    if not _is_whole(sweep, runs):
        # Those that need no run are answered at once and take nothing: alone they would mislead.
        return Cell(attack=attack, world=world, attackers=0, why="not run with all attackers yet")
    total = sweep.clients.total
    shares = np.array([part(taken.users, total) for taken in found])
    mean, median, p90, worst = _figures(shares)
    networks = _figures(np.array([taken.networks for taken in found]))
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


def _figures(shares: Float64) -> tuple[float, float, float, float]:
    """Mean, median, p90 and the worst; a quantile is the least value that so many do not exceed."""
    if not len(shares):
        return 0.0, 0.0, 0.0, 0.0
    median, p90 = np.quantile(shares, (0.5, 0.9), method="inverted_cdf")
    mean = float(np.cumsum(shares)[-1]) / len(shares)
    return fraction(mean), fraction(median), fraction(p90), fraction(float(shares.max()))


def _worst(case: Case, sweep: Sweep) -> tuple[results.Attacker, ...]:
    """The attackers that take most with the same prefix where nobody validates, then with today's list."""
    runs = [_runs(case, Attack.SAME, world, sweep) for world in (World.NOBODY, World.LIST)]
    if not all(_is_whole(sweep, some) for some in runs):
        return ()
    both = [dict(_taken(sweep, some)) for some in runs]
    numbers = sorted(
        set(both[0]) & set(both[1]), key=lambda a: (-both[0][a].users, -both[1][a].users, sweep.asn(a))
    )
    return tuple(_attacker(a, case, sweep) for a in numbers[:WORST])


def _attacker(a: int, case: Case, sweep: Sweep) -> results.Attacker:
    topology, attackers = sweep.topology, sweep.attackers
    network = int(attackers.network[a])
    takes = []
    for attack in Attack:
        if attack in case.impossible:
            continue
        for world in World:
            runs = _runs(case, attack, world, sweep)
            variant = next(v for v, numbers in runs.items() if a in numbers)
            taken = sweep.done.get((variant.name, sweep.asn(a)))
            if taken is not None:
                takes.append(
                    Taker(
                        attack=attack,
                        world=world,
                        users=taken.users,
                        share=part(taken.users, sweep.clients.total),
                        networks=taken.networks,
                        cut_off=taken.cut_off,
                    )
                )
    return results.Attacker(
        asn=sweep.asn(a),
        name=str(topology.name[network]) if topology.name else "",
        country=str(topology.country[network]),
        own_users=people(float(attackers.own_users[a])),
        role=role(
            is_upstream=bool(attackers.is_upstream[a]),
            has_customers=bool(attackers.has_customers[a]),
        ),
        takes=tuple(takes),
    )


def _countries(sweep: Sweep, same: Mapping[World, Runs]) -> tuple[results.CountryTaken, ...]:
    if not all(_is_whole(sweep, runs) for runs in same.values()):
        return ()
    means = {
        world: np.mean(np.array([taken.countries for _, taken in _taken(sweep, runs)]), axis=0)
        for world, runs in same.items()
    }
    return tuple(
        results.CountryTaken(
            country=code,
            users=people(float(sweep.country_users[c])),
            nobody=fraction(float(means[World.NOBODY][c])),
            today=fraction(float(means[World.LIST][c])),
            everybody=fraction(float(means[World.EVERYBODY][c])),
        )
        for c, code in enumerate(sweep.countries)
    )
