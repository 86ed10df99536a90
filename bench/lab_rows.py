"""The rows about the lab: real routers with delays up until they agree; worlds held to the definition."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    """One random world of 30 routers, brought up, asked and held against the definition."""
    from anyplane.lab.proof.compare import compared
    from anyplane.lab.proof.random_worlds import random_world

    took: list[float] = []
    different = 0
    with _place():
        for seed in range(WORLDS * min(runs, 3)):
            world = random_world(seed)
            begin = time.perf_counter()
            different += len(compared(world).differences)
            took.append(time.perf_counter() - begin)
    each = statistics.median(took)
    return Measured(
        seconds=tuple(took),
        ratio=each,
        against="BIRD's connect timer, 1 s",
        note=f"{60 / each:.0f} a minute, {different} differences",
    )


def _up(routers: int, runs: int) -> Measured:
    """Beside the same lab without delays; the reduction and the prediction are not counted."""
    from anyplane.design import parse
    from anyplane.lab.container.client import Lab
    from anyplane.lab.world.build import build
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
    small = reduced(design, internet, routers=routers)
    took: dict[bool, list[float]] = {True: [], False: []}
    with _place():
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
        note=f"{len(blueprint.links):,} links",
    )


@contextmanager
def _place() -> Iterator[Path]:
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
