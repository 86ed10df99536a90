"""project: degrees on the globe to the plane of the Equal Earth projection, and great circles through it.

Šavrič, Patterson and Jenny, "The Equal Earth map projection", International Journal of Geographical
Information Science 33(3), 2018. Areas keep their proportion, so a dot's ground is as large as it looks. The
central meridian is 11° E: the cut then runs through the Bering Strait and splits no country.
"""

from __future__ import annotations

from math import acos, asin, atan2, cos, degrees, hypot, radians, sin, sqrt

Point = tuple[float, float]
"""(lat, lon) in degrees or (x, y) on the map."""

CENTRAL_MERIDIAN = 11.0
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = sqrt(3) / 2

WIDTH = 1000.0
"""Width of the drawing in map units; the equator is just as long."""
NORTH, SOUTH = 84.0, -57.0
"""The parallels at the upper and lower edge: hardly anybody lives beyond them."""
LINES_NORTH = 77.0
"""Lines are broken beyond this parallel: the map is so stretched there that they would hug its edge."""


def project(lat: float, lon: float, *, meridian: float = 0.0) -> Point:
    """x and y on the unit sphere's map, y up; degrees in. The cut lies 180° from `meridian`."""
    around = radians(around_meridian(lon, meridian))
    theta = asin(_M * sin(radians(lat)))
    square = theta * theta
    sixth = square**3
    slope = 9 * _A4 * sixth * square + 7 * _A3 * sixth + 3 * _A2 * square + _A1
    x = around * cos(theta) / (_M * slope)
    y = theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
    return x, y


def around_meridian(lon: float, meridian: float) -> float:
    """Degrees east of the meridian, from -180 to 180; both ends stay what they are."""
    east = lon - meridian
    return east if -180.0 <= east <= 180.0 else (east + 180.0) % 360.0 - 180.0


_SCALE = WIDTH / (2 * project(0.0, 180.0)[0])
_TOP = project(NORTH, 0.0)[1]
HEIGHT = round((_TOP - project(SOUTH, 0.0)[1]) * _SCALE, 1)


def on_map(lat: float, lon: float) -> Point:
    """x and y in map units, y down, (0, 0) the upper left corner; points beyond the edges lie on them."""
    x, y = project(max(SOUTH, min(NORTH, lat)), lon, meridian=CENTRAL_MERIDIAN)
    return x * _SCALE + WIDTH / 2, (_TOP - y) * _SCALE


def great_circle(start: Point, end: Point) -> list[list[Point]]:
    """The shortest way between two (lat, lon) in map units, broken at the cut and in the far north."""
    first, last = _vector(*start), _vector(*end)
    angle = acos(max(-1.0, min(1.0, sum(a * b for a, b in zip(first, last, strict=True)))))
    steps = max(2, round(degrees(angle) / 3))
    lines: list[list[Point]] = [[]]
    before: Point | None = None
    for step in range(steps + 1):
        lat, lon = _between(first, last, angle, step / steps)
        east = around_meridian(lon, CENTRAL_MERIDIAN)
        if before is not None and abs(east - before[1]) > 180.0:
            lines.append([])
            if SOUTH <= lat <= LINES_NORTH and SOUTH <= before[0] <= LINES_NORTH:
                leaving, entering = _at_cut(before, (lat, east))
                lines[-2].append(leaving)
                lines[-1].append(entering)
        before = (lat, east)
        if SOUTH <= lat <= LINES_NORTH:
            lines[-1].append(on_map(lat, lon))
        elif lines[-1]:
            lines.append([])
    return [line for line in lines if len(line) > 1]


def _at_cut(before: Point, after: Point) -> tuple[Point, Point]:
    # Where a way crosses the cut of the map: once on the side it leaves, once on the side it enters.
    side = 180.0 if before[1] > 0 else -180.0
    gap = (side - before[1]) / ((after[1] + 2 * side) - before[1] or 1.0)
    lat = before[0] + (after[0] - before[0]) * gap
    return _at_edge(lat, side), _at_edge(lat, -side)


def _at_edge(lat: float, side: float) -> Point:
    x, y = project(lat, side)
    return x * _SCALE + WIDTH / 2, (_TOP - y) * _SCALE


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    up, east = radians(lat), radians(lon)
    return cos(up) * cos(east), cos(up) * sin(east), sin(up)


def _between(
    first: tuple[float, float, float], last: tuple[float, float, float], angle: float, part: float
) -> Point:
    # Slerp; for the same or opposite points any way is as short as another, so the start will do.
    sine = sin(angle)
    if sine < 1e-9:
        a, b = 1.0, 0.0
    else:
        a, b = sin((1 - part) * angle) / sine, sin(part * angle) / sine
    x, y, z = (a * p + b * q for p, q in zip(first, last, strict=True))
    return degrees(atan2(z, hypot(x, y))), degrees(atan2(y, x))
