"""text: a Comparison for the terminal: 100 columns, readable in a pipe, nothing said by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning.alternatives import wording
from anyplane.planning.alternatives.report import Alternative, Comparison
from anyplane.planning.figures import count, listed, ms, percent

WIDTH = 100
MOST_SITES = 5
MOST_WARNINGS = 6


def render(report: Comparison, *, is_plain: bool = False, width: int = WIDTH) -> RenderableType:
    """The whole report. is_plain: ASCII only."""
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  on  {report.internet}: {report.networks:,} networks",
        ),
        Text.assemble(
            (report.scenario, "bold underline"),
            f"  {count(report.users)} users, sent to sites in five ways",
        ),
        Text(""),
        Text(wording.verdict(report), style="bold"),
        Text(""),
        *_speed(report),
        Text(""),
        *_failover(report, width=width),
        *_promises(report),
        Text(""),
        *_steps(report),
        Text(""),
        *_needs(report),
        Text(""),
        *_details(report),
        Text(""),
        *_assumptions(report),
    ]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [_item(text) for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(_item(f"{len(report.warnings) - MOST_WARNINGS} more in --json"))
    if not is_plain:
        return Group(*parts)
    return Group(*(_ascii(part) for part in parts))


def _speed(report: Comparison) -> list[RenderableType]:
    table = _table("RTT, ms", wording.SPEED_HEADS)
    for item in report.alternatives:
        table.add_row(_name(report, item), *wording.speed_cells(item))
    far = f"{report.assumptions.far_ms:g} ms"
    note = (
        f"far: more than {far} over the RTT of one's best site alone; over best: mean; astray: sent by DNS "
        "elsewhere than if it knew their place"
    )
    return [table, Text(note, style="dim")]


def _failover(report: Comparison, *, width: int) -> list[RenderableType]:
    rows = [(item, item.failover) for item in report.alternatives if item.failover is not None]
    if not rows:
        return []
    heads = wording.FAIL_HEADS[: None if width >= WIDTH else -1]
    table = _table(f"when {report.failed} dies", heads)
    for item, cut in rows:
        label = _name(report, item)
        if cut.site != report.failed:
            label += f" ({cut.site})"
        table.add_row(label, *wording.fail_cells(cut)[: len(heads)])
    parts: list[RenderableType] = [table]
    note = "cut: of all users; mean: how long such a user is; user-hours: of all of them in the first hour"
    parts.append(Text(note, style="dim"))
    lone = report.lone
    if lone is not None:
        text = (
            f"Region {lone.region} is {lone.site} alone ({count(lone.users)} users). If it dies, regional "
            f"anycast has only DNS: half are back after {wording.after(lone.regional.t50_s)}, 99 % after "
            f"{wording.after(lone.regional.t99_s)}. Under a covering prefix: "
            f"{wording.after(lone.covered.t50_s)} and {wording.after(lone.covered.t99_s)}."
        )
        parts.append(Text(text))
    parts.append(Text(""))
    return parts


def _promises(report: Comparison) -> list[RenderableType]:
    rules = [promise.name for promise in report.alternatives[0].promises if promise.is_residency]
    if not any(item.promises for item in report.alternatives):
        return [Text("The design promises nothing: no objectives, no residency.", style="dim")]
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("promises", no_wrap=True)
    for rule in rules:
        table.add_column(f"{rule}: in breach", justify="right")
    table.add_column("objectives broken")
    for item in report.alternatives:
        cells = [wording.residency_cell(p) for p in item.promises if p.is_residency]
        table.add_row(_name(report, item), *cells, wording.broken(item))
    return [table]


def _steps(report: Comparison) -> list[RenderableType]:
    parts: list[RenderableType] = [Text("Why", style="bold")]
    for number, step in enumerate(report.recommendation.steps, start=1):
        parts.append(Text(f"{number}. {step.question}"))
        if step.dropped:
            parts += [Padding(Text(f"out: {text}"), (0, 0, 0, 3)) for text in step.dropped]
        else:
            parts.append(Padding(Text("nobody is out"), (0, 0, 0, 3)))
    return parts


def _needs(report: Comparison) -> list[RenderableType]:
    parts: list[RenderableType] = [Text("What each needs", style="bold")]
    for item in report.alternatives:
        needs = item.needs
        parts.append(
            Text.assemble((item.name, "bold"), f"  {wording.space(needs)}: {needs.block}", overflow="fold")
        )
        parts.append(Padding(Text(f"BGP: {needs.bgp}. DNS: {needs.dns}."), (0, 0, 0, 3)))
        parts.append(Padding(Text("Also: " + "; ".join(needs.also) + "."), (0, 0, 0, 3)))
    return parts


def _details(report: Comparison) -> list[RenderableType]:
    table = _table("unicast from", ("p50", "p95", "p99", "best for", "no route", ""))
    order = sorted(report.alone, key=lambda row: (row.rtt.mean is None, row.rtt.mean or 0.0))
    for row in order[:MOST_SITES]:
        table.add_row(
            row.site,
            ms(row.rtt.p50),
            ms(row.rtt.p95),
            ms(row.rtt.p99),
            percent(row.nearest),
            percent(row.unserved),
            "" if row.takes_part else "not in GeoDNS",
        )
    parts: list[RenderableType] = [table]
    if len(order) > MOST_SITES:
        parts.append(Text(f"{len(order) - MOST_SITES} more sites in --json and --html", style="dim"))
    regions = Table(box=None, pad_edge=False, show_edge=False)
    for head, justify in (("region", "left"), ("users", "right"), ("strangers", "right"), ("sites", "left")):
        regions.add_column(head, justify=justify)  # type: ignore[arg-type]  # rich's literal
    for region in report.regions:
        regions.add_row(
            region.name, count(region.users), percent(region.strangers), listed(region.sites, most=8)
        )
    return [*parts, Text(""), regions]


def _assumptions(report: Comparison) -> list[RenderableType]:
    a = report.assumptions
    parts: list[RenderableType] = [
        Text("Assumed, not measured (* a default, which is a round figure of ours)", style="bold")
    ]
    for name, value, is_default in wording.assumed(a):
        parts.append(Text(f"{'*' if is_default else ' '} {name}: {value}", style="dim"))
    parts.append(Text(f"  anycast rows: {a.basis}; {wording.convergence(a)}", style="dim"))
    return parts


def _name(report: Comparison, item: Alternative) -> str:
    return ("> " if item.way is report.recommendation.way else "  ") + item.name


def _table(first: str, heads: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _item(text: str) -> Padding:
    return Padding(Text(f"- {text}"), (0, 0, 0, 0))


def _ascii(part: RenderableType) -> RenderableType:
    """The same with ASCII for the few signs beyond it."""
    swaps = (("–", "-"), ("×", "x"), ("≤", "<="))
    if isinstance(part, Text):
        plain = part.plain
        for sign, instead in swaps:
            plain = plain.replace(sign, instead)
        return Text(plain)
    if isinstance(part, Padding):
        return Padding(_ascii(part.renderable), (part.top, part.right, part.bottom, part.left))
    if isinstance(part, Table):
        for column in part.columns:
            # The cells of a rich table are only reached this way.
            column._cells = [  # noqa: SLF001
                _swapped(cell, swaps) if isinstance(cell, str) else cell
                for cell in column._cells  # noqa: SLF001
            ]
    return part


def _swapped(text: str, swaps: Sequence[tuple[str, str]]) -> str:
    for sign, instead in swaps:
        text = text.replace(sign, instead)
    return text
