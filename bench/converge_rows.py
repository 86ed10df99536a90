"""The rows about convergence: one site and every site withdrawn on the full graph, one core."""

from __future__ import annotations

from anyplane import design
from anyplane.planning.catchment import Clients
from anyplane.planning.convergence_question import ALL, Question, Situation, situations
from anyplane.planning.convergence_run import simulate
from anyplane.routing.converge import Convergence, Lines, Start, Timing
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls

SITE = "nyc"


def one(internet: Internet, runs: int, _full: bool) -> Measured:
    """One site of twenty, the others two prepends longer, so that half of the Internet has to be told."""
    return _measured(internet, runs, Question(withdraw=SITE, others_prepend=2, with_last=False))


def last(internet: Internet, runs: int, _full: bool) -> Measured:
    """All twenty at once."""
    return _measured(internet, max(1, runs // 2), Question(withdraw=ALL))


def _measured(internet: Internet, runs: int, question: Question) -> Measured:
    (item,) = _situations(internet, question)
    topology = internet.placed
    timing = Timing()
    lines = Lines.of(topology, inflation=timing.inflation)
    clients = Clients.of(topology)
    start = Start(topology, item.scenario.seeds, lines, item.before)
    counted = Convergence(start, item.change, timing, 1)
    counted.until(timing.horizon_s)
    messages = counted.announcements + counted.withdrawals

    def whole() -> None:
        fresh = Start(topology, item.scenario.seeds, lines, item.before)
        simulate(item, fresh, clients, timing, 1)

    return of_calls(
        whole,
        start.engine.run,
        runs=runs,
        against="one stable state",
        note=f"{messages:,} messages, last after {counted.last_message_s:.0f} s",
    )


def _situations(internet: Internet, question: Question) -> tuple[Situation, ...]:
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    return situations(parsed, internet.placed, question)
