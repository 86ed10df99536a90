"""Start, Change and Convergence: from one stable state, through a change of announcements, to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.routing.converge import arrays
from anyplane.routing.converge.arrays import ANNOUNCED, LAST, NO_KEY, REACHED, WITHDRAWN
from anyplane.routing.converge.forwarding import look
from anyplane.routing.converge.kernels import GROW, SITE, fill, run_until
from anyplane.routing.converge.lines import Lines
from anyplane.routing.converge.paths import SIZE, push
from anyplane.routing.converge.timing import SECOND, Timing, processing_time, routers
from anyplane.routing.frontier import Engine
from anyplane.routing.routes import UNREACHED, Routes
from anyplane.routing.seeds import Seeds
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

MOST_HELD_BACK = 64
"""Events that one message may cause at its network beyond two for each neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """At time 0 the sessions of `withdraw` are withdrawn and those of `announce` announced; seed numbers."""

    withdraw: tuple[int, ...] = ()
    announce: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What became of packets at one moment: fate (P,) as in `forwarding`, site (P,) reached or NO_SITE."""

    at_s: float
    fate: NDArray[np.uint8]
    site: NDArray[np.uint16]
    networks: int
    """That have a route."""


class Start:
    """The stable state before the change, made once and copied by each run.

    before: the seeds that are announced then, as a row of lengths (OFF for the others). A ValueError refuses
    seeds that are RPKI-invalid: who drops what depends on the pop, and a network decides here as one.
    """

    def __init__(self, topology: Topology, seeds: Seeds, lines: Lines, before: Lengths | None = None) -> None:
        if any(seed.is_invalid for seed in seeds.seeds):
            raise ValueError("invalid routes are not simulated in time")
        self.topology, self.seeds, self.lines = topology, seeds, lines
        self.before = lengths_of(seeds) if before is None else before
        self.engine = Engine(topology, seeds)
        self.net, roots = arrays.net(topology, seeds, self.engine.seed_arrays.table, lines)
        self.tables = arrays.empty_tables(topology, self.before != OFF)
        self.stores = arrays.stores(topology.networks, roots)
        self.stable = self.engine.run(self.before)
        rank = self.stable.route_class.astype(np.int64) << 16 | self.stable.length
        order = np.argsort(rank, kind="stable")
        fill(
            order[: int((rank < 4 << 16).sum())].astype(np.int64),
            self.net,
            self.tables,
            self.stores,
        )

    def after(self, change: Change) -> Lengths:
        """The row of lengths when the change is over."""
        row = self.before.copy()
        row[list(change.withdraw)] = OFF
        on = list(change.announce)
        row[on] = lengths_of(self.seeds)[on]
        return row


class Convergence:
    """One run: one start, one change, one seed. `until` moves time on, `sample` looks, the rest is
    counted."""

    def __init__(self, start: Start, change: Change, timing: Timing, seed: int) -> None:
        self.start, self.change = start, change
        self.routers = routers(timing, start.topology.networks, seed)
        self.tables = start.tables.copy()
        self.stores = start.stores.copy()
        if self.routers.router["damps"].any():
            self.tables = arrays.with_damping(self.tables, start.lines)
        self._spare = 2 * start.lines.degree + MOST_HELD_BACK
        self.site_answers = np.zeros(max(1, start.seeds.sites), bool)
        for seed_now, length in zip(start.seeds.seeds, start.after(change), strict=True):
            self.site_answers[seed_now.site] |= length != OFF
        self._seed_site = np.array([one.site for one in start.seeds.seeds], np.uint16)
        self.then(change, at_s=0.0)

    def then(self, change: Change, *, at_s: float) -> None:
        """Let sessions of sites come up or go down at a later time as well."""
        for seeds, value in ((change.withdraw, 0), (change.announce, 1)):
            for k in seeds:
                if int(self.stores.counters[SIZE]) + self._spare > len(self.stores.heap):
                    self.stores = arrays.grown(self.stores, spare=self._spare)
                due = round(at_s * SECOND) + self.hearing(k)
                push(self.stores.heap, self.stores.counters, due << 26 | k << 2 | SITE, value)

    def hearing(self, k: int) -> int:
        """µs until the network of seed k has understood what its site said."""
        session = len(self.start.lines.owner) + k
        return 100 + int(processing_time(self.routers.seed, session, 0, self.routers.processing))

    def until(self, seconds: float) -> bool:
        """Let this much time pass since the change; True when nothing is left to happen."""
        limit = round(seconds * SECOND)
        start = self.start
        while True:
            code = run_until(
                limit,
                self._spare,
                start.net,
                self.tables,
                self.stores,
                self.routers,
            )
            if code != GROW:
                return int(self.stores.counters[SIZE]) == 0
            self.stores = arrays.grown(self.stores, spare=self._spare)

    @property
    def next_s(self) -> float:
        """When the next event is due; infinite when there is none."""
        if not int(self.stores.counters[SIZE]):
            return float("inf")
        return int(self.stores.heap[0, 0] >> 26) / SECOND

    def sample(self, at_s: float) -> Sample:
        """Where a packet from each pop ends up now; `at_s` is only written into the answer."""
        pops = self.start.topology.pops
        fate, site = np.empty(pops, np.uint8), np.empty(pops, np.uint16)
        start = self.start
        look(
            start.net,
            self.tables,
            self.stores.counters,
            self._seed_site,
            self.site_answers,
            fate,
            site,
        )
        return Sample(at_s=at_s, fate=fate, site=site, networks=int(self.stores.counters[REACHED]))

    @property
    def announcements(self) -> int:
        """Messages sent so far that announce a path."""
        return int(self.stores.counters[ANNOUNCED])

    @property
    def withdrawals(self) -> int:
        """Messages sent so far that withdraw one."""
        return int(self.stores.counters[WITHDRAWN])

    @property
    def last_message_s(self) -> float:
        """When the last message so far arrived."""
        return int(self.stores.counters[LAST]) / SECOND

    @property
    def changed_s(self) -> NDArray[np.float64]:
        """(N,) when each network last changed its path, -1 for one that never did."""
        changed = self.tables.state["changed"]
        return np.where(changed < 0, -1.0, changed / SECOND)

    @property
    def route_class(self) -> NDArray[np.uint8]:
        """(N,) as in Routes."""
        best = self.tables.state["best"]
        return np.where(best == NO_KEY, 255, (best >> 49) & 3).astype(np.uint8)

    @property
    def length(self) -> NDArray[np.uint16]:
        """(N,) as in Routes."""
        best = self.tables.state["best"]
        return np.where(best == NO_KEY, UNREACHED, (best >> 33) & 0xFFFF).astype(np.uint16)

    def agrees_with(self, routes: Routes) -> bool:
        """Is this the stable state of these Routes: class, length, and the site of every pop?"""
        now = self.sample(0.0)
        return bool(
            np.array_equal(self.route_class, routes.route_class)
            and np.array_equal(self.length, routes.length)
            and np.array_equal(now.site, routes.site)
        )

    def ends_as_predicted(self) -> bool:
        """Does the run end where `routing` says that it must?"""
        # A twin, because runs of one start go on side by side in threads.
        return self.agrees_with(self.start.engine.twin().run(self.start.after(self.change)))

    def path_of(self, network: int) -> tuple[int, ...]:
        """The networks of the path in use, own one first; () where there is none. Prepends stand in it
        too."""
        return self._networks(int(self.tables.state["held"][network]))

    def heard(self, adjacency: int) -> tuple[int, ...]:
        """The path in the RIB of an adjacency, the neighbour first; () where there is none that may be
        used."""
        return self._networks(int(self.tables.rib[adjacency, 0]))

    def _networks(self, number: int) -> tuple[int, ...]:
        found = []
        path = self.stores.path
        while number and path[number, 0] >= 0:
            found.append(int(path[number, 0]))
            number = int(path[number, 1])
        return tuple(found)
