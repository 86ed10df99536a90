"""The compiled part of `chance`: offers in groups, and what a pop makes of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from anyplane.calibration.alone_kernels import FAR

LONGEST = 63
"""A longer path counts as this long: nobody compares beyond it."""
FAINT = 1e-3
"""An offer less likely than this is none."""
GROUPS = 200
"""More than there are: three classes with LONGEST + 1 lengths each."""
LATER, FREE, SEEN, BEFORE, NOW = range(5)
"""What `weigh` keeps of each link: the chance that it offers something in the groups to come; that its route
is still to come, if it was not in an earlier group; the number of the last group that looked at it; the
chance of an offer in the groups before, and in this one."""
PER_LINK = 5
PASSED_ON = 0.05
"""A pop that moves by less than this part of the tolerance makes no other pop reckon again."""


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

    rate: (S, A), added: (S, A), length: (S, N). entry_class: 0 customer, 1 peer, -1 where the network itself
    originates: then it listens to nobody else. Returns start (P + 1,), and per offer: next pop (-1: the site
    itself), site, adjacency (-1), group (class * 64 + length), chance, geo = -kilometres that count, and the
    column of `probability` to read at the next pop.
    """
    pops = len(pop_metro)
    sites = len(site_metro)
    start = np.zeros(pops + 1, np.int64)
    owns = np.zeros(len(adj_peers), np.bool_)
    for k in range(len(entry_pop)):
        owns[entry_network[k]] |= entry_class[k] < 0
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
            if silent[n] or owns[n]:
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
            if silent[n] or (owns[n] and entry_class[k] >= 0):
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
                o_group[o] = max(entry_class[k], 0) * 64 + min(LONGEST, entry_length[k])
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
    links, share, groups,
):  # fmt: skip
    """share[o - start[p]]: the chance that pop p takes offer o, summing to 1; returns if there is any.

    base: adj_start of the pop's network. links, share, groups: scratch; `links` is left as it was found, 0.

    Groups (class, then length) are looked at in order. A group is there with the chance that any of its
    links offers something in it; a link offers one route, which lies in one group. A group that is there is
    taken with the chance strict[0] while a longer one of its class remains, else strict[1 + class]; but only
    as far as other links offer something later, for there is no choice between the routes of one link: which
    of them it hands over was its neighbour's choice. So a pop with one link has what its neighbour has.
    Inside a group the links are weighed by geography and by what was learned of them (`o_like`, a factor,
    which also moves the odds of the group), and what falls to a link is divided as it offers it.
    """
    low, high = start[p], start[p + 1]
    count = _look(
        low, high, base, o_next, o_link, o_group, o_chance, o_from, probability, links, share, groups
    )
    for g in range(count):
        first, end = int(groups[g, 0]), int(groups[g, 1])
        absent, alone, liking = _divide(g, first, end, low, base, o_link, o_geo, o_like, links, share)
        c = o_group[first] // 64
        is_last = g == count - 1 or o_group[int(groups[g + 1, 0])] // 64 != c
        passing = 1.0 - (strict[1 + c] if is_last else strict[0])
        if passing > 0.0 and absent < 1.0:
            # The chance that the group is there, and something else too.
            both = (1.0 - absent) - alone * _nothing_after(g, end, high, low, base, o_link, links, share)
            passed = passing * min(1.0 - absent, max(0.0, both))
        else:
            passed = 0.0
        _free(first, end, base, o_link, absent, passed, links)
        groups[g, 2] = 1.0 - absent - passed
        groups[g, 3] = liking
    worth = 0.0
    for g in range(count - 1, -1, -1):
        gain = groups[g, 2] * groups[g, 3]
        worth = gain + (1.0 - groups[g, 2]) * worth
        groups[g, 2] = gain / worth if worth > 0.0 else 0.0
    left = 1.0
    for g in range(count):
        part = left * groups[g, 2]
        left -= part
        for o in range(int(groups[g, 0]), int(groups[g, 1])):
            share[o - low] *= part
    for o in range(low, high):
        if o_link[o] >= 0:
            links[o_link[o] - base, :] = 0.0
    if left >= 1.0:
        return False
    for o in range(low, high):
        share[o - low] /= 1.0 - left
    return True


@njit(cache=True, nogil=True, fastmath=True)
def _look(  # type: ignore[no-untyped-def]
    low, high, base, o_next, o_link, o_group, o_chance, o_from, probability, links, share, groups
):
    """How many groups have anything; share: the chance that each offer is there, links: the sum for each."""
    count = 0
    o = low
    while o < high:
        first = o
        has_any = False
        while o < high and o_group[o] == o_group[first]:
            there = o_chance[o]
            if o_next[o] >= 0:
                there *= probability[o_next[o], o_from[o]]
            share[o - low] = there if there >= FAINT else 0.0
            if there >= FAINT:
                has_any = True
                if o_link[o] >= 0:
                    links[o_link[o] - base, LATER] += there
                    links[o_link[o] - base, FREE] = 1.0
            o += 1
        if has_any:
            groups[count, 0] = first
            groups[count, 1] = o
            count += 1
    return count


@njit(cache=True, nogil=True, fastmath=True)
def _divide(g, first, end, low, base, o_link, o_geo, o_like, links, share):  # type: ignore[no-untyped-def]
    """(absent, alone, liking) of group g; share: the part of each of its offers, summing to 1.

    absent: the chance that none of its links offers anything in it. alone: that one does, and none of them
    would have offered something later instead, as a part of that. liking: the mean of `o_like`.
    """
    most = -1e30
    for o in range(first, end):
        most = max(most, o_geo[o])
    absent, nothing, later = 1.0, 1.0, 1.0
    plain, liked = 0.0, 0.0
    o = first
    while o < end:
        link, at = o_link[o], o
        there, geo = 0.0, 0.0
        while o < end and o_link[o] == link and (link >= 0 or o == at):
            there += share[o - low]
            geo += share[o - low] * o_geo[o]
            o += 1
        if there <= 0.0:
            continue
        now, after = min(1.0, there), 0.0
        if link >= 0:
            j = link - base
            rest = max(1.0 - links[j, BEFORE], there)  # the chance that it offered nothing so far
            links[j, BEFORE] += there
            links[j, LATER] = max(0.0, links[j, LATER] - there)
            now = there / rest * links[j, FREE]
            after = min(links[j, LATER] / rest * links[j, FREE], 1.0 - now)
            links[j, NOW] = now
            links[j, SEEN] = g + 1
        absent *= 1.0 - now
        later *= 1.0 - after
        nothing *= 1.0 - now - after
        weight = now * np.exp(geo / there - most)
        plain += weight
        liked += weight * o_like[at]
        for k in range(at, o):
            share[k - low] *= weight * o_like[at] / there
    if liked <= 0.0:
        return 1.0, 0.0, 1.0
    for o in range(first, end):
        share[o - low] /= liked
    return absent, later - nothing, liked / plain


@njit(cache=True, nogil=True, fastmath=True)
def _nothing_after(g, end, high, low, base, o_link, links, share):  # type: ignore[no-untyped-def]
    """The chance that no link which is not in group g offers anything in a later one."""
    nothing = 1.0
    for o in range(end, high):
        if share[o - low] <= 0.0:
            continue
        if o_link[o] < 0:
            nothing *= 1.0 - min(1.0, share[o - low])
        elif links[o_link[o] - base, SEEN] <= g:
            j = o_link[o] - base
            links[j, SEEN] = g + 1
            rest = max(1.0 - links[j, BEFORE], links[j, LATER])
            nothing *= 1.0 - min(1.0, links[j, LATER] / rest * links[j, FREE])
        if nothing < FAINT:
            return 0.0
    return nothing


@njit(cache=True, nogil=True, fastmath=True)
def _free(first, end, base, o_link, absent, passed, links):  # type: ignore[no-untyped-def]
    """links[:, FREE] after a group that was not taken: it was absent, or there and passed over.

    If it was absent, none of its links has offered its one route yet. If it was passed over, a link may be
    among those whose offer was not wanted.
    """
    untaken = absent + passed
    for o in range(first, end):
        if o_link[o] < 0 or links[o_link[o] - base, NOW] <= 0.0:
            continue
        j = o_link[o] - base
        now = links[j, NOW]
        links[j, NOW] = 0.0
        free = 0.0
        if untaken > 0.0 and now < 1.0:
            free = absent / untaken / (1.0 - now)
            if passed > 0.0:
                others = 1.0 - absent / (1.0 - now)  # that another link of the group offers something
                free += passed / untaken * max(0.0, others) / (1.0 - absent)
        links[j, FREE] = min(1.0, (links[j, FREE] - now) * free) if links[j, FREE] > now else 0.0


@njit(cache=True, nogil=True)
def settle_chances(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, tolerance, rounds, halved,
):  # fmt: skip
    """Fill probability (P, 2 S) until nothing moves by more than `tolerance`; returns (rounds, last move).

    Column s: the pop uses site s. Column S + s: it uses s, and by a route of a customer, which alone may go
    on to providers and peers. A pop is reckoned again only when one that it may have its route from has
    moved. From round `halved` on all are, and go half the way: strong preferences that contradict one another
    in a ring would let many of them swing for ever.
    """
    links = np.zeros((deepest, PER_LINK), np.float64)
    share = np.zeros(widest, np.float64)
    groups = np.zeros((GROUPS, 4), np.float64)
    new = np.zeros(probability.shape[1], np.float64)
    moved_at = np.zeros(len(probability), np.int64)
    reckoned_at = np.zeros(len(probability), np.int64)
    now = 0
    moved = 0.0
    for done in range(rounds):
        moved = 0.0
        for p in order:
            is_due = done == 0 or done >= halved
            for o in range(start[p], start[p + 1]):
                if is_due:
                    break
                is_due = o_next[o] >= 0 and moved_at[o_next[o]] > reckoned_at[p]
            if not is_due:
                continue
            is_reached = weigh(
                p, adj_start[pop_network[p]], start, o_next, o_link, o_group, o_chance, o_geo, o_from,
                o_like, strict, probability, links, share, groups,
            )  # fmt: skip
            new[:] = 0.0
            if is_reached:
                for o in range(start[p], start[p + 1]):
                    new[o_site[o]] += share[o - start[p]]
                    if o_group[o] < 64:
                        new[len(new) // 2 + o_site[o]] += share[o - start[p]]
            step = 1.0
            if done >= halved and is_reached and probability[p].sum() > 0.0:
                step = 0.5
            most = 0.0
            for s in range(len(new)):
                most = max(most, abs(new[s] - probability[p, s]))
                probability[p, s] += step * (new[s] - probability[p, s])
            now += 1
            reckoned_at[p] = now
            if most > tolerance * PASSED_ON:
                moved_at[p] = now
            moved = max(moved, most)
        if moved < tolerance:
            return done + 1, moved
    return rounds, moved


@njit(cache=True, nogil=True)
def trace_back(  # type: ignore[no-untyped-def]
    order, pop_network, adj_start, start, o_next, o_site, o_link, o_group, o_chance, o_geo, o_from, o_like,
    strict, probability, widest, deepest, region, front, after, before, depth,
):  # fmt: skip
    """Hand seen answers, front (P, S), along the offers they came by; that is the E-step of preferences.

    after[a, r] gathers how many used adjacency a in region r given what was seen, before[a, r] how many were
    expected to. The answers of a pop become answers of the pops that it has its route from, `depth` times.
    """
    links = np.zeros((deepest, PER_LINK), np.float64)
    share = np.zeros(widest, np.float64)
    groups = np.zeros((GROUPS, 4), np.float64)
    sites = front.shape[1]
    for _ in range(depth):
        following = np.zeros_like(front)
        for p in order:
            seen = front[p].sum()
            if seen < FAINT:
                continue
            if not weigh(
                p, adj_start[pop_network[p]], start, o_next, o_link, o_group, o_chance, o_geo, o_from,
                o_like, strict, probability, links, share, groups,
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
