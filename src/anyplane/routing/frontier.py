"""The fast engine: the stable state of `reference`, computed once per network in order of preference.

Theory of operation. Class and length never improve along a path, so a network may be settled as soon as
everything preferable to it has been: first routes that climb from customer to provider, by length; then one
step across peers; then down from provider to customer, by length (a bucket queue in the first and the last
sweep). When a network is settled, all its equally good candidates are known. They hang in a linked list
("offers") of interconnects; its pops then choose among them by distance, and what they chose is what it
exports. Every network is settled once and every useful interconnect read once.

`rank` = class << 16 | length orders offers. A silent network has rank -1 and beats every offer.
Kernels hold no reference to Python: they release the GIL, and threads run them side by side, each with its
own Workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anyplane.routing.arrays import Graph, SeedArrays
from anyplane.routing.kernels import settle_metros
from anyplane.routing.routes import Routes
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import Lengths, lengths_of, settle_backups
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The arrays that one run of the kernel writes; reused from run to run by one thread.

    node: (N, 2) rank and head of the offers. offer: (I + K, 2) interconnect (or -(k + 1)) and next offer.
    bucket: (65536,) head of the queue by length. queued: (I + K, 2) network and next. order: (N,) networks in
    the order in which they were settled; the first `settled[0]` count.
    """

    node: NDArray[np.int32]
    offer: NDArray[np.int32]
    bucket: NDArray[np.int32]
    queued: NDArray[np.int32]
    order: NDArray[np.int32]
    settled: NDArray[np.int64]
    site: NDArray[np.uint16]
    km: NDArray[np.float32]
    hops: NDArray[np.uint16]
    next_hop: NDArray[np.int32]
    possible: NDArray[np.uint64]

    @staticmethod
    def of(topology: Topology, seeds: Seeds) -> Workspace:
        """A Workspace for this topology and any scenario of these seeds."""
        offers = len(topology.ic_own) + len(seeds.seeds)
        return Workspace(
            node=np.empty((topology.networks, 2), np.int32),
            offer=np.empty((offers, 2), np.int32),
            bucket=np.full(65536, -1, np.int32),
            queued=np.empty((offers + topology.networks, 2), np.int32),
            order=np.empty(topology.networks, np.int32),
            settled=np.zeros(1, np.int64),
            site=np.empty(topology.pops, np.uint16),
            km=np.empty(topology.pops, np.float32),
            hops=np.empty(topology.pops, np.uint16),
            next_hop=np.empty(topology.pops, np.int32),
            possible=np.empty((topology.pops, max(1, -(-seeds.sites // 64))), np.uint64),
        )


def propagate(topology: Topology, seeds: Seeds) -> Routes:
    """The Routes of these seeds; equals `reference.propagate`, in milliseconds on the whole Internet."""
    return Engine(topology, seeds).run()


class Engine:
    """One topology and one set of seeds, for many scenarios; each thread needs a `twin` of its own.

    A pickled Engine leaves its Workspace behind.
    """

    def __init__(self, topology: Topology, seeds: Seeds) -> None:
        self.topology = topology
        self.seeds = seeds
        self.graph = Graph.of(topology)
        self.seed_arrays = SeedArrays.of(topology, seeds)
        self.has_backups = any(seed.is_backup for seed in seeds.seeds)

    @cached_property
    def workspace(self) -> Workspace:
        """What this engine's runs write."""
        return Workspace.of(self.topology, self.seeds)

    def __getstate__(self) -> dict[str, object]:
        """Everything but the Workspace."""
        return {name: value for name, value in self.__dict__.items() if name != "workspace"}

    def twin(self) -> Engine:
        """An Engine on the same arrays with a Workspace of its own."""
        other = object.__new__(Engine)
        other.__dict__.update(self.__getstate__())
        return other

    def run(self, lengths: Lengths | None = None, *, reuse: bool = False) -> Routes:
        """The stable state for these seed lengths (default: as the seeds say), backups settled.

        With `reuse`, the arrays of the Routes are overwritten by the next run.
        """
        row = lengths_of(self.seeds) if lengths is None else lengths
        if not self.has_backups:
            return self.run_row(row, reuse=reuse)
        return settle_backups(
            self.topology, self.seeds, lambda _topology, _seeds, some: self.run_row(some, reuse=reuse), row
        )

    def run_row(self, lengths: Lengths, *, reuse: bool = False) -> Routes:
        """The same, backups taking part like any other seed."""
        work = self.workspace
        row = self.seed_arrays.admitted(lengths)
        settle_metros(
            self.graph,
            self.seed_arrays.table,
            row,
            work.node,
            work.offer,
            work.bucket,
            work.queued,
            work.order,
            work.settled,
            work.site,
            work.km,
            work.hops,
            work.next_hop,
            work.possible,
        )
        rank = work.node[:, 0]
        is_reached = (rank >= 0) & (rank < (4 << 16))
        keep = (lambda array: array) if reuse else np.copy
        return Routes(
            route_class=np.where(is_reached, rank >> 16, 255).astype(np.uint8),
            length=np.where(is_reached, rank & 0xFFFF, 65535).astype(np.uint16),
            site=keep(work.site),
            km=keep(work.km),
            hops=keep(work.hops),
            next_hop=keep(work.next_hop),
            possible=keep(work.possible),
            lengths=row,
            seeds=self.seeds,
            topology=self.topology,
            engine=self if reuse else None,
        )
