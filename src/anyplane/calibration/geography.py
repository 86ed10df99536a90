"""Geography: kilometres along the routes that backbones take, and the regions that preferences hold in.

Great circles are wrong between continents: from Frankfurt the polar way to Seattle is shorter than the one to
Phoenix, but the cables land in New York, and from there Phoenix is the nearer. Hot potato follows the cables.
So two metros of one continent are a great circle apart, and two of different continents meet through the
landings of submarine and terrestrial cables below (places from TeleGeography's public submarine cable map).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyplane.topology import Metros

LANDINGS: tuple[tuple[str, str], ...] = (
    ("NYC", "LON"), ("NYC", "PAR"), ("WAS", "LON"), ("MIA", "SAO"), ("MIA", "RIO"), ("MIA", "BOG"),
    ("MIA", "FOR"), ("LIS", "FOR"), ("LAX", "TYO"), ("SEA", "TYO"), ("SFO", "TYO"), ("LAX", "HKG"),
    ("LAX", "SYD"), ("LAX", "AKL"), ("SIN", "TYO"), ("SIN", "HKG"), ("SIN", "SYD"), ("SIN", "PER"),
    ("SIN", "MRS"), ("SIN", "BOM"), ("SIN", "MAA"), ("BOM", "MRS"), ("DXB", "MRS"), ("DXB", "BOM"),
    ("IST", "DXB"), ("FRA", "HKG"), ("MOW", "TYO"), ("LIS", "LOS"), ("LIS", "CPT"), ("LIS", "DKR"),
    ("LON", "JNB"), ("LON", "NBO"), ("MRS", "CAI"), ("MRS", "MBA"), ("DXB", "MBA"), ("JNB", "BOM"),
    ("PAR", "ALG"), ("MAD", "CAS"),
)  # fmt: skip
"""Pairs of metros between which traffic changes continents; pairs that a topology lacks are left out."""

WEST_OF = -100.0
"""Degrees east: North America is two regions, for its two coasts leave by different oceans."""


def backbone_km(metros: Metros) -> NDArray[np.float32]:
    """(M, M) kilometres between metros by way of the landings; the great circle where no landing helps."""
    continent = np.array(metros.continent)
    circle = metros.km.astype(np.float64)
    km = np.where(continent[:, None] == continent[None, :], circle, np.inf)
    index = {code: m for m, code in enumerate(metros.code)}
    known = [(index[a], index[b]) for a, b in LANDINGS if a in index and b in index]
    for a, b in known:
        km[a, b] = km[b, a] = min(km[a, b], circle[a, b])
    # Floyd and Warshall over the landings alone: every way between continents passes through some of them.
    for via in sorted({m for pair in known for m in pair}):
        km = np.minimum(km, km[:, via : via + 1] + km[via : via + 1, :])
    return np.where(np.isfinite(km), km, circle).astype(np.float32)


def regions(metros: Metros) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the regions, and (M,) the region of each metro: the continents, North America twice."""
    of = [
        f"{continent} west" if continent == "NA" and lon < WEST_OF else continent
        for continent, lon in zip(metros.continent, metros.lon, strict=True)
    ]
    names = tuple(sorted(set(of)))
    return names, np.array([names.index(name) for name in of], np.int64)
