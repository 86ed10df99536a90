"""Exposure: which runs answer the questions about a scenario, and their results as cells of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Prefix
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.trust import report as results
from anyplane.planning.trust.attackers import role
from anyplane.planning.trust.cases import Asked, Case, Variant, canonical
from anyplane.planning.trust.cells import Runs, cell, is_whole, taken_by, unreached
from anyplane.planning.trust.report import Attack, Cell, Exposure, SingleSite, Taker, World
from anyplane.planning.trust.sweep import Sweep
from anyplane.planning.trust.validity import State

WORST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Prefixes with the same cases: (name, Case) of each situation, "now" first."""

    prefixes: tuple[Prefix, ...]
    cases: tuple[tuple[str, Case], ...]


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


def _situation(name: str, case: Case, sweep: Sweep, *, named: bool) -> results.Situation:
    cells = []
    for attack in Attack:
        for world in World:
            if attack in case.impossible:
                if world is World.NOBODY:
                    cells.append(Cell(attack=attack, world=world, attackers=0, why=case.impossible[attack]))
            else:
                cells.append(cell(attack, world, sweep, _runs(case, attack, world, sweep)))
    same = {world: _runs(case, Attack.SAME, world, sweep) for world in World}
    return results.Situation(
        name=name,
        state=case.own,
        unreached=tuple(
            unreached(sweep, world=world, is_invalid=case.own is State.INVALID) for world in World
        ),
        cells=tuple(cells),
        worst=_worst(case, sweep),
        named=tuple(_attacker(a, case, sweep) for a in range(len(sweep.attackers.network))) if named else (),
        countries=_countries(sweep, same),
    )


def _runs(case: Case, attack: Attack, world: World, sweep: Sweep) -> dict[Variant, NDArray[np.int64]]:
    has_list = bool(sweep.rov[World.LIST].any())
    found: dict[Variant, NDArray[np.int64]] = {}
    for variant, who in case.variants(attack, world):
        key = canonical(variant, has_list=has_list)
        numbers = np.flatnonzero(who)
        found[key] = np.union1d(found[key], numbers) if key in found else numbers
    return found


def _worst(case: Case, sweep: Sweep) -> tuple[results.Attacker, ...]:
    """The attackers that take most with the same prefix where nobody validates, then with today's list."""
    runs = [_runs(case, Attack.SAME, world, sweep) for world in (World.NOBODY, World.LIST)]
    if not all(is_whole(sweep, some) for some in runs):
        return ()
    both = [dict(taken_by(sweep, some)) for some in runs]
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
    if not all(is_whole(sweep, runs) for runs in same.values()):
        return ()
    means = {
        world: np.mean(np.array([taken.countries for _, taken in taken_by(sweep, runs)]), axis=0)
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
