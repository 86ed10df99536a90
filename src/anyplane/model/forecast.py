"""Forecast: the probability that each network reaches each site, as predicted before anybody measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SLACK = 1e-4
"""What the probabilities of a network may sum to beyond 1, for they are rounded to float32 and in files."""

_MOST = np.iinfo(np.int16).max


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """F networks, S sites. Made with `of`, which checks what is said here."""

    asn: npt.NDArray[np.uint32]
    """(F,) strictly increasing"""
    users: npt.NDArray[np.float64]
    """(F,) estimated users of the network, 0 or more"""
    country: npt.NDArray[np.str_]
    """(F,) U2: ISO 3166 code of the network's country, or "" """
    sites: tuple[str, ...]
    """names, each once"""
    probability: npt.NDArray[np.float32]
    """(F, S) of each site, 0 to 1; what a row lacks to 1 is the probability of no route"""

    def __len__(self) -> int:
        return len(self.asn)

    @staticmethod
    def of(
        asn: npt.ArrayLike,
        probability: npt.ArrayLike,
        *,
        sites: Sequence[str],
        users: npt.ArrayLike = 0.0,
        country: npt.ArrayLike = "",
    ) -> Forecast:
        """A forecast whose shapes, order and probabilities hold; ValueError says what does not.

        A scalar for users or country holds for every network.
        """
        networks = np.asarray(asn)
        odds = np.asarray(probability, np.float32)
        names = tuple(sites)
        if networks.ndim != 1 or odds.shape != (len(networks), len(names)):
            raise ValueError(
                f"the probabilities have the shape {odds.shape}, wanted networks by sites: "
                f"({networks.size}, {len(names)})"
            )
        if len(set(names)) < len(names) or "" in names or len(names) > _MOST:
            raise ValueError(f"sites need names, each once, at most {_MOST}")
        if len(networks) and not (networks.min() >= 0 and networks.max() <= 0xFFFFFFFF):
            raise ValueError("an asn is not between 0 and 4294967295")
        numbers = networks.astype(np.uint32)
        if (numbers[1:] <= numbers[:-1]).any():
            raise ValueError("the networks do not stand in increasing order of their asn, each once")
        people = np.broadcast_to(np.asarray(users, np.float64), numbers.shape).copy()
        if not (np.isfinite(people) & (people >= 0)).all():
            raise ValueError("users must be 0 or more")
        if not ((odds >= 0) & (odds <= 1 + SLACK)).all():  # NaN fails too
            raise ValueError("a probability is not between 0 and 1")
        sums = odds.sum(axis=1, dtype=np.float64)
        if (sums > 1 + SLACK).any():
            worst = int(np.argmax(sums))
            raise ValueError(f"the probabilities of AS{numbers[worst]} sum to {sums[worst]:.4f}, more than 1")
        places = np.asarray(country, np.str_)
        if places.dtype.itemsize > np.dtype("U2").itemsize:
            raise ValueError("a country is a code of two letters")
        return Forecast(
            asn=numbers,
            users=people,
            country=np.broadcast_to(places.astype("U2"), numbers.shape).copy(),
            sites=names,
            probability=np.minimum(odds, np.float32(1)),
        )

    def likely(self) -> npt.NDArray[np.int16]:
        """(F,) index of the most probable site (of equal ones the first); -1 where none is possible."""
        if not self.sites:
            return np.full(len(self), -1, np.int16)
        first = self.probability.argmax(axis=1).astype(np.int16)
        return np.where(self.certainty() > 0, first, np.int16(-1)).astype(np.int16)

    def certainty(self) -> npt.NDArray[np.float32]:
        """(F,) the probability of the most probable site; 0 where none is possible."""
        return np.asarray(self.probability.max(axis=1, initial=0.0), np.float32)
