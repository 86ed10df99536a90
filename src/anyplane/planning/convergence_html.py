"""html: a ConvergenceReport as a section of a page, or as a page of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from anyplane.planning import convergence_text as words
from anyplane.planning.convergence_report import ConvergenceReport, Curve, Regime, SituationReport
from anyplane.planning.convergence_text import seconds
from anyplane.planning.figures import count, percent
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.page.wording import NBSP

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 200, 14, 34
FIRST_S = 0.02
STYLE = """\
.converge-plot { display: block; width: 100%; min-width: 560px; max-width: 900px; height: auto; }
.converge-plot text { font-size: 13px; fill: var(--soft); }
.converge-plot .grid { stroke: var(--line); }
.converge-plot .band { fill: var(--pale); opacity: 0.6; }
.converge-plot polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.converge-plot .main polyline { stroke: var(--accent); stroke-width: 3; }
.converge-plot .main text { fill: var(--accent); font-weight: 650; }
.converge-plot .final polyline { stroke: var(--soft); stroke-width: 1.5; }
.converge-plot .hole polyline { stroke: var(--ink); }
.converge-plot .loop polyline { stroke: #d55e00; stroke-dasharray: 7 3; }
.converge-plot .dead polyline { stroke: #0072b2; stroke-dasharray: 2 3; }
@media (prefers-color-scheme: dark) { .plot .dead polyline { stroke: #56b4e9; } }
.converge-plot .hole text, .converge-plot .loop text, .converge-plot .dead text { fill: var(--ink); }
"""
_UNIT = re.compile(r"(\d) (%|s\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve: its points as SVG wants them, and its name at its last point."""

    kind: str
    name: str
    points: str
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The picture of one situation: logarithmic time to the right, share of the affected users upwards."""

    lines: tuple[Line, ...]
    band: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A situation, its picture and the rows of its tables, already written out."""

    id: str
    item: SituationReport
    verdict: str
    plot: Plot | None
    figures: tuple[tuple[str, ...], ...]
    curve: tuple[tuple[str, tuple[str, ...]], ...]
    has_sessions: bool


def section(report: ConvergenceReport) -> Section:
    """The situations, one after another, and how they were simulated."""
    views = [_view(index, item) for index, item in enumerate(report.situations)]
    interrupted = (
        f"interrupted: this is of the runs that were done, not of all {report.planned_seeds} seeds",
    )
    return Section(
        id="converge-0",
        name="Convergence",
        kicker="Convergence",
        service=report.service,
        sub=f"AS{report.origin_asn}. Design: {report.design}. Internet: {report.internet}: "
        f"{report.networks:,} networks, {joined(count(report.total_users))} users.",
        body=render(
            "convergence.html",
            report=report,
            views=views,
            width=WIDTH,
            height=HEIGHT,
            seconds=lambda value: joined(seconds(value)),
            people=lambda value: joined(count(value)),
        ),
        style=STYLE,
        warnings=(*(interrupted if report.is_partial else ()), *report.warnings),
    )


def _view(index: int, item: SituationReport) -> View:
    figures = tuple(
        (name.strip(), *(joined(form(value)) for value in (spread.median, spread.low, spread.high)))
        for name, spread, form in words.rows(item)
        if spread is not None
    )
    curve = item.curve
    table = []
    marks = words.marks_of(curve)
    for name, row in words.curve_rows(item):
        if any(row):
            table.append((name.strip(), tuple(joined(percent(words.at(curve, row, mark))) for mark in marks)))
    return View(
        id=f"converge-{index}",
        item=item,
        verdict=_UNIT.sub(rf"\1{NBSP}\2", words.verdict(item)),
        plot=_plot(item) if item.affected_users else None,
        figures=figures,
        curve=(("after", tuple(joined(seconds(mark)) for mark in marks)), *table),
        has_sessions=item.regime is not Regime.NEW,
    )


def _plot(item: SituationReport) -> Plot:
    curve = item.curve
    still = next((at for at, low in zip(curve.at_s, curve.settled_low, strict=True) if low >= 1), None)
    # Past the end of all that users notice there is nothing to see; a network may go on for minutes.
    last = max(1.0, (still or curve.at_s[-1]) * 1.6)
    span = log10(last / FIRST_S)

    def x(at: float) -> float:
        share = log10(max(at, FIRST_S) / FIRST_S) / span
        return round(LEFT + min(share, 1.0) * (WIDTH - LEFT - RIGHT), 1)

    def y(share: float) -> float:
        return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)

    def points(row: Sequence[float]) -> list[tuple[float, float]]:
        steps: list[tuple[float, float]] = []
        for at, share in zip(curve.at_s, row, strict=True):
            if at > last:
                break
            if steps and steps[-1][1] != y(share):
                steps.append((x(at), steps[-1][1]))
            steps.append((x(at), y(share)))
        steps.append((x(last), steps[-1][1]))
        return steps

    def text(steps: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{a:g},{b:g}" for a, b in steps)

    is_last = item.regime is Regime.LAST
    main = ("cut off for good", curve.settled) if is_last else ("at a working site", curve.working)
    low, high = (
        (curve.settled_low, curve.settled_high) if is_last else (curve.working_low, curve.working_high)
    )
    rows = (
        ("main", *main),
        ("final", "at the final site", curve.settled),
        ("hole", "in a black hole", curve.black_hole),
        ("loop", "in a loop", curve.loop),
        ("dead", "at the dead site", curve.dead),
    )
    shown = [(kind, name, row) for kind, name, row in rows if max(row) >= 0.002]
    if is_last:
        shown = [entry for entry in shown if entry[0] not in ("hole", "final")]
    labels = _apart([(kind, y(row[_end(curve, last)])) for kind, _, row in shown])
    decades = range(floor(log10(FIRST_S)), ceil(log10(last)) + 1)
    ticks = [10.0**power for power in decades if FIRST_S <= 10.0**power <= last]
    return Plot(
        lines=tuple(
            Line(kind=kind, name=_labelled(name, row), points=text(points(row)), label_y=labels[kind])
            for kind, name, row in shown
        ),
        band=text([*points(high), *reversed(points(low))]),
        ticks=tuple((x(tick), f"{tick:g}{NBSP}s") for tick in ticks),
        levels=tuple(
            (y(share), f"{share:.0%}".replace("%", f"{NBSP}%")) for share in (0, 0.25, 0.5, 0.75, 1)
        ),
        right=WIDTH - RIGHT,
    )


def _end(curve: Curve, last: float) -> int:
    """Where the label stands: at the height of the end of the line."""
    return max(index for index, at in enumerate(curve.at_s) if at <= last or index == 0)


def _labelled(name: str, row: Sequence[float]) -> str:
    return name if row[-1] > 0.5 or max(row) > 0.995 else f"{name}, peak {joined(percent(max(row)))}"


def _apart(labels: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Heights at which no label covers another: 16 apart, in the order of their lines."""
    placed: dict[str, float] = {}
    free = float(TOP)
    for kind, wish in sorted(labels, key=lambda label: label[1]):
        placed[kind] = max(wish, free)
        free = placed[kind] + 16
    # What was pushed below the axis moves up again, and what stands above it makes room.
    free = float(HEIGHT - BOTTOM)
    for kind in reversed(placed):
        placed[kind] = min(placed[kind], free)
        free = placed[kind] - 16
    return placed
