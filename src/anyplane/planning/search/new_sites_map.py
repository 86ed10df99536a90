"""draw: where the sites are, which of them are new, and in which metros users come nearer or go farther."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from anyplane.planning.figures import count, ms
from anyplane.planning.page import labels
from anyplane.planning.page.equal_earth import HEIGHT, WIDTH, on_map
from anyplane.planning.search.new_sites_report import Change, NewSitesReport, Spot

LARGEST = 17.0
NEW, OLD, OLD_OF_MANY = 8.0, 3.5, 2.0
"""Radii in map units."""
WIDE_TEXT, NARROW_TEXT = 13.0, 27.0
"""As on the map of a plan: for a drawing 1000 pixels wide, and for one of 370."""
MOST_OLD = 30
"""With more sites only the new ones are named, so that they stand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A metro or a site on the map; kind: shorter, longer, new or old."""

    x: float
    y: float
    radius: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GainMap:
    """All shapes, large ones first so that small ones stay visible."""

    width: float
    height: float
    dots: tuple[Circle, ...]
    rings: tuple[Circle, ...]
    wide_labels: tuple[labels.Label, ...]
    narrow_labels: tuple[labels.Label, ...]


def draw(report: NewSitesReport) -> GainMap:
    """The map of today against all proposals in place."""
    new = [spot for spot in report.sites if spot.is_new]
    old = sorted((spot for spot in report.sites if not spot.is_new), key=lambda one: (-one.users, one.site))
    is_many = len(old) > MOST_OLD
    named = [*new, *([] if is_many else old)]
    points = [_point(spot) for spot in named]
    wide = labels.place(points, size=WIDE_TEXT, width=WIDTH, height=HEIGHT)
    narrow = labels.place(points, size=NARROW_TEXT, width=WIDTH, height=HEIGHT, most=len(new) + 5)
    return GainMap(
        width=WIDTH,
        height=HEIGHT,
        dots=_dots(report.changes),
        rings=tuple(_ring(spot, is_many=is_many) for spot in [*old, *new]),
        wide_labels=tuple(label for label in wide if label),
        narrow_labels=tuple(label for label in narrow if label),
    )


def _dots(changes: tuple[Change, ...]) -> tuple[Circle, ...]:
    order = sorted(changes, key=lambda one: (-_weight(one), one.metro))
    most = _weight(order[0]) if order else 1.0
    dots = []
    for one in order:
        x, y = on_map(one.lat, one.lon)
        dots.append(
            Circle(
                x=round(x, 1),
                y=round(y, 1),
                radius=round(max(1.5, LARGEST * sqrt(_weight(one) / most)), 1),
                kind="shorter" if one.after < one.before else "longer",
                title=f"{one.city or one.metro} ({one.metro}, {one.country}): {count(one.users)} users, "
                f"{ms(one.before)} → {ms(one.after)} ms",
            )
        )
    return tuple(dots)


def _weight(one: Change) -> float:
    return one.users * abs(one.after - one.before)


def _ring(spot: Spot, *, is_many: bool) -> Circle:
    x, y = on_map(spot.lat, spot.lon)
    what = "New site" if spot.is_new else "Site"
    return Circle(
        x=round(x, 1),
        y=round(y, 1),
        radius=NEW if spot.is_new else OLD_OF_MANY if is_many else OLD,
        kind="new" if spot.is_new else "old",
        title=f"{what} {spot.site}: {count(spot.users)} users",
    )


def _point(spot: Spot) -> labels.Point:
    x, y = on_map(spot.lat, spot.lon)
    return labels.Point(text=spot.site, x=x, y=y, radius=NEW if spot.is_new else OLD)
