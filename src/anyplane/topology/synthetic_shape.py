"""synthetic_shape: the figures that shape the synthetic Internet, measured on CAIDA's graph of 2025-09.

Curves are written as (rank, value) pairs of the real graph of REAL_NETWORKS networks, straight between the
points when both axes are logarithmic. `at_rank` reads a curve for a graph of another size: the share of
networks that have so many customers or peers stays the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyplane.topology.known import NetworkKind

REAL_NETWORKS = 78_643

TRANSIT_SHARE = 0.20
"""Networks that offer transit; a fifth of them find no customer."""
PEERING_SHARE = 0.207
"""Networks with at least one peer."""
TRANSIT_LINKS = 2.1
"""Customer-provider links for each network."""
PEER_LINKS = 5.21
"""Peer links for each network."""

CUSTOMERS = (
    (1, 6686), (4, 2400), (11, 1169), (21, 686), (51, 320), (101, 193), (201, 121), (501, 51), (1001, 24),
    (2001, 10), (4001, 4), (8001, 1.3), (12400, 1), (15800, 0.7),
)  # fmt: skip
PEERS = (
    (1, 9704), (4, 5969), (11, 3972), (21, 2833), (51, 1840), (101, 1174), (201, 552), (501, 382),
    (1001, 145), (2001, 71), (4001, 24), (8001, 9), (12001, 2.3), (16262, 1),
)  # fmt: skip

CLIQUE_SHARE = 0.14
"""Share of all customer-provider links that end at the clique (real: 0.18), at every size of the graph.

A little less than real, since the synthetic hierarchy below the clique is not quite as deep as the real one.
"""

STUB_PROVIDERS = (0.48, 0.365, 0.10, 0.032, 0.012, 0.006, 0.005)
"""Share of stubs with 1, 2, 3, ... providers."""
TRANSIT_PROVIDERS = ((1, 2.4), (3, 2.95), (10, 3.9), (45, 4.6), (300, 6.6), (6700, 6.6))
"""(customers, mean providers) of networks that sell transit."""
CONTENT_PROVIDERS = 14.0
"""Mean providers of the well-known content networks."""

SIZE_OF_KIND = {
    NetworkKind.TIER1: 1e7,
    NetworkKind.TRANSIT: 25.0,
    NetworkKind.REGIONAL: 25.0,
    NetworkKind.RESEARCH: 15.0,
    NetworkKind.EYEBALL: 5.0,
    NetworkKind.CONTENT: 0.3,
}
"""How readily a known network sells transit, for each of its metros; an unknown network counts about 1."""

PEERS_OF_KIND = {
    NetworkKind.TIER1: 0.0,
    NetworkKind.TRANSIT: 80.0,
    NetworkKind.REGIONAL: 100.0,
    NetworkKind.RESEARCH: 60.0,
    NetworkKind.EYEBALL: 35.0,
    NetworkKind.CONTENT: 350.0,
}
"""Typical peers of a known network that peers selectively."""

ROV_OF_KIND = {
    NetworkKind.TIER1: 0.9,
    NetworkKind.TRANSIT: 0.65,
    NetworkKind.REGIONAL: 0.5,
    NetworkKind.RESEARCH: 0.6,
    NetworkKind.EYEBALL: 0.4,
    NetworkKind.CONTENT: 0.7,
}
ROV_TRANSIT, ROV_STUB = 0.25, 0.12
"""Share of networks that drop RPKI-invalid routes: estimates after public measurements (RoVista, APNIC)."""

ASN_BLOCKS = {"AS": 131_072, "OC": 131_072, "EU": 196_608, "SA": 262_144, "AF": 327_680, "NA": 393_216}
"""First 32-bit ASN of the registry of each continent (IANA); each block has 65,536 numbers."""
LAST_16_BIT = 64_495
AS_TRANS = 23_456
SHARE_16_BIT = 0.5


def at_rank(curve: tuple[tuple[float, float], ...], ranks: int, networks: int) -> NDArray[np.float64]:
    """The curve's value at ranks 0 to ranks - 1 of a graph of `networks` networks."""
    scale = REAL_NETWORKS / networks
    rank = (np.arange(ranks) + 0.5) * scale + 0.5
    x, y = np.array(curve, dtype=np.float64).T
    return np.asarray(
        np.exp(np.interp(np.log(np.maximum(rank, 1.0)), np.log(x), np.log(y))), dtype=np.float64
    )
