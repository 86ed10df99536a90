"""buying: what each edit of a choice buys: in the best order of making them, and when it is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.search.evaluated import Evaluated
from anyplane.planning.search.marks import RTT
from anyplane.planning.search.order import Order, Worth

MOST_IN_ORDER = 12
"""Edits up to which each next one is the best of those left; beyond, what leaving it out costs decides."""
MOST_FAILURES = 6_000
"""Edits squared times sites up to which failures are reckoned too; beyond, it would take minutes."""
PARTS = ("users without a site or astray", "residency", "load", "objectives")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What one edit buys; see report.EditWorth. uplink: its column in a choice."""

    uplink: int
    gain_ms: float
    mends: tuple[str, ...]
    without_ms: float
    breaks: tuple[str, ...]


def bought(
    evaluated: Evaluated, order: Order, choice: NDArray[np.int16], *, is_hurried: bool = False
) -> tuple[Bought, ...]:
    """One Bought for each edit, in the order in which the edits should be made.

    is_hurried: without failures, and in the order of what leaving out costs.
    """
    changed = np.flatnonzero(choice).tolist()
    if is_hurried or len(changed) ** 2 * evaluated.ground.real_sites > MOST_FAILURES:
        order = replace(order, has_failures=False)
    whole = order.worth(evaluated, choice)
    left_out = np.repeat(choice[np.newaxis, :], len(changed), axis=0)
    left_out[np.arange(len(changed)), changed] = 0
    without = {u: order.worth(evaluated, row) for u, row in zip(changed, left_out, strict=True)}
    rtt = _rtt(evaluated, whole)
    if is_hurried or len(changed) > MOST_IN_ORDER:
        queue = sorted(changed, key=lambda u: without[u], reverse=True)
    else:
        queue = []
    found = []
    at = np.zeros_like(choice)
    before = order.worth(evaluated, at)
    for step in range(len(changed)):
        left = [u for u in changed if at[u] == 0]
        if queue:
            left = [queue[step]]
        made = np.repeat(at[np.newaxis, :], len(left), axis=0)
        made[np.arange(len(left)), left] = choice[left]
        after = order.best(evaluated, made)
        if after is None:  # only of no choices at all
            raise AssertionError(left)
        (uplink,) = (u for u in left if after.choice[u] != at[u])
        found.append(
            Bought(
                uplink=uplink,
                gain_ms=round(_rtt(evaluated, before) - _rtt(evaluated, after), 6),
                mends=_worse(after, before),
                without_ms=round(_rtt(evaluated, without[uplink]) - rtt, 6),
                breaks=_worse(whole, without[uplink]),
            )
        )
        at, before = np.array(after.choice, np.int16), after
    return tuple(found)


def _rtt(evaluated: Evaluated, worth: Worth) -> float:
    return float(evaluated.marks(np.array([worth.choice], np.int16))[0, RTT])


def _worse(good: Worth, bad: Worth) -> tuple[str, ...]:
    """In what of safety and strain the second is worse than the first."""
    pairs = zip(PARTS, good.safety, bad.safety, strict=True)
    found = [name for name, mine, its in pairs if its > mine]
    return (*found, "failures") if bad.strain > good.strain else tuple(found)
