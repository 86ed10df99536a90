"""render_html: game days as one self-contained page: verdicts, a timeline per client, tables beside it.

The style and palette are those of the plan's page; the template lies in the package `page`. What comes from a
scenario passes through autoescaping, and the only script is allowed by its hash.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anyplane.lab.gameday import figures
from anyplane.lab.gameday.outcome import ClientOutcome, ClientSpan, Event, Outcome
from anyplane.planning.page.colours import PALETTE

MOST_LANES = 40
MOST_SPANS = 12
NARROWEST_FLAG = 0.06
NARROWEST_MARK = 0.03
"""Of the track: narrower spans bear no letter."""
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
# Red belongs to the gaps, so the palette's vermilion comes last; dark letters stand on its pale colours.
ORDER = (0, 1, 2, 3, 4, 7, 6, 5)
LIGHT = frozenset((1, 3, 4, 7))
INK = 6
_WORDS = frozenset(("at", "no", "all", "cut", "end", "the", "put", "1"))
SCRIPT = (
    '"use strict";window.addEventListener("beforeprint",()=>{'
    'for(const fold of document.querySelectorAll("details"))fold.open=true;});'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    name: str
    mark: str
    colour: str
    ink: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    at: str
    wide: str
    style: str
    mark: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    client: ClientOutcome
    spans: tuple[_Span, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    at: str
    text: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    event: Event
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    id: str
    outcome: Outcome
    conclusion: str
    is_good: bool
    sites: tuple[_Site, ...]
    lanes: tuple[_Lane, ...]
    rows: tuple[_Lane, ...]
    hidden: int
    flags: tuple[_Mark, ...]
    ticks: tuple[_Mark, ...]
    events: tuple[_Row, ...]


def render_html(outcomes: Sequence[Outcome]) -> str:
    """The page of one game day, or of a suite with an index in front; equal outcomes give equal bytes."""
    days = [_day(one, f"d{number}") for number, one in enumerate(outcomes, 1)]
    kept = sum(day.is_good for day in days)
    is_one = len(days) == 1
    heading = outcomes[0].scenario if is_one else f"{len(days)} game days"
    return (
        _environment()
        .get_template("gameday.html")
        .render(
            days=days,
            title=f"{heading}: what users lost",
            heading=heading,
            sub=outcomes[0].shows if is_one else outcomes[0].where if outcomes else "",
            suite=f"{kept} of {len(days)} game days kept all that they promise.",
            suite_kept=kept == len(days),
            style=Markup(_style()),  # noqa: S704  # our own files, no data in them
            script=Markup(SCRIPT),  # noqa: S704  # our own text, no data in it
            script_hash="sha256-" + b64encode(sha256(SCRIPT.encode()).digest()).decode(),
            palette=PALETTE,
        )
    )


def _day(outcome: Outcome, mark: str) -> _Day:
    sites = _sites(outcome)
    worst = sorted(outcome.clients, key=lambda one: (-one.outage_s, -one.users, one.node, one.kind))
    took = outcome.took_s or 1.0
    lanes = tuple(_lane(client, sites, took) for client in worst)
    numbered, rows, flags = 0, [], []
    for event in figures.folded(outcome.events):
        is_step = event.kind == "step" or (event.kind == "error" and 0 <= event.at_s <= took)
        numbered += is_step
        rows.append(_Row(event=event, number=str(numbered) if is_step else ""))
        if is_step:
            flags.append((event.at_s / took, numbered))
    return _Day(
        id=mark,
        outcome=outcome,
        conclusion=figures.conclusion(outcome),
        is_good=outcome.exit_code == 0,
        sites=tuple(sites.values()),
        lanes=lanes[:MOST_LANES],
        rows=lanes,
        hidden=max(0, len(lanes) - MOST_LANES),
        flags=_flags(flags),
        ticks=_ticks(took),
        events=tuple(rows),
    )


def _sites(outcome: Outcome) -> dict[str, _Site]:
    names = figures.sites_of(outcome)
    marks = figures.letters(names)
    sites = {}
    for place, name in enumerate(names):
        colour = ORDER[place % len(ORDER)]
        ink = "light" if colour in LIGHT else "paper" if colour == INK else ""
        sites[name] = _Site(name=name, mark=marks[name], colour=f"c{colour}", ink=ink)
    return sites


def _lane(client: ClientOutcome, sites: dict[str, _Site], took: float) -> _Lane:
    spans = []
    for place, span in enumerate(client.spans):
        # Until the next one begins: between two queries nothing is known, and nothing is drawn as missing.
        following = client.spans[place + 1].start_s if place + 1 < len(client.spans) else span.end_s
        end = max(span.end_s, following)
        wide = (end - span.start_s) / took
        site = sites.get(span.site)
        spans.append(
            _Span(
                at=_percent(span.start_s / took),
                wide=_percent(wide),
                style=f"{site.colour} {site.ink}".strip() if site else "gap",
                mark=(site.mark if site else "") if wide >= NARROWEST_MARK else "",
                title=_words(span),
            )
        )
    return _Lane(client=client, spans=tuple(spans), words=_story(client))


def _story(client: ClientOutcome) -> str:
    listed = "; ".join(_words(span) for span in client.spans[:MOST_SPANS])
    more = len(client.spans) - MOST_SPANS
    return f"{listed}; {more} more changes" if more > 0 else listed


def _words(span: ClientSpan) -> str:
    who = span.site or figures.NOBODY
    return f"{who} {figures.moment(span.start_s)} to {figures.moment(span.end_s)} ({span.queries:,} queries)"


def _flags(steps: list[tuple[float, int]]) -> tuple[_Mark, ...]:
    """Marks that would lie upon each other become one: 3–5."""
    groups: list[list[tuple[float, int]]] = []
    for at, number in steps:
        if groups and at - groups[-1][0][0] < NARROWEST_FLAG:
            groups[-1].append((at, number))
        else:
            groups.append([(at, number)])
    return tuple(
        _Mark(
            at=_percent(group[0][0]),
            number=f"{group[0][1]}–{group[-1][1]}" if len(group) > 1 else str(group[0][1]),
        )
        for group in groups
    )


def _ticks(took: float) -> tuple[_Mark, ...]:
    step = next((one for one in TICKS if took / one <= 6), TICKS[-1])
    count = int(took / step)
    times = [number * step for number in range(count + 1)]
    return tuple(_Mark(at=_percent(at / took), text=f"{at:g} s") for at in times)


def _percent(part: float) -> str:
    return f"{min(max(part, 0.0), 1.0) * 100:.3f}%"


def _sentence(text: str) -> str:
    """Begins with a capital, unless it begins with a name (mad, as174-lis)."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if (first.isalpha() and len(first) > 3) or first in _WORDS else text


def _style() -> str:
    house = files("anyplane.planning.page").joinpath("page.css").read_text(encoding="utf-8")
    return house + files("anyplane.lab.gameday.page").joinpath("page.css").read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("anyplane.lab.gameday.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=_nbsp(figures.duration),
        moment=_nbsp(figures.moment),
        share=_nbsp(figures.share),
        people=_nbsp(figures.people),
        sentence=_sentence,
    )
    return environment


def _nbsp(write: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: write(value).replace(" ", "\u00a0")
