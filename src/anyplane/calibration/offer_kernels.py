"""The compiled part of `chance`: offers in groups, and what a pop makes of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from anyplane.calibration.alone_kernels import FAR

LONGEST = 63
"""A longer path counts as this long: nobody compares beyond it."""
FAINT = 1e-3
"""An offer less likely than this is none."""


@njit(cache=True, nogil=True)
def nearest(adj_start, ic_start, ic_own, ic_far, pop_start, pop_metro, km):  # type: ignore[no-untyped-def]
    """(first, pop, away): the interconnect that a pop would use towards an adjacency, and how far it is.

    Pop p and adjacency a of its network n have the entry first[p] + (a - adj_start[n]); hot potato (RFC
    4271 9.1.2.2 e) over backbone kilometres.
    """
    pops = len(pop_metro)
    first = np.zeros(pops + 1, np.int64)
    for n in range(len(adj_start) - 1):
        for p in range(pop_start[n], pop_start[n + 1]):
            first[p + 1] = adj_start[n + 1] - adj_start[n]
    for p in range(pops):
        first[p + 1] += first[p]
    pop = np.empty(first[pops], np.int32)
    away = np.empty(first[pops], np.float32)
    for n in range(len(adj_start) - 1):
        for p in range(pop_start[n], pop_start[n + 1]):
            for a in range(adj_start[n], adj_start[n + 1]):
                best = ic_start[a]
                for i in range(ic_start[a], ic_start[a + 1]):
                    if km[pop_metro[p], pop_metro[ic_own[i]]] < km[pop_metro[p], pop_metro[ic_own[best]]]:
                        best = i
                at = first[p] + a - adj_start[n]
                pop[at] = ic_far[best]
                away[at] = km[pop_metro[p], pop_metro[ic_own[best]]]
    return first, pop, away


@njit(cache=True, nogil=True)
def gather(  # type: ignore[no-untyped-def]
    adj_start, adj_peers, adj_customers, adj, pop_start, pop_metro, silent, first, nearest_pop, nearest_away,
    km, rate, added, is_leak, length, site_metro, near_exit, near_site,
    entry_network, entry_pop, entry_site, entry_class, entry_length, entry_chance, entry_penalty,
):  # fmt: skip
    """Every offer to every pop, sorted by pop, then group, then adjacency.

    rate: (S, A), added: (S, A), length: (S, N). Returns start (P + 1,), and per offer: next pop (-1: the site
    itself), site, adjacency (-1), group (class * 64 + length), chance, geo = -kilometres that count, and the
    column of `probability` to read at the next pop.
    """
    pops = len(pop_metro)
    sites = len(site_metro)
    start = np.zeros(pops + 1, np.int64)
    for pass_ in range(2):
        if pass_ == 1:
            for p in range(pops):
                start[p + 1] += start[p]
            total = start[pops]
            o_next = np.empty(total, np.int32)
            o_site = np.empty(total, np.int16)
            o_link = np.empty(total, np.int32)
            o_group = np.empty(total, np.int16)
            o_chance = np.empty(total, np.float32)
            o_geo = np.empty(total, np.float32)
            o_from = np.empty(total, np.int16)
            at = start[:-1].copy()
        for n in range(len(adj_peers)):
            if silent[n]:
                continue
            for p in range(pop_start[n], pop_start[n + 1]):
                for a in range(adj_start[n], adj_start[n + 1]):
                    if silent[adj[a]]:
                        continue
                    for s in range(sites):
                        if rate[s, a] < FAINT or length[s, adj[a]] >= FAR:
                            continue
                        if pass_ == 0:
                            start[p + 1] += 1
                            continue
                        c = 2 if a < adj_peers[n] else (1 if a < adj_customers[n] else 0)
                        here = first[p] + a - adj_start[n]
                        o = at[p]
                        at[p] += 1
                        o_next[o] = nearest_pop[here]
                        o_site[o] = s
                        o_link[o] = a
                        o_group[o] = c * 64 + min(LONGEST, length[s, adj[a]] + 1 + added[s, a])
                        o_chance[o] = rate[s, a]
                        beyond = km[pop_metro[nearest_pop[here]], site_metro[s]]
                        o_geo[o] = -nearest_away[here] / near_exit - beyond / near_site
                        o_from[o] = s if c == 2 or is_leak[s, a] else sites + s
        for k in range(len(entry_pop)):
            n = entry_network[k]
            if silent[n]:
                continue
            for p in range(pop_start[n], pop_start[n + 1]):
                if pass_ == 0:
                    start[p + 1] += 1
                    continue
                o = at[p]
                at[p] += 1
                away = km[pop_metro[p], pop_metro[entry_pop[k]]] + entry_penalty[k]
                o_next[o] = -1
                o_site[o] = entry_site[k]
                o_link[o] = -1
                o_group[o] = entry_class[k] * 64 + min(LONGEST, entry_length[k])
                o_chance[o] = entry_chance[k]
                beyond = km[pop_metro[entry_pop[k]], site_metro[entry_site[k]]]
                o_geo[o] = -away / near_exit - beyond / near_site
                o_from[o] = -1
    for p in range(pops):
        low, high = start[p], start[p + 1]
        if high - low < 2:
            continue
        key = np.empty(high - low, np.int64)
        for o in range(low, high):
            key[o - low] = (np.int64(o_group[o]) << 32) + o_link[o] + 1
        order = np.argsort(key, kind="mergesort") + low
        o_next[low:high] = o_next[order]
        o_site[low:high] = o_site[order]
        o_link[low:high] = o_link[order]
        o_group[low:high] = o_group[order]
        o_chance[low:high] = o_chance[order]
        o_geo[low:high] = o_geo[order]
        o_from[low:high] = o_from[order]
    return start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from


@njit(cache=True, nogil=True, fastmath=True)
def weigh(  # type: ignore[no-untyped-def]
    p, base, start, o_next, o_link, o_group, o_chance, o_geo, o_from, o_like, strict, probability,
    spent, share, group_at, group_there, group_like,
):  # fmt: skip
    """share[o - start[p]]: the chance that pop p takes offer o, summing to 1; returns if there is any.

    base: adj_start of the pop's network.

    Groups (class, then length) are looked at in order. A group is there with the chance that any of its
    offers is; a neighbour's offers exclude one another, for it hands over one route (`spent`). A group that
    is there is taken with the chance strict[0] while a longer one of its class remains, else
    strict[1 + class]; learned preferences (`o_like`, a factor) move that chance by their odds.
    """
    low, high = start[p], start[p + 1]
    groups = 0
    o = low
    while o < high:
        group = o_group[o]
        end = o
        most = -1e30
        while end < high and o_group[end] == group:
            most = max(most, o_geo[end])
            end += 1
        absent = 1.0
        plain = 0.0
        liked = 0.0
        at = o
        while at < end:
            link = o_link[at]
            here = 0.0
            before = 0.0 if link < 0 else spent[link - base]
            while at < end and o_link[at] == link:
                there = o_chance[at]
                if o_next[at] >= 0:
                    there *= probability[o_next[at], o_from[at]]
                if there < FAINT or before >= 1.0 - FAINT:
                    share[at - low] = 0.0
                else:
                    now = min(1.0, there / (1.0 - before))
                    here += now
                    weight = now * np.exp(o_geo[at] - most)
                    plain += weight
                    weight *= o_like[at]
                    liked += weight
                    share[at - low] = weight
                    if link >= 0:
                        spent[link - base] += there
                at += 1
                if link < 0:
                    break
            absent *= max(0.0, 1.0 - here)
        if liked > 0.0:
            group_at[groups, 0] = o
            group_at[groups, 1] = end
            group_there[groups] = 1.0 - absent
            group_like[groups] = liked / plain
            for at in range(o, end):
                share[at - low] /= liked
            groups += 1
        o = end
    worth = 0.0
    for g in range(groups - 1, -1, -1):
        c = o_group[group_at[g, 0]] // 64
        is_last = g == groups - 1 or o_group[group_at[g + 1, 0]] // 64 != c
        take = group_there[g] * (strict[1 + c] if is_last else strict[0])
        gain = take * group_like[g]
        worth = gain + (1.0 - take) * worth
        group_there[g] = gain / worth if worth > 0.0 else 0.0
    left = 1.0
    for g in range(groups):
        part = left * group_there[g]
        left -= part
        for at in range(group_at[g, 0], group_at[g, 1]):
            share[at - low] *= part
    for at in range(low, high):
        if o_link[at] >= 0:
            spent[o_link[at] - base] = 0.0
    if left >= 1.0:
        return False
    for at in range(low, high):
        share[at - low] /= 1.0 - left
    return True


@njit(cache=True, nogil=True)
def settle_chances(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, tolerance, rounds,
):  # fmt: skip
    """Fill probability (P, 2 S) until nothing moves by more than `tolerance`; returns the rounds it took.

    Column s: the pop uses site s. Column S + s: it uses s, and by a route of a customer, which alone may go
    on to providers and peers.
    """
    spent = np.zeros(deepest, np.float64)
    share = np.zeros(widest, np.float64)
    group_at = np.zeros((200, 2), np.int64)
    group_there = np.zeros(200, np.float64)
    group_like = np.zeros(200, np.float64)
    new = np.zeros(probability.shape[1], np.float64)
    for done in range(rounds):
        moved = 0.0
        for p in order:
            is_reached = weigh(
                p, adj_start[pop_network[p]], start, o_next, o_link, o_group, o_chance, o_geo, o_from,
                o_like, strict, probability, spent, share, group_at, group_there, group_like,
            )  # fmt: skip
            new[:] = 0.0
            if is_reached:
                for o in range(start[p], start[p + 1]):
                    new[o_site[o]] += share[o - start[p]]
                    if o_group[o] < 64:
                        new[len(new) // 2 + o_site[o]] += share[o - start[p]]
            for s in range(len(new)):
                moved = max(moved, abs(new[s] - probability[p, s]))
                probability[p, s] = new[s]
        if moved < tolerance:
            return done + 1
    return rounds


@njit(cache=True, nogil=True)
def trace_back(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, region, front, after, before, depth,
):  # fmt: skip
    """Hand seen answers, front (P, S), along the offers they came by; that is the E-step of preferences.

    after[a, r] gathers how many used adjacency a in region r given what was seen, before[a, r] how many were
    expected to. The answers of a pop become answers of the pops that it has its route from, `depth` times.
    """
    spent = np.zeros(deepest, np.float64)
    share = np.zeros(widest, np.float64)
    group_at = np.zeros((200, 2), np.int64)
    group_there = np.zeros(200, np.float64)
    group_like = np.zeros(200, np.float64)
    sites = front.shape[1]
    for _ in range(depth):
        following = np.zeros_like(front)
        for p in order:
            seen = front[p].sum()
            if seen < FAINT:
                continue
            if not weigh(
                p, adj_start[pop_network[p]], start, o_next, o_link, o_group, o_chance, o_geo, o_from,
                o_like, strict, probability, spent, share, group_at, group_there, group_like,
            ):  # fmt: skip
                continue
            for o in range(start[p], start[p + 1]):
                part = share[o - start[p]]
                if o_link[o] < 0 or part <= 0.0:
                    continue
                r = region[p]
                before[o_link[o], r] += seen * part
                s = o_site[o]
                if front[p, s] > 0.0 and probability[p, s] > 1e-9:
                    used = front[p, s] * part / probability[p, s]
                    after[o_link[o], r] += used
                    following[o_next[o], s] += used
        for p in range(len(front)):
            for s in range(sites):
                front[p, s] = following[p, s]
