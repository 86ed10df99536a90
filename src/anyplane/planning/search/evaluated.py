"""Evaluated: every announcement set that was looked at, kept; what the search asks instead of the Ground.

One *set* is a choice, or a choice with one site failed: one run of routing for each scenario. The budget is
counted in sets that were asked for, whether they were reckoned now or read from a file of an earlier run: so
an interrupted search that goes on ends exactly where an uninterrupted one does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.search.marks import SAFETY, Ground, Marks
from anyplane.planning.variants import Choices
from anyplane.planning.weighted import Float64

Key = bytes
"""A choice as its int16 numbers."""
BASE = -1
"""As the failed site of a set: none."""
Sets = dict[tuple[Key, int], tuple[float, ...]]
"""(choice, failed site) -> its Marks, or the utilisation and what was missed of its Strain."""


class BudgetSpent(Exception):  # noqa: N818  # it reads as what it says
    """No more sets may be evaluated."""


class Stopped(Exception):  # noqa: N818
    """The time is over, or somebody wants the answer now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worst of a choice's failures. excess: how far over what is promised, utilisation and p95 RTT added.

    utilisation: of the fullest site in the failure of `site`; is_bound: not every failure was looked at,
    because these alone are already worse than was asked.
    """

    excess: float
    utilisation: float
    site: int
    is_bound: bool = False


class Evaluated:
    """Answers from memory where it can, else from the Ground in one batch."""

    def __init__(
        self,
        ground: Ground,
        *,
        budget: int,
        known: Mapping[tuple[Key, int], tuple[float, ...]] | None = None,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> None:
        self.ground, self.budget, self.stop, self.progress = ground, budget, stop, progress
        self.sets: Sets = {}
        self.routed = 0
        self.is_metered = True
        self._known = dict(known or {})
        self._suspects: list[int] = []
        """Sites whose failure was lately the worst, the worst first: looked at first."""

    @property
    def spent(self) -> int:
        """Sets asked for so far."""
        return len(self.sets)

    def kept(self) -> Sets:
        """All that is known, for a file to go on from."""
        return {**self._known, **self.sets}

    def choices(self) -> Choices:
        """(R, U) every choice asked for, in the order of asking."""
        return np.array([choice_of(key) for key, failed in self.sets if failed == BASE], np.int16)

    def whole(self) -> Choices:
        """(R, U) those of them of which every failure was asked for too."""
        choices = self.choices()
        if not self.ground.has_strain or not len(choices):
            return choices
        failures = Counter(key for key, failed in self.sets if failed != BASE)
        wanted = self.ground.announcing(choices).sum(axis=1).tolist()
        keys = keys_of(choices)
        known = [r for r, key in enumerate(keys) if failures[key] == wanted[r]]
        return choices[known]

    def marks(self, choices: Choices) -> Marks:
        """(R, 6) the Marks of these choices."""
        keys = keys_of(choices)
        if any((key, BASE) not in self.sets for key in keys):
            self._ask(keys, choices, [BASE] * len(choices))
        return np.array([self.sets[key, BASE] for key in keys]).reshape(len(choices), -1)

    def failures(self, choices: Choices, *, bound: float, enough: float = np.inf) -> list[Failed]:
        """The worst failure of each choice, held against a utilisation of `bound`.

        A choice whose excess is above `enough` is given up as soon as that is known.
        """
        if not self.ground.has_strain:
            return [Failed(excess=0.0, utilisation=0.0, site=-1)] * len(choices)
        keys, there = keys_of(choices), self.ground.announcing(choices)
        found = [Failed(excess=0.0, utilisation=0.0, site=-1)] * len(choices)
        sites = [s for s in range(there.shape[1]) if there[:, s].any()]
        queue = [s for s in self._suspects if s in sites]
        queue += [s for s in sites if s not in queue]
        alive = np.arange(len(choices))
        at, width = 0, 1 if np.isfinite(enough) and self._suspects else len(queue)
        while at < len(queue) and len(alive):
            asked = queue[at : at + width]
            rows = np.array([(r, s) for r in alive.tolist() for s in asked if there[r, s]], np.int64)
            if len(rows):
                self._ask([keys[r] for r in rows[:, 0]], choices[rows[:, 0]], rows[:, 1].tolist())
            for r, s in rows.tolist():
                utilisation, missed = self.sets[keys[r], s]
                excess = round(max(0.0, utilisation - bound) + missed, 6)
                if (excess, utilisation) > (found[r].excess, found[r].utilisation) or found[r].site < 0:
                    found[r] = Failed(excess=excess, utilisation=utilisation, site=s)
            at += width
            width *= 3
            gone = [r for r in alive.tolist() if found[r].excess > enough]
            if at < len(queue):
                for r in gone:
                    found[r] = replace(found[r], is_bound=True)
            alive = np.array([r for r in alive.tolist() if r not in gone], np.int64)
        for worst in found:
            if worst.site >= 0 and worst.excess > 0:
                self._suspects = [worst.site, *(s for s in self._suspects if s != worst.site)]
        return found

    def _ask(self, keys: list[Key], choices: Choices, failed: list[int]) -> None:
        wanted = {key: row for row, key in enumerate(zip(keys, failed, strict=True))}
        new = [key for key in wanted if key not in self.sets]
        if not new:
            return
        is_too_much = self.is_metered and self.spent + len(new) > self.budget
        if self.is_metered and self.stop():
            raise Stopped
        if is_too_much:
            new = new[: max(0, self.budget - self.spent)]
        self._reckon(new, wanted, choices)
        if is_too_much:
            raise BudgetSpent

    def _reckon(
        self, new: list[tuple[Key, int]], wanted: dict[tuple[Key, int], int], choices: Choices
    ) -> None:
        reckon = [key for key in new if key not in self._known]
        fresh: Sets = {}
        base = [key for key in reckon if key[1] == BASE]
        if base:
            marks = self.ground.marks(choices[[wanted[key] for key in base]])
            fresh |= {key: tuple(values) for key, values in zip(base, marks.tolist(), strict=True)}
        after = [key for key in reckon if key[1] != BASE]
        if after:
            sites = np.array([site for _, site in after], np.int64)
            strain = self.ground.strain(choices[[wanted[key] for key in after]], sites)
            columns = zip(strain.utilisation.tolist(), strain.missed.tolist(), strict=True)
            fresh |= dict(zip(after, columns, strict=True))
        self.routed += len(reckon)
        for key in new:
            self.sets[key] = fresh[key] if key in fresh else self._known[key]
        if new:
            self.progress(self.spent, self.budget)


def key_of(choice: NDArray[np.int16]) -> Key:
    """The choice as bytes, the same on every machine."""
    return choice.astype("<i2").tobytes()


def keys_of(choices: Choices) -> list[Key]:
    """The key of each choice."""
    return [row.tobytes() for row in np.ascontiguousarray(choices.astype("<i2"))]


def choice_of(key: Key) -> NDArray[np.int16]:
    """The way back."""
    return np.frombuffer(key, "<i2").astype(np.int16)


def safety_of(marks: Float64) -> tuple[float, ...]:
    """What comes before everything else, of one row of Marks."""
    return tuple(marks[:SAFETY].tolist())
