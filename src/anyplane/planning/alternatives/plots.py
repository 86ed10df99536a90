"""plots: the two pictures of a comparison as SVG coordinates: RTT by users, and users cut off over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from anyplane.planning.alternatives.report import Alternative, Comparison, Curve
from anyplane.planning.alternatives.wording import after
from anyplane.planning.figures import ms
from anyplane.planning.page.wording import NBSP

WIDTH, HEIGHT = 860, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 236, 16, 36
LINE = 16
LAST_SHARE = 0.995
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
LABELLED = {0.0: "fastest", 0.5: "50", 0.75: "75", 0.9: "90", 0.95: "95", 0.99: "99"}
FIRST_S = 1.0
LEVELS = (0.92, 0.79, 0.66, 0.53, 0.40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One way: its points as SVG wants them, and where its name stands."""

    kind: str
    name: str
    points: str
    x: float
    y: float
    anchor: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Lines between axes; ticks: (x, label), levels: (y, label)."""

    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM


def rtt_plot(report: Comparison) -> Plot:
    """RTT upwards, users from the fastest to the slowest to the right, each tenth of the rest as wide."""
    ways = report.alternatives
    highest = max((_at(item.rtts, LAST_SHARE) for item in ways), default=1.0)
    step = _step(highest)
    top = max(step, ceil(highest / step) * step)
    whole = -log10(1 - LAST_SHARE)

    def x(share: float) -> float:
        return round(LEFT + -log10(1 - min(share, LAST_SHARE)) / whole * (WIDTH - LEFT - RIGHT), 1)

    def y(rtt: float) -> float:
        return round(TOP + (1 - min(rtt, top) / top) * (HEIGHT - TOP - BOTTOM), 1)

    ends = {item.way.value: y(_at(item.rtts, LAST_SHARE)) for item in ways}
    places = _apart(ends)
    lines = []
    for item in ways:
        inside = [(at, share) for at, share in zip(item.rtts.at, item.rtts.share, strict=True)]
        inside = [(at, share) for at, share in inside if share < LAST_SHARE]
        if item.rtts.share[-1] >= LAST_SHARE:
            inside.append((_at(item.rtts, LAST_SHARE), LAST_SHARE))
        points = [(x(share), y(at)) for at, share in inside]
        lines.append(
            Line(
                kind=item.way.value,
                name=f"{item.name}, {ms(item.rtt.p95)}{NBSP}ms",
                points=" ".join(f"{a:g},{b:g}" for a, b in points),
                x=WIDTH - RIGHT + 8,
                y=places[item.way.value],
            )
        )
    count = round(top / step)
    return Plot(
        lines=tuple(lines),
        ticks=tuple((x(share), LABELLED.get(share, "") + (f"{NBSP}%" if share else "")) for share in SHARES
                    if share in LABELLED),
        levels=tuple((y(step * n), f"{step * n:g}{NBSP}ms") for n in range(count + 1)),
    )  # fmt: skip


def cut_plot(report: Comparison) -> Plot | None:
    """Share of the affected users without service upwards, seconds on a logarithmic scale to the right."""
    ways = [item for item in report.alternatives if item.failover is not None and item.failover.affected > 0]
    if not ways:
        return None
    last = max(10.0, *(_over(item) for item in ways)) * 1.3
    span = log10(last / FIRST_S)

    def x(at: float) -> float:
        inside = min(max(at, FIRST_S), last)
        return round(LEFT + log10(inside / FIRST_S) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(share: float) -> float:
        return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    free = iter(LEVELS)
    for item in sorted(ways, key=lambda one: _half(one)):
        cut = item.failover
        if cut is None:
            continue
        shown = [(at, share) for at, share in zip(cut.cut.at, cut.cut.share, strict=True) if at <= last]
        points = [(x(at), y(share)) for at, share in shown if at >= FIRST_S]
        points = [(float(LEFT), points[0][1] if points else y(1.0)), *points]
        if cut.never >= 1:
            place, level = WIDTH - RIGHT + 8.0, y(1.0)
        else:
            height = next(free)
            place = x(next((at for at, share in shown if share <= height), last)) + 10.0
            level = y(height)
        when = "never back" if cut.t50_s is None else f"half back after {after(cut.t50_s)}"
        lines.append(
            Line(
                kind=item.way.value,
                name=f"{item.name}: {when}".replace(" s", f"{NBSP}s") if cut.never < 1 else item.name,
                points=" ".join(f"{a:g},{b:g}" for a, b in points),
                x=round(place, 1),
                y=level,
            )
        )
    decades = range(floor(log10(FIRST_S)), ceil(log10(last)) + 1)
    ticks = [10.0**power for power in decades if FIRST_S <= 10.0**power <= last]
    return Plot(
        lines=tuple(lines),
        ticks=tuple((x(tick), _time(tick)) for tick in ticks),
        levels=tuple((y(share), f"{share * 100:.0f}{NBSP}%") for share in (0, 0.25, 0.5, 0.75, 1)),
    )


def _time(seconds: float) -> str:
    return f"{seconds:g}{NBSP}s" if seconds < 1e4 else f"{seconds / 3600:.1f}{NBSP}h"


def _half(item: Alternative) -> float:
    cut = item.failover
    return float("inf") if cut is None or cut.t50_s is None else cut.t50_s


def _over(item: Alternative) -> float:
    """When 99 % are back, or nothing changes any more."""
    cut = item.failover
    if cut is None:
        return 0.0
    return next((v for v in (cut.t99_s, cut.t90_s, cut.t50_s) if v is not None), 0.0)


def _at(curve: Curve, share: float) -> float:
    """The value by which this share is reached, or the last one."""
    for value, known in zip(curve.at, curve.share, strict=True):
        if known >= share:
            return value
    return curve.at[-1]


def _step(highest: float) -> float:
    """A round distance of about five grid lines."""
    rough = max(highest, 1.0) / 5
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)


def _apart(wishes: dict[str, float]) -> dict[str, float]:
    """Heights at which no label covers another, in the order of their lines."""
    placed: dict[str, float] = {}
    free = float(TOP)
    for kind, wish in sorted(wishes.items(), key=lambda item: item[1]):
        placed[kind] = max(wish, free)
        free = placed[kind] + LINE
    free = float(HEIGHT - BOTTOM)
    for kind in reversed(placed):
        placed[kind] = min(placed[kind], free)
        free = placed[kind] - LINE
    return placed


def twin(curves: Sequence[Curve], points: Sequence[float]) -> list[list[float]]:
    """For each curve its share at each of these places: the table twin of a picture."""
    table = []
    for curve in curves:
        row = []
        for point in points:
            share = curve.share[0] if curve.at[0] <= point else 0.0
            for at, value in zip(curve.at, curve.share, strict=True):
                if at > point:
                    break
                share = value
            row.append(share)
        table.append(row)
    return table
