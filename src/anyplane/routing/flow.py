"""flow: where a weight on every pop (its users) ends up when every tie on the way is an even draw.

The same draws as `ties.expected`, run the other way: instead of a probability for each site at each pop, the
weight itself is handed on from network to network, in the reverse of the order in which they were settled. So
it needs memory for the pops alone, however many sites there are.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.routes import Routes
from anyplane.routing.ties import engine_of, exits_of, nearest_of


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
