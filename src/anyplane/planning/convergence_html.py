"""render_html: a ConvergenceReport as one self-contained page in the look of `anyplane plan`'s."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil, floor, log10

from markupsafe import Markup

from anyplane import __version__
from anyplane.planning import convergence_text as words
from anyplane.planning import html as pages
from anyplane.planning.convergence_report import ConvergenceReport, Curve, Regime, SituationReport
from anyplane.planning.convergence_text import seconds
from anyplane.planning.figures import count, percent
from anyplane.planning.page.wording import NBSP

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 200, 14, 34
FIRST_S = 0.02
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


def render_html(report: ConvergenceReport) -> str:
    """The page; equal reports give equal bytes from the same version of the program."""
    script = pages.asset("page.js")
    environment = pages.environment()
    return environment.get_template("convergence.html").render(
        report=report,
        views=[_view(index, item) for index, item in enumerate(report.situations)],
        program=f"anyplane {__version__}",
        style=Markup(pages.asset("page.css")),  # noqa: S704  # our own file, no data in it
        script=Markup(script),  # noqa: S704  # our own file, no data in it
        script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
        width=WIDTH,
        height=HEIGHT,
        seconds=lambda value: joined(seconds(value)),
        people=lambda value: joined(count(value)),
    )


def joined(text: str) -> str:
    """A number that is never parted from its unit."""
    return text.replace(" ", NBSP)


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
        id=f"s{index}",
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
