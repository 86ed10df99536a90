"""draw: the map of one scenario as shapes for the template: rings for sites, dots for users, lines between.

A dot is the users of one metro. It has the colour of the site that serves most of them; it is hollow when no
site serves two thirds of them, because ties or the metro's networks divide them. With more sites than colours
a thin line says which of the equally coloured sites is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from anyplane.planning.page import labels, wording
from anyplane.planning.page.colours import PALETTE
from anyplane.planning.page.equal_earth import HEIGHT, WIDTH, great_circle, on_map
from anyplane.planning.report import MetroRow, Report, ScenarioReport, Site

CLEAR = 2 / 3
"""A metro's dot is filled when one site serves at least this share of its users."""
WIDE_TEXT, NARROW_TEXT = 13.0, 27.0
"""Font sizes in map units: for a drawing 1000 pixels wide, and for one of 370."""
LONGEST_LABEL = 22
MANY_SITES = 40
"""With more sites only the largest are named, close by, so that the map stays a map."""
MOST_LABELS, MOST_NARROW_LABELS = 56, 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """The users of one metro; colour None: nobody serves them."""

    x: float
    y: float
    radius: float
    colour: int | None
    is_clear: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """A site; `kind` is live, off or lost (virtual: users end there without an answer)."""

    x: float
    y: float
    radius: float
    colour: int | None
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """SVG path data of several lines in one colour."""

    path: str
    colour: int | None = None
    width: float = 1.0
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldMap:
    """All shapes, the largest dots first so that small ones stay visible."""

    dots: tuple[Dot, ...]
    rings: tuple[Ring, ...]
    spokes: tuple[Lines, ...]
    arcs: tuple[Lines, ...]
    wide_labels: tuple[labels.Label, ...]
    narrow_labels: tuple[labels.Label, ...]
    unlabelled: int
    has_hollow: bool


def draw(report: Report, scenario: ScenarioReport, colours: Mapping[str, int]) -> WorldMap:
    """The map of one scenario; `colours` is an index into the palette for each site that serves."""
    places = {site.name: site for site in report.sites}
    metros = sorted(
        (row for row in scenario.metros if row.users > 0), key=lambda row: (-row.users, row.metro)
    )
    dots = _dots(metros, colours)
    rings, points = _rings(report, scenario, colours)
    is_many = len(points) > MANY_SITES
    most = MOST_LABELS if is_many else len(points)
    wide = labels.place(points, size=WIDE_TEXT, width=WIDTH, height=HEIGHT, most=most, may_move=not is_many)
    few = MOST_NARROW_LABELS if is_many else len(points)
    narrow = labels.place(
        points, size=NARROW_TEXT, width=WIDTH, height=HEIGHT, most=few, may_move=not is_many
    )
    return WorldMap(
        dots=dots,
        rings=rings,
        spokes=_spokes(metros, places, colours) if len(colours) > len(PALETTE) else (),
        arcs=_arcs(scenario, places),
        wide_labels=tuple(label for label in wide if label),
        narrow_labels=tuple(label for label in narrow if label),
        unlabelled=sum(label is None for label in wide),
        has_hollow=any(not dot.is_clear for dot in dots),
    )


def _dots(metros: list[MetroRow], colours: Mapping[str, int]) -> tuple[Dot, ...]:
    most = metros[0].users if metros else 1.0
    largest = 13.0 if len(metros) < 150 else 10.0
    dots = []
    for row in metros:
        x, y = on_map(row.lat, row.lon)
        served = row.sites and row.sites[0].users > row.unreached
        title = f"{row.city} ({row.metro}, {row.country}): {wording.users(row.users)} users. " + ", ".join(
            f"{entry.site} {wording.percent(entry.users / row.users)}" for entry in row.sites[:4]
        )
        if row.unreached:
            title += f" without a route: {wording.percent(row.unreached / row.users)}"
        dots.append(
            Dot(
                x=round(x, 1),
                y=round(y, 1),
                radius=round(max(1.2, largest * sqrt(row.users / most)), 1),
                colour=colours.get(row.sites[0].site) if served else None,
                is_clear=bool(served) and row.sites[0].users >= CLEAR * row.users,
                title=title,
            )
        )
    return tuple(dots)


def _rings(
    report: Report, scenario: ScenarioReport, colours: Mapping[str, int]
) -> tuple[tuple[Ring, ...], tuple[labels.Point, ...]]:
    result = {row.site: row for row in scenario.sites}
    most = max((row.users for row in scenario.sites), default=0.0) or 1.0
    small, grow = (5.0, 8.0) if len(report.sites) <= MANY_SITES else (2.6, 4.4)
    order = sorted(
        report.sites, key=lambda site: (-(result[site.name].users if site.name in result else 0), site.name)
    )
    rings, points = [], []
    for site in order:
        row = result.get(site.name)
        users = row.users if row else 0.0
        x, y = on_map(site.lat, site.lon)
        radius = small + grow * sqrt(users / most)
        kind = "lost" if site.is_virtual else "live" if site.is_enabled else "off"
        note = {"live": "", "off": " Not enabled.", "lost": " Traffic ends here without an answer."}[kind]
        where = f"{site.city}, {site.country}" if site.city else f"{site.lat:.1f}°, {site.lon:.1f}°"
        share = wording.percent(row.share.expected) if row else wording.NONE
        rings.append(
            Ring(
                x=round(x, 1),
                y=round(y, 1),
                radius=round(radius, 1),
                colour=colours.get(site.name),
                kind=kind,
                title=f"Site {site.name} ({where}): {wording.users(users)} users, {share} of all.{note}",
            )
        )
        # A virtual site lies upon the real one that asked for it: one name there is enough.
        if not site.is_virtual:
            text = site.name if len(site.name) <= LONGEST_LABEL else site.name[: LONGEST_LABEL - 1] + "…"
            points.append(labels.Point(text=text, x=x, y=y, radius=radius))
    return tuple(rings), tuple(points)


def _spokes(
    metros: list[MetroRow], places: Mapping[str, Site], colours: Mapping[str, int]
) -> tuple[Lines, ...]:
    parts: dict[str, list[str]] = {}
    for row in metros:
        site = places.get(row.sites[0].site) if row.sites else None
        if site is not None and site.name in colours:
            parts.setdefault(site.name, []).append(_path((row.lat, row.lon), (site.lat, site.lon)))
    return tuple(Lines(path="".join(paths), colour=colours[name]) for name, paths in sorted(parts.items()))


def _arcs(scenario: ScenarioReport, places: Mapping[str, Site]) -> tuple[Lines, ...]:
    metros = {row.metro: row for row in scenario.metros}
    most = max((group.users for group in scenario.ideal.groups), default=1.0) or 1.0
    arcs = []
    for group in scenario.ideal.groups:
        row, site = metros.get(group.metro), places.get(group.reached)
        if row is None or site is None:
            continue
        arcs.append(
            Lines(
                path=_path((row.lat, row.lon), (site.lat, site.lon)),
                width=round(0.8 + 1.6 * sqrt(group.users / most), 1),
                title=f"{wording.users(group.users)} users of AS{group.asn} in {group.metro} "
                f"reach {group.reached}, not {group.nearest}: {wording.ms(group.lost_ms)} lost",
            )
        )
    return tuple(arcs)


def _path(start: tuple[float, float], end: tuple[float, float]) -> str:
    lines = []
    for line in great_circle(start, end):
        here = [(round(x, 1), round(y, 1)) for x, y in line]
        kept = [point for k, point in enumerate(here) if k == 0 or point != here[k - 1]]
        if len(kept) > 1:
            lines.append("M" + "L".join(f"{x:g},{y:g}" for x, y in kept))
    return "".join(lines)
