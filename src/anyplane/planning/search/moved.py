"""moved: who changes site from one state of routing to another, and how much of a gain is certain."""

from __future__ import annotations

import numpy as np

from anyplane.planning.catchment import Clients, catchment
from anyplane.planning.latency import LatencyModel
from anyplane.routing import Routes, expected

MOST_BYTES = 400_000_000
"""Of the probabilities of each site at each pop, twice; beyond, the expected number is left out."""


def moved(
    before: Routes, after: Routes, clients: Clients, *, latency: LatencyModel, real_sites: int
) -> tuple[float, float | None, float, float, float]:
    """(users moved certainly, by even draws, possibly; ms gained in the mean; the certain part of it).

    Certainly: no site is possible both before and after. By even draws: the least that must move for the
    shares at each pop to become what they are (half the sum of their differences). Possibly: all but those
    who have one possible site, the same before and after. The gain is of users served before and after, over
    these; its certain part is that of users who have one possible site before and one after.
    """
    first = catchment(before, clients, latency=latency, real_sites=real_sites)
    then = catchment(after, clients, latency=latency, real_sites=real_sites)
    users = clients.users
    shared = (first.possible & then.possible).any(axis=1)
    same = (first.possible == then.possible).all(axis=1)
    reached = (first.choices > 0) | (then.choices > 0)
    certain = float(users[reached & ~shared].sum())
    possible = float(users[reached & ~(same & (first.choices == 1))].sum())
    both = first.is_served & then.is_served
    total = float(users[both].sum())
    gains = np.where(both, users, 0.0) * np.where(both, _finite(first.rtt) - _finite(then.rtt), 0.0)
    sure = (first.choices == 1) & (then.choices == 1)
    gain = float(gains.sum()) / total if total else 0.0
    gain_sure = float(gains[sure].sum()) / total if total else 0.0
    even: float | None = None
    if 8 * before.seeds.sites * len(before.site) <= MOST_BYTES:
        differences = np.abs(expected(before)[clients.pop] - expected(after)[clients.pop]).sum(axis=1)
        even = float(users @ differences.astype(np.float64)) / 2.0
        even = min(max(even, certain), possible)
    return certain, even, possible, gain, gain_sure


def _finite(
    rtt: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.where(np.isfinite(rtt), rtt, 0.0)
