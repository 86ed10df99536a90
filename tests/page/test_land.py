"""The committed outline of the land: small, well formed, inside the drawing, and made as its tool says."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from anyplane.planning.page.equal_earth import HEIGHT, WIDTH, on_map

LAND = files("anyplane.planning.page").joinpath("land.path").read_text(encoding="ascii").strip()
TOOL = Path(__file__).parents[2] / "tools" / "make_land.py"


def _rings(path: str) -> list[list[tuple[float, float]]]:
    rings = []
    for start, moves in re.findall(r"M(-?\d+,-?\d+)l([^z]*)z", path):
        x, y = (int(number) for number in start.split(","))
        numbers = [int(number) for number in re.findall(r"-?\d+", moves)]
        ring = [(x / 10, y / 10)]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x / 10, y / 10))
        rings.append(ring)
    return rings


def _holds(rings: list[list[tuple[float, float]]], lat: float, lon: float) -> bool:
    x, y = on_map(lat, lon)
    inside = False
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                inside = not inside
    return inside


def test_the_outline_is_small_and_nothing_but_a_path() -> None:
    assert 10_000 < len(LAND) < 60_000
    assert re.fullmatch(r"[Mlz0-9, -]+", LAND)


def test_the_outline_stays_inside_the_drawing() -> None:
    for ring in _rings(LAND):
        assert all(-0.1 <= x <= WIDTH + 0.1 and -0.1 <= y <= HEIGHT + 0.1 for x, y in ring)


def test_cities_inland_are_on_land_and_oceans_are_not() -> None:
    rings = _rings(LAND)

    for lat, lon in (
        (48.9, 2.3),
        (55.8, 37.6),
        (39.7, -105.0),
        (-15.8, -47.9),
        (-23.7, 133.9),
        (9.0, 38.7),
        (66.0, 177.0),
    ):
        assert _holds(rings, lat, lon), (lat, lon)
    for lat, lon in (
        (0.0, -30.0),
        (0.0, -150.0),
        (-40.0, 90.0),
        (40.0, -160.0),
        (43.0, 39.0 - 5),
        (75.0, -5.0),
    ):
        assert not _holds(rings, lat, lon), (lat, lon)


def test_a_ring_across_the_cut_is_drawn_on_both_sides() -> None:
    spec = spec_from_file_location("make_land", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)
    square = [(-179.0, -10.0), (-159.0, -10.0), (-159.0, 10.0), (-179.0, 10.0), (-179.0, -10.0)]

    rings = _rings(tool.draw([square]))

    sides = sorted((min(x for x, _ in ring), max(x for x, _ in ring)) for ring in rings)
    assert len(sides) == 2
    assert sides[0][0] < 1
    assert sides[0][1] < 40
    assert sides[1][0] > WIDTH - 40
    assert sides[1][1] > WIDTH - 1
