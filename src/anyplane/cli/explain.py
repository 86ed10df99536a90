"""`anyplane explain`: why the users of one network reach the site they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design
from anyplane.cli.output import refuse_overwriting, write
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    RovOption,
    UsersOption,
    load_world,
    print_text,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anyplane.planning.certainty_explained import Stated


def explain(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="AS3320[@FRA]",
            help="The network, and the metro its users are in; @FRA alone takes the largest networks there.",
        ),
    ],
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    group: GroupOption = "",
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", metavar="SITE", help="As it is when this site has failed; may be repeated."
        ),
    ] = None,
    metros: MetrosOption = True,
    rov: RovOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Show why users reach the site they reach: every candidate on the way, and what removed it.

    Exit code 0; 2 when the network, the metro or the failed site is not known.
    """
    refuse_overwriting((design, topology, users, calibration), (json_file,))
    parsed = read_design(design)
    known = load_calibration(calibration)
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
    from anyplane.planning.compile import compile as compile_design
    from anyplane.planning.explain import explain as trace
    from anyplane.planning.explain import failing, pops_from
    from anyplane.planning.latency import INFLATION, LatencyModel
    from anyplane.routing import propagate

    pops = pops_from(world, origin)
    model = LatencyModel(inflation=INFLATION if inflation is None else inflation)
    explanations = []
    stated: list[Stated] = []
    failed = tuple(without or ())
    for whole in compile_design(parsed, world, group=group):
        scenario = failing(whole, failed)
        routes = propagate(world, scenario.seeds)
        found = [trace(routes, scenario, pop, latency=model, without=failed) for pop in pops]
        explanations += found
        if calibration is not None:
            from anyplane.planning.certainty_explained import stated_for

            asked = [(pop, item.as_path or (item.asn,)) for pop, item in zip(pops, found, strict=True)]
            stated += stated_for(parsed, scenario, world, known, asked)
    if json_file is not None:
        from anyplane.planning import jsonform

        plain: dict[str, jsonform.Json] = {
            "version": 1,
            "explanations": [jsonform.to_plain(item) for item in explanations],
        }
        if calibration is not None:
            plain["certainty"] = [jsonform.to_plain(one) for one in stated]
        write(json_file, jsonform.render(plain))
        return
    from rich.console import Group
    from rich.rule import Rule

    from anyplane.planning.explain_text import render

    parts: list[RenderableType] = []
    for index, item in enumerate(explanations):
        parts += [Rule(style="dim")] if index else []
        parts.append(render(item))
        if calibration is not None:
            from anyplane.planning.certainty_text import render_stated

            parts += ["", render_stated(stated[index])]
    for warning in dict.fromkeys(text for one in stated for text in one.warnings):
        parts += ["", f"Warning: {warning}"]
    print_text(lambda _plain, _width: Group(*parts))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", cls=JsonCommand)(explain)
