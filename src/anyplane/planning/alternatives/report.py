"""Comparison: everything `anyplane compare` found out, as frozen values with one stable JSON form.

Users are estimated people, shares fractions of the service's users, times seconds since a site died. What DNS
does is an expected value over resolvers and GeoIP errors, not a draw: the same input gives the same digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyplane.planning.jsonform import render, to_plain
from anyplane.planning.report import Rtt, State

KIND = "compare"
VERSION = 1


class Way(StrEnum):
    """The ways of sending users to sites, the simplest to run first."""

    UNICAST = "unicast"
    GLOBAL = "global"
    REGIONAL = "regional"
    BOTH = "both"
    GEODNS = "geodns"


class Means(StrEnum):
    """What brings users back after a site's failure."""

    NOTHING = "nothing"
    DNS = "DNS"
    BGP = "BGP"
    BOTH = "BGP and DNS"
    UNHURT = "no user was there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """This share of users has a resolver at most so far away, and farther than in the band before."""

    share: float
    up_to_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """For this share of users an answer is kept so many seconds longer than its TTL."""

    share: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """All that was assumed and not reckoned.

    geoip_error: addresses believed in another metro, those in another country included; wrong_country: only
    these. ecs: users whose resolver sends their own prefix along (RFC 7871). detect_s: from a death to the
    first DNS answer without the site; withdraw_s: to the withdrawal of its routes. far_ms: more than this
    over one's best site is far. window_s: user-seconds are counted so long. changed: the options that were
    given. basis: what the anycast rows rest on.
    """

    geoip_error: float
    wrong_country: float
    ecs: float
    resolvers: tuple[Band, ...]
    ttl_s: float
    overruns: tuple[Overrun, ...]
    detect_s: float
    withdraw_s: float
    far_ms: float
    window_s: float
    seeds: int
    first_seed: int
    inflation: float
    changed: tuple[str, ...]
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A site when only it announces. unserved: share of users. takes_part: does GeoDNS hand it out?"""

    site: str
    rtt: Rtt
    unserved: float
    nearest: float
    takes_part: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One regional prefix. users: whom DNS sends there; strangers: those of them who belong elsewhere."""

    name: str
    sites: tuple[str, ...]
    users: float
    share: float
    strangers: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteShare:
    """Expected users of a site."""

    site: str
    users: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An objective or a residency rule of the design under one way.

    Of a residency rule: users in breach, certain <= expected <= possible as ties fall, each already weighed
    with the odds of DNS; of: users under the rule. Of an objective these are 0, and target and actual are
    as in the design (ms, shares).
    """

    name: str
    is_residency: bool
    state: State
    target: float | None
    actual: float | None
    certain: float
    expected: float
    possible: float
    of: float
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Matching values; `share` of what `at` is the axis of."""

    at: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailOver:
    """One site dies. affected: users that it served (or whose site changes).

    t50_s to t99_s: that part of them is served again, None for never. never: share of them that is not.
    user_s: user-seconds without service within the window, median of the seeds, low and high over them;
    mean_s: of an affected user. cut: share of the affected without service, over seconds.
    """

    site: str
    means: Means
    affected: float
    affected_share: float
    t50_s: float | None
    t90_s: float | None
    t99_s: float | None
    never: float
    user_s: float
    user_s_low: float
    user_s_high: float
    mean_s: float
    cut: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstFailures:
    """Over the failure of each site, when all is over: the worst of each figure, and whose failure it is.

    unserved: share of users who then have no site. p95_ms: of all users, None when it falls among them.
    load: the fullest site as a part of its capacity, None where loads are not known.
    """

    unserved: float
    unserved_site: str
    p95_ms: float | None
    p95_site: str
    load: float | None
    load_site: str
    load_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a way needs. v4, v6: prefixes of the least announced size (a /24, a /48); block: how they lie."""

    v4: int
    v6: int
    block: str
    bgp: str
    dns: str
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One way. rtt: of the users who are served. far: users more than far_ms over their best site.

    lost_ms: mean over served users of what they have over their best site. misled: users whom DNS sends
    elsewhere than it would if it knew their place. sites: by users. rtts: cumulative share of all users.
    """

    way: Way
    name: str
    what: str
    unserved: float
    rtt: Rtt
    far: float
    lost_ms: float
    misled: float
    sites: tuple[SiteShare, ...]
    rtts: Curve
    promises: tuple[Promise, ...]
    failures: WorstFailures | None
    failover: FailOver | None
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneSite:
    """A region of one site, when that site dies: only DNS helps, or the covering prefix."""

    region: str
    site: str
    users: float
    regional: FailOver
    covered: FailOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of the recommendation: who was left after it, and who not, with why."""

    question: str
    kept: tuple[Way, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What is recommended where something that the design cannot say is so."""

    when: str
    way: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The way that is left. is_close: another one was about as good where it was dropped (`rivals`).

    instead: other ways under conditions that the figures take for granted; only where they lead to another.
    """

    way: Way
    reason: str
    is_close: bool
    rivals: tuple[Way, ...]
    instead: tuple[Instead, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole answer for one scenario of a design."""

    kind: str = KIND
    version: int = VERSION
    service: str
    design: str
    origin_asn: int
    internet: str
    networks: int
    scenario: str
    users: float
    failed: str
    assumptions: Assumptions
    alone: tuple[Alone, ...]
    regions: tuple[Region, ...]
    alternatives: tuple[Alternative, ...]
    lone: LoneSite | None
    recommendation: Recommendation
    warnings: tuple[str, ...]

    def of(self, way: Way) -> Alternative:
        """The row of one way."""
        return next(item for item in self.alternatives if item.way is way)


def to_json(report: Comparison) -> str:
    """The report as JSON text."""
    return render(to_plain(report))
