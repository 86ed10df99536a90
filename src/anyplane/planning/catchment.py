"""Catchment: which site answers whom, how far away, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.design.design import Audience
from anyplane.planning.latency import LatencyModel
from anyplane.planning.weighted import Float64, Int64
from anyplane.routing import NO_SITE, Routes
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The pops whose users a scenario is for, U of them, and where those users are."""

    pop: Int64
    """(U,) index of the pop."""
    users: Float64
    """(U,) above 0."""
    metro: Int64
    network: Int64
    country: Int64
    """(U,) index into countries: where the user is, or where the network is when metros are not modelled."""
    countries: tuple[str, ...]
    total: float

    @staticmethod
    def of(topology: Topology, audience: Audience | None = None) -> Clients:
        """All users of a topology, or those that an audience means.

        A user is where his metro is, not where his network is registered: a French network's users in
        Brussels are in BE. Only without metros the network's country has to do.
        """
        pop = np.flatnonzero(topology.users > 0)
        metro = topology.pop_metro[pop].astype(np.int64)
        network = topology.pop_network[pop].astype(np.int64)
        if has_metros(topology):
            countries, of_metro = np.unique(np.array(topology.metros.country), return_inverse=True)
            country = of_metro.ravel()[metro]
        else:
            countries, of_network = np.unique(topology.country, return_inverse=True)
            country = of_network.ravel()[network]
        users = topology.users[pop].astype(np.float64)
        everybody = Clients(
            pop=pop,
            users=users,
            metro=metro,
            network=network,
            country=country.astype(np.int64),
            countries=tuple(str(code) for code in countries),
            total=float(users.sum()),
        )
        if audience is None:
            return everybody
        is_meant = np.array([audience.has(code) for code in everybody.countries], bool)
        return everybody.only(is_meant[everybody.country])

    def only(self, chosen: NDArray[np.bool_]) -> Clients:
        """Those of them that are chosen, (U,)."""
        users = self.users[chosen]
        return Clients(
            pop=self.pop[chosen],
            users=users,
            metro=self.metro[chosen],
            network=self.network[chosen],
            country=self.country[chosen],
            countries=self.countries,
            total=float(users.sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catchment:
    """What each pop with users reaches; U pops, S sites (the virtual ones included), W words."""

    clients: Clients
    site: Int64
    """(U,) the chosen site, -1 where there is none."""
    km: NDArray[np.float32]
    """(U,) along the path."""
    rtt: Float64
    """(U,) ms; infinite where there is no route."""
    possible: NDArray[np.uint64]
    """(U, W) as in Routes."""
    choices: Int64
    """(U,) how many sites are possible; 0 where there is no route."""
    sites: int
    real_sites: int
    """The first ones of `sites`; the others are virtual and answer nobody."""

    @property
    def has_route(self) -> NDArray[np.bool_]:
        """(U,) is there a route, to a real site or a virtual one?"""
        return self.site >= 0

    @property
    def is_served(self) -> NDArray[np.bool_]:
        """(U,) does the chosen route end at a real site?"""
        return (self.site >= 0) & (self.site < self.real_sites)

    def may_reach(self, site: int) -> NDArray[np.bool_]:
        """(U,) is this one of the possible sites?"""
        bit = np.uint64(1 << (site % 64))
        has: NDArray[np.bool_] = (self.possible[:, site // 64] & bit) != 0
        return has

    def shares(self) -> tuple[Float64, Float64, Float64]:
        """Users of each site (S,): certain, possible, chosen."""
        users = self.clients.users
        chosen = users_by_site(self.site, users, self.sites)
        is_certain = self.choices == 1
        certain = users_by_site(self.site[is_certain], users[is_certain], self.sites)
        # Only the open ones need their bits looked at; a certain pop's one possible site is the chosen one.
        is_open = np.flatnonzero(self.choices > 1)
        bits, open_users = self.possible[is_open], users[is_open]
        possible = certain.copy()
        for site in range(self.sites):
            has = (bits[:, site // 64] & np.uint64(1 << (site % 64))) != 0
            possible[site] += float(open_users[has].sum())
        return certain, possible, chosen


def catchment(routes: Routes, clients: Clients, *, latency: LatencyModel, real_sites: int) -> Catchment:
    """The Catchment of these routes, for the pops that have users."""
    pop = clients.pop
    possible = routes.possible[pop]
    return Catchment(
        clients=clients,
        site=chosen_sites(routes, clients),
        km=routes.km[pop],
        rtt=latency.rtt(routes.km[pop], routes.hops[pop]),
        possible=possible,
        choices=_count_bits(possible),
        sites=routes.seeds.sites,
        real_sites=real_sites,
    )


def chosen_sites(routes: Routes, clients: Clients) -> Int64:
    """(U,) the chosen site of each pop with users, -1 where there is none."""
    site = routes.site[clients.pop].astype(np.int64)
    site[site == NO_SITE] = -1
    return site


def users_by_site(site: Int64, users: Float64, sites: int) -> Float64:
    """(S,) users by their chosen site; those without one (-1) are in none."""
    # Shifted by one so that -1 has a bin of its own, which is then thrown away.
    counts = np.bincount(site + 1, weights=users, minlength=sites + 1).astype(np.float64)
    return counts[1:]


def country_of(topology: Topology, pop: int) -> str:
    """Where the users of a pop are: in its metro's country; without metros, in that of their network."""
    if has_metros(topology):
        return topology.metros.country[int(topology.pop_metro[pop])]
    return str(topology.country[int(topology.pop_network[pop])])


def has_metros(topology: Topology) -> bool:
    """False in the mode in which every network is in one and the same place."""
    return topology.metros.code != ("---",)


def mask_of(sites: list[int], words: int) -> NDArray[np.uint64]:
    """(W,) the bits of these sites."""
    mask = [0] * words
    for site in sites:
        mask[site // 64] |= 1 << (site % 64)
    return np.array(mask, np.uint64)


def _count_bits(words: NDArray[np.uint64]) -> Int64:
    """(U,) set bits over all words of a row; NumPy 1.26 has no bitwise_count."""
    by_byte = _BITS_IN_BYTE[
        np.ascontiguousarray(words).view(np.uint8).reshape(len(words), 8 * words.shape[1])
    ]
    counts: Int64 = by_byte.sum(axis=1, dtype=np.int64)
    return counts


_BITS_IN_BYTE = np.array([value.bit_count() for value in range(256)], np.uint8)
