"""summary: what stands after `lab up`, and what to try next, on one screen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.lab.blueprint import NodeKind, RouterKind
from anyplane.lab.faces import catchment_text
from anyplane.lab.faces.catchment import Comparison
from anyplane.lab.faces.status import several
from anyplane.lab.world.prepared import Prepared


def page(
    made: Prepared, *, took_s: float, phases: Mapping[str, float], found: Comparison | None, width: int = 100
) -> RenderableType:
    """What stands, plan beside lab, and the next commands. took_s: of the building; phases: by name."""
    parts: list[RenderableType] = [_standing(made, took_s, phases)]
    parts += [Text(note) for note in made.reduction.notes]
    parts.append(Text(""))
    if found is not None:
        parts += [catchment_text.page(found, width=width), Text("")]
    parts.append(_next(made))
    return Group(*parts)


def _standing(made: Prepared, took_s: float, phases: Mapping[str, float]) -> Text:
    blueprint = made.blueprint
    routers = [node for node in blueprint.nodes if node.kind == NodeKind.ROUTER]
    frr = sum(node.daemon == RouterKind.FRR for node in routers)
    counted = several(len(routers), "router") + (f" ({frr} of them FRR)" if frr else "")
    exchanges = f", {several(len(blueprint.exchanges), 'exchange')}" if blueprint.exchanges else ""
    text = Text.assemble(
        (blueprint.name, "bold"),
        f" is up after {took_s:.1f} s: {counted}, {several(len(blueprint.links), 'link')}{exchanges}, ",
        f"{several(len(blueprint.site_nodes), 'site')}, {several(len(blueprint.clients), 'client network')}",
        "" if blueprint.has_delays else ", links without length",
    )
    slow = [f"{name} {seconds:.1f}" for name, seconds in phases.items() if name != "total"]
    return text.append(f"\n({', '.join(slow)} s)" if slow else "")


def _next(made: Prepared) -> Table:
    blueprint = made.blueprint
    client = blueprint.clients[0].name if blueprint.clients else "NODE"
    site = next(iter(blueprint.site_nodes.values())).name if blueprint.site_nodes else "NODE"
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for command, what in (
        (f"anyplane lab trace {client}", "the way of its packets, and the plan's"),
        (f"anyplane lab shell {site}", "a shell in a node: ip route, birdc, tcpdump"),
        ("anyplane gameday run service-killed", "break it, and see what users lose"),
        (f"anyplane lab down {blueprint.name}", "end it; nothing is left"),
    ):
        table.add_row(command, what)
    return table
