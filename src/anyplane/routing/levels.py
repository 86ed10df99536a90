"""levels: class, length and possible sites of every network, metros left aside; one scenario or 32 at once.

Theory of operation. Without metros, export filters, backups or ROV, a route's class and length do not depend
on how ties fall, so nothing has to be chosen: three passes give class and length, and the set of possible
sites is the union over the equally good neighbours. Networks are renumbered so that every provider stands
before its customers (`Ranked`); the down sweep, which touches everybody, then reads memory in order. Up and
across peers only the networks that hold a customer's route are touched.

The lane kernel runs 32 scenarios side by side: each network's row of 32 lengths is one vector register.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import RouteClass
from anyplane.routing.arrays import SeedArrays
from anyplane.routing.level_kernels import LANES, rank_networks, settle_lanes, settle_levels
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import OFF, lengths_of
from anyplane.topology import Topology

Rows = NDArray[np.uint16]


class Ranked(NamedTuple):
    """The links of a topology with networks renumbered, providers before customers; N networks.

    network: (N,) the Topology's index of each; place: its inverse. Each CSR holds new numbers.
    """

    network: NDArray[np.int32]
    place: NDArray[np.int32]
    provider_start: NDArray[np.int32]
    provider: NDArray[np.int32]
    peer_start: NDArray[np.int32]
    peer: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """route_class (N,), length (N,) and possible (N, W) as in Routes, by network."""

    route_class: NDArray[np.uint8]
    length: NDArray[np.uint16]
    possible: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """For each of R scenarios: the weight that reaches each site for certain, possibly, or no site."""

    certain: NDArray[np.float64]
    """(R, S)"""
    possible: NDArray[np.float64]
    """(R, S)"""
    unreached: NDArray[np.float64]
    """(R,)"""


def rank(topology: Topology) -> Ranked | None:
    """The renumbered links, or None when some networks are, in a circle, each other's providers."""
    order = rank_networks(topology.adj_start, topology.adj_peers, topology.adj_customers, topology.adj)
    if len(order) < topology.networks:
        return None
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    providers = _runs(topology.adj_start[:-1], topology.adj_peers, topology.adj, order, place)
    peers = _runs(topology.adj_peers, topology.adj_customers, topology.adj, order, place)
    return Ranked(order, place, *providers, *peers)


def can_run(seeds: Seeds) -> bool:
    """Do these seeds have nothing that makes export depend on how ties fall?"""
    return not any(seed.filters or seed.is_invalid or seed.is_backup for seed in seeds.seeds)


class LevelEngine:
    """Scenarios of these seeds on this topology, by network.

    The topology must be acyclic (`rank` gives a value) and the seeds plain (`can_run`); ValueError if not:
    then `frontier` on `topology.without_metros` is the way.
    """

    def __init__(self, topology: Topology, seeds: Seeds, *, ranked: Ranked | None = None) -> None:
        links = rank(topology) if ranked is None else ranked
        if links is None:
            raise ValueError("the graph has a provider cycle; use frontier without metros")
        if not can_run(seeds):
            raise ValueError("filters, ROV and backups need frontier")
        self.topology, self.seeds, self.ranked = topology, seeds, links
        self.arrays = SeedArrays.of(topology, seeds)
        table = self.arrays.table
        self.place = links.place[table.network]
        self.silent = links.place[table.silent]
        count = topology.networks
        self._rank = np.empty(count, np.int32)
        self._possible = np.empty(count, np.uint64)
        self._queue = np.empty(count, np.int32)

    def run(self) -> Levels:
        """The scenario as the seeds say it."""
        words = max(1, -(-self.seeds.sites // 64))
        row = self.arrays.admitted(lengths_of(self.seeds))
        possible = np.empty((self.topology.networks, words), np.uint64)
        for word in range(words):
            self._settle(row, word)
            possible[self.ranked.network, word] = self._possible
        by_network = self._rank[self.ranked.place]
        is_reached = (by_network >= 0) & (by_network < (4 << 16))
        return Levels(
            route_class=np.where(is_reached, by_network >> 16, RouteClass.NONE).astype(np.uint8),
            length=np.where(is_reached, by_network & 0xFFFF, OFF).astype(np.uint16),
            possible=possible,
        )

    def _settle(self, row: NDArray[np.uint16], word: int) -> None:
        table = self.arrays.table
        settle_levels(
            self.ranked,
            self.place,
            table.route_class,
            table.site,
            row,
            self.silent,
            word,
            self._rank,
            self._possible,
            self._queue,
        )

    def shares(
        self,
        rows: Rows,
        weight: NDArray[np.float64],
        *,
        threads: int = 2,
        progress: Callable[[int], None] | None = None,
    ) -> Shares:
        """The Shares of every row of seed lengths (see batch), weighted by network; memory stays flat."""
        sites, count = self.seeds.sites, len(rows)
        admitted = np.stack([self.arrays.admitted(row) for row in rows]) if count else rows
        certain, possible = np.zeros((count, sites)), np.zeros((count, sites))
        unreached = np.zeros(count)
        ranked_weight = np.ascontiguousarray(weight[self.ranked.network])

        spare: SimpleQueue[tuple[NDArray[np.generic], ...]] = SimpleQueue()
        for _ in range(threads):
            spare.put(_lane_arrays(self.topology.networks, sites))

        def group(start: int) -> int:
            lanes = np.full((LANES, rows.shape[1]), OFF, np.uint16)
            part = admitted[start : start + LANES]
            lanes[: len(part)] = part
            table = self.arrays.table
            arrays = spare.get()
            try:
                totals = settle_lanes(
                    self.ranked,
                    self.place,
                    table.route_class,
                    table.site,
                    np.ascontiguousarray(lanes.T),
                    self.silent,
                    ranked_weight,
                    sites,
                    *arrays,
                )
            finally:
                spare.put(arrays)
            certain[start : start + len(part)] = totals[0, : len(part)]
            possible[start : start + len(part)] = totals[1, : len(part)]
            unreached[start : start + len(part)] = totals[2, : len(part), 0]
            return len(part)

        with ThreadPoolExecutor(threads) as pool:
            try:
                for done in pool.map(group, range(0, count, LANES)):
                    if progress is not None:
                        progress(done)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return Shares(certain=certain, possible=possible, unreached=unreached)


def _lane_arrays(networks: int, sites: int) -> tuple[NDArray[np.generic], ...]:
    """rank, heard, takes, possible, first, ways of settle_lanes; narrow sets move four times faster."""
    dtypes = (np.uint16, np.uint16, np.uint8, np.uint16 if sites <= 16 else np.uint64)
    counting = networks if sites > 64 else 1
    return (
        *(np.zeros((networks, LANES), dtype) for dtype in dtypes),
        np.zeros((counting, LANES), np.uint16),
        np.zeros((counting, LANES), np.uint8),
    )


def _runs(
    first: NDArray[np.int32],
    last: NDArray[np.int32],
    adj: NDArray[np.int32],
    order: NDArray[np.int32],
    place: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    counts = (last - first)[order]
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    at = np.repeat(first[order] - start[:-1], counts) + np.arange(start[-1])
    return start, place[adj[at]]
