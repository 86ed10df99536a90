"""section: a TrustReport as a part of a page, with the attackers as curves: who takes how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.planning.figures import count, percent
from anyplane.planning.page.answers import Section, joined, render
from anyplane.planning.page.wording import NBSP
from anyplane.planning.trust import words
from anyplane.planning.trust.report import Attack, Cell, Exposure, Situation, TrustReport, World

WIDTH, HEIGHT = 820, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 252, 14, 46
APART = 17
STYLE = """
.trust-plot { display: block; width: 100%; min-width: 560px; max-width: 960px; height: auto; }
.trust-plot text { font-size: 13px; fill: var(--soft); }
.trust-plot .grid { stroke: var(--line); }
.trust-plot polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.trust-plot .label { stroke: none; font-weight: 600; fill: var(--ink); }
.trust-plot polyline.leader { stroke-width: 1.5; stroke-dasharray: none; }
.trust-plot .nobody polyline { stroke: var(--accent); stroke-width: 3; }
.trust-plot .nobody .label { fill: var(--accent); }
.trust-plot .today polyline { stroke: #0072b2; }
.trust-plot .everybody polyline { stroke: #009e73; stroke-dasharray: 2 3; }
.trust-plot .single polyline { stroke: var(--soft); stroke-width: 2; stroke-dasharray: 8 4; }
.trust-plot .forged polyline { stroke: #cc79a7; stroke-width: 2; stroke-dasharray: 10 3 2 3; }
@media (prefers-color-scheme: dark) { .trust-plot .today polyline { stroke: #56b4e9; } }
.trust-level { font-weight: 650; white-space: nowrap; }
.trust-BROKEN { color: var(--accent); }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve: its points as SVG wants them, and its name beside its end on the right."""

    kind: str
    name: str
    points: str
    label_y: float
    end_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A situation of an exposure, drawn and written out; same_as: where that was done before."""

    id: str
    situation: Situation
    title: str
    same_as: str
    lead: str
    lines: tuple[Line, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureView:
    """An Exposure with its situations; what an earlier one has shown already is False here."""

    id: str
    item: Exposure
    title: str
    views: tuple[View, ...]
    anycast: str
    has_worst: bool
    has_single: bool
    has_countries: bool


def section(report: TrustReport) -> Section:
    """The Section; equal reports give equal bytes."""
    shown: dict[object, str] = {}
    exposures = tuple(_exposure(index, item, shown) for index, item in enumerate(report.exposures))
    return Section(
        id="trust",
        name="RPKI and hijacks",
        kicker="RPKI and hijacks",
        service=report.service,
        sub=f"AS{report.origin_asn}. Design: {report.design}. VRPs: {words.source(report)}."
        + (f" Internet: {report.internet}." if report.internet else ""),
        body=render(
            "trust.html",
            report=report,
            words=words,
            exposures=exposures,
            percent=lambda value: joined(percent(value)),
            people=lambda value: joined(count(value)),
            attacks=tuple(Attack),
            worlds=tuple(World),
            drawn=words.drawn(report) if report.exposures else "",
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            right=WIDTH - RIGHT,
            bottom=HEIGHT - BOTTOM,
            levels=[
                (_y(share), f"{share:.0%}".replace("%", f"{NBSP}%")) for share in (0, 0.25, 0.5, 0.75, 1)
            ],
            ticks=[(_x(share), f"{share:.0%}".replace("%", f"{NBSP}%")) for share in (0, 0.25, 0.5, 0.75, 1)],
        ),
        style=STYLE,
        warnings=(("Interrupted: figures are of the runs that were done.",) if report.is_partial else ())
        + report.warnings,
    )


def _exposure(index: int, item: Exposure, shown: dict[object, str]) -> ExposureView:
    name = f"trust-hijack-{index}"
    views = tuple(_view(f"{name}-{n}", item, one, shown) for n, one in enumerate(item.situations))
    last, compared = item.situations[-1], words.anycast(item)

    def is_new(what: object) -> bool:
        return shown.setdefault((item.scenario, what), name) is name

    return ExposureView(
        id=name,
        item=item,
        title=words.title(item),
        views=views,
        anycast=compared,
        has_worst=bool(last.worst) and not last.named and is_new(last.worst),
        has_single=bool(compared) and is_new(item.single),
        has_countries=len(last.worst) > 1 and bool(last.countries) and is_new(last.countries),
    )


def _view(name: str, item: Exposure, situation: Situation, shown: dict[object, str]) -> View:
    title = words.situation_title(situation)
    mine = f"{words.title(item)}: {title}"
    known = shown.setdefault((item.scenario, situation.state, situation.cells), mine)
    curves = _curves(item, situation)
    marks = (0, 10, 25, 50, 75, 90, 100)
    table = [("so many attackers take at most", tuple(f"{mark}{NBSP}%" for mark in marks))]
    table += [
        (label, tuple(joined(percent(cell.curve[mark])) for mark in marks)) for _, label, cell in curves
    ]
    return View(
        id=name,
        situation=situation,
        title=title,
        same_as="" if known == mine else known,
        lead=words.lead(item, situation),
        lines=_lines(curves),
        table=tuple(table),
        rows=tuple(
            (
                attack,
                world,
                tuple(
                    joined(percent(value))
                    for value in (
                        cell.median,
                        cell.p90,
                        cell.worst,
                        cell.mean,
                        cell.networks_median,
                        cell.cut_off,
                    )
                ),
            )
            for attack, world, cell in words.rows(situation)
        ),
        notes=tuple(words.notes(situation)),
    )


def _curves(item: Exposure, situation: Situation) -> list[tuple[str, str, Cell]]:
    """(class, label, cell) of each line: the same prefix in three worlds, one site alone, a forged origin."""
    kinds = {World.NOBODY: "nobody", World.LIST: "today", World.EVERYBODY: "everybody"}
    same = [cell for cell in situation.cells if cell.attack is Attack.SAME and cell.attackers > 1]
    if same and len({cell.curve for cell in same}) == 1:
        found = [("nobody", "whoever validates", same[0])]
    else:
        found = [(kinds[cell.world], f"{words.WORLDS[cell.world]} validates", cell) for cell in same]
    if item.single is not None and item.single.cells and item.single.cells[0].attackers > 1:
        found.append(("single", f"{_short(item.single.best)} alone", item.single.cells[0]))
    forged = next(
        (
            c
            for c in situation.cells
            if c.attack is Attack.FORGED and c.world is World.EVERYBODY and c.attackers > 1
        ),
        None,
    )
    if forged is not None and len(same) and forged.curve != same[-1].curve:
        found.append(("forged", "forged origin", forged))
    return found


def _lines(curves: Sequence[tuple[str, str, Cell]]) -> tuple[Line, ...]:
    if not curves:
        return ()
    # Lines that end together are told apart by their middle.
    order = sorted(curves, key=lambda curve: (-curve[2].curve[-1], -curve[2].curve[50]))
    labels = _apart([(kind, _y(cell.curve[-1])) for kind, _, cell in order])
    return tuple(
        Line(
            kind=kind,
            name=f"{label}: {joined(percent(cell.curve[50]))}",
            points=" ".join(f"{_x(step / 100):g},{_y(share):g}" for step, share in enumerate(cell.curve)),
            label_y=labels[kind],
            end_y=_y(cell.curve[-1]),
        )
        for kind, label, cell in curves
    )


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _short(name: str) -> str:
    """A name of a site may have 63 letters; beside the picture there is room for these."""
    return name if len(name) <= 14 else f"{name[:13]}…"


def _apart(labels: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Heights at which no label covers another, in the order of their curves."""
    placed: dict[str, float] = {}
    free = float(TOP)
    for kind, wish in sorted(labels, key=lambda label: label[1]):
        placed[kind] = max(wish, free)
        free = placed[kind] + APART
    free = float(HEIGHT - BOTTOM)
    for kind in reversed(placed):
        placed[kind] = min(placed[kind], free)
        free = placed[kind] - APART
    return placed
