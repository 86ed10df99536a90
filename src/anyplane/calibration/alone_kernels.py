"""The compiled part of `alone`: the routes to one site that announces by itself, network by network."""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = np.int32(1 << 28)
"""No route. Also what is added to an offer that does not exist."""
SEED = -1
NOWHERE = -2
LOOP = 64
"""No real path is as long; a walk that takes more steps goes round."""


@njit(cache=True, nogil=True)
def upward(adj_start, adj_peers, adj_customers, adj):  # type: ignore[no-untyped-def]
    """(N,) the networks, customers before their providers; a loop of customers is cut at its lowest index."""
    n = len(adj_peers)
    left = np.empty(n, np.int64)
    order = np.empty(n, np.int64)
    placed = np.zeros(n, np.bool_)
    count = 0
    read = 0
    lowest = 0
    for network in range(n):
        left[network] = adj_start[network + 1] - adj_customers[network]
        if left[network] == 0:
            order[count] = network
            placed[network] = True
            count += 1
    while count < n or read < count:
        while read < count:
            network = order[read]
            read += 1
            for a in range(adj_start[network], adj_peers[network]):
                provider = adj[a]
                left[provider] -= 1
                if left[provider] == 0 and not placed[provider]:
                    order[count] = provider
                    placed[provider] = True
                    count += 1
        while lowest < n and placed[lowest]:
            lowest += 1
        if lowest < n:
            order[count] = lowest
            placed[lowest] = True
            count += 1
    return order


@njit(cache=True, nogil=True)
def settle(  # type: ignore[no-untyped-def]
    order, adj_start, adj_peers, adj_customers, adj, seed_network, seed_class, seed_length, added, silent,
    leaks, before_length, before_via,
):  # fmt: skip
    """(route_class, length, via) of each network; via: the adjacency taken, SEED or NOWHERE.

    seed_class: 0 customer, 1 peer, -1 where the network itself originates; it then takes nothing else.
    added: (A,) what adjacency a adds to the path that its neighbour hands over, FAR where it hands over
    nothing. leaks: adjacencies over which the neighbour hands over whatever it has; they read the state
    before.
    """
    n = len(adj_peers)
    best = np.full((3, n), FAR, np.int32)
    by = np.full((3, n), NOWHERE, np.int64)
    owns = np.zeros(n, np.bool_)
    for k in range(len(seed_network)):
        owns[seed_network[k]] |= seed_class[k] < 0
    for k in range(len(seed_network)):
        network, c = seed_network[k], max(seed_class[k], 0)
        if owns[network] and seed_class[k] >= 0:
            continue
        if seed_length[k] < best[c, network]:
            best[c, network] = seed_length[k]
            by[c, network] = SEED
    for a in leaks:
        network = np.searchsorted(adj_start, a, side="right") - 1
        neighbour = adj[a]
        if before_length[neighbour] >= FAR or added[a] >= FAR or silent[network] or silent[neighbour]:
            continue
        if owns[network]:
            continue
        if passes(neighbour, network, before_via, adj):
            continue
        c = 2 if a < adj_peers[network] else (1 if a < adj_customers[network] else 0)
        length = before_length[neighbour] + 1 + added[a]
        if length < best[c, network]:
            best[c, network] = length
            by[c, network] = a
    for at in range(n):
        network = order[at]
        if silent[network] or owns[network]:
            continue
        for a in range(adj_customers[network], adj_start[network + 1]):
            if best[0, adj[a]] < FAR and added[a] < FAR and not silent[adj[a]]:
                length = best[0, adj[a]] + 1 + added[a]
                if length < best[0, network]:
                    best[0, network] = length
                    by[0, network] = a
    for network in range(n):
        if silent[network]:
            continue
        for a in range(adj_peers[network], adj_customers[network]):
            if best[0, adj[a]] < FAR and added[a] < FAR and not silent[adj[a]]:
                length = best[0, adj[a]] + 1 + added[a]
                if length < best[1, network]:
                    best[1, network] = length
                    by[1, network] = a
    route_class = np.full(n, 255, np.uint8)
    reached = np.full(n, FAR, np.int32)
    via = np.full(n, NOWHERE, np.int64)
    for at in range(n - 1, -1, -1):
        network = order[at]
        if silent[network]:
            continue
        for c in range(2):
            if best[c, network] < FAR and via[network] == NOWHERE:
                route_class[network] = 0 if owns[network] else c + 1
                reached[network] = best[c, network]
                via[network] = by[c, network]
        if via[network] != NOWHERE:
            continue
        reached[network] = best[2, network]
        via[network] = by[2, network]
        for a in range(adj_start[network], adj_peers[network]):
            if reached[adj[a]] < FAR and added[a] < FAR:
                length = reached[adj[a]] + 1 + added[a]
                if length < reached[network]:
                    reached[network] = length
                    via[network] = a
        if reached[network] < FAR:
            route_class[network] = 3
    return route_class, reached, via


@njit(cache=True, nogil=True)
def passes(start, network, via, adj):  # type: ignore[no-untyped-def]
    """Does the path from `start` lead through `network`, or nowhere at all?"""
    here = start
    for _ in range(LOOP):
        if here == network:
            return True
        if via[here] == SEED:
            return False
        if via[here] < 0:
            return True
        here = adj[via[here]]
    return True


@njit(cache=True, nogil=True)
def handed_over(  # type: ignore[no-untyped-def]
    adj_start, adj_peers, adj, route_class, length, via, added, is_leak
):
    """(A,) does adjacency a offer its network a path to this site, free of loops?"""
    offered = np.zeros(len(adj), np.bool_)
    for network in range(len(adj_peers)):
        for a in range(adj_start[network], adj_start[network + 1]):
            neighbour = adj[a]
            if length[neighbour] >= FAR or added[a] >= FAR:
                continue
            if a >= adj_peers[network] and route_class[neighbour] > 1 and not is_leak[a]:
                continue
            offered[a] = not passes(neighbour, network, via, adj)
    return offered
