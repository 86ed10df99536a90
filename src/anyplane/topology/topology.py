"""Topology: the Internet as arrays, and the questions that only need those arrays.

A *network* (AS) is present in one or more *metros*; the pair (network, metro) is a *pop* and has its own
index. Networks are sorted by ASN, so a lower index is a lower ASN, and the pops of a network are contiguous
and sorted by metro. A *link* joins two networks; it is stored once in each direction. It is used at one or
more *interconnects*, each a pair of pops: the metros that both networks share, else the nearest pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metros:
    """The world's metros, M of them. `km` is the great-circle distance between any two."""

    code: tuple[str, ...]
    """IATA code, upper case ("FRA", "NYC")."""
    name: tuple[str, ...]
    country: tuple[str, ...]
    """ISO 3166 alpha-2."""
    continent: tuple[str, ...]
    """AF, AN, AS, EU, NA, OC or SA."""
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    population: NDArray[np.float64]
    """(M,) people living nearest to this metro within its country."""
    km: Float32
    """(M, M) kilometres, 0 on the diagonal, symmetric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """N networks, P pops, A directed links (adjacencies), I directed interconnects.

    The adjacencies of network n lie in adj[adj_start[n]:adj_start[n + 1]] in three runs, each sorted by
    neighbour: providers up to adj_peers[n], peers up to adj_customers[n], then customers.
    """

    asn: NDArray[np.uint32]
    """(N,) strictly increasing."""
    country: NDArray[np.str_]
    """(N,) ISO 3166 alpha-2 as U2, "" where unknown."""
    pop_start: Int32
    """(N + 1,) the pops of network n are pop_start[n]:pop_start[n + 1]; every network has at least one."""
    pop_metro: Int32
    """(P,) index into metros, increasing inside a network."""
    pop_network: Int32
    """(P,) the network of a pop."""
    users: NDArray[np.float64]
    """(P,) estimated users of that network in that metro."""
    adj_start: Int32
    """(N + 1,)"""
    adj_peers: Int32
    """(N,) where the peers begin (and the providers end)."""
    adj_customers: Int32
    """(N,) where the customers begin (and the peers end)."""
    adj: Int32
    """(A,) neighbour network."""
    ic_start: Int32
    """(A + 1,) the interconnects of adjacency a are ic_start[a]:ic_start[a + 1]; at least one."""
    ic_own: Int32
    """(I,) the pop of the network whose adjacency it is."""
    ic_far: Int32
    """(I,) the pop of the neighbour."""
    rov: NDArray[np.bool_]
    """(N,) does the network drop RPKI-invalid routes?"""
    ixp_asn: NDArray[np.uint32]
    """(X,) ASN of the route server, 0 where unknown."""
    ixp_metro: Int32
    """(X,)"""
    ixp_start: Int32
    """(X + 1,)"""
    ixp_member: Int32
    """networks that peer with the route server of IXP x: ixp_member[ixp_start[x]:ixp_start[x + 1]]."""
    ixp_name: tuple[str, ...]
    name: Sequence[str]
    """(N,) network names, "" where unknown; or () where none is known; decoded when asked for."""
    metros: Metros
    origin: str
    """One line for people: where this graph comes from (files and dates, or "synthetic 10k, seed 1")."""

    @property
    def networks(self) -> int:
        """The number of networks."""
        return len(self.asn)

    @property
    def pops(self) -> int:
        """The number of (network, metro) pairs."""
        return len(self.pop_metro)

    def index_of(self, asn: int) -> int:
        """The index of a network, or -1 when the topology lacks it."""
        where = int(np.searchsorted(self.asn, asn))
        return where if where < len(self.asn) and int(self.asn[where]) == asn else -1

    def pop_at(self, network: int, metro: int) -> int:
        """The pop of a network in a metro, or -1."""
        start, end = int(self.pop_start[network]), int(self.pop_start[network + 1])
        where = start + int(np.searchsorted(self.pop_metro[start:end], metro))
        return where if where < end and int(self.pop_metro[where]) == metro else -1

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The NumPy arrays by field name (those of `metros` not included)."""
        values = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
