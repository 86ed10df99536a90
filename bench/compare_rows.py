"""The rows about comparing ways: twenty sites on the full graph, with and without a failure in time."""

from __future__ import annotations

from anyplane import design
from anyplane.planning.alternatives.compare import Question, compare
from anyplane.planning.plan import plan
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls


def ways(internet: Internet, runs: int, _full: bool) -> Measured:
    """Five ways with every site's failure, all over; two threads, against `plan` of the same design."""
    return _measured(internet, runs, Question(has_failover=False))


def failing(internet: Internet, runs: int, _full: bool) -> Measured:
    """The same with one site and one lone region dying, five seeds each."""
    return _measured(internet, max(1, runs // 2), Question(fail="fra"))


def _measured(internet: Internet, runs: int, question: Question) -> Measured:
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    topology = internet.placed
    report = compare(parsed, topology, question)
    return of_calls(
        lambda: compare(parsed, topology, question),
        lambda: plan(parsed, topology),
        runs=runs,
        against="plan with failures",
        note=f"recommends {report.recommendation.way.value}",
    )
