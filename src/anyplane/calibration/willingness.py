"""Willingness: how likely it is that a link carries a site, for the links on which nobody was seen to look.

A graph of relationships says who would hand a route on by the rules; real networks filter, limit what they
tell to peers, or prefer something else. Of every neighbour it is counted how many observed networks took its
offer and how many have something worse instead. For a neighbour that nobody observed, its class has to do.
The estimate is Beta-binomial: a class's rate counts as much as STRENGTH observations of the neighbour itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.alone import Alone, Ground, Int32
from anyplane.calibration.alone_kernels import FAR
from anyplane.calibration.evidence import Evidence

BEFORE = {1: 0.5, 2: 0.6, 3: 0.9}
"""Of a customer, a peer, a provider, before anything is known."""
STRENGTH = 2.0
CLASS_STRENGTH = 5.0
POOL_STRENGTH = 10.0

Key = tuple[int, int]
"""(neighbour, class in which the network holds what it gets from there)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Willingness:
    """taken, refused: by Key, how many observed networks. links: adjacency -> does it carry, as seen."""

    taken: dict[Key, int]
    refused: dict[Key, int]
    links: dict[int, bool]

    def totals(self, route_class: int) -> tuple[int, int]:
        """(taken, refused) of a class; a neighbour -1 stands for all of them."""
        if (-1, route_class) in self.taken:
            return self.taken[-1, route_class], self.refused.get((-1, route_class), 0)
        taken = sum(count for (_, c), count in self.taken.items() if c == route_class)
        return taken, sum(count for (_, c), count in self.refused.items() if c == route_class)

    def of_class(self, route_class: int) -> float:
        """The rate of a class, all neighbours together."""
        taken, refused = self.totals(route_class)
        return (taken + CLASS_STRENGTH * BEFORE[route_class]) / (taken + refused + CLASS_STRENGTH)


UNKNOWN = Willingness(taken={}, refused={}, links={})


def willingness(ground: Ground, seen: Evidence, routes: Alone, added: Int32) -> Willingness:
    """The Willingness that the observed networks show. routes: with corrections; added: without refusals."""
    topology = ground.topology
    taken: Counter[Key] = Counter()
    refused: Counter[Key] = Counter()
    links: dict[int, bool] = {}
    for network, next_hops in seen.taken.items():
        if seen.hears_the_site(network):
            continue
        for neighbour in next_hops:
            at = ground.adjacency(network, neighbour)
            if at >= 0:
                taken[neighbour, int(ground.route_class[at])] += 1
                links[at] = True
        main = seen.main(network)
        used = ground.adjacency(network, main)
        if used < 0 or int(routes.length[main]) >= FAR:
            continue
        rank = int(ground.route_class[used]), int(routes.length[main]) + 1 + int(added[used])
        start, end = int(topology.adj_start[network]), int(topology.adj_start[network + 1])
        for at in (np.flatnonzero(_would_offer(ground, routes, start, end)) + start).tolist():
            neighbour, held_as = int(topology.adj[at]), int(ground.route_class[at])
            if at not in links and (held_as, int(routes.length[neighbour]) + 1 + int(added[at])) < rank:
                refused[neighbour, held_as] += 1
                links[at] = False
    return Willingness(taken=dict(taken), refused=dict(refused), links=links)


def rates(ground: Ground, known: Willingness, routes: Alone, elsewhere: Willingness) -> NDArray[np.float32]:
    """(A,) the chance that each adjacency hands over the site: 0 where it has no path to offer.

    elsewhere: what towards other sites was seen. A neighbour's rate there counts as much as POOL_STRENGTH
    observations of it here: a collector that never hears of a site says nothing about who refused it.
    """
    by_class = [0.0] * 4
    for c in (1, 2, 3):
        taken, refused = known.totals(c)
        there = elsewhere.of_class(c)
        by_class[c] = (taken + CLASS_STRENGTH * there) / (taken + refused + CLASS_STRENGTH)
    rate = np.array(by_class, np.float32)[ground.route_class] * routes.offered
    for c in (1, 2, 3):
        table = np.full(ground.topology.networks, np.nan, np.float32)
        for neighbour, held_as in {*known.taken, *known.refused, *elsewhere.taken, *elsewhere.refused}:
            if held_as == c and neighbour >= 0:
                table[neighbour] = _rate(known, elsewhere, (neighbour, c), by_class[c])
        own = table[ground.topology.adj]
        rate = np.where((ground.route_class == c) & ~np.isnan(own), own * routes.offered, rate)
    for link, carries in known.links.items():
        rate[link] = float(carries and bool(routes.offered[link]))
    return rate.astype(np.float32)


def _rate(known: Willingness, elsewhere: Willingness, key: Key, of_class: float) -> float:
    taken, refused = elsewhere.taken.get(key, 0), elsewhere.refused.get(key, 0)
    there = (taken + STRENGTH * of_class) / (taken + refused + STRENGTH)
    taken, refused = known.taken.get(key, 0), known.refused.get(key, 0)
    return (taken + POOL_STRENGTH * there) / (taken + refused + POOL_STRENGTH)


def _would_offer(ground: Ground, routes: Alone, start: int, end: int) -> NDArray[np.bool_]:
    """(end - start,) does the neighbour have a route that the rules let it hand over?"""
    neighbours = ground.topology.adj[start:end]
    may = (ground.route_class[start:end] == 3) | (routes.route_class[neighbours] <= 1)
    offered: NDArray[np.bool_] = may & (routes.length[neighbours] < FAR)
    return offered
