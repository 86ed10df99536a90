"""drawing: the two ways of a Round as a ladder: boxes for networks, lines for the way in and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.both_ways.report import Hop, Relation, Round
from anyplane.planning.both_ways.wording import short

WIDTH = 720.0
LEFT, RIGHT = 190.0, 530.0
"""Where the way in and the way back run."""
HALF = 150.0
HEIGHT, GAP, MARGIN = 52.0, 46.0, 14.0
LONGEST, LONGEST_ALONE = 48, 28
"""Characters of a name in a wide and in a narrow box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A network (or an end). left, right: what stands under the name on each side."""

    x: float
    y: float
    width: float
    name: str
    title: str
    left: str
    right: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A handover, drawn in the direction of travel. kind: in or back. text: beside it."""

    x: float
    y: float
    to_y: float
    kind: str
    text: str
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All shapes, and how high they stand."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    height: float


def draw(one: Round) -> Drawing:
    """The ladder of a Round, the client on top and the site at the bottom."""
    back = one.way_back.hops
    boxes: list[Box] = []
    tops: dict[tuple[str, int], float] = {}
    y = MARGIN
    for rung in one.ladder:
        is_shared = rung.relation is not Relation.ONE_WAY
        if rung.way_in >= 0:
            tops["in", rung.way_in] = y
        if rung.way_back >= 0:
            tops["back", rung.way_back] = y
        if is_shared:
            there, other = one.way_in.hops[rung.way_in], back[rung.way_back]
            kind = "same" if rung.relation is Relation.SAME else "metros"
            boxes.append(_wide(y, there.network, _crossed(there), _crossed(other), kind))
        else:
            if rung.way_in >= 0:
                boxes.append(_narrow(LEFT, y, one.way_in.hops[rung.way_in]))
            if rung.way_back >= 0:
                boxes.append(_narrow(RIGHT, y, back[rung.way_back]))
        y += HEIGHT + GAP
    is_one_uplink = one.uplink_in == one.uplink_out
    boxes.append(
        _wide(
            y,
            one.site,
            f"in by {short(one.uplink_in)}",
            f"out by {short(one.uplink_out)}",
            "same" if is_one_uplink else "split",
        )
    )
    arrows = _down(one.way_in.hops, tops, y)
    arrows += _up(back, one.way_back.first_km, tops, y)
    return Drawing(boxes=tuple(boxes), arrows=tuple(arrows), height=y + HEIGHT + MARGIN)


def _wide(y: float, name: str, left: str, right: str, kind: str) -> Box:
    x = LEFT - HALF
    width = RIGHT + HALF - x
    return Box(x=x, y=y, width=width, name=_cut(name, LONGEST), title=name, left=left, right=right, kind=kind)


def _narrow(middle: float, y: float, hop: Hop) -> Box:
    # One name and one line of metros; the empty side says nothing.
    return Box(
        x=middle - HALF,
        y=y,
        width=2 * HALF,
        name=_cut(hop.network, LONGEST_ALONE),
        title=hop.network,
        left=_crossed(hop),
        right="",
        kind="alone",
    )


def _down(hops: tuple[Hop, ...], tops: dict[tuple[str, int], float], site_y: float) -> list[Arrow]:
    arrows = []
    for i, hop in enumerate(hops):
        following = hops[i + 1] if i + 1 < len(hops) else None
        y = tops["in", i] + HEIGHT
        to_y = tops["in", i + 1] if following else site_y
        text = _handed(hop, following.enters if following else "")
        arrows.append(_arrow(LEFT, y, to_y, "in", text))
    return arrows


def _up(
    hops: tuple[Hop, ...], first_km: float, tops: dict[tuple[str, int], float], site_y: float
) -> list[Arrow]:
    text = hops[0].enters + (f", {first_km:,.0f} km" if first_km >= 1 else "")
    arrows = [_arrow(RIGHT, site_y, tops["back", 0] + HEIGHT, "back", text)]
    for i, hop in enumerate(hops[:-1]):
        text = _handed(hop, hops[i + 1].enters)
        arrows.append(_arrow(RIGHT, tops["back", i], tops["back", i + 1] + HEIGHT, "back", text))
    return arrows


def _arrow(x: float, y: float, to_y: float, kind: str, text: str) -> Arrow:
    # Beside the end where the arrow begins, so that a line past other networks keeps its label near its own.
    text_y = y + GAP / 2 + 4 if to_y > y else y - GAP / 2 + 4
    is_in = kind == "in"
    return Arrow(
        x=x,
        y=y,
        to_y=to_y,
        kind=kind,
        text=text,
        text_x=x - 12 if is_in else x + 12,
        text_y=text_y,
        anchor="end" if is_in else "start",
    )


def _handed(hop: Hop, enters: str) -> str:
    if hop.link_km < 1:
        return hop.leaves
    return (
        f"{hop.leaves} → {enters}, {hop.link_km:,.0f} km"
        if enters
        else f"{hop.leaves}, {hop.link_km:,.0f} km"
    )


def _crossed(hop: Hop) -> str:
    if hop.enters == hop.leaves:
        return hop.enters
    return f"{hop.enters} → {hop.leaves}, {hop.inside_km:,.0f} km"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
