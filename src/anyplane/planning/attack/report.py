"""AttackReport: everything `anyplane attack` found out, as frozen values with one stable JSON form.

Loads are Gbit/s, users estimated people, shares fractions; users and loads by site are expected ones, as in
`plan`: every open tie is an even draw. Every number is rounded when the report is built.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.attack.responses import Kind
from anyplane.planning.attack.rows import in_rows
from anyplane.planning.jsonform import to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteGbps:
    """Gbit/s of an attack at one site."""

    site: str
    gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkGbps:
    """Gbit/s of the attack that one uplink of a site brings; asn and network are of the upstream."""

    name: str
    asn: int
    network: str
    gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteUnderAttack:
    """One site as things are now. loss: the part of all packets that is dropped.

    capacity, utilisation, loss, users_hurt: None where no capacity is known; legit_gbps: None where nobody
    said what load a user makes. calibrated_gbps: the attack by the probabilities of a calibration.
    """

    site: str
    users: float
    users_share: float
    legit_gbps: float | None
    others_gbps: float
    attack_gbps: float
    attack_share: float
    capacity_gbps: float | None
    utilisation: float | None
    loss: float | None
    users_hurt: float | None
    is_drowned: bool
    uplinks: tuple[UplinkGbps, ...]
    calibrated_gbps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the traffic of a network, or of all of a continent (asn 0), lands: the largest part first."""

    name: str
    asn: int
    country: str
    gbps: float
    unreached_gbps: float
    landed: tuple[SiteGbps, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A source that the topology lacks: its traffic lands nowhere here."""

    asn: int
    gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Some sites under a response, in columns of equal length: with hundreds of sites there are thousands of
    responses, and an object for each site of each would be five times as long."""

    site: tuple[str, ...] = ()
    users: tuple[float, ...] = ()
    attack_gbps: tuple[float, ...] = ()
    utilisation: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a response would do.

    users_hurt: by expectation; users_touched: at drowned sites, or cut off; users_cut: cut off by it.
    users_saved: so many fewer hurt than by doing nothing. loads: of the sites that get something else than
    now. unknown: sites of unknown capacity that get more of the attack, and may drown for all that is known.
    orders: what to type.
    """

    rank: int
    name: str
    kind: Kind
    users_hurt: float
    users_touched: float
    users_cut: float
    users_saved: float
    users_moved: float
    p50_ms: float | None
    p95_ms: float | None
    dropped_gbps: float
    drowned: tuple[str, ...]
    unknown: tuple[str, ...]
    loads: Loads
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """If drowned sites withdraw themselves: who has withdrawn by now, and who drowns then."""

    number: int
    withdrawn: tuple[str, ...]
    drowned: tuple[str, ...]
    users_hurt: float
    users_cut: float
    loads: Loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question. bits_per_query: None where the design is in bits, or none was given."""

    sources: str
    gbps: float
    networks: int
    seed: int
    bits_per_query: float | None
    address_share: float
    poisoned: tuple[int, ...]
    with_pairs: bool
    calibration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackReport:
    """One attack on the prefixes of one scenario.

    whole_networks: those whose traffic lands whole on one site, whatever ties decide; whole_share: their part
    of the attack. responses: ranked; empty where no site has a capacity. rounds: the cascade, now
    first.
    """

    kind: str = "attack"
    version: int = 1
    service: str
    design: str
    origin_asn: int
    internet: str
    internet_networks: int
    scenario: str
    prefixes: tuple[str, ...]
    total_users: float
    asked: Asked
    landed_gbps: float
    unreached_gbps: float
    unknown_gbps: float
    unknown: tuple[Unknown, ...]
    unknown_networks: int
    whole_networks: int
    whole_share: float
    has_capacity: bool
    users_hurt: float
    users_touched: float
    p50_ms: float | None
    p95_ms: float | None
    sites: tuple[SiteUnderAttack, ...]
    sources: tuple[Source, ...]
    regions: tuple[Source, ...]
    responses: tuple[Outcome, ...]
    rounds: tuple[Round, ...]
    guard: str
    warnings: tuple[str, ...]

    @property
    def drowned(self) -> tuple[str, ...]:
        """The sites that drown now."""
        return tuple(site.site for site in self.sites if site.is_drowned)


def to_json(report: AttackReport) -> str:
    """The report as JSON text, each list of numbers or words on one line."""
    return in_rows(to_plain(report)) + "\n"
