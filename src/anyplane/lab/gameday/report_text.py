"""render_text: a game day for the terminal: 100 columns, readable in a pipe, nothing said by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.lab.gameday.figures import (
    conclusion,
    duration,
    folded,
    letters,
    moment,
    people,
    share,
    sites_of,
    worst_outage,
)
from anyplane.lab.gameday.outcome import ClientOutcome, Outcome

WIDTH = 100
MOST_CLIENTS = 15
MOST_EVENTS = 40
STRIP = 40


def render_text(outcome: Outcome) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [
        Text.assemble((outcome.scenario, "bold"), f"  {outcome.shows}"),
        Text(f"{outcome.where}, {duration(outcome.took_s)}", style="dim"),
        Text(""),
        _verdicts(outcome),
        Text(""),
        _totals(outcome),
    ]
    if outcome.faults:
        parts += [Text(""), _faults(outcome)]
    if outcome.clients:
        parts += [Text(""), *_clients(outcome)]
    if outcome.loads:
        parts += [Text(""), _loads(outcome)]
    parts += [Text(""), *_events(outcome)]
    for said in outcome.own_errors:
        parts += [Text(""), Text(f"of themselves: {said}")]
    for error in outcome.errors:
        parts += [Text(""), Text(f"error: {error}", style="bold red")]
    parts += [Text(""), Text(f"{outcome.scenario}: {conclusion(outcome)}", style=_style(outcome))]
    return Group(*parts)


def render_suite(outcomes: Sequence[Outcome]) -> RenderableType:
    """Several game days, one line each."""
    table = _table()
    for title, align in (("scenario", "left"), ("lost", "right"), ("outage", "right"), ("resets", "right")):
        table.add_column(title, justify=align, no_wrap=title != "scenario")  # type: ignore[arg-type]  # left, right
    table.add_column("verdict")
    for one in outcomes:
        table.add_row(
            one.scenario, f"{one.lost:,}", duration(one.worst_outage_s), str(one.resets),
            Text(conclusion(one), style=_style(one)),
        )  # fmt: skip
    kept = sum(one.exit_code == 0 for one in outcomes)
    total = sum(one.took_s for one in outcomes)
    return Group(
        table, Text(""), Text(f"{kept} of {len(outcomes)} game days kept all they promise, {duration(total)}")
    )


def _verdicts(outcome: Outcome) -> Table:
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("expected", ratio=3)
    table.add_column("found", ratio=3)
    for one in outcome.verdicts:
        mark = Text("kept", style="green") if one.is_kept else Text("BROKEN", style="bold red")
        table.add_row(mark, one.expectation, one.reason)
    return table


def _totals(outcome: Outcome) -> Text:
    text = (
        f"{outcome.lost:,} of {outcome.sent:,} queries lost ("
        f"{share(outcome.lost_share_of_users)} of the users'), "
        f"outage {duration(outcome.outage_of_users_s)} for the mean user, "
        f"{worst_outage(outcome)} at worst; "
        f"{outcome.resets} TCP connections reset, {outcome.updates:,} BGP updates sent"
    )
    if outcome.flows is not None:
        text += f"; {outcome.flows.moved} of {outcome.flows.watched} flows moved"
    return Text(text)


def _faults(outcome: Outcome) -> Table:
    table = _table()
    table.add_column("what was done", ratio=1)
    for title in ("at", "withdrawn", "last FIB", "elsewhere", "lost"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in outcome.faults:
        table.add_row(
            one.text, moment(one.at_s), duration(one.withdrawn_s), duration(one.last_fib_s),
            duration(one.elsewhere_s), f"{one.lost:,}",
        )  # fmt: skip
    return table


def _clients(outcome: Outcome) -> list[RenderableType]:
    marks = letters(sites_of(outcome))
    worst = sorted(outcome.clients, key=lambda one: (-one.outage_s, -one.users, one.node, one.kind))
    table = _table()
    table.add_column("client", ratio=1)
    table.add_column("who answered", no_wrap=True, min_width=STRIP)
    for title in ("users", "lost", "outage"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in worst[:MOST_CLIENTS]:
        table.add_row(
            f"{one.node} {one.kind}", _strip(outcome, one, marks), people(one.users), f"{one.lost:,}",
            duration(one.outage_s),
        )  # fmt: skip
    table.add_row("", Text(_ruler(outcome), style="dim"), "", "", "")
    key = ", ".join(f"{mark} {site}" for site, mark in marks.items())
    parts: list[RenderableType] = [table, Text(f"{key}, ! nobody, | a step", style="dim")]
    if len(worst) > MOST_CLIENTS:
        parts.append(Text(f"{len(worst) - MOST_CLIENTS} more clients in --json", style="dim"))
    return parts


def _ruler(outcome: Outcome) -> str:
    """Where in the timelines the steps are."""
    cell = outcome.took_s / STRIP or 1.0
    steps = {int(one.at_s / cell) for one in outcome.events if one.kind == "step"}
    return "".join("|" if place in steps else " " for place in range(STRIP)).rstrip()


def _strip(outcome: Outcome, client: ClientOutcome, marks: dict[str, str]) -> Text:
    """The timeline in letters: a cell with any gap in it shows the gap, however short."""
    cell = outcome.took_s / STRIP or 1.0
    strip = Text()
    for place in range(STRIP):
        start, end = place * cell, (place + 1) * cell
        here = [span for span in client.spans if span.start_s < end and span.end_s >= start]
        if any(not span.site for span in here):
            strip.append("!", style="bold red")
        elif here:
            strip.append(marks[here[-1].site][:1])
        else:
            strip.append(" ")
    return strip


def _loads(outcome: Outcome) -> Table:
    table = _table()
    table.add_column("site", ratio=1)
    for title in ("users before", "at the end", "planned", "of capacity"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in outcome.loads:
        full = None if not one.capacity_users else one.users / one.capacity_users
        table.add_row(one.site, share(one.before), share(one.after), share(one.planned), share(full))
    return table


def _events(outcome: Outcome) -> list[RenderableType]:
    table = _table()
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("", ratio=1)
    events = folded(outcome.events)
    for one in events[:MOST_EVENTS]:
        table.add_row(moment(one.at_s), one.kind, Text(one.text, style="bold" if one.kind == "step" else ""))
    more = len(events) - MOST_EVENTS
    return [table, *([Text(f"{more} more events in --json", style="dim")] if more > 0 else [])]


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, width=WIDTH, header_style="dim")


def _style(outcome: Outcome) -> str:
    return "green" if outcome.exit_code == 0 else "bold red"
