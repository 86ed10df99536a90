"""Routes: what every network and pop ended up with, and how to read a path out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anyplane.routing.seeds import Seeds
from anyplane.topology import Topology

NO_SITE = 65535
NO_NEXT = np.iinfo(np.int32).min
UNREACHED = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The stable state for one prefix; N networks, P pops, S sites, W = ceil(S / 64) words.

    Class and length belong to the network, everything else to the pop, because each metro of a network may
    leave by another link (hot potato). Along a path class and length never contradict each other, so
    following `next_hop` always ends at a seed.
    """

    route_class: NDArray[np.uint8]
    """(N,) RouteClass, NONE where there is no route."""
    length: NDArray[np.uint16]
    """(N,) ASNs in the AS path as received (prepends counted, the network itself not); UNREACHED."""
    site: NDArray[np.uint16]
    """(P,) site reached, NO_SITE where none."""
    km: NDArray[np.float32]
    """(P,) kilometres along the path from this pop to the site; infinite where none."""
    hops: NDArray[np.uint16]
    """(P,) networks crossed on the way, prepends not counted, this one not counted, the origin counted."""
    next_hop: NDArray[np.int32]
    """(P,) the pop of the next network, -(k + 1) when seed k is the next hop, NO_NEXT where none."""
    possible: NDArray[np.uint64]
    """(P, W) bit s of word s // 64: site s is reached by some way of breaking the ties on the path."""
    lengths: NDArray[np.uint16]
    """(K,) the path length of each seed as it took part, 65535 for a seed that did not."""
    seeds: Seeds
    topology: Topology
    engine: object | None = field(default=None, repr=False, compare=False)
    """The frontier.Engine whose Workspace still holds this run, where it was asked to `reuse` its arrays."""

    def pop_path(self, pop: int) -> list[int]:
        """The pops from this one to the last network, empty where there is no route."""
        path: list[int] = []
        here = pop if int(self.next_hop[pop]) != NO_NEXT else -1
        while here >= 0:
            path.append(here)
            here = int(self.next_hop[here])
        return path

    def seed_of(self, pop: int) -> int:
        """The index of the seed at the end of the path, or -1."""
        path = self.pop_path(pop)
        return -int(self.next_hop[path[-1]]) - 1 if path else -1

    def as_path(self, pop: int) -> tuple[int, ...]:
        """The AS path, own ASN first, origin last, prepends included; () where there is no route."""
        path = self.pop_path(pop)
        if not path:
            return ()
        topology = self.topology
        asns = [int(topology.asn[topology.pop_network[here]]) for here in path]
        k = -int(self.next_hop[path[-1]]) - 1
        seed = self.seeds.seeds[k]
        # Prepends asked of the first network (action communities) stand between it and its neighbour.
        tail = [int(seed.asn)] * int(self.lengths[k])
        if len(path) > 1:
            heard = int(self.length[topology.pop_network[path[-2]]])
            extra = heard - (1 + int(self.lengths[k]))
            asns[-1:] = [asns[-1]] * (1 + extra)
        return tuple(asns + tail)
