"""The compiled event loop: messages arrive, networks decide, sessions speak when their timers let them.

`definition` is the same in plain Python, to be read first. An event is one number, time << 26 | session << 2
| kind, so that the queue's order is the order of time and no two events are equal: on one session a message
arrives at least 1 µs after the one before it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from anyplane.routing.converge.arrays import (
    ANNOUNCED,
    DIRTY,
    LAST,
    NO_KEY,
    NO_RANK,
    NO_VIA,
    NOW,
    REACHED,
    SPARE_PATHS,
    WITHDRAWN,
)
from anyplane.routing.converge.forwarding import choose_exits, extra_at
from anyplane.routing.converge.paths import PATHS, SIZE, drop_first, intern, is_on, push
from anyplane.routing.converge.timing import interval, phase, processing_time

ARRIVE, SPEAK, REUSE, SITE = 0, 1, 2, 3
"""Kinds of events."""
WAITING, SUPPRESSED = 1, 2
DONE, GROW = 0, 1
NONE = np.int32(0)


@njit(cache=True, nogil=True)
def run_until(until, spare, net, tables, stores, routers):  # type: ignore[no-untyped-def]
    """Work off every event up to this µs. GROW when a store is nearly full: nothing is lost, call again."""
    heap, path, counters = stores.heap, stores.path, stores.counters
    rib, states, links = tables.rib, tables.state, net.link
    while counters[SIZE] > 0:
        key = heap[0, 0]
        now = key >> 26
        if now > until:
            break
        if counters[SIZE] + spare > len(heap) or counters[PATHS] + SPARE_PATHS > len(path):
            return GROW
        value = np.int32(heap[0, 1])
        session = np.int64((key >> 2) & 0xFFFFFF)
        kind = key & 3
        drop_first(heap, counters)
        counters[NOW] = now
        if kind == SPEAK:
            tables.line[session].flags &= ~WAITING
            network = np.int64(links[session].owner)
            says = wanted(session, network, net, tables, stores)
            if says != tables.line[session].sent:
                _speak(session, says, network, now, links, tables.line, stores, routers)
            continue
        if kind == SITE:
            if session < len(net.seed):
                network = np.int64(net.pop_network[net.seed[session].pop])
                tables.live[session] = value != 0
            else:
                network = session - len(net.seed)  # a neighbour with rules has other exits now
            if not net.node[network].is_silent:
                _decide(network, now, net, tables, stores, routers)
            continue
        network = np.int64(links[session].owner)
        if kind == REUSE:
            if not _is_released(session, now, tables, stores, routers):
                continue
            value = tables.flap[session].kept
        else:
            counters[LAST] = now
            if routers.router[network].damps and _is_suppressed(session, value, now, tables, stores, routers):
                value = NONE
        if value != 0 and is_on(network, value, path):
            value = NONE
        if rib[session, 0] == value:
            continue
        node, state = net.node[network], states[network]
        before = rib[session, 1]
        after = np.int32(NO_RANK)
        if value != 0:
            route_class = 3 if session < node.peers else 2 if session < node.customers else 1
            after = np.int32(route_class << 16) | path[value, 2]
        rib[session, 0] = value
        rib[session, 1] = after
        rank = np.int32(state.best >> 33) if state.best != NO_KEY else np.int32(NO_RANK)
        if before > rank and after > rank and not node.has_rules:
            continue  # of ten messages nine end here: neither the old nor the new one is any good
        _mark(network, tables, counters)
        offered = (np.int64(after) << 33) | (np.int64(net.asn[links[session].far]) << 1) | 1
        if after == NO_RANK:
            offered = np.int64(NO_KEY)
        if offered <= state.best and not node.has_rules:
            _adopt(network, offered, session, now, net, tables, stores, routers)
        elif state.via == session or node.has_rules:
            _decide(network, now, net, tables, stores, routers)
    return DONE


@njit(cache=True, nogil=True)
def _decide(network, now, net, tables, stores, routers):  # type: ignore[no-untyped-def]
    """Look at everything that the network has heard and adopt the best of it."""
    best, via = _best_of(network, net, tables)
    _adopt(network, best, via, now, net, tables, stores, routers)


@njit(cache=True, nogil=True)
def _mark(network, tables, counters):  # type: ignore[no-untyped-def]
    """The pops of this network may leave by another exit now."""
    if not tables.state[network].is_dirty:
        tables.state[network].is_dirty = True
        tables.dirty[counters[DIRTY]] = network
        counters[DIRTY] += 1


@njit(cache=True, nogil=True)
def _best_of(network, net, tables):  # type: ignore[no-untyped-def]
    """(key, via) of the best that is known: customers' first, peers', providers'; NO_KEY where there is
    nothing."""
    best, via = np.int64(NO_KEY), np.int64(NO_VIA)
    node, rib = net.node[network], tables.rib
    k = np.int64(node.seed)
    while k >= 0:
        key = (np.int64(net.seed[k].rank) << 33) | (np.int64(net.seed[k].asn) << 1)
        if tables.live[k] and key < best:
            best, via = key, np.int64(-(k + 1))
        k = np.int64(net.seed[k].following)
    for ends in ((node.customers, node.end), (node.peers, node.customers), (node.start, node.peers)):
        lowest, where = np.int32(NO_RANK), np.int64(-1)
        for r in range(ends[0], ends[1]):
            if rib[r, 1] < lowest:
                lowest, where = rib[r, 1], np.int64(r)
        if where >= 0:
            key = (np.int64(lowest) << 33) | (np.int64(net.asn[net.link[where].far]) << 1) | 1
            if key < best:
                best, via = key, where
            break  # the classes after it are worse
    return best, via


@njit(cache=True, nogil=True)
def _own_path(network, via, net, tables, stores):  # type: ignore[no-untyped-def]
    rest = tables.rib[via, 0] if via >= 0 else net.seed[-(via + 1)].root
    return intern(np.int32(network), rest, stores.path, stores.hashes, stores.counters)


@njit(cache=True, nogil=True)
def _adopt(network, key, via, now, net, tables, stores, routers):  # type: ignore[no-untyped-def]
    """Make this the network's choice, and tell the neighbours where that changes what they should know."""
    counters = stores.counters
    state, node = tables.state[network], net.node[network]
    old_key, old_held = state.best, state.held
    held = _own_path(network, via, net, tables, stores) if key != NO_KEY else NONE
    state.best = key
    state.via = via
    state.held = held
    _mark(network, tables, counters)
    if held != old_held:
        state.changed = now
        state.changes += 1
        counters[REACHED] += np.int64(held != 0) - np.int64(old_held != 0)
    if node.has_rules:
        _show_exits(network, now, net, tables, stores)
    elif held == old_held and (key >> 49) == (old_key >> 49):
        return
    line = tables.line
    if node.has_rules:
        for a in range(np.int64(node.start), np.int64(node.end)):
            says = wanted(a, network, net, tables, stores)
            if says != line[a].sent:
                _speak(a, says, network, now, net.link, tables.line, stores, routers)
        return
    # `wanted`, once for all neighbours of a kind: a large network has ten thousand of them.
    upward = held if (key >> 49) & 3 < 2 else NONE
    for a in range(np.int64(node.start), np.int64(node.end)):
        says = upward if a < node.customers else held
        if says != line[a].sent:
            if a == via or net.node[net.link[a].far].is_silent:
                says = NONE
                if says == line[a].sent:
                    continue
            _speak(a, says, network, now, net.link, tables.line, stores, routers)


@njit(cache=True, nogil=True)
def _show_exits(network, now, net, tables, stores):  # type: ignore[no-untyped-def]
    """Choose the exits of a network with rules at once: what it says, and where, is a matter of its pops.

    Its neighbours see where it says what; one with rules of its own looks again a moment later.
    """
    node = net.node[network]
    before = tables.next_hop[node.pop : node.pop_end].copy()
    choose_exits(network, net, tables)
    is_same = np.array_equal(before, tables.next_hop[node.pop : node.pop_end])
    for a in range(np.int64(node.start), np.int64(node.end)):
        link = net.link[a]
        _mark(link.far, tables, stores.counters)
        if not is_same and net.node[link.far].has_rules:
            due = now + np.int64(link.delay)
            push(
                stores.heap, stores.counters, due << 26 | (len(net.seed) + np.int64(link.far)) << 2 | SITE, 0
            )


@njit(cache=True, nogil=True)
def wanted(a, network, net, tables, stores):  # type: ignore[no-untyped-def]
    """The path that a network wants the neighbour of adjacency `a` to know now, 0 for none."""
    state, node = tables.state[network], net.node[network]
    held = state.held
    if held == 0 or state.via == a or net.node[net.link[a].far].is_silent:
        return NONE
    if (state.best >> 49) & 3 >= 2 and a < node.customers:
        return NONE
    if not node.has_rules:
        return held
    least = np.int64(-1)
    for i in range(net.ic_start[a], net.ic_start[a + 1]):
        extra = extra_at(i, network, net, tables.next_hop)
        if extra >= 0 and (least < 0 or extra < least):
            least = extra
    if least < 0:
        return NONE
    for _ in range(least):
        held = intern(np.int32(network), held, stores.path, stores.hashes, stores.counters)
    return held


@njit(cache=True, nogil=True)
def _speak(a, says, network, now, links, lines, stores, routers):  # type: ignore[no-untyped-def]
    """Send what is new on a session, or make it wait for its timer; only the newest is ever sent."""
    line = lines[a]
    router = routers.router[network]
    number = line.number
    is_limited = router.mrai > 0 and (says != 0 or router.waits)
    if is_limited:
        if now > line.ready and router.busy:
            line.ready = now + phase(routers.seed, a, number, router.mrai)
        if now < line.ready:
            if not line.flags & WAITING:
                line.flags |= WAITING
                push(stores.heap, stores.counters, line.ready << 26 | a << 2 | SPEAK, 0)
            return
        line.ready = now + interval(routers.seed, a, number, router.mrai, routers.jitter)
    link = links[a]
    took = processing_time(routers.seed, a, number, routers.processing)
    arrival = max(line.last + 1, now + np.int64(link.delay) + took)
    line.sent = says
    line.number = number + 1
    line.last = arrival
    stores.counters[WITHDRAWN if says == 0 else ANNOUNCED] += 1
    push(stores.heap, stores.counters, arrival << 26 | np.int64(link.reverse) << 2 | ARRIVE, says)


@njit(cache=True, nogil=True)
def _is_suppressed(r, value, now, tables, stores, routers):  # type: ignore[no-untyped-def]
    """Book the penalty of a message (RFC 2439); True while the route may not be used."""
    suppress, reuse, half_life, ceiling, on_withdrawal, on_change = routers.damping
    flap, line = tables.flap[r], tables.line[r]
    penalty = flap.penalty * 0.5 ** ((now - flap.at) / half_life)
    if flap.kept != 0 and value != flap.kept:
        penalty = min(ceiling, penalty + (on_withdrawal if value == 0 else on_change))
    flap.kept = value
    flap.penalty = penalty
    flap.at = now
    if not line.flags & SUPPRESSED and penalty > suppress:
        line.flags |= SUPPRESSED
        free = now + np.int64(half_life * math.log2(penalty / reuse)) + 1
        push(stores.heap, stores.counters, free << 26 | r << 2 | REUSE, 0)
    return line.flags & SUPPRESSED != 0


@njit(cache=True, nogil=True)
def _is_released(r, now, tables, stores, routers):  # type: ignore[no-untyped-def]
    """True when the penalty has fallen to where the route may be used again; else it asks again later."""
    half_life, reuse = routers.damping[2], routers.damping[1]
    flap = tables.flap[r]
    penalty = flap.penalty * 0.5 ** ((now - flap.at) / half_life)
    if penalty > reuse:
        free = now + np.int64(half_life * math.log2(penalty / reuse)) + 1
        push(stores.heap, stores.counters, free << 26 | r << 2 | REUSE, 0)
        return False
    tables.line[r].flags &= ~SUPPRESSED
    return True


@njit(cache=True, nogil=True)
def fill(order, net, tables, stores):  # type: ignore[no-untyped-def]
    """Fill empty tables with the stable state; order: the networks that have a route, best first.

    What a network exports is worse than what it has, so everything that it chooses from was filled in before.
    """
    for network in order:
        key, via = _best_of(network, net, tables)
        if key == NO_KEY:
            continue
        state, node = tables.state[network], net.node[network]
        state.best = key
        state.via = via
        state.held = _own_path(network, via, net, tables, stores)
        choose_exits(network, net, tables)
        for a in range(np.int64(node.start), np.int64(node.end)):
            says = wanted(a, network, net, tables, stores)
            tables.line[a].sent = says
            far = net.link[a].far
            if says != 0 and not is_on(far, says, stores.path):
                r = net.link[a].reverse
                route_class = 1 if a < node.peers else 2 if a < node.customers else 3
                tables.rib[r, 0] = says
                tables.rib[r, 1] = np.int32(route_class << 16) | stores.path[says, 2]
        stores.counters[REACHED] += 1
