"""Which way a packet goes at this moment: the exits of each pop, and walks along them.

A network decides once, for all its pops: class and length. Its pops then leave by the nearest of the equally
good exits (hot potato), as in `frontier`; here that is done again for the networks whose choice has changed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from anyplane.routing.converge.arrays import DIRTY, NO_KEY
from anyplane.routing.kernels import NO_NEXT, _tie_break

BLACK_HOLE, LOOP, DEAD, WORKING = 0, 1, 2, 3
"""What becomes of a packet: no route, round and round, a site that no longer answers, a site that does."""
_UNKNOWN, _HERE = 254, 255


@njit(cache=True, nogil=True)
def extra_at(i, network, net, next_hop):  # type: ignore[no-untyped-def]
    """Prepends that a network with rules adds at its interconnect `i`; -1 where it says nothing there."""
    chosen = next_hop[net.ic_own[i]]
    if chosen == NO_NEXT:
        return -1
    if chosen >= 0:
        return 0
    extras = net.seed[-(chosen + 1)].extras
    if extras < 0:
        return 0
    return np.int64(net.extras[extras + i - net.ic_start[net.node[network].start]])


@njit(cache=True, nogil=True)
def choose_exits(network, net, tables):  # type: ignore[no-untyped-def]
    """Set next_hop of the pops of a network from what it knows now."""
    next_hop = tables.next_hop
    node = net.node[network]
    first, last = node.pop, node.pop_end
    next_hop[first:last] = NO_NEXT
    key = tables.state[network].best
    if key == NO_KEY:
        return
    rank = np.int32(key >> 33)
    asn, pop_network, seed_asn = net.asn, net.pop_network, net.seed_asn

    k = node.seed
    while k >= 0:
        if (
            tables.live[k]
            and net.seed[k].rank == rank
            and not _loses_by_med(k, network, rank, net, tables.live)
        ):
            exit_pop = net.seed[k].pop
            held = next_hop[exit_pop]
            if held == NO_NEXT or _tie_break(asn, pop_network, seed_asn, -(k + 1)) < _tie_break(
                asn, pop_network, seed_asn, held
            ):
                next_hop[exit_pop] = -(k + 1)
        k = net.seed[k].following

    route_class = rank >> 16
    start, end = 0, 0
    if route_class == 1:
        start, end = node.customers, node.end
    elif route_class == 2:
        start, end = node.peers, node.customers
    elif route_class == 3:
        start, end = node.start, node.peers
    rib, ic_start, ic_own, ic_far = tables.rib, net.ic_start, net.ic_own, net.ic_far
    for r in range(start, end):
        if rib[r, 1] != rank:
            continue
        neighbour = net.link[r].far
        picks = net.node[neighbour].has_rules and _offers_any(r, rank, neighbour, net, tables)
        for i in range(ic_start[r], ic_start[r + 1]):
            if picks and not _offers(i, r, rank, neighbour, net, tables):
                continue
            exit_pop, candidate = ic_own[i], ic_far[i]
            held = next_hop[exit_pop]
            if held == NO_NEXT or _tie_break(asn, pop_network, seed_asn, candidate) < _tie_break(
                asn, pop_network, seed_asn, held
            ):
                next_hop[exit_pop] = candidate

    exits = 0
    for pop in range(first, last):
        if next_hop[pop] != NO_NEXT:
            exits += 1
    if exits == last - first:
        return
    exit_pops = np.empty(exits, np.int32)
    at = 0
    for pop in range(first, last):
        if next_hop[pop] != NO_NEXT:
            exit_pops[at] = pop
            at += 1
    for pop in range(first, last):
        if next_hop[pop] != NO_NEXT:
            continue
        nearest = np.float32(np.inf)
        best = exit_pops[0]
        for exit_pop in exit_pops:
            away = net.km[net.pop_metro[pop], net.pop_metro[exit_pop]]
            if away < nearest or (
                away == nearest
                and _tie_break(asn, pop_network, seed_asn, next_hop[exit_pop])
                < _tie_break(asn, pop_network, seed_asn, next_hop[best])
            ):
                nearest = away
                best = exit_pop
        # Exits are below this pop or above it, never among those that are being filled in.
        next_hop[pop] = next_hop[best]


@njit(cache=True, nogil=True)
def _loses_by_med(k, network, rank, net, live):  # type: ignore[no-untyped-def]
    mine = net.seed[k]
    other = net.node[network].seed
    while other >= 0:
        rival = net.seed[other]
        if live[other] and rival.rank == rank and rival.asn == mine.asn and rival.med < mine.med:
            return True
        other = rival.following
    return False


@njit(cache=True, nogil=True)
def _offers(i, r, rank, neighbour, net, tables):  # type: ignore[no-untyped-def]
    """Does the pop at the far end of interconnect `i` say what the network as a whole was heard to say?"""
    # The same interconnect in the neighbour's list; both directions of a link name theirs in the same order.
    back = net.ic_start[net.link[r].reverse] + i - net.ic_start[r]
    extra = extra_at(back, neighbour, net, tables.next_hop)
    length = (tables.state[neighbour].best >> 33) & 0xFFFF
    return extra >= 0 and length + 1 + extra == rank & 0xFFFF


@njit(cache=True, nogil=True)
def _offers_any(r, rank, neighbour, net, tables):  # type: ignore[no-untyped-def]
    """False while the neighbour has changed its mind and the message is on its way: then any will do."""
    for i in range(net.ic_start[r], net.ic_start[r + 1]):
        if _offers(i, r, rank, neighbour, net, tables):
            return True
    return False


@njit(cache=True, nogil=True)
def look(net, tables, counters, seed_site, answers, fate, site):  # type: ignore[no-untyped-def]
    """Bring next_hop up to date, then walk from every pop: fill fate (P,) and site (P,), 65535 where none."""
    for i in range(counters[DIRTY]):
        network = tables.dirty[i]
        tables.state[network].is_dirty = False
        if not net.node[network].has_rules:  # it has chosen already, when it decided
            choose_exits(network, net, tables)
    counters[DIRTY] = 0
    next_hop = tables.next_hop
    fate[:] = _UNKNOWN
    stack = np.empty(len(next_hop), np.int32)
    for pop in range(len(next_hop)):
        if fate[pop] != _UNKNOWN:
            continue
        depth = 0
        here = np.int32(pop)
        end, reached = np.uint8(BLACK_HOLE), np.uint16(65535)
        while True:
            if fate[here] == _HERE:
                end = np.uint8(LOOP)
                break
            if fate[here] != _UNKNOWN:
                end, reached = fate[here], site[here]
                break
            fate[here] = _HERE
            stack[depth] = here
            depth += 1
            onward = next_hop[here]
            if onward == NO_NEXT:
                break
            if onward < 0:
                reached = seed_site[-(onward + 1)]
                end = np.uint8(WORKING) if answers[reached] else np.uint8(DEAD)
                break
            here = onward
        for i in range(depth):
            fate[stack[i]] = end
            site[stack[i]] = reached
