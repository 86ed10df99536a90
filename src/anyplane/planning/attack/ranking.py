"""ranked: every response tried, the one that leaves fewest users hurt first.

One that leans on a site of which no capacity is known comes after all that do not: it looks best
because nothing can drown there, and may be the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from anyplane.planning.attack.harm import Capacities, Harm, harm
from anyplane.planning.attack.orders import orders
from anyplane.planning.attack.origins import LEAST_GBPS, gbps
from anyplane.planning.attack.report import Loads, Outcome
from anyplane.planning.attack.responses import NOTHING, Ground, Kind, Response, pair
from anyplane.planning.attack.sweep import Landing, Sweep
from anyplane.planning.rounding import part, people

LEAST_USERS = 0.05
LEANS = 0.01
"""From this part of the attack on, brought to sites of unknown capacity, a response leans on them."""
BEAM = 3
"""With pairs: so many of the best responses are each tried together with every other."""
Progress = Callable[[int, int], None]
Keep = Callable[[Mapping[str, Landing]], None]


def ranked(
    sweep: Sweep,
    ground: Ground,
    room: Capacities,
    prepared: Sequence[Response],
    *,
    served: float,
    with_pairs: bool,
    threads: int,
    known: Mapping[str, Landing],
    keep: Keep | None,
    progress: Progress | None,
) -> tuple[Outcome, ...]:
    """The Outcomes. served: users that reach a real site as things are now."""
    found = dict(enumerate(sweep.land(prepared, threads=threads, known=known, keep=keep, progress=progress)))
    tried = list(prepared)
    if with_pairs:
        best = _order(sweep, room, [(harm(one, room, served=served), one) for one in found.values()])
        able = [index for index in best if _can_be_paired(tried[index])]
        pairs: dict[frozenset[str], Response] = {}
        for first in able[:BEAM]:
            for second in able:
                both = pair(tried[first], tried[second])
                if both is not None:
                    pairs.setdefault(frozenset((tried[first].name, tried[second].name)), both)
        more = list(pairs.values())
        known = {**known, **{one.name: found[index] for index, one in enumerate(prepared)}}
        for landing in sweep.land(more, threads=threads, known=known, keep=keep, progress=progress):
            found[len(found)] = landing
        tried += more
    harms = [harm(found[index], room, served=served) for index in range(len(tried))]
    nothing = harms[tried.index(NOTHING)].hurt
    order = _order(sweep, room, [(harms[index], found[index]) for index in range(len(tried))])
    return tuple(
        _outcome(sweep, ground, room, tried[index], found[index], harms[index], rank, nothing)
        for rank, index in enumerate(order, start=1)
    )


def _can_be_paired(response: Response) -> bool:
    return response.kind not in (Kind.NOTHING, Kind.POISON)


def _order(sweep: Sweep, room: Capacities, rows: Sequence[tuple[Harm, Landing]]) -> list[int]:
    """What leans on no unknown capacity first; then fewest users hurt; of equals fewest moved, least RTT, and
    what comes first in the list."""

    def key(index: int) -> tuple[bool, float, float, float, int]:
        hurt, landing = rows[index]
        p95 = landing.rtt[2]
        leans = bool(leaned_on(sweep, room, landing))
        return (leans, people(hurt.hurt), people(landing.moved), np.inf if p95 is None else p95, index)

    return sorted(range(len(rows)), key=key)


def leaned_on(sweep: Sweep, room: Capacities, landing: Landing) -> tuple[int, ...]:
    """The sites of unknown capacity that get more of the attack than now, where that is worth naming."""
    more = (landing.by_site[1] - sweep.now.by_site[1])[: len(room.gbps)]
    more[np.isfinite(room.gbps)] = 0.0
    return tuple(np.flatnonzero(more >= LEANS * sweep.totals[1]).tolist())


def _outcome(
    sweep: Sweep,
    ground: Ground,
    room: Capacities,
    response: Response,
    landing: Landing,
    hurt: Harm,
    rank: int,
    nothing: float,
) -> Outcome:
    names = sweep.scenario.sites
    return Outcome(
        rank=rank,
        name=response.name,
        kind=response.kind,
        users_hurt=people(hurt.hurt),
        users_touched=people(hurt.touched),
        users_cut=people(hurt.cut),
        users_saved=people(nothing - hurt.hurt),
        users_moved=people(landing.moved),
        p50_ms=landing.rtt[0],
        p95_ms=landing.rtt[2],
        dropped_gbps=gbps(landing.dropped[1]),
        drowned=tuple(names[s] for s in hurt.drowned),
        unknown=tuple(names[s] for s in leaned_on(sweep, room, landing)),
        loads=site_loads(sweep, room, landing, hurt),
        orders=orders(ground, response, sweep.scenario.prefixes),
    )


def site_loads(sweep: Sweep, room: Capacities, landing: Landing, hurt: Harm) -> Loads:
    """The sites at which a landing brings something else than now, in the design's order."""
    users, now = landing.by_site, sweep.now.by_site
    changed = np.abs(users - now) >= np.array([[LEAST_USERS], [LEAST_GBPS]])
    which = np.flatnonzero(changed[:, : len(room.gbps)].any(axis=0)).tolist()
    return loads_at(sweep, room, landing, hurt, which)


def loads_at(sweep: Sweep, room: Capacities, landing: Landing, hurt: Harm, sites: Sequence[int]) -> Loads:
    """The Loads of these sites."""
    return Loads(
        site=tuple(sweep.scenario.sites[s] for s in sites),
        users=tuple(people(landing.by_site[0, s]) for s in sites),
        attack_gbps=tuple(gbps(hurt.attack[s]) for s in sites),
        utilisation=tuple(utilisation(hurt, room, s) for s in sites),
    )


def utilisation(hurt: Harm, room: Capacities, site: int) -> float | None:
    """Load over capacity, None where none is known."""
    return part(hurt.load[site], room.gbps[site]) if np.isfinite(room.gbps[site]) else None
