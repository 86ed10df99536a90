"""text: a PathsReport for the terminal: the two ways as ladders side by side, or the summary."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.both_ways import wording
from anyplane.planning.both_ways.report import (
    Hop,
    Part,
    PathsReport,
    Relation,
    Round,
    Rung,
    Summary,
    Told,
)
from anyplane.planning.figures import count, listed, ms, percent, whereabouts

MOST_WARNINGS = 8
MOST_GROUPS = 10
MOST_SITES = 12


def render(report: PathsReport, *, is_plain: bool = False, width: int = 100) -> RenderableType:
    """The whole report. is_plain: ASCII only."""
    parts: list[RenderableType] = [
        Text.assemble(
            (report.service, "bold"),
            f"  AS{report.origin_asn}  on  {report.internet}: {report.networks:,} networks, "
            f"{count(report.total_users)} users",
        )
    ]
    if report.is_partial:
        parts.append(
            Text("Interrupted: what follows is of the networks that were done.", style="bold yellow")
        )
    for one in report.rounds:
        parts += [Text(""), *_round(one, is_plain=is_plain, width=width)]
    for summary in report.summaries:
        parts += [Text(""), *_summary(summary, is_plain=is_plain, width=width)]
    parts += [Text(""), Text("Assumed", style="bold"), *_bullets(report.assumed)]
    if report.warnings:
        shown = [*report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            shown.append(f"{len(report.warnings) - MOST_WARNINGS} more in --json")
        parts += [Text(""), Text("Warnings", style="bold"), *_bullets(shown)]
    return Group(*parts)


def _round(one: Round, *, is_plain: bool, width: int) -> list[RenderableType]:
    what = f"{one.scenario}: {listed(one.prefixes, most=2)}"
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{one.network} in {one.metro} and site {one.site}", "bold underline"),
            f"  ({what}; {count(one.users)} users)",
        )
    ]
    if not one.is_in_audience:
        note = f"They are not among its users{whereabouts(one.audience)}; it would lead them this way:"
        parts.append(Text(note, style="yellow"))
    parts += [Text(wording.route_of(one)), Text(wording.verdict(one), style="bold")]
    parts += [Text(wording.timing(one)), Text(""), _ladder(one, is_plain=is_plain, width=width), Text("")]
    parts.append(_certainty(one))
    parts += [Text(""), *_heard(one, width=width), Text(""), *_halves(one)]
    return parts


def _ladder(one: Round, *, is_plain: bool, width: int) -> Table:
    down, up = ("v", "^") if is_plain else ("↓", "↑")
    half = (width - 9) // 2
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(f"way in {down}", width=half, overflow="fold")
    table.add_column("", width=3, justify="center")
    table.add_column(f"way back {up}", width=half, overflow="fold")
    for rung in one.ladder:
        table.add_row(*_rung(one, rung, is_plain=is_plain))
        table.add_row(Text(down, style="dim"), "", Text(up, style="dim"))
    first = one.way_back.first_km
    table.add_row(
        f"{one.site}, in by {one.uplink_in}",
        "=" if one.uplink_in == one.uplink_out else "x",
        f"{one.site}, out by {one.uplink_out}" + (f", {first:,.0f} km" if first >= 1 else ""),
    )
    return table


def _rung(one: Round, rung: Rung, *, is_plain: bool) -> tuple[Text, str, Text]:
    mark = {Relation.SAME: "=", Relation.OTHER_METROS: "~", Relation.ONE_WAY: "x"}[rung.relation]
    back = one.way_back.hops
    return (
        _hop(one.way_in.hops[rung.way_in] if rung.way_in >= 0 else None, is_plain=is_plain),
        mark,
        _hop(back[rung.way_back] if rung.way_back >= 0 else None, is_plain=is_plain),
    )


def _hop(hop: Hop | None, *, is_plain: bool) -> Text:
    if hop is None:
        return Text("")
    arrow = "->" if is_plain else "→"
    text = Text.assemble(
        (hop.network, "bold"),
        f"\n  {wording.inside(hop, arrow=arrow)}",
    )
    if hop.others:
        more = f" and {len(hop.others) - 1} more" if len(hop.others) > 1 else ""
        text.append(f"\n  tie: or to {hop.others[0]}{more}", style="yellow")
    return text


def _certainty(one: Round) -> Text:
    lines = [
        "= the same network and metros   ~ the same network, other metros   x on one way only",
        f"AS path in   {wording.path(one.way_in.as_path)}  ({wording.certainty(one.way_in)})",
    ]
    lines.append(f"AS path back {wording.path(one.way_back.as_path)}  ({wording.certainty(one.way_back)})")
    return Text("\n".join(lines))


def _heard(one: Round, *, width: int) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("  neighbour", max_width=width // 3, overflow="fold")
    table.add_column("is")
    table.add_column("holds it as")
    table.add_column("path", justify="right")
    table.add_column("decision", overflow="fold")
    for row in one.heard:
        mark = {Told.CHOSEN: ">", Told.TIE: "="}.get(row.decision, " ")
        length = str(row.length) if row.length else "-"
        table.add_row(
            f"{mark} {row.neighbour}", row.kind, row.held_as or "-", length, wording.DECISIONS[row.decision]
        )
    title = Text(f"What {one.site} hears about {one.network}", style="bold")
    rest = [Text(f"  {one.unlisted} more routes of members", style="dim")] if one.unlisted else []
    return [title, table, *rest]


def _halves(one: Round) -> list[RenderableType]:
    title = Text("Stateful firewalls that see one half", style="bold")
    if not one.halves:
        open_ends = one.way_in.is_certain and one.way_back.is_certain
        return [title, Text("None." if open_ends else "None, as ties are broken here; others may differ.")]
    return [title, *_bullets([f"{h.words}{'' if h.is_certain else ' (as ties fall)'}." for h in one.halves])]


def _summary(summary: Summary, *, is_plain: bool, width: int) -> list[RenderableType]:
    what = f"{summary.scenario}: {listed(summary.prefixes, most=2)}"
    covered = summary.covered_users / summary.users if summary.users else 0.0
    parts: list[RenderableType] = [
        Text.assemble((f"Both ways of {summary.networks:,} networks", "bold underline"), f"  ({what})"),
        Text(
            f"They have {count(summary.covered_users)} of {count(summary.users)} users"
            f"{whereabouts(summary.audience)} ({percent(covered)})."
        ),
        Text(wording.lead(summary), style="bold"),
    ]
    if summary.unserved_users:
        parts.append(Text(f"{count(summary.unserved_users)} users have no way in and are left out."))
    if not summary.answered_users:
        return parts
    parts += [Text(""), _parts(summary), Text(""), _rtts(summary), Text("")]
    parts += [*_bins(summary, is_plain=is_plain), Text(""), *_sites(summary), Text("")]
    parts += [*_pairs(summary), Text(""), *_groups(summary, width=width)]
    return parts


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=bool(number), overflow="fold")
    return table


def _parts(summary: Summary) -> Table:
    table = _table("share of users", "certain", "chosen", "possible")
    for words, part in wording.parts_of(summary.parts):
        table.add_row(words, *_shares(part))
    return table


def _shares(part: Part) -> tuple[str, str, str]:
    return percent(part.certain), percent(part.chosen), percent(part.possible)


def _rtts(summary: Summary) -> Table:
    table = _table("RTT, ms", "p50", "p90", "p95", "p99", "mean")
    for name, rtt in (
        ("plan: the way in, doubled", summary.plan_rtt),
        ("one way in, one way back", summary.rtt),
        ("difference, user by user", summary.off_ms),
    ):
        table.add_row(name, *(ms(value) for value in (rtt.p50, rtt.p90, rtt.p95, rtt.p99, rtt.mean)))
    return table


def _bins(summary: Summary, *, is_plain: bool) -> list[RenderableType]:
    table = _table("round trip against plan", "users", "")
    table.columns[2].justify = "left"
    most = max((one.share for one in summary.bins), default=0.0) or 1.0
    for one in summary.bins:
        bar = ("#" if is_plain else "█") * round(30 * one.share / most)
        table.add_row(wording.between(one), percent(one.share), bar)
    return [table]


def _sites(summary: Summary) -> list[RenderableType]:
    table = _table("site", "users", "other networks", "other uplink", "plan p50", "round p50")
    for row in summary.sites[:MOST_SITES]:
        table.add_row(
            row.site,
            count(row.users),
            percent(row.parts.other_networks.chosen),
            percent(row.parts.other_uplink.chosen),
            ms(row.plan_rtt.p50),
            ms(row.rtt.p50),
        )
    rest = len(summary.sites) - MOST_SITES
    return [table, *([Text(f"{rest} more sites in --json", style="dim")] if rest > 0 else [])]


def _pairs(summary: Summary) -> list[RenderableType]:
    table = _table("site", "in by", "out by", "users", "of the site", "")
    table.columns[1].justify = table.columns[2].justify = "left"
    table.columns[5].justify = "left"
    large = [pair for pair in summary.pairs if pair.share >= 0.005]
    shown = sorted(large, key=lambda pair: -pair.users)[: 2 * MOST_SITES]
    kept = [pair for pair in summary.pairs if pair in shown]
    for pair in kept:
        table.add_row(
            pair.site,
            wording.short(pair.way_in),
            wording.short(pair.way_out),
            count(pair.users),
            percent(pair.share),
            "one half each" if pair.is_one_half else "",
        )
    rest = len(summary.pairs) - len(kept)
    more = [Text(f"{rest} smaller pairs in --json", style="dim")] if rest else []
    return [Text("Uplinks: in by, out by", style="bold"), table, *more]


def _groups(summary: Summary, *, width: int) -> list[RenderableType]:
    if not summary.groups:
        return [Text("Nobody's networks or uplinks differ.")]
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("users", "of", "site", "in / back, from the users' end", "plan", "round"):
        right = name in ("users", "plan", "round")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    table.columns[1].max_width = width // 4
    for group in summary.groups[:MOST_GROUPS]:
        ties = "" if group.is_certain else "  (ties)"
        paths = f"{wording.path(group.path_in)}\n{wording.path(group.path_back[::-1])}{ties}"
        table.add_row(
            count(group.users),
            f"{group.network} in {group.metro}",
            group.site,
            paths,
            ms(group.plan_rtt_ms),
            ms(group.rtt_ms),
        )
    return [Text("Largest groups whose networks or uplinks differ", style="bold"), table]


def _bullets(lines: tuple[str, ...] | list[str]) -> list[RenderableType]:
    """Each on lines of its own, hanging."""
    found: list[RenderableType] = []
    for line in lines:
        table = Table(box=None, pad_edge=False, show_edge=False, show_header=False, padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(overflow="fold")
        table.add_row("-", line)
        found.append(table)
    return found
