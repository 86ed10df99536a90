"""section: a PlaybookReport as a section of a page that is made to be printed and kept in the drawer."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning import html as pages
from anyplane.planning.figures import count, listed
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.playbook import text as words
from anyplane.planning.playbook.report import Play, PlaybookReport, Relief, share

MATRIX_SITES = 40
LEAST = 0.0005
RELIEFS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a site gets more than now, in points of the population; tint: 0 to 1."""

    text: str
    is_less: bool
    tint: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One play: a cell for each site, None where nothing changes, and what reaches nothing."""

    play: Play
    cells: tuple[Cell | None, ...]
    nowhere: Cell | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The table of one population: what each site gets now, and the plays that change it."""

    words: str
    now: tuple[float, ...]
    nowhere: float
    rows: tuple[Row, ...]
    same: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupView:
    """One site and what sheds it: (relief, play, others alike)."""

    site: str
    attack_share: float
    users_share: float
    rows: tuple[tuple[Relief, Play, int], ...]
    more: int


def section(report: PlaybookReport) -> Section:
    """The Section; equal reports give equal ones."""
    matrices = []
    if len(report.sites) <= MATRIX_SITES:
        matrices = [_matrix(report, number) for number in (1, 0, *range(2, len(report.populations)))]
    return Section(
        id="playbook",
        name="Playbook",
        kicker="Playbook",
        service=report.service,
        sub=(
            f"AS{report.origin_asn}, {listed(report.prefixes, most=4)}. Design: {report.design}. Internet: "
            f"{report.internet}: {report.internet_networks:,} networks, {count(report.total_users)} users."
        ),
        body=render(
            "playbook.html",
            r=report,
            lead=words.lead(report),
            matrices=matrices[:2],
            more=matrices[2:],
            lookups=_lookups(report),
            less=lambda value: joined(words.less(value)),
            takers=lambda relief: words.takers(relief, most=4),
            cut=lambda play: words.cut(report, play),
            people=lambda value: joined(count(value)),
        ),
        style=pages.asset("templates/playbook.css"),
        warnings=report.warnings,
    )


def _matrix(report: PlaybookReport, population: int) -> Matrix:
    now = report.plays[0]
    rows = []
    for play in report.plays[1:]:
        cells = tuple(_cell(words.change(report, play, site, population)) for site in report.sites)
        nowhere = _cell(play.nowhere[population] - now.nowhere[population])
        if nowhere is not None or any(cell is not None for cell in cells):
            rows.append(Row(play=play, cells=cells, nowhere=nowhere))
    return Matrix(
        words=report.populations[population].words,
        now=tuple(share(report, now, site, population) for site in report.sites),
        nowhere=now.nowhere[population],
        rows=tuple(rows),
        same=len(report.plays) - 1 - len(rows),
    )


def _cell(change: float) -> Cell | None:
    if abs(change) < LEAST:
        return None
    points = f"{abs(change) * 100:.1f}" if abs(change) < 0.0995 else f"{abs(change) * 100:.0f}"
    return Cell(
        text=("−" if change < 0 else "+") + points, is_less=change < 0, tint=min(1.0, abs(change) ** 0.5)
    )


def _lookups(report: PlaybookReport) -> tuple[LookupView, ...]:
    plays = {play.number: play for play in report.plays}
    most = 1000 if report.site else RELIEFS
    found = []
    for lookup in report.lookups:
        rows = [(relief, plays[relief.play], alike) for relief, alike in words.merged(lookup, plays)]
        found.append(
            LookupView(
                site=lookup.site,
                attack_share=lookup.attack_share,
                users_share=lookup.users_share,
                rows=tuple(rows[:most]),
                more=max(0, len(rows) - most),
            )
        )
    return tuple(found)
