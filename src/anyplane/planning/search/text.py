"""text: a SearchReport for the terminal: 100 columns, readable in a pipe, nothing said by colour alone."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.figures import count, ms, percent, rate, whole
from anyplane.planning.report import State
from anyplane.planning.search.report import Choice, SearchReport
from anyplane.planning.search.wording import (
    broken_promises,
    counting,
    edit_gain,
    edit_loss,
    effort,
    gained,
    goal_name,
    unserved,
    verdict,
    worst_word,
)

WIDTH = 100
MOST_EDITS = 24
MOST_SITES = 12
MOST_WARNINGS = 6


def render(report: SearchReport, *, is_plain: bool = False, width: int = WIDTH) -> RenderableType:
    """The whole report. is_plain: ASCII only."""
    dash = "-" if is_plain else "–"
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  on  {report.internet}: {report.networks:,} networks, "
            f"{count(report.users)} users",
        ),
        Text(effort(report)),
        Text(""),
        Text(verdict(report), style="bold"),
        Text(""),
        _choices(report, dash, width),
    ]
    if counting(report):
        parts.append(Text(counting(report), style="dim"))
    if any(choice.calibrated for choice in report.choices):
        parts += [Text(""), *_calibrated(report, dash)]
    picked = report.picked
    if picked.edits:
        parts += [Text(""), *_edits(report, picked, dash)]
        parts += [Text(""), *_loads(report, picked, dash), Text(""), _sureness(picked)]
    broken = broken_promises(picked)
    if broken:
        parts += [Text(""), Text(f"Broken under {picked.name}", style="bold")]
        parts += [Text(f"- {line}") for line in broken]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(Text(f"- {len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left", no_wrap=True)
    return table


def _choices(report: SearchReport, dash: str, width: int) -> Table:
    headers = ["choice", "changes", goal_name(report), "p50", "p95", "fullest", "worst failure"]
    headers += ["unserved", "broken"]
    wide = width >= WIDTH
    has_quantiles = wide and len(report.today.scenarios) == 1
    if not has_quantiles:
        headers = [header for header in headers if header not in ("p50", "p95")]
    table = _table(*headers)
    # One choice may have many names; they wrap before any figure is cut.
    table.columns[0].no_wrap = False
    for choice in report.choices:
        scenario = choice.scenarios[0]
        fullest = max((site.utilisation or 0.0 for site in choice.sites), default=0.0)
        has_load = any(site.utilisation is not None for site in choice.sites)
        broken = sum(item.state is State.BROKEN for item in choice.promises)
        name = ", ".join(choice.names) if wide else choice.name
        cells = [str(choice.changes), f"{ms(choice.rtt_ms)} ms"]
        if has_quantiles:
            cells += [ms(scenario.rtt.p50).replace("–", dash), ms(scenario.rtt.p95).replace("–", dash)]
        cells += [
            whole(fullest) if has_load else dash,
            worst_word(choice).replace("–", dash),
            percent(unserved(choice)),
            str(broken) if choice.promises else dash,
        ]
        table.add_row(Text(name, style="bold" if choice is report.picked else ""), *cells)
    return table


def _calibrated(report: SearchReport, dash: str) -> list[RenderableType]:
    table = _table("under the calibration", "mean", "p95", "fullest site")
    for choice in report.choices:
        found = choice.calibrated
        if found is not None:
            used = f"{found.fullest} {whole(found.utilisation)}" if found.fullest else dash
            table.add_row(choice.name, f"{ms(found.rtt_ms)} ms", f"{ms(found.p95_ms)} ms", used)
    return [table, Text(f"Calibration: {report.calibration}", style="dim")]


def _edits(report: SearchReport, choice: Choice, dash: str) -> list[RenderableType]:
    table = _table("edit", "", "it brings", "without it")
    table.columns[1].justify = "left"
    for column in table.columns[1:]:
        column.no_wrap = False
    for item in choice.edits[:MOST_EDITS]:
        arrow = "->" if dash == "-" else "→"
        table.add_row(item.uplink, f"{item.before} {arrow} {item.after}", edit_gain(item), edit_loss(item))
    title = Text(f"What {choice.name} changes, in the order in which each brings most", style="bold")
    parts: list[RenderableType] = [title, table]
    if len(choice.edits) > MOST_EDITS:
        parts.append(Text(f"and {len(choice.edits) - MOST_EDITS} more, in --json"))
    parts.append(
        Text(
            f"it brings: {goal_name(report)} RTT when the edits above it are made; without it: when all "
            "others are.",
            style="dim",
        )
    )
    return parts


def _loads(report: SearchReport, choice: Choice, dash: str) -> list[RenderableType]:
    table = _table("site", "users today", "then", "load", "of capacity", "today")
    pairs = [
        (was, site)
        for was, site in zip(report.today.sites, choice.sites, strict=True)
        if was.is_announced or site.is_announced
    ]
    pairs.sort(key=lambda pair: -abs(pair[1].users - pair[0].users))
    for was, site in pairs[:MOST_SITES]:
        table.add_row(
            site.site if site.is_announced else f"{site.site} (off)",
            count(was.users),
            count(site.users),
            dash if site.load is None else rate(site.load, report.load_unit),
            whole(site.utilisation).replace("–", dash),
            whole(was.utilisation).replace("–", dash),
        )
    title = f"Sites under {choice.name}, those that change most first"
    if len(choice.scenarios) > 1:
        title += f"; users count once in each of {len(choice.scenarios)} scenarios"
    parts: list[RenderableType] = [Text(title, style="bold"), table]
    if len(pairs) > MOST_SITES:
        parts.append(Text(f"and {len(pairs) - MOST_SITES} more, in --json"))
    return parts


def _sureness(choice: Choice) -> Text:
    said = []
    for item in choice.scenarios:
        prefix = f"{item.scenario}: " if len(choice.scenarios) > 1 else ""
        even = "" if item.moved_expected is None else f", {count(item.moved_expected)} expected"
        said.append(
            f"{prefix}{count(item.moved_certain)} users change site for certain{even}, "
            f"{count(item.moved_possible)} at most, as open ties fall; {gained(item)}."
        )
    return Text("\n".join(said))
