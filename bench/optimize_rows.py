"""The row about search: fifteen sites with two upstreams and four prepends each, on the full graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anyplane import design
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.search.marks import Ground
from anyplane.planning.search.space import Limits, Space, Turn, settings_to_try
from anyplane.planning.variants import variants
from anyplane.routing.frontier import Engine
from bench.internet import DESIGN, Internet
from bench.measured import Measured, of_calls

SITES = 15
SETS = 96


def sets(internet: Internet, runs: int, _full: bool) -> Measured:
    """One announcement set of a search: routed, users by site, RTT, residency; two threads, of SETS drawn."""
    parsed = design.parse(DESIGN.read_text(encoding="utf-8"), file=DESIGN.name)
    parsed = replace(parsed, sites=parsed.sites[:SITES])
    topology = internet.placed
    limits = Limits(turns=(Turn.PREPEND,))
    made = variants(parsed, topology, compile_design(parsed, topology), settings_to_try(parsed, limits))
    ground, space = Ground(parsed, topology, made, threads=2), Space(made, limits)
    rng = np.random.default_rng(1)
    choices = np.stack([[rng.integers(size) for size in space.sizes] for _ in range(SETS)]).astype(np.int16)
    engine = Engine(topology, made[0].scenario.seeds)
    row = made[0].rows(choices[:1])[0]
    engine.run(row, reuse=True)
    measured = of_calls(
        lambda: ground.marks(choices),
        lambda: engine.run(row, reuse=True),
        runs=runs,
        against="one stable state, one thread",
        share=1 / SETS,
    )
    return replace(measured, note=f"{1 / measured.median:.0f} sets a second")
