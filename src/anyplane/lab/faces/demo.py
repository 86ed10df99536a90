"""demo: what `anyplane lab demo` does to a dozen cities, and what it says of that on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.lab.faces.catchment import Comparison, Row
from anyplane.lab.faces.status import several
from anyplane.lab.gameday.figures import duration
from anyplane.lab.gameday.outcome import ClientOutcome, Outcome
from anyplane.planning.figures import ms

DESIGN, WORLD = "examples/dozen-cities.yaml", "examples/dozen-cities.world.yaml"
TUTORIAL = "docs/tutorial/break-your-network.md"
SITE = "mad"
SHOWN = ("LIS", "LON", "TYO", "CHI")
"""Of the dozen cities those that the first screen has room for."""
RATE = 100
KILL = f"""\
version: 1
name: server-killed
shows: the DNS server in Madrid is killed, and comes back
probes: {{kinds: [udp], rate: {RATE} qps}}
settle: 2 s
steps:
  - {{name: fault, kill_service: {SITE}}}
  - {{wait: 4 s}}
  - {{name: back, restore_service: {SITE}}}
  - {{name: home, wait_until: {{reaches: {SITE}, clients: [LIS], within: 20 s}}}}
expect:
  - {{withdrawn: {{site: {SITE}, within: 2 s, after: fault}}}}
  - {{answered_by: {{sites: [{SITE}], clients: [LIS]}}}}
"""
DRAIN = f"""\
version: 1
name: site-drained
shows: Madrid is drained, then stopped
probes: {{kinds: [udp], rate: {RATE} qps}}
settle: 2 s
steps:
  - {{name: drain, drain: {SITE}}}
  - {{name: empty, wait_until: {{serves_not: {SITE}, within: 30 s}}}}
  - {{wait: 1 s}}
  - {{name: stop, kill_service: {SITE}}}
  - {{wait: 2 s}}
expect:
  - {{lost: 0}}
  - {{nothing_announced: {SITE}}}
"""
STORY = {
    "fault": "the DNS server in Madrid is killed",
    "back": "it is started again; the agent waits until it has been well for a while",
    "home": "Lisbon is answered by Madrid again",
    "drain": "Madrid is drained: it asks to be avoided, and goes on answering",
    "empty": "nobody is left: Madrid's routes are withdrawn",
    "stop": "its DNS server is stopped",
}
"""What is said when a step of that name is done."""


def first_page(found: Comparison, cities: Mapping[str, str], sites: Mapping[str, str]) -> RenderableType:
    """Plan and lab for a few cities; `cities` by metro, `sites` the metro of each site."""
    table = Table.grid(padding=(0, 2))
    headings = ("users in", "plan says", "lab says", "planned RTT", "RTT")
    for heading in headings:
        table.add_column(justify="right" if heading in headings[3:] else "left", no_wrap=True)
    table.add_row(*(Text(word, style="bold") for word in headings))
    for row in shown(found.rows):
        table.add_row(
            cities.get(row.node.location.metro, row.node.location.metro),
            _city(row.planned.site, cities, sites),
            _city(row.answer.site, cities, sites),
            f"{ms(row.planned.rtt_ms)} ms",
            f"{ms(row.answer.rtt_ms)} ms",
        )
    differing = len(found.differing)
    said = "all as planned" if not differing else f"{differing} OTHERWISE THAN PLANNED"
    clients = several(len(found.rows), "client network")
    return Group(table, Text(f"{clients}: {said}", style="green" if not differing else "bold red"))


def shown(rows: Iterable[Row]) -> list[Row]:
    """The largest client of each city that is shown, in the order of SHOWN."""
    best: dict[str, Row] = {}
    for row in rows:
        metro = row.node.location.metro
        if metro in SHOWN and (metro not in best or row.node.users > best[metro].node.users):
            best[metro] = row
    return [best[metro] for metro in SHOWN if metro in best]


def killed_page(outcome: Outcome, cities: Mapping[str, str], sites: Mapping[str, str]) -> RenderableType:
    """How soon others answered the users of the dead server, where they went, and what was lost."""
    moved = [one for one in outcome.clients if one.before == SITE]
    others = [one for one in outcome.clients if one.before != SITE]
    moved.sort(key=lambda one: (*(one.metro != metro for metro in SHOWN), -one.users))
    parts: list[RenderableType] = []
    if outcome.faults:
        fault = outcome.faults[0]
        times = Table.grid(padding=(0, 2))
        times.add_column(justify="right", no_wrap=True)
        # The first is the time of asking, not of the answer: it may come before the withdrawal on its way.
        for after_s, what in (
            (fault.elsewhere_s, "after the kill the first query is asked that another site answers"),
            (fault.withdrawn_s, "Madrid's routes are withdrawn"),
            (fault.last_fib_s, "the last router has changed its forwarding table"),
        ):
            times.add_row(duration(after_s), what)
        parts += [times, Text("")]
    table = Table.grid(padding=(0, 2))
    headings = ("users in", "network", "went to", "queries lost", "longest gap")
    for heading in headings:
        table.add_column(justify="right" if heading in headings[3:] else "left")
    table.add_row(*(Text(word, style="bold") for word in headings))
    for one in moved:
        table.add_row(
            cities.get(one.metro, one.metro),
            f"AS{one.asn}",
            _city(refuge(one), cities, sites),
            f"{one.lost:,} of {one.sent:,}",
            duration(one.longest_gap_s),
        )
    parts.append(table)
    lost = sum(one.lost for one in others)
    parts.append(Text(f"the {several(len(others), 'client network')} of other sites: {lost:,} lost"))
    return Group(*parts)


def drained_page(outcome: Outcome, cities: Mapping[str, str], sites: Mapping[str, str]) -> RenderableType:
    """What was lost, and who answers instead."""
    moved = [one for one in outcome.clients if one.before == SITE]
    refuges = Counter(_city(refuge(one), cities, sites) for one in moved)
    went = ", ".join(f"{city} ({number})" for city, number in refuges.most_common())
    return Group(
        Text(
            f"{outcome.lost:,} of {outcome.sent:,} queries lost",
            style="green" if not outcome.lost else "bold red",
        ),
        Text(f"the {several(len(moved), 'client network')} of Madrid went to {went or 'nobody'}"),
    )


def refuge(client: ClientOutcome) -> str:
    """The site that answered a client most while its own was away; "" where none did."""
    found: dict[str, int] = {}
    for span in client.spans:
        if span.site not in ("", client.before):
            found[span.site] = found.get(span.site, 0) + span.queries
    return max(found, key=lambda site: found[site]) if found else ""


def summary(outcomes: Sequence[Outcome], *, took_s: float, html: str) -> RenderableType:
    """The last lines."""
    table = Table.grid(padding=(0, 2))
    for one in outcomes:
        kept = (
            Text("as expected", style="green") if one.is_kept else Text("NOT AS EXPECTED", style="bold red")
        )
        table.add_row(one.shows, f"{one.lost:,} of {one.sent:,} queries lost", kept)
    return Group(
        table,
        Text(f"{took_s:.0f} s in all; a timeline of every client: {html}"),
        Text(f"by hand, and more of it: {TUTORIAL}"),
    )


def _city(site: str, cities: Mapping[str, str], sites: Mapping[str, str]) -> str:
    return cities.get(sites.get(site, ""), site) or "nobody"
