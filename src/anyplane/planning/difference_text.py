"""difference_text: a Difference for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.difference import Difference, Mover, ScenarioDifference
from anyplane.planning.figures import count, listed, ms, percent
from anyplane.planning.report import Rtt

MOST_MOVES = 15
MOST_MOVERS = 5


def render(difference: Difference) -> RenderableType:
    """Each scenario: how many move, the RTT before and after, the site to site table, the largest movers."""
    parts: list[RenderableType] = [Text.assemble((f"{difference.before} -> {difference.after}", "bold"))]
    for item in difference.scenarios:
        parts += [Text(""), *_scenario(item)]
    for names, where in ((difference.only_before, "before"), (difference.only_after, "after")):
        if names:
            parts += [Text(""), Text(f"Only {where}: {listed(names, most=8)}")]
    return Group(*parts)


def _scenario(item: ScenarioDifference) -> list[RenderableType]:
    name = item.before if item.before == item.after else f"{item.before} -> {item.after}"
    if item.moved == 0:
        moved = "Nobody moves."
    else:
        least = "" if item.is_exact else "at least "
        moved = f"{least}{percent(item.moved_share)} of users ({count(item.moved)}) move"
        if item.moved_certain is not None:
            moved += f"; {count(item.moved_certain)} of them whatever way ties fall"
        moved = moved[0].upper() + moved[1:] + "."
    parts: list[RenderableType] = [Text(name, style="bold underline"), Text(moved)]
    parts.append(Text("RTT " + _rtt(item.rtt_before, item.rtt_after)))
    if item.moves:
        table = _table()
        for heading in ("from", "to"):
            table.add_column(heading, overflow="fold")
        table.add_column("users", justify="right")
        table.add_column("of all", justify="right")
        for move in item.moves[:MOST_MOVES]:
            table.add_row(move.start, move.end, count(move.users), percent(move.users / item.users))
        parts += [Text(""), table]
        if len(item.moves) > MOST_MOVES:
            parts.append(Text(f"{len(item.moves) - MOST_MOVES} more in --json", style="dim"))
    for title, movers in (
        ("networks", item.networks),
        ("metros", item.metros),
        ("countries", item.countries),
    ):
        if movers:
            parts.append(Text(""))
            parts.append(_movers(title, movers))
    if item.changes:
        table = _table()
        for heading in ("promise", "before", "after"):
            table.add_column(heading, overflow="fold")
        for change in item.changes:
            table.add_row(change.promise, change.before, change.after)
        parts += [Text(""), table]
    return parts


def _rtt(before: Rtt, after: Rtt) -> str:
    parts = []
    for name in ("p50", "p95"):
        old: float | None = getattr(before, name)
        new: float | None = getattr(after, name)
        change = f" ({new - old:+.1f})" if old is not None and new is not None else ""
        parts.append(f"{name} {ms(old)} -> {ms(new)} ms{change}")
    return ", ".join(parts)


def _movers(title: str, movers: Sequence[Mover]) -> Table:
    table = _table()
    table.add_column(f"largest {title}", overflow="fold")
    table.add_column("users", justify="right")
    table.add_column("from")
    table.add_column("to")
    for mover in movers[:MOST_MOVERS]:
        who = mover.metro or mover.country
        if mover.asn:
            who = f"AS{mover.asn} {mover.name}".rstrip() + f" in {mover.metro}"
        table.add_row(who or "(unknown)", count(mover.users), mover.start, mover.end)
    return table


def _table() -> Table:
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0)
    )
