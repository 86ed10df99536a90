"""hidden: users who reach sites alone and not the prefix of all, and the networks that hide it from them.

A network that prefers a route which it may not hand on (NO_EXPORT, RFC 1997; action communities) offers its
customers nothing, not even the route to another site that it hears as well. So a local site takes the prefix
away from those who have no other provider. The stable state of `anyplane plan` has the same users without a
route.
"""

from __future__ import annotations

import numpy as np

from anyplane.planning.alternatives.world import Addresses, Ground
from anyplane.planning.figures import count, listed, percent
from anyplane.routing import Routes, propagate
from anyplane.routing.routes import NO_NEXT, NO_SITE, UNREACHED

HIDDEN = 0.001
"""Share of users worth a warning."""
MOST = 3


def hidden(on: Ground, found: Addresses) -> str:
    """A warning with the networks to blame and what to do; "" where fewer than HIDDEN of users are meant."""
    topology, clients = on.topology, on.clients
    routes = propagate(topology, on.scenario.seeds)
    lost = (routes.site[clients.pop] == NO_SITE) & np.isfinite(found.best)
    users = float(clients.users[lost].sum())
    if users <= HIDDEN * clients.total:
        return ""
    whose = np.bincount(topology.pop_network[clients.pop[lost]], clients.users[lost], topology.networks)
    blamed: dict[int, float] = {}
    for network in np.flatnonzero(whose):
        for holder in _holders(routes, int(network)):
            blamed[holder] = blamed.get(holder, 0.0) + float(whose[network])
    text = (
        f"{percent(users / clients.total)} of users ({count(users)}) have a route to sites alone and none to "
        "the prefix of all"
    )
    if not blamed:
        return text
    order = sorted(blamed, key=lambda network: (-blamed[network], network))
    some = "; ".join(
        f"{_named(on, routes, network)}, {count(blamed[network])} users" for network in order[:MOST]
    )
    more = f"; {len(order) - MOST} networks more" if len(order) > MOST else ""
    return (
        f"{text}: behind networks that prefer a route which they may not hand on, by NO_EXPORT or a "
        f"community ({some}{more}). A covering prefix from the sites without NO_EXPORT would reach them"
    )


def _holders(routes: Routes, network: int) -> list[int]:
    """The nearest networks above this one that keep a session's route to themselves, ascending."""
    topology = routes.topology
    seen, level = {network}, [network]
    while level:
        above: set[int] = set()
        for one in level:
            first, last = int(topology.adj_start[one]), int(topology.adj_peers[one])
            above.update(int(other) for other in topology.adj[first:last])
        above -= seen
        holding = sorted(one for one in above if int(routes.length[one]) != UNREACHED)
        kept = [one for one in holding if _seeds(routes, one)]
        if holding:
            return kept
        seen |= above
        level = sorted(above)
    return []


def _seeds(routes: Routes, network: int) -> list[int]:
    """The seeds that this network has chosen in its metros and whose route it may not hand on to somebody."""
    first, last = int(routes.topology.pop_start[network]), int(routes.topology.pop_start[network + 1])
    hops = {int(hop) for hop in routes.next_hop[first:last]}
    chosen = sorted(-hop - 1 for hop in hops if hop < 0 and hop != NO_NEXT)
    return [k for k in chosen if any(rule.blocks for rule in routes.seeds.seeds[k].filters)]


def _named(on: Ground, routes: Routes, network: int) -> str:
    names = sorted({on.scenario.sites[routes.seeds.seeds[k].site] for k in _seeds(routes, network)})
    known = on.topology.name[network] if on.topology.name else ""
    who = f"AS{int(on.topology.asn[network])} {known}".rstrip()
    return f"{who} with that of {listed(names, most=2)}"
