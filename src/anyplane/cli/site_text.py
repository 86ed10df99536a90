"""site_text: an agent's status as a page of 60 to 100 columns; colour never says it alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.cli.duration import shown
from anyplane.cli.site_verdict import Finding, Word, announced, clock, findings, some

WIDTH = 100
FINDINGS_SHOWN = 6
CHECKS_SHOWN = 20
SERVICES_SHOWN = 20
ROUTES_SHOWN = 12
Answered = dict[str, Any]  # what came over the socket
_COLOURS = {
    "up": "green",
    "down": "red",
    "degraded": "yellow",
    "draining": "yellow",
    "drained": "cyan",
    "held": "bold red",
    "frozen": "bold red",
    "isolated": "bold red",
    "quarantine": "magenta",
    "falling": "yellow",
    "rising": "cyan",
}
_WORDS = {Word.OK: "bold green", Word.NOTE: "bold cyan", Word.PROBLEM: "bold red"}


def plain(found: Answered, *, width: int = WIDTH, is_whole: bool = False) -> str:
    """The page as text without colour, for a pipe."""
    out = io.StringIO()
    console = Console(file=out, width=width, no_color=True, force_terminal=False, highlight=False)
    console.print(page(found, is_whole=is_whole))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def page(found: Answered, *, is_whole: bool = False, silent: str = "") -> RenderableType:
    """The verdict and what to do; services, rings of the routes, sessions, checks; the agent itself.

    `is_whole`: each service, route and check has its row, however many agree. `silent`: the agent does not
    answer any more, in these words; all else is what it said last.
    """
    listed = findings(found)
    if silent:
        last = f"what follows is of {clock(found['at'])}"
        todo = f"systemctl status anyplane-agent@{found['site']}"
        listed = (Finding(word=Word.PROBLEM, text=f"{silent}; {last}", todo=todo), *listed)
    parts: list[RenderableType] = [_verdict(found["site"], listed)]
    parts += [_services(found["services"], is_whole), _routes(found["routes"], is_whole)]
    parts += [_sessions(found["sessions"]), _checks(found["checks"], is_whole), _agent(found)]
    spaced: list[RenderableType] = []
    for part in parts:
        if not (isinstance(part, Table) and not part.row_count):
            spaced += [part, Text("")]
    return Group(*spaced[:-1])


def _verdict(site: str, listed: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    said: set[str] = set()
    for number, one in enumerate(listed[:FINDINGS_SHOWN]):
        table.add_row(
            Text(one.word, style=_WORDS[one.word]), Text(one.text if number else f"{site}: {one.text}")
        )
        if one.todo and one.todo not in said:
            said.add(one.todo)
            table.add_row(Text("  do", style="bold"), Text(one.todo))
    if len(listed) > FINDINGS_SHOWN:
        table.add_row("", f"and {len(listed) - FINDINGS_SHOWN} more")
    return table


def _services(services: Sequence[Answered], is_whole: bool) -> Table:
    table = _table("service", "state", "for", "decision", "reason")
    others = [one for one in services if one["state"] != "up"]
    alike = [one for one in services if one["state"] == "up"]
    is_summed = not is_whole and len(services) > SERVICES_SHOWN
    for one in others if is_summed else services:
        state = Text(one["state"].upper(), style=_COLOURS.get(one["state"], ""))
        reason = f"{one['reason']} (drain refused: {one['refused']})" if one["refused"] else one["reason"]
        table.add_row(one["service"], state, shown(one["since_s"]), announced(one["level"]), reason)
    if is_summed and alike:
        shortest = shown(min(one["since_s"] for one in alike))
        table.add_row(f"{len(alike)} services", Text("UP", style="green"), shortest, "announced", "the rest")
    return table


def _routes(routes: Sequence[Answered], is_whole: bool) -> Table:
    table = _table("prefix", "to", "neighbor", "wanted", "daemon", "witness", "")
    differing = [one for one in routes if differs(one)]
    agreeing = [one for one in routes if not differs(one)]
    is_summed = not is_whole and len(routes) > ROUTES_SHOWN
    # The few that differ each have a row; many that differ alike are one fact again.
    for one in differing if not is_summed or len(differing) <= ROUTES_SHOWN else ():
        _route(table, one["prefix"], one)
    for group in _alike(differing) if is_summed and len(differing) > ROUTES_SHOWN else ():
        _route(table, some([one["prefix"] for one in group], what="prefixes", examples=1), group[0])
    for one in agreeing if not is_summed else ():
        _route(table, one["prefix"], one)
    for group in _alike(agreeing) if is_summed else ():
        _route(table, some([one["prefix"] for one in group], what="prefixes", examples=1), group[0])
    return table


def _route(table: Table, prefix: str, one: Answered) -> None:
    upstream = f"AS{one['upstream']}" if one["upstream"] else "?"
    rings = [_ring(one["wanted"] or False), _ring(one["seen"]), _ring(one["witness"])]
    mark = Text("DIFFERS", style="bold red") if differs(one) else Text("")
    table.add_row(prefix, upstream, one["neighbor"], *rings, mark)


def _alike(routes: Sequence[Answered]) -> list[list[Answered]]:
    groups: dict[str, list[Answered]] = {}
    for one in routes:
        key = repr([one[ring] for ring in ("upstream", "neighbor", "wanted", "seen", "witness")])
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _sessions(sessions: Sequence[Answered]) -> Table:
    table = _table("session", "upstream", "state", "for", "reason")
    for one in sessions:
        state = Text(one["state"].upper(), style=_COLOURS.get(one["state"], ""))
        table.add_row(one["neighbor"], f"AS{one['upstream']}", state, shown(one["uptime_s"]), one["reason"])
    return table


def _checks(checks: Sequence[Answered], is_whole: bool) -> Table:
    table = _table("check", "verdict", "in a row", "took", "heard", "detail")
    ordered = sorted(checks, key=lambda one: one["verdict"] == "pass")
    kept = ordered if is_whole else ordered[:CHECKS_SHOWN]
    for one in kept:
        name = one["check"] if one["scope"] == "local" else f"{one['check']} ({one['scope']})"
        verdict = Text(one["verdict"], style={"fail": "red", "pass": "green"}.get(one["verdict"], ""))
        heard = f"{shown(one['age_s'])} ago" if one["age_s"] is not None else "never"
        table.add_row(name, verdict, run(one["streak"]), shown(one["latency_s"]), heard, one["detail"])
    if len(ordered) > len(kept):
        bad = sum(one["verdict"] != "pass" for one in ordered[len(kept) :])
        rest = f"{bad} of them do not pass" if bad else "all pass"
        table.add_row(f"and {len(ordered) - len(kept)} more", "", "", "", "", f"{rest}; --all lists each")
    return table


def _agent(found: Answered) -> Text:
    daemon, lease = found["daemon"], found["lease"]
    seen = daemon["seen_age_s"]
    table = f"its table was read {shown(seen)} ago" if seen is not None else "its table was not read yet"
    renewed = f", renewed {shown(lease['age_s'])} ago" if lease["age_s"] is not None else ""
    held = len(lease["held"])
    anchors = f"{held} prefix{'' if held == 1 else 'es'} on lo"
    lines = [
        f"daemon {daemon['kind']}: {table}",
        f"lease {shown(lease['length_s'])}{renewed}, {anchors}"
        if lease["is_on"]
        else "lease: none (this daemon's routes end with the agent)",
    ]
    process = f"anyplane {found['version']}, pid {found['pid']}, running {shown(found['running_s'])}"
    return Text("\n".join([*lines, f"{process}, design {found['design']['path']}"]))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        is_kept = column in ("state", "for", "in a row", "took", "wanted", "daemon", "verdict")
        table.add_column(column, overflow="fold", no_wrap=is_kept)
    return table


def _ring(ring: Answered | bool | None) -> str:
    if ring is None:
        return "-"
    if ring is False:
        return "no"
    assert isinstance(ring, dict)  # noqa: S101  # true has no meaning here
    parts = [f"+{ring['prepend']}"] if ring["prepend"] else []
    parts += [f"MED {ring['med']}"] if ring["med"] else []
    parts += ["gshut"] if "65535:0" in ring["communities"] else []
    parts += ["blackhole"] if "65535:666" in ring["communities"] else []
    return " ".join(["yes", *parts])


def differs(route: Answered) -> bool:
    """Does a ring that is known say something else than was wanted? The witness always knows attributes."""
    wanted = bool(route["wanted"])
    if any(route[ring] is not None and bool(route[ring]) != wanted for ring in ("seen", "witness")):
        return True
    if route.get("is_altered"):
        return True
    return bool(wanted and route["witness"] and route["witness"] != route["wanted"])


def run(streak: int) -> str:
    """So many equal results in a row."""
    if not streak:
        return "-"
    return f"{abs(streak)} {'ok' if streak > 0 else 'failed'}"
