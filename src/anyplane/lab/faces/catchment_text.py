"""catchment_text: plan and lab side by side, a line for each client; differences are marked in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.lab.faces.catchment import Comparison, Row
from anyplane.lab.faces.status import several
from anyplane.planning.figures import count, ms

SHOWN = 30
"""Rows before the rest, when it agrees, is one line."""
NARROW = 80
NOBODY = "nobody"


def page(found: Comparison, *, width: int = 100, is_whole: bool = False) -> RenderableType:
    """A verdict, then the table; with `is_whole` every client has its row, however many agree."""
    rows = _chosen(found.rows, is_whole=is_whole)
    parts: list[RenderableType] = [_verdict(found), Text(""), _table(found, rows, width=width)]
    if left := len(found.rows) - len(rows):
        parts.append(Text(f"and {left} more clients that the plan and the lab agree on (--all shows them)"))
    return Group(*parts)


def _verdict(found: Comparison) -> Text:
    text = Text(
        f"{found.lab}: {found.address} of {found.prefix}, asked by {several(len(found.rows), 'client')}: "
    )
    if not found.differing:
        return text + Text("each reaches the site that the plan says", style="bold green")
    return text + Text(
        f"{len(found.differing)} of them ({count(found.users_differing)} of {count(found.users)} users) "
        f"{'does' if len(found.differing) == 1 else 'do'} not reach the site that the plan says",
        style="bold red",
    )


def _chosen(rows: Sequence[Row], *, is_whole: bool) -> list[Row]:
    """Those that differ, and as many of the others as fit, in the order given."""
    if is_whole or len(rows) <= SHOWN:
        return list(rows)
    room = SHOWN - sum(not row.is_same for row in rows)
    chosen = []
    for row in rows:
        if not row.is_same:
            chosen.append(row)
        elif room > 0:
            room -= 1
            chosen.append(row)
    return chosen


def _table(found: Comparison, rows: Sequence[Row], *, width: int) -> Table:
    is_wide = width >= NARROW
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("client", no_wrap=True)
    if is_wide:
        table.add_column("in", no_wrap=True)
        table.add_column("users", justify="right", no_wrap=True)
    table.add_column("plan", no_wrap=True)
    table.add_column("lab", no_wrap=True)
    if found.has_delays:
        table.add_column("plan, ms" if is_wide else "plan ms", justify="right", no_wrap=True)
    table.add_column("lab, ms" if is_wide else "lab ms", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in rows:
        cells: list[Text | str] = [row.node.name]
        if is_wide:
            cells += [row.node.location.metro, count(row.node.users)]
        style = "" if row.is_same else "bold red"
        cells += [row.planned.site or NOBODY, Text(row.answer.site or NOBODY, style=style)]
        if found.has_delays:
            cells.append(ms(row.planned.rtt_ms))
        cells += [ms(row.answer.rtt_ms), _mark(row, has_delays=found.has_delays)]
        table.add_row(*cells)
    return table


def _mark(row: Row, *, has_delays: bool) -> Text:
    if not row.is_same:
        why = f": {row.answer.error}" if row.answer.error and not row.answer.site else ""
        return Text(f"DIFFERS{why}", style="bold red")
    if has_delays and row.is_slow:
        return Text("other RTT", style="yellow")
    return Text("")
