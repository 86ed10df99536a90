"""section: an AttackReport as a section of a page, in the house's look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyplane.planning import html as pages
from anyplane.planning.attack import alluvial, words
from anyplane.planning.attack.report import AttackReport, Outcome, SiteUnderAttack, Source
from anyplane.planning.figures import count, listed
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.page.colours import PALETTE
from anyplane.planning.rounding import part

MATRIX_SITES = 16
MOST = 14
FULLEST = 4.0
"""The scale of the gauges ends here at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One source and the part of it that lands on each site of the columns; rest: on all others."""

    source: Source
    cells: tuple[float, ...]
    rest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the template needs beside the report."""

    colours: Mapping[str, int]
    picture: alluvial.Alluvial | None
    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    gauge_top: float
    shown: tuple[tuple[Outcome, int], ...]
    others: tuple[Outcome, ...]
    hurt_top: float


def section(report: AttackReport) -> Section:
    """The Section; equal reports give equal ones."""
    view = _view(report)
    return Section(
        id="attack",
        name="Attack",
        kicker="Attack",
        service=report.service,
        sub=(
            f"AS{report.origin_asn}, {listed(report.prefixes, most=4)}. Design: {report.design}. Internet: "
            f"{report.internet}: {report.internet_networks:,} networks, {count(report.total_users)} users."
        ),
        body=render(
            "attack.html",
            r=report,
            view=view,
            words=words,
            volume=lambda value: joined(words.volume(value)),
            people=lambda value: joined(count(value)),
            listed=listed,
            part=part,
            geometry=alluvial,
        ),
        style=_style(),
        warnings=report.warnings,
    )


def _view(report: AttackReport) -> View:
    sites = [site.site for site in report.sites]
    columns = tuple(sites[:MATRIX_SITES])
    shown = words.shown(report, most=MOST)
    ranks = {one.rank for one, _ in shown}
    return View(
        colours={site: index % len(PALETTE) for index, site in enumerate(sites)},
        picture=alluvial.draw(report),
        columns=columns,
        rows=tuple(_row(source, columns) for source in report.sources),
        gauge_top=_top(report.sites),
        shown=shown,
        others=tuple(one for one in report.responses if one.rank not in ranks),
        hurt_top=max([item.users_hurt for item in report.rounds] + [report.users_hurt, 1.0]),
    )


def _row(source: Source, columns: Sequence[str]) -> MatrixRow:
    landed = {one.site: part(one.gbps, source.gbps) for one in source.landed}
    cells = tuple(landed.get(site, 0.0) for site in columns)
    return MatrixRow(source=source, cells=cells, rest=max(0.0, sum(landed.values()) - sum(cells)))


def _top(sites: Sequence[SiteUnderAttack]) -> float:
    most = max((site.utilisation or 0.0 for site in sites), default=0.0)
    return max(1.0, min(FULLEST, most))


def _style() -> str:
    colours = "".join(f".attack-c{index} {{ --site: {colour}; }}\n" for index, colour in enumerate(PALETTE))
    return colours + pages.asset("templates/attack.css")
