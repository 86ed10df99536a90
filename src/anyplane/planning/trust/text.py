"""render: a TrustReport for the terminal, 100 columns, nothing said by colour alone."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.figures import percent
from anyplane.planning.trust import words
from anyplane.planning.trust.report import (
    Attack,
    Exposure,
    Level,
    SingleSite,
    Situation,
    TrustReport,
    World,
)

WIDTH = 100
MOST_WARNINGS = 8
MOST_WORST = 5
MOST_COUNTRIES = 6
MOST_SITES = 4
BARS, PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
STYLES = {Level.OK: "", Level.WARNING: "yellow", Level.BROKEN: "bold red"}


def render(report: TrustReport, *, is_plain: bool = False, width: int = 100) -> RenderableType:
    """The whole report. is_plain: ASCII only; width: columns, below 100 some columns are left out."""
    parts: list[RenderableType] = [
        Text.assemble((report.service, "bold"), f"  AS{report.origin_asn}  {words.verdict(report)}"),
        Text(words.source(report), style="dim"),
        Text(""),
        _routes(report),
    ]
    if report.roas:
        parts += [Text(""), Text("ROAs to create, in this order, together", style="bold"), _roas(report)]
    if report.loose:
        parts += [Text(""), Text("ROAs that allow more than is announced (RFC 9319)", style="bold")]
        parts += [_loose(report)]
    if report.exposures:
        parts += [Text(""), Text(words.drawn(report), style="dim")]
    if report.is_partial:
        parts.append(Text("Interrupted: figures are of the runs that were done.", style="bold yellow"))
    shown: dict[object, str] = {}
    for item in report.exposures:
        parts += [Text(""), *_exposure(item, shown, is_plain=is_plain, width=width)]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(Text(f"- {len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def _table(*headers: str, right: tuple[str, ...] = (), folded: str = "") -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for header in headers:
        table.add_column(
            header,
            justify="right" if header in right else "left",
            no_wrap=header != folded,
            overflow="fold" if header == folded else "ellipsis",
        )
    return table


def _routes(report: TrustReport) -> Table:
    table = _table("", "prefix", "origin", "for", "state", "why", folded="why")
    for route in report.routes:
        state = route.state.value + (f" ({route.reason.value})" if route.reason else "")
        table.add_row(
            Text(words.MARKS[route.level], style=STYLES[route.level]),
            route.prefix,
            f"AS{route.origin}",
            route.purpose.value,
            Text(state, style=STYLES[route.level]),
            words.why(route),
        )
    return table


def _roas(report: TrustReport) -> Table:
    table = _table("AS", "prefix", "maxLength", "why", folded="why")
    for roa in report.roas:
        instead = f"; then let {roa.replaces} go" if roa.replaces else ""
        table.add_row(f"AS{roa.asn}", roa.prefix, "none", roa.why + instead)
    return table


def _loose(report: TrustReport) -> Table:
    table = _table(
        "", "ROA", "allows", "checked", "what follows", right=("allows", "checked"), folded="what follows"
    )
    for item in report.loose:
        table.add_row(
            "look" if item.is_exploitable else "ok",
            f"AS{item.asn} {item.prefix} to /{item.max_length}",
            f"{item.allowed:,}" if item.allowed < 10**9 else f"{item.allowed:.1e}",
            f"{item.announced:,}",
            item.words,
        )
    return table


def _exposure(
    item: Exposure, shown: dict[object, str], *, is_plain: bool, width: int
) -> list[RenderableType]:
    """What was `shown` of another exposure is not shown again; it holds where each thing stands."""
    parts: list[RenderableType] = [
        Text.assemble(
            (f"Hijack of {words.title(item)}", "bold underline"),
            f"  {item.scenario}: {words.users(item.users)} users",
        )
    ]
    for situation in item.situations:
        title = words.situation_title(situation)
        known = shown.setdefault(
            (item.scenario, situation.state, situation.cells), f"{words.title(item)}: {title}"
        )
        parts.append(Text(title, style="bold"))
        if known != f"{words.title(item)}: {title}":
            parts += [Text(f"The same as above, {known}."), Text("")]
            continue
        parts += [
            Text(words.lead(item, situation)),
            Text(""),
            _cells(situation, is_plain=is_plain, width=width),
        ]
        if situation.named:
            parts += [Text(""), _named(situation, width=width)]
        parts.append(Text(""))
    last = item.situations[-1]
    if not last.named and last.worst and shown.setdefault((item.scenario, last.worst), title) is title:
        parts += [_worst(last, width=width), Text("")]
    has_countries = len(last.worst) > 1 and last.countries
    if has_countries and shown.setdefault((item.scenario, last.countries), title) is title:
        parts += [_countries(last), Text("")]
    compared = words.anycast(item)
    if item.single and compared and shown.setdefault((item.scenario, item.single), title) is title:
        parts += [Text(compared), _single(item.single)]
    return parts


def _cells(situation: Situation, *, is_plain: bool, width: int) -> Table:
    has_room = width >= WIDTH
    figures = ("median", "p90", "worst", *(("mean",) if has_room else ()), "networks")
    more = ("cut off", "spread") if has_room else ()
    table = _table("attack", "validates", *figures, *more, right=(*figures, "cut off"))
    for attack, world, cell in words.rows(situation):
        shares = [
            cell.median,
            cell.p90,
            cell.worst,
            *((cell.mean,) if has_room else ()),
            cell.networks_median,
        ]
        rest = (percent(cell.cut_off), _spark(cell.curve, is_plain=is_plain)) if has_room else ()
        table.add_row(attack, world, *map(percent, shares), *rest)
    notes = [Text(note, style="dim") for note in words.notes(situation)]
    if not notes:
        return table
    whole = Table.grid()
    whole.add_row(table)
    for note in notes:
        whole.add_row(note)
    return whole


def _spark(curve: tuple[float, ...], *, is_plain: bool) -> str:
    """Six columns: what 0, 20, … 100 % of the attackers take at most."""
    bars = PLAIN_BARS if is_plain else BARS
    return "".join(bars[min(8, round(share * 8)) or (share > 0)] for share in curve[::20])


def _worst(situation: Situation, *, width: int) -> Table:
    table = _table("the strongest", "role", "nobody", "today", "everybody", "forged")
    for column in table.columns[2:]:
        column.justify = "right"
    for attacker in situation.worst[:MOST_WORST]:
        share = {(take.attack, take.world): percent(take.share) for take in attacker.takes}
        table.add_row(
            _cut(words.who(attacker.asn, attacker.name, attacker.country), width - 56),
            attacker.role,
            *(share.get((Attack.SAME, world), "–") for world in World),
            share.get((Attack.FORGED, World.EVERYBODY), "–"),
        )
    return table


def _named(situation: Situation, *, width: int) -> Table:
    role = ("role",) if width >= WIDTH else ()
    worlds = ("nobody", "today", "everybody")
    table = _table("attacker", *role, "attack", *worlds, right=worlds)
    for name, what, attack, shares in words.named_rows(situation):
        table.add_row(_cut(name, width - 52 - 20 * len(role)), *((what,) if role else ()), attack, *shares)
    return table


def _countries(situation: Situation) -> Table:
    table = _table("same prefix, users in", "users", "nobody", "today", "everybody")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in situation.countries[:MOST_COUNTRIES]:
        figures = (row.nobody, row.today, row.everybody)
        table.add_row(row.country, words.users(row.users), *(percent(value) for value in figures))
    return table


def _single(single: SingleSite) -> Table:
    figures = ("mean", "median", "p90", "worst", "no route")
    under = f"under {single.tried:,} attacker{'s' if single.tried > 1 else ''}"
    table = _table(under, *figures, right=figures)
    sites = single.sites
    shown = sites if len(sites) <= 2 * MOST_SITES else (*sites[:MOST_SITES], *sites[-2:])
    for index, row in enumerate((single.anycast, *shown)):
        values = (row.mean, row.median, row.p90, row.worst, row.unreached)
        table.add_row(row.site, *(percent(value) for value in values))
        if index == MOST_SITES and len(shown) < len(sites):
            table.add_row(f"… {len(sites) - len(shown)} more")
    return table


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
