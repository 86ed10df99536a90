"""demo: what `anyplane lab demo` does to a dozen cities, and what it says of that on one screen."""

from __future__ import annotations

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
SITE = "mad"
SHOWN = ("LIS", "LON", "TYO", "CHI")
"""Of the dozen cities those that the first screen has room for."""
RATE = 100
KILL = f"""\
version: 1
name: server-killed
shows: the DNS server in Madrid is killed while all clients ask, and comes back
probes: {{kinds: [udp], rate: {RATE} qps}}
settle: 2 s
steps:
  - {{name: fault, kill_service: {SITE}}}
  - {{wait: 4 s}}
  - {{name: back, restore_service: {SITE}}}
  - {{wait_until: {{reaches: {SITE}, clients: [LIS], within: 20 s}}}}
expect:
  - {{withdrawn: {{site: {SITE}, within: 2 s, after: fault}}}}
  - {{answered_by: {{sites: [{SITE}], clients: [LIS]}}}}
"""
DRAIN = f"""\
version: 1
name: site-drained
shows: Madrid is drained, and then stopped
probes: {{kinds: [udp], rate: {RATE} qps}}
settle: 2 s
steps:
  - {{name: drain, drain: {SITE}}}
  - {{wait_until: {{serves_not: {SITE}, within: 30 s}}}}
  - {{wait: 1 s}}
  - {{name: stop, kill_service: {SITE}}}
  - {{wait: 2 s}}
expect:
  - {{lost: 0}}
  - {{nothing_announced: {SITE}}}
"""


def first_page(found: Comparison, cities: Mapping[str, str], sites: Mapping[str, str]) -> RenderableType:
    """Plan and lab for a few cities; `cities` by metro, `sites` the metro of each site."""
    table = Table.grid(padding=(0, 2))
    for heading in ("users in", "plan says", "lab says", "plan", "lab"):
        table.add_column(heading, justify="right" if heading in ("plan", "lab") else "left", no_wrap=True)
    table.add_row(
        *(Text(word, style="bold") for word in ("users in", "plan says", "lab says", "plan", "lab"))
    )
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
    """Where the users of the dead server went, how soon, and what was lost."""
    moved = [one for one in outcome.clients if one.before == SITE]
    others = [one for one in outcome.clients if one.before != SITE]
    fault = outcome.faults[0] if outcome.faults else None
    lines: list[RenderableType] = []
    if fault is not None:
        lines.append(
            Text(
                f"withdrawn after {duration(fault.withdrawn_s)}, first answer of another site after "
                f"{duration(fault.elsewhere_s)}, last change of a route after {duration(fault.last_fib_s)}"
            )
        )
    table = Table.grid(padding=(0, 2))
    for one in moved:
        elsewhere = refuge(one)
        name = f"{cities.get(one.metro, one.metro)} (AS{one.asn})"
        went = f"went to {_city(elsewhere, cities, sites)}" if elsewhere else "found no other site"
        table.add_row(
            name,
            went,
            f"{one.lost} of {one.sent:,} queries lost",
            f"longest gap {duration(one.longest_gap_s)}",
        )
    lines.append(table)
    lost = sum(one.lost for one in others)
    lines.append(Text(f"{several(len(others), 'client network')} of other sites: {lost} lost"))
    return Group(*lines)


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
    return Group(table, Text(f"{took_s:.0f} s in all; timelines of every client: {html}"))


def _city(site: str, cities: Mapping[str, str], sites: Mapping[str, str]) -> str:
    return cities.get(sites.get(site, ""), site) or "nobody"
