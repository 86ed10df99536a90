"""Reach: what users get who are given one address: the RTT, the site and the residency, user by user.

An address is a prefix that some sites announce. Its routes are those of `anyplane plan` when only these sites
announce. With a calibration they are probabilities instead: each site's chance, at the RTT to it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Residency
from anyplane.planning.catchment import Clients, catchment, mask_of
from anyplane.planning.latency import LatencyModel
from anyplane.planning.tally import expected_users
from anyplane.planning.weighted import Float64, Int64, by_group_and_column
from anyplane.routing import Routes, expected
from anyplane.routing.state import OFF

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """rtt: (U,) ms, infinite for who is not served. weight: (U,) the odds that a user gets it, None for 1."""

    rtt: Float64
    weight: Float64 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A residency rule as masks: (U,) users under it, and the design's sites that it forbids."""

    name: str
    inside: Bools
    forbidden: tuple[int, ...]
    users: float

    @staticmethod
    def of(rule: Residency, clients: Clients, names: Sequence[str], real_sites: int) -> Rule:
        """The rule among these users."""
        inside = np.isin(np.array(clients.countries), sorted(rule.countries))[clients.country]
        return Rule(
            name=rule.name,
            inside=inside,
            forbidden=tuple(s for s in range(real_sites) if names[s] not in rule.sites),
            users=float(clients.users[inside].sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One address for all U clients in M metros; n columns of sites, Q residency rules.

    site: (U,) the chosen site, -1 without a route. columns: (n,) the sites that answer somebody. users,
    by_metro: (n,) and (M, n) expected users. breach, breach_by_metro: (Q, 3) and (M, Q, 3) users in breach:
    certain, expected, possible, as promises.residency counts them.
    """

    parts: tuple[Part, ...]
    site: Int64
    columns: Int64
    users: Float64
    by_metro: Float64
    breach: Float64
    breach_by_metro: Float64


def reach_of(
    routes: Routes,
    clients: Clients,
    *,
    latency: LatencyModel,
    real_sites: int,
    metros: int,
    rules: Sequence[Rule] = (),
) -> Reach:
    """The Reach of these routes."""
    found = catchment(routes, clients, latency=latency, real_sites=real_sites)
    active = np.flatnonzero(routes.lengths != OFF)
    columns = np.unique(np.array([routes.seeds.seeds[int(k)].site for k in active], np.int64))
    if len(columns) == 1:
        odds = found.has_route.astype(np.float32)[:, None]
    else:
        odds = expected(routes)[clients.pop][:, columns]
    breach = np.zeros((len(rules), 3))
    by_metro = np.zeros((metros, len(rules), 3))
    for q, rule in enumerate(rules):
        forbidden = mask_of(list(rule.forbidden), found.possible.shape[1])
        bad = (found.possible & forbidden).any(axis=1) & rule.inside
        good = (found.possible & ~forbidden).any(axis=1)
        chance = odds[:, np.isin(columns, rule.forbidden)].sum(axis=1, dtype=np.float64)
        kinds = (bad & ~good, np.where(bad, np.minimum(chance, 1.0), 0.0), bad)
        for kind, weight in enumerate(kinds):
            by_metro[:, q, kind] = np.bincount(clients.metro, clients.users * weight, metros)
            breach[q, kind] = float((clients.users * weight).sum())
    return Reach(
        parts=(Part(rtt=np.where(found.is_served, found.rtt, np.inf)),),
        site=found.site,
        columns=columns,
        users=expected_users(routes, clients, found.site)[columns],
        by_metro=by_group_and_column(clients.users, odds, clients.metro, metros),
        breach=breach,
        breach_by_metro=by_metro,
    )


def likely_reach(
    known: Reach,
    chance: Float64,
    alone: Sequence[Reach],
    columns: Sequence[int],
    clients: Clients,
    *,
    rules: Sequence[Rule] = (),
) -> Reach:
    """The Reach of probabilities. chance: (U, n) of the sites in `columns`; alone: the Reach of each of them.

    A site that a user has no route to, by the rules, has no RTT and is left out of the odds. What is certain
    and possible in breach stays as the rules of `known` say; what is expected goes by the odds.
    """
    rtts = [reach.parts[0].rtt for reach in alone]
    odds = np.stack([np.where(np.isfinite(rtt), chance[:, n], 0.0) for n, rtt in enumerate(rtts)], axis=1)
    total = odds.sum(axis=1, keepdims=True)
    odds = np.divide(odds, total, out=np.zeros_like(odds), where=total > 0)
    metros = len(known.by_metro)
    where = np.array(columns, np.int64)
    breach, by_metro = known.breach.copy(), known.breach_by_metro.copy()
    for q, rule in enumerate(rules):
        weight = np.where(rule.inside, odds[:, np.isin(where, rule.forbidden)].sum(axis=1), 0.0)
        by_metro[:, q, 1] = np.bincount(clients.metro, clients.users * weight, metros)
        breach[q, 1] = float((clients.users * weight).sum())
    has_one = total[:, 0] > 0
    return Reach(
        parts=tuple(Part(rtt=rtt, weight=odds[:, n]) for n, rtt in enumerate(rtts)),
        site=np.where(has_one, where[odds.argmax(axis=1)], -1),
        columns=where,
        users=clients.users @ odds,
        by_metro=by_group_and_column(clients.users, odds.astype(np.float32), clients.metro, metros),
        breach=breach,
        breach_by_metro=by_metro,
    )


def with_cover(reach: Reach, cover: Reach, clients: Clients, *, rules: Sequence[Rule] = ()) -> Reach:
    """A more-specific prefix under a covering one: who has no route to the first goes by the second.

    Who they are is seen in the chosen routes; they are few, so a tie among their sites is not split.
    """
    lost = reach.site < 0
    if not float(clients.users[lost].sum()):
        return reach
    metros = len(reach.by_metro)
    site = np.where(lost, cover.site, -1)
    columns = np.union1d(reach.columns, np.unique(site[site >= 0])).astype(np.int64)
    users, by_metro = np.zeros(len(columns)), np.zeros((metros, len(columns)))
    places = np.searchsorted(columns, reach.columns)
    users[places], by_metro[:, places] = reach.users, reach.by_metro
    for n, column in enumerate(columns.tolist()):
        theirs = clients.users * (site == column)
        users[n] += float(theirs.sum())
        by_metro[:, n] += np.bincount(clients.metro, theirs, metros)
    breach, breach_by_metro = reach.breach.copy(), reach.breach_by_metro.copy()
    for q, rule in enumerate(rules):
        theirs = clients.users * (rule.inside & np.isin(site, rule.forbidden))
        breach[q] += float(theirs.sum())
        breach_by_metro[:, q, :] += np.bincount(clients.metro, theirs, metros)[:, None]
    own = [replace(part, weight=_times(part.weight, ~lost)) for part in reach.parts]
    more = [replace(part, weight=_times(part.weight, lost)) for part in cover.parts]
    return Reach(
        parts=(*own, *more),
        site=np.where(lost, cover.site, reach.site),
        columns=columns,
        users=users,
        by_metro=by_metro,
        breach=breach,
        breach_by_metro=breach_by_metro,
    )


def mean_by_metro(reach: Reach, clients: Clients, *, penalty_ms: float) -> Float64:
    """(M,) the mean RTT of each metro's users, who wait `penalty_ms` where they are not served."""
    metros = len(reach.by_metro)
    total = np.bincount(clients.metro, clients.users, metros)
    spent = np.full(metros, 0.0)
    met = np.zeros(len(clients.users))
    for part in reach.parts:
        weight = np.ones(len(part.rtt)) if part.weight is None else part.weight
        met += weight
        spent += np.bincount(clients.metro, clients.users * weight * np.minimum(part.rtt, penalty_ms), metros)
    spent += np.bincount(clients.metro, clients.users * np.maximum(0.0, 1.0 - met) * penalty_ms, metros)
    mean: Float64 = np.divide(spent, total, out=np.full(metros, np.inf), where=total > 0)
    return mean


def _times(weight: Float64 | None, chosen: Bools) -> Float64:
    out: Float64 = chosen.astype(np.float64) if weight is None else weight * chosen
    return out
