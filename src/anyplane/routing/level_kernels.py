"""The compiled inner part of `levels`. Networks are numbered providers first; read `levels` before this."""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 32
NONE = np.int32(4 << 16)
FAR = np.uint16(60000)
"""In a lane: no route. Provider routes of LONGEST and more would reach it, so such paths count as none."""
LONGEST = np.uint16(10000)

DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
BIT_OF = np.zeros(64, np.uint8)
"""The number of the single bit in x is BIT_OF[(x * DE_BRUIJN) >> 58]; the product wraps on purpose."""
for _bit in range(64):
    BIT_OF[((int(DE_BRUIJN) << _bit) & (2**64 - 1)) >> 58] = _bit


@njit(cache=True, nogil=True)
def rank_networks(adj_start, adj_peers, adj_customers, adj):  # type: ignore[no-untyped-def]
    """Networks with every provider before its customers (Kahn); short where there is a cycle."""
    networks = len(adj_peers)
    waiting = adj_peers - adj_start[:-1]
    order = np.empty(networks, np.int32)
    done = 0
    for network in range(networks):
        if waiting[network] == 0:
            order[done] = network
            done += 1
    at = 0
    while at < done:
        network = order[at]
        at += 1
        for a in range(adj_customers[network], adj_start[network + 1]):
            waiting[adj[a]] -= 1
            if waiting[adj[a]] == 0:
                order[done] = adj[a]
                done += 1
    return order[:done]


@njit(cache=True, nogil=True)
def settle_levels(  # type: ignore[no-untyped-def]
    ranked, place, route_class, site, lengths, silent, word, rank, possible, queue
):
    """rank (class << 16 | length) and one word of possible sites for every network, new numbering."""
    networks = len(rank)
    rank[:] = NONE
    possible[:] = 0
    for n in silent:
        rank[n] = -1

    # Who holds an origin's or a customer's route: the seeds' networks and all their providers' providers.
    in_cone = np.zeros(networks, np.bool_)
    count = 0
    for k in range(len(lengths)):
        n = place[k]
        if lengths[k] != 65535 and route_class[k] < 2 and rank[n] >= 0:
            rank[n] = min(rank[n], (np.int32(route_class[k]) << 16) | np.int32(lengths[k]))
            if not in_cone[n]:
                in_cone[n] = True
                queue[count] = n
                count += 1
    at = 0
    while at < count:
        n = queue[at]
        at += 1
        for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
            provider = ranked.provider[a]
            if not in_cone[provider] and rank[provider] >= 0:
                in_cone[provider] = True
                queue[count] = provider
                count += 1

    # Customers stand after their providers, so from the back each network is settled before it is heard.
    cone = np.sort(queue[:count])
    for at in range(count - 1, -1, -1):
        n = cone[at]
        offered = (1 << 16) | ((rank[n] & 0xFFFF) + 1)
        for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
            provider = ranked.provider[a]
            if rank[provider] > offered:
                rank[provider] = offered
                possible[provider] = 0
    for k in range(len(lengths)):
        n = place[k]
        is_own = lengths[k] != 65535 and rank[n] == (np.int32(route_class[k]) << 16) | np.int32(lengths[k])
        if is_own and route_class[k] < 2 and site[k] >> 6 == word:
            possible[n] |= np.uint64(1) << np.uint64(site[k] & 63)
    for at in range(count - 1, -1, -1):
        n = cone[at]
        offered = (1 << 16) | ((rank[n] & 0xFFFF) + 1)
        for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
            if rank[ranked.provider[a]] == offered:
                possible[ranked.provider[a]] |= possible[n]

    # One step across peers: first the lengths, then the sets.
    for k in range(len(lengths)):
        if lengths[k] != 65535 and route_class[k] == 2:
            rank[place[k]] = min(rank[place[k]], (2 << 16) | np.int32(lengths[k]))
    for at in range(count):
        n = cone[at]
        offered = (2 << 16) | ((rank[n] & 0xFFFF) + 1)
        for a in range(ranked.peer_start[n], ranked.peer_start[n + 1]):
            peer = ranked.peer[a]
            if rank[peer] > offered:
                rank[peer] = offered
    for k in range(len(lengths)):
        is_own = lengths[k] != 65535 and rank[place[k]] == (2 << 16) | np.int32(lengths[k])
        if is_own and route_class[k] == 2 and site[k] >> 6 == word:
            possible[place[k]] |= np.uint64(1) << np.uint64(site[k] & 63)
    for at in range(count):
        n = cone[at]
        offered = (2 << 16) | ((rank[n] & 0xFFFF) + 1)
        for a in range(ranked.peer_start[n], ranked.peer_start[n + 1]):
            if rank[ranked.peer[a]] == offered:
                possible[ranked.peer[a]] |= possible[n]

    # Down: everybody else hears his providers, who all stand before him.
    for n in range(networks):
        if rank[n] != NONE:
            continue
        start, end = ranked.provider_start[n], ranked.provider_start[n + 1]
        shortest = np.int32(0xFFFF)
        union = np.uint64(0)
        for a in range(start, end):
            provider = ranked.provider[a]
            held = rank[provider]
            if held < 0 or held >= NONE:
                continue
            length = held & 0xFFFF
            if length < shortest:
                shortest = length
                union = possible[provider]
            elif length == shortest:
                union |= possible[provider]
        if shortest != 0xFFFF:
            rank[n] = (3 << 16) | (shortest + 1)
            possible[n] = union


@njit(cache=True, nogil=True)
def settle_lanes(  # type: ignore[no-untyped-def]
    ranked,
    place,
    route_class,
    site,
    lengths,
    silent,
    weight,
    sites,
    rank,
    heard,
    takes,
    possible,
    first,
    ways,
):
    """(3, 32, S): certain and possible weight by scenario and site; unreached weight in [2, :, 0].

    lengths: (K, 32), a scenario a column. Class and length share a number, class * 16384 + length, so that
    one comparison orders both; lengths of 10,000 and more count as no route.
    """
    networks = len(ranked.network)
    words = max(1, (sites + 63) >> 6)
    bits_of = (np.uint64(1) << np.arange(64).astype(np.uint64)).astype(possible.dtype)
    totals = np.zeros((3, LANES, sites), np.float64)
    rank[:, :] = FAR
    ways[:, :] = 0
    is_silent = np.zeros(networks, np.bool_)
    for n in silent:
        is_silent[n] = True

    in_cone = np.zeros(networks, np.bool_)
    queue = np.empty(networks, np.int32)
    count = 0
    for k in range(len(place)):
        n = place[k]
        if is_silent[n] or route_class[k] > 1:
            continue
        for lane in range(LANES):
            if lengths[k, lane] < LONGEST:
                own = np.uint16(route_class[k] * 16384 + lengths[k, lane])
                rank[n, lane] = min(rank[n, lane], own)
        if not in_cone[n]:
            in_cone[n] = True
            queue[count] = n
            count += 1
    at = 0
    while at < count:
        n = queue[at]
        at += 1
        for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
            provider = ranked.provider[a]
            if not in_cone[provider] and not is_silent[provider]:
                in_cone[provider] = True
                queue[count] = provider
                count += 1
    cone = np.sort(queue[:count])

    offered = np.empty((count, LANES), np.uint16)
    for at in range(count - 1, -1, -1):
        n = cone[at]
        for lane in range(LANES):
            length = rank[n, lane] & np.uint16(16383)
            offered[at, lane] = (
                np.uint16(16385 + length) if rank[n, lane] < FAR and length < LONGEST - 1 else FAR
            )
        for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
            provider = ranked.provider[a]
            if not is_silent[provider]:
                for lane in range(LANES):
                    rank[provider, lane] = min(rank[provider, lane], offered[at, lane])

    # The lengths are settled once; the sets of sites take one pass for each 64 sites.
    for word in range(words):
        possible[:, :] = 0
        for k in range(len(place)):
            if site[k] >> 6 == word and route_class[k] < 2:
                bit = bits_of[site[k] & 63]
                for lane in range(LANES):
                    own = np.uint16(route_class[k] * 16384 + lengths[k, lane])
                    if lengths[k, lane] < LONGEST and rank[place[k], lane] == own:
                        possible[place[k], lane] |= bit
        for at in range(count - 1, -1, -1):
            n = cone[at]
            for a in range(ranked.provider_start[n], ranked.provider_start[n + 1]):
                provider = ranked.provider[a]
                for lane in range(LANES):
                    if rank[provider, lane] == offered[at, lane] and offered[at, lane] != FAR:
                        possible[provider, lane] |= possible[n, lane]

        if word == 0:
            for k in range(len(place)):
                if route_class[k] == 2 and not is_silent[place[k]]:
                    for lane in range(LANES):
                        if lengths[k, lane] < LONGEST:
                            own = np.uint16(2 * 16384 + lengths[k, lane])
                            rank[place[k], lane] = min(rank[place[k], lane], own)
            for at in range(count):
                n = cone[at]
                for lane in range(LANES):
                    if offered[at, lane] != FAR:
                        offered[at, lane] = offered[at, lane] + np.uint16(16384)
                for a in range(ranked.peer_start[n], ranked.peer_start[n + 1]):
                    peer = ranked.peer[a]
                    if not is_silent[peer]:
                        for lane in range(LANES):
                            rank[peer, lane] = min(rank[peer, lane], offered[at, lane])
        else:
            for at in range(count):
                for lane in range(LANES):
                    if offered[at, lane] != FAR:
                        offered[at, lane] = offered[at, lane] + np.uint16(16384)
        for k in range(len(place)):
            if route_class[k] == 2 and site[k] >> 6 == word:
                bit = bits_of[site[k] & 63]
                for lane in range(LANES):
                    own = np.uint16(2 * 16384 + lengths[k, lane])
                    if lengths[k, lane] < LONGEST and rank[place[k], lane] == own:
                        possible[place[k], lane] |= bit
        for at in range(count):
            n = cone[at]
            for a in range(ranked.peer_start[n], ranked.peer_start[n + 1]):
                peer = ranked.peer[a]
                for lane in range(LANES):
                    if rank[peer, lane] == offered[at, lane] and offered[at, lane] != FAR:
                        possible[peer, lane] |= possible[n, lane]
            for lane in range(LANES):
                if offered[at, lane] != FAR:
                    offered[at, lane] = offered[at, lane] - np.uint16(16384)

        if word == 0:
            _lengths(rank, heard)
        _descend(ranked, is_silent, word, heard, takes, possible)
        if words > 1:
            _add_up(possible, weight, word, first, ways, totals)
    if words > 1:
        _add_certain(weight, first, ways, totals)
    else:
        _add_single_word(possible, weight, totals)
    return totals


@njit(cache=True, nogil=True)
def _lengths(rank, heard):  # type: ignore[no-untyped-def]
    """heard: the length of what each network holds so far, class left out; FAR where nothing."""
    for n in range(len(rank)):
        for lane in range(LANES):
            held = rank[n, lane]
            heard[n, lane] = np.uint16(held & np.uint16(16383)) if held < FAR else FAR


@njit(cache=True, nogil=True)
def _descend(ranked, is_silent, word, heard, takes, possible):  # type: ignore[no-untyped-def]
    """From provider to customer: whoever holds nothing better takes the shortest of his providers' routes.

    takes: set in the pass for the first 64 sites, read in the passes for further ones.
    """
    shortest = np.empty(LANES, np.uint16)
    union = np.empty(LANES, possible.dtype)
    no_sites = np.zeros(1, possible.dtype)[0]
    for n in range(len(heard)):
        start, end = ranked.provider_start[n], ranked.provider_start[n + 1]
        if end == start or is_silent[n]:
            continue
        provider = ranked.provider[start]
        for lane in range(LANES):
            shortest[lane] = heard[provider, lane]
            union[lane] = possible[provider, lane]
        if end - start > 1:
            for a in range(start + 1, end):
                provider = ranked.provider[a]
                for lane in range(LANES):
                    shortest[lane] = min(shortest[lane], heard[provider, lane])
            for lane in range(LANES):
                union[lane] = (
                    union[lane] if heard[ranked.provider[start], lane] == shortest[lane] else no_sites
                )
            for a in range(start + 1, end):
                provider = ranked.provider[a]
                for lane in range(LANES):
                    union[lane] |= (
                        possible[provider, lane] if heard[provider, lane] == shortest[lane] else no_sites
                    )
        if word == 0:
            for lane in range(LANES):
                takes[n, lane] = (heard[n, lane] == FAR) & (shortest[lane] < LONGEST)
            for lane in range(LANES):
                heard[n, lane] = (
                    np.uint16(shortest[lane] + np.uint16(1)) if takes[n, lane] else heard[n, lane]
                )
        for lane in range(LANES):
            possible[n, lane] = union[lane] if takes[n, lane] else possible[n, lane]


@njit(cache=True, nogil=True)
def _add_up(possible, weight, word, first, ways, totals):  # type: ignore[no-untyped-def]
    """Add the weight of every network to the sites it may reach; count its sites over all words."""
    for n in range(len(weight)):
        if weight[n] == 0:
            continue
        for lane in range(LANES):
            bits = np.uint64(possible[n, lane])
            while bits != 0:
                low = bits & (~bits + np.uint64(1))
                site = np.int64(word * 64 + BIT_OF[(low * DE_BRUIJN) >> np.uint64(58)])
                totals[1, lane, site] += weight[n]
                bits ^= low
                if ways[n, lane] == 0:
                    first[n, lane] = site
                ways[n, lane] = min(ways[n, lane] + 1, 2)


@njit(cache=True, nogil=True)
def _add_certain(weight, first, ways, totals):  # type: ignore[no-untyped-def]
    for n in range(len(weight)):
        for lane in range(LANES):
            if ways[n, lane] == 1:
                totals[0, lane, first[n, lane]] += weight[n]
            elif ways[n, lane] == 0:
                totals[2, lane, 0] += weight[n]


@njit(cache=True, nogil=True)
def _add_single_word(possible, weight, totals):  # type: ignore[no-untyped-def]
    """_add_up and _add_certain at once, where 64 sites are enough."""
    for n in range(len(weight)):
        if weight[n] == 0:
            continue
        for lane in range(LANES):
            bits = np.uint64(possible[n, lane])
            low = bits & (~bits + np.uint64(1))
            if bits == 0:
                totals[2, lane, 0] += weight[n]
            elif bits == low:
                site = BIT_OF[(low * DE_BRUIJN) >> np.uint64(58)]
                totals[0, lane, site] += weight[n]
                totals[1, lane, site] += weight[n]
            else:
                while bits != 0:
                    low = bits & (~bits + np.uint64(1))
                    totals[1, lane, BIT_OF[(low * DE_BRUIJN) >> np.uint64(58)]] += weight[n]
                    bits ^= low
