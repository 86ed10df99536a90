"""world: the committed tables of metros, countries, networks and exchanges as values; see data-sources.md."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import Asn, Place
from anyplane.topology import Metros
from anyplane.topology.known import Country, KnownIxp, KnownNetwork, NetworkKind, Peering

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""


@cache
def metros() -> Metros:
    """The world's metros, sorted by code, with the great-circle kilometres between any two."""
    rows = _read("metros.csv")
    lat = np.array([float(row["lat"]) for row in rows])
    lon = np.array([float(row["lon"]) for row in rows])
    return Metros(
        code=tuple(row["code"] for row in rows),
        name=tuple(row["name"] for row in rows),
        country=tuple(row["country"] for row in rows),
        continent=tuple(row["continent"] for row in rows),
        lat=lat,
        lon=lon,
        population=np.array([float(row["population"]) for row in rows]),
        km=_all_distances(lat, lon),
    )


@cache
def countries() -> tuple[Country, ...]:
    """Every country with inhabitants, sorted by code."""
    return tuple(
        Country(
            code=row["code"],
            name=row["name"],
            continent=row["continent"],
            population=float(row["population"]),
            online=float(row["online"]),
            networks=int(row["networks"]),
            groups=frozenset(row["groups"].split()),
            metro=row["metro"],
        )
        for row in _read("countries.csv")
    )


@cache
def known_networks() -> tuple[KnownNetwork, ...]:
    """The well-known networks, sorted by ASN."""
    return tuple(
        KnownNetwork(
            asn=Asn(int(row["asn"])),
            name=row["name"],
            kind=NetworkKind(row["kind"]),
            peering=Peering(row["peering"]),
            country=row["country"],
            home=row["home"],
            metros=tuple(sorted({row["home"], *row["metros"].split()})),
            users=float(row["users_m"] or 0) * 1e6,
        )
        for row in _read("networks.csv")
    )


@cache
def known_ixps() -> tuple[KnownIxp, ...]:
    """The large Internet exchanges, in the order of the table."""
    return tuple(
        KnownIxp(name=row["name"], metro=row["metro"], asn=Asn(int(row["asn"])), members=int(row["members"]))
        for row in _read("ixps.csv")
    )


@cache
def aliases() -> dict[str, str]:
    """Codes of airports that people write, and the code of the metro that is meant (LHR -> LON)."""
    return {row["alias"]: row["metro"] for row in _read("aliases.csv")}


def nearest_metro(metros: Metros, place: Place) -> int:
    """The index of the metro nearest to a place, as the crow flies."""
    return int(np.argmin(distances(metros, place)))


def distances(metros: Metros, place: Place) -> NDArray[np.float64]:
    """(M,) kilometres from a place to every metro."""
    here = np.array([place.lat]), np.array([place.lon])
    return _haversine(here[0], here[1], metros.lat, metros.lon)


def _all_distances(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float32]:
    km = _haversine(lat[:, None], lon[:, None], lat[None, :], lon[None, :]).astype(np.float32)
    # Rounding may differ between (i, j) and (j, i); the matrix must be symmetric to the bit.
    km = np.maximum(km, km.T)
    np.fill_diagonal(km, 0.0)
    return km


def _haversine(
    lat1: NDArray[np.float64], lon1: NDArray[np.float64], lat2: NDArray[np.float64], lon2: NDArray[np.float64]
) -> NDArray[np.float64]:
    y1, x1, y2, x2 = np.radians(lat1), np.radians(lon1), np.radians(lat2), np.radians(lon2)
    half = np.sin((y2 - y1) / 2) ** 2 + np.cos(y1) * np.cos(y2) * np.sin((x2 - x1) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))), dtype=np.float64)


def _read(name: str) -> list[dict[str, str]]:
    text = files("anyplane.datasets").joinpath("tables", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
