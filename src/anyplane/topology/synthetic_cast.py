"""synthetic_cast: the networks of the synthetic Internet before they are linked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.topology.known import Country, KnownNetwork, NetworkKind
from anyplane.topology.synthetic_asn import draw_asns
from anyplane.topology.topology import Metros

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The networks before they are linked; the known ones first, in the order of `known`."""

    asn: Int64
    country: NDArray[np.str_]
    home: Int64
    """(N,) metro"""
    known: tuple[KnownNetwork, ...]
    places: tuple[Int64, ...]
    """the metros of each known network"""

    def is_kind(self, *kinds: NetworkKind) -> Bool:
        """(N,) is it a known network of one of these kinds?"""
        mask = np.zeros(len(self.asn), bool)
        mask[: len(self.known)] = [network.kind in kinds for network in self.known]
        return mask


def draw_cast(
    count: int,
    metros: Metros,
    known: Sequence[KnownNetwork],
    countries: Sequence[Country],
    *,
    rng: np.random.Generator,
) -> Cast:
    """The known networks and as many others as are wanting."""
    index = {code: i for i, code in enumerate(metros.code)}
    known = tuple(known)
    online = {country.code: country.online for country in countries}
    networks_of = {country.code: float(country.networks) for country in countries}
    users = 1 + metros.population * np.array([online.get(code, 0.65) for code in metros.country])
    names, number = np.unique(np.array(metros.country), return_inverse=True)
    there = np.array([networks_of.get(str(name), 1.0) for name in names])
    weight = users / np.bincount(number, weights=users)[number] * there[number]
    others = count - len(known)
    edge = np.cumsum(weight)
    drawn = np.searchsorted(edge, rng.random(others) * edge[-1], side="right")
    home = np.concatenate([[index[n.home] for n in known], np.minimum(drawn, len(edge) - 1)]).astype(np.int64)
    continent = np.array(metros.continent, dtype="U2")[home[len(known) :]]
    taken = np.array([n.asn for n in known], dtype=np.int64)
    return Cast(
        asn=np.concatenate([taken, draw_asns(continent, taken, rng=rng)]),
        country=np.concatenate([[n.country for n in known], names[number[home[len(known) :]]]]).astype("U2"),
        home=home,
        known=known,
        places=tuple(np.array([index[code] for code in n.metros], dtype=np.int64) for n in known),
    )
