"""simulate: one run of one situation: its messages, and a packet of every user at each sample.

Times are known to the distance of two samples (8 %); they are the later of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Clients
from anyplane.planning.convergence_question import Situation
from anyplane.planning.convergence_report import SAMPLE_TIMES, Run
from anyplane.planning.rounding import fraction, people
from anyplane.planning.weighted import quantiles
from anyplane.routing.converge import Convergence, Start, Timing
from anyplane.routing.converge.forwarding import BLACK_HOLE, DEAD, LOOP, WORKING

Float64 = NDArray[np.float64]


def simulate(
    situation: Situation,
    start: Start,
    clients: Clients,
    timing: Timing,
    seed: int,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Run | None:
    """One run; None when it was stopped on the way."""
    run = Convergence(start, situation.change, timing, seed)
    # A virtual site (a blackhole) answers nobody.
    run.site_answers[situation.scenario.real_sites :] = False
    pop, users = clients.pop, clients.users
    first = start.stable.site[pop]
    lost = {fate: np.zeros(len(pop)) for fate in (BLACK_HOLE, LOOP, DEAD)}
    settled, reached = np.zeros(len(pop)), np.zeros(len(pop))
    seen = np.full(len(pop), 255, np.uint8), np.zeros(len(pop), np.uint16)
    fates: list[NDArray[np.uint8]] = []
    is_done = False
    for index, at in enumerate(SAMPLE_TIMES):
        if is_stopped():
            return None
        if at > timing.horizon_s or (is_done and index):
            break
        if not index or run.next_s <= at:
            is_done = run.until(at)
            sample = run.sample(at)
            now = sample.fate[pop], sample.site[pop]
            if index:
                settled[(now[0] != seen[0]) | (now[1] != seen[1])] = at
                reached[(now[0] == WORKING) & (seen[0] != WORKING)] = at
            seen = now
        fates.append(seen[0])
        if not is_done and index + 1 < len(SAMPLE_TIMES):
            for fate, seconds in lost.items():
                seconds[seen[0] == fate] += SAMPLE_TIMES[index + 1] - at
    is_affected = first != seen[1]
    is_helped = is_affected & (seen[0] == WORKING)
    affected = float(users[is_affected].sum())
    # Who is served neither before nor after loses nothing.
    is_client = (first < situation.scenario.real_sites) | (seen[0] == WORKING)
    users = np.where(is_client, users, 0.0)
    is_disturbed = ~is_affected & (lost[BLACK_HOLE] + lost[LOOP] + lost[DEAD] > 0)
    changed = run.changed_s
    touched = changed[changed >= 0]
    return Run(
        situation=situation.name,
        seed=seed,
        **_at_quantiles("t", reached[is_helped], users[is_helped]),
        **_at_quantiles("s", settled[is_affected], users[is_affected]),
        **_at_quantiles("n", touched, np.ones(len(touched))),
        end_s=round(run.last_message_s, 3),
        announcements=run.announcements,
        withdrawals=run.withdrawals,
        networks=len(touched),
        affected_users=people(affected),
        disturbed_users=people(float(users[is_disturbed].sum())),
        unserved_users=people(float(clients.users[seen[0] != WORKING].sum())),
        black_hole_user_s=people(float((lost[BLACK_HOLE] * users).sum())),
        loop_user_s=people(float((lost[LOOP] * users).sum())),
        dead_user_s=people(float((lost[DEAD] * users).sum())),
        is_settled=run.next_s == float("inf"),
        agrees=run.ends_as_predicted(),
        curve=_curve(fates, settled, is_affected, users),
    )


def _at_quantiles(letter: str, at: Float64, weights: Float64) -> dict[str, float]:
    found = quantiles(at, weights, (0.5, 0.9, 0.99)) if weights.sum() > 0 else (-1.0, -1.0, -1.0)
    return {
        f"{letter}{part}_s": round(float(value), 3) for part, value in zip((50, 90, 99), found, strict=True)
    }


def _curve(
    fates: Sequence[NDArray[np.uint8]], settled: Float64, chosen: NDArray[np.bool_], users: Float64
) -> tuple[tuple[float, ...], ...]:
    """Rows: settled, working, dead, black hole, loop; as long as the run, later times are as the last."""
    weights = users[chosen]
    whole = float(weights.sum()) or 1.0
    rows: list[tuple[float, ...]] = []
    order = np.argsort(settled[chosen], kind="stable")
    running = np.concatenate([[0.0], np.cumsum(weights[order])])
    by = np.searchsorted(settled[chosen][order], SAMPLE_TIMES[: len(fates)], side="right")
    rows.append(tuple(fraction(float(running[at]) / whole) for at in by))
    for fate in (WORKING, DEAD, BLACK_HOLE, LOOP):
        rows.append(tuple(fraction(float(weights[now[chosen] == fate].sum()) / whole) for now in fates))
    return tuple(rows)
