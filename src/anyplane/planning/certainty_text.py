"""certainty_text: how sure a plan is, for the terminal; and the lines that `explain` adds about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning.certainty_report import Certainty, SiteChance, StatedShare, Unsure
from anyplane.planning.figures import count, interval, listed, percent, whole

if TYPE_CHECKING:  # `plan` without certainty loads nothing of the calibration
    from anyplane.planning.certainty_difference import CertaintyDifference
    from anyplane.planning.certainty_explained import Stated

MOST_SITES = 20
WIDTH = 40
MOST_FACTS = 12
FEW = 0.95


def render(certainty: Certainty, *, is_plain: bool = False, has_bars: bool = True) -> RenderableType:
    """The basis, the shares with their intervals, who is not sure, on whom it depends, what to measure."""
    parts: list[RenderableType] = [
        Text.assemble(("How sure that is  ", "bold"), certainty.basis),
        Text(
            f"{percent(certainty.sure)} of users are where one site has 90 % or more, "
            f"{percent(certainty.doubtful)} where none has 60 %; {count(certainty.unsettled)} may be "
            "elsewhere than at their likeliest site."
        ),
        Text(""),
        _shares(certainty.sites, is_plain=is_plain, has_bars=has_bars),
    ]
    if certainty.least_sure:
        table = _table()
        table.add_column("users", justify="right")
        table.add_column("unsettled", justify="right")
        table.add_column("networks that it is least sure of", overflow="fold")
        for row in certainty.least_sure:
            table.add_row(count(row.users), count(row.unsettled), f"{named(row)}: {chances(row.likeliest)}")
        parts += [Text(""), table]
    if certainty.torn:
        table = _table()
        table.add_column("decides for", justify="right")
        table.add_column("unsettled", justify="right")
        table.add_column("networks on whose own choice most of that depends", overflow="fold")
        for row in certainty.torn:
            table.add_row(count(row.users), count(row.unsettled), choice(row))
        parts += [Text(""), table]
    if certainty.measurements:
        table = _table()
        table.add_column("up to", justify="right")
        table.add_column("what would settle most, if it were measured, and why", overflow="fold")
        for item in certainty.measurements:
            table.add_row(count(item.users), f"{item.action}: {item.reason}")
        parts += [Text(""), table]
    return Group(*parts)


def render_difference(item: CertaintyDifference) -> RenderableType:
    """The stated shares before and after, and whose likeliest site changes."""
    name = item.before if item.before == item.after else f"{item.before} -> {item.after}"
    parts: list[RenderableType] = [
        Text.assemble((f"{name}: stated shares  ", "bold"), item.basis),
        Text(
            f"The likeliest site changes for {count(item.moved)} of {count(item.users)} users; "
            f"at least {count(item.expected)} are expected to move."
        ),
        Text(""),
    ]
    table = _table()
    table.add_column("site", overflow="fold", max_width=22)
    for heading in ("before", "90 % interval", "after", "90 % interval"):
        table.add_column(heading, justify="right")
    largest = sorted(item.shares, key=lambda row: -max(one.share for one in (row.before, row.after) if one))
    for change in largest[:MOST_SITES]:
        cells = [
            cell
            for side in (change.before, change.after)
            for cell in ((percent(side.share), interval(side.low, side.high)) if side else ("–", ""))
        ]
        table.add_row(change.site, *cells)
    parts.append(table)
    if len(largest) > MOST_SITES:
        parts.append(Text(f"{len(largest) - MOST_SITES} more in --json", style="dim"))
    if item.moves:
        table = _table()
        for heading in ("likeliest before", "likeliest after"):
            table.add_column(heading, overflow="fold")
        table.add_column("users", justify="right")
        for move in item.moves:
            table.add_row(move.start, move.end, count(move.users))
        parts += [Text(""), table]
    return Group(*parts)


def render_stated(stated: Stated) -> RenderableType:
    """For `explain`: the probabilities at one pop, and what measurements taught about the networks there."""
    what = chances(stated.probabilities) if stated.probabilities else "no route"
    parts: list[RenderableType] = [Text.assemble(("How sure that is  ", "bold"), f"{what}  ({stated.basis})")]
    parts += [_item(line) for line in stated.learned[:MOST_FACTS]]
    if len(stated.learned) > MOST_FACTS:
        parts.append(_item(f"{len(stated.learned) - MOST_FACTS} more in --json"))
    return Group(*parts)


def choice(row: Unsure) -> str:
    """ "AS174 may give its users to fra (62 %) or nyc (38 %)", "… or another" where more are likely."""
    sites = [f"{one.site} ({whole(one.probability)})" for one in row.likeliest]
    if len(sites) < 2 or sum(one.probability for one in row.likeliest) < FEW:
        sites.append("another")
    return f"{named(row)} may give its users to {', '.join(sites[:-1])} or {sites[-1]}"


def chances(likeliest: Sequence[SiteChance], *, most: int = 6) -> str:
    """ "fra 62 %, nyc 38 %"."""
    return listed([f"{one.site} {whole(one.probability)}" for one in likeliest], most=most)


def named(row: Unsure) -> str:
    """ "AS174 COGENT", or the number alone."""
    return f"AS{row.asn} {row.name}".rstrip()


def _shares(sites: Sequence[StatedShare], *, is_plain: bool, has_bars: bool) -> RenderableType:
    ordered = sorted(sites, key=lambda row: -row.share)
    shown = ordered[:MOST_SITES]
    full = max((row.high for row in shown), default=0.0)
    table = _table()
    table.add_column("site", overflow="fold", max_width=22)
    table.add_column("stated", justify="right")
    table.add_column("90 % interval", justify="right")
    if has_bars:
        table.add_column("", min_width=WIDTH)
    for row in shown:
        cells = [row.site, percent(row.share), interval(row.low, row.high)]
        table.add_row(*cells, *([whisker(row, full=full, is_plain=is_plain)] if has_bars else []))
    note = []
    if len(ordered) > len(shown):
        rest = sum(row.share for row in ordered[MOST_SITES:])
        text = f"{len(ordered) - MOST_SITES} more sites with {percent(rest)} of users; --json has all of them"
        note.append(Text(text, style="dim"))
    return Group(table, *note)


def whisker(row: StatedShare, *, full: float, is_plain: bool = False) -> str:
    """The interval as a line with the share on it: "   ├────●───────┤"; `full` fills the width."""
    left, right, line, dot = ("[", "]", "-", "o") if is_plain else ("├", "┤", "─", "●")
    if full <= 0:
        return ""
    low, at, high = (round((WIDTH - 1) * min(1.0, part / full)) for part in (row.low, row.share, row.high))
    drawn = [" "] * low + [line] * (high - low + 1)
    drawn[low], drawn[high] = left, right
    drawn[at] = dot
    return "".join(drawn)


def _item(text: str) -> RenderableType:
    return Padding(Text(f"- {text}"), (0, 0, 0, 2))


def _table() -> Table:
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0)
    )
