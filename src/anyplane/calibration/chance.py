"""chance: the probability of each site at each pop, when links and preferences are only known in part.

Theory of operation. The planner's definition is a limit: every link carries, and the better of two routes
(class, then length) is always taken. Here a link carries with a chance (`willingness`), a group of equally
good offers is passed over now and then (`Strictness`), inside a group the nearer exit is the likelier (hot
potato, softly) and learned preferences shift the odds. A pop's probabilities are the mean of those of the
pops it may have its route from, weighted by the chance that it does: a fixed point, found in rounds that
begin near the sites. So a tier-1 that is torn between two sites makes all its customers torn, and a
measurement of the customers says something about the tier-1 (`preferences`).

What each neighbour may hand over, and in which class and length, comes from each site announcing alone
(`alone`): what a network hears in the end is one of those routes, unless policies depend on one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.alone import Alone, Bools, Entry, Ground, Int64
from anyplane.calibration.geography import backbone_km, regions
from anyplane.calibration.offer_kernels import gather, nearest, settle_chances, trace_back
from anyplane.topology import Topology

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
ROUNDS = 100
"""At most; graphs of the real Internet take 5 to 12."""
HALVED = 30
"""From this round on each step is half as long, so that most of what swings comes to rest."""
TOLERANCE = 2e-3
NEAR_EXIT_KM = 500.0
"""An exit this much farther is taken e times less often."""
NEAR_SITE_KM = 7_000.0
"""Weak: what lies behind the exit is not compared by hot potato, but graphs miss many a shorter way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """How often a group of offers that is there is taken rather than a worse one.

    length: while longer paths of the same class remain; customer, peer, provider: the last group of the
    class.
    """

    length: float = 0.93
    customer: float = 0.9
    peer: float = 0.9
    provider: float = 1.0

    def array(self) -> Float64:
        """As the kernel takes it."""
        return np.array([self.length, self.customer, self.peer, self.provider])


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteModel:
    """One site as `chance` needs it.

    metro: index of its metro. entries: its sessions. routes: Alone. rate, added: (A,) chance that an
    adjacency carries it, and the prepends it adds.
    """

    metro: int
    entries: tuple[Entry, ...]
    routes: Alone
    rate: Float32
    added: Int16
    leaks: Bools


class Terrain:
    """A Ground with what only depends on places: backbone kilometres, regions, the nearest interconnects."""

    def __init__(self, topology: Topology) -> None:
        self.ground = Ground(topology)
        self.topology = topology
        self.km = backbone_km(topology.metros)
        self.region_names, of_metro = regions(topology.metros)
        self.region: Int64 = of_metro[topology.pop_metro]
        t = topology
        self.first, self.pop, self.away = nearest(
            t.adj_start, t.ic_start, t.ic_own, t.ic_far, t.pop_start, t.pop_metro, self.km
        )
        self.weight: Float64 = _weights(topology)

    def of_networks(self, by_pop: NDArray[np.floating]) -> Float32:
        """(N, S) the mean over the pops of each network, by users."""
        t = self.topology
        total = np.zeros((t.networks, by_pop.shape[1]))
        np.add.at(total, t.pop_network, by_pop * self.weight[:, None])
        return total.astype(np.float32)


class Offers:
    """Everything that may be heard of some sites, by pop; the state of one fixed point."""

    def __init__(
        self,
        terrain: Terrain,
        sites: Sequence[SiteModel],
        *,
        silent: Bools,
        strictness: Strictness | None = None,
    ) -> None:
        t = terrain.topology
        if any(len(site.rate) != len(t.adj) or len(site.leaks) != len(t.adj) for site in sites):
            raise ValueError("a site model of another topology")
        self.terrain = terrain
        self.strict = (strictness or Strictness()).array()
        entries = [(entry, s) for s, site in enumerate(sites) for entry in site.entries if entry.chance > 0]
        length = np.stack([site.routes.length for site in sites])
        self.arrays = gather(
            t.adj_start, t.adj_peers, t.adj_customers, t.adj, t.pop_start, t.pop_metro, silent,
            terrain.first, terrain.pop, terrain.away, terrain.km,
            np.stack([site.rate for site in sites]), np.stack([site.added for site in sites]),
            np.stack([site.leaks for site in sites]), length,
            np.array([site.metro for site in sites], np.int64), NEAR_EXIT_KM, NEAR_SITE_KM,
            np.array([t.pop_network[entry.pop] for entry, _ in entries], np.int64),
            np.array([entry.pop for entry, _ in entries], np.int64),
            np.array([s for _, s in entries], np.int64),
            np.array([entry.route_class - 1 for entry, _ in entries], np.int64),
            np.array([entry.length for entry, _ in entries], np.int64),
            np.array([entry.chance for entry, _ in entries], np.float64),
            np.array([entry.penalty for entry, _ in entries], np.float64),
        )  # fmt: skip
        start = self.arrays[0]
        self.widest = int(np.diff(start).max(initial=1))
        self.deepest = int(np.diff(t.adj_start).max(initial=1)) + 1
        heard = np.flatnonzero(np.diff(start) > 0)
        self.order: Int64 = heard[np.argsort(length.min(axis=0)[t.pop_network[heard]], kind="stable")]
        self.sites = len(sites)
        self.moved = 0.0
        """By how much the last round of `settle` still moved a probability at most."""
        self.state: Float64 = np.zeros((t.pops, 2 * len(sites)))
        self.like: Float32 = np.ones(len(self.arrays[1]), np.float32)

    def prefer(self, log_odds: Float32) -> None:
        """Take these learned preferences, (A, R) by adjacency and region."""
        start, _, _, link, *_ = self.arrays
        owner = np.repeat(np.arange(len(start) - 1), np.diff(start))
        learned = log_odds[np.maximum(link, 0), self.terrain.region[owner]]
        self.like = np.where(link >= 0, np.exp(learned), 1.0).astype(np.float32)

    @property
    def probability(self) -> Float64:
        """(P, S) where the fixed point stands; a view."""
        return self.state[:, : self.sites]

    def settle(self, *, rounds: int = ROUNDS) -> Float64:
        """(P, S) the probabilities, from where they stood; the array belongs to this object.

        Where they had not come to rest after all rounds, `moved` is above TOLERANCE.
        """
        t = self.terrain.topology
        _, self.moved = settle_chances(  # type: ignore[call-arg]  # numba's stubs do not count what * unpacks
            self.order, t.pop_network, t.adj_start, *self.arrays, self.like, self.strict, self.state,
            self.widest, self.deepest, TOLERANCE, rounds, HALVED,
        )  # fmt: skip
        return self.state[:, : self.sites]

    def trace_back(self, front: Float64, *, after: Float32, before: Float32, depth: int) -> None:
        """See the kernel; `front` is used up."""
        t = self.terrain.topology
        trace_back(  # type: ignore[call-arg]  # numba's stubs do not count what * unpacks
            self.order, t.pop_network, t.adj_start, *self.arrays, self.like, self.strict, self.state,
            self.widest, self.deepest, self.terrain.region, front, after, before, depth,
        )  # fmt: skip


def _weights(topology: Topology) -> Float64:
    """(P,) each pop's part of its network: by users, evenly where nobody is known to be."""
    users = topology.users + 1.0
    total = np.bincount(topology.pop_network, users, topology.networks)
    weight: Float64 = users / total[topology.pop_network]
    return weight
