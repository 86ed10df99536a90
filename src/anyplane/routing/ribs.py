"""rib_rows: every network's AS path as the text of a CSV, `asn,prefix,"(own, next, ..., origin)"`.

The format of BGPy and of the course built on it: a Python tuple, own ASN first, origin last. A path is
written by walking the next hops; doing that in a kernel makes writing as fast as the disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.routes import NO_NEXT, Routes
from anyplane.topology import Topology

HEADER = b"asn,prefix,as_path\n"
_DIGITS = 10
"""The longest ASN in decimal."""


def main_pops(topology: Topology) -> NDArray[np.int64]:
    """(N,) the pop of each network that has most of its users; the first one where they are equal."""
    order = np.lexsort((np.arange(topology.pops), -topology.users, topology.pop_network))
    return order[topology.pop_start[:-1]]


def rib_rows(routes: Routes, prefix: str, *, pops: NDArray[np.int64]) -> bytes:
    """One row for each of these pops that has a route, in their order, without a header."""
    topology = routes.topology
    lead = np.frombuffer(f",{prefix},".encode(), np.uint8)
    asns = topology.asn.astype(np.uint64)
    seed_asn = np.array([seed.asn for seed in routes.seeds.seeds], np.uint64)
    longest = int(routes.length[topology.pop_network[pops]][routes.next_hop[pops] != NO_NEXT].max(initial=0))
    buffer = np.empty(len(pops) * (len(lead) + 24) + (longest + 2) * (_DIGITS + 2), np.uint8)
    args = (
        asns,
        topology.pop_network,
        routes.next_hop,
        routes.length.astype(np.int64),
        seed_asn,
        routes.lengths.astype(np.int64),
        lead,
    )
    parts: list[bytes] = []
    at = 0
    while at < len(pops):
        at, used = _write(pops, at, *args, buffer)
        parts.append(buffer[:used].tobytes())
    return b"".join(parts)


@njit(cache=True, nogil=True, inline="always")
def _number(value, buffer, used):  # type: ignore[no-untyped-def]
    digits = 1
    limit = np.uint64(10)
    while value >= limit:
        digits += 1
        limit *= np.uint64(10)
    for i in range(digits - 1, -1, -1):
        buffer[used + i] = 48 + value % np.uint64(10)
        value //= np.uint64(10)
    return used + digits


@njit(cache=True, nogil=True)
def _write(pops, at, asns, pop_network, next_hop, length, seed_asn, seed_length, lead, buffer):  # type: ignore[no-untyped-def]
    """Rows from pops[at] on until the buffer is nearly full: (where to go on, bytes used)."""
    used = 0
    while at < len(pops):
        pop = pops[at]
        if next_hop[pop] == NO_NEXT:
            at += 1
            continue
        network = pop_network[pop]
        if used + len(lead) + (length[network] + 2) * 12 + 16 > len(buffer):
            break
        used = _number(asns[network], buffer, used)
        for i in range(len(lead)):
            buffer[used + i] = lead[i]
        used += len(lead)
        buffer[used], buffer[used + 1] = 34, 40  # "(
        used += 2
        numbers = 0
        previous = -1
        while True:
            network = pop_network[pop]
            copies = 1
            if next_hop[pop] < 0 and previous >= 0:
                # Prepends that an action community asked of this network stand before its neighbour.
                copies += length[previous] - 1 - seed_length[-(next_hop[pop] + 1)]
            for _ in range(copies):
                if numbers:
                    buffer[used], buffer[used + 1] = 44, 32  # comma, space
                    used += 2
                used = _number(asns[network], buffer, used)
                numbers += 1
            if next_hop[pop] < 0:
                break
            previous = network
            pop = next_hop[pop]
        k = -(next_hop[pop] + 1)
        for _ in range(seed_length[k]):
            buffer[used], buffer[used + 1] = 44, 32
            used = _number(seed_asn[k], buffer, used + 2)
            numbers += 1
        if numbers == 1:
            buffer[used] = 44
            used += 1
        buffer[used], buffer[used + 1], buffer[used + 2] = 41, 34, 10  # )" newline
        used += 3
        at += 1
    return at, used
