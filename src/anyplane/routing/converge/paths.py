"""AS paths as an interned tree, and the queue of events: the two stores of the kernel that grow.

A path is one number: a row (network, the rest of the path, length as it is sent). Equal paths have equal
numbers, so "nothing new to say" is one comparison, and finding one's own network in a path is a walk along a
few rows. Row 0 is no path at all; the roots (network -1) are what the sites themselves announce: their ASN,
so many times.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SIZE, PATHS = 0, 1
"""Where the counters of both stores stand in `counters`."""


@njit(cache=True, nogil=True)
def intern(network, rest, path, index, counters):  # type: ignore[no-untyped-def]
    """The number of the path of `network` followed by `rest`."""
    mask = len(index) - 1
    mixed = np.uint64(network + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(rest) * np.uint64(
        0xBF58476D1CE4E5B9
    )
    at = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))
    while index[at] != 0:
        found = index[at]
        if path[found, 0] == network and path[found, 1] == rest:
            return found
        at = (at + 1) & mask
    made = np.int32(counters[PATHS])
    counters[PATHS] += 1
    path[made, 0] = network
    path[made, 1] = rest
    path[made, 2] = path[rest, 2] + 1
    index[at] = made
    return made


@njit(cache=True, nogil=True)
def index_again(path, count, index):  # type: ignore[no-untyped-def]
    """Enter all paths that are not roots into an empty, larger index."""
    mask = len(index) - 1
    for made in range(1, count):
        if path[made, 0] < 0:
            continue
        mixed = np.uint64(path[made, 0] + 1) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(
            path[made, 1]
        ) * np.uint64(0xBF58476D1CE4E5B9)
        at = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(mask))
        while index[at] != 0:
            at = (at + 1) & mask
        index[at] = made


@njit(cache=True, nogil=True, inline="always")
def is_on(network, number, path):  # type: ignore[no-untyped-def]
    """Is this network on the path?"""
    found = False
    while number != 0 and path[number, 0] >= 0:
        if path[number, 0] == network:
            found = True
            break
        number = path[number, 1]
    return found


@njit(cache=True, nogil=True)
def push(heap, counters, key, value):  # type: ignore[no-untyped-def]
    """Add an event to the queue: a heap of four children, ordered by key."""
    at = counters[SIZE]
    counters[SIZE] = at + 1
    while at > 0:
        above = (at - 1) >> 2
        if heap[above, 0] <= key:
            break
        heap[at, 0] = heap[above, 0]
        heap[at, 1] = heap[above, 1]
        at = above
    heap[at, 0] = key
    heap[at, 1] = value


@njit(cache=True, nogil=True)
def drop_first(heap, counters):  # type: ignore[no-untyped-def]
    """Remove the event at the front."""
    size = counters[SIZE] - 1
    counters[SIZE] = size
    if size == 0:
        return
    key, value = heap[size, 0], heap[size, 1]
    at = 0
    while True:
        child = (at << 2) + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if heap[other, 0] < heap[least, 0]:
                least = other
        if heap[least, 0] >= key:
            break
        heap[at, 0] = heap[least, 0]
        heap[at, 1] = heap[least, 1]
        at = least
    heap[at, 0] = key
    heap[at, 1] = value
