"""site_text: an agent's status, reasons and history in 100 columns; colour never says it alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.cli.duration import shown

if TYPE_CHECKING:
    from anyplane.agent.journal import Fact

WIDTH = 100
CHECKS_SHOWN = 40
ROUTES_SHOWN = 60
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


def plain(found: Answered) -> str:
    """The page as text, for a pipe or a terminal that is not watched."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, no_color=True, force_terminal=False, highlight=False)
    console.print(page(found))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def page(found: Answered) -> RenderableType:
    """Services, the rings of every route, sessions, checks, the lease, alarms."""
    daemon = found["daemon"]
    dry = ", dry run" if found["is_dry_run"] else ""
    head = Text(
        f"{found['site']}: anyplane {found['version']}, pid {found['pid']}, "
        f"running {shown(found['running_s'])}{dry}"
    )
    seen = (
        f"table read {shown(daemon['seen_age_s'])} ago"
        if daemon["seen_age_s"] is not None
        else "table not read yet"
    )
    state = "as wanted" if daemon["is_as_wanted"] else "not as wanted"
    lines = [head, Text(f"daemon {daemon['kind']}: {state}, {seen}")]
    if found["design"]["refused"]:
        lines.append(Text(f"design refused: {found['design']['refused']}", style="bold red"))
    lines += [Text(f"ALARM {name}: {text}", style="bold red") for name, text in found["alarms"].items()]
    lines.append(Text(_orders_line(found), style="cyan"))
    lines.append(Text(_lease_line(found["lease"])))
    parts: list[RenderableType] = [*(line for line in lines if line.plain), _services(found["services"])]
    parts += [_routes(found["routes"]), _sessions(found["sessions"]), _checks(found["checks"])]
    return Group(*parts)


def explained(found: Answered, services: Sequence[Answered]) -> str:
    """Why each service is as it is: situation, reason, checks, the others, orders."""
    checks = {one["check"]: one for one in found["checks"]}
    lines: list[str] = []
    for one in services:
        lines.append(
            f"{one['service']} is {one['state'].upper()} ({_announced(one['level'])})"
            f" since {shown(one['since_s'])}"
        )
        lines.append(f"  because  {one['situation']}")
        lines.append(f"  reason   {one['reason']}")
        if one["refused"]:
            lines.append(f"  refused  the drain: {one['refused']}")
        if one["penalty_s"]:
            lines.append(f"  penalty  it may not rise for another {shown(one['penalty_s'])}")
        if one["backends"]:
            lines.append(f"  backends {', '.join(one['backends'])}")
        for check in one["checks"]:
            state = checks[check]
            heard = f"{shown(state['age_s'])} ago" if state["age_s"] is not None else "never heard"
            lines.append(
                f"  check    {check} ({state['scope']}): {state['verdict']}, {_run(state['streak'])}, {heard}"
                + (f": {state['detail']}" if state["detail"] else "")
            )
        for other in found["fleet"]:
            said = other["services"].get(one["service"], "says nothing of it")
            lines.append(f"  others   {other['site']}: {said}, {shown(other['age_s'])} ago")
        lines.append("")
    return "\n".join(lines)


def draining(found: Answered, meant: frozenset[str]) -> tuple[dict[str, str], bool, bool]:
    """For each service a line of how far its drain is; whether all are done; whether a guard refused one."""
    lines: dict[str, str] = {}
    is_done, is_refused = True, False
    announced = {one["prefix"] for one in found["routes"] if one["seen"]}
    for one in found["services"]:
        if one["service"] not in meant:
            continue
        left = [prefix for prefix in one["prefixes"] if prefix in announced]
        if one["refused"]:
            lines[one["service"]] = f"refused: {one['refused']}"
            is_refused = True
        elif one["state"] == "draining":
            lines[one["service"]] = (
                f"draining: {one['reason']}; the daemon still announces {', '.join(left) or 'nothing'}"
            )
            is_done = False
        elif one["level"] == "none" and not left:
            lines[one["service"]] = (
                f"{one['state']}: the daemon's table has none of {', '.join(one['prefixes'])}"
            )
        else:
            lines[one["service"]] = f"{one['state']}: the daemon announces {', '.join(left) or 'nothing'}"
            is_done = False
    return lines, is_done, is_refused


def told(facts: Sequence[Fact]) -> str:
    """The history, a line for each fact, times in UTC."""
    lines = []
    for one in facts:
        at = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        change = f"{one.service} {one.before} -> {one.after}: " if one.service else ""
        detail = ", ".join(f"{key}={value}" for key, value in one.detail.items() if value not in ("", None))
        lines.append(f"{at}Z {one.kind:9} {change}{one.reason}" + (f" ({detail})" if detail else ""))
    return "\n".join(lines) + "\n" if lines else "nothing is written of that time\n"


def fact_as_json(one: Fact) -> dict[str, object]:
    """One fact for machines."""
    return {
        "at": one.at,
        "kind": one.kind,
        "service": one.service,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
        "detail": dict(one.detail),
    }


def _services(services: Sequence[Answered]) -> Table:
    table = _table("service", "state", "since", "announced", "reason")
    for one in services:
        reason = f"{one['reason']} (drain refused: {one['refused']})" if one["refused"] else one["reason"]
        state = Text(one["state"].upper(), style=_COLOURS.get(one["state"], ""))
        table.add_row(one["service"], state, shown(one["since_s"]), _announced(one["level"]), reason)
    return table


def _routes(routes: Sequence[Answered]) -> Table:
    table = _table("prefix", "upstream", "neighbor", "wanted", "daemon", "witness", "")
    ordered = sorted(routes, key=lambda one: not _differs(one))
    for one in ordered[:ROUTES_SHOWN]:
        upstream = f"AS{one['upstream']}" if one["upstream"] else "?"
        rings = [_ring(one["wanted"] or False), _ring(one["seen"]), _ring(one["witness"])]
        table.add_row(one["prefix"], upstream, one["neighbor"], *rings, "DIFFERS" if _differs(one) else "")
    if len(ordered) > ROUTES_SHOWN:
        table.add_row(f"and {len(ordered) - ROUTES_SHOWN} more")
    return table


def _sessions(sessions: Sequence[Answered]) -> Table:
    table = _table("session", "upstream", "state", "for", "reason")
    for one in sessions:
        state = Text(one["state"].upper(), style=_COLOURS.get(one["state"], ""))
        table.add_row(one["neighbor"], f"AS{one['upstream']}", state, shown(one["uptime_s"]), one["reason"])
    return table


def _checks(checks: Sequence[Answered]) -> Table:
    table = _table("check", "verdict", "run", "took", "heard", "detail")
    ordered = sorted(checks, key=lambda one: one["verdict"] == "pass")
    for one in ordered[:CHECKS_SHOWN]:
        name = one["check"] if one["scope"] == "local" else f"{one['check']} ({one['scope']})"
        verdict = Text(one["verdict"], style={"fail": "red", "pass": "green"}.get(one["verdict"], ""))
        heard = f"{shown(one['age_s'])} ago" if one["age_s"] is not None else "never"
        table.add_row(name, verdict, _run(one["streak"]), shown(one["latency_s"]), heard, one["detail"])
    if len(ordered) > CHECKS_SHOWN:
        table.add_row(f"and {len(ordered) - CHECKS_SHOWN} more")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, header_style="bold")
    for column in columns:
        is_free = column in ("reason", "detail")
        table.add_column(
            column,
            ratio=1 if is_free else None,
            overflow="fold",
            no_wrap=column in ("since", "for", "run", "took"),
        )
    return table


def _orders_line(found: Answered) -> str:
    orders = found["orders"]
    parts = ["FROZEN by an operator"] if orders["is_frozen"] else []
    if orders["drained"]:
        parts.append(f"drained: {', '.join(orders['drained'])}")
    parts += [f"blackhole {one['host']} for another {shown(one['left_s'])}" for one in orders["blackholes"]]
    return f"orders: {'; '.join(parts)}" if parts else ""


def _lease_line(lease: Answered) -> str:
    if not lease["is_on"]:
        return "lease: none (this daemon's routes end with the agent)"
    held = len(lease["held"])
    return f"lease: {shown(lease['length_s'])}, renewed {shown(lease['age_s'])} ago, {held} prefixes on lo"


def _announced(level: str) -> str:
    return {"none": "not announced", "low": "less preferred", "drain": "draining", "full": "fully"}.get(
        level, level
    )


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


def _differs(route: Answered) -> bool:
    wanted = bool(route["wanted"])
    return any(route[ring] is not None and bool(route[ring]) != wanted for ring in ("seen", "witness"))


def _run(streak: int) -> str:
    if not streak:
        return "-"
    return f"{abs(streak)} {'ok' if streak > 0 else 'failed'}"
