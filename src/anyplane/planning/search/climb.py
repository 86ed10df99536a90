"""climb: the best choice of a Space: by counting where it fits the budget, else by a repeatable tabu search.

The tabu search (Glover 1989). From a choice, evaluate every single change (or `BATCH` of them, drawn, where
there are more) and go to the best one, even when it is worse than where we are; an uplink that was just
changed rests for a few steps, so that the walk leaves a valley instead of turning round in it. Whatever beats
the best choice so far becomes it. A walk that has brought nothing for a while ends; the next begins a few
random changes away from the best choice, or, every third time, at one drawn anew. All randomness comes from
one generator and batches do not depend on threads, so the same seed gives the same answer anywhere. Nothing
is reckoned twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.search.evaluated import BudgetSpent, Evaluated
from anyplane.planning.search.marks import CHANGES, SAFETY
from anyplane.planning.search.order import Order, Worth
from anyplane.planning.search.space import Space
from anyplane.planning.variants import Choices

BATCH = 48
"""Choices that are evaluated together: enough for two threads, few enough to climb early."""
PATIENCE = 8
"""Steps without a better choice after which a walk ends; so many for each BATCH of single changes."""
REST = (2, 5)
"""Steps for which a changed uplink rests: from the first to below the second, drawn."""
KICK = 3
"""Uplinks that are changed at random where a new walk begins."""
EVERY_NEW_START = 3
"""Each so many-th walk begins at a choice drawn anew."""
NO_END = 2**62
STALE = 20
"""Walks in a row that lead to nothing new: the space is known."""


def climb(evaluated: Evaluated, space: Space, order: Order, rng: np.random.Generator) -> Worth:
    """The best choice found; at the latest when the budget is spent.

    Stopped (of `evaluated`) and KeyboardInterrupt come through: `best_known` has the answer then.
    """
    today = order.worth(evaluated, space.today()[0])
    if not space.open:
        return today
    try:
        if space.size <= evaluated.budget:
            # All are counted; the failures that must be known to tell which is best come on top.
            evaluated.budget = NO_END
            return order.best(evaluated, space.all(), than=today) or today
        return _search(evaluated, space, order, rng, today)
    except BudgetSpent:
        return best_known(evaluated, order)


def best_known(evaluated: Evaluated, order: Order) -> Worth:
    """The best of all choices whose failures are all known, and today's.

    One that was given up, because a failure of it made it worse than the best until then, is no better; what
    the end of the budget left half looked at is not worth the wait.
    """
    evaluated.is_metered = False
    today = order.worth(evaluated, np.zeros(evaluated.choices().shape[1], np.int16))
    return order.best(evaluated, evaluated.whole(), than=today) or today


def finish_leader(evaluated: Evaluated, order: Order) -> None:
    """Make the failures known of what leads in all that comes before them: the budget may end just there."""
    choices = evaluated.choices()
    marks = evaluated.marks(choices)
    keys = (*choices.T[::-1], marks[:, CHANGES], order.cost(marks), *marks[:, :SAFETY].T[::-1])
    order.worth(evaluated, choices[np.lexsort(keys)[0]])


def _search(
    evaluated: Evaluated, space: Space, order: Order, rng: np.random.Generator, today: Worth
) -> Worth:
    best, start = today, space.today()[0]
    stale = walks = 0
    while stale < STALE:
        before = evaluated.spent
        best = _walk(evaluated, space, order, rng, best, start)
        if len(space.moves()) > BATCH:
            best = descend(evaluated, space, order, rng, best)
        stale = stale + 1 if evaluated.spent == before else 0
        walks += 1
        is_new = walks % EVERY_NEW_START == 0
        start = _drawn(space, rng) if is_new else _kicked(space, best.choice, rng)
    return best


def _walk(
    evaluated: Evaluated,
    space: Space,
    order: Order,
    rng: np.random.Generator,
    best: Worth,
    start: NDArray[np.int16],
) -> Worth:
    moves, at = space.moves(), start
    patience = PATIENCE * -(-len(moves) // BATCH)
    rests_until = np.zeros(len(space.sizes), np.int64)
    idle = step = 0
    while idle < patience:
        step += 1
        some = moves if len(moves) <= BATCH else moves[rng.permutation(len(moves))[:BATCH]]
        near = space.moved(at, some)
        better = order.best(evaluated, near, than=best)
        idle = idle + 1 if better is None else 0
        if better is not None:
            best = better
            to = np.array(better.choice, np.int16)
        else:
            rested = near[~((near != at) & (rests_until >= step)).any(axis=1)]
            if not len(rested):
                continue
            to = _next(evaluated, order, rested, is_strained=best.strain > 0 and not any(best.safety))
        rests_until[to != at] = step + rng.integers(*REST)
        at = to
    return best


def _next(evaluated: Evaluated, order: Order, choices: Choices, *, is_strained: bool) -> NDArray[np.int16]:
    """Where to go. While failures are the worst of it they are looked at; else they cost too much."""
    if is_strained:
        found = order.best(evaluated, choices)
        if found is not None:
            return np.array(found.choice, np.int16)
    marks = evaluated.marks(choices)
    keys = (*choices.T[::-1], marks[:, CHANGES], order.cost(marks), *marks[:, :SAFETY].T[::-1])
    nearest: NDArray[np.int16] = choices[np.lexsort(keys)[0]]
    return nearest


def descend(
    evaluated: Evaluated, space: Space, order: Order, rng: np.random.Generator, worth: Worth
) -> Worth:
    """Down to where no single change brings anything better, all of them tried."""
    moves, idle = space.moves(), 0
    while True:
        shuffled = moves[rng.permutation(len(moves))]
        for start in range(0, len(shuffled), BATCH):
            some = shuffled[start : start + BATCH]
            choice = np.array(worth.choice, np.int16)
            found = order.best(evaluated, space.moved(choice, some), than=worth)
            worth, idle = (worth, idle + len(some)) if found is None else (found, 0)
            if idle >= len(moves):
                return worth


def _kicked(space: Space, choice: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int16]:
    """The choice with KICK random changes; itself where none of ten draws is allowed."""
    for _ in range(10):
        made = np.array(choice, np.int16)
        for u in rng.permutation(np.array(space.open))[:KICK]:
            made[u] = rng.integers(space.sizes[u])
        if space.allowed(made[np.newaxis, :])[0]:
            return made
    return np.asarray(choice, np.int16)


def _drawn(space: Space, rng: np.random.Generator) -> NDArray[np.int16]:
    """A choice drawn anew: each uplink as today or otherwise, with even chances; today's where none fits."""
    today: NDArray[np.int16] = space.today()[0]
    for _ in range(10):
        made = today.copy()
        for u in space.open:
            if rng.random() < 0.5:
                made[u] = rng.integers(space.sizes[u])
        if space.allowed(made[np.newaxis, :])[0]:
            return made
    return today
