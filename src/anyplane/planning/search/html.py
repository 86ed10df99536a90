"""section: a SearchReport as a section of a page: what each choice costs and brings, drawn and in tables."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.figures import count, ms, percent, rate, whole
from anyplane.planning.page.answers import Section, render
from anyplane.planning.search import wording
from anyplane.planning.search.report import Choice, SearchReport

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 20, 46
LINE = 16
STYLE = """
.search-plot { display: block; width: 100%; min-width: 520px; max-width: 900px; height: auto; }
.search-plot text { font-size: 13px; fill: var(--soft); }
.search-plot .grid { stroke: var(--line); }
.search-plot .front { fill: none; stroke: var(--pale); stroke-width: 2; }
.search-plot circle { fill: var(--paper); stroke: var(--ink); stroke-width: 2; }
.search-plot .name { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.search-plot .picked circle { fill: var(--accent); stroke: var(--accent); }
.search-plot .picked .name { fill: var(--accent); font-weight: 650; }
.search-plot .worse circle { stroke-dasharray: 3 2; fill: var(--paper); }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One choice in the picture."""

    name: str
    note: str
    kind: str
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Changes to the right, the goal's RTT upwards."""

    dots: tuple[Dot, ...]
    front: str
    ticks: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]


def section(report: SearchReport) -> Section:
    """The section; equal reports give equal bytes."""
    picked = report.picked
    pairs = [
        (was, site)
        for was, site in zip(report.today.sites, picked.sites, strict=True)
        if was.is_announced or site.is_announced
    ]
    pairs.sort(key=lambda pair: -abs(pair[1].users - pair[0].users))
    return Section(
        id="search",
        name="Better announcements",
        kicker="Search",
        service=report.service,
        sub=f"AS{report.origin_asn}. Design: {report.design}. Internet: {report.internet}: "
        f"{report.networks:,} networks, {count(report.users)} users.",
        body=render(
            "search.html",
            report=report,
            picked=picked,
            today=report.today,
            plot=_plot(report),
            verdict=wording.verdict(report),
            effort=wording.effort(report),
            broken=wording.broken_promises(picked),
            sites=pairs,
            has_calibration=any(choice.calibrated for choice in report.choices),
            worst=wording.worst_word,
            unserved=wording.unserved,
            gained=wording.gained,
            counting=wording.counting(report),
            gain=wording.edit_gain,
            loss=wording.edit_loss,
            fullest=_fullest,
            people=count,
            figure=ms,
            part=percent,
            full=whole,
            load=lambda value: "–" if value is None else rate(value, report.load_unit),
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            right=WIDTH - RIGHT,
            top=TOP,
            bottom=HEIGHT - BOTTOM,
        ),
        style=STYLE,
        warnings=report.warnings,
    )


def _fullest(choice: Choice) -> str:
    used = [(site.utilisation, site.site) for site in choice.sites if site.utilisation is not None]
    return f"{max(used)[1]} {whole(max(used)[0])}" if used else "–"


def _plot(report: SearchReport) -> Plot | None:
    rows = report.choices
    if len(rows) < 2:
        return None
    most = max(row.changes for row in rows)
    low, high = min(row.rtt_ms for row in rows), max(row.rtt_ms for row in rows)
    room = max(0.1 * (high - low), 0.02 * high, 0.1)
    low, high = low - room, high + room

    def x(changes: float) -> float:
        return round(LEFT + 16 + changes / max(most, 1) * (WIDTH - LEFT - RIGHT - 32), 1)

    def y(rtt: float) -> float:
        return round(TOP + (high - rtt) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    dots: list[Dot] = []
    for row in rows:
        at_x, at_y = x(row.changes), y(row.rtt_ms)
        label_y = at_y - 9  # above, where the line to the next dot seldom goes
        for other in dots:
            if abs(other.x - at_x) < WIDTH / 4 and abs(other.label_y - label_y) < LINE:
                label_y = other.label_y + LINE
        broken = sum(item.state.value == "broken" for item in row.promises)
        dots.append(
            Dot(
                name=row.name,
                note=f"{ms(row.rtt_ms)} ms",
                kind=f"{'picked' if row is report.picked else 'plain'}{' worse' if broken else ''}",
                x=at_x,
                y=at_y,
                label_x=at_x + 8,
                label_y=round(min(label_y, HEIGHT - BOTTOM - 4), 1),
                anchor="start",
            )
        )
    front: list[tuple[float, float]] = []
    lowest = float("inf")
    for row in sorted(rows, key=lambda row: (row.changes, row.rtt_ms)):
        if row.rtt_ms < lowest:
            lowest = row.rtt_ms
            front.append((x(row.changes), y(row.rtt_ms)))
    step = max(1, -(-most // 6))
    return Plot(
        dots=tuple(dots),
        front=" ".join(f"{a:g},{b:g}" for a, b in front) if len(front) > 1 else "",
        ticks=tuple((x(number), str(number)) for number in range(0, most + 1, step)),
        levels=tuple(
            (y(low + (high - low) * share), f"{ms(low + (high - low) * share)} ms")
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
    )
