"""synthetic_peering: who joins which exchange, and who peers with whom there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

REACH_KM = 700.0
"""An exchange's pull falls to 1/e over this distance."""
FAR_PULL = 0.01
"""What is left of it anywhere: the largest exchanges have members from all over the world."""
ROUNDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Pairs (network, exchange), sorted by exchange, then network; without duplicates."""

    network: Int64
    ixp: Int64

    @staticmethod
    def of(network: Int64, ixp: Int64) -> Membership:
        """Pairs in any order, twice or once."""
        width = int(network.max(initial=0)) + 1
        key = np.unique(ixp * width + network)
        return Membership(network=key % width, ixp=key // width)


def join(
    peers: Float64,
    home: Int64,
    fixed: tuple[Int64, Int64],
    *,
    pull: Float64,
    ixp_metro: Int64,
    km: NDArray[np.float32],
    rng: np.random.Generator,
) -> Membership:
    """The exchanges that networks join: near and large ones first, more of them the more peers they want.

    peers: (N,) wanted, 0 for networks that stay away. fixed: further pairs (network, exchange).
    """
    joins = np.flatnonzero(peers > 0)
    want = peers[joins]
    times = np.clip(np.round(1 + (want / 40) ** 0.75), 1, 2 * len(pull)).astype(np.int64)
    weight = pull[None, :] * (np.exp(-km[:, ixp_metro] / REACH_KM) + FAR_PULL)
    edge = np.cumsum(weight, axis=1)
    edge = edge / edge[:, -1:] + np.arange(len(edge))[:, None]
    network = np.repeat(joins, times)
    at = np.searchsorted(edge.ravel(), home[network] + rng.random(len(network)), side="right")
    ixp = np.minimum(at - home[network] * len(pull), len(pull) - 1)
    return Membership.of(np.concatenate([network, fixed[0]]), np.concatenate([ixp, fixed[1]]))


def peer(
    members: Membership, peers: Float64, links: int, taken: Int64, *, rng: np.random.Generator
) -> tuple[Int64, Int64]:
    """Up to `links` pairs of members of one exchange, each network in about as many as `peers` wants.

    Pairs are drawn as Chung and Lu do. taken: sorted keys low * N + high of pairs that are linked already.
    Returns two arrays, lower index first.
    """
    count = len(peers)
    own = np.argsort(members.network, kind="stable")
    own_start = np.searchsorted(members.network[own], np.arange(count + 1))
    joined = np.diff(own_start)
    wanting = np.flatnonzero((joined > 0) & (peers > 0))
    if not len(wanting):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    running = np.cumsum(peers[members.network])
    start = np.searchsorted(members.ixp, np.arange(int(members.ixp.max()) + 2))
    before = np.concatenate([[0.0], running])[start]

    found = np.empty(0, np.int64)
    degree = np.zeros(count, np.int64)
    for _ in range(ROUNDS):
        lacks = links - len(found)
        if lacks <= 0:
            break
        # What is still wanted decides who draws next: the tail fills up instead of drawing duplicates.
        open_wish = np.maximum(peers[wanting] - degree[wanting], 0.02 * peers[wanting])
        total = np.cumsum(open_wish)
        draws = int(lacks * 1.3) + 16
        left = wanting[np.minimum(np.searchsorted(total, rng.random(draws) * total[-1]), len(wanting) - 1)]
        where = own[own_start[left] + (rng.random(draws) * joined[left]).astype(np.int64)]
        ixp = members.ixp[where]
        spot = before[ixp] + rng.random(draws) * (before[ixp + 1] - before[ixp])
        right = members.network[np.minimum(np.searchsorted(running, spot, side="right"), len(running) - 1)]
        low, high = np.minimum(left, right), np.maximum(left, right)
        fresh = _absent(_absent(_distinct((low * count + high)[low != high]), taken), found)
        if len(fresh) > lacks:
            fresh = fresh[np.sort(rng.permutation(len(fresh))[:lacks])]
        found = np.sort(np.concatenate([found, fresh]), kind="stable")
        degree = np.bincount(found // count, minlength=count) + np.bincount(found % count, minlength=count)
    return found // count, found % count


def _distinct(keys: Int64) -> Int64:
    """The keys sorted, each once (np.unique hashes such keys, which is ten times slower)."""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _absent(keys: Int64, from_sorted: Int64) -> Int64:
    """Those of `keys` that the sorted array lacks."""
    if not len(from_sorted):
        return keys
    at = np.minimum(np.searchsorted(from_sorted, keys), len(from_sorted) - 1)
    return np.asarray(keys[from_sorted[at] != keys], dtype=np.int64)
