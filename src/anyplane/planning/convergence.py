"""converge: how long until users are where a change of announcements sends them, and what they lose.

Each situation (`convergence_question`) is run once for each seed (`convergence_run`); here the runs are made,
in threads and from where an earlier command stopped, and put together as a report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design
from anyplane.planning import convergence_report as results
from anyplane.planning.broken_sessions import DEFAULT, FIRST_EXCHANGE_S, Event, Service, sessions
from anyplane.planning.catchment import Clients
from anyplane.planning.convergence_question import Situation
from anyplane.planning.convergence_report import (
    SAMPLE_TIMES,
    ConvergenceReport,
    Regime,
    Run,
    SituationReport,
    Spread,
)
from anyplane.planning.convergence_run import simulate
from anyplane.planning.rounding import fraction, people
from anyplane.routing.converge import Lines, Start, Timing
from anyplane.topology import Topology


def converge(
    design: Design,
    topology: Topology,
    asked: Sequence[Situation],
    *,
    timing: Timing,
    seeds: int,
    threads: int = 1,
    services: Sequence[Service] = DEFAULT,
    changes_per_day: float = 0.01,
    known: Sequence[Run] = (),
    finished: Callable[[Run, int, int], None] | None = None,
) -> ConvergenceReport:
    """The report on these situations, each run with seeds 1 to `seeds`.

    known: runs that were done before. finished: told of every new run, with how many are done and are to be
    done; a KeyboardInterrupt ends the work, and the report is made of what is done (`is_partial`). The result
    does not depend on threads.
    """
    runs = {(run.situation, run.seed): run for run in known}
    wanted = [(item, seed) for item in asked for seed in range(1, seeds + 1)]
    open_ones = [(item, seed) for item, seed in wanted if (item.name, seed) not in runs]
    is_interrupted = False
    stopped: list[bool] = []
    lines = Lines.of(topology, inflation=timing.inflation)
    for item in asked:
        mine = [seed for other, seed in open_ones if other.name == item.name]
        if not mine or is_interrupted:
            continue
        start = Start(topology, item.scenario.seeds, lines, item.before)
        clients = Clients.of(topology, item.scenario.audience)
        with ThreadPoolExecutor(threads) as pool:
            futures = [
                pool.submit(simulate, item, start, clients, timing, seed, lambda: bool(stopped))
                for seed in mine
            ]
            try:
                for future in as_completed(futures):
                    run = future.result()
                    if run is not None:
                        runs[run.situation, run.seed] = run
                        if finished is not None:
                            finished(run, len(runs), len(wanted))
            except KeyboardInterrupt:
                is_interrupted = True
                stopped.append(True)
                pool.shutdown(cancel_futures=True)
    reports = []
    for item in asked:
        done = [runs[item.name, seed] for seed in range(1, seeds + 1) if (item.name, seed) in runs]
        if done:
            clients = Clients.of(topology, item.scenario.audience)
            reports.append(_situation_report(item, done, clients.total, services, changes_per_day))
    return ConvergenceReport(
        version=results.VERSION,
        service=design.name,
        design=design.file,
        origin_asn=int(design.origin),
        internet=topology.origin,
        networks=topology.networks,
        total_users=people(float(topology.users.sum())),
        planned_seeds=seeds,
        is_partial=is_interrupted,
        assumptions=_assumptions(timing, changes_per_day),
        situations=tuple(reports),
        warnings=_warnings(asked, reports),
    )


def _situation_report(
    item: Situation, runs: Sequence[Run], users: float, services: Sequence[Service], changes_per_day: float
) -> SituationReport:
    first = runs[0]
    affected = first.affected_users
    curve = curve_of(runs)
    lost = _spread([run.black_hole_user_s + run.loop_user_s + run.dead_user_s for run in runs]).median
    event = Event(
        users=users,
        at_s=np.array(curve.at_s),
        moved_by=np.array(curve.settled) * affected,
        lost_user_s=lost if item.regime is Regime.FAIL_OVER else 0.0,
    )

    def spread(name: str) -> Spread:
        return _spread([float(getattr(run, name)) for run in runs])

    def time(name: str) -> Spread | None:
        return spread(name) if getattr(first, name) >= 0 else None

    def mean_s(name: str) -> float:
        return round(spread(name).median / affected, 3) if affected else 0.0

    return SituationReport(
        name=item.name,
        scenario=item.scenario.name,
        regime=item.regime,
        words=item.words,
        sites=tuple(item.scenario.sites[site] for site in item.sites),
        users=people(users),
        affected_users=affected,
        affected_share=fraction(affected / users) if users else 0.0,
        unserved_users=first.unserved_users,
        seeds=len(runs),
        t50_s=time("t50_s"),
        t90_s=time("t90_s"),
        t99_s=time("t99_s"),
        s50_s=time("s50_s"),
        s90_s=time("s90_s"),
        s99_s=time("s99_s"),
        n50_s=time("n50_s"),
        n90_s=time("n90_s"),
        n99_s=time("n99_s"),
        end_s=spread("end_s"),
        announcements=spread("announcements"),
        withdrawals=spread("withdrawals"),
        networks=spread("networks"),
        disturbed_users=spread("disturbed_users"),
        black_hole_user_s=spread("black_hole_user_s"),
        loop_user_s=spread("loop_user_s"),
        dead_user_s=spread("dead_user_s"),
        messages=_spread([float(run.announcements + run.withdrawals) for run in runs]),
        black_hole_s=mean_s("black_hole_user_s"),
        loop_s=mean_s("loop_user_s"),
        dead_s=mean_s("dead_user_s"),
        stable=sum(run.agrees for run in runs),
        unsettled=sum(not run.is_settled for run in runs),
        curve=curve,
        sessions=sessions(services, event, changes_per_day=changes_per_day),
        runs=tuple(runs),
    )


def curve_of(runs: Sequence[Run]) -> results.Curve:
    """The runs' curves as one: median, least and most at each time, until the longest one ends."""
    length = max(len(run.curve[0]) for run in runs)
    stacked = np.array(
        [[(*row, *[row[-1]] * (length - len(row))) for row in run.curve] for run in runs]
    )  # (runs, rows, times)
    middle = np.median(stacked, axis=0)

    def row(values: NDArray[np.float64]) -> tuple[float, ...]:
        return tuple(fraction(float(value)) for value in values)

    return results.Curve(
        at_s=SAMPLE_TIMES[:length],
        working=row(middle[1]),
        working_low=row(stacked[:, 1].min(axis=0)),
        working_high=row(stacked[:, 1].max(axis=0)),
        settled=row(middle[0]),
        settled_low=row(stacked[:, 0].min(axis=0)),
        settled_high=row(stacked[:, 0].max(axis=0)),
        dead=row(middle[2]),
        black_hole=row(middle[3]),
        loop=row(middle[4]),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(
        median=round(float(np.median(values)), 3), low=round(min(values), 3), high=round(max(values), 3)
    )


def _assumptions(timing: Timing, changes_per_day: float) -> results.Assumptions:
    return results.Assumptions(
        mrai=tuple(results.Interval(mrai_s=seconds, share=share) for seconds, share in timing.mrai),
        jitter_low=timing.jitter[0],
        jitter_high=timing.jitter[1],
        busy=timing.busy,
        withdrawals_wait=timing.withdrawals_wait,
        processing_s=timing.processing_s,
        processing_sigma=timing.processing_sigma,
        inflation=timing.inflation,
        damping=timing.damping.name if timing.damping else "off",
        damping_share=timing.damping_share,
        horizon_s=timing.horizon_s,
        changes_per_day=changes_per_day,
        first_exchange_s=FIRST_EXCHANGE_S,
    )


def _warnings(asked: Sequence[Situation], reports: Sequence[SituationReport]) -> tuple[str, ...]:
    found = [text for item in asked for text in item.scenario.warnings]
    for report in reports:
        if report.unsettled:
            found.append(
                f"{report.name}: {report.unsettled} of {report.seeds} runs were not over at the horizon"
            )
        elif report.stable < report.seeds:
            found.append(
                f"{report.name}: {report.seeds - report.stable} of {report.seeds} runs ended in another "
                "stable state than the intended one (a wedgie, RFC 4264: a lowered preference has several)"
            )
        if not report.affected_users:
            found.append(f"{report.name}: no user is affected by it")
    return tuple(dict.fromkeys(found))
