"""PlaybookReport: the table of responses x sites, as frozen values with one stable JSON form.

Shares are parts of a population: of the users, or of an attack. The first play is to do nothing, so a change
against now is a difference from its shares. Every number is rounded when the report is built.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.attack.responses import Kind
from anyplane.planning.attack.rows import in_rows
from anyplane.planning.jsonform import to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Whose traffic: the users (the first one), or an attack. networks: that it comes from."""

    name: str
    words: str
    networks: int
    is_attack: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One response.

    sites: those that get something else than now; of doing nothing all. shares: of each of these sites what
    it gets of each population, in the order of the populations. nowhere: of each population what reaches no
    site, because nothing is heard there or because it is dropped on the way. users_moved: users whose site is
    another than now. orders: what to type.
    """

    number: int
    name: str
    kind: Kind
    sites: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    nowhere: tuple[float, ...]
    users_moved: float
    users_cut: float
    p50_ms: float | None
    p95_ms: float | None
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """A play that takes load off one site. attack, users: the part of what is at the site now that goes away,
    negative where more comes. to: the sites that the attack goes to, the largest taker first ("": it reaches
    nothing any more); to_shares: how much, in parts of all of it."""

    play: int
    attack: float
    users: float
    to: tuple[str, ...]
    to_shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A site that is overloaded, and what sheds it, the most of the first attack first."""

    site: str
    attack_share: float
    users_share: float
    reliefs: tuple[Relief, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookReport:
    """The playbook of one scenario. sites: in the design's order; site: the one asked for, "" for all."""

    kind: str = "playbook"
    version: int = 1
    service: str
    design: str
    origin_asn: int
    internet: str
    internet_networks: int
    scenario: str
    prefixes: tuple[str, ...]
    total_users: float
    seed: int
    site: str
    sites: tuple[str, ...]
    populations: tuple[Population, ...]
    plays: tuple[Play, ...]
    lookups: tuple[Lookup, ...]
    warnings: tuple[str, ...]


def to_json(report: PlaybookReport) -> str:
    """The report as JSON text, each list of numbers or words on one line."""
    return in_rows(to_plain(report)) + "\n"


def share(report: PlaybookReport, play: Play, site: str, population: int) -> float:
    """What a site gets of a population under a play: as now, where the play does not name it."""
    for one in (play, report.plays[0]):
        if site in one.sites:
            return one.shares[one.sites.index(site)][population]
    return 0.0
