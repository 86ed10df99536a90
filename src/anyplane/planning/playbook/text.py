"""text: a PlaybookReport for the terminal: for each site what sheds it, by how much, and to where.

The whole table of responses x sites does not fit a terminal; it is on the page and in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning.figures import count, listed, ms, percent, whole
from anyplane.planning.playbook.report import Lookup, Play, PlaybookReport, Relief, share

MOST = 6
MOST_OF_ONE = 40
MOST_WARNINGS = 8


def render(report: PlaybookReport, *, is_plain: bool = False, width: int = 100) -> RenderableType:
    """The whole report. is_plain: ASCII only. width: columns to fit in, 80 at least."""
    minus = "-" if is_plain else "−"
    plays = {play.number: play for play in report.plays}
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  {listed(report.prefixes, most=3)}  on  {report.internet}: "
            f"{report.internet_networks:,} networks, {count(report.total_users)} users",
        ),
        Text(""),
        Text(lead(report)),
    ]
    for lookup in report.lookups:
        parts += [Text(""), *_lookup(report, lookup, plays, minus=minus, width=width)]
    if report.site:
        parts += _orders(report.lookups[0], plays)
    else:
        parts += [
            Text(""),
            Text(
                "What to type for each: --site SITE, or the page of --html, which has the whole table and is "
                "made to be printed."
            ),
        ]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
    return Group(*parts)


def lead(report: PlaybookReport) -> str:
    """What this is a table of."""
    attack = report.populations[1]
    many = len(report.plays) - 1
    begin = f"{many} prepared responses at {len(report.sites)} site{'' if len(report.sites) == 1 else 's'}"
    if report.site:
        begin = f"{many} prepared responses change what {report.site} gets"
    return (
        f"{begin}. Of each: what it takes off a site, of the attack "
        f"({attack.name}, {attack.networks:,} networks, seed {report.seed}) and of the users, and which "
        "sites take the attack over, in parts of all of it."
    )


def _lookup(
    report: PlaybookReport, lookup: Lookup, plays: dict[int, Play], *, minus: str, width: int
) -> list[RenderableType]:
    most = MOST_OF_ONE if report.site else MOST
    title = Text.assemble(
        (f"{lookup.site} is overloaded", "bold underline"),
        f"  now {percent(lookup.attack_share)} of the attack, {percent(lookup.users_share)} of the users",
    )
    if not lookup.reliefs:
        return [title, Text("Nothing that is prepared takes anything off it.")]
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("response", overflow="fold", min_width=20, max_width=32)
    for name in ("attack", "users", "cut off", "p95 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("the attack goes to")
    rows = merged(lookup, plays)
    for relief, alike in rows[:most]:
        play = plays[relief.play]
        table.add_row(
            f"{play.name} ({alike} alike)" if alike else play.name,
            less(relief.attack, minus),
            less(relief.users, minus),
            percent(cut(report, play)) if play.users_cut else "",
            ms(play.p95_ms),
            takers(relief, most=3 if width >= 96 else 2),
        )
    if len(rows) > most:
        table.add_row(f"{len(rows) - most} more")
    return [title, table]


def merged(lookup: Lookup, plays: Mapping[int, Play]) -> list[tuple[Relief, int]]:
    """The reliefs, those alike as one: the first of them, and how many others come to the same."""
    kept: dict[tuple[object, ...], list[Relief]] = {}
    for one in lookup.reliefs:
        play = plays[one.play]
        figures = (
            one.attack,
            one.users,
            one.to,
            one.to_shares,
            play.users_moved,
            play.users_cut,
            play.p95_ms,
        )
        kept.setdefault(figures, []).append(one)
    return [(alike[0], len(alike) - 1) for alike in kept.values()]


def less(relief: float, minus: str = "−") -> str:
    """ "−42 %" of what is there now; "+8 %" where it becomes more."""
    text = whole(abs(relief)).removeprefix("<")
    return "0" if abs(relief) < 0.005 else f"{minus if relief > 0 else '+'}{text}"


def takers(relief: Relief, *, most: int) -> str:
    """ "ams 12.1 %, nowhere 3.0 %"."""
    said = [
        f"{site or 'nowhere'} {percent(part)}" for site, part in zip(relief.to, relief.to_shares, strict=True)
    ]
    return listed(said, most=most) or "–"


def cut(report: PlaybookReport, play: Play) -> float:
    """Users that a play cuts off, as a share of all."""
    return play.users_cut / report.total_users if report.total_users else 0.0


def change(report: PlaybookReport, play: Play, site: str, population: int) -> float:
    """What a site gets of a population more than now, as a share of the whole population."""
    return share(report, play, site, population) - share(report, report.plays[0], site, population)


def _orders(lookup: Lookup, plays: dict[int, Play]) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(""), Text("What to type", style="bold")]
    for relief, _ in merged(lookup, plays)[:MOST_OF_ONE]:
        play = plays[relief.play]
        parts.append(Text(play.name))
        parts += [Padding(Text(line), (0, 0, 0, 3)) for line in play.orders]
    return parts
