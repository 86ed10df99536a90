"""Ground and Marks: what a choice of announcements is worth, as numbers that are compared in order.

A choice x is judged by what `plan` would say of it. With u users in all and today's choice 0:

  harmed    users whom x leaves without a site beyond those of 0, in each scenario; users certainly astray
            under x beyond those of 0, by each residency rule; and users possibly astray beyond those of 0, by
            each rule that 0 does not break for certain: what is kept stays kept
  astray    residency rules that are certainly broken: users of theirs are served from a forbidden site
  overload  sum over sites of load / capacity - 1, where that is above 0
  broken    sum over the design's objectives of how far x misses them, as a part of the promise
  strain    the same for the worst single failure: load over what is promised, p95 RTT over what is promised
  cost      the user-weighted RTT in ms, and so many ms for each uplink that is set otherwise than today

Misses count in hundredths, rounded up; overload in hundredths of today's, where that is more. Less is better;
a later number counts only between choices that are equal in all earlier ones, as docs/explanation/search.md
explains. A failure costs a run of routing for each site: `strain` is asked last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design
from anyplane.planning.assess import Assessor
from anyplane.planning.assess_rows import FiguresTable, RowAssessor
from anyplane.planning.catchment import has_metros
from anyplane.planning.latency import LatencyModel
from anyplane.planning.tally import POINTS
from anyplane.planning.variants import Choices, Variants
from anyplane.planning.weighted import Float64
from anyplane.routing.batch import Rows
from anyplane.routing.state import OFF
from anyplane.topology import Topology

Marks = Float64
"""(R, 6) the columns named below; safety first."""
HARMED, ASTRAY, OVERLOAD, BROKEN, RTT, CHANGES = range(6)
SAFETY = 4
"""The first so many columns of Marks come before RTT."""
UNSERVED_MS = 1000.0
"""What a user without a site counts for in the RTT that is made small: more than any path on Earth takes."""
GRAIN = 0.01
"""Of a capacity or a promise: a miss that is smaller by less decides nothing. Else a promise that cannot be
kept would be all that counts: a thousandth of it would be worth any RTT."""
MISSED = 10.0
"""How far a promised quantile is missed when it is not served at all; the share unserved comes on top."""
P95 = POINTS.index(0.95)


class Goal(StrEnum):
    """The RTT that is made small: the users' mean, or the time within which that part of them is."""

    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


QUANTILES = {Goal.P50: 0, Goal.P90: 1, Goal.P95: 2, Goal.P99: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """What one failure does, for R choices: utilisation (R,) of the fullest other site, 0 where nothing has a
    capacity; missed (R,) how far its p95 RTT is over what is promised, as a part of the promise."""

    utilisation: Float64
    missed: Float64


class Ground:
    """A design on a topology, ready to mark choices of its Variants (one for each scenario)."""

    def __init__(
        self,
        design: Design,
        topology: Topology,
        made: Sequence[Variants],
        *,
        latency: LatencyModel | None = None,
        goal: Goal = Goal.MEAN,
        threads: int = 2,
    ) -> None:
        self.design, self.topology, self.made, self.goal = design, topology, tuple(made), goal
        self.latency = latency or LatencyModel()
        self.real_sites = len(design.sites)
        self.capacity = np.array([site.capacity or np.nan for site in design.sites])
        self.load_per_user = [one.scenario.load_per_user or 0.0 for one in made]
        self.has_load = bool(np.isfinite(self.capacity).any()) and any(self.load_per_user)
        self.promised = design.objectives
        self.has_rtt = has_metros(topology)
        shares = (self.promised.largest_share, self.promised.smallest_share)
        wants_users = self.has_load or any(share is not None for share in shares)
        self.assessors = [
            RowAssessor(
                topology,
                Assessor(design, topology, one.scenario, self.latency),
                threads=threads,
                has_users=wants_users,
            )
            for one in made
        ]
        self.totals = np.array([one.assessor.clients.total for one in self.assessors])
        self.today = self.tables(made[0].as_designed())
        self._over_today = float(self._over(self.today)[0]) if self.has_load else 0.0

    def count_users(self) -> None:
        """From now on tables have the users of each site, even if no mark needs them."""
        for reader in self.assessors:
            reader.has_users = True

    @property
    def has_strain(self) -> bool:
        """Can a failure break anything that was promised or has a capacity?"""
        return self.has_load or (self.has_rtt and self.promised.worst_failure_p95_rtt_ms is not None)

    @property
    def promised_load(self) -> float:
        """The utilisation that a site may have after a failure elsewhere."""
        return self.promised.worst_failure_load or 1.0

    def tables(self, choices: Choices) -> list[FiguresTable]:
        """For each scenario the figures of each choice."""
        return [
            reader.table(one.rows(choices)) for reader, one in zip(self.assessors, self.made, strict=True)
        ]

    def failing(self, choices: Choices, sites: NDArray[np.int64]) -> list[FiguresTable]:
        """The same where choice r has lost sites[r]."""
        return [
            reader.table(_lost(one, one.rows(choices), sites))
            for reader, one in zip(self.assessors, self.made, strict=True)
        ]

    def announcing(self, choices: Choices, *, which: int | None = None) -> NDArray[np.bool_]:
        """(R, sites) which sites of the design announce something: in one scenario, or in any."""
        found = np.zeros((len(choices), self.real_sites), bool)
        for one in self.made if which is None else (self.made[which],):
            active = one.rows(choices) != OFF
            owners = np.array(one.scenario.owners, np.int64)
            for site in np.unique(owners[owners >= 0]):
                found[:, site] |= active[:, owners == site].any(axis=1)
        return found

    def marks(self, choices: Choices) -> Marks:
        """(R, 6) the Marks of each choice, without strain."""
        tables = self.tables(choices)
        marks = np.zeros((len(choices), 6))
        for which, (table, today) in enumerate(zip(tables, self.today, strict=True)):
            beyond = np.maximum(0.0, _people(table.astray) - _people(today.astray))
            lost = np.maximum(0.0, _people(table.unserved) - _people(today.unserved))
            # Who may be astray counts until a rule is broken for certain; then those who certainly are.
            is_whole = today.astray[0, :, 0] == 0
            marks[:, HARMED] += lost + beyond[:, :, 0].sum(axis=1) + beyond[:, is_whole, 2].sum(axis=1)
            # The rules, not their users: half a broken rule is worth no detour for everybody else.
            marks[:, ASTRAY] += (_people(table.astray[:, :, 0]) > 0).sum(axis=1)
            marks[:, BROKEN] += self._missed(which, table, choices)
        if self.has_load:
            marks[:, OVERLOAD] = levels(self._over(tables), self._over_today)
        marks[:, RTT] = self.rtt(tables)
        marks[:, CHANGES] = (choices != 0).sum(axis=1)
        return np.round(marks, 6)

    def strain(self, choices: Choices, sites: NDArray[np.int64]) -> Strain:
        """What the failure of sites[r] does to choice r."""
        tables = self.failing(choices, sites)
        rows = np.arange(len(choices))
        worst = np.zeros(len(choices))
        if self.has_load:
            after = self.utilisation(tables)
            after[rows, sites] = np.nan
            worst = np.nan_to_num(after).max(axis=1)
        missed = np.zeros(len(choices))
        target = self.promised.worst_failure_p95_rtt_ms
        if target is not None and self.has_rtt:
            for which, table in enumerate(tables):
                here = self.announcing(choices, which=which)[rows, sites]
                missed += np.where(here, self._late(which, table, P95, target), 0.0)
        return Strain(utilisation=worst, missed=np.round(missed, 6))

    def utilisation(self, tables: Sequence[FiguresTable]) -> Float64:
        """(R, sites) load over capacity, all scenarios together; NaN where a site has no capacity."""
        return np.asarray(np.round(self._used(tables), 6))

    def _used(self, tables: Sequence[FiguresTable]) -> Float64:
        loads = np.zeros((len(tables[0]), self.real_sites))
        for table, per_user in zip(tables, self.load_per_user, strict=True):
            if per_user:
                loads += table.users[:, : self.real_sites] * per_user
        return np.asarray(loads / self.capacity)

    def _over(self, tables: Sequence[FiguresTable]) -> Float64:
        """(R,) load over capacity, in capacities, summed over sites; not rounded, for where every site has
        more than it can carry the sum hardly changes, and rounding must not decide."""
        return np.asarray(np.maximum(0.0, np.nan_to_num(self._used(tables) - 1.0)).sum(axis=1))

    def rtt(self, tables: Sequence[FiguresTable]) -> Float64:
        """(R,) ms: the goal's RTT of all users, the scenarios weighed by their users."""
        total = np.zeros(len(tables[0]))
        for table, users in zip(tables, self.totals, strict=True):
            if users:
                total += self.rtt_of(table) * users / self.totals.sum()
        return total

    def rtt_of(self, table: FiguresTable) -> Float64:
        """(R,) the same of one scenario."""
        if self.goal is not Goal.MEAN:
            found = table.rtt_of_all[:, QUANTILES[self.goal]]
            return np.where(np.isfinite(found), found, UNSERVED_MS)
        served = np.where(table.served > 0, table.mean * table.served, 0.0)
        everybody = np.maximum(table.served + table.unserved, 1e-12)
        return np.asarray((served + UNSERVED_MS * table.unserved) / everybody)

    def _missed(self, which: int, table: FiguresTable, choices: Choices) -> Float64:
        promised, missed = self.promised, np.zeros(len(table))
        if not self.totals[which]:
            return missed
        if self.has_rtt:
            bounds = (promised.p50_rtt_ms, promised.p90_rtt_ms, promised.p95_rtt_ms, promised.p99_rtt_ms)
            for q, target in enumerate(bounds):
                if target is not None:
                    missed += self._late(which, table, q, target)
        if promised.largest_share is None and promised.smallest_share is None:
            return missed
        there = self.announcing(choices, which=which)
        share = np.round(table.users[:, : self.real_sites] / self.totals[which], 6)
        if promised.largest_share is not None:
            largest = np.where(there, share, -np.inf).max(axis=1)
            missed += coarse(largest / promised.largest_share - 1.0)
        if promised.smallest_share is not None:
            smallest = np.where(there, share, np.inf).min(axis=1)
            missed += coarse(1.0 - smallest / max(promised.smallest_share, 1e-9))
        return missed

    def _late(self, which: int, table: FiguresTable, quantile: int, target: float) -> Float64:
        actual = table.rtt_of_all[:, quantile]
        unserved = table.unserved / max(self.totals[which], 1e-12)
        return np.where(
            np.isfinite(actual), coarse(np.round(actual, 2) / target - 1.0), coarse(MISSED + unserved)
        )


def _lost(one: Variants, rows: Rows, sites: NDArray[np.int64]) -> Rows:
    failed = rows.copy()
    failed[np.array(one.scenario.owners)[np.newaxis, :] == sites[:, np.newaxis]] = OFF
    return failed


def coarse(over: Float64) -> Float64:
    """What is above 0, rounded up to whole GRAINs."""
    return np.asarray(np.ceil(np.round(np.maximum(0.0, over) / GRAIN, 4)) * GRAIN)


def levels(over: Float64, today: float) -> Float64:
    """`over` rounded up to today's plus or minus whole steps; of GRAIN, or a hundredth of today's if more.

    So whatever is more than today's counts as more, and what is less by under a step does not count as less;
    nothing over is 0. Where there is far too little capacity, a GRAIN of it is worth no detour for everybody.
    """
    step = max(GRAIN, GRAIN * today)
    found = today + np.ceil(np.round((over - today) / step, 4)) * step
    return np.asarray(np.where(np.round(over, 6) <= 0, 0.0, np.maximum(found, GRAIN)))


def _people(users: Float64) -> Float64:
    """As a report rounds them: what it does not show makes no difference."""
    return np.asarray(np.round(users, 1))
