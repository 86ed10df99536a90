"""covered_cut: packets to a regional prefix under a covering one, while the routes of both converge.

Each router forwards by the longest match: by the regional prefix while it holds a route to it, else by the
covering one. So a packet that has left the stale routes may meet another network that still holds one, and be
sent back: that is walked here, hop by hop, with the state of both prefixes at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Clients
from anyplane.planning.convergence_report import SAMPLE_TIMES
from anyplane.planning.weighted import Float64
from anyplane.routing.converge import Change, Convergence, Start, Timing
from anyplane.routing.routes import NO_NEXT, NO_SITE
from anyplane.routing.state import OFF

Bools = NDArray[np.bool_]
DOUBLINGS = 12
"""2 ** 12 hops; who has not arrived by then goes round in a loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredCut:
    """affected: users of the dead site. at_s, cut: matching; the share of them without service."""

    affected: float
    at_s: tuple[float, ...]
    cut: tuple[float, ...]


def covered_cut(
    specific: Start,
    cover: Start,
    change: Change,
    *,
    dead: int,
    real_sites: int,
    clients: Clients,
    users: Float64,
    timing: Timing,
    seed: int,
    until_s: float,
) -> CoveredCut:
    """One seed. change: the dead site's sessions, of both prefixes; users: (U,) the weight of each client."""
    runs = [Convergence(start, _of(change, start), timing, seed) for start in (specific, cover)]
    seed_site = np.array([one.site for one in cover.seeds.seeds], np.int64)
    answers = (seed_site < real_sites) & (seed_site != dead)
    before = np.where(specific.stable.site == NO_SITE, cover.stable.site, specific.stable.site)
    is_affected = before[clients.pop] == dead
    whose, weight = clients.pop[is_affected], users[is_affected]
    total = float(weight.sum())
    times: list[float] = []
    cut: list[float] = []
    for at in SAMPLE_TIMES:
        if at > until_s:
            break
        if not times or any(run.next_s <= at for run in runs):
            for run in runs:
                run.until(at)
                run.sample(at)
            works = arrives(runs[0].tables.next_hop, runs[1].tables.next_hop, answers)[whose]
            lost = float(weight[~works].sum()) / total if total else 0.0
        times.append(at)
        cut.append(lost)
        if all(run.next_s == float("inf") for run in runs):
            break
    return CoveredCut(affected=total, at_s=tuple(times), cut=tuple(cut))


def arrives(specific: NDArray[np.int32], cover: NDArray[np.int32], answers: Bools) -> Bools:
    """(P,) does a packet from each pop arrive? specific, cover: (P,) next hops as in Routes.

    answers: (K,) does the site behind this seed answer?
    """
    pops = len(specific)
    chosen = np.where(specific != NO_NEXT, specific, cover).astype(np.int64)
    works, nowhere = pops, pops + 1
    onward = np.full(pops + 2, nowhere, np.int64)
    onward[works] = works
    is_seed = (chosen < 0) & (chosen != NO_NEXT)
    onward[:pops] = np.where(chosen >= 0, chosen, nowhere)
    onward[:pops][is_seed] = np.where(answers[-(chosen[is_seed] + 1)], works, nowhere)
    for _ in range(DOUBLINGS):
        onward = onward[onward]
        if (onward[:pops] >= pops).all():
            break
    arrived: Bools = onward[:pops] == works
    return arrived


def _of(change: Change, start: Start) -> Change:
    """What of a change was announced at this start."""
    return Change(withdraw=tuple(k for k in change.withdraw if start.before[k] != OFF))
