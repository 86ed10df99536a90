"""The compiled part of `planning.deciding`: who chooses for whom, and how much of a doubt is a pop's own."""

from __future__ import annotations

import numpy as np
from numba import njit

from anyplane.calibration.offer_kernels import GROUPS, PER_LINK, weigh


@njit(cache=True, nogil=True)
def follow(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, waiting, least, sweeps, carried, own, variance,
):  # fmt: skip
    """Hand users, waiting (P, K), on along the offers that their pops take; carried (P, K): who pass a pop.

    The pops are taken from the far ones to those near the sites, `sweeps` times at most, while one has more
    than `least` users waiting; `waiting` is used up. A pop takes link j with weight w_j and then reaches its
    sites with q_j. Its doubt is 1 - max_s sum_j w_j q_js. Knowing j would leave sum_j w_j (1 - max_s q_js):
    that part is its neighbours'; the rest is its own choice: own (P,). variance (P, S) is that in squares:
    sum_j w_j q_js^2 - (sum_j w_j q_js)^2.
    """
    links = np.zeros((deepest, PER_LINK), np.float64)
    share = np.zeros(widest, np.float64)
    groups = np.zeros((GROUPS, 4), np.float64)
    sites = variance.shape[1]
    by_link = np.zeros((deepest, sites), np.float64)
    whole = np.zeros(sites, np.float64)
    square = np.zeros(sites, np.float64)
    for _ in range(sweeps):
        is_done = True
        for at in range(len(order) - 1, -1, -1):
            p = order[at]
            if waiting[p].sum() <= least:
                continue
            is_done = False
            is_first = carried[p].sum() == 0.0
            carried[p] += waiting[p]
            base = adj_start[pop_network[p]]
            if not weigh(
                p, base, start, o_next, o_link, o_group, o_chance, o_geo, o_from, o_like, strict,
                probability, links, share, groups,
            ):  # fmt: skip
                waiting[p] = 0.0
                continue
            users = waiting[p].copy()
            waiting[p] = 0.0
            for o in range(start[p], start[p + 1]):
                if o_link[o] >= 0:
                    for k in range(len(users)):
                        waiting[o_next[o], k] += users[k] * share[o - start[p]]
            if not is_first:
                continue
            known = 0.0
            whole[:] = 0.0
            square[:] = 0.0
            for o in range(start[p], start[p + 1]):
                part = share[o - start[p]]
                if part <= 0.0:
                    continue
                whole[o_site[o]] += part
                if o_link[o] < 0:
                    known += part
                    square[o_site[o]] += part
                else:
                    by_link[o_link[o] - base, o_site[o]] += part
            for o in range(start[p], start[p + 1]):
                if o_link[o] < 0 or share[o - start[p]] <= 0.0:
                    continue
                j = o_link[o] - base
                weight = by_link[j].sum()
                if weight <= 0.0:
                    continue
                known += by_link[j].max()
                for s in range(sites):
                    square[s] += by_link[j, s] ** 2 / weight
                    by_link[j, s] = 0.0
            own[p] = max(0.0, known - whole.max())
            for s in range(sites):
                variance[p, s] = max(0.0, square[s] - whole[s] ** 2)
        if is_done:
            return
