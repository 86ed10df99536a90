"""The projection against published numbers, and great circles against geometry."""

from __future__ import annotations

from itertools import pairwise
from math import asin, degrees, hypot, log, radians, sin, sqrt

import pytest

from anyplane.planning.page.equal_earth import (
    CENTRAL_MERIDIAN,
    HEIGHT,
    LINES_NORTH,
    WIDTH,
    around_meridian,
    great_circle,
    on_map,
    project,
)

# WGS84; the projection of the ellipsoid is that of the sphere of equal area, at the authalic latitude.
AXIS, FLATTENING = 6378137.0, 1 / 298.257223563
SQUARE = FLATTENING * (2 - FLATTENING)
ECCENTRICITY = sqrt(SQUARE)


def _q(lat: float) -> float:
    s = sin(radians(lat))
    return (1 - SQUARE) * (
        s / (1 - SQUARE * s * s) - log((1 - ECCENTRICITY * s) / (1 + ECCENTRICITY * s)) / (2 * ECCENTRICITY)
    )


@pytest.mark.parametrize(
    ("lon", "lat", "x", "y"),
    [
        (0, 0, 0.0, 0.0),
        (180, 0, 17243959.06, 0.0),
        (-180, 90, -10216474.79, 8392927.60),
        (180, 45, 14792474.75, 5466867.76),
        (-70, -31.2, -6241081.64, -3907019.16),
    ],
)
def test_the_projection_gives_the_metres_that_proj_publishes(
    lon: float, lat: float, x: float, y: float
) -> None:
    radius = AXIS * sqrt(_q(90.0) / 2)

    found = project(degrees(asin(_q(lat) / _q(90.0))), lon)

    assert found[0] * radius == pytest.approx(x, abs=0.01)
    assert found[1] * radius == pytest.approx(y, abs=0.01)


def test_the_map_has_the_proportions_of_the_paper() -> None:
    equator, pole = project(0, 180)[0], project(90, 180)

    assert equator / pole[1] == pytest.approx(2.05458, abs=5e-6)
    assert pole[0] / equator == pytest.approx(0.59247, abs=5e-6)


def test_areas_keep_their_proportion() -> None:
    def area(lat: float) -> float:
        (x0, y0), (x1, y1) = project(lat, 20.0), project(lat + 0.01, 20.01)
        return (project(lat, 20.01)[0] - x0 + x1 - project(lat + 0.01, 20.0)[0]) / 2 * (y1 - y0)

    def ground(lat: float) -> float:
        return radians(0.01) * (sin(radians(lat + 0.01)) - sin(radians(lat)))

    ratios = [area(lat) / ground(lat) for lat in (0.0, 30.0, 55.0, 70.0)]

    assert ratios == pytest.approx([1.0] * 4, rel=1e-3)


def test_everything_lands_inside_the_drawing() -> None:
    for lat in range(-90, 91, 10):
        for lon in range(-180, 181, 20):
            x, y = on_map(lat, lon)
            assert 0 <= x <= WIDTH
            assert -0.1 <= y <= HEIGHT + 0.1


def test_the_central_meridian_is_the_middle() -> None:
    assert on_map(0, CENTRAL_MERIDIAN)[0] == pytest.approx(WIDTH / 2)
    assert around_meridian(-175.0, CENTRAL_MERIDIAN) == pytest.approx(174.0)


def test_a_great_circle_ends_where_it_should() -> None:
    lines = great_circle((50.1, 8.7), (40.7, -74.0))

    assert len(lines) == 1
    assert lines[0][0] == pytest.approx(on_map(50.1, 8.7))
    assert lines[0][-1] == pytest.approx(on_map(40.7, -74.0))


@pytest.mark.parametrize(
    ("start", "end"),
    [((34.0, -118.2), (-33.9, 151.2)), ((-33.9, 151.2), (34.0, -118.2)), ((-17.0, 178.0), (21.0, -158.0))],
)
def test_a_way_across_the_pacific_is_cut_at_both_edges_of_the_map(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    first, second = great_circle(start, end)

    # Both ends at the cut lie on the map's outline, at the same height, on opposite sides.
    assert first[-1][1] == pytest.approx(second[0][1])
    assert first[-1][0] == pytest.approx(WIDTH - second[0][0])


def test_a_way_over_the_pole_is_broken_in_the_far_north() -> None:
    lines = great_circle((40.7, -74.0), (31.2, 121.5))

    assert len(lines) == 2
    assert min(y for line in lines for _, y in line) >= on_map(LINES_NORTH, 0)[1]


def test_no_line_jumps_across_the_map() -> None:
    ends = [(lat, lon) for lat in (-40, 0, 35, 65) for lon in range(-170, 180, 35)]

    for start in ends:
        for end in ends:
            for line in great_circle(start, end):
                steps = [hypot(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in pairwise(line)]
                assert max(steps) < 80, (start, end)


def test_the_same_point_and_its_antipode_are_no_trouble() -> None:
    here = great_circle((10.0, 20.0), (10.0, 20.0))

    assert {point for line in here for point in line} == {on_map(10.0, 20.0)}
    for line in great_circle((0.0, 0.0), (0.0, 180.0)):
        assert all(0 <= x <= WIDTH for x, _ in line)
