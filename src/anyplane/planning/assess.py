"""assess: routes -> Figures: the few numbers by which announcement sets are compared, thousands of times.

The same numbers as `plan` prints, to the last digit: users by site are expected ones (every open tie an even
draw), RTT is along the chosen routes, and its quantiles are counted in hundredths of a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from anyplane.design.design import Design
from anyplane.planning.catchment import Clients, mask_of
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import FIBRE_KM_PER_MS, LatencyModel
from anyplane.planning.promises import is_under
from anyplane.planning.tally import POINTS
from anyplane.planning.weighted import ALMOST, Float64
from anyplane.routing import Routes, batch
from anyplane.routing.batch import Rows
from anyplane.routing.flow import flow
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One announcement set of one scenario. Virtual sites have users but serve nobody.

    users: (S,) expected at each site. served: users that reach a real site by their chosen route; unserved:
    all others. rtt: (4,) ms at 50, 90, 95 and 99 % of the served, NaN where there are none; rtt_of_all: the
    same over all users, infinite where the quantile is not served. mean: ms over the served. astray: for each
    residency rule of the scenario (rules, 3) the users who certainly, by their chosen route, and possibly
    reach a site that it forbids; `plan` calls it broken by the first and in doubt by the last.
    """

    users: Float64
    served: float
    unserved: float
    rtt: Float64
    rtt_of_all: Float64
    mean: float
    astray: Float64


class Assessor:
    """Reads Figures out of the routes of one scenario (or any other routes to the same sites)."""

    def __init__(self, design: Design, topology: Topology, scenario: Scenario, latency: LatencyModel) -> None:
        self.scenario = scenario
        self.clients = Clients.of(topology, scenario.audience)
        self.latency = latency
        rules = [rule for rule in design.residency if is_under(rule, scenario)]
        self.rules = tuple(rule.name for rule in rules)
        self._weight = np.zeros(topology.pops)
        self._weight[self.clients.pop] = self.clients.users
        countries, words = self.clients.countries, max(1, -(-scenario.seeds.sites // 64))
        self._covered = np.zeros((len(rules), len(countries)), bool)
        self._forbidden = np.zeros((len(rules), words), np.uint64)
        for r, rule in enumerate(rules):
            self._covered[r] = [code in rule.countries for code in countries]
            forbidden = [s for s in range(scenario.real_sites) if scenario.sites[s] not in rule.sites]
            self._forbidden[r] = mask_of(forbidden, words)

    def figures(self, routes: Routes, *, users: Float64 | None = None) -> Figures:
        """The Figures of these routes. users: (S,) the expected ones, where they are known already."""
        clients, latency = self.clients, self.latency
        sums, rtt, astray = _count(
            routes.site,
            routes.km,
            routes.hops,
            routes.possible,
            clients.pop,
            clients.users,
            clients.country,
            self.scenario.real_sites,
            2.0 * latency.inflation / FIBRE_KM_PER_MS,
            latency.hop_ms,
            latency.last_mile_ms,
            self._covered,
            self._forbidden,
            np.array(POINTS),
            ALMOST,
        )
        served, unserved, weighted = (float(value) for value in sums)
        return Figures(
            users=flow(routes, self._weight) if users is None else users,
            served=served,
            unserved=unserved,
            rtt=rtt[0],
            rtt_of_all=rtt[1],
            mean=weighted / served if served > 0 else float("nan"),
            astray=astray,
        )

    def all(
        self,
        topology: Topology,
        rows: Rows,
        *,
        threads: int = 2,
        progress: Callable[[int], None] | None = None,
    ) -> list[Figures]:
        """The Figures of every row of the scenario's seeds, in their order."""
        return batch.run(
            topology,
            self.scenario.seeds,
            rows,
            lambda _row, routes: self.figures(routes),
            threads=threads,
            progress=progress,
        )


@njit(cache=True, nogil=True)
def _count(  # type: ignore[no-untyped-def]
    site,
    km,
    hops,
    possible,
    pop,
    users,
    country,
    real_sites,
    light,
    hop_ms,
    last_mile_ms,
    covered,
    forbidden,
    points,
    almost,
):
    """((served, unserved, sum of rtt x users), quantiles of the served and of all, users astray by rule)."""
    sums = np.zeros(3, np.float64)
    astray = np.zeros((len(covered), 3), np.float64)
    waited = np.empty(len(pop), np.int64)  # hundredths of a millisecond of each who is served
    waiting = np.empty(len(pop), np.float64)
    served = 0
    for u in range(len(pop)):
        reached = site[pop[u]]
        for rule in range(len(covered)):
            if covered[rule, country[u]] and reached != 65535:
                _add_astray(astray[rule], forbidden[rule], possible[pop[u]], reached, users[u])
        if reached >= real_sites:
            sums[1] += users[u]
            continue
        hundredths = _hundredths(km[pop[u]], hops[pop[u]], light, hop_ms, last_mile_ms)
        waited[served] = np.int64(hundredths)
        waiting[served] = users[u]
        served += 1
        sums[0] += users[u]
        sums[2] += hundredths / 100.0 * users[u]
    times, parts = _by_time(waited[:served], waiting[:served])
    rtt = np.full((2, len(points)), np.inf, np.float64)
    total = 0.0
    for part in parts:
        total += part
    if total == 0.0:
        rtt[0] = np.nan
        return sums, rtt, astray
    # Of the served, then of all: those who are not served wait for ever.
    for which in range(2):
        whole = total if which == 0 else total + sums[1]
        running = 0.0
        q = 0
        for at in range(len(parts)):
            running += parts[at]
            while q < len(points) and running >= points[q] * whole * almost:
                rtt[which, q] = times[at] / 100.0
                q += 1
    return sums, rtt, astray


@njit(cache=True, nogil=True)
def _by_time(waited, users):  # type: ignore[no-untyped-def]
    """(distinct values of `waited`, ascending; the users of each, added in their order)."""
    times = np.empty(len(waited), np.int64)
    parts = np.empty(len(waited), np.float64)
    count = 0
    longest = 0
    for value in waited:
        longest = max(longest, value)
    if len(waited) * 32 > longest:
        bins = np.zeros(longest + 1, np.float64)
        for u in range(len(waited)):
            bins[waited[u]] += users[u]
        for at in range(len(bins)):
            if bins[at] != 0.0:
                times[count] = at
                parts[count] = bins[at]
                count += 1
        return times[:count], parts[:count]
    # On a small Internet the bins would be mostly empty, and making them most of the work.
    for u in np.argsort(waited, kind="mergesort"):
        if count and times[count - 1] == waited[u]:
            parts[count - 1] += users[u]
        else:
            times[count] = waited[u]
            parts[count] = users[u]
            count += 1
    return times[:count], parts[:count]


@njit(cache=True, nogil=True, inline="always")
def _hundredths(km, hops, light, hop_ms, last_mile_ms):  # type: ignore[no-untyped-def]
    """LatencyModel.rtt in hundredths of a millisecond; the same operations in the same order."""
    return np.rint((np.float64(km) * light + np.float64(hops) * hop_ms + last_mile_ms) * 100.0)


@njit(cache=True, nogil=True, inline="always")
def _add_astray(astray, forbidden, possible, reached, users):  # type: ignore[no-untyped-def]
    bad = False
    good = False
    for w in range(len(forbidden)):
        bad |= (possible[w] & forbidden[w]) != 0
        good |= (possible[w] & ~forbidden[w]) != 0
    if bad:
        astray[2] += users
        if not good:
            astray[0] += users
        if (forbidden[reached >> 6] >> np.uint64(reached & 63)) & np.uint64(1):
            astray[1] += users
