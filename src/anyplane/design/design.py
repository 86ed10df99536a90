"""Design: what an operator says about one anycast service, as values.

`design.parse` makes it from YAML; everything else reads it. Rates are plain numbers in the unit that
`Load.unit` names (queries or bits per second); shares are fractions of 1; times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anyplane.design.operation import Daemon, Health, Safety, Session
from anyplane.model.nouns import Asn, ExportRule, Place, Prefix, SiteName, UpstreamKind


class LoadUnit(StrEnum):
    """What load and capacity are counted in."""

    QPS = "qps"
    BPS = "bps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The users in `countries` (ISO 3166 alpha-2, unions and continents expanded), or all but them.

    Every user is in exactly one of an audience and its exclusion: one whose country is unknown is in the
    exclusion.
    """

    countries: frozenset[str]
    is_exclusion: bool = False

    def has(self, country: str) -> bool:
        """Are users in this country meant?"""
        return (country in self.countries) != self.is_exclusion

    def of(self, countries: frozenset[str]) -> frozenset[str]:
        """Those of `countries` whose users are meant."""
        return frozenset(country for country in countries if self.has(country))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixGroup:
    """Prefixes that belong together (a service's v4 and v6, its "dns" and its "api"), in the order written.

    `load_per_user` is in queries or bits per second and may be None: then load is not reckoned. `audience`
    is who is given these addresses, by DNS for example; None: everybody.
    """

    name: str
    prefixes: tuple[Prefix, ...]
    load_per_user: float | None = None
    audience: Audience | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One BGP neighbour of a site and what is announced to it, policies already merged in.

    `prefixes` is the whole list announced here (selective announcement is a shorter list). `communities` are
    sent as written; `rules` is what the upstream makes of them and of the design's `actions`.
    `agreed` are those of them that hold by agreement, whatever action communities are sent.
    `asn` of a route server is that of the IXP's route server. `is_no_export` is the well-known NO_EXPORT.
    """

    asn: Asn
    kind: UpstreamKind
    prefixes: tuple[Prefix, ...]
    prepend: int = 0
    med: int = 0
    communities: tuple[str, ...] = ()
    rules: tuple[ExportRule, ...] = ()
    agreed: tuple[ExportRule, ...] = ()
    is_no_export: bool = False
    is_backup: bool = False
    is_blackhole: bool = False
    sessions: tuple[Session, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A PoP: where it is, what it can carry, whom it announces to.

    `metro` is the IATA code as written (upper case) or "" where only coordinates were given.
    """

    name: SiteName
    metro: str
    place: Place
    upstreams: tuple[Upstream, ...]
    capacity: float | None = None
    is_enabled: bool = True
    daemon: Daemon | None = None
    health: Mapping[str, Health] = field(default_factory=dict)
    """By group; a site's own word on a group replaces the design's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What the operator promised; None means: not promised."""

    p50_rtt_ms: float | None = None
    p90_rtt_ms: float | None = None
    p95_rtt_ms: float | None = None
    p99_rtt_ms: float | None = None
    largest_share: float | None = None
    smallest_share: float | None = None
    worst_failure_load: float | None = None
    """Largest load/capacity on any site after any single site failure (1.0 = full)."""
    worst_failure_p95_rtt_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """Users in `countries` (as in Audience) may be served from `sites` only.

    `groups`: the groups of prefixes under the rule; empty: all of them.
    """

    name: str
    countries: frozenset[str]
    sites: frozenset[SiteName]
    groups: frozenset[str] = frozenset()

    def covers(self, group: str) -> bool:
        """Is this group of prefixes under the rule?"""
        return not self.groups or group in self.groups


class Severity(StrEnum):
    """How bad a finding of `check` is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where in the design file something stands; line and column count from 1, 0 means unknown."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One anycast service, whole and valid.

    `locations` maps a path such as "sites.fra.upstreams.1.asn" to where it stands in the text, so that later
    findings can point at it. `silenced` maps a rule id of `check` to the reason given. `communities` is what
    the upstreams do on an action community, by its text form. `health` is by group.
    """

    file: str
    name: str
    origin: Asn
    groups: tuple[PrefixGroup, ...]
    sites: tuple[Site, ...]
    load_unit: LoadUnit = LoadUnit.QPS
    objectives: Objectives = field(default_factory=Objectives)
    residency: tuple[Residency, ...] = ()
    communities: Mapping[str, tuple[ExportRule, ...]] = field(default_factory=dict)
    health: Mapping[str, Health] = field(default_factory=dict)
    safety: Safety = field(default_factory=Safety)
    silenced: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
    source: str = ""
