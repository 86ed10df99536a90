"""The figures of the terminal with no-break spaces, so that a number is never parted from its unit."""

from __future__ import annotations

from anyplane.planning import figures
from anyplane.planning.report import Audience

NBSP = "\u00a0"
NONE = figures.percent(None)

OBJECTIVES = {
    "p50_rtt": "RTT of the median user",
    "p90_rtt": "RTT, 90th percentile",
    "p95_rtt": "RTT, 95th percentile",
    "p99_rtt": "RTT, 99th percentile",
    "largest_share": "Largest share on one site",
    "smallest_share": "Smallest share of a site",
    "worst_failure_load": "Fullest site after any single failure",
    "worst_failure_p95_rtt": "RTT after any single failure, 95th percentile",
}


def users(value: float) -> str:
    """4.87 bn, 312 M, 45.0 k, 812."""
    return _joined(figures.count(value))


def percent(share: float | None) -> str:
    """A share of users: 61.4 %."""
    return _joined(figures.percent(share))


def whole(share: float | None) -> str:
    """A utilisation, or a share of those who move: 61 %."""
    return _joined(figures.whole(share))


def ms(value: float | None) -> str:
    """38.0 ms, 154 ms."""
    return NONE if value is None else f"{figures.ms(value)}{NBSP}ms"


def load(value: float | None, unit: str) -> str:
    """1.23 Mqps, 3.40 Gbps."""
    return NONE if value is None else _joined(figures.rate(value, unit))


def objective(name: str, value: float | None) -> str:
    """The value of an objective in the unit of its key in the design."""
    return _joined(figures.promised(name, value))


def users_of(value: float, audience: Audience | None) -> str:
    """408 M users in EU."""
    return f"{users(value)}{NBSP}users{figures.whereabouts(audience)}"


def count(value: int) -> str:
    """14,204."""
    return f"{value:,}"


def _joined(text: str) -> str:
    return text.replace(" ", NBSP)
