"""placement: which metros each network is present in, when all we know is the graph and some countries.

1. Networks in `known` are where it says.
2. A country that is missing is the one most providers have, else most neighbours; else it is drawn by people.
3. Every other network gets a home: one metro of its country, drawn by people with a hash of its ASN.
4. A network with more than a few customers or peers is then put where those neighbours are: each has one
   vote, split over its metros, customers' votes counting more; the metros with most votes win, more of them
   the larger the network (`_size`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyplane.topology.known import Country
from anyplane.topology.topology import Metros

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

CUSTOMER_VOTE, PEER_VOTE, HOME_VOTE = 3.0, 1.0, 0.5
MOST_METROS = 24
"""No network whose presence is a guess is put in more metros than that."""


def place(
    asn: ArrayLike,
    country: ArrayLike,
    metros: Metros,
    *,
    known: Mapping[int, Sequence[int]],
    providers_customers: ArrayLike,
    peers: ArrayLike,
    countries: Sequence[Country] = (),
) -> tuple[Int64, NDArray[np.int32]]:
    """The presence of every network: two arrays, ASN and metro index, one entry for each pop.

    asn: (N,) distinct, any order. country: (N,) ISO alpha-2 or "" (a code without a metro counts as "" unless
    `countries` names the metro abroad that serves it). known: ASN -> metro indices; these win.
    providers_customers, peers: (K, 2) ASNs; links that name a network `asn` lacks are ignored. The result is
    sorted by ASN, then metro, without duplicates, and is what `build(presence=...)` wants. Nothing is random:
    where a draw is needed it is a hash of the ASN.
    """
    given = np.asarray(asn, dtype=np.int64)
    order = np.argsort(given, kind="stable")
    asns = given[order]
    links = _Links.of(asns, providers_customers, peers)
    atlas = _Atlas.of(metros, countries)

    code = _fill(atlas.codes_of(np.asarray(country, dtype="U2")[order]), links, len(atlas.names))
    home = atlas.draw(code, hash01(asns))
    network, metro, is_known = _start(asns, home, known)
    network, metro = _spread(network, metro, is_known, home, links, len(metros.code))
    key = np.unique(network * len(metros.code) + metro)
    return asns[key // len(metros.code)], (key % len(metros.code)).astype(np.int32)


def hash01(asns: ArrayLike, *, salt: int = 0) -> Float64:
    """A number in [0, 1) for each ASN, evenly spread and always the same (splitmix64, Vigna 2015)."""
    start = (salt + 1) * 0x9E3779B97F4A7C15 % 2**64
    z = np.asarray(asns).astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)).astype(np.float64) / 2.0**53, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Links:
    """The graph as indices of networks; `own` and `far` hold each link in both directions."""

    customer: Int64
    provider: Int64
    own: Int64
    far: Int64
    vote: Float64
    """What far's places count for own: nothing when far is own's provider."""
    customers: Int64
    peers: Int64

    @staticmethod
    def of(asns: Int64, providers_customers: ArrayLike, peers: ArrayLike) -> _Links:
        provider, customer = _ends(asns, providers_customers)
        left, right = _ends(asns, peers)
        count = len(asns)
        return _Links(
            customer=customer,
            provider=provider,
            own=np.concatenate([provider, left, right, customer]),
            far=np.concatenate([customer, right, left, provider]),
            vote=np.repeat(
                [CUSTOMER_VOTE, PEER_VOTE, PEER_VOTE, 0.0],
                [len(provider), len(left), len(left), len(customer)],
            ),
            customers=np.bincount(provider, minlength=count),
            peers=np.bincount(left, minlength=count) + np.bincount(right, minlength=count),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Atlas:
    """The metros by country: `edge` is the country's number plus the share of its people in metros so far."""

    names: NDArray[np.str_]
    serves: Int64
    """(C,) for a country without a metro of its own the metro abroad, else -1."""
    order: Int64
    edge: Float64
    world: Float64
    """(M,) running share of the world's people, in the order of the metros."""

    @staticmethod
    def of(metros: Metros, countries: Sequence[Country]) -> _Atlas:
        own = set(metros.country)
        index = {code: i for i, code in enumerate(metros.code)}
        abroad = {c.code: index[c.metro] for c in countries if c.code not in own and c.metro in index}
        names = np.array(sorted(own | set(abroad)), dtype="U2")
        number = np.searchsorted(names, np.array(metros.country, dtype="U2"))
        order = np.argsort(number, kind="stable")
        # A metro without people must still be a place one can draw.
        people = np.maximum(metros.population, 1.0)
        total = np.bincount(number, weights=people, minlength=len(names))
        running = np.cumsum(people[order] / total[number[order]])
        before = np.concatenate([[0.0], np.cumsum(np.bincount(number, minlength=len(names)) > 0)])[:-1]
        edge = running - before[number[order]] + number[order]
        return _Atlas(
            names=names,
            serves=np.array([abroad.get(str(name), -1) for name in names], dtype=np.int64),
            order=order,
            edge=edge,
            world=np.cumsum(people) / people.sum(),
        )

    def codes_of(self, country: NDArray[np.str_]) -> Int64:
        """The number of each country, -1 where unknown."""
        where = np.minimum(np.searchsorted(self.names, country), len(self.names) - 1)
        return np.where(self.names[where] == country, where, -1)

    def draw(self, code: Int64, chance: Float64) -> Int64:
        """One metro for each pair of country number (-1: the world) and chance in [0, 1)."""
        # Kept a hair inside the country, whose last edge may miss the whole number by rounding.
        wanted = np.maximum(code, 0) + np.clip(chance, 0.0, 1 - 1e-9)
        at = np.minimum(np.searchsorted(self.edge, wanted, side="right"), len(self.order) - 1)
        metro = self.order[at]
        metro = np.where((code >= 0) & (self.serves[code] >= 0), self.serves[code], metro)
        anywhere = np.minimum(np.searchsorted(self.world, chance, side="right"), len(self.world) - 1)
        return np.where(code >= 0, metro, anywhere).astype(np.int64)


def _ends(asns: Int64, pairs: ArrayLike) -> tuple[Int64, Int64]:
    table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if not len(asns):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    where = np.minimum(np.searchsorted(asns, table), len(asns) - 1)
    is_there = (asns[where] == table).all(axis=1)
    return where[is_there, 0], where[is_there, 1]


def _fill(code: Int64, links: _Links, countries: int) -> Int64:
    """Unknown countries from the majority of providers, in rounds downwards; then of all neighbours."""
    code = code.copy()
    for own, far in ((links.customer, links.provider),) * 3 + ((links.own, links.far),):
        blank = np.flatnonzero(code < 0)
        if not len(blank):
            break
        row = np.full(len(code), -1, np.int64)
        row[blank] = np.arange(len(blank))
        counts = (row[own] >= 0) & (code[far] >= 0)
        votes = np.bincount(
            row[own[counts]] * countries + code[far[counts]], minlength=len(blank) * countries
        )
        table = votes.reshape(len(blank), countries)
        code[blank] = np.where(table.max(axis=1) > 0, table.argmax(axis=1), -1)
    return code


def _start(
    asns: Int64, home: Int64, known: Mapping[int, Sequence[int]]
) -> tuple[Int64, Int64, NDArray[np.bool_]]:
    """Presence so far (network, metro), sorted by network: where known, else the home."""
    pairs = [(a, m) for a, places in known.items() for m in places]
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    where = np.minimum(np.searchsorted(asns, table[:, 0]), max(len(asns) - 1, 0))
    here = asns[where] == table[:, 0] if len(asns) else np.zeros(0, bool)
    is_known = np.zeros(len(asns), bool)
    is_known[where[here]] = True
    rest = np.flatnonzero(~is_known)
    network = np.concatenate([where[here], rest])
    metro = np.concatenate([table[here, 1], home[rest]])
    order = np.lexsort((metro, network))
    return network[order], metro[order], is_known


def _spread(
    network: Int64, metro: Int64, is_known: NDArray[np.bool_], home: Int64, links: _Links, metro_count: int
) -> tuple[Int64, Int64]:
    """Move the larger networks of unknown presence to where their neighbours are."""
    count = len(home)
    size = _size(links.customers, links.peers)
    moves = np.flatnonzero(~is_known & ((links.customers > 0) | (size > 1)))
    if not len(moves):
        return network, metro
    row = np.full(count, -1, np.int64)
    row[moves] = np.arange(len(moves))
    start = np.searchsorted(network, np.arange(count + 1))
    pops = np.diff(start)

    heard = (row[links.own] >= 0) & (links.vote > 0)
    own, far, vote = row[links.own[heard]], links.far[heard], links.vote[heard]
    times = pops[far]
    ends = np.cumsum(times)
    inside = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - times, times)
    at = metro[np.repeat(start[far], times) + inside]
    votes: Float64 = np.asarray(
        np.bincount(
            np.repeat(own, times) * metro_count + at,
            weights=np.repeat(vote / times, times),
            minlength=len(moves) * metro_count,
        ),
        dtype=np.float64,
    ).reshape(len(moves), metro_count)
    votes[np.arange(len(moves)), home[moves]] += HOME_VOTE

    rows, chosen = [np.arange(len(moves))], [votes.argmax(axis=1)]
    many = np.flatnonzero(size[moves] > 1)
    best = np.argsort(-votes[many], axis=1, kind="stable")[:, :MOST_METROS]
    # A metro counts when a whole neighbour's worth of votes is there, not the crumbs of a global network.
    wins = (np.arange(best.shape[1]) < size[moves[many], None]) & (
        np.take_along_axis(votes[many], best, axis=1) >= PEER_VOTE
    )
    rows.append(many[np.nonzero(wins)[0]])
    chosen.append(best[wins])
    stays = row[network] < 0
    return (
        np.concatenate([network[stays], moves[np.concatenate(rows)]]),
        np.concatenate([metro[stays], np.concatenate(chosen)]),
    )


def _size(customers: Int64, peers: Int64) -> Int64:
    """How many metros a network of so many customers and peers is put in: one, and more by doubling."""
    doublings = 1.5 * np.log2(1 + customers / 5 + peers / 50)
    return np.clip(doublings.astype(np.int64), 1, MOST_METROS)
