"""intervals: how far a site's share may be from what is stated, by what is in doubt and for how many.

Two kinds of doubt make a share uncertain. *Common*: the method sees one site too large everywhere, a shift
of all log odds by the same unknown amount; it moves only those who are in doubt. *Own choices*: a network
that is torn between two neighbours takes all who choose through it along; the choices of different networks,
and of one network in different metros, are independent, so their variances add up. Together they are what a
share would deviate by if the stated probabilities were all that is known. How far it really does, as a
multiple of that, is the `spread` of a calibration. Where all is sure an interval has no width.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np

from anyplane.calibration.chance import Float64, Offers
from anyplane.calibration.deciding_kernels import follow

SWEEPS = 6
"""A sweep goes from the far networks to the sites; what is left after so many goes round in a ring."""
LEAST = 1e-7
"""Of all users: fewer are not followed."""
LARGEST = 30
"""Choices that are looked at one by one."""
POINTS = 1001
PART = 0.9
NINE_OF_TEN = 1.645
"""Standard deviations on each side of a 90 % interval."""
HUGE = 700.0
"""exp of more overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Who chooses for whom. carried: (P, K) users of each kind who choose through a pop, its own too.

    own: (P,) the part of a pop's doubt that is its own choice. variance: (P, S) of its own choice.
    """

    carried: Float64
    own: Float64
    variance: Float64


def followed(offers: Offers, users: Float64) -> Followed:
    """The Followed of users (P, K), of K kinds, as the offers stand."""
    topology = offers.terrain.topology
    found = Followed(
        carried=np.zeros(users.shape), own=np.zeros(len(users)), variance=np.zeros((len(users), offers.sites))
    )
    follow(  # type: ignore[call-arg]  # numba's stubs do not count what * unpacks
        offers.order, topology.pop_network, topology.adj_start, *offers.arrays, offers.like, offers.strict,
        offers.state, offers.widest, offers.deepest, users.astype(np.float64), LEAST * float(users.sum()),
        SWEEPS, found.carried, found.own, found.variance,
    )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Of the users who reach a site at all, by site (S,).

    share: stated. lowest, highest: with everybody who is in doubt elsewhere, or there. deviation: standard
    deviation of the share in log odds, by what is in doubt; 1 where every network has the share's own
    probability and all doubt is common; 0 where nobody is in doubt. below, above: the deviations that a
    normal distribution would need to end its nine tenths where those of the share end. They are other ones
    where a few large networks decide: one that is there with 97 % is not elsewhere in nine of ten cases.
    """

    share: Float64
    lowest: Float64
    highest: Float64
    deviation: Float64
    below: Float64
    above: Float64


def doubts(probability: Float64, users: Float64, by: Followed, *, raw: Float64) -> Doubts:
    """The Doubts about users (P,), the first kind of those followed.

    probability: (P, S) as stated; raw: as the offers have it, before it was made more or less modest.
    """
    total = float(users[probability.max(axis=1) > 0].sum())
    if total <= 0:
        nothing = np.zeros(probability.shape[1])
        return Doubts(
            share=nothing, lowest=nothing, highest=nothing, deviation=nothing, below=nothing, above=nothing
        )
    share = users @ probability / total
    is_open = probability * (1.0 - probability)
    common = users @ is_open / total
    # A choice is as much more modest than the offers have it as the whole doubt is.
    before = raw * (1.0 - raw)
    scale = np.divide(is_open, before, out=np.zeros_like(before), where=before > 1e-12)
    own = ((by.carried[:, 0] / total) ** 2)[:, None] * by.variance * scale
    whole = share * (1.0 - share)
    deviation = np.sqrt(common**2 + own.sum(axis=0))
    ends = np.array([_ends(own[:, s], probability[:, s], common[s]) for s in range(len(share))]).T
    below, above = (
        np.divide(np.abs(end) / NINE_OF_TEN, whole, out=np.zeros_like(whole), where=whole > 1e-12)
        for end in ends
    )
    return Doubts(
        below=below,
        above=above,
        share=share,
        lowest=users @ (probability > 1 - 1e-9) / total,
        highest=users @ (probability > 1e-9) / total,
        deviation=np.divide(deviation, whole, out=np.zeros_like(whole), where=whole > 1e-12),
    )


def _ends(variance: Float64, chance: Float64, common: float) -> tuple[float, float]:
    """Where the middle nine tenths of a sum end. variance: (P,) of each pop's choice, for or against a site.

    chance: (P,) of the site there. The LARGEST are taken as they are, with two outcomes; the many others and
    what is common as one normal distribution.
    """
    largest = np.argsort(-variance, kind="stable")[:LARGEST]
    largest = largest[(variance[largest] > 0) & (chance[largest] > 0) & (chance[largest] < 1)]
    rest = sqrt(max(0.0, float(variance.sum() - variance[largest].sum())) + common**2)
    p = chance[largest]
    size = np.sqrt(variance[largest] / (p * (1.0 - p)))
    reach = float(size.sum()) + 4.0 * rest
    if reach <= 0:
        return 0.0, 0.0
    step = 2.0 * reach / (POINTS - 1)
    at = np.linspace(-reach, reach, POINTS)
    density = np.exp(-0.5 * (at / max(rest, step / 2)) ** 2)
    for a, there in zip(size.tolist(), p.tolist(), strict=True):
        moved = [
            np.interp(at - by, at, density, left=0.0, right=0.0) for by in (a * (1.0 - there), -a * there)
        ]
        density = there * moved[0] + (1.0 - there) * moved[1]
    below = np.cumsum(density) / density.sum()
    tail = (1.0 - PART) / 2.0
    return min(0.0, float(np.interp(tail, below, at))), max(0.0, float(np.interp(1.0 - tail, below, at)))


def interval(share: float, *, spread: float, of: float = 1.0) -> tuple[float, float]:
    """The 90 % interval of a share: its logit, 1.645 spreads up and down. `of`: the share with a site.

    Nothing and everything have no interval: who has one possible site is not in doubt.
    """
    if share <= 0 or of <= 0:
        return 0.0, 0.0
    part_of = share / of
    if part_of >= 1 - 1e-12 or spread <= 0:
        return share, share
    odds = log(part_of / (1 - part_of))
    low, high = (of / (1 + exp(min(HUGE, -(odds + sign * NINE_OF_TEN * spread)))) for sign in (-1, 1))
    return low, high
