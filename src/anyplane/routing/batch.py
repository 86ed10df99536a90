"""batch: many announcement sets on one topology, side by side.

A scenario is one row of seed lengths (state.Lengths): OFF leaves a session out, a larger number prepends. So
failures, subsets and prepends are all rows of one matrix over one set of seeds, and the threads share
everything but a Workspace. `summarise` runs where the scenario ran and returns what is worth keeping; the
Routes that it is given are overwritten by the next scenario, so memory stays flat.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from anyplane.routing.frontier import Engine
from anyplane.routing.routes import Routes
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

T = TypeVar("T")
Summarise = Callable[[int, Routes], T]
Progress = Callable[[int], None]

Rows = NDArray[np.uint16]
"""(R, K) one scenario a row."""

CHUNK = 32
"""Scenarios that go to a thread or worker at once; a Workspace is made for each chunk."""


def run(
    topology: Topology,
    seeds: Seeds,
    rows: Rows,
    summarise: Summarise[T],
    *,
    threads: int = 2,
    executor: Executor | None = None,
    share: Callable[[Engine], object] | None = None,
    progress: Progress | None = None,
) -> list[T]:
    """summarise(r, routes of row r) for every row, in the order of the rows.

    `executor` takes the chunks elsewhere (default: `threads` threads of this process; the kernels release the
    GIL). For one that crosses processes, `summarise` must be picklable, and `share` may hand the engine over
    once: with Dask, `executor=client.get_executor()` and `share=partial(client.scatter, broadcast=True)`.
    `progress` is told the number of scenarios just finished. An interrupt cancels what has not begun.
    """
    engine = Engine(topology, seeds)
    # What `share` returns is the executor's own handle; it hands the worker an Engine again.
    shared = engine if share is None else cast("Engine", share(engine))
    pool = ThreadPoolExecutor(threads) if executor is None else nullcontext(executor)
    size = max(1, min(CHUNK, -(-len(rows) // max(1, threads))))
    results: list[T] = []
    with pool as running:
        futures: list[Future[list[T]]] = [
            running.submit(_chunk, shared, rows[start : start + size], start, summarise)
            for start in range(0, len(rows), size)
        ]
        try:
            for future in futures:
                done = future.result()
                results.extend(done)
                if progress is not None:
                    progress(len(done))
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return results


def _chunk(engine: Engine, rows: Rows, start: int, summarise: Summarise[T]) -> list[T]:
    own = engine.twin()
    return [summarise(start + r, own.run(rows[r], reuse=True)) for r in range(len(rows))]


def baseline(seeds: Seeds) -> Rows:
    """(1, K) everything as the seeds say."""
    return lengths_of(seeds)[np.newaxis, :]


def without_sites(seeds: Seeds, failures: Sequence[tuple[int, ...]]) -> Rows:
    """(len(failures), K) a row for each set of failed sites."""
    rows = np.repeat(baseline(seeds), len(failures), axis=0)
    site = _sites(seeds)
    for r, failed in enumerate(failures):
        rows[r, np.isin(site, failed)] = OFF
    return rows


def single_failures(seeds: Seeds) -> Rows:
    """(S, K) N-1: row s is without site s."""
    return without_sites(seeds, [(s,) for s in range(seeds.sites)])


def double_failures(seeds: Seeds) -> tuple[Rows, tuple[tuple[int, int], ...]]:
    """N-2: the rows and the pairs of sites that each leaves out."""
    pairs = tuple(itertools.combinations(range(seeds.sites), 2))
    return without_sites(seeds, pairs), pairs


def subsets(seeds: Seeds) -> Iterator[Lengths]:
    """All 2^S subsets of sites, in the order of their bit masks (bit s = site s announces)."""
    full, site = lengths_of(seeds), _sites(seeds)
    for mask in range(1 << seeds.sites):
        yield np.where((mask >> site) & 1 == 1, full, np.uint16(OFF)).astype(np.uint16)


def prepends(seeds: Seeds, choices: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Lengths]]:
    """Every vector of extra prepends, one of `choices` for each site: (vector, row)."""
    full, site = lengths_of(seeds).astype(np.int64), _sites(seeds)
    for vector in itertools.product(choices, repeat=seeds.sites):
        row = np.minimum(full + np.array(vector, np.int64)[site], OFF - 1)
        yield vector, row.astype(np.uint16)


def _sites(seeds: Seeds) -> NDArray[np.int64]:
    return np.array([seed.site for seed in seeds.seeds], np.int64)
