"""Closure and choose: which pops a small world keeps, so that paths stay whole and users are many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.weighted import Float64
from anyplane.routing import NO_NEXT, NO_SITE, Routes
from anyplane.topology import Topology

OF_METRO, OF_WORLD = 3, 200
"""Pops with most users that are looked at: so many of each metro, and so many besides."""
ALTERNATIVES = 0.1
"""Of the pops, kept for networks that nobody uses now, and somebody might."""
LOOKED_AT = 24
"""Such networks that are looked at in one round: those with most interconnects to kept ones."""


class Run(NamedTuple):
    """One stable state: (P,) the next pop as in Routes, and (K,) the pop that hears each seed."""

    next_hop: NDArray[np.int32]
    seed_pop: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The pops that are kept, and what there is to say about them."""

    pops: frozenset[int]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Closure:
    """What a pop needs in order to route, in several stable states of one topology, as it does now."""

    topology: Topology
    runs: Sequence[Run]
    _after: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _of: dict[int, frozenset[int]] = field(default_factory=dict)

    def of(self, pop: int) -> frozenset[int]:
        """The pop, where its network is left, the next pop, and so on to the sites, in every state."""
        if pop not in self._of:
            seen = {pop}
            waiting = [pop]
            while waiting:
                for after in self._next(waiting.pop()):
                    if after in seen:
                        continue
                    if after in self._of:
                        seen |= self._of[after]
                    else:
                        seen.add(after)
                        waiting.append(after)
            self._of[pop] = frozenset(seen)
        return self._of[pop]

    def of_all(self, pops: Iterable[int]) -> frozenset[int]:
        """What these pops need together."""
        return frozenset().union(*(self.of(pop) for pop in pops))

    def _next(self, pop: int) -> tuple[int, ...]:
        if pop not in self._after:
            found: dict[int, None] = {}
            for run in self.runs:
                next_hop = int(run.next_hop[pop])
                if next_hop >= 0:
                    if next_hop not in found:
                        found[next_hop] = None
                        found[exit_pop(self.topology, pop, next_hop)] = None
                elif next_hop != NO_NEXT:
                    found[int(run.seed_pop[-next_hop - 1])] = None
            self._after[pop] = tuple(found)
        return self._after[pop]


def exit_pop(topology: Topology, pop: int, next_hop: int) -> int:
    """Where the network of a pop meets that pop of its neighbour: once, since metros are not repeated."""
    network = int(topology.pop_network[pop])
    if int(topology.pop_start[network + 1]) - int(topology.pop_start[network]) == 1:
        return pop
    first, last = int(topology.adj_start[network]), int(topology.adj_start[network + 1])
    low, high = int(topology.ic_start[first]), int(topology.ic_start[last])
    meets = np.flatnonzero(topology.ic_far[low:high] == next_hop)
    return int(topology.ic_own[low + int(meets[0])])


def cheapest(closure: Closure, core: frozenset[int], clients: Sequence[int]) -> int:
    """The least number of pops that the core and one of the clients need together."""
    if not clients or not core.isdisjoint(clients):
        return len(core)
    least = closure.topology.pops
    for pop in clients:
        least = min(least, len(core) + len(closure.of(pop) - core))
        if least == len(core) + 1:
            break
    return least


def candidates(topology: Topology, weight: Float64, base: Sequence[Routes]) -> list[int]:
    """The pops that may be clients, those with most users first: with a route, at most so many by metro."""
    is_reached = np.zeros(topology.pops, bool)
    for routes in base:
        is_reached |= routes.site != NO_SITE
    pops = np.flatnonzero(is_reached & (weight > 0))
    pops = pops[np.argsort(-weight[pops], kind="stable")]
    metro = topology.pop_metro[pops]
    order = np.argsort(metro, kind="stable")
    first = np.searchsorted(metro[order], metro[order])
    place = np.empty(len(pops), np.int64)
    place[order] = np.arange(len(pops)) - first
    is_near = (place < OF_METRO) | (np.arange(len(pops)) < OF_WORLD)
    return [int(pop) for pop in pops[is_near]]


def choose(
    topology: Topology,
    closure: Closure,
    roots: Sequence[int],
    base: Sequence[Routes],
    *,
    clients: Sequence[int],
    weight: Float64,
    routers: int,
) -> Choice:
    """At most `routers` pops, closed: the roots' paths, clients with theirs, then alternatives.

    First a client for each continent, by users; then one for each site that has none; then whoever gains most
    users for each router spent, where the second client of a metro counts for half, the third for a third.
    A tenth of the routers is left for pops that meet most kept ones; what is left then goes to clients again.
    """
    picked = _Picked(closure=closure, weight=weight, clients=list(clients), kept=set(closure.of_all(roots)))
    metros = topology.metros
    continents: dict[str, float] = {}
    for pop in clients:
        name = metros.continent[int(topology.pop_metro[pop])]
        continents[name] = continents.get(name, 0.0) + float(weight[pop])
    for name in sorted(continents, key=lambda one: (-continents[one], one)):
        here = [pop for pop in clients if metros.continent[int(topology.pop_metro[pop])] == name]
        if picked.kept.isdisjoint(here):
            picked.take_best(here, limit=routers)
    for routes in base:
        for site in range(routes.seeds.sites):
            there = [pop for pop in clients if int(routes.site[pop]) == site]
            if there and picked.kept.isdisjoint(there):
                picked.take_best(there, limit=routers)

    while picked.take_best(clients, limit=routers - int(routers * ALTERNATIVES)):
        pass
    before = len(picked.kept)
    while _take_alternative(topology, picked, base, limit=routers):
        pass
    added = len(picked.kept) - before
    while picked.take_best(clients, limit=routers):
        pass
    notes = (f"{added} pops are there because they might be chosen instead",) if added else ()
    return Choice(pops=frozenset(picked.kept), notes=notes)


@dataclass(slots=True, kw_only=True)
class _Picked:
    """What is kept so far."""

    closure: Closure
    weight: Float64
    clients: list[int]
    kept: set[int]

    def take_best(self, pops: Sequence[int], *, limit: int) -> bool:
        """Keep the one that gains most users for each router; False where none fits under the limit."""
        metro = self.closure.topology.pop_metro
        count: dict[int, int] = {}
        for pop in self.clients:
            if pop in self.kept:
                count[int(metro[pop])] = count.get(int(metro[pop]), 0) + 1
        best: tuple[float, int] | None = None
        for pop in pops:
            if pop in self.kept:
                continue
            cost = self.cost(pop)
            if len(self.kept) + cost <= limit:
                gain = float(self.weight[pop]) / (1 + count.get(int(metro[pop]), 0)) / cost
                if best is None or (-gain, pop) < best:
                    best = (-gain, pop)
        if best is None:
            return False
        self.kept |= self.closure.of(best[1])
        return True

    def cost(self, pop: int) -> int:
        """How many pops more it takes."""
        return len(self.closure.of(pop) - self.kept)


def _take_alternative(topology: Topology, picked: _Picked, base: Sequence[Routes], *, limit: int) -> bool:
    """Keep the pop with a route that meets most kept pops for each router it takes; at least two of them."""
    is_kept = np.zeros(topology.pops, bool)
    is_kept[sorted(picked.kept)] = True
    meets = np.bincount(topology.ic_far[is_kept[topology.ic_own]], minlength=topology.pops)
    meets[is_kept] = 0
    meets[np.all([routes.site == NO_SITE for routes in base], axis=0)] = 0
    best: tuple[float, int] | None = None
    for pop in np.argsort(-meets, kind="stable")[:LOOKED_AT].tolist():
        if meets[pop] >= 2 and len(picked.kept) + (cost := picked.cost(pop)) <= limit:
            found = (-float(meets[pop]) / cost, pop)
            best = found if best is None else min(best, found)
    if best is None:
        return False
    picked.kept |= picked.closure.of(best[1])
    return True
