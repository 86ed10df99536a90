"""crossing: how likely a packet that follows these routes ends at a site, or crosses one of some networks.

The same even draws as `ties.expected`, one number for each pop instead of one for each site. A network that
is crossed takes the packet whatever its own route says: so it is where a more-specific prefix is known,
because the longest match is looked up anew in every network on the way (RFC 4632 section 5.1).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.routes import Routes
from anyplane.routing.ties import engine_of, exits_of, nearest_of

NOWHERE = -1


def crossing(
    routes: Routes, *, site: int = NOWHERE, networks: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(P,) the chance that a packet from each pop ends at `site` or meets one of `networks` on its way.

    networks: (N,). The network in which it begins counts as met. With a site alone it is the column of
    that site in ties.expected.
    """
    engine = engine_of(routes)
    work = engine.workspace
    taken = np.zeros(routes.topology.networks, np.bool_) if networks is None else networks
    chance = np.where(taken[routes.topology.pop_network], 1.0, 0.0)
    _cross(
        engine.graph,
        engine.seed_arrays.table,
        work.node,
        work.offer,
        work.order[: int(work.settled[0])],
        np.zeros(routes.topology.pops, np.int32),
        taken,
        site,
        chance,
    )
    return chance


@njit(cache=True, nogil=True)
def _cross(graph, seeds, node, offer, order, drawn, taken, site, chance):  # type: ignore[no-untyped-def]
    pop_start, pop_metro, km = graph.pop_start, graph.pop_metro, graph.km
    ic_own, ic_far, seed_pop, seed_site = graph.ic_own, graph.ic_far, seeds.pop, seeds.site
    for network in order:
        if taken[network]:
            continue
        first, last = np.int64(pop_start[network]), np.int64(pop_start[network + 1])
        at = node[network, 1]
        while at >= 0:
            via = offer[at, 0]
            at = offer[at, 1]
            if via >= 0:
                heard_at = np.int64(ic_far[via])
                chance[heard_at] += chance[ic_own[via]]
            else:
                heard_at = np.int64(seed_pop[-(via + 1)])
                if seed_site[-(via + 1)] == site:
                    chance[heard_at] += 1.0
            drawn[heard_at] += 1

        if last - first == 1:
            if drawn[first] > 1:
                chance[first] /= drawn[first]
            continue
        exit_pops = exits_of(first, last, drawn)
        for exit_pop in exit_pops:
            chance[exit_pop] /= drawn[exit_pop]
        if len(exit_pops) == last - first:
            continue
        for pop in range(first, last):
            if drawn[pop]:
                continue
            # Each draw of an equally near exit counts alike: an exit weighs as many as it has.
            nearest = nearest_of(pop, exit_pops, pop_metro, km)
            draws = 0
            for exit_pop in nearest:
                draws += drawn[exit_pop]
                chance[pop] += chance[exit_pop] * drawn[exit_pop]
            chance[pop] /= draws
