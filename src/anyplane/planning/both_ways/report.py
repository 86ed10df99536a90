"""PathsReport: everything `anyplane paths` found out, as frozen values with one stable JSON form.

A way in goes from a client to a site, a way back from the site to the client; both are listed in the order of
travel. Kilometres are along great circles between metros. `one_way_ms` is half the RTT that the latency model
gives for a path that is taken both ways; two halves make the round trip. Users are estimated people. Every
number is rounded when the report is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyplane.planning.both_ways.returning import Prefer
from anyplane.planning.jsonform import render, to_plain
from anyplane.planning.report import Audience, Rtt

VERSION = 1


class Told(StrEnum):
    """What became of a route at the site, or why the site was not told one."""

    CHOSEN = "chosen"
    TIE = "tie"
    PREFERENCE = "preference"
    PATH_LENGTH = "path length"
    NOT_EXPORTED = "not exported"
    NO_ROUTE = "no route"


class Where(StrEnum):
    """Whose stateful firewall sees one half of the packets."""

    NETWORK = "a network on one way only"
    SITE_EDGE = "the site's own edge"
    CLIENT_EDGE = "the client's edge"
    BORDER = "a network crossed between other metros"


class Relation(StrEnum):
    """How a network's part in the two ways compares."""

    SAME = "same network and metros"
    OTHER_METROS = "same network, other metros"
    ONE_WAY = "on one way only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A network on a way. enters, leaves: metros. inside_km: between these. link_km: from there to the next
    network, or to the site. part_ms: of the one way, for both and the handover. held_as: what the network
    holds the route as, "own", "customer", "peer" or "provider". others: to whom, by ties, it may hand over
    instead, as "AS1299 in AMS"."""

    asn: int
    network: str
    enters: str
    leaves: str
    inside_km: float
    link_km: float
    part_ms: float
    held_as: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction. first_km, first_ms: of the site's session, on a way back. crossed: networks after the
    sender's own, as `plan` counts them. one_way_ms: the parts and half a last mile. others: other AS paths
    that ties leave possible; is_whole: these are all."""

    as_path: tuple[int, ...]
    hops: tuple[Hop, ...]
    first_km: float
    first_ms: float
    km: float
    crossed: int
    one_way_ms: float
    is_certain: bool
    others: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one neighbour tells the site about the client's prefix. km: of the session. held_as: by the
    neighbour. length: of the AS path as the site sees it, 0 for none."""

    uplink: str
    neighbour: str
    kind: str
    held_as: str
    as_path: tuple[int, ...]
    length: int
    km: float
    decision: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """A place whose firewall sees one direction. is_certain: so whatever the ties. words: a sentence."""

    where: Where
    network: str
    is_certain: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A row of the ladder, client on top: index into the hops of the way in and of the way back, -1: none."""

    way_in: int
    way_back: int
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """A site that the client may reach, and its probability when every tie is an even draw."""

    site: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One client and one site, both ways.

    reached: the site that the client reaches as the design announces; "" for none. is_alone: `site` was asked
    for and is another one, so the way in is as if no other site announced. plan_rtt_ms doubles the
    way in; rtt_ms is one half of each way.
    """

    scenario: str
    prefixes: tuple[str, ...]
    audience: Audience | None
    is_in_audience: bool
    asn: int
    network: str
    metro: str
    users: float
    site: str
    reached: str
    chances: tuple[Chance, ...]
    is_alone: bool
    way_in: Way
    way_back: Way
    uplink_in: str
    uplink_out: str
    has_same_networks: bool
    has_same_metros: bool
    plan_rtt_ms: float
    rtt_ms: float
    heard: tuple[Heard, ...]
    unlisted: int
    halves: tuple[Half, ...]
    ladder: tuple[Rung, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of the users, as an interval: certain <= chosen <= possible, as ties fall.

    certain: both ways are free of ties and it is so. chosen: so when ties fall to the lowest ASN. possible:
    so, or a tie on one of the ways leaves it open.
    """

    certain: float
    chosen: float
    possible: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What differs: the networks; not these but a metro of a handover; neither; the site's uplink; at the
    client's edge the neighbour; there the neighbour or the metro."""

    other_networks: Part
    other_metros: Part
    same: Part
    other_uplink: Part
    other_neighbour: Part
    other_border: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePart:
    """One site and its users; plan: the way in doubled."""

    site: str
    users: float
    parts: Parts
    plan_rtt: Rtt
    rtt: Rtt


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Users of a site who come in by one uplink and are answered by one; share: of the site's users."""

    site: str
    way_in: str
    way_out: str
    users: float
    share: float
    is_one_half: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Users of one network at one site whose ways differ, their largest metro standing for them."""

    asn: int
    network: str
    metro: str
    users: float
    site: str
    path_in: tuple[int, ...]
    path_back: tuple[int, ...]
    uplink_in: str
    uplink_out: str
    is_certain: bool
    has_same_networks: bool
    plan_rtt_ms: float
    rtt_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Share of the users whose round trip is by so much more than plan says, in ms; None: no end."""

    above_ms: float | None
    below_ms: float | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The users of one scenario whose network is among the largest; shares are of `answered_users`.

    users: of the scenario. covered_users: of the networks that were looked at. unserved_users: of these, no
    route to a site. answered_users: the rest.
    off_ms: quantiles of round trip less plan's. far_off: share of those for whom it is 10 ms or more.
    """

    scenario: str
    prefixes: tuple[str, ...]
    audience: Audience | None
    users: float
    covered_users: float
    networks: int
    unserved_users: float
    answered_users: float
    parts: Parts
    plan_rtt: Rtt
    rtt: Rtt
    off_ms: Rtt
    far_off: float
    bins: tuple[Bin, ...]
    sites: tuple[SitePart, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsReport:
    """rounds: of the clients asked for; summaries: one for each scenario, when none was."""

    kind: str = "paths"
    version: int = VERSION
    service: str
    design: str
    origin_asn: int
    internet: str
    networks: int
    total_users: float
    prefer: Prefer
    asked_networks: int
    is_partial: bool
    rounds: tuple[Round, ...]
    summaries: tuple[Summary, ...]
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]


def to_json(report: PathsReport) -> str:
    """The report as JSON text."""
    return render(to_plain(report))
