"""synthetic_transit: who sells transit, how much of it, and who buys it from whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.topology import synthetic_shape as shape
from anyplane.topology.known import NetworkKind
from anyplane.topology.synthetic_cast import Cast
from anyplane.topology.topology import Metros

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

CARRIER_METROS = 12
"""A network present in so many metros sells transit outside its country too."""
ABROAD = 0.1
"""Share of transit that is bought from carriers even where home could sell it all."""
HABIT = 0.85
"""How much of the choice between home and abroad is the same for all of a network's providers."""
SIZE_SPREAD, STANDING_SPREAD = 2.0, 1.5
REDRAWS = 8


def draw_sizes(cast: Cast, *, rng: np.random.Generator) -> tuple[Float64, Int64]:
    """Customers that each network should have, and its standing (0 the highest); providers stand higher."""
    count = len(cast.asn)
    score = rng.lognormal(0.0, SIZE_SPREAD, count)
    for i, network in enumerate(cast.known):
        noise = 1.0 if network.kind is NetworkKind.TIER1 else score[i] ** 0.25
        score[i] = shape.SIZE_OF_KIND[network.kind] * len(network.metros) ** 1.5 * noise
    # What they are known for is not selling transit, however many metros they are in.
    score[cast.is_kind(NetworkKind.CONTENT, NetworkKind.RESEARCH)] = 0.0
    order = np.argsort(-score, kind="stable")
    sellers = round(shape.TRANSIT_SHARE * count)
    customers = np.zeros(count)
    curve = shape.at_rank(shape.CUSTOMERS, sellers, count)
    curve = np.minimum(curve, 0.09 * count)
    customers[order[:sellers]] = curve * (shape.TRANSIT_LINKS * count / curve.sum())
    clique = cast.is_kind(NetworkKind.TIER1)
    most = shape.CLIQUE_SHARE * shape.TRANSIT_LINKS * count
    customers[clique] *= min(1.0, most / max(float(customers[clique].sum()), 1.0))
    rank = np.log(np.maximum(customers, 0.1)) + rng.normal(0.0, STANDING_SPREAD, count)
    rank[clique] += 1e6
    standing = np.empty(count, np.int64)
    standing[np.argsort(-rank, kind="stable")] = np.arange(count)
    return customers, standing


def buy_transit(
    cast: Cast, customers: Float64, standing: Int64, metros: Metros, *, rng: np.random.Generator
) -> tuple[Int64, Int64]:
    """Customer-provider links: (provider, customer), distinct, providers of a higher standing."""
    count = len(cast.asn)
    buyer = np.repeat(np.arange(count), _providers_wanted(cast, customers, rng))
    market = _Market.of(cast, customers, np.bincount(buyer, minlength=count), metros, rng)
    provider = np.full(len(buyer), -1, np.int64)
    for attempt in range(REDRAWS):
        lacks = np.flatnonzero(provider < 0)
        if not len(lacks):
            break
        # A well-known network buys from carriers, as everybody does who has not found a seller at home.
        only_carriers = (attempt >= REDRAWS // 2) | (buyer[lacks] < len(cast.known))
        provider[lacks] = market.draw(buyer[lacks], only_carriers=only_carriers, rng=rng)
        wrong = (provider >= 0) & (standing[provider] >= standing[buyer])
        key = np.where(provider >= 0, provider * count + buyer, -1)
        order = np.argsort(key, kind="stable")
        twice = np.zeros(len(key), bool)
        twice[order[1:]] = key[order[1:]] == key[order[:-1]]
        provider[wrong | twice] = -1
    done = provider >= 0
    # Whoever found nobody buys from one of the clique.
    clique = np.flatnonzero(cast.is_kind(NetworkKind.TIER1))
    bought = np.bincount(buyer[done], minlength=count) > 0
    orphans = np.setdiff1d(np.unique(buyer), np.flatnonzero(bought))
    saviour = rng.choice(clique, len(orphans)) if len(clique) else np.empty(0, np.int64)
    return (
        np.concatenate([provider[done], saviour]).astype(np.int64),
        np.concatenate([buyer[done], orphans[: len(saviour)]]).astype(np.int64),
    )


def _providers_wanted(cast: Cast, customers: Float64, rng: np.random.Generator) -> Int64:
    count = len(cast.asn)
    edges = np.cumsum(shape.STUB_PROVIDERS) / sum(shape.STUB_PROVIDERS)
    wanted = 1 + np.minimum(np.searchsorted(edges, rng.random(count)), len(edges) - 1)
    sells = customers > 0
    x, y = np.log(np.array(shape.TRANSIT_PROVIDERS)).T
    mean = np.exp(np.interp(np.log(np.maximum(customers, 1.0)), x, y))
    mean = np.where(cast.is_kind(NetworkKind.CONTENT), shape.CONTENT_PROVIDERS, mean)
    busy = sells | cast.is_kind(NetworkKind.CONTENT)
    wanted[busy] = 1 + rng.poisson(mean[busy] - 1)
    wanted[cast.is_kind(NetworkKind.TIER1)] = 0
    return wanted.astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Market:
    """Who sells transit where: by country, and the carriers that sell abroad as well, by metro."""

    country: Int64
    """(N,) number of the country"""
    at_home: Float64
    """(C,) share of what a country buys that it buys from its own"""
    sellers: Int64
    """networks that sell at home only, sorted by country"""
    seller_edge: Float64
    carriers: Int64
    habit: Float64
    """(N,) in [0, 1): the lower, the more of its providers a network chooses at home"""
    carrier_edge: Float64
    """(M, carriers) running share for a buyer in that metro, plus the metro's index"""
    home: Int64

    @staticmethod
    def of(
        cast: Cast, customers: Float64, bought: Int64, metros: Metros, rng: np.random.Generator
    ) -> _Market:
        names, country = np.unique(cast.country, return_inverse=True)
        country = country.astype(np.int64)
        wide = np.zeros(len(cast.asn), bool)
        wide[: len(cast.known)] = [len(p) >= CARRIER_METROS for p in cast.places]
        carriers = np.flatnonzero(wide & (customers > 0))
        local = np.flatnonzero(~wide & (customers > 0))
        sellers = local[np.argsort(country[local], kind="stable")]
        offer = np.bincount(country[sellers], weights=customers[sellers], minlength=len(names))
        demand = np.bincount(country, weights=bought, minlength=len(names))
        running = np.cumsum(customers[sellers] / offer[country[sellers]])
        whole = np.concatenate([[0], np.cumsum(offer > 0)])[:-1]
        pull = np.zeros((len(metros.code), len(carriers)))
        continent = np.array(metros.continent)
        for column, i in enumerate(carriers):
            places = cast.places[i]
            same = np.isin(continent, continent[places])
            near = np.exp(-metros.km[:, places].min(axis=1) / 500.0)
            pull[:, column] = customers[i] * (0.02 + 0.2 * same + near)
        edge = np.cumsum(pull, axis=1)
        edge = edge / np.maximum(edge[:, -1:], 1e-12) + np.arange(len(edge))[:, None]
        return _Market(
            country=country,
            at_home=np.minimum(1 - ABROAD, offer / np.maximum(demand, 1)),
            sellers=sellers,
            seller_edge=running - whole[country[sellers]] + country[sellers],
            carriers=carriers,
            habit=rng.random(len(cast.asn)),
            carrier_edge=edge.ravel(),
            home=cast.home,
        )

    def draw(self, buyer: Int64, *, only_carriers: NDArray[np.bool_], rng: np.random.Generator) -> Int64:
        """A provider for each buyer, not yet checked for standing or doubles."""
        # Who buys from one global carrier tends to buy from a second one too.
        where = np.where(rng.random(len(buyer)) < HABIT, self.habit[buyer], rng.random(len(buyer)))
        chance = np.minimum(rng.random(len(buyer)), 1 - 1e-9)
        country, metro = self.country[buyer], self.home[buyer]
        at = np.searchsorted(self.seller_edge, country + chance, side="right")
        domestic = self.sellers[np.minimum(at, len(self.sellers) - 1)]
        width = len(self.carriers)
        at = np.searchsorted(self.carrier_edge, metro + chance, side="right") - metro * width
        abroad = self.carriers[np.clip(at, 0, width - 1)]
        stays = (where < self.at_home[country]) & (self.country[domestic] == country)
        return np.where(stays & ~only_carriers, domestic, abroad)
