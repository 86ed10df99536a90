"""What is scored: the observations that count, as one distribution over sites for each network.

Answers of one network, method and announcement set are shares that sum to 1; where several methods or sets
are taken together, each that saw the network has an equal say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from anyplane.model.errors import UsageError
from anyplane.model.observations import Method, Observations
from anyplane.planning.rounding import fraction
from anyplane.planning.score_report import Agreement

Floats = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """N networks and, for each, the share of its answers from each site."""

    asn: npt.NDArray[np.uint32]
    """(N,) increasing"""
    share: Floats
    """(N, S) of `Observations.sites`; every row sums to 1"""


def truth(observations: Observations, *, methods: Sequence[Method], policies: Sequence[int]) -> Truth:
    """What these methods saw while these announcement sets (indices) were announced."""
    asns = np.unique(observations.asn[_known(observations)])
    total = np.zeros((len(asns), len(observations.sites)))
    seen = np.zeros(len(asns))
    for _, _, rows in _groups(observations, methods=methods, policies=policies):
        networks, share = _shares(observations, rows)
        at = np.searchsorted(asns, networks)
        total[at] += share
        seen[at] += 1
    return Truth(asn=asns[seen > 0], share=total[seen > 0] / seen[seen > 0, None])


def methods_of(observations: Observations, *, policies: Sequence[int]) -> tuple[Method, ...]:
    """The methods that know sites of these announcement sets."""
    found = {method for _, method, _ in _groups(observations, methods=tuple(Method), policies=policies)}
    return tuple(method for method in Method if method in found)


def chosen_policies(observations: Observations, sites: Sequence[str], *, policy: str | None) -> list[int]:
    """The announcement sets to score: the one named by (the beginning of) its policy hash.

    Without a name: the sets of exactly these sites; if there are none, those of two or more sites; else all.
    UsageError where the name fits none or several.
    """
    used = sorted(set(np.unique(observations.policy[_known(observations)]).tolist()))
    if policy is not None:
        found = [
            index for index in used if policy and observations.announced[index].policy().startswith(policy)
        ]
        if len(found) != 1:
            known = "; ".join(
                f"{one.policy()}: {one}" for one in (observations.announced[index] for index in used)
            )
            what = f"{len(found)} announcement sets" if found else "no announcement set"
            raise UsageError(
                f"{what} in the observations with a policy that begins with {policy!r}",
                hint=f"there are {known}",
            )
        return found
    names = set(sites)
    same = [index for index in used if set(observations.announced[index].sites) == names]
    several = [index for index in used if len(observations.announced[index].sites) > 1]
    return same or several or used


def agreements(
    observations: Observations, *, methods: Sequence[Method], policies: Sequence[int]
) -> tuple[Agreement, ...]:
    """For these announcement sets, each pair of methods of which one is in `methods`.

    agreement: the mean, over networks that both saw, of the sum over sites of the smaller of the two shares.
    """
    found = []
    for policy in policies:
        seen = {
            method: _shares(observations, rows)
            for _, method, rows in _groups(observations, methods=tuple(Method), policies=[policy])
        }
        for one, other in combinations(seen, 2):
            (first, mine), (second, theirs) = seen[one], seen[other]
            common, left, right = np.intersect1d(first, second, return_indices=True)
            if len(common) and not {one, other}.isdisjoint(methods):
                found.append(
                    Agreement(
                        announced=str(observations.announced[policy]),
                        one=one.value,
                        other=other.value,
                        networks=len(common),
                        agreement=fraction(np.minimum(mine[left], theirs[right]).sum(axis=1).mean()),
                    )
                )
    return tuple(found)


def _known(observations: Observations) -> npt.NDArray[np.bool_]:
    return np.asarray((observations.site >= 0) & (observations.weight > 0))


def _groups(
    observations: Observations, *, methods: Sequence[Method], policies: Sequence[int]
) -> Iterator[tuple[int, Method, _Rows]]:
    """(announcement set, method, rows that name a site) wherever there are such rows."""
    known = _known(observations)
    for policy in policies:
        for method in methods:
            number = tuple(Method).index(method)
            rows = np.flatnonzero(known & (observations.policy == policy) & (observations.method == number))
            if len(rows):
                yield policy, method, rows


def _shares(observations: Observations, rows: _Rows) -> tuple[npt.NDArray[np.uint32], Floats]:
    """(N,) networks in order, and (N, S) the share of each site in what was seen of each."""
    networks, place = np.unique(observations.asn[rows], return_inverse=True)
    table = np.zeros((len(networks), len(observations.sites)))
    weight = observations.weight[rows].astype(np.float64)
    np.add.at(table, (place.reshape(-1), observations.site[rows]), weight)
    return networks, table / table.sum(axis=1, keepdims=True)
