"""The row about new sites: the first step of `optimize --add-site` on the full graph, for twenty sites."""

from __future__ import annotations

from anyplane import design
from anyplane.planning.latency import LatencyModel
from anyplane.planning.search.new_sites import Search
from anyplane.planning.search.new_sites_wish import Wish
from anyplane.routing import propagate
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls


def first_site(internet: Internet, runs: int, _full: bool) -> Measured:
    """Every candidate metro and the best with every set of upstreams, two threads."""
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    topology = internet.placed
    search = Search(parsed, topology, Wish(), latency=LatencyModel())
    step = search.step()

    def whole() -> None:
        Search(parsed, topology, Wish(), latency=LatencyModel()).step()

    return of_calls(
        whole,
        lambda: propagate(topology, search.scenario.seeds),
        runs=runs,
        against="one propagation",
        note=f"{step.sets:,} announcement sets, {len(step.by_metro)} of {step.metros} metros",
    )
