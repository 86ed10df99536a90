"""text: an AttackReport for the terminal, 80 to 100 columns, nothing said by colour alone."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning.attack import words
from anyplane.planning.attack.report import AttackReport, SiteUnderAttack
from anyplane.planning.attack.words import users_load, volume
from anyplane.planning.figures import count, listed, ms, percent, whole

MOST_SITES = 25
MOST_RESPONSES = 12
MOST_ORDERS = 3
MOST_WARNINGS = 8
BAR = 8


def render(report: AttackReport, *, is_plain: bool = False, width: int = 100) -> RenderableType:
    """The whole report. is_plain: ASCII only. width: columns to fit in, 80 at least."""
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  {listed(report.prefixes, most=3)}  on  {report.internet}: "
            f"{report.internet_networks:,} networks, {count(report.total_users)} users",
        ),
        Text(""),
        Text.assemble((f"Under attack: {words.asked(report)}.", "bold"), f" {words.verdict(report)}"),
        Text(words.concentration(report)),
    ]
    parts += _lost(report)
    if advice := words.advice(report):
        parts.append(Text(advice, style="bold"))
    parts += [Text(""), _sites(report, is_plain=is_plain, width=width), *_spared(report)]
    parts += [Text(""), _sources(report)]
    if report.responses and report.drowned:
        parts += [Text(""), _responses(report, width=width), *_orders(report)]
    if len(report.rounds) > 1:
        parts += [Text(""), *_cascade(report)]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(Text(f"- {len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def _lost(report: AttackReport) -> list[Text]:
    said = []
    if report.unknown_networks:
        asns = listed([f"AS{one.asn}" for one in report.unknown], most=5)
        is_one = report.unknown_networks == 1
        said.append(
            f"{volume(report.unknown_gbps)} is left out: {report.unknown_networks:,} "
            f"network{'' if is_one else 's'} that this Internet lacks ({asns})."
        )
    if report.unreached_gbps >= 0.01:
        said.append(f"{volume(report.unreached_gbps)} has no route to any site.")
    return [Text(" ".join(said))] if said else []


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, title=title, title_justify="left")
    table.title_style = "bold"
    for position, name in enumerate(columns):
        table.add_column(name, justify="left" if position < left else "right", no_wrap=position >= left)
    return table


def _sites(report: AttackReport, *, is_plain: bool, width: int) -> Table:
    struck = [site for site in report.sites if site.attack_gbps or site.is_drowned]
    has_calibration = any(site.calibrated_gbps is not None for site in report.sites)
    is_wide = width >= 96
    most = max((site.attack_gbps for site in report.sites), default=0.0)

    def cells(site: SiteUnderAttack) -> list[tuple[str, str]]:
        """(title, cell); what does not fit beside a calibration is in the JSON and on the page."""
        row = [("site", site.site), ("attack", volume(site.attack_gbps)), ("of it", whole(site.attack_share))]
        if has_calibration:
            row.append(("calibrated", volume(site.calibrated_gbps or 0.0)))
        if is_wide or not has_calibration:
            row.append(("users' load", users_load(site)))
        row += [
            ("capacity", "–" if site.capacity_gbps is None else volume(site.capacity_gbps)),
            ("full", whole(site.utilisation)),
            ("lost", whole(site.loss) if site.is_drowned else "–" if site.loss is None else ""),
            ("users hurt", _hurt(site)),
        ]
        if is_wide and not has_calibration:
            length = round(BAR * site.attack_gbps / most) if most else 0
            row.append(("", ("#" if is_plain else "█") * length))
        return [*row, ("most through", _through(site))] if is_wide else row

    table = _table("Where it lands", *(title for title, _ in cells(report.sites[0])))
    for column in table.columns:
        column.no_wrap = True
        column.justify = "left" if column.header in ("site", "", "most through") else "right"
    for site in struck[:MOST_SITES]:
        table.add_row(*(cell for _, cell in cells(site)), style="bold" if site.is_drowned else "")
    return table


def _hurt(site: SiteUnderAttack) -> str:
    if site.users_hurt is None:
        return "–"
    return count(site.users_hurt) if site.is_drowned else ""


def _spared(report: AttackReport) -> list[Text]:
    struck = [site for site in report.sites if site.attack_gbps or site.is_drowned]
    said = [f"{len(struck) - MOST_SITES} more in --json"] if len(struck) > MOST_SITES else []
    spared = [site.site for site in report.sites if site not in struck]
    said += [f"none of it at {listed(spared, most=14)}"] if spared else []
    return [Text("; ".join(said))] if said else []


def _through(site: SiteUnderAttack) -> str:
    if not site.uplinks or not site.attack_gbps:
        return ""
    first = site.uplinks[0]
    return f"AS{first.asn} {whole(first.gbps / site.attack_gbps)}"


def _sources(report: AttackReport) -> Table:
    table = _table("Where it comes from", "source", "attack", left=1)
    table.columns[0].no_wrap = True
    table.columns[0].overflow = "ellipsis"
    table.columns[0].max_width = 34
    table.add_column("lands on")
    regions = report.regions if len(report.regions) > 1 else ()
    for source in (*regions, *report.sources[:8]):
        table.add_row(source.name, volume(source.gbps), words.parts(source, most=4) or "nowhere")
    return table


def _responses(report: AttackReport, *, width: int) -> Table:
    table = _table(
        f"What to do, by users saved ({len(report.responses):,} responses were tried)",
        "#", "response", "saved", "hurt then", "moved", "cut off", "p95 ms",
        left=2,
    )  # fmt: skip
    table.columns[0].justify = "right"
    table.columns[1].overflow = "fold"
    table.add_column("drown then", no_wrap=width >= 96, overflow="ellipsis")
    for one, alike in words.shown(report, most=MOST_RESPONSES):
        table.add_row(
            f"{one.rank}",
            words.named(one, alike),
            count(one.users_saved),
            count(one.users_hurt),
            count(one.users_moved),
            count(one.users_cut) if one.users_cut else "",
            ms(one.p95_ms),
            words.drowning(one, most=3),
        )
    return table


def _orders(report: AttackReport) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for one, _ in words.shown(report, most=MOST_ORDERS)[:-1]:
        parts += [Text(""), Text(f"{one.rank}. {one.name}", style="bold")]
        parts += [Padding(Text(line), (0, 0, 0, 3)) for line in one.orders]
    return parts


def _cascade(report: AttackReport) -> list[RenderableType]:
    table = _table(
        "If a drowned site withdraws itself", "round", "drown then", "withdrawn", "users hurt", left=2
    )
    table.add_column("fullest site", no_wrap=True)
    for item in report.rounds:
        table.add_row(
            f"{item.number}",
            words.names(item.drowned, most=8),
            f"{len(item.withdrawn)}",
            f"{count(item.users_hurt)} ({percent(item.users_hurt / report.total_users)})"
            if report.total_users
            else "–",
            words.fullest(item),
        )
    return [table, Text(f"{words.rounds(report)} {report.guard}")]
