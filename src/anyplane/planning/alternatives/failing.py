"""Dying: what happens to users under every way when one site dies: who is hit, and what brings them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anyplane.planning.alternatives.caching import Caching
from anyplane.planning.alternatives.failover import (
    Loss,
    Simulator,
    by_bgp,
    by_cover,
    by_dns,
    not_at_all,
    together,
)
from anyplane.planning.alternatives.judged import AfterFailure
from anyplane.planning.alternatives.report import FailOver, LoneSite, Means, Way
from anyplane.planning.alternatives.ways import Handing, Ways
from anyplane.planning.weighted import Float64
from anyplane.routing.state import Lengths, lengths_of

LEAST = 0.05
"""Users; fewer are crumbs of sums."""


class Dying:
    """after: for each site its failure under each way, when all is over."""

    def __init__(
        self,
        ways: Ways,
        now: Sequence[Handing],
        after: Mapping[int, Mapping[Way, AfterFailure]],
        simulator: Simulator,
        caching: Caching,
        *,
        withdraw_s: float,
    ) -> None:
        self.ways, self.after, self.simulator, self.caching = ways, after, simulator, caching
        self.now = {item.way: item for item in now}
        self.withdraw_s = withdraw_s
        self._known: dict[tuple[bytes, int, bytes, bool], Loss] = {}

    def site(self, site: int) -> dict[Way, FailOver]:
        """The FailOver of each way when this site dies; of unicast when its own site does."""
        best = self.ways.best_single
        total = self.ways.on.clients.total
        losses = {
            Way.UNICAST: (best, [not_at_all(self._served_at(Way.UNICAST, best))]),
            Way.GEODNS: (site, [self._by_dns(Way.GEODNS, site)]),
            Way.GLOBAL: (site, [self._by_bgp(self._all_row(), site, self.ways.on.clients.users)]),
            Way.REGIONAL: (site, self._regional(site)),
            Way.BOTH: (site, self._both(site)),
        }
        names = self.ways.on.scenario.sites
        return {
            way: together(groups, site=names[failed], total=total) for way, (failed, groups) in losses.items()
        }

    def lone_site(self) -> LoneSite | None:
        """The region of one site with most users, when that site dies, by DNS alone and under the cover."""
        ways = self.ways
        regions = ways.found.regions
        odds = self.now[Way.REGIONAL].odds
        users = {
            g: float((ways.local_users * odds[:, g]).sum())
            for g, region in enumerate(regions)
            if len(region.sites) == 1
        }
        if not users or len(regions) < 2:
            return None
        g = max(users, key=lambda one: (users[one], -one))
        site = regions[g].sites[0]
        names, total = ways.on.scenario.sites, ways.on.clients.total
        weights = ways.on.clients.users * odds[ways.on.clients.metro, g]
        cover = self._by_cover(site, weights)
        return LoneSite(
            region=regions[g].name,
            site=names[site],
            users=round(users[g], 1),
            regional=together(self._regional(site), site=names[site], total=total),
            covered=together([cover], site=names[site], total=total),
        )

    def _regional(self, site: int) -> list[Loss]:
        if not self.ways.others_in_region(site):
            if len(self.ways.found.regions) == 1:
                return [not_at_all(self._served_at(Way.REGIONAL, site))]
            return [self._by_dns(Way.REGIONAL, site)]
        g = self.ways.region_of(site)
        row = self.ways.on.row(self.ways.found.regions[g].sites)
        return [self._by_bgp(row, site, self._given(Way.REGIONAL, g))]

    def _both(self, site: int) -> list[Loss]:
        g = self.ways.region_of(site)
        own, world = self._given(Way.BOTH, g), self._given(Way.BOTH, -1)
        losses = [self._by_bgp(self._all_row(), site, world)]
        if len(self.ways.found.announcing) == 1:
            losses.append(not_at_all(float(own.sum())))
        else:
            losses.append(self._by_cover(site, own))
        return losses

    def _by_dns(self, way: Way, site: int) -> Loss:
        users = self._served_at(way, site)
        before = self.ways.serve(self.now[way], has_rules=False).unserved_users
        never = max(0.0, self.after[site][way].unserved_users - before)
        share = min(1.0, never / users) if users > LEAST else 0.0
        return by_dns(users, self.caching, never=share if share > 1e-6 else 0.0)

    def _by_bgp(self, before: Lengths, site: int, users: Float64) -> Loss:
        key = (before.tobytes(), site, users.tobytes(), False)
        if key not in self._known:
            self._known[key] = self._simulated(before, site, users)
        return self._known[key]

    def _simulated(self, before: Lengths, site: int, users: Float64) -> Loss:
        clients = self.ways.on.clients
        if float(users.sum()) <= LEAST:
            return self._nobody(Means.BGP)
        if len(self.ways.found.announcing) == 1:
            return not_at_all(self._served_at(Way.GLOBAL, site))
        runs = self.simulator.runs(before, site, clients, users)
        return by_bgp(runs, withdraw_s=self.withdraw_s)

    def _by_cover(self, site: int, users: Float64) -> Loss:
        if float(users.sum()) <= LEAST:
            return self._nobody(Means.BGP)
        row = self.ways.on.row(self.ways.found.regions[self.ways.region_of(site)].sites)
        key = (row.tobytes(), site, users.tobytes(), True)
        if key not in self._known:
            runs = self.simulator.covered(row, site, self.ways.on.clients, users)
            self._known[key] = by_cover(runs, withdraw_s=self.withdraw_s)
        return self._known[key]

    def _nobody(self, means: Means) -> Loss:
        none = by_dns(0.0, self.caching)
        return Loss(means=means, users=0.0, cut=none.cut, at_s=none.at_s, user_s=(0.0,))

    def _given(self, way: Way, address: int) -> Float64:
        """(U,) the users of each client who are given this address."""
        clients = self.ways.on.clients
        users: Float64 = clients.users * self.now[way].odds[clients.metro, address]
        return users

    def _served_at(self, way: Way, site: int) -> float:
        """Expected users of a site under a way."""
        served = self.ways.serve(self.now[way], has_rules=False)
        return float(served.users[site])

    def _all_row(self) -> Lengths:
        return lengths_of(self.ways.on.scenario.seeds)
