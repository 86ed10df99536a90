"""Two fixed loops that say how fast the machine is just now: one waits for memory, the other computes.

Machines are shared and swing by factors. Each row of the table says how much slower than at its best in this
run the machine was around it; a figure missed on a slow machine is to be measured again, not explained.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numba import njit

GATHERS = 1 << 22
TABLE = 1 << 23
STEPS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Nanoseconds for one random read of 32 bits from 32 MB, and for one step of a hash."""

    memory_ns: float
    compute_ns: float


class Yardstick:
    """Measures the State; the loops are compiled and their table is made once."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._table = rng.integers(0, 100, TABLE, dtype=np.int32)
        self._index = rng.integers(0, TABLE, GATHERS, dtype=np.int32)
        self.seen: list[State] = []
        _gather(self._table, self._index[:10])
        _hash(10)

    def read(self) -> State:
        """The State now; also remembered in `seen`."""
        memory = min(_seconds(lambda: _gather(self._table, self._index)) for _ in range(3)) / GATHERS
        compute = min(_seconds(lambda: _hash(STEPS)) for _ in range(3)) / STEPS
        state = State(memory_ns=memory * 1e9, compute_ns=compute * 1e9)
        self.seen.append(state)
        return state

    def best(self) -> State:
        """The fastest of each seen so far."""
        return State(
            memory_ns=min(state.memory_ns for state in self.seen),
            compute_ns=min(state.compute_ns for state in self.seen),
        )


def read_links(start: np.ndarray, adj: np.ndarray, value: np.ndarray) -> int:
    """Read, for every link of a graph, one number of the other end: the least a sweep can do."""
    return int(_read_links(start, adj, value))


def _seconds(call: object) -> float:
    assert callable(call)
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


@njit(cache=True, nogil=True)
def _gather(table, index):
    total = 0
    for i in index:
        total += table[i]
    return total


@njit(cache=True, nogil=True)
def _hash(steps):
    state = np.uint64(1)
    for _ in range(steps):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
    return state


@njit(cache=True, nogil=True)
def _read_links(start, adj, value):
    most = 0
    for network in range(len(start) - 1):
        total = 0
        for a in range(start[network], start[network + 1]):
            total += value[adj[a]]
        most = max(most, total)
    return most
