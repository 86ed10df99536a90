"""Where two linked networks meet: in every metro that both are in, else at the nearest pair; for `build`."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def count_interconnects(adj_start, adj, pop_start, pop_metro, counts):  # type: ignore[no-untyped-def]
    """counts[a + 1]: at how many pairs of pops adjacency a is used."""
    for n in range(len(adj_start) - 1):
        for a in range(adj_start[n], adj_start[n + 1]):
            i, j = pop_start[n], pop_start[adj[a]]
            i_end, j_end = pop_start[n + 1], pop_start[adj[a] + 1]
            shared = 0
            while i < i_end and j < j_end:
                if pop_metro[i] == pop_metro[j]:
                    shared += 1
                    i += 1
                    j += 1
                elif pop_metro[i] < pop_metro[j]:
                    i += 1
                else:
                    j += 1
            counts[a + 1] = max(shared, 1)


@njit(cache=True)
def fill_interconnects(adj_start, adj, pop_start, pop_metro, km, start, own, far):  # type: ignore[no-untyped-def]
    """own and far of every interconnect; `start` says where those of an adjacency go."""
    for n in range(len(adj_start) - 1):
        for a in range(adj_start[n], adj_start[n + 1]):
            i, j = pop_start[n], pop_start[adj[a]]
            i_end, j_end = pop_start[n + 1], pop_start[adj[a] + 1]
            at = start[a]
            while i < i_end and j < j_end:
                if pop_metro[i] == pop_metro[j]:
                    own[at] = i
                    far[at] = j
                    at += 1
                    i += 1
                    j += 1
                elif pop_metro[i] < pop_metro[j]:
                    i += 1
                else:
                    j += 1
            if at == start[a]:
                # No metro in common: the nearest pair. The lower network goes outside, so that both
                # directions of the link choose the same pair when two are equally near.
                low, high = min(n, adj[a]), max(n, adj[a])
                best = np.float32(np.inf)
                for i in range(pop_start[low], pop_start[low + 1]):
                    for j in range(pop_start[high], pop_start[high + 1]):
                        apart = km[pop_metro[i], pop_metro[j]]
                        if apart < best:
                            best = apart
                            own[at] = i if low == n else j
                            far[at] = j if low == n else i
