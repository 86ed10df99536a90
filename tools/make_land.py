"""make_land: draw the world's land as one SVG path, from the TopoJSON of the npm package world-atlas.

    npm pack world-atlas && tar xzf world-atlas-*.tgz
    python tools/make_land.py package/land-110m.json

The outlines are Natural Earth's, 1:110 million, in the public domain; world-atlas packs them under the ISC
licence. The result is written to src/anyplane/planning/page/land.path and committed; it is in tenths of the
units of `equal_earth.on_map`. Rings that cross the cut of the map are clipped on both sides of it. Antarctica
is left out, and so are islands too small to be seen.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

from anyplane.planning.page.equal_earth import CENTRAL_MERIDIAN, on_map

Ring = list[tuple[float, float]]
"""Points (lon, lat) in degrees; the last equals the first."""

OUT = Path(__file__).parent.parent / "src" / "anyplane" / "planning" / "page" / "land.path"
STEP = 3.0
"""Degrees; a longer edge is bent, because a straight line on the globe is none on the map."""


def main() -> None:
    """Read the TopoJSON named on the command line, write the path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("topojson", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    wanted = parser.parse_args()
    path = draw(rings(json.loads(wanted.topojson.read_text(encoding="utf-8"))))
    wanted.out.write_text(path + "\n", encoding="ascii")
    print(f"{wanted.out.name}: {len(path) / 1000:.1f} kB")


def rings(topology: dict) -> list[Ring]:
    """Every ring of the object `land`, holes included (the path is filled by the even-odd rule)."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for deltas in topology["arcs"]:
        x = y = 0
        arc = []
        for dx, dy in deltas:
            x, y = x + dx, y + dy
            arc.append((x * sx + tx, y * sy + ty))
        arcs.append(arc)

    def ring(indices: list[int]) -> Ring:
        points: Ring = []
        for index in indices:
            arc = arcs[index] if index >= 0 else arcs[~index][::-1]
            points += arc[1:] if points else arc
        return points

    found: list[Ring] = []
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        found += [ring(indices) for polygon in polygons for indices in polygon]
    return found


def draw(found: list[Ring]) -> str:
    """One path of relative moves in whole tenths of a map unit."""
    parts = []
    for ring in found:
        east = unwrap(ring)
        if abs(east[-1][0] - east[0][0]) > 1.0 or max(lat for _, lat in ring) < -60.0:
            continue  # it goes round the pole, or is an island beside it: Antarctica
        for shift in (-360.0, 0.0, 360.0):
            piece = clip([(lon + shift, lat) for lon, lat in east])
            parts.append(to_path(bend(piece)))
    return "".join(part for part in parts if part)


def unwrap(ring: Ring) -> Ring:
    """The ring in degrees east of the central meridian, without jumps."""
    points: Ring = []
    for lon, lat in ring:
        east = lon - CENTRAL_MERIDIAN
        if points:
            east -= 360.0 * round((east - points[-1][0]) / 360.0)
        points.append((east, lat))
    return points


def clip(ring: Ring) -> Ring:
    """The part of a ring between 180° west and east of the meridian (Sutherland and Hodgman)."""
    for sign in (1.0, -1.0):
        kept: Ring = []
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            inside0, inside1 = x0 * sign <= 180.0, x1 * sign <= 180.0
            if inside0:
                kept.append((x0, y0))
            if inside0 != inside1:
                edge = 180.0 * sign
                kept.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
        ring = kept
    return ring


def bend(ring: Ring) -> Ring:
    """The ring with points added on long edges."""
    points: Ring = []
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        pieces = max(1, int(max(abs(x1 - x0), abs(y1 - y0)) / STEP))
        points += [(x0 + (x1 - x0) * k / pieces, y0 + (y1 - y0) * k / pieces) for k in range(pieces)]
    return points


def to_path(ring: Ring) -> str:
    """M, then l with relative whole tenths; "" where nothing of it would be seen."""
    tenths: list[tuple[int, int]] = []
    for east, lat in ring:
        # Just inside the cut, so that both edges of the map stay apart.
        x, y = on_map(lat, CENTRAL_MERIDIAN + max(-179.999, min(179.999, east)))
        point = (round(x * 10), round(y * 10))
        if not tenths or point != tenths[-1]:
            tenths.append(point)
    xs, ys = [x for x, _ in tenths], [y for _, y in tenths]
    if len(tenths) < 3 or max(xs) - min(xs) + max(ys) - min(ys) < 15:
        return ""
    path = f"M{tenths[0][0]},{tenths[0][1]}l"
    moves = [(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in pairwise(tenths)]
    numbers = [str(number) for move in moves for number in move]
    # A minus sign separates as well as a space does.
    path += numbers[0] + "".join(n if n.startswith("-") else " " + n for n in numbers[1:])
    return path + "z"


if __name__ == "__main__":
    main()
