"""certainty_plot: the shares of a Certainty as points with interval bars, in the units of an SVG."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.certainty_report import Certainty, StatedShare

LEFT, RIGHT, ROW, TOP = 150.0, 690.0, 26.0, 8.0
WIDTH = 780.0
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One site: where its point and the ends of its interval lie."""

    share: StatedShare
    x: float
    low: float
    high: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CertaintyPlot:
    """What the template draws; ticks: (x, share)."""

    width: float
    height: float
    left: float
    bottom: float
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, float], ...]


def draw(certainty: Certainty) -> CertaintyPlot:
    """The plot, the largest share on top."""
    sites = sorted(certainty.sites, key=lambda row: (-row.share, row.site))
    most = max((row.high for row in sites), default=0.0)
    step = next((step for step in STEPS if most <= step * MOST_TICKS), STEPS[-1])
    top = min(1.0, max(step, step * -(-most // step)))

    def at(share: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(1.0, share / top), 1)

    bottom = TOP + ROW * len(sites)
    return CertaintyPlot(
        width=WIDTH,
        height=bottom + 30,
        left=LEFT,
        bottom=bottom,
        rows=tuple(
            Row(share=row, x=at(row.share), low=at(row.low), high=at(row.high), y=TOP + ROW * (number + 0.5))
            for number, row in enumerate(sites)
        ),
        ticks=tuple((at(step * n), round(step * n, 4)) for n in range(round(top / step) + 1)),
    )
