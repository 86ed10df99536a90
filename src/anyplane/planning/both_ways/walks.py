"""walks: a path through the pops, where it leaves each network, and whether a tie lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from anyplane.routing import NO_NEXT, Routes
from anyplane.routing.ties import engine_of
from anyplane.topology import Topology

LONGEST = 256
"""Networks on a path; BGP's own limit for a path segment (RFC 4271 4.3) is 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """pops: where each network is entered, in the order of travel. is_open: is one of the choices a tie?"""

    pops: tuple[int, ...]
    is_open: bool


class Walker:
    """Walks in one set of routes; valid as long as they are."""

    def __init__(self, routes: Routes) -> None:
        engine = engine_of(routes)
        graph, work = engine.graph, engine.workspace
        self._pops = np.empty(LONGEST, np.int64)
        self._ic_own = graph.ic_own
        self._arrays = (
            routes.next_hop,
            work.node,
            work.offer,
            graph.ic_far,
            engine.seed_arrays.table.pop,
            graph.pop_network,
            graph.pop_metro,
            graph.km,
            self._pops,
        )

    def walk(self, pop: int) -> Walk:
        """The Walk from this pop; no pops where it has no route."""
        count, opened = _walk(pop, *self._arrays)
        return Walk(pops=tuple(self._pops[:count].tolist()), is_open=bool(opened))

    def next_hops(self, pop: int) -> tuple[int, ...]:
        """Everything that may come after this pop, the chosen one first: what rule 5 of routing decides."""
        next_hop, node, offer, ic_far, seed_pop, network, metro, km, _ = self._arrays
        found: list[tuple[float, int]] = []
        at = int(node[network[pop], 1]) if next_hop[pop] != NO_NEXT else -1
        while at >= 0:
            via, at = int(offer[at, 0]), int(offer[at, 1])
            exit_pop = int(ic_far[via]) if via >= 0 else int(seed_pop[-(via + 1)])
            found.append(
                (float(km[metro[pop], metro[exit_pop]]), int(self._ic_own[via]) if via >= 0 else via)
            )
        nearest = min((away for away, _ in found), default=0.0)
        chosen = int(next_hop[pop])
        others = sorted({after for away, after in found if away == nearest and after != chosen})
        return (chosen, *others) if found else ()

    def possible(self, pop: int, *, most: int) -> tuple[tuple[tuple[int, ...], ...], bool]:
        """(every walk that some way of breaking ties gives, the chosen one first; is that all of them?).

        A walk is its pops and, last, the -(k + 1) of the seed at its end.
        """
        done: list[tuple[int, ...]] = []
        open_ones: list[tuple[int, ...]] = [(pop,)]
        while open_ones and len(done) < most:
            path = open_ones.pop()
            if path[-1] < 0:
                done.append(path)
            else:
                # A stack: the first one comes out first.
                open_ones += [(*path, after) for after in reversed(self.next_hops(path[-1]))]
        return tuple(done), not open_ones


@njit(cache=True, nogil=True)
def _walk(pop, next_hop, node, offer, ic_far, seed_pop, pop_network, pop_metro, km, pops):  # type: ignore[no-untyped-def]
    count, opened = 0, False
    if next_hop[pop] == NO_NEXT:
        return count, opened
    here = np.int64(pop)
    while here >= 0 and count < len(pops):
        pops[count] = here
        count += 1
        nearest = np.float32(np.inf)
        tied = 0
        at = node[pop_network[here], 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            exit_pop = np.int64(ic_far[via]) if via >= 0 else np.int64(seed_pop[-(via + 1)])
            away = km[pop_metro[here], pop_metro[exit_pop]]
            if away < nearest:
                nearest = away
                tied = 0
            if away == nearest:
                tied += 1
        opened = opened or tied > 1
        here = np.int64(next_hop[here])
    return count, opened


def exits(topology: Topology, pops: tuple[int, ...] | list[int], last: int) -> list[int]:
    """For each network of a walk the pop where it is left; `last`: that of the last one."""
    found = [exit_to(topology, here, after) for here, after in pairwise(pops)]
    return [*found, last]


def exit_to(topology: Topology, pop: int, next_hop: int) -> int:
    """Our end of the interconnect that ends at the pop `next_hop` of a neighbour."""
    network, neighbour = int(topology.pop_network[pop]), int(topology.pop_network[next_hop])
    # Two networks that share metros meet in each of them, else at one pair of pops.
    shared = topology.pop_at(network, int(topology.pop_metro[next_hop]))
    if shared >= 0:
        return shared
    first, last = int(topology.adj_start[network]), int(topology.adj_start[network + 1])
    for a in (first + np.flatnonzero(topology.adj[first:last] == neighbour)).tolist():
        for i in range(int(topology.ic_start[a]), int(topology.ic_start[a + 1])):
            if int(topology.ic_far[i]) == next_hop:
                return int(topology.ic_own[i])
    raise AssertionError("a next hop without an interconnect")
