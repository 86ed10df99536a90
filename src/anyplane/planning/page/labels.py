"""place: names beside their points, none upon another; what finds no room is left to tooltip and table.

A greedy search, the most important point first: each name tries the places around its point, near ones first,
and takes the first that is inside the drawing and touches no point and no name placed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _NARROW = frozenset("mwMW@%—…"), frozenset("fijlrtI.,:;|!'()[]/- ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Something round to be named."""

    text: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name and where its baseline starts ("start"), ends ("end") or has its middle ("middle")."""

    text: str
    x: float
    y: float
    anchor: str
    line: tuple[float, float, float, float] | None = None
    """From the point's edge to the name, where the name had to move away."""


Box = tuple[float, float, float, float]


def place(
    points: Sequence[Point],
    *,
    size: float,
    width: float,
    height: float,
    most: int = 1000,
    may_move: bool = True,
) -> tuple[Label | None, ...]:
    """One label or None per point, in the order given, which is the order of importance.

    At most `most` names are placed. `may_move` lets a name stand off with a line to its point.
    """
    discs = [(p.x - p.radius, p.y - p.radius, p.x + p.radius, p.y + p.radius) for p in points]
    taken: list[Box] = []
    labels: list[Label | None] = []
    for number, point in enumerate(points):
        labels.append(None)
        if len(taken) >= most:
            continue
        for label, box in _candidates(point, size):
            if label.line and not may_move:
                break
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height
            if not inside or any(_touch(box, other) for other in taken):
                continue
            if any(_touch(box, disc) for other, disc in enumerate(discs) if other != number):
                continue
            taken.append(box)
            labels[number] = label
            break
    return tuple(labels)


def breadth(text: str, size: float) -> float:
    """About how long a text is in the widest of the usual sans serifs; which one is there is unknown."""
    return size * sum(_advance(character) for character in text)


def _advance(character: str) -> float:
    if character in _WIDE or character > "\u2e7f":
        return 1.05
    if character in _NARROW:
        return 0.48
    return 0.82 if character.isupper() else 0.7


def _candidates(point: Point, size: float) -> list[tuple[Label, Box]]:
    long = breadth(point.text, size)
    found = []
    for away in (0.0, 1.2, 2.4):
        gap = point.radius + size * (0.25 + away)
        low = size * 0.35
        for dx, dy, anchor in (
            (gap, 0.0, "start"),
            (-gap, 0.0, "end"),
            (gap * 0.75, -gap * 0.75, "start"),
            (gap * 0.75, gap * 0.75, "start"),
            (-gap * 0.75, -gap * 0.75, "end"),
            (-gap * 0.75, gap * 0.75, "end"),
            (0.0, -gap - low, "middle"),
            (0.0, gap + low, "middle"),
        ):
            x, y = point.x + dx, point.y + dy
            left = x if anchor == "start" else x - long if anchor == "end" else x - long / 2
            box = (left - 1, y - size * 0.55, left + long + 1, y + size * 0.55)
            line = (point.x, point.y, x, y) if away else None
            found.append((Label(text=point.text, x=x, y=y + low, anchor=anchor, line=line), box))
    return found


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
