"""failover: how long users are cut off when a site dies, by DNS, by BGP, or by both together.

A Loss is one group of users who come back by one means. DNS: the odds that a dead address is still kept
(`caching`). BGP: the messages of `anyplane converge`, run for a few seeds with these users as weights; of a
regional prefix under a covering one those of both, forwarded by the longest match (`covering`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from anyplane.planning.alternatives.caching import Caching
from anyplane.planning.alternatives.covering import CoveredCut, covered_cut
from anyplane.planning.alternatives.report import Curve, FailOver, Means
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import Scenario
from anyplane.planning.convergence_question import Situation
from anyplane.planning.convergence_report import SAMPLE_TIMES, Regime, Run
from anyplane.planning.convergence_run import simulate
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.weighted import Float64
from anyplane.routing.converge import Change, Lines, Start, Timing
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

WINDOW_S = 3600.0
POINTS = (0.5, 0.9, 0.99)
GRID: Float64 = np.concatenate([[0.0], np.geomspace(0.02, 86_400.0, 772)])
"""Seconds after the death at which groups are put together: 2 % apart."""
KEPT_EVERY = 8
"""Of the grid in a report: 17 % apart."""
ROUND_ERROR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A group of users and how they come back. cut: (T,) share of them without service, on GRID.

    at_s: seconds until each of POINTS is served again, None for never. user_s: (seeds,) user-seconds lost
    within WINDOW_S, one value for DNS. never: share of them who are not served again.
    """

    means: Means
    users: float
    cut: Float64
    at_s: tuple[float | None, ...]
    user_s: tuple[float, ...]
    never: float = 0.0


def by_dns(users: float, caching: Caching, *, never: float = 0.0, means: Means = Means.DNS) -> Loss:
    """Users who are given another address; never: the share of them whom no address serves."""
    lasts = caching.lasts(WINDOW_S)
    return Loss(
        means=means,
        users=users,
        cut=(1 - never) * caching.stale(GRID) + never,
        at_s=tuple(
            None if point > 1 - never + ROUND_ERROR else caching.by(min(1.0, point / (1 - never)))
            for point in POINTS
        ),
        user_s=(users * ((1 - never) * lasts + never * WINDOW_S),),
        never=never,
    )


def not_at_all(users: float) -> Loss:
    """Users whom nothing brings back."""
    return Loss(
        means=Means.NOTHING,
        users=users,
        cut=np.ones(len(GRID)),
        at_s=(None,) * len(POINTS),
        user_s=(users * WINDOW_S,),
        never=1.0,
    )


def by_bgp(runs: Sequence[Run], *, withdraw_s: float) -> Loss:
    """Users who come back when routes have converged; the figures are those of `anyplane converge`."""
    users = float(np.median([run.affected_users for run in runs]))
    shares = np.array([_on_grid(SAMPLE_TIMES[: len(run.curve[0])], _cut_of(run), withdraw_s) for run in runs])
    left = [_left(run) for run in runs]
    lost = []
    for run, never in zip(runs, left, strict=True):
        over = max(0.0, WINDOW_S - withdraw_s - _end_s(run))
        told = run.black_hole_user_s + run.loop_user_s + run.dead_user_s
        lost.append(told + run.affected_users * (withdraw_s + never * over))
    never = float(np.median(left))
    times = [[run.t50_s, run.t90_s, run.t99_s] for run in runs]
    at_s: list[float | None] = []
    for point, values in zip(POINTS, zip(*times, strict=True), strict=True):
        is_known = min(values) >= 0 and point <= 1 - never + ROUND_ERROR
        at_s.append(withdraw_s + float(np.median(values)) if is_known else None)
    return Loss(
        means=Means.BGP,
        users=users,
        cut=np.median(shares, axis=0),
        at_s=tuple(at_s),
        user_s=tuple(lost),
        never=never,
    )


def by_cover(runs: Sequence[CoveredCut], *, withdraw_s: float) -> Loss:
    """Users of a regional prefix under a covering one."""
    users = float(np.median([run.affected for run in runs]))
    cuts = np.array([_on_grid(run.at_s, run.cut, withdraw_s) for run in runs])
    cut = np.median(cuts, axis=0)
    return Loss(
        means=Means.BGP,
        users=users,
        cut=cut,
        at_s=_times(cut),
        user_s=tuple(users * _area(row) for row in cuts),
        never=float(cut[-1]),
    )


def together(losses: Sequence[Loss], *, site: str, total: float) -> FailOver:
    """The FailOver of all these groups; total: all users of the service."""
    groups = [loss for loss in losses if loss.users > 0]
    users = sum(loss.users for loss in groups)
    if not groups:
        nothing = Curve(at=(0.0,), share=(0.0,))
        return FailOver(
            site=site, means=Means.UNHURT, affected=0.0, affected_share=0.0, t50_s=0.0, t90_s=0.0, t99_s=0.0,
            never=0.0, user_s=0.0, user_s_low=0.0, user_s_high=0.0, mean_s=0.0, cut=nothing,
        )  # fmt: skip
    cut = sum((loss.users * loss.cut for loss in groups), np.zeros(len(GRID))) / users
    never = sum(loss.users * loss.never for loss in groups) / users
    times = groups[0].at_s if len(groups) == 1 else _times(cut)
    middle, low, high = (
        sum(float(choose(loss.user_s)) for loss in groups) for choose in (np.median, min, max)
    )
    kept = [*range(0, len(GRID), KEPT_EVERY)]
    means = {loss.means for loss in groups}
    return FailOver(
        site=site,
        means=means.pop() if len(means) == 1 else Means.BOTH,
        affected=people(users),
        affected_share=part(users, total),
        **{
            name: None if value is None else round(value, 2)
            for name, value in zip(("t50_s", "t90_s", "t99_s"), times, strict=True)
        },
        never=fraction(never),
        user_s=people(middle),
        user_s_low=people(low),
        user_s_high=people(high),
        mean_s=round(middle / users, 3),
        cut=Curve(
            at=tuple(round(float(GRID[t]), 3) for t in kept),
            share=tuple(fraction(float(cut[t])) for t in kept),
        ),
    )


class Simulator:
    """Runs of `anyplane converge` on one scenario: each starting point is made once and kept."""

    def __init__(
        self,
        scenario: Scenario,
        topology: Topology,
        timing: Timing,
        *,
        seeds: Sequence[int],
        threads: int,
        finished: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.scenario, self.topology, self.timing = scenario, topology, timing
        self.seeds, self.threads, self.finished = seeds, threads, finished
        self.lines = Lines.of(topology, inflation=timing.inflation)
        self._starts: dict[bytes, Start] = {}

    def runs(self, before: Lengths, site: int, clients: Clients, users: Float64) -> list[Run]:
        """A site's seeds are withdrawn from `before`; users: (U,) the weight of each client."""
        start = self._start(before)
        owners = np.array(self.scenario.owners)
        going = np.flatnonzero((owners == site) & (before != OFF))
        is_last = not ((owners >= 0) & (owners != site) & (before != OFF)).any()
        situation = Situation(
            name=self.scenario.sites[site],
            scenario=self.scenario,
            regime=Regime.LAST if is_last else Regime.FAIL_OVER,
            words=f"{self.scenario.sites[site]} dies",
            sites=(site,),
            before=before,
            change=Change(withdraw=tuple(going.tolist())),
        )
        meant = replace(clients, users=users, total=float(users.sum()))
        out: list[Run] = []
        with ThreadPoolExecutor(self.threads) as pool:
            futures = [
                pool.submit(simulate, situation, start, meant, self.timing, seed) for seed in self.seeds
            ]
            for future in futures:
                run = future.result()
                if run is None:
                    raise RuntimeError("a run was stopped, and nobody asked for it")
                out.append(run)
                self.finished(1)
        return out

    def covered(self, before: Lengths, site: int, clients: Clients, users: Float64) -> list[CoveredCut]:
        """The same for a prefix announced as `before` says under one that all sites announce."""
        specific, cover = self._start(before), self._start(lengths_of(self.scenario.seeds))
        going = np.flatnonzero(np.array(self.scenario.owners) == site)

        def one(seed: int) -> CoveredCut:
            return covered_cut(
                specific,
                cover,
                Change(withdraw=tuple(going.tolist())),
                dead=site,
                real_sites=self.scenario.real_sites,
                clients=clients,
                users=users,
                timing=self.timing,
                seed=seed,
                until_s=WINDOW_S,
            )

        out = []
        with ThreadPoolExecutor(self.threads) as pool:
            for run in pool.map(one, self.seeds):
                out.append(run)
                self.finished(1)
        return out

    def _start(self, before: Lengths) -> Start:
        """The starting point, made once; only those of two prefixes are kept."""
        key = before.tobytes()
        if key not in self._starts:
            if len(self._starts) > 1:
                del self._starts[next(iter(self._starts))]
            self._starts[key] = Start(self.topology, self.scenario.seeds, self.lines, before)
        return self._starts[key]


def _times(cut: Float64) -> tuple[float | None, ...]:
    """When each of POINTS is served for good, on GRID; None for never."""
    found: list[float | None] = []
    for point in POINTS:
        cut_off = np.flatnonzero(cut > 1 - point + ROUND_ERROR)
        after = int(cut_off[-1]) + 1 if len(cut_off) else 0
        found.append(float(GRID[after]) if after < len(GRID) else None)
    return tuple(found)


def _area(cut: Float64) -> float:
    """Seconds lost by a user within WINDOW_S, by trapezoids."""
    inside = GRID <= WINDOW_S
    at, value = GRID[inside], cut[inside]
    area = float(((value[1:] + value[:-1]) / 2 * np.diff(at)).sum())
    return area + float(value[-1]) * (WINDOW_S - float(at[-1]))


def _on_grid(at_s: Sequence[float], values: Sequence[float], withdraw_s: float) -> Float64:
    """(T,) these values on GRID; before the withdrawal everybody is cut, after the last one it stays."""
    at = np.searchsorted(np.array(at_s), GRID - withdraw_s + ROUND_ERROR, side="right") - 1
    return np.where(at < 0, 1.0, np.array(values)[np.maximum(at, 0)])


def _cut_of(run: Run) -> list[float]:
    """The share of the affected at the dead site, in a black hole or in a loop, by sample."""
    return [sum(column) for column in zip(*run.curve[2:5], strict=True)]


def _left(run: Run) -> float:
    return _cut_of(run)[-1]


def _end_s(run: Run) -> float:
    return float(SAMPLE_TIMES[len(run.curve[0]) - 1])
