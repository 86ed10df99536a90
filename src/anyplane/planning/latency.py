"""latency: kilometres and networks crossed to milliseconds; every constant has a name and a reason.

rtt = 2 x km x inflation / (c / refractive index) + hops x hop_ms + last_mile_ms

`km` is the path's own length, metro to metro along great circles, so detours through far exchange points are
in it already; `inflation` is only what cable ducts add to the great circle between two metros.
docs/explanation/latency.md gives the literature and what the model cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.topology import Metros

Float64 = NDArray[np.float64]

LIGHT_KM_PER_MS = 299.792458
REFRACTIVE_INDEX = 1.468
"""Of the core of single-mode silica fibre at 1550 nm (ITU-T G.652 cables: 1.467 to 1.469)."""
FIBRE_KM_PER_MS = 204.19
"""LIGHT_KM_PER_MS / REFRACTIVE_INDEX, to the two digits that the index carries."""
INFLATION = 1.5
"""Fibre over great circle: 1.5 to 2 (Singla et al. 2014, Bozkurt et al. 2017); the lower end, see docs."""
HOP_MS = 0.3
"""Round trip through one network's routers and exchange fabric: a few forwarding steps and short queues."""
LAST_MILE_MS = 6.0
"""Round trip from a user to the router in the metro: more than fibre (2), less than DSL (10 to 20)."""
EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """The constants, each of which may be replaced by what somebody has measured."""

    inflation: float = INFLATION
    hop_ms: float = HOP_MS
    last_mile_ms: float = LAST_MILE_MS

    def rtt(self, km: NDArray[np.float32] | Float64, hops: NDArray[np.uint16] | int) -> Float64:
        """Round trip in ms, rounded to a hundredth; infinite where km is."""
        light = 2.0 * self.inflation / FIBRE_KM_PER_MS
        milliseconds = np.asarray(km, np.float64) * light + np.asarray(hops, np.float64) * self.hop_ms
        rounded: Float64 = np.round(milliseconds + self.last_mile_ms, 2)
        return rounded


def great_circle_km(lat: Float64 | float, lon: Float64 | float, lat2: float, lon2: float) -> Float64:
    """Kilometres between points in degrees, by the haversine formula, on a sphere."""
    phi, phi2 = np.radians(lat), np.radians(lat2)
    half = (
        np.sin((phi2 - phi) / 2) ** 2
        + np.cos(phi) * np.cos(phi2) * np.sin((np.radians(lon2) - np.radians(lon)) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))), np.float64)


def km_to(metros: Metros, code: str, lat: float, lon: float) -> Float64:
    """(M,) kilometres from each metro to a site: 0 in the metro of that code, else to the point itself.

    Without metros (one metro, "---") every distance is 0.
    """
    if metros.code == ("---",):
        return np.zeros(1)
    km = great_circle_km(metros.lat, metros.lon, lat, lon)
    if code in metros.code:
        km[metros.code.index(code)] = 0.0
    return km
