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
    engine = engine_of(routes)
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


def engine_of(routes: Routes) -> Engine:
    """The engine whose Workspace holds the offers behind these routes; made again where it is gone."""
    if isinstance(routes.engine, Engine):
        return routes.engine
    engine = Engine(routes.topology, routes.seeds)
    engine.run_row(routes.lengths, reuse=True)
    return engine


@njit(cache=True, nogil=True)
def exits_of(first, last, drawn):  # type: ignore[no-untyped-def]
    """The pops from first to last at which something is drawn: where the network is left."""
    count = 0
    for pop in range(first, last):
        count += drawn[pop] > 0
    exit_pops = np.empty(count, np.int64)
    at = 0
    for pop in range(first, last):
        if drawn[pop]:
            exit_pops[at] = pop
            at += 1
    return exit_pops


@njit(cache=True, nogil=True)
def nearest_of(pop, exit_pops, pop_metro, km):  # type: ignore[no-untyped-def]
    """Those of the exits that are as near to this pop as any (rule 4 of `reference`)."""
    nearest = np.float32(np.inf)
    for exit_pop in exit_pops:
        nearest = min(nearest, km[pop_metro[pop], pop_metro[exit_pop]])
    count = 0
    chosen = np.empty(len(exit_pops), np.int64)
    for exit_pop in exit_pops:
        if km[pop_metro[pop], pop_metro[exit_pop]] == nearest:
            chosen[count] = exit_pop
            count += 1
    return chosen[:count]


@njit(cache=True, nogil=True)
def _spread(graph, seeds, node, offer, order, drawn, chance):  # type: ignore[no-untyped-def]
    # Reading a field of a named tuple costs an atomic count, so each is read once.
    pop_start, pop_metro, km = graph.pop_start, graph.pop_metro, graph.km
    ic_own, ic_far, seed_pop, seed_site = graph.ic_own, graph.ic_far, seeds.pop, seeds.site
    sites = chance.shape[1]
    for network in order:
        first, last = np.int64(pop_start[network]), np.int64(pop_start[network + 1])
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                heard_at = np.int64(ic_far[via])
                for s in range(sites):
                    chance[heard_at, s] += chance[ic_own[via], s]
            else:
                heard_at = np.int64(seed_pop[-(via + 1)])
                chance[heard_at, seed_site[-(via + 1)]] += 1
            drawn[heard_at] += 1

        exit_pops = exits_of(first, last, drawn)
        if len(exit_pops) < last - first:
            for pop in range(first, last):
                if drawn[pop]:
                    continue
                draws = 0
                for exit_pop in nearest_of(pop, exit_pops, pop_metro, km):
                    draws += drawn[exit_pop]
                    for s in range(sites):
                        chance[pop, s] += chance[exit_pop, s]
                for s in range(sites):
                    chance[pop, s] /= draws
        for exit_pop in exit_pops:
            for s in range(sites):
                chance[exit_pop, s] /= drawn[exit_pop]
