"""convergence_text: a ConvergenceReport for the terminal, 100 columns, nothing said by colour alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.broken_sessions import Broken
from anyplane.planning.convergence_report import (
    Assumptions,
    ConvergenceReport,
    Curve,
    Regime,
    SituationReport,
    Spread,
)
from anyplane.planning.figures import count, listed, percent

WIDTH = 100
MOST_WARNINGS = 8
BARS, PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
MARKS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Times that the curve in the terminal shows."""
_EVENT = (
    ("open", "in all"),
    ("TCP", "dead"),
    ("QUIC", "dead"),
    ("TCP", "planned"),
    ("QUIC", "planned"),
    ("regional", "unicast"),
    ("cannot", "open"),
)
_DAY = (("a day,", "edge"), ("a day,", "regional"))
"""Heads of the columns about connections, in two lines."""


def render(report: ConvergenceReport, *, is_plain: bool = False, width: int = WIDTH) -> RenderableType:
    """The whole report. is_plain: ASCII only; width: columns, 80 to 100."""
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  on  {report.internet}: {report.networks:,} networks, "
            f"{count(report.total_users)} users",
        )
    ]
    if report.is_partial:
        done = sum(item.seeds for item in report.situations)
        parts.append(
            Text(f"Interrupted: what follows is of {done} runs that were done.", style="bold yellow")
        )
    for item in report.situations:
        parts += [Text(""), *_situation(item, is_plain=is_plain, width=width)]
    parts += [Text(""), *_assumptions(report.assumptions)]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(Text(f"- {len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def _situation(item: SituationReport, *, is_plain: bool, width: int) -> list[RenderableType]:
    title = Text.assemble((item.name, "bold underline"), f"  ({item.regime.value})")
    lead = Text(
        f"{count(item.affected_users)} users ({percent(item.affected_share)}) are affected; "
        f"{item.seeds} {'seed' if item.seeds == 1 else 'seeds'}, "
        f"{'all' if item.stable == item.seeds else item.stable} ended as `plan` predicts. " + verdict(item)
    )
    table = Table(box=None, pad_edge=False, show_edge=False)
    for header in ("", "median", "least", "most"):
        table.add_column(header, justify="right" if header else "left", no_wrap=True)
    for name, spread, form in rows(item):
        if spread is not None:
            table.add_row(name, form(spread.median), form(spread.low), form(spread.high))
    parts: list[RenderableType] = [title, lead, Text(""), table]
    parts += [Text(""), _curve(item, is_plain=is_plain, width=width)]
    if item.regime is not Regime.NEW:
        parts += [Text(""), *_sessions(item, width=width)]
    return parts


def verdict(item: SituationReport) -> str:
    """One sentence about what users see."""
    if item.s50_s is None:
        return "Nobody's route changes."
    if item.regime is Regime.LAST or item.t50_s is None or item.t99_s is None:
        known = f"half of the networks know after {seconds(item.n50_s.median)}, " if item.n50_s else ""
        return (
            f"Nobody is served any more; {known}the last message arrives after {seconds(item.end_s.median)}."
        )
    told = (
        "No message leaves the neighbours of the site: they have the same path through another one."
        if not item.messages.high
        else f"The last message arrives after {seconds(item.end_s.median)}."
    )
    return (
        f"Half of them reach a working site for good after {seconds(item.t50_s.median)}, "
        f"99 % after {seconds(item.t99_s.median)}. {told}"
    )


def rows(item: SituationReport) -> list[tuple[str, Spread | None, Callable[[float], str]]]:
    """(name, spread, how to write a value) of each figure, for terminal and page alike."""
    found: list[tuple[str, Spread | None, Callable[[float], str]]] = []
    if item.regime is not Regime.LAST:
        found += [
            ("50 % of affected users reach a working site", item.t50_s, seconds),
            ("90 % of affected users reach a working site", item.t90_s, seconds),
            ("99 % of affected users reach a working site", item.t99_s, seconds),
            ("50 % of them reach their final site", item.s50_s, seconds),
            ("99 % of them reach their final site", item.s99_s, seconds),
        ]
    else:
        found.append(("99 % of users reach nothing any more", item.s99_s, seconds))
    if item.n50_s is not None:
        change = "have dropped the route" if item.regime is Regime.LAST else "that change path have done so"
        found += [
            (f"50 % of networks {change}", item.n50_s, seconds),
            (f"90 % of networks {change}", item.n90_s, seconds),
            (f"99 % of networks {change}", item.n99_s, seconds),
        ]
    found += [
        ("last message", item.end_s, seconds),
        ("messages", item.messages, whole),
        ("  of them withdrawals", item.withdrawals, whole),
        ("networks that change path", item.networks, whole),
    ]
    if item.regime is not Regime.LAST:
        found.append(("user-seconds in a black hole", item.black_hole_user_s, count))
    found += [
        ("user-seconds in a loop", item.loop_user_s, count),
        ("user-seconds at the dead site", item.dead_user_s, count),
    ]
    if item.regime in (Regime.FAIL_OVER, Regime.JOIN):
        found.append(("other users disturbed", item.disturbed_users, count))
    return found


def _curve(item: SituationReport, *, is_plain: bool, width: int) -> Table:
    bars = PLAIN_BARS if is_plain else BARS
    marks = marks_of(item.curve)[-8 if width >= WIDTH else -6 :]
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("after", style="dim", no_wrap=True)
    for mark in marks:
        table.add_column(seconds(mark), justify="right", no_wrap=True)
    for name, row in curve_rows(item):
        if any(row):
            shares = [at(item.curve, row, mark) for mark in marks]
            cells = [f"{bars[round(share * 8)]} {percent(share)}" for share in shares]
            table.add_row(name, *cells)
    return table


def curve_rows(item: SituationReport) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """(name, shares) of each line of the curve that says something in this regime."""
    curve = item.curve
    rest = (("in a loop", curve.loop), ("at the dead site", curve.dead))
    if item.regime is Regime.LAST:
        return (("cut off for good", curve.settled), ("  least of the seeds", curve.settled_low), *rest)
    return (
        ("at a working site", curve.working),
        ("  least of the seeds", curve.working_low),
        ("at the final site", curve.settled),
        ("in a black hole", curve.black_hole),
        *rest,
    )


def marks_of(curve: Curve) -> tuple[float, ...]:
    """The times that a table of the curve shows: up to the first after its end, eight at most."""
    last = next((at for at, share in zip(curve.at_s, curve.settled_low, strict=True) if share >= 1), 3000.0)
    shown = [mark for mark in MARKS_S if mark <= last * 3.5]
    return tuple(shown[:3] if len(shown) < 3 else shown[-8:]) or MARKS_S[:3]


def at(curve: Curve, row: Sequence[float], mark: float) -> float:
    """The value of a row of the curve at a time."""
    found = row[0]
    for time, value in zip(curve.at_s, row, strict=True):
        if time > mark:
            break
        found = value
    return found


def _sessions(item: SituationReport, *, width: int) -> list[RenderableType]:
    """One table, or where it does not fit a second one for what breaks in a day."""
    rows = [(row.service, *_session_cells(row, item.regime)) for row in item.sessions]
    if width >= WIDTH:
        return [_columns((*_EVENT, *_DAY), rows)]
    ends = 1 + len(_EVENT)
    second = _columns(_DAY, [(row[0], *row[ends:]) for row in rows])
    return [_columns(_EVENT, [row[:ends] for row in rows]), Text(""), second]


def _columns(heads: Sequence[tuple[str, str]], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("connections broken", min_width=min(18, max(len(row[0]) for row in rows)))
    for first, _ in heads:
        table.add_column(first, justify="right", no_wrap=True)
    table.add_row("", *(second for _, second in heads), style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def _session_cells(row: Broken, regime: Regime) -> tuple[str, ...]:
    failed = "all" if regime is Regime.LAST else count(row.failed)
    if row.dead_tcp + row.dead_quic + row.day_tcp + row.day_quic == 0:
        return (count(row.open), "–", "–", "–", "–", "–", failed, "–", "–")
    broken = (row.dead_tcp, row.dead_quic, row.planned_tcp, row.planned_quic, row.regional)
    day = (row.day_tcp + row.day_quic, row.day_regional)
    return (count(row.open), *map(count, broken), failed, *map(count, day))


def _assumptions(a: Assumptions) -> list[RenderableType]:
    mix = listed([f"{item.mrai_s:g} s at {percent(item.share)}" for item in a.mrai], most=6)
    damping = "off" if a.damping == "off" else f"{a.damping} at {percent(a.damping_share)}"
    routers = (
        f"Routers: MRAI {mix} of networks, jitter {a.jitter_low:g} to {a.jitter_high:g}; of those with one, "
        f"{percent(a.busy)} have it kept running by other prefixes, {percent(a.withdrawals_wait)} hold "
        f"withdrawals back too; processing {a.processing_s * 1000:g} ms (log-normal, sigma "
        f"{a.processing_sigma:g}); damping {damping}."
    )
    breaks = (
        "dead: the site stops answering at once; planned: it answers until routes have moved; regional "
        "unicast: connections end at a unicast address and break only in their first "
        f"{a.first_exchange_s:g} s; a day: {a.changes_per_day:g} changes of site for each user."
    )
    return [Text(routers, style="dim"), Text(breaks, style="dim")]


def seconds(value: float) -> str:
    """0.19 s, 4.2 s, 141 s."""
    digits = 2 if value < 1 else 1 if value < 100 else 0
    return f"{value:.{digits}f} s" if value else "0 s"


def whole(value: float) -> str:
    """12,345."""
    return f"{value:,.0f}"
