"""text: a Report for the terminal: 100 columns, readable in a pipe, nothing said by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anyplane.planning import certainty_text
from anyplane.planning.figures import (
    areas,
    bar,
    count,
    interval,
    listed,
    ms,
    percent,
    rate,
    whereabouts,
    whole,
)
from anyplane.planning.report import (
    Failure,
    Misplaced,
    Report,
    ScenarioReport,
    State,
    Unicast,
)

WIDTH = 100
MOST_SITES = 20
MOST_FAILURES = 10
MOST_UNICAST = 5
MOST_OFFENDERS = 4
MOST_WARNINGS = 8
STYLES = {State.KEPT: "green", State.MAY_BREAK: "yellow", State.BROKEN: "bold red"}


def render(report: Report, *, is_plain: bool = False, width: int = WIDTH) -> RenderableType:
    """The whole report. is_plain: bars in ASCII, for terminals without UTF-8. Narrow ones get no bars."""
    parts: list[RenderableType] = [_headline(report)]
    for scenario in report.scenarios:
        parts += [Text(""), *_scenario(report, scenario, is_plain=is_plain, has_bars=width >= WIDTH)]
    if report.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [_item(text) for text in report.warnings[:MOST_WARNINGS]]
        if len(report.warnings) > MOST_WARNINGS:
            parts.append(_item(f"{len(report.warnings) - MOST_WARNINGS} more in --json"))
    return Group(*parts)


def _headline(report: Report) -> Text:
    enabled = sum(site.is_enabled and not site.is_virtual for site in report.sites)
    world = report.world
    text = Text.assemble(
        (f"{report.service}", "bold"),
        f"  AS{report.origin_asn}, {enabled} sites  on  {world.origin}: {world.networks:,} networks, "
        f"{count(world.users)} users",
    )
    text.no_wrap = False
    return text


def _scenario(
    report: Report, scenario: ScenarioReport, *, is_plain: bool, has_bars: bool
) -> list[RenderableType]:
    title = Text.assemble((scenario.name, "bold underline"), "  " + listed(scenario.prefixes, most=4))
    if scenario.audience is not None:
        title.append(f"  for {count(scenario.users)} users{whereabouts(scenario.audience)}")
    parts: list[RenderableType] = [title, _certainty(scenario), _times(report, scenario), Text("")]
    parts.append(_site_table(report, scenario, is_plain=is_plain, has_bars=has_bars))
    parts += _ideal(scenario)
    if scenario.unicast:
        parts += [Text(""), *_unicast(scenario)]
    if scenario.failures:
        parts += [Text(""), *_failures(scenario)]
    elif not scenario.has_failures:
        parts += [Text(""), Text("Failures were not reckoned (--no-failures).")]
    if scenario.objectives or scenario.residency:
        parts += [Text(""), *_promises(scenario)]
    if scenario.certainty is not None:
        parts += [Text(""), certainty_text.render(scenario.certainty, is_plain=is_plain, has_bars=has_bars)]
    return parts


def _certainty(scenario: ScenarioReport) -> Text:
    text = f"{percent(scenario.certain)} of users have one possible site"
    if scenario.open > 0:
        text += f"; {percent(scenario.open)} have several, as ties fall that nobody can see from outside"
    if scenario.unreached > 0:
        text += f"; {percent(scenario.unreached_share)} ({count(scenario.unreached)}) have no route"
    return Text(text + ".")


def _times(report: Report, scenario: ScenarioReport) -> Text:
    rtt = scenario.rtt
    whose = "all users" if scenario.audience is None else "these users"
    if report.unserved(scenario) > 0:
        whose = "the users who reach a site"
    quantiles = f"p50 {ms(rtt.p50)}, p90 {ms(rtt.p90)}, p95 {ms(rtt.p95)}, p99 {ms(rtt.p99)} ms"
    return Text(f"RTT of {whose}: {quantiles}.")


def _site_table(
    report: Report, scenario: ScenarioReport, *, is_plain: bool, has_bars: bool
) -> RenderableType:
    facts = {site.name: site for site in report.sites}
    has_load = any(row.load is not None for row in scenario.sites)
    has_capacity = any(row.utilisation is not None for row in scenario.sites)
    rows = [row for row in scenario.sites if row.is_announced]
    ordered = sorted(rows, key=lambda row: -row.share.expected)
    shown = ordered[:MOST_SITES]
    full = max((row.share.possible for row in shown), default=0.0)
    # A long name ("(blackhole at AS3320)") takes its room from the bar.
    width = 10 if has_load or max(len(row.site) for row in shown or scenario.sites) > 12 else 20

    table = _table()
    table.add_column("site", overflow="fold", max_width=22)
    table.add_column("metro")
    table.add_column("users", justify="right")
    table.add_column("share", justify="right")
    table.add_column("certain – possible" if width > 12 else "cert. – poss.", justify="right")
    if has_bars:
        table.add_column("", min_width=width)
    for heading in ("p50", "p90", "p99"):
        table.add_column(heading, justify="right")
    if has_load:
        table.add_column("load", justify="right")
    if has_capacity:
        table.add_column("full", justify="right")
    for row in shown:
        share = row.share
        cells = [
            row.site,
            facts[row.site].metro,
            count(row.users),
            percent(share.expected),
            interval(share.certain, share.possible),
            *([bar(share, full=full, width=width, is_plain=is_plain)] if has_bars else []),
            ms(row.rtt.p50),
            ms(row.rtt.p90),
            ms(row.rtt.p99),
        ]
        if has_load:
            cells.append("–" if row.load is None else rate(row.load, report.load_unit))
        if has_capacity:
            cells.append(_utilisation(row.utilisation))
        table.add_row(*cells)
    dark, medium, light = ("#", "+", ".") if is_plain else ("█", "▓", "░")
    legend = f"{dark} certain  {dark}{medium} expected (share)  {dark}{medium}{light} possible; RTT in ms"
    notes = [legend if has_bars else "share: expected, then certain to possible; RTT in ms"]
    if len(ordered) > len(shown):
        rest = ordered[len(shown) :]
        notes.append(
            f"{len(rest)} more sites with {percent(sum(row.share.expected for row in rest))} of users; "
            "--json has all of them"
        )
    over = [row.site for row in ordered if (row.utilisation or 0) > 1]
    if over:
        notes.append(f"over capacity: {listed(over, most=8)}")
    silent = [row.site for row in scenario.sites if not row.is_announced]
    if silent:
        notes.append(f"nothing announced here: {listed(silent, most=8)}")
    return Group(table, *(Text(note, style="dim") for note in notes))


def _ideal(scenario: ScenarioReport) -> list[RenderableType]:
    ideal = scenario.ideal
    if ideal.rtt.p50 is None:
        return []
    parts: list[RenderableType] = [
        Text(""),
        Text.assemble(
            ("Against the nearest site  ", "bold"),
            f"{percent(ideal.share)} of users ({count(ideal.users)}) do not reach it and lose "
            f"{ms(ideal.lost_ms)} ms each. If all did: p50 {ms(ideal.rtt.p50)}, p95 {ms(ideal.rtt.p95)} ms.",
        ),
    ]
    if ideal.groups:
        table = _table()
        table.add_column("users", justify="right")
        table.add_column("lost ms", justify="right")
        table.add_column("the groups that lose most, and why", overflow="fold")
        for users, lost, text in _merged(ideal.groups):
            table.add_row(count(users), ms(lost), text)
        parts.append(table)
    return parts


def _merged(groups: Sequence[Misplaced]) -> list[tuple[float, float, str]]:
    """(users, ms lost, reason), one line for the metros of a network that have one and the same reason."""
    alike: dict[tuple[int, str, bool], list[Misplaced]] = {}
    for group in groups:
        alike.setdefault((group.asn, group.reason.partition(" reaches ")[2], group.certain), []).append(group)
    lines = []
    for (asn, why, is_certain), members in alike.items():
        users = sum(member.users for member in members)
        lost = sum(member.users * member.lost_ms for member in members) / users
        name = f" {members[0].name}" if members[0].name else ""
        where = listed([member.metro for member in members], most=6)
        tail = "" if is_certain else " (not certain)"
        lines.append((users, lost, f"AS{asn}{name} in {where} reaches {why}{tail}"))
    return lines


def _unicast(scenario: ScenarioReport) -> list[RenderableType]:
    known = [item for item in scenario.unicast if item.rtt.p50 is not None]
    ordered = sorted(known, key=lambda item: item.rtt.p50 or 0.0)
    table = _table()
    table.add_column("announced from", overflow="fold")
    table.add_column("p50 ms", justify="right")
    table.add_column("p95 ms", justify="right")
    continents = [item.continent for item in scenario.medians]
    for continent in continents:
        table.add_column(f"p50 {continent}", justify="right")
    table.add_column("no route", justify="right")
    table.add_row(
        "all of them",
        ms(scenario.rtt.p50),
        ms(scenario.rtt.p95),
        *(ms(item.p50) for item in scenario.medians),
        _users_or_dash(scenario.unreached),
    )
    if len(ordered) <= MOST_UNICAST + 2:
        picked: Sequence[Unicast | None] = ordered
    else:
        picked = [*ordered[:MOST_UNICAST], None, ordered[-1]]
    for item in picked:
        if item is None:
            table.add_row(f"… {len(ordered) - MOST_UNICAST - 1} more", "", "", *("" for _ in continents), "")
        else:
            table.add_row(
                f"{item.site} alone",
                ms(item.rtt.p50),
                ms(item.rtt.p95),
                *(ms(median.p50) for median in item.medians),
                _users_or_dash(item.unreached),
            )
    return [Text("Against one site alone", style="bold"), table]


def _failures(scenario: ScenarioReport) -> list[RenderableType]:
    failures = list(scenario.failures)
    shown = sorted(failures, key=_badness)[:MOST_FAILURES] if len(failures) > MOST_FAILURES + 2 else failures
    has_capacity = any(item.worst_utilisation is not None for item in failures)
    table = _table()
    table.add_column("without", overflow="fold")
    table.add_column("users", justify="right")
    table.add_column("go to (part of them)", overflow="fold", ratio=1)
    table.add_column("p50 ms", justify="right")
    table.add_column("p95 ms", justify="right")
    if has_capacity:
        table.add_column("fullest site", overflow="fold")
    table.add_column("lose service", justify="right")
    for item in shown:
        cells = [
            item.site,
            count(item.moved),
            _destinations(item),
            ms(item.rtt.p50),
            ms(item.rtt.p95),
        ]
        if has_capacity:
            fullest = (
                "–"
                if item.worst_site is None
                else f"{item.worst_site} {_utilisation(item.worst_utilisation)}"
            )
            cells.append(fullest)
        cells.append(_users_or_dash(item.newly_unreached))
        table.add_row(*cells)
    title = "When one site fails"
    if len(shown) < len(failures):
        title += f"  (the {len(shown)} worst of {len(failures)}; --json has all)"
    return [Text(title, style="bold"), table]


def _badness(item: Failure) -> tuple[float, float, float]:
    return (-item.newly_unreached, -(item.worst_utilisation or 0.0), -item.moved)


def _destinations(item: Failure) -> str:
    gains = [takeover for takeover in item.takeovers if takeover.gained > 0]
    parts = [f"{takeover.site} {whole(takeover.share_of_moved)}" for takeover in gains[:4]]
    if len(gains) > 4:
        parts.append(f"{len(gains) - 4} more")
    text = ", ".join(parts) or "–"
    # Less than a twentieth is the usual echo of a failure; more is worth a second look at the announcements.
    if item.also_moved > 0.05 * item.moved:
        text += f"; {count(item.also_moved)} users of other sites move too"
    return text


def _promises(scenario: ScenarioReport) -> list[RenderableType]:
    table = _table()
    table.add_column("promise", overflow="fold")
    table.add_column("state")
    table.add_column("what is so", overflow="fold", ratio=1)
    for objective in scenario.objectives:
        table.add_row(objective.name, _state(objective.state), objective.detail)
    for rule in scenario.residency:
        detail = f"{count(rule.users)} users in {areas(rule.countries)}: "
        if rule.state == State.KEPT:
            detail += f"all served from {listed(rule.sites, most=6)}"
        else:
            detail += (
                f"{count(rule.certain)} are certainly served from elsewhere, {count(rule.possible)} may be"
            )
            names = [f"AS{one.asn} {one.name}".rstrip() for one in rule.by_network]
            detail += f"; most in {listed([one.country for one in rule.by_country], most=MOST_OFFENDERS)}"
            detail += f"; {listed(names, most=MOST_OFFENDERS)}"
        table.add_row(f"residency {rule.name}", _state(rule.state), detail)
    return [Text("Promises", style="bold"), table]


def _state(state: State) -> Text:
    words = {State.KEPT: "kept", State.MAY_BREAK: "may break", State.BROKEN: "BROKEN"}
    return Text(words[state], style=STYLES[state])


def _utilisation(value: float | None) -> str:
    if value is None:
        return "–"
    return whole(value) + (" !" if value > 1 else "")


def _users_or_dash(users: float) -> str:
    return count(users) if users > 0 else "–"


def _item(text: str) -> RenderableType:
    return Padding(Text(f"- {text}"), (0, 0, 0, 2))


def _table() -> Table:
    return Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0)
    )
