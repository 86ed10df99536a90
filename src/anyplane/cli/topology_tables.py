"""show: the summary of a topology as tables of at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from anyplane.datasets.summary import Ranked, Summary

_CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


def show(summary: Summary, *, is_verified: bool) -> None:
    """Print it on stdout."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(width=None if Console().is_terminal else 100, highlight=False, soft_wrap=False)
    console.print(f"[bold]{escape(summary.origin)}[/bold]")
    console.print(_counts(summary))
    console.print(_continents(summary))
    if summary.exchanges:
        console.print(_ranking("Largest exchanges", "route server", "members", summary.largest_exchanges))
    console.print(_ranking("Most customers", "network", "customers", summary.most_customers))
    for line in _provenance(summary, is_verified=is_verified):
        console.print(escape(line))


def dropped_lines(provenance: Mapping[str, object]) -> str:
    """What the reader of AS relationships left out, in one line; "" when it left out nothing."""
    facts = provenance.get("facts")
    words = {"self_links": "to themselves", "duplicates": "repeated", "contradictions": "contradicting"}
    counts = {word: facts.get(name, 0) for name, word in words.items()} if isinstance(facts, dict) else {}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    return f"Dropped links: {said}" if said else ""


def _counts(summary: Summary) -> Table:
    rows: list[tuple[str, int, str]] = [
        (
            "networks",
            summary.networks,
            f"{summary.with_country:,} with country, {summary.with_name:,} with name",
        ),
        ("  stubs", summary.stubs, f"{summary.multihomed_stubs:,} with two providers or more"),
        ("  transit", summary.transit, "customers and providers"),
        ("  provider-free", summary.provider_free, _clique(summary)),
        ("  peering only", summary.isolated, "neither customers nor providers"),
        ("links", summary.transit_links + summary.peering_links, ""),
        ("  customer-provider", summary.transit_links, ""),
        ("  peer", summary.peering_links, ""),
        ("points of presence", summary.pops, f"in {summary.metros_used:,} of {summary.metros:,} metros"),
        (
            "multi-metro networks",
            summary.multi_metro,
            f"the largest is in {summary.largest_presence:,} metros",
        ),
        ("interconnects", summary.interconnects, ""),
        ("exchanges", summary.exchanges, f"{summary.exchange_members:,} route server sessions"),
        ("users", round(summary.users), "estimated"),
        ("validating origins", summary.rov, "networks that drop RPKI-invalid routes"),
    ]
    table = _table("", ("", False), ("count", True), ("", False))
    for name, count, note in rows:
        table.add_row(name, f"{count:,}", note)
    return table


def _clique(summary: Summary) -> str:
    return f"clique: {len(summary.clique)} networks" if summary.clique else "customers, no providers"


def _continents(summary: Summary) -> Table:
    table = _table(
        "Continents",
        ("continent", False),
        ("metros", True),
        ("networks", True),
        ("users, million", True),
        ("share of users", True),
        ("exchanges", True),
    )
    for part in summary.continents:
        share = part.users / summary.users if summary.users else 0.0
        table.add_row(
            _CONTINENTS.get(part.code, part.code or "nowhere"),
            f"{part.metros:,}",
            f"{part.networks:,}",
            f"{part.users / 1e6:,.1f}",
            f"{share:.1%}",
            f"{part.exchanges:,}",
        )
    return table


def _ranking(title: str, what: str, count: str, entries: Iterable[Ranked]) -> Table:
    from rich.markup import escape

    table = _table(title, (what, False), ("name", False), (count, True))
    for entry in entries:
        table.add_row(f"AS{entry.asn}" if entry.asn else "not known", escape(entry.name), f"{entry.count:,}")
    return table


def _table(title: str, *columns: tuple[str, bool]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name, is_number in columns:
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    return table


def _files(role: str, entries: list[dict[str, object]]) -> Iterable[str]:
    first, size = entries[0], sum(int(str(entry["size"])) for entry in entries)
    fetched = f", fetched {first['fetched']}" if first.get("fetched") else ""
    if len(entries) > 3:
        # The pages of PeeringDB; --json has each with its checksum.
        yield f"  {role}: {len(entries)} files, {size:,} bytes{fetched}"
    else:
        for entry in entries:
            yield f"  {role}: {entry['file']}, {entry['size']:,} bytes{fetched}"
            yield f"    sha256 {entry['sha256']}"
    if first.get("licence"):
        yield f"    {first['licence']}"


def _provenance(summary: Summary, *, is_verified: bool) -> Iterable[str]:
    inputs = summary.provenance.get("inputs")
    if isinstance(inputs, list):
        yield "Made of"
        for role, entries in groupby(inputs, key=lambda entry: str(entry["role"])):
            yield from _files(role, list(entries))
    if dropped := dropped_lines(summary.provenance):
        yield dropped
    facts = summary.provenance.get("facts")
    if isinstance(facts, dict):
        yield f"Exchanges from: {facts.get('exchanges', 'not known')}"
    if summary.size:
        state = "every byte verified" if is_verified else "checksums of header and arrays hold"
        yield f"File: {summary.size:,} bytes, {state}"
        yield f"  content sha256 {summary.sha256}"
