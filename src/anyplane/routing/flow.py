"""flow: where a weight on every pop (its users) ends up when every tie on the way is an even draw.

The same draws as `ties.expected`, run the other way: instead of a probability for each site at each pop, the
weight itself is handed on from network to network, in the reverse of the order in which they were settled. So
it needs memory for the pops alone, however many sites there are.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.frontier import Engine
from anyplane.routing.routes import Routes


def flow(routes: Routes, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) the weight that reaches each site: weight @ expected(routes). weight: (P,)."""
    engine = routes.engine
    if not isinstance(engine, Engine):
        engine = Engine(routes.topology, routes.seeds)
        engine.run_row(routes.lengths, reuse=True)
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
    for position in range(len(order) - 1, -1, -1):
        network = order[position]
        first, last = graph.pop_start[network], graph.pop_start[network + 1]
        exits = 0
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            pop = graph.ic_far[via] if via >= 0 else seeds.pop[-(via + 1)]
            if drawn[pop] == 0:
                exits += 1
            drawn[pop] += 1
        exit_pops = np.empty(exits, np.int32)
        filled = 0
        for pop in range(first, last):
            if drawn[pop]:
                exit_pops[filled] = pop
                filled += 1

        # Inside of the network: from each pop without an exit of its own to the exits nearest to it.
        for pop in range(first, last):
            if drawn[pop] or weight[pop] == 0.0:
                continue
            nearest = np.float32(np.inf)
            for exit_pop in exit_pops:
                nearest = min(nearest, graph.km[graph.pop_metro[pop], graph.pop_metro[exit_pop]])
            draws = 0
            for exit_pop in exit_pops:
                if graph.km[graph.pop_metro[pop], graph.pop_metro[exit_pop]] == nearest:
                    draws += drawn[exit_pop]
            for exit_pop in exit_pops:
                if graph.km[graph.pop_metro[pop], graph.pop_metro[exit_pop]] == nearest:
                    weight[exit_pop] += weight[pop] * drawn[exit_pop] / draws

        # Out of it: each of the equally good ways takes an equal part.
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                pop = graph.ic_far[via]
                weight[graph.ic_own[via]] += weight[pop] / drawn[pop]
            else:
                pop = seeds.pop[-(via + 1)]
                reached[seeds.site[-(via + 1)]] += weight[pop] / drawn[pop]
