"""finalists: the few choices worth showing: of all that were looked at, those that none dominates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.search.evaluated import Evaluated
from anyplane.planning.search.marks import BROKEN, CHANGES, RTT, SAFETY
from anyplane.planning.search.order import Order, Worth

TODAY, BEST, NEAREST, SAFEST = "today", "best", "nearest", "safest"
FEW = (1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A choice and what it is called. utilisation: of the fullest site in the worst failure."""

    names: tuple[str, ...]
    choice: NDArray[np.int16]
    worth: Worth
    utilisation: float


def finalists(evaluated: Evaluated, order: Order, best: Worth, safest: Worth | None) -> tuple[Finalist, ...]:
    """Today's choice first, then at most five others, by changes.

    best: by the whole order. "1 change", "3 changes": the best of those with so few. nearest: least RTT,
    whatever it takes in changes, nothing less safe than `best`. safest: least utilisation in the worst single
    failure. One that is dominated (none of safety, strain, RTT, worst utilisation and changes is better than
    another's) is left out; of equal ones the first name counts, the others are kept beside it. All are
    among those whose failures are all known: so none is better than `best`.
    """
    choices = evaluated.whole()
    marks = evaluated.marks(choices)
    today = order.worth(evaluated, np.zeros(choices.shape[1], np.int16))
    named: list[tuple[str, Worth]] = [(TODAY, today), (BEST, best)]
    for most in FEW:
        few = choices[marks[:, CHANGES] <= most]
        found = order.best(evaluated, few, than=today)
        if found is not None:
            changes = int(found.changes)
            named.append((f"{changes} change{'s' if changes > 1 else ''}", found))
    safe = choices[(marks[:, :SAFETY] == np.array(best.safety)).all(axis=1)]
    nearest = replace(order, change_cost=0.0).best(evaluated, safe)
    if nearest is not None and nearest.strain <= best.strain:
        named.append((NEAREST, nearest))
    if safest is not None:
        named.append((SAFEST, safest))
    merged: dict[tuple[int, ...], list[str]] = {}
    for name, worth in named:
        names = merged.setdefault(worth.choice, [])
        if name not in names:
            names.append(name)
    made = [
        _finalist(evaluated, order, tuple(names), np.array(choice, np.int16))
        for choice, names in merged.items()
    ]
    if safest is not None:
        made = _named_safest(made, best)
    points = [_point(evaluated, one) for one in made]
    kept = [
        one
        for one, point in zip(made, points, strict=True)
        if one.names[0] in (TODAY, BEST) or not any(_dominates(other, point) for other in points)
    ]
    return (kept[0], *sorted(kept[1:], key=lambda one: (one.worth.changes, one.worth)))


def _named_safest(made: list[Finalist], best: Worth) -> list[Finalist]:
    """The name goes to the least utilisation of those that harm nobody and overload no more than `best`.

    The search for it puts objectives first, so another row may stand failures better.
    """
    fit = [one for one in made if one.worth.safety[:BROKEN] <= best.safety[:BROKEN]]
    least = min(fit, key=lambda one: (one.utilisation, SAFEST not in one.names, one.worth))
    named = []
    for one in made:
        names = tuple(name for name in one.names if name != SAFEST)
        if one is least:
            names = (*names, SAFEST)
        if names:
            named.append(replace(one, names=names))
    return named


def _finalist(
    evaluated: Evaluated, order: Order, names: tuple[str, ...], choice: NDArray[np.int16]
) -> Finalist:
    (failed,) = evaluated.failures(choice[np.newaxis, :], bound=order.bound)
    return Finalist(
        names=names,
        choice=choice,
        worth=order.worth(evaluated, choice),
        utilisation=failed.utilisation,
    )


def _point(evaluated: Evaluated, one: Finalist) -> tuple[float, ...]:
    rtt = float(evaluated.marks(one.choice[np.newaxis, :])[0, RTT])
    return (*one.worth.safety, one.worth.strain, rtt, one.utilisation, one.worth.changes)


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
