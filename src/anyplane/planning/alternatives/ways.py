"""ways: each way as addresses and odds of being given them, now and after the failure of a site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anyplane.planning.alternatives.answers import nearest_regions, nearest_sites
from anyplane.planning.alternatives.reach import Reach, mean_by_metro
from anyplane.planning.alternatives.report import Way
from anyplane.planning.alternatives.serving import Known, Served, serve
from anyplane.planning.alternatives.world import Addresses, Ground, covered
from anyplane.planning.weighted import Float64

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
        self._known: Known = {}
        kept = (*found.alone, *found.regional, *found.covered, found.everywhere)
        self._stays = frozenset(id(reach) for reach in kept)
        metros = len(on.metro_users)
        self.everybody = np.ones((metros, 1))
        self.local_users = np.bincount(on.clients.metro, on.clients.users, metros).astype(np.float64)
        self.best_single = self._best_single()
        self.picks_global = self._picks_global()

    def now(self) -> tuple[Handing, ...]:
        """Every way as it is when all sites are up."""
        found = self.found
        single = found.alone[found.announcing.index(self.best_single)]
        sites, regions = self.site_picks(), self.region_picks()
        both = self.both_picks(regions)
        return (
            self._plain(Way.UNICAST, (single,)),
            Handing(way=Way.GEODNS, addresses=found.alone, odds=self.belief @ sites, truth=sites),
            self._plain(Way.GLOBAL, (found.everywhere,)),
            Handing(way=Way.REGIONAL, addresses=found.regional, odds=self.belief @ regions, truth=regions),
            Handing(
                way=Way.BOTH,
                addresses=(*found.covered, found.everywhere),
                odds=self.belief @ both,
                truth=both,
            ),
        )

    def without(self, site: int, *, everywhere: Reach, region: Reach | None) -> tuple[Handing, ...]:
        """Every way when this site has failed and all is over.

        everywhere, region: the Reach of all others and of its region's others; None: the region is dead.
        """
        found = self.found
        single = () if site == self.best_single else (found.alone[found.announcing.index(self.best_single)],)
        r = self.region_of(site)
        sites = self.site_picks(without=site)
        regions = self.region_picks(without=r if region is None else -1)
        regional = list(found.regional)
        under = list(found.covered)
        if region is not None:
            regional[r] = region
            under[r] = covered(self._unruled, [region], everywhere)[0]
        else:
            under[r] = everywhere
        both = self.both_picks(self.region_picks())
        odds = [
            self._plain(Way.UNICAST, single),
            Handing(way=Way.GEODNS, addresses=found.alone, odds=self.belief @ sites, truth=sites),
            self._plain(Way.GLOBAL, (everywhere,)),
            Handing(way=Way.REGIONAL, addresses=tuple(regional), odds=self.belief @ regions, truth=regions),
            Handing(way=Way.BOTH, addresses=(*under, everywhere), odds=self.belief @ both, truth=both),
        ]
        return tuple(odds)

    def serve(self, handing: Handing, *, has_rules: bool) -> Served:
        """All users under a way."""
        # Only what stays may be known by its id; the Reach of a failure is gone after it.
        stays = all(id(reach) in self._stays for reach in handing.addresses)
        return serve(
            handing.addresses,
            handing.odds,
            self.on.clients,
            best=self.found.best,
            far_ms=self.far_ms,
            sites=self.on.sites,
            rules=len(self.on.rules) if has_rules else 0,
            known=self._known if stays else None,
            # Each failure brings columns of its own, which nobody asks for again.
            keeps=has_rules,
        )

    def failures(
        self, *, finished: Callable[[int], None] = lambda _: None
    ) -> list[tuple[int, dict[Way, Served]]]:
        """(site, all users under each way without it), for each site that announces; by the rules alone."""
        out = []
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
                out.append((site, {item.way: self.serve(item, has_rules=False) for item in handings}))
        return out

    def region_of(self, site: int) -> int:
        """The index of the region that a site is in."""
        return next(g for g, region in enumerate(self.found.regions) if site in region.sites)

    def others_in_region(self, site: int) -> list[int]:
        """The other sites of its region."""
        return [other for other in self.found.regions[self.region_of(site)].sites if other != site]

    def site_picks(self, *, without: int = -1) -> Float64:
        """(M, n) GeoDNS's answer to somebody believed in each metro, over the sites that announce."""
        is_up = np.zeros(len(self.on.design.sites), bool)
        for n, site in enumerate(self.found.announcing):
            is_up[site] = bool(self.found.takes_part[n]) and site != without
        return nearest_sites(self.on.km, is_up, self.on.may)[:, list(self.found.announcing)]

    def region_picks(self, *, without: int = -1) -> Float64:
        """(M, G) the region for somebody believed in each metro; `without`: this region is dead."""
        is_up = np.array([g != without for g in range(len(self.found.regions))])
        return nearest_regions(self.on.km, self.found.regions, is_up, self.on.may)

    def both_picks(self, regions: Float64) -> Float64:
        """(M, G + 1) the same with the global address last, where `picks_global` says so."""
        chosen = self.picks_global
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

    def _picks_global(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(M,) is the global address given to somebody believed in this metro?

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
        return np.where(keeps_region == keeps_global, is_faster, keeps_global)


def rows_to_run(found_sites: Sequence[int], regions: int) -> int:
    """How many runs of routing Addresses and failures take, for a progress bar."""
    return 3 * len(found_sites) + regions + 1
