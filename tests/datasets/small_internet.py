"""A world of three metros and five networks, and random graphs over it, for tests of files."""

from __future__ import annotations

import numpy as np

from anyplane.topology import Metros, Topology, build

METROS = Metros(
    code=("FRA", "NYC", "SIN"),
    name=("Frankfurt", "New York", "Singapore"),
    country=("DE", "US", "SG"),
    continent=("EU", "NA", "AS"),
    lat=np.array([50.11, 40.71, 1.35]),
    lon=np.array([8.68, -74.0, 103.82]),
    population=np.array([5e6, 2e7, 6e6]),
    km=np.array([[0, 6200, 10260], [6200, 0, 15340], [10260, 15340, 0]], np.float32),
)


def small_internet(*, names: tuple[str, ...] = ("Ä", "", "ccc", "日本", "e")) -> Topology:
    """Two transit networks, three below them, one exchange."""
    return build(
        asn=[10, 20, 100, 200, 4_200_000_000],
        providers_customers=[[10, 100], [20, 100], [10, 200], [20, 4_200_000_000]],
        peers=[[10, 20], [100, 200]],
        presence=([10, 10, 20, 20, 20, 100, 200, 4_200_000_000], [0, 1, 0, 1, 2, 0, 0, 2]),
        users=[0, 0, 0, 0, 0, 5e6, 2.5e6, 1e5],
        metros=METROS,
        country=["DE", "US", "", "DE", "SG"],
        rov=[True, False, False, False, True],
        ixps=(("DE-CIX", 6695, 0, (100, 200)), ("Empty IX", 0, 2, ())),
        names=names,
        origin="made up",
    )


def assert_same(left: Topology, right: Topology) -> None:
    """All arrays, their types, the strings and the metros are equal."""
    ours, theirs = left.arrays(), right.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        assert np.array_equal(array, theirs[name]), name
    assert tuple(left.name) == tuple(right.name)
    assert (left.ixp_name, left.origin) == (right.ixp_name, right.origin)
    for name in ("code", "name", "country", "continent"):
        assert getattr(left.metros, name) == getattr(right.metros, name)
    for name in ("lat", "lon", "population", "km"):
        assert np.array_equal(getattr(left.metros, name), getattr(right.metros, name))
