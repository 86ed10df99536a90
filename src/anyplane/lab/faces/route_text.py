"""route_text: one question, or one trace, for people: who answered, which way, and the plan beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.lab.blueprint import Node
from anyplane.lab.faces.catchment import Expected
from anyplane.planning.figures import ms

NARROW = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One hop of a trace; node None: nobody said who it is."""

    ttl: int
    address: str
    node: Node | None
    rtt_ms: float | None


def answered(
    client: Node,
    *,
    address: str,
    question: str,
    texts: Sequence[str],
    nsid: str,
    rtt_ms: float | None,
    error: str,
    planned: Expected | None,
) -> Text:
    """Two or three lines: what was asked, who answered after how long, and whether the plan says so too."""
    text = Text(f"{client.name} asks {address} for {question}\n")
    if error and not texts:
        text += Text(f"  {error}", style="bold red")
    else:
        text += Text(f"  {' '.join(texts) or 'an empty answer'}", style="bold")
        text += Text(f"{f', NSID {nsid}' if nsid else ''}, in {ms(rtt_ms)} ms")
    if planned is None:
        return text
    site = texts[0] if texts and question.startswith("id.server") else nsid
    return text + Text("\n  ") + said_by_plan(planned, site)


def said_by_plan(planned: Expected, site: str) -> Text:
    """The plan's word on a client, and whether it came true."""
    where = f"{planned.site}, {ms(planned.rtt_ms)} ms" if planned.site else "no route"
    if planned.rtt_ms is None and planned.site:
        where = planned.site
    if not site:
        return Text(f"the plan says {where}")
    is_true = planned.site == site or site.startswith(f"{planned.site}-")
    return Text(f"the plan says {where}: ") + (
        Text("so it is", style="green") if is_true else Text("DIFFERS", style="bold red")
    )


def trace_page(
    client: Node,
    *,
    address: str,
    site: str,
    found: Sequence[Step],
    planned: Expected | None,
    width: int = 100,
    error: str = "",
) -> RenderableType:
    """Hop by hop, the plan's networks and metros beside it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("node", no_wrap=True)
    table.add_column("AS", justify="right", no_wrap=True)
    table.add_column("in", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    if width >= NARROW:
        table.add_column("address", no_wrap=True)
    for step in found:
        node = step.node
        name = node.name if node else ("nobody answered" if not step.address else step.address)
        cells = [str(step.ttl), name, str(int(node.asn)) if node else ""]
        cells += [node.location.metro if node else "", ms(step.rtt_ms)]
        table.add_row(*cells, *([step.address] if width >= NARROW else []))
    parts: list[RenderableType] = [Text(f"from {client.name} to {address}: {site or error or 'no answer'}")]
    parts += [Text(""), table]
    if planned is not None:
        parts += [Text(""), said_by_plan(planned, site)]
        if planned.as_path or planned.metros:
            parts.append(_beside(client, found, planned))
    return Group(*parts)


def as_path(client: Node, found: Sequence[Step]) -> tuple[int, ...]:
    """The networks of a trace, own first, each once in a row."""
    path = [int(client.asn)]
    for step in found:
        if step.node is not None and int(step.node.asn) != path[-1]:
            path.append(int(step.node.asn))
    return tuple(path)


def _beside(client: Node, found: Sequence[Step], planned: Expected) -> Table:
    """AS paths and metros, the plan above the lab; prepends are in the plan's path, never in a trace."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("plan", _way(_without_prepends(planned.as_path), planned.metros))
    metros = [client.location.metro, *(step.node.location.metro for step in found if step.node)]
    once = [code for number, code in enumerate(metros) if number == 0 or code != metros[number - 1]]
    table.add_row("lab", _way(as_path(client, found), once))
    return table


def _way(path: Sequence[int], metros: Sequence[str]) -> str:
    networks = " ".join(f"AS{asn}" for asn in path)
    return f"{networks}  through {' '.join(metros)}" if metros else networks


def _without_prepends(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(asn for number, asn in enumerate(path) if number == 0 or asn != path[number - 1])
