"""flow: where a weight on every pop (its users) ends up when every tie on the way is an even draw.

The same draws as `ties.expected`, run the other way: instead of a probability for each site at each pop, the
weight itself is handed on from network to network, in the reverse of the order in which they were settled. So
it needs memory for the pops alone, however many sites there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.routes import Routes
from anyplane.routing.ties import engine_of, exits_of, nearest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Where W weights end up. by_seed: (W, K) what comes in over each seed; sunk: (W,) what never does."""

    by_seed: NDArray[np.float64]
    sunk: NDArray[np.float64]


def flow(routes: Routes, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) the weight that reaches each site: weight @ expected(routes). weight: (P,)."""
    engine = engine_of(routes)
    work = engine.workspace
    reached = np.zeros(routes.seeds.sites, np.float64)
    _hand_on(
        engine.graph,
        engine.seed_arrays.table,
        work.node,
        work.offer,
        work.order[: int(work.settled[0])],
        np.zeros(routes.topology.pops, np.int32),
        np.asarray(weight, np.float64).copy(),
        reached,
    )
    return reached


def flows(routes: Routes, weights: NDArray[np.float64], *, sinks: NDArray[np.bool_] | None = None) -> Flows:
    """The flow of several weights at once, by the seed over which it comes in. weights: (W, P).

    sinks: (N,) networks in which it all ends, whether it begins there or passes through: as behind a
    blackhole (RFC 7999). A weight without a route is neither at a seed nor sunk.
    """
    engine = engine_of(routes)
    work = engine.workspace
    weight = np.ascontiguousarray(np.asarray(weights, np.float64).T)
    by_seed = np.zeros((len(routes.seeds.seeds), weight.shape[1]), np.float64)
    sunk = np.zeros(weight.shape[1], np.float64)
    if weight is weights or np.shares_memory(weight, weights):
        weight = weight.copy()
    _hand_all_on(
        engine.graph,
        engine.seed_arrays.table,
        work.node,
        work.offer,
        work.order[: int(work.settled[0])],
        np.zeros(routes.topology.pops, np.int32),
        np.zeros(routes.topology.networks, np.bool_) if sinks is None else sinks,
        weight,
        by_seed,
        sunk,
    )
    return Flows(by_seed=np.ascontiguousarray(by_seed.T), sunk=sunk)


@njit(cache=True, nogil=True)
def _hand_on(graph, seeds, node, offer, order, drawn, weight, reached):  # type: ignore[no-untyped-def]
    pop_start, pop_metro, km = graph.pop_start, graph.pop_metro, graph.km
    ic_own, ic_far, seed_pop, seed_site = graph.ic_own, graph.ic_far, seeds.pop, seeds.site
    for position in range(len(order) - 1, -1, -1):
        network = order[position]
        first, last = np.int64(pop_start[network]), np.int64(pop_start[network + 1])
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            drawn[np.int64(ic_far[via]) if via >= 0 else np.int64(seed_pop[-(via + 1)])] += 1

        # Inside of the network: from each pop without an exit of its own to the exits nearest to it.
        if last - first > 1:
            exit_pops = exits_of(first, last, drawn)
            for pop in range(first, last):
                if drawn[pop] or weight[pop] == 0.0:
                    continue
                nearest = nearest_of(pop, exit_pops, pop_metro, km)
                draws = 0
                for exit_pop in nearest:
                    draws += drawn[exit_pop]
                for exit_pop in nearest:
                    weight[exit_pop] += weight[pop] * drawn[exit_pop] / draws

        # Out of it: each of the equally good ways takes an equal part.
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                left_at = np.int64(ic_far[via])
                weight[ic_own[via]] += weight[left_at] / drawn[left_at]
            else:
                left_at = np.int64(seed_pop[-(via + 1)])
                reached[seed_site[-(via + 1)]] += weight[left_at] / drawn[left_at]


@njit(cache=True, nogil=True)
def _hand_all_on(  # type: ignore[no-untyped-def]
    graph, seeds, node, offer, order, drawn, sinks, weight, by_seed, sunk
):
    """As _hand_on, for (P, W) weights; by_seed (K, W) and sunk (W,) are added to."""
    pop_start, pop_metro, km = graph.pop_start, graph.pop_metro, graph.km
    ic_own, ic_far, seed_pop = graph.ic_own, graph.ic_far, seeds.pop
    many = weight.shape[1]
    for position in range(len(order) - 1, -1, -1):
        network = order[position]
        first, last = np.int64(pop_start[network]), np.int64(pop_start[network + 1])
        is_empty = True
        for pop in range(first, last):
            for w in range(many):
                is_empty &= weight[pop, w] == 0.0
        if is_empty:
            continue
        if sinks[network]:
            for pop in range(first, last):
                for w in range(many):
                    sunk[w] += weight[pop, w]
            continue
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            drawn[np.int64(ic_far[via]) if via >= 0 else np.int64(seed_pop[-(via + 1)])] += 1

        if last - first > 1:
            exit_pops = exits_of(first, last, drawn)
            for pop in range(first, last):
                if drawn[pop]:
                    continue
                nearest = nearest_of(pop, exit_pops, pop_metro, km)
                draws = 0
                for exit_pop in nearest:
                    draws += drawn[exit_pop]
                for exit_pop in nearest:
                    for w in range(many):
                        weight[exit_pop, w] += weight[pop, w] * drawn[exit_pop] / draws

        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                left_at = np.int64(ic_far[via])
                for w in range(many):
                    weight[ic_own[via], w] += weight[left_at, w] / drawn[left_at]
            else:
                left_at = np.int64(seed_pop[-(via + 1)])
                for w in range(many):
                    by_seed[-(via + 1), w] += weight[left_at, w] / drawn[left_at]
