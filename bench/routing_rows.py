"""The rows about routing itself: one scenario, many scenarios, with and without metros."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

from anyplane.routing import Engine, Routes, Seeds, batch
from anyplane.routing.levels import LevelEngine
from anyplane.routing.state import OFF, lengths_of
from bench.internet import Internet
from bench.measured import Measured, alternate, of_calls
from bench.yardstick import read_links

SUBSET_SITES = 15
SAMPLE = 512
LANE_SCENARIOS = 1024
BLOCK = 11
"""Calls of a few milliseconds by turns: ten that count after one that fills the cache."""


def levels(internet: Internet, runs: int, _full: bool) -> Measured:
    """One scenario without metros, one thread, eight sites."""
    topology = internet.placed
    engine = LevelEngine(topology, internet.seeds(8))
    value = np.ones(topology.networks, np.int32)
    return of_calls(
        engine.run,
        lambda: read_links(topology.adj_start, topology.adj, value),
        runs=runs * 10,
        block=BLOCK,
        against="reading every link once",
    )


def metros(internet: Internet, runs: int, _full: bool) -> Measured:
    """One scenario with hot potato and distances, one thread, eight sites."""
    seeds = internet.seeds(8)
    engine = Engine(internet.placed, seeds)
    plain = LevelEngine(internet.placed, seeds)
    return of_calls(
        lambda: engine.run(reuse=True),
        plain.run,
        runs=runs * 10,
        block=BLOCK,
        against="the same without metros",
    )


def lanes(internet: Internet, runs: int, _full: bool) -> Measured:
    """Subsets of sites without metros, two threads, by scenario."""
    seeds = internet.seeds(SUBSET_SITES)
    engine = LevelEngine(internet.placed, seeds)
    rows = subset_rows(seeds, LANE_SCENARIOS)
    weight = np.bincount(
        internet.placed.pop_network, weights=internet.placed.users, minlength=internet.placed.networks
    )
    return of_calls(
        lambda: engine.shares(rows, weight, threads=2),
        engine.run,
        runs=runs,
        share=1 / len(rows),
        against="one scenario alone",
        note=f"{LANE_SCENARIOS:,} subsets of {SUBSET_SITES} sites",
    )


def subsets(internet: Internet, runs: int, full: bool) -> Measured:
    """All subsets of 15 sites with metros, two threads."""
    topology, seeds = internet.placed, internet.seeds(SUBSET_SITES)
    every = 1 << SUBSET_SITES
    rows = np.array(list(batch.subsets(seeds))) if full else subset_rows(seeds, SAMPLE)
    memory: list[int] = []

    def users(_scenario: int, routes: Routes) -> np.ndarray:
        site = np.minimum(routes.site, SUBSET_SITES)
        return np.bincount(site, weights=topology.users, minlength=SUBSET_SITES + 1)

    def once() -> float:
        begin = time.perf_counter()
        batch.run(topology, seeds, rows, users, threads=2, progress=lambda _: memory.append(resident()))
        return (time.perf_counter() - begin) * every / len(rows)

    engine = Engine(topology, seeds)
    alone, _ = alternate(lambda: engine.run(reuse=True), lambda: None, runs=runs * 2)
    seconds = tuple(once() for _ in range(1 if full else runs))
    quarter = max(1, len(memory) // 4)
    growth = (max(memory[-quarter:]) - max(memory[:quarter])) / 1e6
    how = f"all {every:,}" if full else f"{SAMPLE} of them measured, extrapolated to {every:,}"
    return Measured(
        seconds=seconds,
        ratio=statistics.median(seconds) / every / statistics.median(alone),
        against="one scenario alone",
        note=f"{how}; memory {growth:+.0f} MB from the first quarter to the last",
    )


def subset_rows(seeds: Seeds, count: int) -> np.ndarray:
    """Rows of that many different random subsets of the sites, the same each time."""
    rng = np.random.default_rng(1)
    site = np.array([seed.site for seed in seeds.seeds])
    masks = rng.choice((1 << seeds.sites) - 1, count, replace=False) + 1
    takes_part = (masks[:, np.newaxis] >> site) & 1 == 1
    return np.where(takes_part, lengths_of(seeds), np.uint16(OFF)).astype(np.uint16)


def resident() -> int:
    """Bytes of this process that are in memory now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096
