"""Net, Tables and Stores: what the kernels read, what they write, and what grows while they do.

Memory: about 45 bytes for each adjacency (51 MB for the whole Internet of 2025), 29 more where damping is on;
20 bytes for each different path that was ever used, 16 for each message on its way. Paths and messages are
counted in a bounded number of rows; a run that would need more ends with a MemoryError.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anyplane.routing.arrays import Graph, SeedTable
from anyplane.routing.converge.lines import Lines
from anyplane.routing.converge.paths import index_again
from anyplane.routing.kernels import _extra
from anyplane.routing.routes import NO_NEXT
from anyplane.routing.seeds import Seeds
from anyplane.topology import Topology

NO_RANK = 8 << 16
"""Of an entry that holds nothing usable; ranks are class << 16 | length, backups 4 classes further down."""
NO_KEY = 1 << 62
NO_VIA = -(1 << 31)
MOST_ROWS = 1 << 27
"""Of either store: 2.1 GB of messages on their way, 2.7 GB of paths."""
SPARE_PATHS = 1024
"""Rows that one event may need: one, and those with the prepends that communities ask for."""
ANNOUNCED, WITHDRAWN, LAST, DIRTY, REACHED, NOW = 2, 3, 4, 5, 6, 7
"""Counters: messages of both kinds, when the last one arrived, networks to look at, networks with a route."""

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Records = NDArray[np.void]
Number = TypeVar("Number", np.int32, np.int64)


LINK = np.dtype([("owner", "i4"), ("far", "i4"), ("reverse", "i4"), ("delay", "i4")])
"""An adjacency: whose, the neighbour, the same link seen from there, µs of light."""
NODE = np.dtype(
    [
        ("start", "i4"),
        ("peers", "i4"),
        ("customers", "i4"),
        ("end", "i4"),
        ("pop", "i4"),
        ("pop_end", "i4"),
        ("seed", "i4"),
        ("is_silent", "?"),
        ("has_rules", "?"),
    ]
)
"""A network: its adjacencies (providers, peers, customers), pops, first seed (-1: none), oddities."""
SEED = np.dtype(
    [
        ("following", "i4"),
        ("root", "i4"),
        ("rank", "i4"),
        ("pop", "i4"),
        ("asn", "u4"),
        ("med", "i8"),
        ("extras", "i8"),
    ]
)
"""A seed: the next one of its network, its root path, rank; where its `extras` begin, -1 without rules."""
LINE = np.dtype([("sent", "i4"), ("number", "i4"), ("ready", "i8"), ("last", "i8"), ("flags", "i8")])
"""What was said on an adjacency: path last sent, messages, µs when the interval ends, µs of the last arrival;
the bits WAITING (of the one who speaks) and SUPPRESSED (of the one who hears)."""
STATE = np.dtype(
    [("best", "i8"), ("changed", "i8"), ("held", "i4"), ("via", "i4"), ("changes", "i4"), ("is_dirty", "?")]
)
"""A network's choice: key of the decision, µs of the last change (-1 never), own path, where from."""
FLAP = np.dtype([("penalty", "f8"), ("at", "i8"), ("kept", "i4")])
"""Damping of what an adjacency hears: the penalty at that µs, and the path heard last, used or not."""


class Net(NamedTuple):
    """Topology, lines and seeds, which never change in a run.

    link (A,), node (N,), seed (K,): records as above. extras: prepends that a seed's rules add at each
    interconnect of its network, -1 where they block. The others as in Topology and SeedTable.
    """

    link: Records
    node: Records
    seed: Records
    extras: NDArray[np.int16]
    ic_start: Int32
    ic_own: Int32
    ic_far: Int32
    pop_metro: Int32
    pop_network: Int32
    asn: NDArray[np.uint32]
    seed_asn: NDArray[np.uint32]
    km: NDArray[np.float32]


class Tables(NamedTuple):
    """What every network knows and has said.

    rib (A, 2): path heard and its rank, NO_RANK where none may be used. line (A,), state (N,), flap (A,) or
    (1,): records as above. live (K,): is the session up? next_hop (P,) as in Routes. dirty (N,): the networks
    whose pops are to be looked at again.
    """

    rib: Int32
    line: Records
    state: Records
    flap: Records
    live: NDArray[np.bool_]
    next_hop: Int32
    dirty: Int32

    def copy(self) -> Tables:
        """The same values in arrays of their own."""
        return Tables._make(array.copy() for array in self)


class Stores(NamedTuple):
    """heap (E, 2): key and path of each event; path (R, 3); hashes: where a path is, by its hash; counters,
    as named above."""

    heap: Int64
    path: Int32
    hashes: Int32
    counters: Int64

    def copy(self) -> Stores:
        """The same values in arrays of their own."""
        return Stores._make(array.copy() for array in self)


def net(
    topology: Topology, seeds: Seeds, table: SeedTable, lines: Lines
) -> tuple[Net, list[tuple[int, int]]]:
    """The Net, and the (asn, length) of each root in order: what a neighbour hears from a site."""
    link = np.empty(len(topology.adj), LINK)
    link["owner"], link["far"], link["reverse"], link["delay"] = (
        lines.owner,
        topology.adj,
        lines.reverse,
        lines.delay,
    )
    node = np.zeros(topology.networks, NODE)
    node["start"], node["end"] = topology.adj_start[:-1], topology.adj_start[1:]
    node["peers"], node["customers"] = topology.adj_peers, topology.adj_customers
    node["pop"], node["pop_end"] = topology.pop_start[:-1], topology.pop_start[1:]
    node["seed"] = -1
    node["is_silent"][table.silent] = True
    seed = np.zeros(len(seeds.seeds), SEED)
    roots: dict[tuple[int, int], int] = {}
    for k in range(len(seeds.seeds) - 1, -1, -1):
        network = int(table.network[k])
        seed[k]["following"] = node["seed"][network]
        node["seed"][network] = k
        node["has_rules"][network] |= bool(seeds.seeds[k].filters)
    parts: list[NDArray[np.int16]] = []
    used = 0
    for k, one in enumerate(seeds.seeds):
        seed[k]["root"] = roots.setdefault((int(one.asn), one.length), len(roots) + 1)
        seed[k]["rank"] = (int(one.route_class) + (4 if one.is_backup else 0)) << 16 | one.length
        seed[k]["pop"], seed[k]["asn"], seed[k]["med"] = one.pop, int(one.asn), one.med
        seed[k]["extras"] = used if one.filters else -1
        if one.filters:
            parts.append(extras_of(k, int(table.network[k]), Graph.of(topology), table))
            used += len(parts[-1])
    made = Net(
        link=link,
        node=node,
        seed=seed,
        extras=np.concatenate(parts) if parts else np.zeros(1, np.int16),
        ic_start=topology.ic_start,
        ic_own=topology.ic_own,
        ic_far=topology.ic_far,
        pop_metro=topology.pop_metro,
        pop_network=topology.pop_network,
        asn=topology.asn,
        seed_asn=table.asn,
        km=topology.metros.km,
    )
    return made, list(roots)


def empty_tables(topology: Topology, live: NDArray[np.bool_]) -> Tables:
    """Nobody has heard anything."""
    rib = np.zeros((len(topology.adj), 2), np.int32)
    rib[:, 1] = NO_RANK
    state = np.zeros(topology.networks, STATE)
    state["best"], state["via"], state["changed"] = NO_KEY, NO_VIA, -1
    return Tables(
        rib=rib,
        line=np.zeros(len(topology.adj), LINE),
        state=state,
        flap=np.zeros(1, FLAP),
        live=live.copy(),
        next_hop=np.full(topology.pops, NO_NEXT, np.int32),
        dirty=np.zeros(topology.networks, np.int32),
    )


def with_damping(tables: Tables, lines: Lines) -> Tables:
    """Tables that remember penalties; what every neighbour has sent so far is kept without one."""
    flap = np.zeros(len(lines.owner), FLAP)
    flap["kept"] = tables.line["sent"][lines.reverse]
    return tables._replace(flap=flap)


def stores(networks: int, roots: list[tuple[int, int]]) -> Stores:
    """Stores with room for one path of each network and the roots entered."""
    rows = len(roots) + 1 + 2 * networks + SPARE_PATHS
    path = np.full((rows, 3), -1, np.int32)
    path[0] = (-1, 0, 0)
    for number, (_, length) in enumerate(roots, 1):
        path[number] = (-1, 0, length)
    counters = np.zeros(8, np.int64)
    counters[1] = len(roots) + 1
    return Stores(
        heap=np.zeros((1 << 12, 2), np.int64),
        path=path,
        hashes=np.zeros(_power_of_two(2 * rows), np.int32),
        counters=counters,
    )


def grown(old: Stores, *, spare: int) -> Stores:
    """Stores with twice the room in what is nearly full; MemoryError past MOST_ROWS."""
    heap, path, hashes = old.heap, old.path, old.hashes
    if int(old.counters[0]) + spare > len(heap):
        heap = _doubled(heap, spare)
    if int(old.counters[1]) + SPARE_PATHS > len(path):
        path = _doubled(path, SPARE_PATHS)
        hashes = np.zeros(_power_of_two(2 * len(path)), np.int32)
        index_again(path, int(old.counters[1]), hashes)
    return Stores(heap=heap, path=path, hashes=hashes, counters=old.counters)


def _doubled(array: NDArray[Number], spare: int) -> NDArray[Number]:
    rows = 2 * len(array) + spare
    if rows > MOST_ROWS:
        raise MemoryError("the simulation needs more paths or messages than it may hold")
    larger = np.zeros((rows, array.shape[1]), array.dtype)
    larger[: len(array)] = array
    return larger


def _power_of_two(least: int) -> int:
    return 1 << (max(2, least) - 1).bit_length()


@njit(cache=True, nogil=True)
def extras_of(k, network, graph, rules):  # type: ignore[no-untyped-def]
    """(I of the network,) prepends that seed k's rules add at each interconnect; -1 where they block."""
    start, end = np.int64(graph.adj_start[network]), np.int64(graph.adj_start[network + 1])
    first = np.int64(graph.ic_start[start])
    found = np.zeros(np.int64(graph.ic_start[end]) - first, np.int16)
    chosen = np.full(len(graph.pop_network), -(k + 1), np.int32)
    for a in range(start, end):
        held_as = 1 if a < graph.adj_peers[network] else 2 if a < graph.adj_customers[network] else 3
        for i in range(np.int64(graph.ic_start[a]), np.int64(graph.ic_start[a + 1])):
            pop = np.int64(graph.ic_own[i])
            found[i - first] = _extra(graph, rules, pop, np.int64(graph.adj[a]), held_as, chosen)
    return found
