"""expected: how likely each site is at each pop when every tie on the way is an even draw."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.frontier import Engine
from anyplane.routing.routes import Routes


def expected(routes: Routes) -> NDArray[np.float32]:
    """(P, S) the probability that a pop reaches a site; rows sum to 1, or to 0 where there is no route.

    Each pop draws evenly, and independently of all others, among its equally good candidates (those that
    only rule 5 of `reference` tells apart). The value is exact under that assumption, since the candidates'
    own draws do not depend on it. Memory: 4 P S bytes.
    """
    engine = Engine(routes.topology, routes.seeds)
    engine.run_row(routes.lengths, reuse=True)
    work = engine.workspace
    chance = np.zeros((routes.topology.pops, routes.seeds.sites), np.float32)
    _spread(
        engine.graph,
        engine.seed_arrays.table,
        work.node,
        work.offer,
        work.order[: int(work.settled[0])],
        np.zeros(routes.topology.pops, np.int32),
        chance,
    )
    return chance


@njit(cache=True, nogil=True)
def _spread(graph, seeds, node, offer, order, drawn, chance):  # type: ignore[no-untyped-def]
    sites = chance.shape[1]
    for network in order:
        first, last = graph.pop_start[network], graph.pop_start[network + 1]
        exits = 0
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                pop = graph.ic_far[via]
                for s in range(sites):
                    chance[pop, s] += chance[graph.ic_own[via], s]
            else:
                pop = seeds.pop[-(via + 1)]
                chance[pop, seeds.site[-(via + 1)]] += 1
            if drawn[pop] == 0:
                exits += 1
            drawn[pop] += 1

        exit_pops = np.empty(exits, np.int32)
        at = 0
        for pop in range(first, last):
            if drawn[pop]:
                exit_pops[at] = pop
                at += 1
        for pop in range(first, last):
            if drawn[pop]:
                continue
            nearest = np.float32(np.inf)
            for exit_pop in exit_pops:
                nearest = min(nearest, graph.km[graph.pop_metro[pop], graph.pop_metro[exit_pop]])
            draws = 0
            for exit_pop in exit_pops:
                if graph.km[graph.pop_metro[pop], graph.pop_metro[exit_pop]] == nearest:
                    draws += drawn[exit_pop]
                    for s in range(sites):
                        chance[pop, s] += chance[exit_pop, s]
            for s in range(sites):
                chance[pop, s] /= draws
        for exit_pop in exit_pops:
            for s in range(sites):
                chance[exit_pop, s] /= drawn[exit_pop]
