"""Lines: the sessions between neighbouring networks as arrays: whose, their other direction, how far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.routing.converge.timing import FIBRE_KM_PER_S, SECOND
from anyplane.routing.ribs import main_pops
from anyplane.topology import Topology

MOST_ADJACENCIES = 1 << 24
"""What fits into the key of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """One for each directed adjacency of a topology, in its order (A,).

    owner: the network that it is of. reverse: the same link seen from the other side. delay: µs of light from
    the middle of one network to the middle of the other (the pops with most users), at least 100. degree:
    most adjacencies of a network.
    """

    owner: NDArray[np.int32]
    reverse: NDArray[np.int32]
    delay: NDArray[np.int32]
    degree: int

    @staticmethod
    def of(topology: Topology, *, inflation: float) -> Lines:
        """The lines of a topology; about a third of a second for the whole Internet, shared by all runs."""
        count = len(topology.adj)
        if count > MOST_ADJACENCIES:
            raise ValueError(
                f"{count:,} adjacencies are more than the {MOST_ADJACENCIES:,} that are possible"
            )
        degrees = np.diff(topology.adj_start)
        owner = np.repeat(np.arange(topology.networks, dtype=np.int32), degrees)
        there = owner.astype(np.int64) * topology.networks + topology.adj
        back = topology.adj.astype(np.int64) * topology.networks + owner
        reverse = np.empty(count, np.int32)
        reverse[np.argsort(back, kind="stable")] = np.argsort(there, kind="stable")
        metro = topology.pop_metro[main_pops(topology)]
        km = topology.metros.km[metro[owner], metro[topology.adj]].astype(np.float64)
        delay = np.maximum(100, np.round(km * inflation / FIBRE_KM_PER_S * SECOND)).astype(np.int32)
        return Lines(owner=owner, reverse=reverse, delay=delay, degree=int(degrees.max(initial=0)))
