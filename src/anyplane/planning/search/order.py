"""Order: which of two choices is better, and the best of many without looking at every failure of each."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.search.evaluated import Evaluated, Failed, safety_of
from anyplane.planning.search.marks import CHANGES, GRAIN, RTT, SAFETY, Marks
from anyplane.planning.variants import Choices

AT_ONCE = 4
"""Choices whose failures are reckoned together; one by one where a design has MANY sites."""
MANY = 32


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Worth:
    """What choices are compared by, in this order; less is better. The choice itself decides at the end.

    safety: harmed, astray, overload, broken of the Marks. strain: how far the worst failure is over what is
    promised. cost: ms of RTT, and what the changes cost.
    """

    safety: tuple[float, ...]
    strain: float
    cost: float
    changes: float
    choice: tuple[int, ...]

    @property
    def is_sound(self) -> bool:
        """Is nothing that was promised broken, and every site within its capacity?"""
        return not any(self.safety) and self.strain == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """change_cost: ms for each uplink set otherwise than today. bound: utilisation that a failure may cause.

    grain: strains that differ by less are equal; 0: every digit counts. has_failures: without, every strain
    is taken for none and nothing is reckoned for it.
    """

    change_cost: float
    bound: float
    grain: float = GRAIN
    has_failures: bool = True

    def cost(self, marks: Marks) -> NDArray[np.float64]:
        """(R,) ms."""
        return np.asarray(np.round(marks[:, RTT] + self.change_cost * marks[:, CHANGES], 6))

    def worth(self, evaluated: Evaluated, choice: NDArray[np.int16]) -> Worth:
        """The Worth of one choice, failures and all."""
        marks = evaluated.marks(choice[np.newaxis, :])
        (failed,) = self._failures(evaluated, choice[np.newaxis, :], np.inf)
        return self._worth(marks[0], float(self.cost(marks)[0]), failed, choice)

    def best(self, evaluated: Evaluated, choices: Choices, *, than: Worth | None = None) -> Worth | None:
        """The best of these choices; None where none is better than `than`.

        Failures are looked at only where they decide: from the cheapest on among those that are equally safe,
        and no further than to the first that stands every failure.
        """
        if not len(choices):
            return None
        marks = evaluated.marks(choices)
        cost = self.cost(marks)
        # Later keys come first for lexsort: the choice's own numbers, changes, cost, safety.
        keys = (*choices.T[::-1], marks[:, CHANGES], cost, *marks[:, :SAFETY].T[::-1])
        ranked = np.lexsort(keys)
        lead = safety_of(marks[ranked[0]])
        if than is not None and lead > than.safety:
            return None
        equal = ranked[(marks[ranked, :SAFETY] == marks[ranked[0], :SAFETY]).all(axis=1)]
        best = than if than is not None and than.safety == lead else None
        found: Worth | None = None
        at_once = 1 if evaluated.ground.real_sites > MANY else AT_ONCE
        for start in range(0, len(equal), at_once):
            some = equal[start : start + at_once]
            if best is not None and best.strain == 0:
                some = some[cost[some] <= best.cost]
                if not len(some):
                    break
            enough = np.inf if best is None else best.strain
            failed = self._failures(evaluated, choices[some], enough)
            for row, one in zip(some.tolist(), failed, strict=True):
                worth = self._worth(marks[row], float(cost[row]), one, choices[row])
                if not one.is_bound and (best is None or worth < best):
                    best = found = worth
        return found

    def _failures(self, evaluated: Evaluated, choices: Choices, enough: float) -> list[Failed]:
        if not self.has_failures:
            return [Failed(excess=0.0, utilisation=0.0, site=-1)] * len(choices)
        return evaluated.failures(choices, bound=self.bound, enough=enough)

    def _worth(
        self, marks: NDArray[np.float64], cost: float, failed: Failed, choice: NDArray[np.int16]
    ) -> Worth:
        strain = failed.excess
        if self.grain:
            strain = round(ceil(round(strain / self.grain, 6)) * self.grain, 6)
        return Worth(
            safety=safety_of(marks),
            strain=strain,
            cost=cost,
            changes=float(marks[CHANGES]),
            choice=tuple(int(option) for option in choice),
        )
