"""counts and agreements: what is in a table of observations, and where two methods saw the same network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from anyplane.model.observations import Announced, Method, Observations


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Rows of one announcement set, method and site; site "" = unknown."""

    announced: Announced
    method: Method
    site: str
    networks: int
    rows: int
    weight: float
    share: float
    """Of the weight of this set and method whose site is known; NaN for the unknown"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two methods while the same was announced: networks that both saw, and how far they say the same.

    agreement: mean over these networks of the sum over sites of the smaller of the two shares: 1 where both
    saw the same one site, 0 where they saw different ones. NaN where no network is common.
    """

    announced: Announced
    one: Method
    other: Method
    networks: int
    agreement: float


def counts(observations: Observations) -> tuple[Count, ...]:
    """One for each announcement set, method and site that occurs, in this order."""
    found = []
    for announced, method, rows in _groups(observations):
        sites, weight = observations.site[rows], observations.weight[rows].astype(np.float64)
        known = weight[sites >= 0].sum()
        for site in sorted(np.unique(sites).tolist(), key=lambda index: (index < 0, index)):
            mine = sites == site
            found.append(
                Count(
                    announced=announced,
                    method=method,
                    site=observations.sites[site] if site >= 0 else "",
                    networks=len(np.unique(observations.asn[rows][mine])),
                    rows=int(mine.sum()),
                    weight=float(weight[mine].sum()),
                    share=float(weight[mine].sum() / known) if site >= 0 and known else float("nan"),
                )
            )
    return tuple(found)


def agreements(observations: Observations) -> tuple[Agreement, ...]:
    """One for each announcement set and pair of methods that both know sites of it."""
    found = []
    by_set: dict[Announced, dict[Method, npt.NDArray[np.int64]]] = {}
    for announced, method, rows in _groups(observations):
        known = rows[observations.site[rows] >= 0]
        if len(known):
            by_set.setdefault(announced, {})[method] = known
    for announced, methods in by_set.items():
        if len(announced.sites) < 2:
            continue  # with one site there is nothing to disagree about
        shares = {method: _shares(observations, rows) for method, rows in methods.items()}
        for one, other in combinations(shares, 2):
            (first, mine), (second, theirs) = shares[one], shares[other]
            common, left, right = np.intersect1d(first, second, return_indices=True)
            same = np.minimum(mine[left], theirs[right]).sum(axis=1)
            found.append(
                Agreement(
                    announced=announced,
                    one=one,
                    other=other,
                    networks=len(common),
                    agreement=float(same.mean()) if len(common) else float("nan"),
                )
            )
    return tuple(found)


def _groups(observations: Observations) -> Iterator[tuple[Announced, Method, npt.NDArray[np.int64]]]:
    for index, announced in enumerate(observations.announced):
        for number, method in enumerate(Method):
            rows = np.flatnonzero((observations.policy == index) & (observations.method == number))
            if len(rows):
                yield announced, method, rows


def _shares(
    observations: Observations, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float64]]:
    """(N,) networks in order, and (N, S) the share of each site in what was seen of each."""
    networks, place = np.unique(observations.asn[rows], return_inverse=True)
    table = np.zeros((len(networks), len(observations.sites)))
    np.add.at(table, (place.reshape(-1), observations.site[rows]), observations.weight[rows])
    return networks, table / table.sum(axis=1, keepdims=True)
