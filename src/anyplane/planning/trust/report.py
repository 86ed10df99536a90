"""TrustReport: what RPKI says of every route, the ROAs to create, and what hijacks would take.

Times are UTC in ISO 8601. Shares are fractions of 1, of the users a scenario is for, or of all networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from anyplane.planning.jsonform import render, to_plain
from anyplane.planning.trust.validity import Reason, State

VERSION = 1


class Purpose(StrEnum):
    """Why a route is looked at."""

    ANNOUNCED = "announced"
    STANDBY = "standby"
    BLACKHOLE = "blackhole"
    MORE_SPECIFIC = "more-specific"
    SCRUBBER = "scrubber"


class Level(StrEnum):
    """What a route's state means: nothing to do, look at it, or users are lost (or will be)."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


class Attack(StrEnum):
    """What an attacker announces: our prefix or more-specifics, as its own or with our ASN as the origin."""

    SAME = "same prefix"
    SPECIFIC = "more-specific"
    FORGED = "forged origin"
    FORGED_SPECIFIC = "forged more-specific"


class World(StrEnum):
    """Who drops RPKI-invalid routes."""

    NOBODY = "nobody"
    LIST = "today's list"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One VRP that covers a route. ends: when it expires, "" where the file does not say."""

    prefix: str
    max_length: int
    asn: int
    trust_anchor: str
    ends: str
    is_match: bool
    is_expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One prefix and origin, and its state now.

    words: the state in a sentence. inside: the design's shorter prefix that it lies in, "". host_state: of a
    /32 or /128 in it, as a blackhole announces one. ends: when the last VRP that makes it valid expires, ""
    where that is not known; after: its state then. is_expired: one that has expired would make it valid.
    """

    prefix: str
    origin: int
    purpose: Purpose
    groups: tuple[str, ...]
    state: State
    reason: Reason
    level: Level
    words: str
    inside: str
    host_state: State
    ends: str
    after: State
    is_expiring: bool
    is_expired: bool
    covering: tuple[Authorization, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """A VRP that allows more than is announced (RFC 9319).

    allowed, announced: prefixes in it that it makes valid, and those of them that are checked here.
    is_exploitable: a more-specific that networks accept could be forged out of it. words: what follows.
    """

    prefix: str
    max_length: int
    asn: int
    allowed: int
    announced: int
    is_exploitable: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Roa:
    """A ROA to create: one prefix (RFC 9455), no maxLength (RFC 9319), so exactly this route.

    replaces: the VRP, as text, whose ROA may go once this one is seen, "" for none.
    """

    asn: int
    prefix: str
    max_length: int
    why: str
    replaces: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file of VRPs. generated, half_expire_by: "" where not known."""

    file: str
    form: str
    vrps: int
    relevant: int
    generated: str
    half_expire_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One attack in one world, over the attackers: share of users (and networks) taken.

    attackers: how many were tried; 0 where the attack is not possible, and `why` says so. cut_off: mean share
    of users left without any route. curve: what 0, 1, … 100 % of the attackers take at most.
    """

    attack: Attack
    world: World
    attackers: int
    why: str = ""
    mean: float = 0.0
    median: float = 0.0
    p90: float = 0.0
    worst: float = 0.0
    networks_mean: float = 0.0
    networks_median: float = 0.0
    networks_p90: float = 0.0
    networks_worst: float = 0.0
    cut_off: float = 0.0
    curve: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """What one attacker takes in one world: users, share of them, share of networks."""

    attack: Attack
    world: World
    users: float
    share: float
    networks: float
    cut_off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """A network that attacks. own_users: in it; they are never counted as taken. role: what it is to us."""

    asn: int
    name: str
    country: str
    own_users: float
    role: str
    takes: tuple[Taker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryTaken:
    """Users of one country: mean share that the same-prefix attack takes, by world."""

    country: str
    users: float
    nobody: float
    today: float
    everybody: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The attacks under one state of the RPKI.

    name: "now", or "with the ROAs": those to create are there, and the loose ones that they replace are gone.
    unreached: share of users without a route to us before any attack, by world (nobody, list, everybody).
    """

    name: str
    state: State
    unreached: tuple[float, ...]
    cells: tuple[Cell, ...]
    worst: tuple[Attacker, ...]
    named: tuple[Attacker, ...]
    countries: tuple[CountryTaken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """The service announced from one site only: what the same-prefix attack takes where nobody validates."""

    site: str
    attackers: int
    mean: float
    median: float
    p90: float
    worst: float
    unreached: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSite:
    """Anycast against one site alone, same attackers.

    sites: each of them under `tried` attackers, best first; best: the first of them under all attackers, by
    world (nobody, today's list).
    """

    tried: int
    anycast: Alone
    sites: tuple[Alone, ...]
    best: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Hijacks of prefixes that are announced alike and that RPKI treats alike."""

    scenario: str
    prefixes: tuple[str, ...]
    users: float
    networks: int
    attackers: int
    situations: tuple[Situation, ...]
    single: SingleSite | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked. sample: networks drawn as attackers, 0 when they were named."""

    now: str
    expires_within_s: float
    sample: int
    seed: int
    scrubbers: tuple[int, ...] = ()
    more_specifics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustReport:
    """broken, missing: routes that are invalid or expired, and that no ROA covers. rov: of today's list."""

    service: str
    design: str
    origin_asn: int
    internet: str
    networks: int
    rov_networks: int
    rov_source: str
    question: Question
    source: Source
    broken: int
    missing: int
    routes: tuple[Route, ...]
    loose: tuple[Loose, ...]
    roas: tuple[Roa, ...]
    exposures: tuple[Exposure, ...]
    warnings: tuple[str, ...]
    is_partial: bool = False
    kind: str = field(default="trust")
    version: int = VERSION


def to_json(report: TrustReport) -> str:
    """The report as JSON text."""
    return render(to_plain(report))
