"""propose: the next sites to add, one after the other, each the best beside those before it (greedy).

Candidate sites are seeds beside the design's, so a row of `routing` switches one on: no compilation for each.
A step looks at the metros in the order of what they could win at most: everybody straight to them, and from
the second step on no more than they won before. With the mean as the aim it stops where no metro left could
win more than the best found. Both bounds leave out that a new site may, rarely, move users between others.
The best few metros are then tried with every set of upstreams. Greedy is not always the best set of N sites.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Design, Site, Upstream
from anyplane.design.editing_sites import NewSite, free_name
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Asn, Place, RouteClass, SiteName, UpstreamKind
from anyplane.planning.assess import Assessor
from anyplane.planning.assess_rows import FiguresTable, RowAssessor
from anyplane.planning.catchment import Clients, has_metros
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as scenarios_of
from anyplane.planning.latency import LatencyModel
from anyplane.planning.search.new_sites_places import Candidate, candidates, potential
from anyplane.planning.search.new_sites_report import Aim
from anyplane.planning.search.new_sites_wish import Step, Try, Wish
from anyplane.planning.tally import POINTS
from anyplane.planning.weighted import Float64
from anyplane.routing import propagate
from anyplane.routing.state import OFF, lengths_of
from anyplane.topology import Topology

FIRST_BLOCK, BLOCK = 40, 12
"""Candidate metros that are compiled together, in the first step and later: with a design of two dozen sites
they need one word of site bits."""
TRIED_IN_FULL = 5
"""Metros of a step that are tried with every set of upstreams."""
UNSERVED_MS = 1000.0
"""What a user without a site counts for in the aim: more than any path on Earth takes."""
QUANTILE = {Aim.P50: 0, Aim.P90: 1, Aim.P95: 2, Aim.P99: 3}
assert POINTS == (0.5, 0.9, 0.95, 0.99)  # noqa: S101  # what QUANTILE says


class Search:
    """A design on a topology, and what it is asked; `design` grows as sites are taken."""

    def __init__(
        self,
        design: Design,
        topology: Topology,
        wish: Wish,
        *,
        latency: LatencyModel,
        threads: int = 2,
        progress: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self.design, self.topology, self.wish = design, topology, wish
        self.latency, self.threads, self.progress = latency, threads, progress
        if not has_metros(topology):
            raise UsageError(
                "without metros there is no place to add a site in", hint="leave --no-metros out"
            )
        if wish.aim is Aim.LOAD and wish.capacity is None:
            # A site that could carry anything would be proposed where it draws the whole world.
            raise UsageError(
                "which site relieves the others depends on what it can carry",
                hint="give the capacity of the new sites",
            )
        self.scenario = self.compiled(design)
        if not self.scenario.announcing:
            raise UsageError("the design announces nothing, so there is nothing to add a site to")
        self.clients = Clients.of(topology, self.scenario.audience)
        self._won: dict[str, float] = {}
        """What each metro won when it was last looked at; 0 where it harmed somebody."""

    @property
    def is_bounded(self) -> bool:
        """Is there a bound on what a metro can win, and may it be used?"""
        return self.wish.aim is Aim.MEAN and not self.wish.is_exhaustive

    def compiled(self, design: Design) -> Scenario:
        """The one scenario of a design; UsageError where it has several."""
        scenarios = scenarios_of(design, self.topology, group=self.wish.group)
        if len(scenarios) != 1:
            names = ", ".join(dict.fromkeys(name for one in scenarios for name in one.groups))
            raise UsageError(
                f"{design.file} announces its prefixes in {len(scenarios)} different ways, and a site is "
                "added to one of them",
                hint=f"name one group with --group: {names}",
            )
        return scenarios[0]

    def step(self) -> Step:
        """The best site to add to `self.design`."""
        left = candidates(self.design, self.topology, only_used=self.wish.only_used)
        now = self._rtt_now()
        users = max(self.clients.total, 1e-12)
        could = {
            # Rounded, so that the order is the same on every machine.
            one.code: round(
                min(
                    potential(one, self.topology, self.clients, now, self.latency) / users,
                    self._won.get(one.code, np.inf) if self.is_bounded else np.inf,
                ),
                6,
            )
            for one in left
        }
        order = sorted(left, key=lambda one: (-could[one.code], one.code))
        # So few are all tried in full: nothing would be saved.
        is_whole = self.wish.is_exhaustive or len(order) <= FIRST_BLOCK
        order = [one for one in order if could[one.code] > 0 or is_whole]
        tried: dict[str, Try] = {}
        sets, size = 0, BLOCK if self._won and not is_whole else FIRST_BLOCK
        for start in range(0, len(order), size):
            block = order[start : start + size]
            best = min(tried.values(), key=lambda one: one.rank, default=None)
            is_found = best is not None and best.safety == 0
            if best is not None and is_found and self.is_bounded and could[block[0].code] < best.gain:
                break
            found = self.tries(block, is_quick=not is_whole)
            sets += len(found)
            _keep_best(tried, found)
        if not is_whole:
            ranked = sorted(tried.values(), key=lambda one: one.rank)[:TRIED_IN_FULL]
            found = self.tries([one.candidate for one in ranked], is_quick=False)
            sets += len(found)
            _keep_best(tried, found)
        self._won |= {code: one.gain if one.safety == 0 else 0.0 for code, one in tried.items()}
        by_metro = tuple(sorted(tried.values(), key=lambda one: one.rank))
        best = by_metro[0] if by_metro and by_metro[0].gain > 0 and by_metro[0].safety == 0 else None
        return Step(best=best, by_metro=by_metro, metros=len(left), sets=sets)

    def tries(self, block: Sequence[Candidate], *, is_quick: bool) -> list[Try]:
        """Sets of upstreams of these candidates (as in Candidate.sets), each as the only site added."""
        size = self.wish.size
        return self.tried(
            block, [(one, offers) for one in block for offers in one.sets(size=size, is_quick=is_quick)]
        )

    def tried(
        self, block: Sequence[Candidate], plans: Sequence[tuple[Candidate, tuple[int, ...]]]
    ) -> list[Try]:
        """Each of these plans, (one of the block, which of its offers), as the only site added."""
        if not plans:
            return []
        real = len(self.design.sites)
        design = replace(
            self.design,
            sites=(*self.design.sites, *(self.site(one, range(len(one.offers))) for one in block)),
        )
        scenario = self.compiled(design)
        base = lengths_of(scenario.seeds)
        owners = np.array(scenario.owners, np.int64)
        rows = np.repeat(
            np.where(owners >= real, OFF, base).astype(np.uint16)[np.newaxis, :], len(plans) + 1, axis=0
        )
        place = {one.code: real + number for number, one in enumerate(block)}
        heard = {
            (one.code, offer): self._seeds_of(scenario, owners == place[one.code], one, offer)
            for one in block
            for offer in range(len(one.offers))
        }
        for r, (one, chosen) in enumerate(plans, start=1):
            for offer in chosen:
                rows[r, heard[one.code, offer]] = base[heard[one.code, offer]]
        table = RowAssessor(
            self.topology,
            Assessor(design, self.topology, scenario, self.latency),
            threads=self.threads,
            has_users=self.wish.aim is Aim.LOAD,
        ).table(rows)
        self.progress(len(rows))
        value = self.values(table, design)
        astray = np.round(table.astray[:, :, [0, 2]], 1).reshape(len(rows), -1)
        harmed = np.maximum(0.0, astray - astray[0]).sum(axis=1)
        harmed += np.maximum(0.0, np.round(table.unserved, 1) - np.round(table.unserved[0], 1))
        return [
            Try(
                candidate=one,
                offers=chosen,
                value=float(value[r]),
                gain=float(np.round(value[0] - value[r], 6)),
                safety=float(harmed[r]),
            )
            for r, (one, chosen) in enumerate(plans, start=1)
        ]

    def values(self, table: FiguresTable, design: Design) -> Float64:
        """(R,) the aim of each row."""
        if self.wish.aim is Aim.LOAD:
            capacity = np.array([site.capacity or np.nan for site in design.sites])
            loads = table.users[:, : len(capacity)] * (self.scenario.load_per_user or 0.0) / capacity
            return np.asarray(np.round(np.nan_to_num(loads).max(axis=1), 6))
        if self.wish.aim is Aim.MEAN:
            served = np.where(table.served > 0, table.mean * table.served, 0.0)
            everybody = np.maximum(table.served + table.unserved, 1e-12)
            return np.asarray(np.round((served + UNSERVED_MS * table.unserved) / everybody, 6))
        found = table.rtt_of_all[:, QUANTILE[self.wish.aim]]
        return np.where(np.isfinite(found), found, UNSERVED_MS)

    def take(self, found: Try) -> NewSite:
        """Adds the site to `self.design`; what is to be written into the file."""
        site = self.site(found.candidate, found.offers)
        self.design = replace(self.design, sites=(*self.design.sites, site))
        self.scenario = self.compiled(self.design)
        return NewSite(
            name=str(site.name),
            metro=found.candidate.code,
            upstreams=tuple((one.asn, one.kind) for one in site.upstreams),
            announce=self._announced(),
            capacity=self.wish.capacity_text,
        )

    def site(self, candidate: Candidate, offers: Sequence[int]) -> Site:
        """The candidate as a site of the design, with these of its offers."""
        metros, announced = self.topology.metros, self._announced()
        prefixes = tuple(
            prefix
            for group in self.design.groups
            if not announced or group.name in announced
            for prefix in group.prefixes
        )
        return Site(
            name=SiteName(free_name(self.design, candidate.code)),
            metro=candidate.code,
            place=Place(lat=float(metros.lat[candidate.metro]), lon=float(metros.lon[candidate.metro])),
            upstreams=tuple(
                Upstream(asn=Asn(one.asn), kind=one.kind, prefixes=prefixes)
                for one in (candidate.offers[i] for i in offers)
            ),
            capacity=self.wish.capacity,
        )

    def _announced(self) -> tuple[str, ...]:
        return (self.wish.group,) if self.wish.group and len(self.design.groups) > 1 else ()

    def _seeds_of(
        self, scenario: Scenario, mine: NDArray[np.bool_], candidate: Candidate, offer: int
    ) -> NDArray[np.int64]:
        """Which seeds of the candidate's are heard over this offer."""
        wanted = candidate.offers[offer]
        is_server = wanted.kind is UpstreamKind.ROUTE_SERVER
        network = -1 if is_server else self.topology.index_of(wanted.asn)
        found = []
        for k in np.flatnonzero(mine).tolist():
            seed = scenario.seeds.seeds[k]
            is_peer = seed.route_class is RouteClass.PEER
            if is_peer if is_server else not is_peer and self.topology.pop_network[seed.pop] == network:
                found.append(k)
        return np.array(found, np.int64)

    def _rtt_now(self) -> Float64:
        routes = propagate(self.topology, self.scenario.seeds)
        pop = self.clients.pop
        rtt = self.latency.rtt(routes.km[pop], routes.hops[pop])
        is_served = routes.site[pop] < self.scenario.real_sites
        return np.where(is_served & np.isfinite(rtt), rtt, UNSERVED_MS)


def _keep_best(tried: dict[str, Try], found: Sequence[Try]) -> None:
    for one in found:
        before = tried.get(one.candidate.code)
        if before is None or one.rank < before.rank:
            tried[one.candidate.code] = one
