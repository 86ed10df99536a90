"""Report: everything `anyplane plan` found out, as frozen values with one stable JSON form.

The text in the terminal, the page and the JSON are three renderings of this one value. Users are estimated
people, shares are fractions of *all* users of the scenario (0.25, not 25), times are milliseconds round trip,
loads are in `Report.load_unit`. Every number is rounded when the report is built, so that equal inputs give
equal bytes. None means: not asked, not given or not reckoned; it never means zero.

Ties are said: where routes are equally good, nobody outside the network can know which one it takes. So each
share is an interval, see `Share`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from anyplane.design import design
from anyplane.model.errors import UsageError
from anyplane.planning.certainty_report import Certainty
from anyplane.planning.jsonform import Json, from_plain, parse, render, to_plain

VERSION = 1


class State(StrEnum):
    """How a promise stands. MAY_BREAK: kept or broken, as ties fall that cannot be known from outside."""

    KEPT = "kept"
    MAY_BREAK = "may be broken by ties"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share of the users, as an interval: certain <= expected <= possible.

    certain: users who have no other possible site. expected: every open tie is an even draw. possible: users
    for whom some way of breaking the ties ends here. chosen: what breaking ties by the lowest ASN gives (what
    other simulators print as the answer); certain <= chosen <= possible too.
    """

    certain: float
    expected: float
    possible: float
    chosen: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtt:
    """Quantiles of the round trip time in ms, each user counting once; None where nobody is served."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteUsers:
    """How many (expected) users go to one site; part of a row of countries, metros or failures."""

    site: str
    users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The users whom a scenario is for: those in `countries`, or everybody but them."""

    countries: tuple[str, ...]
    is_exclusion: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site of the design, or a virtual one such as "(blackhole at AS64500)", where users are lost.

    A site that is not enabled announces nothing and keeps its row. metro is "" where only coordinates are
    given; a virtual site has the place of the site that asked for it.
    """

    name: str
    metro: str
    city: str
    country: str
    lat: float
    lon: float
    capacity: float | None = None
    is_enabled: bool = True
    is_virtual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUsers:
    """A network and its users at one site (chosen routes): one of the largest there.

    country: where the network is registered.
    """

    asn: int
    name: str
    country: str
    users: float
    rtt_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteResult:
    """What one site gets in one scenario.

    users = share.expected of all users. load and utilisation (load / capacity, 1.0 is full) are of the
    expected users, load_possible and utilisation_possible of the possible ones: the worst that ties can do.
    A utilisation counts what the other scenarios of the report put on the same site too.
    rtt: of the users whose chosen route ends here; None at a virtual site, which answers nobody.
    networks: how many networks (with users) have one.
    """

    site: str
    users: float
    share: Share
    rtt: Rtt
    networks: int
    load: float | None = None
    load_possible: float | None = None
    utilisation: float | None = None
    utilisation_possible: float | None = None
    top_networks: tuple[NetworkUsers, ...] = ()
    is_announced: bool = True
    """Does this site announce the scenario's prefixes? Virtual sites do when they may take users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """Users of one network in one metro who do not reach the site nearest to them, and why.

    lost_ms = rtt_ms - nearest_rtt_ms. certain: is `reached` their only possible site?
    """

    asn: int
    name: str
    metro: str
    reached: str
    nearest: str
    users: float
    rtt_ms: float
    nearest_rtt_ms: float
    lost_ms: float
    certain: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ideal:
    """Reality against geography: everybody at the nearest enabled site, over a direct path.

    users and share: whose chosen route does not end at the nearest site. lost_ms: mean over those users of
    what the detour costs. lost_mean_ms: the same, spread over all users reached. rtt: what everybody would
    have, under the same latency model. groups: the ten largest of them by users times lost_ms.
    """

    users: float
    share: float
    lost_ms: float
    lost_mean_ms: float
    rtt: Rtt
    groups: tuple[Misplaced, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinentMedian:
    """Half of a continent's served users are answered within `p50` ms; None where none is served.

    continent: AF, AN, AS, EU, NA, OC or SA.
    """

    continent: str
    p50: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unicast:
    """The same users, with this one site alone announcing; medians: by continent, empty without metros."""

    site: str
    rtt: Rtt
    unreached: float
    medians: tuple[ContinentMedian, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """What another site gets when one fails.

    users: all its expected users after the failure; gained: those that it did not have before;
    share_of_moved: its part of all users who move (below 0 where users leave it too). load and utilisation
    after the failure.
    """

    site: str
    users: float
    gained: float
    share_of_moved: float
    load: float | None = None
    utilisation: float | None = None
    is_overloaded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One site is gone (N-1): where its users go and what that does.

    moved: expected users the site had. takeovers: the sites whose users change, largest gain first.
    worst_site, worst_utilisation: the fullest site afterwards, None where no capacity is known. unreached:
    users without any route afterwards, `newly_unreached` of them because of this failure.
    """

    site: str
    moved: float
    takeovers: tuple[Takeover, ...]
    rtt: Rtt
    unreached: float
    newly_unreached: float
    worst_site: str | None = None
    worst_utilisation: float | None = None
    overloaded: tuple[str, ...] = ()
    also_moved: float = 0.0
    """Users of other sites who move too: the routes of networks that did not use a site may need it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One promise of the design: what was promised, what is so.

    name: the key in the design ("p95_rtt"); times are in ms, the rest are fractions. at_most: is `target` an
    upper bound? low and high bound `actual` where ties leave it open. subject: the site or failure that
    decides it, "" where it is the whole. detail: one sentence for people.
    """

    name: str
    target: float
    actual: float | None
    low: float | None
    high: float | None
    at_most: bool
    state: State
    subject: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """Users of one network, or of one country (asn 0), that may be served outside of a rule's sites.

    country: where these users are; of a network that has them in several, where most of them are.
    """

    asn: int
    name: str
    country: str
    certain: float
    possible: float
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidencyResult:
    """One residency rule: the scenario's users in its countries, and how many are served from elsewhere.

    certain: users who can only reach sites that the rule forbids: BROKEN when above 0. possible: users who
    reach such a site under some way of breaking ties: MAY_BREAK. The country is where the user is (the
    metro's), or the network's where metros are not modelled. groups: those of the scenario under the rule.
    """

    name: str
    groups: tuple[str, ...]
    countries: tuple[str, ...]
    sites: tuple[str, ...]
    users: float
    certain: float
    expected: float
    possible: float
    state: State
    by_country: tuple[Offender, ...] = ()
    by_network: tuple[Offender, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryRow:
    """Users in one country (where they are): their RTT, and their sites as in MetroRow."""

    country: str
    users: float
    unreached: float
    rtt: Rtt
    sites: tuple[SiteUsers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetroRow:
    """Users in one metro, for the map: their sites by expected users, largest first, from 0.1 % on."""

    metro: str
    city: str
    country: str
    continent: str
    lat: float
    lon: float
    users: float
    unreached: float
    rtt: Rtt
    sites: tuple[SiteUsers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioReport:
    """The answers for the prefixes that share one set of announcements and one audience.

    audience: None is everybody. users: all of the audience; every share is a share of them. unreached: those
    without any route (blackholed users count as reached at a virtual site). certain: share of all users with
    exactly one possible site; open: share with two or more; so certain + open + unreached_share = 1.
    """

    name: str
    groups: tuple[str, ...]
    prefixes: tuple[str, ...]
    audience: Audience | None
    users: float
    unreached: float
    unreached_share: float
    certain: float
    open: float
    load: float | None
    rtt: Rtt
    sites: tuple[SiteResult, ...]
    ideal: Ideal
    medians: tuple[ContinentMedian, ...] = ()
    unicast: tuple[Unicast, ...] = ()
    failures: tuple[Failure, ...] = ()
    objectives: tuple[Objective, ...] = ()
    residency: tuple[ResidencyResult, ...] = ()
    countries: tuple[CountryRow, ...] = ()
    metros: tuple[MetroRow, ...] = ()
    has_failures: bool = True
    """False: failures were not asked for."""
    certainty: Certainty | None = None
    """None: not asked for; the JSON then has no such key."""

    @property
    def is_ok(self) -> bool:
        """True when no objective and no residency rule is broken (what ties may break is not broken)."""
        promises = [item.state for item in self.objectives] + [item.state for item in self.residency]
        return State.BROKEN not in promises


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The constants of the latency model that made the RTTs (docs/explanation/latency.md)."""

    inflation: float
    fibre_km_per_ms: float
    hop_ms: float
    last_mile_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the report was reckoned on: one line of origin, and its size."""

    origin: str
    networks: int
    pops: int
    links: int
    users: float
    rov_networks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All scenarios of one design on one topology; `sites` in the order of the design, virtual ones last."""

    service: str
    design: str
    """The design's file name as given."""
    origin_asn: int
    load_unit: str
    """"qps" or "bps"."""
    world: World
    latency: Latency
    sites: tuple[Site, ...]
    scenarios: tuple[ScenarioReport, ...]
    warnings: tuple[str, ...] = ()
    version: int = field(default=VERSION)

    @property
    def is_ok(self) -> bool:
        """True when nothing promised is broken in any scenario."""
        return all(scenario.is_ok for scenario in self.scenarios)

    def unserved(self, scenario: ScenarioReport) -> float:
        """Share of a scenario's users who reach no real site: without a route, or at a virtual site."""
        virtual = {site.name for site in self.sites if site.is_virtual}
        lost = sum(row.share.chosen for row in scenario.sites if row.site in virtual)
        return round(scenario.unreached_share + lost, 6)


def audience_of(meant: design.Audience | None) -> Audience | None:
    """The audience of a group of prefixes as a report shows it."""
    if meant is None:
        return None
    return Audience(countries=tuple(sorted(meant.countries)), is_exclusion=meant.is_exclusion)


def to_json(report: Report) -> str:
    """The JSON text of a report: keys in the order of the fields, two spaces, a final newline."""
    plain = cast("dict[str, Json]", to_plain(report))
    for scenario in cast("list[dict[str, Json]]", plain["scenarios"]):
        if scenario["certainty"] is None:
            del scenario["certainty"]
    return render(plain)


def from_json(text: str, *, file: str = "report") -> Report:
    """The report of a JSON text; a UsageError says what is not as a report of version 1 should be."""
    plain = parse(text, file=file)
    if not isinstance(plain, dict) or "version" not in plain or "scenarios" not in plain:
        raise UsageError(f"{file} is not a report of `anyplane plan --json`")
    if plain["version"] != VERSION:
        raise UsageError(
            f"{file} is a report of version {plain['version']}; this program reads version {VERSION}",
            hint="make it again with `anyplane plan DESIGN --json FILE`",
        )
    return from_plain(Report, cast("Json", plain), where=file)
