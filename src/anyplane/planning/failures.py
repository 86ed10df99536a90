"""failures: what happens when one site is gone, out of the tallies before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyplane.planning.report import Failure, Takeover
from anyplane.planning.rounding import fraction, part, people
from anyplane.planning.tally import Tally
from anyplane.planning.weighted import Float64

LEAST_GAIN = 0.05
"""Users; less is the noise of sums."""
FULL = 1.0


def failure(
    before: Tally,
    after: Tally,
    failed: int,
    *,
    names: Sequence[str],
    load_per_user: float | None,
    capacities: Sequence[float | None],
    other_loads: Float64,
) -> Failure:
    """The Failure of site number `failed`; other_loads: (S,) of the other scenarios in the same failure."""
    gained = after.users - before.users
    moved = float(before.users[failed])
    loads = after.users * load_per_user if load_per_user is not None else None
    utilisation: list[float | None] = [None] * len(names)
    if loads is not None:
        for s, capacity in enumerate(capacities):
            if capacity and s != failed:
                utilisation[s] = fraction((float(loads[s]) + float(other_loads[s])) / capacity)

    others = [s for s in range(len(names)) if s != failed]
    touched = [s for s in others if abs(float(gained[s])) >= LEAST_GAIN]
    touched.sort(key=lambda s: (-float(gained[s]), s))
    lost_service = max(0.0, after.unreached - before.unreached)
    moving = sum(max(0.0, float(gained[s])) for s in others) + lost_service
    takeovers = tuple(
        Takeover(
            site=names[s],
            users=people(after.users[s]),
            gained=people(gained[s]),
            share_of_moved=part(float(gained[s]), moving),
            load=None if loads is None else people(loads[s]),
            utilisation=utilisation[s],
            is_overloaded=(utilisation[s] or 0.0) > FULL,
        )
        for s in touched
    )
    known = [(value, -s) for s, value in enumerate(utilisation) if value is not None]
    worst = max(known) if known else None
    return Failure(
        site=names[failed],
        moved=people(moved),
        takeovers=takeovers,
        rtt=after.rtt,
        unreached=people(after.unreached),
        newly_unreached=people(lost_service),
        worst_site=None if worst is None else names[-worst[1]],
        worst_utilisation=None if worst is None else worst[0],
        overloaded=tuple(names[s] for s in others if (utilisation[s] or 0.0) > FULL),
        also_moved=people(max(0.0, moving - moved)),
    )


def loads_of(result: Tally, load_per_user: float | None, sites: int) -> Float64:
    """(sites,) the load on the first sites, zeros where no load per user is given."""
    if load_per_user is None:
        return np.zeros(sites)
    return result.users[:sites] * load_per_user
