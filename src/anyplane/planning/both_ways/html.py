"""html: a PathsReport as a section of a page: ladders of clients, or bars and matrices of many users."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anyplane.planning.both_ways import wording
from anyplane.planning.both_ways.drawing import HEIGHT, LEFT, RIGHT, WIDTH, Drawing, draw
from anyplane.planning.both_ways.report import PathsReport, Round, SitePart, Summary
from anyplane.planning.figures import count, listed, whereabouts
from anyplane.planning.page.answers import Section, render
from anyplane.planning.page.wording import NBSP

MOST_MATRICES = 8
STYLE = """\
.paths-ladder { display: block; width: 100%; min-width: 560px; max-width: 860px; height: auto; }
.paths-ladder rect { fill: var(--wash); stroke: var(--line); }
.paths-ladder .metros rect { stroke: var(--soft); }
.paths-ladder .alone rect, .paths-ladder .split rect {
  fill: var(--paper); stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 5 3;
}
.paths-ladder text { font-size: 13px; fill: var(--soft); }
.paths-ladder .name { font-size: 15px; font-weight: 650; fill: var(--ink); }
.paths-ladder path { fill: none; stroke-width: 2.2; }
.paths-ladder .in path { stroke: var(--accent); }
.paths-ladder .back path { stroke: #d55e00; }
.paths-ladder .in .tip-in { fill: var(--accent); stroke: none; }
.paths-ladder .back .tip-back { fill: #d55e00; stroke: none; }
.paths-ladder .in text { fill: var(--accent); font-weight: 600; }
.paths-ladder .back text { fill: var(--ink); font-weight: 600; }
.paths-lanes { display: flex; max-width: 860px; min-width: 560px; }
.paths-lanes span { flex: 1; text-align: center; font-weight: 600; font-size: 14px; }
.paths-list { margin: 0 0 24px; padding-left: 1.2em; max-width: 86ch; }
.paths-list li { margin-bottom: 4px; }
.paths-grid {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 8px 40px;
}
.paths-first { margin-top: 28px; }
.paths-grid h4 { margin-top: 12px; }
.paths-bins { max-width: 640px; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    """A Round with its words and its drawing."""

    id: str
    item: Round
    route: str
    verdict: str
    timing: str
    certainty_in: str
    certainty_back: str
    drawing: Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Users of a site who come in by one uplink and leave by another."""

    share: float
    users: float
    is_one_half: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """In by (rows), out by (columns), of one site; a cell is None where there is nobody."""

    site: str
    users: float
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryView:
    """A Summary with its words and the matrices of its sites."""

    id: str
    item: Summary
    lead: str
    whom: str
    covered: float
    matrices: tuple[Matrix, ...]
    most: float


def section(report: PathsReport) -> Section:
    """The section; equal reports give equal sections."""
    body = render(
        "paths.html",
        report=report,
        rounds=[_round(one, number) for number, one in enumerate(report.rounds, start=1)],
        summaries=[_summary(one, number) for number, one in enumerate(report.summaries, start=1)],
        words=wording,
        width=WIDTH,
        left=LEFT,
        right=RIGHT,
        box_height=HEIGHT,
    )
    partial = ("Interrupted: this is of the networks that were done.",) if report.is_partial else ()
    return Section(
        id="paths",
        name="Both ways",
        kicker="Both ways",
        service=report.service,
        sub=f"AS{report.origin_asn}. Design: {report.design}. Internet: {report.internet}: "
        f"{report.networks:,} networks, {count(report.total_users)} users.",
        body=body,
        style=STYLE,
        warnings=(*partial, *report.warnings),
    )


def _round(one: Round, number: int) -> RoundView:
    return RoundView(
        id="paths" if number == 1 else f"paths-{number}",
        item=one,
        route=wording.route_of(one),
        verdict=wording.verdict(one),
        timing=_joined(wording.timing(one)),
        certainty_in=wording.certainty(one.way_in),
        certainty_back=wording.certainty(one.way_back),
        drawing=draw(one),
    )


def _summary(one: Summary, number: int) -> SummaryView:
    return SummaryView(
        id="paths" if number == 1 else f"paths-{number}",
        item=one,
        lead=_joined(wording.lead(one)),
        whom=f"{listed(one.prefixes, most=2)}{whereabouts(one.audience)}",
        covered=one.covered_users / one.users if one.users else 0.0,
        matrices=tuple(_matrix(one, site) for site in one.sites[:MOST_MATRICES]),
        most=max((item.share for item in one.bins), default=0.0) or 1.0,
    )


def _joined(text: str) -> str:
    """No number is parted from its unit."""
    return re.sub(r"(?<=\d) (?=(?:%|ms|km)\b|%)", NBSP, text)


def _matrix(one: Summary, site: SitePart) -> Matrix:
    pairs = [pair for pair in one.pairs if pair.site == site.site]
    names = sorted({pair.way_in for pair in pairs} | {pair.way_out for pair in pairs})
    cells = {
        (pair.way_in, pair.way_out): Cell(share=pair.share, users=pair.users, is_one_half=pair.is_one_half)
        for pair in pairs
    }
    ins = [name for name in names if any((name, out) in cells for out in names)]
    return Matrix(
        site=site.site,
        users=site.users,
        columns=tuple(wording.short(name) for name in names),
        rows=tuple((wording.short(name), tuple(cells.get((name, out)) for out in names)) for name in ins),
    )
