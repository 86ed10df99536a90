"""users: how many people are behind each network in each metro, measured where known, else estimated.

The rule, when no file gives the users:

1. A metro's users are its people times the share of its country online. A metro in which nobody offers
   access hands its users to the nearest metro in which somebody does, at home if possible.
2. Networks with known users keep them, split over their metros at home by those metros' users. Where the
   known networks of a country together exceed KNOWN_SHARE of its users, they are scaled down to it.
3. The rest of each metro is shared among its other networks by weight: a heavy-tailed hash of the ASN (few
   large, many small) times the square root of one plus the customers, since who sells transit often sells
   access too. Networks known to have no users weigh nothing; a network weighs only in its own country, and
   only if transit connects it to the bulk of the Internet: the islands of a public graph (military networks,
   networks of which only a peering is seen) are no place to put people that nobody could reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyplane.topology.known import Country
from anyplane.topology.placement import hash01
from anyplane.topology.topology import Metros

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

KNOWN_SHARE = 0.85
TAIL = 0.9
"""Exponent of the Pareto weights: the lower, the more of a metro its largest networks hold."""
HEAVIEST = 3000.0
ABROAD_KM = 20_000.0


def estimate_users(
    presence: tuple[ArrayLike, ArrayLike],
    metros: Metros,
    *,
    countries: Sequence[Country],
    providers_customers: ArrayLike,
    known: Mapping[int, float],
    home: tuple[ArrayLike, ArrayLike] | None = None,
) -> Float64:
    """Estimated users for each entry of `presence` (ASN, metro index), as `build(users=...)` wants.

    known: ASN -> users, 0 for a network that serves no people; these win. home: ASN and ISO country, for
    networks whose pops abroad serve nobody; without it (or where "") every metro of a network counts.
    The sum over all pops is the number of Internet users of all countries that have a metro.
    """
    asn, metro = np.asarray(presence[0], dtype=np.int64), np.asarray(presence[1], dtype=np.int64)
    if not len(asn):
        return np.zeros(0)
    metro_country = np.unique(np.array(metros.country), return_inverse=True)[1].astype(np.int64)
    is_home = _at_home(asn, metro, metros, home)
    given = _lookup(asn, known)
    weight = _weights(asn, providers_customers) * is_home * np.isnan(given)

    demand = metros.population * _online(metros, countries)
    demand = _hand_over(demand, metro[(weight > 0) | (is_home & (given > 0))], metros, metro_country)
    fixed = _split(asn, np.nan_to_num(given), demand[metro] * is_home)
    total = np.bincount(metro_country, weights=demand)
    here = metro_country[metro]
    fixed_total = np.bincount(here, weights=fixed, minlength=len(total))
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed *= np.minimum(1.0, KNOWN_SHARE * total / fixed_total)[here] if len(total) else 1.0
    fixed = np.nan_to_num(fixed)

    known_here = np.bincount(metro, weights=fixed, minlength=len(demand))
    left = np.maximum(demand - known_here, (1 - KNOWN_SHARE) * demand)
    shared = left[metro] * _shares(weight, metro, len(demand))
    # What the two rules make of a country must add up to its users: the unknown networks take the difference,
    # the known ones where there are no others.
    rest = total - np.bincount(here, weights=fixed, minlength=len(total))
    sum_shared = np.bincount(here, weights=shared, minlength=len(total))
    with np.errstate(divide="ignore", invalid="ignore"):
        shared *= np.nan_to_num(rest / sum_shared, posinf=0.0)[here]
        only_known = np.where(sum_shared > 0, 1.0, np.nan_to_num(total / (total - rest), posinf=0.0))
    return np.asarray(shared + fixed * only_known[here], dtype=np.float64)


def split_users(
    presence: tuple[ArrayLike, ArrayLike],
    metros: Metros,
    users: Mapping[int, float],
    *,
    home: tuple[ArrayLike, ArrayLike] | None = None,
) -> Float64:
    """Users for each entry of `presence`: those given for each ASN, split over its metros by population.

    Networks that `users` lacks have none. home: as in `estimate_users`.
    """
    asn, metro = np.asarray(presence[0], dtype=np.int64), np.asarray(presence[1], dtype=np.int64)
    people = np.maximum(metros.population[metro], 1.0) * _at_home(asn, metro, metros, home)
    return _split(asn, np.nan_to_num(_lookup(asn, users)), people)


def _weights(asn: Int64, providers_customers: ArrayLike) -> Float64:
    links = np.asarray(providers_customers, dtype=np.int64).reshape(-1, 2)
    names, inverse = np.unique(asn, return_inverse=True)
    at = np.minimum(np.searchsorted(names, links), len(names) - 1)
    at = at[(names[at] == links).all(axis=1)]
    customers = np.bincount(at[:, 0], minlength=len(names))
    heavy = np.minimum((1 - hash01(names, salt=1)) ** (-1 / TAIL), HEAVIEST)
    weight = heavy * np.sqrt(1 + customers) * _is_connected(at, len(names))
    return np.asarray(weight[inverse.ravel()], dtype=np.float64)


def _is_connected(links: Int64, count: int) -> Bool:
    """(count,) is it in the largest part that transit links hold together? All are where there is no link."""
    if not len(links):
        return np.ones(count, bool)
    label = np.arange(count)
    while True:
        lowest = np.minimum(label[links[:, 0]], label[links[:, 1]])
        spread = label.copy()
        np.minimum.at(spread, links[:, 0], lowest)
        np.minimum.at(spread, links[:, 1], lowest)
        spread = spread[spread]
        if np.array_equal(spread, label):
            return np.asarray(label == np.bincount(label).argmax(), dtype=np.bool_)
        label = spread


def _online(metros: Metros, countries: Sequence[Country]) -> Float64:
    share = {country.code: country.online for country in countries}
    return np.array([share.get(code, 0.65) for code in metros.country])


def _hand_over(demand: Float64, served: Int64, metros: Metros, country: Int64) -> Float64:
    """Users of metros without access go to the nearest metro with it, abroad only if the country has none."""
    has = np.zeros(len(demand), bool)
    has[served] = True
    if has.all() or not has.any():
        return demand
    offers, lacks = np.flatnonzero(has), np.flatnonzero(~has)
    far = metros.km[np.ix_(lacks, offers)] + ABROAD_KM * (country[lacks, None] != country[None, offers])
    moved = np.where(has, demand, 0.0)
    np.add.at(moved, offers[far.argmin(axis=1)], demand[lacks])
    return moved


def _at_home(asn: Int64, metro: Int64, metros: Metros, home: tuple[ArrayLike, ArrayLike] | None) -> Bool:
    """Is this pop in the network's own country? All are when none is, or when no country is given."""
    if home is None or not len(asn):
        return np.ones(len(asn), bool)
    names = np.asarray(home[0], dtype=np.int64)
    order = np.argsort(names, kind="stable")
    at = order[np.minimum(np.searchsorted(names[order], asn), max(len(names) - 1, 0))] if len(names) else None
    if at is None:
        return np.ones(len(asn), bool)
    country = np.where(names[at] == asn, np.asarray(home[1], dtype="U2")[at], "")
    same = np.array(metros.country, dtype="U2")[metro] == country
    inverse = np.unique(asn, return_inverse=True)[1].ravel()
    return np.asarray(same | (np.bincount(inverse, weights=same) == 0)[inverse], dtype=np.bool_)


def _lookup(asn: Int64, users: Mapping[int, float]) -> Float64:
    """The users given for each entry's ASN, NaN where none are."""
    if not users:
        return np.full(len(asn), np.nan)
    names = np.array(sorted(users), dtype=np.int64)
    values = np.array([users[int(name)] for name in names], dtype=np.float64)
    at = np.minimum(np.searchsorted(names, asn), len(names) - 1)
    return np.where(names[at] == asn, values[at], np.nan)


def _split(asn: Int64, total: Float64, weight: Float64) -> Float64:
    """`total` of each network shared over its entries by weight."""
    inverse = np.unique(asn, return_inverse=True)[1].ravel().astype(np.int64)
    return total * _shares(weight, inverse, int(inverse.max()) + 1 if len(inverse) else 0)


def _shares(weight: Float64, group: Int64, groups: int) -> Float64:
    """Each entry's part of its group's weight; 0 in a group without weight."""
    total = np.bincount(group, weights=weight, minlength=groups)
    return weight / np.where(total > 0, total, 1.0)[group]
