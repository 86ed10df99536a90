"""Tally: one run of routing boiled down to a few numbers per site, small enough to keep for every failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.catchment import Clients, chosen_sites, users_by_site
from anyplane.planning.latency import LatencyModel
from anyplane.planning.report import Rtt
from anyplane.planning.rounding import ms, part
from anyplane.planning.weighted import ALMOST, Float64, Int64, group_quantiles
from anyplane.routing import Routes
from anyplane.routing.flow import flow
from anyplane.routing.state import OFF

POINTS = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Expected users of each site (S,), users without any route, and the RTT of those who are served.

    unserved: share of all users who reach no real site (no route, or a blackhole). rtt_of_all: quantiles over
    all users, those who are not served waiting for ever: None where the quantile falls among them.
    medians: (continent, median RTT in ms of its served users or None), where asked for.
    """

    users: Float64
    unreached: float
    rtt: Rtt
    unserved: float
    rtt_of_all: Rtt
    medians: tuple[tuple[str, float | None], ...] = ()


def tally(
    routes: Routes, clients: Clients, *, latency: LatencyModel, real_sites: int, by_continent: bool = False
) -> Tally:
    """The Tally of these routes; virtual sites count users but serve nobody."""
    site = chosen_sites(routes, clients)
    rtt = latency.rtt(routes.km[clients.pop], routes.hops[clients.pop])
    is_real = (site >= 0) & (site < real_sites)
    served = rtt_of(rtt[is_real], clients.users[is_real])
    unserved = float(clients.users[~is_real].sum())
    return Tally(
        users=expected_users(routes, clients, site),
        unreached=float(clients.users[site < 0].sum()),
        rtt=served,
        unserved=part(unserved, clients.total),
        rtt_of_all=rtt_of(rtt[is_real], clients.users[is_real], waiting=unserved) if unserved else served,
        medians=_medians(routes, clients, rtt, is_real) if by_continent else (),
    )


def _medians(
    routes: Routes, clients: Clients, rtt: Float64, is_real: NDArray[np.bool_]
) -> tuple[tuple[str, float | None], ...]:
    names, of_metro = np.unique(np.array(routes.topology.metros.continent), return_inverse=True)
    continent = of_metro.ravel()[clients.metro]
    there = np.unique(continent).tolist()
    rows = rtt_by_group(rtt[is_real], clients.users[is_real], continent[is_real], len(names))
    return tuple((str(names[index]), rows[index].p50) for index in there)


def expected_users(routes: Routes, clients: Clients, site: Int64) -> Float64:
    """(S,) users of each site when every open tie is an even draw."""
    active = np.flatnonzero(routes.lengths != OFF)
    if len({routes.seeds.seeds[int(k)].site for k in active}) <= 1:
        return users_by_site(site, clients.users, routes.seeds.sites)
    weight = np.zeros(len(routes.site))
    weight[clients.pop] = clients.users
    return flow(routes, weight)


def rtt_of(rtt: Float64, users: Float64, *, waiting: float = 0.0) -> Rtt:
    """The quantiles and the mean over these users; rtt as LatencyModel rounds it.

    waiting: more users, who wait for ever; a quantile that falls among them is None, and so is the mean.
    """
    if not len(users) or float(users.max()) <= 0:
        return Rtt()
    # Running sums add one by one, so that the last digit is the same on every machine.
    mean = float(np.cumsum(rtt * users)[-1] / np.cumsum(users)[-1]) if waiting == 0 else np.inf
    # Hundredths of a millisecond are few enough to count instead of sorting, which is ten times as fast.
    running = np.cumsum(np.bincount(np.rint(rtt * 100).astype(np.int64), weights=users))
    targets = [point * (float(running[-1]) + waiting) * ALMOST for point in POINTS]
    p50, p90, p95, p99 = (
        float(np.searchsorted(running, target)) / 100 if target <= running[-1] else np.inf
        for target in targets
    )
    return Rtt(p50=ms(p50), p90=ms(p90), p95=ms(p95), p99=ms(p99), mean=ms(mean))


def rtt_by_group(rtt: Float64, users: Float64, group: NDArray[np.int64], groups: int) -> list[Rtt]:
    """One Rtt for each group; all None where a group has no users."""
    table = group_quantiles(rtt, users, group, groups, POINTS)
    total = np.bincount(group, weights=users, minlength=groups)
    weighted = np.bincount(group, weights=users * rtt, minlength=groups)
    mean = np.divide(weighted, total, out=np.full(groups, np.nan), where=total > 0)
    return [
        Rtt(p50=ms(row[0]), p90=ms(row[1]), p95=ms(row[2]), p99=ms(row[3]), mean=ms(average))
        for row, average in zip(table.tolist(), mean.tolist(), strict=True)
    ]
