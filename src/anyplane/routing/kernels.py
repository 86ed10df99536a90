"""The compiled inner part of `frontier`: settle every network once, in order of preference.

Read `frontier` first; it says what the arrays hold. All of it is numba, cached on disk, free of the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = np.int32(4 << 16)
CUSTOMER, PEER, PROVIDER = 1, 2, 3
NO_NEXT = np.int32(np.iinfo(np.int32).min)
LONGEST = 65534
ONE, MANY = np.uint32(1), np.uint64(1)
"""Steps for unsigned indices: numba makes a float of uint64 + int64."""


@njit(cache=True, nogil=True, inline="always")
def _offer(network, rank, via, node, offer, count):  # type: ignore[no-untyped-def]
    """Hang an offer on a network; True when it beats all earlier ones (which are then forgotten)."""
    held = node[network, 0]
    if rank > held:
        return False
    if rank < held:
        node[network, 0] = rank
        node[network, 1] = -1
    at = count[0]
    offer[at, 0] = via
    offer[at, 1] = node[network, 1]
    node[network, 1] = at
    count[0] = at + MANY
    return rank < held


@njit(cache=True, nogil=True, inline="always")
def _enqueue(network, length, bucket, queued, count, longest):  # type: ignore[no-untyped-def]
    at = count[1]
    queued[at, 0] = network
    queued[at, 1] = bucket[length]
    bucket[length] = at
    count[1] = at + MANY
    if length > longest[0]:
        longest[0] = length


@njit(cache=True, nogil=True, inline="always")
def _settle_stub(pop, head, ic_own, pop_metro, apart, offer, site, km, hops, next_hop, possible):  # type: ignore[no-untyped-def]
    """_settle for the nine networks of ten that have one pop and hear no site: no exit to choose."""
    best = ic_own[offer[head, 0]]
    at = offer[head, 1]
    for w in range(possible.shape[1]):
        possible[pop, w] = possible[best, w]
    while at >= 0:
        candidate = ic_own[offer[at, 0]]
        at = offer[at, 1]
        best = min(best, candidate)
        for w in range(possible.shape[1]):
            possible[pop, w] |= possible[candidate, w]
    next_hop[pop] = best
    site[pop] = site[best]
    metro, far = pop_metro[pop], pop_metro[best]
    km[pop] = km[best]
    if metro != far:  # most links stay in town; the matrix is large and seldom in the cache
        km[pop] += apart[metro, far]
    hops[pop] = hops[best] + 1


@njit(cache=True, nogil=True)
def _settle(network, graph, seeds, rank, head, offer, site, km, hops, next_hop, possible):  # type: ignore[no-untyped-def]
    """Let each pop of a network choose among its offers. True when it exports the same everywhere."""
    asn, apart, ic_own, ic_far = graph.asn, graph.km, graph.ic_own, graph.ic_far
    pop_start, pop_metro, pop_network = graph.pop_start, graph.pop_metro, graph.pop_network
    seed_pop, seed_site, seed_km, seed_asn = seeds.pop, seeds.site, seeds.km, seeds.asn
    seed_rule_start = seeds.rule_start
    first, last = pop_start[network], pop_start[network + ONE]
    words = possible.shape[1]
    is_plain = True

    for pop in range(first, last):
        for w in range(words):
            possible[pop, w] = 0

    # Each exit takes the best of the offers that arrive there; the set of possible sites is the union.
    at = head
    while at >= 0:
        via = offer[at, 0]
        at = offer[at, 1]
        if via >= 0:
            exit_pop, candidate = ic_far[via], ic_own[via]
            for w in range(words):
                possible[exit_pop, w] |= possible[candidate, w]
        else:
            k = -(via + 1)
            exit_pop, candidate = seed_pop[k], via
            possible[exit_pop, seed_site[k] >> 6] |= np.uint64(1) << np.uint64(seed_site[k] & 63)
        held = next_hop[exit_pop]
        if held == NO_NEXT:
            next_hop[exit_pop] = candidate
        elif held >= 0 and candidate >= 0:
            # Pops are numbered by ASN, so the lower pop has the lower ASN.
            if candidate < held:
                next_hop[exit_pop] = candidate
        elif _tie_break(asn, pop_network, seed_asn, candidate) < _tie_break(asn, pop_network, seed_asn, held):
            next_hop[exit_pop] = candidate

    exits = 0
    for pop in range(first, last):
        chosen = next_hop[pop]
        if chosen == NO_NEXT:
            continue
        exits += 1
        if chosen >= 0:
            site[pop] = site[chosen]
            km[pop] = apart[pop_metro[pop], pop_metro[chosen]] + km[chosen]
            hops[pop] = hops[chosen] + 1
        else:
            k = -(chosen + 1)
            site[pop] = seed_site[k]
            km[pop] = seed_km[k]
            hops[pop] = 0 if rank >> 16 == 0 else 1
            if seed_rule_start[k] != seed_rule_start[k + 1]:
                is_plain = False

    # The other pops cross the network to the nearest exit.
    if exits < last - first:
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
                away = apart[pop_metro[pop], pop_metro[exit_pop]]
                if away < nearest:
                    nearest = away
                    best = exit_pop
                    for w in range(words):
                        possible[pop, w] = possible[exit_pop, w]
                elif away == nearest:
                    for w in range(words):
                        possible[pop, w] |= possible[exit_pop, w]
                    if _tie_break(asn, pop_network, seed_asn, next_hop[exit_pop]) < _tie_break(
                        asn, pop_network, seed_asn, next_hop[best]
                    ):
                        best = exit_pop
            next_hop[pop] = next_hop[best]
            site[pop] = site[best]
            km[pop] = nearest + km[best]
            hops[pop] = hops[best]
    return is_plain


@njit(cache=True, nogil=True, inline="always")
def _tie_break(asn, pop_network, seed_asn, candidate):  # type: ignore[no-untyped-def]
    """Rule 5 as one number: lowest neighbour ASN; a site before a network; lowest seed or pop."""
    if candidate < 0:
        k = np.uint64(-(candidate + 1))
        return (np.uint64(seed_asn[k]) << np.uint64(32)) | k
    neighbour = asn[pop_network[candidate]]
    return (np.uint64(neighbour) << np.uint64(32)) | np.uint64(1 << 31) | np.uint64(candidate)


@njit(cache=True, nogil=True)
def _extra(graph, seeds, pop, network, route_class, next_hop):  # type: ignore[no-untyped-def]
    """Prepends that the filters of the seed chosen at `pop` add towards a neighbour; -1: not exported."""
    k = -(next_hop[pop] + 1)
    extra = 0
    for f in range(seeds.rule_start[k], seeds.rule_start[k + 1]):
        if not (seeds.rule_classes[f] >> route_class) & 1:
            continue
        if not seeds.rule_metros[f, graph.pop_metro[pop]]:
            continue
        if not seeds.rule_any_network[f]:
            listed = seeds.rule_networks[seeds.rule_networks_start[f] : seeds.rule_networks_start[f + 1]]
            where = np.searchsorted(listed, network)
            if where == len(listed) or listed[where] != network:
                continue
        if seeds.rule_blocks[f]:
            return -1
        extra = max(extra, seeds.rule_times[f])
    return extra


@njit(cache=True, nogil=True, inline="always")
def _mark_invalid(network, pop_start, seed_is_invalid, next_hop, carries_invalid, plain):  # type: ignore[no-untyped-def]
    for pop in range(pop_start[network], pop_start[network + ONE]):
        chosen = next_hop[pop]
        if chosen >= 0:
            carries_invalid[pop] = carries_invalid[chosen]
        else:
            carries_invalid[pop] = seed_is_invalid[-(chosen + 1)]
        if carries_invalid[pop]:
            plain[network] = False


@njit(cache=True, nogil=True)
def settle_metros(  # type: ignore[no-untyped-def]
    graph, seeds, lengths, node, offer, bucket, queued, order, settled, site, km, hops, next_hop, possible
):
    """Fill node, order, site, km, hops, next_hop and possible with the stable state of these seeds."""
    # A field of a named tuple counts a reference each time it is read, atomically: read each once.
    rov, adj, pop_start, pop_metro = graph.rov, graph.adj, graph.pop_start, graph.pop_metro
    adj_start, adj_peers, adj_customers = graph.adj_start, graph.adj_peers, graph.adj_customers
    ic_start, ic_own, apart = graph.ic_start, graph.ic_own, graph.km
    seed_network, seed_route_class, seed_is_invalid = seeds.network, seeds.route_class, seeds.is_invalid
    has_invalid = seeds.has_invalid
    networks = len(rov)
    node[:, 0] = NONE
    node[:, 1] = -1
    next_hop[:] = NO_NEXT  # the other arrays are written when a pop is settled, or at the end
    for network in seeds.silent:
        node[network, 0] = -1

    count = np.zeros(2, np.uint64)  # offers, queue entries
    longest = np.zeros(1, np.int64)  # length in the queue
    done = 0
    plain = np.ones(networks, np.bool_)
    hears_site = np.zeros(networks, np.bool_)
    for network in seed_network:
        hears_site[network] = True
    carries_invalid = np.zeros(len(next_hop) if has_invalid else 1, np.bool_)

    for sweep in (CUSTOMER, PEER, PROVIDER):
        first_of_sweep = done

        # Who may speak in this sweep: seeds of its class, and what earlier sweeps settled.
        for k in range(len(lengths)):
            route_class = seed_route_class[k]
            if lengths[k] == 65535 or not (route_class == sweep or (sweep == CUSTOMER and route_class == 0)):
                continue
            network = np.uint32(seed_network[k])
            rank = np.int32((np.int32(route_class) << 16) | np.int32(lengths[k]))
            held = node[network, 0]
            if _offer(network, rank, np.int32(-(k + 1)), node, offer, count):
                if sweep != PEER:
                    _enqueue(network, np.int64(lengths[k]), bucket, queued, count, longest)
                elif held >> 16 != sweep:
                    order[done] = network
                    done += 1
        if sweep == PROVIDER:
            for i in range(first_of_sweep):
                _enqueue(order[i], np.int64(node[order[i], 0] & 0xFFFF), bucket, queued, count, longest)

        # Exporters in order of length; across peers the order does not matter.
        length = np.int64(0)
        at = np.int64(-1)
        speaker = 0
        while True:
            if sweep == PEER:
                if speaker == first_of_sweep:
                    break
                network = np.uint32(order[speaker])
                speaker += 1
            else:
                while at < 0 and length <= longest[0]:
                    at = np.int64(bucket[length])
                    bucket[length] = -1
                    length += 1
                if at < 0:
                    break
                network = np.uint32(queued[at, 0])
                at = np.int64(queued[at, 1])
                own = node[network, 0]
                if own & 0xFFFF != length - 1:
                    continue  # it was queued again with a shorter path, and is settled
                if own >> 16 == sweep or (sweep == CUSTOMER and own >> 16 == 0):
                    if next_hop[pop_start[network]] != NO_NEXT:
                        continue
                    pop = pop_start[network]
                    if hears_site[network] or pop_start[network + ONE] - pop > 1:
                        plain[network] = _settle(
                            network,
                            graph,
                            seeds,
                            own,
                            node[network, 1],
                            offer,
                            site,
                            km,
                            hops,
                            next_hop,
                            possible,
                        )
                    else:
                        _settle_stub(
                            pop,
                            node[network, 1],
                            ic_own,
                            pop_metro,
                            apart,
                            offer,
                            site,
                            km,
                            hops,
                            next_hop,
                            possible,
                        )
                    if has_invalid:
                        _mark_invalid(network, pop_start, seed_is_invalid, next_hop, carries_invalid, plain)
                    order[done] = network
                    done += 1

            if sweep == CUSTOMER:
                start, end = adj_start[network], adj_peers[network]
            elif sweep == PEER:
                start, end = adj_peers[network], adj_customers[network]
            else:
                start, end = adj_customers[network], adj_start[network + ONE]
            base = np.int32((sweep << 16) | min((node[network, 0] & 0xFFFF) + 1, LONGEST + 1))
            if base & 0xFFFF > LONGEST:
                continue
            for a in range(np.uint64(start), np.uint64(end)):
                neighbour = adj[a]
                held = node[neighbour, 0]
                if held < base:
                    continue
                for i in range(np.uint64(ic_start[a]), np.uint64(ic_start[a + MANY])):
                    rank = base
                    if not plain[network]:
                        pop = ic_own[i]
                        if has_invalid and carries_invalid[pop] and rov[neighbour]:
                            continue
                        extra = 0
                        if next_hop[pop] < 0:
                            extra = _extra(graph, seeds, pop, neighbour, sweep, next_hop)
                        if extra < 0 or (base & 0xFFFF) + extra > LONGEST:
                            continue
                        rank = np.int32(base + extra)
                    if _offer(neighbour, rank, np.int32(i), node, offer, count):
                        if sweep != PEER:
                            _enqueue(neighbour, np.int64(rank & 0xFFFF), bucket, queued, count, longest)
                        elif held >> 16 != sweep:
                            order[done] = neighbour
                            done += 1
                            held = rank

        if sweep == PEER:
            # The two ways to settle stand here again, written out: an inlined function around
            # them makes numba count references to every array in the loop, four times as slow.
            for i in range(first_of_sweep, done):
                network = np.uint32(order[i])
                pop = pop_start[network]
                own = node[network, 0]
                if hears_site[network] or pop_start[network + ONE] - pop > 1:
                    plain[network] = _settle(
                        network,
                        graph,
                        seeds,
                        own,
                        node[network, 1],
                        offer,
                        site,
                        km,
                        hops,
                        next_hop,
                        possible,
                    )
                else:
                    _settle_stub(
                        pop,
                        node[network, 1],
                        ic_own,
                        pop_metro,
                        apart,
                        offer,
                        site,
                        km,
                        hops,
                        next_hop,
                        possible,
                    )
                if has_invalid:
                    _mark_invalid(network, pop_start, seed_is_invalid, next_hop, carries_invalid, plain)
        longest[0] = 0
    settled[0] = done
    for network in range(networks):
        if node[network, 0] == NONE or node[network, 0] < 0:
            for pop in range(pop_start[network], pop_start[network + ONE]):
                site[pop] = 65535
                km[pop] = np.inf
                hops[pop] = 0
                for w in range(possible.shape[1]):
                    possible[pop, w] = 0
