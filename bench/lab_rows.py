"""The rows about the lab: real routers with delays up until they agree; worlds held to the definition."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from anyplane.datasets.world import countries, known_ixps, known_networks, metros
from bench.internet import ROOT, Internet
from bench.measured import Measured

DESIGN = ROOT / "examples" / "two-sites.yaml"
WORLDS = 5


def up_60(_internet: Internet, runs: int, _full: bool) -> Measured:
    """60 routers with delays."""
    return _up(60, runs)


def up_200(_internet: Internet, runs: int, _full: bool) -> Measured:
    """200 routers with delays."""
    return _up(200, runs)


def up_500(_internet: Internet, runs: int, _full: bool) -> Measured:
    """500 routers with delays."""
    return _up(500, runs)


def worlds(_internet: Internet, runs: int, _full: bool) -> Measured:
    """Random worlds of 30 routers, brought up, asked and held; beside the same routers up, asked nothing."""
    from anyplane.lab.container.client import Lab
    from anyplane.lab.proof.compare import compared
    from anyplane.lab.proof.random_worlds import random_world
    from anyplane.lab.world.build import build

    took: list[float] = []
    unasked: list[float] = []
    different = 0
    with own_place():
        for seed in range(1 + WORLDS * min(runs, 3)):
            world = random_world(seed)
            begin = time.perf_counter()
            different += len(compared(world).differences)
            between = time.perf_counter()
            blueprint = build(world.design, world.topology, name=f"bench-{seed}", has_delays=False)
            with Lab.up(replace(blueprint, design_text="")):
                pass
            if seed:  # the first one imports
                took.append(between - begin)
                unasked.append(time.perf_counter() - between)
    each = statistics.median(took)
    return Measured(
        seconds=tuple(took),
        ratio=each / statistics.median(unasked),
        against="its routers up, without sites",
        note=f"{60 / each:.0f} a minute, {different} differences",
    )


def _up(routers: int, runs: int) -> Measured:
    """As `lab up` has it, beside the same lab without delays; planning it is not counted."""
    from anyplane.design import parse
    from anyplane.lab.container.client import Lab
    from anyplane.lab.world.build import build
    from anyplane.lab.world.prepared import CLIENTS, speaking
    from anyplane.planning.reduction import reduced
    from anyplane.topology.synthetic import synthesize

    design = parse(DESIGN.read_text(encoding="utf-8"))
    internet = synthesize(
        10_000,
        rng=np.random.default_rng(1),
        metros=metros(),
        known_networks=known_networks(),
        known_ixps=known_ixps(),
        countries=countries(),
    )
    small = speaking(reduced(design, internet, routers=routers), clients=CLIENTS)
    took: dict[bool, list[float]] = {True: [], False: []}
    with own_place():
        for _ in range(min(runs, 3)):
            for has_delays in (True, False):
                blueprint = build(
                    design,
                    small.topology,
                    name=f"bench-{routers}",
                    has_delays=has_delays,
                    clients=small.clients,
                )
                begin = time.perf_counter()
                with Lab.up(blueprint):
                    took[has_delays].append(time.perf_counter() - begin)
    mine, plain = (statistics.median(took[has_delays]) for has_delays in (True, False))
    return Measured(
        seconds=tuple(took[True]),
        ratio=mine / plain,
        against="without delays",
        note=f"{len(blueprint.links):,} links, {len(blueprint.clients)} client networks",
    )


@contextmanager
def own_place() -> Iterator[Path]:
    """Labs of a run meet no others."""
    before = os.environ.get("ANYPLANE_LAB_DIR")
    with tempfile.TemporaryDirectory(prefix="anyplane-bench-") as made:
        os.environ["ANYPLANE_LAB_DIR"] = made
        try:
            yield Path(made)
        finally:
            if before is None:
                del os.environ["ANYPLANE_LAB_DIR"]
            else:
                os.environ["ANYPLANE_LAB_DIR"] = before
