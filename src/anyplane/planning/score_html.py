"""render_html: a Score as one self-contained page in the look of `anyplane plan`'s."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from anyplane.planning import html as pages
from anyplane.planning import score_text as words
from anyplane.planning.figures import count, interval, percent
from anyplane.planning.page.wording import NBSP
from anyplane.planning.score_report import Bin, By, Measures, Score

WIDTH, HEIGHT = 640, 470
LEFT, RIGHT, TOP, BOTTOM = 72, 22, 16, 92
LARGEST = 13.0
"""Radius of a dot that stands for all networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One class of certainty: where it stands, how high its interval goes, and its number of networks."""

    x: float
    y: float
    high: float
    low: float
    radius: float
    networks: str
    row: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Stated certainty to the right, share right upwards; both axes show the same range."""

    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, float, str], ...]
    """(x, y, label): the same shares on both axes"""


def render_html(score: Score, *, by: By = By.NETWORKS) -> str:
    """The page; equal scores give equal bytes from the same version of the program."""
    shown = score.measures(by)
    rows, columns = words.axes(shown)
    top = max([*(max(one.expected, one.observed) for one in shown.sites), 0.01])
    environment = pages.environment()
    return environment.get_template("score.html").render(
        score=score,
        shown=shown,
        verdict=words.verdict(shown),
        overlap=words.overlap(score),
        announced=[one for one in score.announced if one.is_scored],
        figures=[
            (name, name.startswith(" "), [joined(cell) for cell in cells])
            for name, cells in words.figure_rows(score)
        ],
        plot=_plot(shown),
        bins=[(words.class_of(one), one, words.verdict_of(one)) for one in shown.bins],
        sites=sorted(shown.sites, key=lambda row: (-row.observed, -row.expected, row.site)),
        top=top,
        rows=rows,
        columns=columns,
        cell={(one.observed, one.predicted): one.share for one in shown.confusion},
        darkest=max(one.share for one in shown.confusion),
        **pages.frame(),
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        plot_top=TOP,
        people=lambda value: joined(count(value)),
        points=words.points,
        between=lambda low, high: joined(interval(low, high)),
        range_of=lambda one: joined(words.class_of(one)),
    )


def joined(text: str) -> str:
    """A number that is never parted from its unit."""
    return text.replace(" ", NBSP)


def _plot(shown: Measures) -> Plot:
    known = [one for one in shown.bins if one.stated is not None]
    lowest = min([0.9, *(min(one.stated or 0.0, one.right_low or 0.0) for one in known)])
    begin = floor(lowest * 10) / 10

    def x(share: float) -> float:
        return round(LEFT + (share - begin) / (1 - begin) * (WIDTH - LEFT - RIGHT), 1)

    def y(share: float) -> float:
        return round(HEIGHT - BOTTOM - (share - begin) / (1 - begin) * (HEIGHT - TOP - BOTTOM), 1)

    def dot(index: int, one: Bin) -> Dot:
        stated, right = one.stated or 0.0, one.right or 0.0
        return Dot(
            x=x(stated),
            y=y(right),
            high=y(one.right_high or 0.0),
            low=y(one.right_low or 0.0),
            radius=round(3 + (LARGEST - 3) * one.share**0.5, 1),
            networks=f"{one.networks:,}",
            row=index % 2,
            name=(
                f"{joined(words.class_of(one))}: {percent(stated)} stated, {percent(right)} right "
                f"({interval(one.right_low or 0.0, one.right_high or 0.0)})"
            ),
        )

    tenths = range(round(begin * 10), 11, 1 if begin >= 0.3 else 2)
    return Plot(
        dots=tuple(dot(index, one) for index, one in enumerate(known)),
        ticks=tuple((x(step / 10), y(step / 10), f"{step * 10}{NBSP}%") for step in tenths),
    )
