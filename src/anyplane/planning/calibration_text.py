"""render: a CalibrationReport for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from anyplane.planning.calibration_report import CalibrationReport

SETS_SHOWN = 25
SITES_SHOWN = 40


def render(report: CalibrationReport, *, width: int = 100) -> RenderableType:
    """Tables and sentences that fit `width` columns."""
    parts: list[RenderableType] = [
        f"[bold]Calibration[/] from {escape(report.origin)}, on {escape(report.graph or 'no graph')}"
    ]
    if report.used:
        parts += ["", _used(report, width)]
        if len(report.used) > SETS_SHOWN:
            parts.append(f"  and {len(report.used) - SETS_SHOWN:,} more; all of them with --json")
    if report.sites:
        parts += ["", "[bold]One site alone, as route collectors saw it[/]", _sites(report)]
        parts.append(
            "  refused: links that do not carry the site though the rules say so; leaks: against the rules;\n"
            "  not in graph: links on paths that it lacks; unexplained: networks that route otherwise still"
        )
        if len(report.sites) > SITES_SHOWN:
            parts.append(f"  and {len(report.sites) - SITES_SHOWN:,} more; all of them with --json")
    if report.never_alone:
        parts += ["", _wrapped("never seen alone by a collector: " + ", ".join(report.never_alone))]
    if report.preferences:
        parts += [
            "",
            f"[bold]Preferences[/]: {report.preferences:,} of {report.networks:,} networks; what says most:",
        ]
        parts += [_wrapped(sentence) for sentence in report.strongest]
    parts += ["", *(_wrapped(sentence) for sentence in report.meaning)]
    parts += [_wrapped(f"warning: {warning}") for warning in report.warnings]
    return Group(*parts)


def _used(report: CalibrationReport, width: int) -> Table:
    table = _table("Announced together", "Seen by", "Networks", "Learned from", right=("Networks",))
    table.columns[0].max_width = width // 3
    for item in report.used[:SETS_SHOWN]:
        table.add_row(
            escape(" + ".join(item.sites)),
            escape(item.method),
            f"{item.networks:,}",
            "yes" if item.is_used else f"no: {escape(item.reason)}",
        )
    return table


def _sites(report: CalibrationReport) -> Table:
    titles = ("Paths", "Observed", "Hear it", "Refused", "Leaks", "Not in graph", "Unexplained")
    table = _table("Site", *titles, right=titles)
    for item in report.sites[:SITES_SHOWN]:
        figures = (
            item.paths,
            item.observed,
            item.heard,
            item.refused,
            item.leaks,
            item.absent,
            item.unexplained,
        )
        table.add_row(escape(item.site), *(f"{figure:,}" for figure in figures))
    return table


def _table(*titles: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left", overflow="fold")
    return table


def _wrapped(sentence: str) -> Padding:
    return Padding(escape(sentence), (0, 0, 0, 2))
