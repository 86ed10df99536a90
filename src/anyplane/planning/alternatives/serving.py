"""Served: all users of a service under one way, out of what each address gives them and who is given which.

Each user counts once, split over the addresses by the odds of being given them; quantiles are over these
weights. Where everybody has the same address the arithmetic is that of `anyplane plan`, digit by digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from anyplane.planning.alternatives.reach import Reach
from anyplane.planning.alternatives.report import Curve
from anyplane.planning.catchment import Clients
from anyplane.planning.report import Rtt
from anyplane.planning.rounding import fraction, part
from anyplane.planning.tally import rtt_of
from anyplane.planning.weighted import Float64

PER_MS = 100
"""RTTs are hundredths of a millisecond, so that they can be counted instead of sorted."""
CURVE_POINTS = 160


CRUMB = 1e-6
"""Users; what differences of sums leave where nobody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Sums over users. histogram: (B,) by hundredths of a millisecond; users: (S,); breach: (Q, 3)."""

    total: float
    histogram: Float64
    unserved_users: float
    far_users: float
    lost: float
    users: Float64
    breach: Float64

    @property
    def unserved(self) -> float:
        """The share of users who reach no site."""
        return part(self.unserved_users, self.total)

    @property
    def rtt(self) -> Rtt:
        """Of the users who are served."""
        return rtt_of(_axis(self.histogram), self.histogram)

    @property
    def rtt_of_all(self) -> Rtt:
        """Who is not served waits for ever, as in the objectives of `plan`."""
        if not self.unserved_users:
            return self.rtt
        return rtt_of(_axis(self.histogram), self.histogram, waiting=self.unserved_users)

    def curve(self) -> Curve:
        """The cumulative share of all users by RTT, at CURVE_POINTS places that follow its steps."""
        running = np.cumsum(self.histogram)
        if not len(running) or running[-1] <= 0:
            return Curve(at=(0.0,), share=(0.0,))
        wanted = np.linspace(0.0, 1.0, CURVE_POINTS) * running[-1] * (1 - 1e-12)
        # Half of the points by users, half by the tail, whose last part of the users is what people look at.
        tail = (1 - np.geomspace(0.2, 0.0005, CURVE_POINTS // 4)) * running[-1]
        at = np.unique(np.searchsorted(running, np.concatenate([wanted, tail])))
        at = np.minimum(at, len(running) - 1)
        return Curve(
            at=tuple(round(int(bin_) / PER_MS, 2) for bin_ in at),
            share=tuple(fraction(float(running[bin_]) / self.total) for bin_ in at),
        )


class Known:
    """What was reckoned before for an address and its column of odds, and the sum over most addresses.

    stays: the Reaches that outlive one question; only these may be known by their id.
    """

    def __init__(self, stays: Iterable[Reach]) -> None:
        self._stays = {id(reach): reach for reach in stays}
        self._served: dict[tuple[int, bytes], Served] = {}
        self._ones: tuple[Served, ...] = ()
        self._sum = np.zeros(0)

    def of(self, reach: Reach, column: Float64) -> Served | None:
        """The users of this address with these odds, where they were kept."""
        return self._served.get((id(reach), column.tobytes())) if id(reach) in self._stays else None

    def keep(self, reach: Reach, column: Float64, served: Served) -> None:
        """From now on `of` knows it."""
        if id(reach) in self._stays:
            self._served[id(reach), column.tobytes()] = served

    def sum(self, ones: Sequence[Served], *, keeps: bool) -> Float64:
        """The histograms of all; where few differ from those kept, by what they differ.

        A site's failure moves the users of a dozen addresses out of hundreds.
        """
        if len(ones) == len(self._ones):
            changed = [pair for pair in zip(self._ones, ones, strict=True) if pair[0] is not pair[1]]
            if 4 * len(changed) < len(ones):
                out = _sum([self._sum, *(new.histogram for _, new in changed)])
                for old, _ in changed:
                    out[: len(old.histogram)] -= old.histogram
                out[np.abs(out) < CRUMB] = 0.0
                return out
        out = _sum([one.histogram for one in ones])
        if keeps and len(ones) > len(self._ones):
            self._ones, self._sum = tuple(ones), out
        return out


def serve(
    addresses: Sequence[Reach],
    odds: Float64,
    clients: Clients,
    *,
    best: Float64,
    far_ms: float,
    sites: int,
    rules: int = 0,
    known: Known | None = None,
    keeps: bool = False,
) -> Served:
    """The users when a user in metro m is given address a with the odds (M, a).

    Rows add up to 1, or to 0 where no site is left to answer with. best: (U,) RTT to each user's best site.
    known: what was reckoned before for an address and its column, with this `best` and `far_ms`;
    keeps: add to it.
    """
    nothing = np.where(odds.sum(axis=1) > 0, 0.0, 1.0)[clients.metro]
    ones: list[Served] = []
    users, breach = np.zeros(sites), np.zeros((rules, 3))
    unserved, far, lost = float((clients.users * nothing).sum()), 0.0, 0.0
    for address, reach in enumerate(addresses):
        column = odds[:, address]
        one = known.of(reach, column) if known is not None else None
        if one is None:
            one = _given(reach, column, clients, best=best, far_ms=far_ms)
            if known is not None and keeps:
                known.keep(reach, column, one)
        ones.append(one)
        unserved, far, lost = unserved + one.unserved_users, far + one.far_users, lost + one.lost
        users[reach.columns] += one.users
        if rules:
            breach += one.breach
    return Served(
        total=clients.total,
        histogram=known.sum(ones, keeps=keeps) if known is not None else _sum([x.histogram for x in ones]),
        unserved_users=unserved,
        far_users=far,
        lost=lost,
        users=users,
        breach=breach,
    )


def _given(reach: Reach, column: Float64, clients: Clients, *, best: Float64, far_ms: float) -> Served:
    """The users who are given one address, with the odds (M,); `users` is by the columns of the Reach."""
    share = column[clients.metro]
    # Odds are sums of products, so that certainty may be a crumb short of one.
    is_for_all = bool((share > 1.0 - 1e-12).all())
    weights = clients.users if is_for_all else clients.users * share
    parts: list[Float64] = []
    far = lost = 0.0
    met = np.zeros(len(weights))
    if not share.any():
        weights = met
    for one in reach.parts if share.any() else ():
        theirs = weights if one.weight is None else weights * one.weight
        is_served = np.isfinite(one.rtt)
        rtt, heavy = one.rtt[is_served], theirs[is_served]
        met[is_served] += heavy
        counted = np.bincount(np.rint(rtt * PER_MS).astype(np.int64), weights=heavy)
        parts.append(counted.astype(np.float64))
        over = rtt - best[is_served]
        far += float(heavy[over > far_ms + 1e-9].sum())
        lost += float((heavy * np.maximum(over, 0.0)).sum())
    return Served(
        total=clients.total,
        histogram=_sum(parts),
        unserved_users=_rest(weights, met),
        far_users=far,
        lost=lost,
        users=reach.users if is_for_all else column @ reach.by_metro,
        breach=reach.breach if is_for_all else np.einsum("m,mqk->qk", column, reach.breach_by_metro),
    )


def _rest(weights: Float64, met: Float64) -> float:
    """What is not met of the weights; crumbs of sums of odds are nothing."""
    left = weights - met
    return float(left[left > 1e-9 * weights].sum())


def _axis(histogram: Float64) -> Float64:
    return np.arange(len(histogram)) / PER_MS


def _sum(parts: Sequence[Float64]) -> Float64:
    """Histograms of any lengths as one, added up in one array: there are hundreds."""
    out = np.zeros(max((len(one) for one in parts), default=0))
    for one in parts:
        out[: len(one)] += one
    return out
