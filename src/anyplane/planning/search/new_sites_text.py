"""new_sites_text: a NewSitesReport for the terminal, at most 100 columns, nothing said by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning.figures import count, listed, ms, percent, rate, whole
from anyplane.planning.report import Rtt
from anyplane.planning.search.new_sites_report import Aim, Load, NewSitesReport, Pick, Proposal

MOST_WARNINGS, MOST_SHIFTS = 8, 6


def render(report: NewSitesReport, *, is_plain: bool = False) -> RenderableType:
    """The whole report, on as many columns as it is printed on. is_plain: ASCII only."""
    arrow = "->" if is_plain else "→"
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  on  {report.internet}: {report.networks:,} networks, "
            f"{count(report.total_users)} users",
        ),
        Text(""),
        Text(lead(report)),
    ]
    if report.proposals:
        parts += [Text(""), _overview(report, is_plain=is_plain)]
    for number, item in enumerate(report.proposals, start=1):
        parts += [Text(""), *_proposal(report, number, item, arrow)]
    if report.proposals:
        parts += [Text(""), Text("Under sites: in the design", style="bold")]
        parts += [Padding(Text(item.line, overflow="fold"), (0, 0, 0, 2)) for item in report.proposals]
    if report.others:
        parts += [Text(""), Text("As the first site to add", style="bold"), _others(report)]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(Text(f"- {len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def lead(report: NewSitesReport) -> str:
    """One or two sentences: what to do, and what it brings."""
    looked = (
        f"{report.looked_at} of {report.metros} metros without a site of the design were tried"
        f" ({report.sets:,} announcement sets)."
    )
    if not report.proposals:
        return f"No new site makes {aim_words(report.aim)} better. {looked}"
    names = [f"{item.city or item.metro} ({item.metro})" for item in report.proposals]
    return (
        f"Add {listed(names, most=8)}: {aim_words(report.aim)} goes from {aim_value(report, -1)} to "
        f"{aim_value(report, len(names) - 1)}. {looked}"
    )


def aim_words(aim: Aim) -> str:
    """What is made small, in words."""
    if aim is Aim.MEAN:
        return "the users' mean RTT"
    return "the utilisation of the fullest site" if aim is Aim.LOAD else f"the {aim.value} RTT"


def aim_value(report: NewSitesReport, number: int) -> str:
    """The aim after so many proposals; -1: as it is today."""
    if report.aim is Aim.LOAD:
        load = report.load_today if number < 0 else report.proposals[number].load_after
        return whole(load.utilisation)
    rtt = report.rtt_today if number < 0 else report.proposals[number].rtt_after
    value: float | None = getattr(rtt, report.aim.value)
    return f"{ms(value)} ms"


def gain_words(report: NewSitesReport, gain: float) -> str:
    """A gain in the aim's unit."""
    return f"{gain * 100:.1f} points" if report.aim is Aim.LOAD else f"{ms(gain)} ms"


def pick_words(pick: Pick) -> str:
    """ "AS2914 NTT (59,550 in its cone, in use)"."""
    what = f"{pick.customers:,} members" if pick.kind == "route_server" else f"cone of {pick.customers:,}"
    used = ", in use" if pick.is_used else ""
    return f"AS{pick.asn}{' ' + pick.name if pick.name else ''} ({what}{used})"


def _overview(report: NewSitesReport, *, is_plain: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for header in ("", "site", "mean", "p50", "p95", "gain", "alone", "users", "worse off"):
        table.add_column(header, justify="left" if header in ("", "site") else "right", no_wrap=True)
    rtt = report.rtt_today
    none = "-" if is_plain else "–"
    table.add_row("", "today", ms(rtt.mean), ms(rtt.p50), ms(rtt.p95), *([none] * 4), style="dim")
    for number, item in enumerate(report.proposals, start=1):
        rtt = item.rtt_after
        table.add_row(
            str(number),
            f"{item.site} ({item.metro})",
            ms(rtt.mean),
            ms(rtt.p50),
            ms(rtt.p95),
            gain_words(report, item.gain),
            gain_words(report, item.gain_alone),
            f"{count(item.users)} {percent(item.share)}",
            count(item.worse_users),
        )
    return table


def _proposal(report: NewSitesReport, number: int, item: Proposal, arrow: str) -> list[RenderableType]:
    title = Text.assemble(
        (f"{number}. {item.city or item.metro}", "bold underline"), f"  {item.metro}, {item.country}"
    )
    lines = [f"upstreams   {'; '.join(pick_words(one) for one in item.upstreams)}"]
    lines.append(f"RTT         {rtt_words(item.rtt_before, item.rtt_after, arrow)}")
    lines.append(f"users       {count(item.users)} ({percent(item.share)}); {shift_words(item)}")
    lines.append(f"routes      {change_words(item)}")
    if item.unserved_after != item.unserved_before:
        lines.append(f"unserved    {count(item.unserved_before)} {arrow} {count(item.unserved_after)} users")
    if item.carries is not None:
        lines.append(f"carries     {carries_words(report, item)}")
    if item.load_after.utilisation is not None:
        lines.append(f"load        {load_words(item.load_before, item.load_after, arrow)}")
    lines += [f"residency   {text}" for text in residency_words(item, arrow)]
    parts: list[RenderableType] = [title]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=11)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(f"  {line[:11].strip()}", line[12:])
    return [*parts, grid]


def rtt_words(before: Rtt, after: Rtt, arrow: str) -> str:
    """ "mean 89.2 → 63.8, p50 89.0 → 51.3, p95 180 → 154 ms"."""
    pairs = (
        ("mean", before.mean, after.mean), ("p50", before.p50, after.p50), ("p95", before.p95, after.p95)
    )  # fmt: skip
    return ", ".join(f"{name} {ms(was)} {arrow} {ms(now)}" for name, was, now in pairs) + " ms"


def shift_words(item: Proposal) -> str:
    """Where the users of the new site come from, and who gets more."""
    less = [f"{one.site} {count(-one.users)}" for one in item.shifts if one.users < 0]
    more = [f"{one.site} {count(one.users)}" for one in reversed(item.shifts) if one.users > 0]
    said = f"from {listed(less, most=MOST_SHIFTS)}" if less else "from no other site"
    return said + (f"; more also at {listed(more, most=3)}" if more else "")


def change_words(item: Proposal) -> str:
    """Whose route gets shorter, and whose longer, and where."""
    said = f"shorter for {count(item.better_users)} users"
    if not item.worse_users:
        return f"{said}, longer for nobody"
    where = [f"{one.metro} {count(one.users)} by {ms(one.ms)} ms" for one in item.worse]
    return f"{said}, longer for {count(item.worse_users)}, most in {', '.join(where[:3])}"


def carries_words(report: NewSitesReport, item: Proposal) -> str:
    """What the new site must be able to serve."""
    if item.carries is None or item.carries_at_worst is None:
        return ""
    now, worst = rate(item.carries, report.load_unit), rate(item.carries_at_worst, report.load_unit)
    return f"{now}; up to {worst} when another site fails" if worst != now else now


def load_words(before: Load, after: Load, arrow: str) -> str:
    """The fullest site, and the fullest after the worst single failure."""
    said = (
        f"fullest {before.site} {whole(before.utilisation)} {arrow} {after.site} {whole(after.utilisation)}"
    )
    if after.failed_utilisation is None:
        return said
    return (
        f"{said}; worst single failure {before.failed_site} {whole(before.failed_utilisation)} "
        f"{arrow} {after.failed_site} {whole(after.failed_utilisation)} (when {after.failed} fails)"
    )


def residency_words(item: Proposal, arrow: str) -> list[str]:
    """For each rule the users who reach a site that it forbids."""
    said = []
    for one in item.residency:
        if one.certain_before == one.certain_after and one.possible_before == one.possible_after:
            said.append(f"{one.rule}: unchanged, {count(one.certain_after)} users astray")
        else:
            said.append(
                f"{one.rule}: astray {count(one.certain_before)} {arrow} {count(one.certain_after)} users, "
                f"possibly {count(one.possible_before)} {arrow} {count(one.possible_after)}"
            )
    return said


def _others(report: NewSitesReport) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("metro", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("upstreams", overflow="fold")
    table.add_column("", no_wrap=True)
    for item in report.others:
        table.add_row(
            f"{item.metro} {item.city}",
            gain_words(report, item.gain),
            picks_words(item.upstreams),
            f"harms {count(item.astray)}" if item.astray else "",
        )
    return table


def picks_words(picks: Sequence[Pick]) -> str:
    """ "AS174, AS6695 (route server)"."""
    return ", ".join(
        f"AS{one.asn}" + (" (route server)" if one.kind == "route_server" else "") for one in picks
    )
