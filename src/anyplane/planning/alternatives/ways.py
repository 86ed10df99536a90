"""ways: each way as addresses and odds of being given them, now and after the failure of a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.alternatives.answers import nearest_regions, nearest_sites
from anyplane.planning.alternatives.reach import Reach, mean_by_metro
from anyplane.planning.alternatives.report import Way
from anyplane.planning.alternatives.serving import Known, Served, serve
from anyplane.planning.alternatives.world import Addresses, Ground, covered
from anyplane.planning.weighted import Float64, Int64

Bools = NDArray[np.bool_]
PENALTY_MS = 1000.0
"""Somebody who is not served counts as this slow when DNS chooses between two addresses for a place."""
CHUNK = 16
"""Failures whose routes are held at a time."""
PLACES = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """One way: its addresses, the odds of each by metro (M, a), and the odds if DNS knew every place."""

    way: Way
    addresses: tuple[Reach, ...]
    odds: Float64
    truth: Float64

    def misled(self, metro_users: Float64) -> float:
        """The share of users whom DNS sends elsewhere than it would if it knew their place."""
        total = float(metro_users.sum())
        right = (self.odds * (self.truth > 0)).sum(axis=1)
        return float((metro_users * np.maximum(0.0, 1.0 - right)).sum()) / total if total else 0.0


class Ways:
    """All ways on one Ground. belief: (M, M), from `resolvers.beliefs`; far_ms: over one's best is far."""

    def __init__(self, on: Ground, found: Addresses, belief: Float64, *, far_ms: float) -> None:
        self.on, self.found, self.belief, self.far_ms = on, found, belief, far_ms
        self._known = Known((*found.alone, *found.regional, *found.covered, found.everywhere))
        metros = len(on.metro_users)
        self.everybody = np.ones((metros, 1))
        self.local_users = np.bincount(on.clients.metro, on.clients.users, metros).astype(np.float64)
        self.best_single = self._best_single()
        self.must_global, self.picks_global = self._picks_global()
        self._sites = self.site_picks()
        self._site_odds: Float64 = self.belief @ self._sites
        self._regions = self.region_picks()
        self._region_odds: Float64 = self.belief @ self._regions
        self._both = self.both_picks(self._regions, self.picks_global)
        self._both_odds: Float64 = self.belief @ self._both

    def now(self) -> tuple[Handing, ...]:
        """Every way as it is when all sites are up."""
        found = self.found
        single = found.alone[found.announcing.index(self.best_single)]
        return (
            self._plain(Way.UNICAST, (single,)),
            Handing(way=Way.GEODNS, addresses=found.alone, odds=self._site_odds, truth=self._sites),
            self._plain(Way.GLOBAL, (found.everywhere,)),
            Handing(way=Way.REGIONAL, addresses=found.regional, odds=self._region_odds, truth=self._regions),
            Handing(
                way=Way.BOTH,
                addresses=(*found.covered, found.everywhere),
                odds=self._both_odds,
                truth=self._both,
            ),
        )

    def without(self, site: int, *, everywhere: Reach, region: Reach | None) -> tuple[Handing, ...]:
        """Every way when this site has failed and all is over.

        everywhere, region: the Reach of all others and of its region's others; None: the region is dead.
        """
        found = self.found
        single = () if site == self.best_single else (found.alone[found.announcing.index(self.best_single)],)
        r = self.region_of(site)
        sites, odds_of_sites = self._sites_without(site)
        regions, region_odds = self._regions, self._region_odds
        if region is None:
            regions = self.region_picks(without=r)
            region_odds = self.belief @ regions
        regional = list(found.regional)
        under = list(found.covered)
        if region is not None:
            regional[r] = region
            under[r] = covered(self._unruled, [region], everywhere)[0]
        else:
            under[r] = everywhere
        return (
            self._plain(Way.UNICAST, single),
            Handing(way=Way.GEODNS, addresses=found.alone, odds=odds_of_sites, truth=sites),
            self._plain(Way.GLOBAL, (everywhere,)),
            Handing(way=Way.REGIONAL, addresses=tuple(regional), odds=region_odds, truth=regions),
            Handing(way=Way.BOTH, addresses=(*under, everywhere), odds=self._both_odds, truth=self._both),
        )

    def serve(self, handing: Handing, *, has_rules: bool) -> Served:
        """All users under a way."""
        return serve(
            handing.addresses,
            handing.odds,
            self.on.clients,
            best=self.found.best,
            far_ms=self.far_ms,
            sites=self.on.sites,
            rules=len(self.on.rules) if has_rules else 0,
            known=self._known,
            # Each failure brings columns of its own, which nobody asks for again.
            keeps=has_rules,
        )

    def failures(
        self, *, finished: Callable[[int], None] = lambda _: None
    ) -> Iterator[tuple[int, dict[Way, Served]]]:
        """(site, all users under each way without it), for each site that announces; by the rules alone.

        One at a time, since the RTTs of all users are large: take what is needed of each and let it go.
        """
        announcing = self.found.announcing
        for first in range(0, len(announcing), CHUNK):
            some = announcing[first : first + CHUNK]
            rows = [self.on.row([s for s in announcing if s != site]) for site in some]
            inside = [self.others_in_region(site) for site in some]
            rows += [self.on.row(others) for others in inside if others]
            reaches = self.on.reaches(rows, has_rules=False, finished=finished)
            regional = iter(reaches[len(some) :])
            for n, site in enumerate(some):
                handings = self.without(
                    site, everywhere=reaches[n], region=next(regional) if inside[n] else None
                )
                yield site, {item.way: self.serve(item, has_rules=False) for item in handings}

    def region_of(self, site: int) -> int:
        """The index of the region that a site is in."""
        return next(g for g, region in enumerate(self.found.regions) if site in region.sites)

    def others_in_region(self, site: int) -> list[int]:
        """The other sites of its region."""
        return [other for other in self.found.regions[self.region_of(site)].sites if other != site]

    def site_picks(self, *, without: int = -1, metros: Int64 | None = None) -> Float64:
        """(M, n) GeoDNS's answer to somebody believed in each metro, over the sites that announce.

        metros: the rows wanted, None for all.
        """
        is_up = np.zeros(len(self.on.design.sites), bool)
        for n, site in enumerate(self.found.announcing):
            is_up[site] = bool(self.found.takes_part[n]) and site != without
        rows = slice(None) if metros is None else metros
        return nearest_sites(self.on.km[rows], is_up, self.on.may[rows])[:, list(self.found.announcing)]

    def _sites_without(self, site: int) -> tuple[Float64, Float64]:
        """site_picks without this site, and the odds of each address for who is in each metro.

        Only the metros that were answered with the site are answered otherwise, so only what these add is
        reckoned; the columns of all other addresses stay the same bit by bit.
        """
        column = self.found.announcing.index(site)
        moved = np.flatnonzero(self._sites[:, column] > 0)
        picks, odds = self._sites.copy(), self._site_odds.copy()
        if len(moved):
            picks[moved] = self.site_picks(without=site, metros=moved)
            more = picks[moved] - self._sites[moved]
            taking = np.flatnonzero((more != 0).any(axis=0))
            odds[:, taking] += self.belief[:, moved] @ more[:, taking]
        picks[:, column] = odds[:, column] = 0.0
        return picks, odds

    def region_picks(self, *, without: int = -1) -> Float64:
        """(M, G) the region for somebody believed in each metro; `without`: this region is dead."""
        is_up = np.array([g != without for g in range(len(self.found.regions))])
        return nearest_regions(self.on.km, self.found.regions, is_up, self.on.may)

    def both_by_map(self) -> Handing:
        """Regional + global where nobody knows which address is faster: the region's, if residency may."""
        found, both = self.found, self.both_picks(self._regions, self.must_global)
        addresses = (*found.covered, found.everywhere)
        return Handing(way=Way.BOTH, addresses=addresses, odds=self.belief @ both, truth=both)

    def both_picks(self, regions: Float64, chosen: Bools) -> Float64:
        """(M, G + 1) the same with the global address last, for the (M,) metros that are given it."""
        return np.concatenate([regions * ~chosen[:, None], chosen[:, None].astype(np.float64)], axis=1)

    def _plain(self, way: Way, addresses: tuple[Reach, ...]) -> Handing:
        odds = self.everybody if addresses else np.zeros((len(self.everybody), 0))
        return Handing(way=way, addresses=addresses, odds=odds, truth=odds)

    @property
    def _unruled(self) -> Ground:
        return replace(self.on, rules=())

    def _best_single(self) -> int:
        """The site with the most users served alone (to a thousandth), then with the least mean RTT."""
        found, users = self.found, self.on.clients.users

        def badness(n: int) -> tuple[float, float, int]:
            rtt = found.alone[n].parts[0].rtt
            met = np.isfinite(rtt)
            weight = float(users[met].sum())
            mean = float((users[met] * rtt[met]).sum()) / weight if weight else np.inf
            return -round(found.alone_served[n] / self.on.clients.total, 3), round(mean, 6), n

        return found.announcing[min(range(len(found.announcing)), key=badness)]

    def _picks_global(self) -> tuple[Bools, Bools]:
        """(M,) each: must somebody believed in this metro have the global address, and is he given it?

        Where residency allows one of the two only, that one. Else the one at which the users of the metro
        have the lower mean RTT; where nobody is, or both are alike, the global one.
        """
        found, on = self.found, self.on
        regions = self.region_picks()
        inside = np.zeros(len(regions))
        keeps_region = np.ones(len(regions), bool)
        for g, region in enumerate(found.regions):
            mean = mean_by_metro(found.covered[g], on.clients, penalty_ms=PENALTY_MS)
            has_part = regions[:, g] > 0
            inside[has_part] += regions[has_part, g] * mean[has_part]
            keeps_region &= ~has_part | on.may[:, list(region.sites)].all(axis=1)
        everywhere = mean_by_metro(found.everywhere, on.clients, penalty_ms=PENALTY_MS)
        keeps_global = on.may[:, list(found.announcing)].all(axis=1)
        with np.errstate(invalid="ignore"):
            # Where nobody is both are infinite.
            is_faster = ~(inside < everywhere - PLACES)
        must = keeps_global & ~keeps_region
        return must, np.where(keeps_region == keeps_global, is_faster, must)


def rows_to_run(found_sites: Sequence[int], regions: int) -> int:
    """How many runs of routing Addresses and failures take, for a progress bar."""
    return 3 * len(found_sites) + regions + 1
