"""NewSitesReport: which sites to add next and what each would bring; what text, JSON and page are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyplane.planning import jsonform
from anyplane.planning.report import Rtt


class Aim(StrEnum):
    """What a new site is to make small: the users' mean RTT, the time within which so many of them are, or
    the utilisation of the fullest site."""

    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    LOAD = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One upstream of a proposed site. customers: networks in its cone; of a route server its members."""

    asn: int
    name: str
    kind: str
    customers: int
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Expected users that a site has more (or, below 0, less) than before."""

    site: str
    users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worse:
    """Users in a metro whose chosen route got longer; ms: by how much, on average."""

    metro: str
    users: float
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Astray:
    """Users under a residency rule who reach a site that it forbids, certainly and possibly."""

    rule: str
    certain_before: float
    certain_after: float
    possible_before: float
    possible_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Utilisation (1 = full) of the fullest site, as announced and after the worst single failure.

    None where nothing has a capacity. A proposed site counts with the capacity that was given, if any.
    """

    site: str = ""
    utilisation: float | None = None
    failed: str = ""
    failed_site: str = ""
    failed_utilisation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One site to add, with those before it in place already.

    gain: what the aim falls by, in ms (of `load`: utilisation); gain_alone: the same when it is the only one
    added. users: expected at the site. better, worse: users whose chosen route got shorter or longer by half
    a millisecond or more. carries: the load at the site, in the report's load_unit, as announced, and in the
    worst single failure elsewhere; None where the design gives no load per user. line: the site as YAML for
    `sites:`.
    """

    site: str
    metro: str
    city: str
    country: str
    upstreams: tuple[Pick, ...]
    gain: float
    gain_alone: float
    users: float
    share: float
    unserved_before: float
    unserved_after: float
    rtt_before: Rtt
    rtt_after: Rtt
    shifts: tuple[Shift, ...]
    better_users: float
    worse_users: float
    worse: tuple[Worse, ...]
    residency: tuple[Astray, ...]
    load_before: Load
    load_after: Load
    carries: float | None
    carries_at_worst: float | None
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another metro that was looked at as the first site to add, with its best upstreams."""

    metro: str
    city: str
    country: str
    upstreams: tuple[Pick, ...]
    gain: float
    astray: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A site that announces once all proposals are in place. users: expected ones, then."""

    site: str
    lat: float
    lon: float
    users: float
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A metro whose users' mean RTT is another with all proposals. before, after: in ms."""

    metro: str
    city: str
    country: str
    lat: float
    lon: float
    users: float
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSitesReport:
    """The whole answer. metros: with somebody who would hear a site; looked_at: whose sets were reckoned in
    the first step. sets: announcement sets that were reckoned. asked: how many sites were."""

    kind: str = "new-sites"
    version: int = 1
    service: str
    design: str
    origin_asn: int
    group: str
    internet: str
    networks: int
    total_users: float
    load_unit: str
    aim: Aim
    asked: int
    only_used: bool
    metros: int
    looked_at: int
    sets: int
    rtt_today: Rtt
    load_today: Load
    proposals: tuple[Proposal, ...]
    others: tuple[Other, ...]
    sites: tuple[Spot, ...]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def to_json(report: NewSitesReport) -> str:
    """The report as JSON text."""
    return jsonform.render(jsonform.to_plain(report))
