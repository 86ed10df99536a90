"""optimize: Design + Topology -> SearchReport: better announcements for the same sites and upstreams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log10

import numpy as np

from anyplane.calibration.calibration import NOTHING, Calibration
from anyplane.design.design import Design
from anyplane.design.setting import Setting, Uplink
from anyplane.model.errors import UsageError
from anyplane.planning import certainty
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import WITHOUT_DISTANCES
from anyplane.planning.rounding import fraction, people
from anyplane.planning.search import kept
from anyplane.planning.search.buying import bought
from anyplane.planning.search.climb import best_known, climb, descend, finish_leader
from anyplane.planning.search.evaluated import BudgetSpent, Evaluated, Sets, Stopped
from anyplane.planning.search.finalists import BEST, SAFEST, TODAY, Finalist, finalists
from anyplane.planning.search.judged import judged
from anyplane.planning.search.marks import Goal, Ground
from anyplane.planning.search.order import Order, Worth
from anyplane.planning.search.recalibrated import recalibrated
from anyplane.planning.search.report import Calibrated, Choice, SearchReport
from anyplane.planning.search.space import Limits, Space, settings_to_try
from anyplane.planning.variants import variants
from anyplane.topology import Topology

FOR_SAFETY = 0.2
"""Of the budget, for a choice that stands failures better than it has to."""
CAUTION = 0.02
"""Of utilisation: a failure that is this much milder is worth a millisecond or a change, less is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. change_cost_ms: what each uplink that is set otherwise must bring. budget: in sets."""

    goal: Goal = Goal.MEAN
    limits: Limits = field(default_factory=Limits)
    change_cost_ms: float = 0.05
    seed: int = 1
    budget: int = 2000


class Search:
    """One question about one design; `run` answers it, and `turned` says what a row of the answer turns."""

    def __init__(
        self,
        design: Design,
        topology: Topology,
        question: Question,
        *,
        latency: LatencyModel | None = None,
        group: str = "",
        threads: int = 2,
    ) -> None:
        if float(topology.users.sum()) <= 0:
            raise UsageError(
                "this topology knows no users, so no announcement is better than another",
                hint="give them with --users",
            )
        wanted = settings_to_try(design, question.limits)
        scenarios = compile_design(design, topology, group=group)
        if not any(scenario.announcing for scenario in scenarios):
            raise UsageError("nothing is announced", hint="enable a site with an upstream")
        self.design, self.topology, self.question, self.group = design, topology, question, group
        self.made = variants(design, topology, scenarios, wanted)
        self.space = Space(self.made, question.limits)
        self.ground = Ground(
            design, topology, self.made, latency=latency, goal=question.goal, threads=threads
        )
        self.order = Order(change_cost=question.change_cost_ms, bound=self.ground.promised_load)
        self.evaluated: Evaluated | None = None
        self._found: tuple[Finalist, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of all that an evaluated set depends on; see `kept`."""
        return kept.fingerprint(self.ground)

    def run(
        self,
        *,
        known: Sets | None = None,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        calibration: Calibration = NOTHING,
    ) -> SearchReport:
        """The whole report; of what was found until then, when `stop` says so or on KeyboardInterrupt.

        known: sets of an earlier run with the same fingerprint.
        """
        misfits = certainty.misfits(calibration, self.design, self.topology)
        evaluated = Evaluated(
            self.ground, budget=self.question.budget, known=known, stop=stop, progress=progress
        )
        self.evaluated = evaluated
        best, safest, stopped = self._search(evaluated)
        evaluated.is_metered = False
        spent = evaluated.spent
        try:
            rows = self._rows(evaluated, best, safest, calibration, is_hurried=bool(stopped))
        except KeyboardInterrupt:
            stopped = "interrupt"
            rows = self._rows(evaluated, best, safest, calibration, is_hurried=True)
        picked = next(row for row in rows if BEST in row.names)
        question, limits = self.question, self.question.limits
        return SearchReport(
            service=self.design.name,
            design=self.design.file,
            origin_asn=int(self.design.origin),
            load_unit=self.design.load_unit.value,
            internet=self.topology.origin,
            networks=self.topology.networks,
            users=people(float(self.topology.users.sum())),
            goal=question.goal.value,
            change_cost_ms=question.change_cost_ms,
            failure_bound=fraction(self.ground.promised_load),
            turns=tuple(turn.value for turn in limits.turns),
            prepends=limits.prepends,
            keep=limits.keep,
            min_sites=limits.min_sites,
            most_changes=limits.most_changes,
            seed=question.seed,
            budget=question.budget,
            evaluated=spent,
            uplinks=len(self.space.uplinks),
            open_uplinks=len(self.space.open),
            space_log10=round(sum(log10(size) for size in self.space.sizes), 2),
            is_exhaustive=not stopped and self.space.size <= int(question.budget * (1 - self._reserved)),
            stopped=stopped,
            calibration="" if calibration == NOTHING else calibration.origin,
            pick=picked.name,
            choices=rows,
            warnings=tuple(dict.fromkeys((*self._warnings(), *misfits))),
        )

    def _rows(
        self,
        evaluated: Evaluated,
        best: Worth,
        safest: Worth | None,
        calibration: Calibration,
        *,
        is_hurried: bool,
    ) -> tuple[Choice, ...]:
        """The choices of the report. is_hurried: somebody waits; what is known has to do."""
        if best.choice and not is_hurried:
            # The stages on the way there, and those with one edit left out, compete too.
            bought(evaluated, self.order, np.array(best.choice, np.int16))
            finish_leader(evaluated, self.order)
            best = best_known(evaluated, self.order)
        self._found = finalists(evaluated, self.order, best, safest)
        rechecked: tuple[Calibrated | None, ...] = (None,) * len(self._found)
        if calibration != NOTHING:
            rechecked = recalibrated(
                self.design,
                self.topology,
                [self.made[0].settings(one.choice) for one in self._found],
                calibration,
                latency=self.ground.latency,
                group=self.group,
            )
        # What the safest is for, its edits buy: a milder failure, however mild it is already.
        orders = [self._cautious if one.names[0] == SAFEST else self.order for one in self._found]
        stages = [
            bought(evaluated, order, one.choice, is_hurried=is_hurried)
            for order, one in zip(orders, self._found, strict=True)
        ]
        return judged(self.ground, self._found, stages, rechecked)

    def turned(self, name: str) -> Mapping[Uplink, Setting]:
        """The settings that a row of the last report turns; UsageError where there is no such row."""
        for one in self._found:
            if name in one.names:
                return self.made[0].settings(one.choice)
        raise UsageError(
            f"there is no choice {name!r}",
            hint="the rows are " + ", ".join(name for one in self._found for name in one.names),
        )

    @property
    def _cautious(self) -> Order:
        return Order(change_cost=self.order.change_cost, bound=0.0, grain=CAUTION)

    @property
    def _reserved(self) -> float:
        return FOR_SAFETY if self.ground.has_load else 0.0

    def _search(self, evaluated: Evaluated) -> tuple[Worth, Worth | None, str]:
        """(the best, the safest where capacities are known, why it ended early)."""
        rng = np.random.default_rng(self.question.seed)
        stopped, best, safest = "", None, None
        cautious = self._cautious
        try:
            evaluated.budget = int(self.question.budget * (1 - self._reserved))
            best = climb(evaluated, self.space, self.order, rng)
            evaluated.budget, evaluated.is_metered = self.question.budget, True
            if self._reserved and self.space.open:
                safest = cautious.worth(evaluated, np.array(best.choice, np.int16))
                safest = descend(evaluated, self.space, cautious, rng, safest)
        except BudgetSpent:
            pass
        except Stopped:
            stopped = "time"
        except KeyboardInterrupt:
            stopped = "interrupt"
        evaluated.is_metered = False
        if best is None:
            best = self._best(evaluated)
        if safest is not None:
            safest = _safest(evaluated, cautious, safest)
        return best, safest, stopped

    def _best(self, evaluated: Evaluated) -> Worth:
        """Of what was looked at until it was stopped, be it today's choice alone."""
        if not evaluated.sets:
            return self.order.worth(evaluated, self.space.today()[0])
        return best_known(evaluated, self.order)

    def _warnings(self) -> list[str]:
        found = []
        if not self.ground.has_rtt:
            found.append(WITHOUT_DISTANCES)
        if not self.space.open:
            found.append("nothing may be turned: every uplink is kept, or no kind of change fits")
        rule = self.ground.promised
        if rule.worst_failure_load is not None and not self.ground.has_load:
            found.append("worst_failure_load was not judged: it needs load per user and sites' capacities")
        found += [text for one in self.made for text in one.scenario.warnings]
        return found


def _safest(evaluated: Evaluated, order: Order, start: Worth) -> Worth:
    """The safest of those choices whose failures are all known by now."""
    return order.best(evaluated, evaluated.whole(), than=start) or start


__all__ = ["TODAY", "Question", "Search"]
