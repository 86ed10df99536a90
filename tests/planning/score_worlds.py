"""Forecasts and observations for the tests of `score`, written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anyplane.model.forecast import Forecast
from anyplane.model.observations import Announced, Method, Observations

BOTH = Announced(sites=("ams", "fra"))


def forecast(
    odds: dict[int, Sequence[float]],
    *,
    sites: Sequence[str] = ("fra", "ams"),
    users: dict[int, float] | None = None,
    country: dict[int, str] | None = None,
) -> Forecast:
    """odds: of each network, in the order of the sites."""
    asns = sorted(odds)
    return Forecast.of(
        asns,
        np.array([odds[asn] for asn in asns], float).reshape(len(asns), len(sites)),
        sites=sites,
        users=[(users or {}).get(asn, 0.0) for asn in asns],
        country=[(country or {}).get(asn, "") for asn in asns],
    )


def observed(
    rows: Sequence[tuple[int, str, float]],
    *,
    method: Method = Method.PING,
    announced: Announced = BOTH,
    source: str = "seen.csv",
) -> Observations:
    """rows: network, site ("" = unknown), weight."""
    names = sorted({site for _, site, _ in rows if site})
    return Observations.of(
        [asn for asn, _, _ in rows],
        [names.index(site) if site else -1 for _, site, _ in rows],
        sites=names,
        method=method,
        announced=announced,
        source=source,
        weight=[weight for *_, weight in rows],
    )


def dozen() -> tuple[Forecast, Observations]:
    """Twelve networks with users in two countries: nine right, one split, one without a route, one wrong."""
    odds: dict[int, Sequence[float]] = dict.fromkeys(range(1, 8), (0.95, 0.05))
    odds |= {8: (0.3, 0.7), 9: (0.45, 0.55), 10: (0.62, 0.38), 11: (0.0, 0.0), 12: (0.85, 0.15), 99: (1, 0)}
    users = {asn: 1000.0 * asn for asn in odds}
    where = {asn: "DE" if asn % 2 else "NL" for asn in odds}
    rows = [(asn, "fra", 1.0) for asn in range(1, 8)]
    rows += [(8, "ams", 1.0), (9, "ams", 1.0), (10, "fra", 0.5), (10, "ams", 0.5), (11, "ams", 1.0)]
    rows += [(12, "ams", 1.0), (13, "fra", 1.0)]
    paths = [(1, "fra", 1.0), (2, "ams", 1.0), (8, "ams", 1.0), (14, "", 1.0)]
    seen = Observations.merge(observed(rows), observed(paths, method=Method.PATHS, source="paths.csv"))
    return forecast(odds, users=users, country=where), seen
