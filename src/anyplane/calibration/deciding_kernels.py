"""The compiled part of `planning.deciding`: how far a pop's doubt is its own, not that of its neighbours."""

from __future__ import annotations

import numpy as np
from numba import njit

from anyplane.calibration.offer_kernels import FAINT, weigh


@njit(cache=True, nogil=True)
def own_doubt(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, carried, own,
):  # fmt: skip
    """Fill own (P,) where users are carried: what is not known at p though it were known which link it uses.

    A pop takes link j with weight w_j and then reaches its sites with q_j. Its doubt is
    1 - max_s sum_j w_j q_js. Knowing j would leave sum_j w_j (1 - max_s q_js): that part is its neighbours'.
    The rest is its own choice.
    """
    spent = np.zeros(deepest, np.float64)
    share = np.zeros(widest, np.float64)
    group_at = np.zeros((200, 2), np.int64)
    group_there = np.zeros(200, np.float64)
    group_like = np.zeros(200, np.float64)
    sites = probability.shape[1]
    by_link = np.zeros((deepest, sites), np.float64)
    whole = np.zeros(sites, np.float64)
    for p in order:
        if carried[p] < FAINT:
            continue
        base = adj_start[pop_network[p]]
        if not weigh(
            p, base, start, o_next, o_link, o_group, o_chance, o_geo, o_from, o_like, strict,
            probability, spent, share, group_at, group_there, group_like,
        ):  # fmt: skip
            continue
        known = 0.0
        whole[:] = 0.0
        for o in range(start[p], start[p + 1]):
            part = share[o - start[p]]
            if part <= 0.0:
                continue
            whole[o_site[o]] += part
            if o_link[o] < 0:
                known += part
            else:
                by_link[o_link[o] - base, o_site[o]] += part
        for o in range(start[p], start[p + 1]):
            if o_link[o] >= 0 and share[o - start[p]] > 0.0:
                known += by_link[o_link[o] - base].max()
                by_link[o_link[o] - base, :] = 0.0
        own[p] = max(0.0, known - whole.max())
