"""ConvergenceReport: everything `anyplane converge` found out, as frozen values with one stable JSON form.

Users are estimated people, shares fractions, times seconds since the change. A Spread is over the seeds:
another mix of routers, other delays, the same change. Every number is rounded when the report is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, log

from anyplane.planning.broken_sessions import Broken
from anyplane.planning.jsonform import render, to_plain

VERSION = 1
FIRST_SAMPLE_S = 0.02
STEP = 1.08
"""From one sample to the next: how sharp the times are."""
LAST_SAMPLE_S = 86_400.0
SAMPLE_TIMES: tuple[float, ...] = (
    0.0,
    *(
        round(FIRST_SAMPLE_S * STEP**i, 4)
        for i in range(ceil(log(LAST_SAMPLE_S / FIRST_SAMPLE_S) / log(STEP)) + 1)
    ),
)
"""Seconds after the change at which packets are looked at."""


class Regime(StrEnum):
    """What kind of change it is; the kinds differ by factors in how long they take."""

    FAIL_OVER = "fail over to the other sites"
    LAST = "the last route goes"
    JOIN = "a site comes back"
    NEW = "a new prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One seed's run of one situation.

    curve: at each of `SAMPLE_TIMES` the shares of the affected users that are settled for good, that reach a
    working site, a dead one, nothing (black hole), and that go round in a loop: five rows. t50 to t99: when
    that part of the affected users reached a working site and kept reaching one, of those that do in the end;
    s50 to s99: when that part was settled, at its final site (or none); n50 to n99: when that part of the
    networks that changed their path had done so. -1 where there is nobody.
    """

    situation: str
    seed: int
    t50_s: float
    t90_s: float
    t99_s: float
    s50_s: float
    s90_s: float
    s99_s: float
    n50_s: float
    n90_s: float
    n99_s: float
    end_s: float
    announcements: int
    withdrawals: int
    networks: int
    affected_users: float
    disturbed_users: float
    unserved_users: float
    black_hole_user_s: float
    loop_user_s: float
    dead_user_s: float
    is_settled: bool
    agrees: bool
    curve: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Over all seeds: the median, the least and the most."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Shares of the affected users over time: that reach a working site, that are settled for good (median,
    least and
    most of the seeds each), and medians of what else becomes of them."""

    at_s: tuple[float, ...]
    working: tuple[float, ...]
    working_low: tuple[float, ...]
    working_high: tuple[float, ...]
    settled: tuple[float, ...]
    settled_low: tuple[float, ...]
    settled_high: tuple[float, ...]
    black_hole: tuple[float, ...]
    loop: tuple[float, ...]
    dead: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationReport:
    """One situation. affected: users that change their site, or have none before or after. disturbed: others
    that
    reached nothing for a while. black_hole_s, loop_s, dead_s: mean seconds of an affected user.
    stable: runs that ended in the stable state of `routing`; unsettled: that were cut off at the horizon."""

    name: str
    scenario: str
    regime: Regime
    words: str
    sites: tuple[str, ...]
    users: float
    affected_users: float
    affected_share: float
    unserved_users: float
    seeds: int
    t50_s: Spread | None
    t90_s: Spread | None
    t99_s: Spread | None
    s50_s: Spread | None
    s90_s: Spread | None
    s99_s: Spread | None
    n50_s: Spread | None
    n90_s: Spread | None
    n99_s: Spread | None
    end_s: Spread
    messages: Spread
    announcements: Spread
    withdrawals: Spread
    networks: Spread
    disturbed_users: Spread
    black_hole_user_s: Spread
    loop_user_s: Spread
    dead_user_s: Spread
    black_hole_s: float
    loop_s: float
    dead_s: float
    stable: int
    unsettled: int
    curve: Curve
    sessions: tuple[Broken, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Networks with this MRAI."""

    mrai_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Timing, as in routing.converge; jitter: two factors. damping: "off" or what it is called."""

    mrai: tuple[Interval, ...]
    jitter_low: float
    jitter_high: float
    busy: float
    withdrawals_wait: float
    processing_s: float
    processing_sigma: float
    inflation: float
    damping: str
    damping_share: float
    horizon_s: float
    changes_per_day: float
    first_exchange_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceReport:
    """planned_seeds: how many were asked for; a situation has fewer when the command was interrupted."""

    version: int
    service: str
    design: str
    origin_asn: int
    internet: str
    networks: int
    total_users: float
    planned_seeds: int
    is_partial: bool
    assumptions: Assumptions
    situations: tuple[SituationReport, ...]
    warnings: tuple[str, ...]
    kind: str = "converge"


def to_json(report: ConvergenceReport) -> str:
    """The report as JSON text."""
    return render(to_plain(report))
