"""alone: the routes of everybody to one site that announces by itself, with what was learned about its links.

The planner's definition (class, then length, valley-free), network by network, and two things more: an
adjacency may add prepends or refuse the site altogether, and it may leak, that is hand over what the rules
forbid, because collector paths show that it does. With neither, class and length equal `routing.propagate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.alone_kernels import FAR, LOOP, SEED, handed_over, settle, upward
from anyplane.topology import Topology

Bools = NDArray[np.bool_]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
ROUNDS = 30
"""A chain of leaks as long as this has never been seen (the longest in the PEERING data: six)."""


@dataclass(frozen=True)
class Ground:
    """A topology and the order that goes up its hierarchy; made once, shared by all sites."""

    topology: Topology

    @cached_property
    def order(self) -> Int64:
        """(N,) customers before their providers."""
        t = self.topology
        order: Int64 = upward(t.adj_start, t.adj_peers, t.adj_customers, t.adj)
        return order

    @cached_property
    def owner(self) -> Int32:
        """(A,) the network whose adjacency it is."""
        t = self.topology
        return np.repeat(np.arange(t.networks, dtype=np.int32), np.diff(t.adj_start))

    @cached_property
    def route_class(self) -> NDArray[np.uint8]:
        """(A,) as what the network holds what comes over this adjacency: 1 customer, 2 peer, 3 provider."""
        t, owner = self.topology, self.owner
        at = np.arange(len(t.adj))
        down = np.where(at < t.adj_customers[owner], 2, 1)
        return np.where(at < t.adj_peers[owner], 3, down).astype(np.uint8)

    def adjacency(self, network: int, neighbour: int) -> int:
        """The adjacency of a network with a neighbour (indices), or -1."""
        t = self.topology
        start, peers = int(t.adj_start[network]), int(t.adj_peers[network])
        customers, end = int(t.adj_customers[network]), int(t.adj_start[network + 1])
        for low, high in ((start, peers), (peers, customers), (customers, end)):
            at = low + int(np.searchsorted(t.adj[low:high], neighbour))
            if at < high and int(t.adj[at]) == neighbour:
                return at
        return -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How one site enters the Internet at one network.

    pop: that hears it. route_class: 0 where its network itself originates, 1 customer, 2 peer. length: as in
    Seed. chance: that the session carries the prefix at all. penalty: added to the interior distance, in
    kilometres, where MED speaks against it.
    """

    pop: int
    route_class: int
    length: int
    chance: float = 1.0
    penalty: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """The routes to one site; N networks, A adjacencies."""

    route_class: NDArray[np.uint8]
    """(N,) 0 its own, 1 customer, 2 peer, 3 provider, 255 none."""
    length: Int32
    """(N,) ASNs in the path as received, prepends counted; FAR where there is none."""
    via: Int64
    """(N,) the adjacency taken, SEED where the network hears the site itself, NOWHERE."""
    offered: Bools
    """(A,) does the adjacency offer a path, free of loops?"""

    def path(self, topology: Topology, network: int) -> list[int]:
        """The networks on the path, this one first; [] where there is none."""
        if int(self.length[network]) >= FAR:
            return []
        path, here = [network], network
        while int(self.via[here]) != SEED and len(path) < LOOP:
            here = int(topology.adj[self.via[here]])
            path.append(here)
        return path


def alone(
    ground: Ground,
    entries: tuple[Entry, ...],
    *,
    added: Int32,
    leaks: Int64,
    silent: Bools,
    offers: bool = True,
) -> Alone:
    """The Alone of these entries. added: (A,) prepends of each adjacency, FAR where it refuses the site.

    leaks: adjacencies that hand over whatever their neighbour has. silent: (N,) networks that take no part.
    `offers=False` leaves `offered` empty, which is quicker while links are still being corrected.
    """
    t = ground.topology
    network = np.array([t.pop_network[entry.pop] for entry in entries], np.int64)
    route_class = np.array([entry.route_class - 1 for entry in entries], np.int64)
    length = np.array([entry.length for entry in entries], np.int32)
    before = np.full(t.networks, FAR, np.int32)
    via = np.full(t.networks, -2, np.int64)
    for _ in range(ROUNDS if len(leaks) else 1):
        classes, lengths, taken = settle(
            ground.order, t.adj_start, t.adj_peers, t.adj_customers, t.adj, network, route_class, length,
            added, silent, leaks, before, via,
        )  # fmt: skip
        is_still = np.array_equal(lengths, before) and np.array_equal(taken, via)
        before, via = lengths, taken
        if is_still:
            break
    found = Alone(route_class=classes, length=before, via=via, offered=np.zeros(0, bool))
    return replace(found, offered=offered(ground, found, added=added, leaks=leaks)) if offers else found


def offered(ground: Ground, routes: Alone, *, added: Int32, leaks: Int64) -> Bools:
    """(A,) does each adjacency offer its network a path of these routes, free of loops?"""
    t = ground.topology
    is_leak = np.zeros(len(t.adj), bool)
    is_leak[leaks] = True
    found: Bools = handed_over(
        t.adj_start, t.adj_peers, t.adj, routes.route_class, routes.length, routes.via, added, is_leak
    )
    return found
