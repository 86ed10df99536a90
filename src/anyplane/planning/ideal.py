"""ideal: reality against geography: who is not at the nearest site, what it costs, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyplane.planning.catchment import Catchment, has_metros
from anyplane.planning.latency import LatencyModel
from anyplane.planning.reasons import reason
from anyplane.planning.report import Ideal, Misplaced, Rtt
from anyplane.planning.rounding import part, people
from anyplane.planning.tally import rtt_of
from anyplane.planning.weighted import Float64
from anyplane.routing import Routes

GROUPS = 10
SAME_PLACE_KM = 1.0
"""Two sites this close to each other are equally near."""


def ideal(
    found: Catchment,
    routes: Routes,
    *,
    names: Sequence[str],
    km_to_site: Float64,
    is_open: Sequence[bool],
    latency: LatencyModel,
) -> Ideal:
    """The Ideal of this catchment.

    km_to_site: (M, R) from each metro to each real site. is_open: (R,) sites that announce in this scenario.
    """
    if not any(is_open) or not has_metros(routes.topology):
        return Ideal(users=0.0, share=0.0, lost_ms=0.0, lost_mean_ms=0.0, rtt=Rtt())
    clients = found.clients
    candidates = np.where(np.array(is_open)[None, :], km_to_site, np.inf)
    nearest_of_metro = candidates.argmin(axis=1)
    nearest = nearest_of_metro[clients.metro]
    nearest_km = candidates.min(axis=1)[clients.metro]
    # One network is crossed on the best of all paths: the origin itself.
    best_rtt = latency.rtt(nearest_km, 1)

    served = found.is_served
    reached_km = np.where(served, km_to_site[clients.metro, np.where(served, found.site, 0)], 0.0)
    lost = np.where(served, np.maximum(found.rtt - best_rtt, 0.0), 0.0)
    misplaced = served & (found.site != nearest) & (reached_km > nearest_km + SAME_PLACE_KM)
    users = float(clients.users[misplaced].sum())
    lost_total = float((clients.users * lost)[misplaced].sum())
    cost = np.where(misplaced, clients.users * lost, 0.0)
    worst = np.lexsort((np.arange(len(cost)), -cost))[:GROUPS]
    groups = tuple(
        _group(found, routes, int(u), int(nearest[u]), float(best_rtt[u]), names)
        for u in worst
        if misplaced[u]
    )
    total_served = float(clients.users[served].sum())
    return Ideal(
        users=people(users),
        share=part(users, clients.total),
        lost_ms=round(lost_total / users, 2) if users else 0.0,
        lost_mean_ms=round(lost_total / total_served, 2) if total_served else 0.0,
        rtt=rtt_of(best_rtt, clients.users),
        groups=groups,
    )


def _group(
    found: Catchment, routes: Routes, u: int, nearest: int, best_rtt: float, names: Sequence[str]
) -> Misplaced:
    topology = routes.topology
    network = int(found.clients.network[u])
    return Misplaced(
        asn=int(topology.asn[network]),
        name=topology.name[network] if topology.name else "",
        metro=topology.metros.code[int(found.clients.metro[u])],
        reached=names[int(found.site[u])],
        nearest=names[nearest],
        users=people(found.clients.users[u]),
        rtt_ms=round(float(found.rtt[u]), 2),
        nearest_rtt_ms=round(best_rtt, 2),
        lost_ms=round(float(found.rtt[u]) - best_rtt, 2),
        certain=int(found.choices[u]) == 1,
        reason=reason(routes, int(found.clients.pop[u]), nearest, names),
    )
