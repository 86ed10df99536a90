"""`anyplane paths`: the way in and the way back, where they differ, and who sees one half."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design
from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    UsersOption,
    load_world,
)
from anyplane.cli.resume import Keeper
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyplane.calibration.calibration import Calibration
    from anyplane.design.design import Design
    from anyplane.planning.both_ways.report import PathsReport
    from anyplane.planning.both_ways.returning import Prefer
    from anyplane.planning.both_ways.sweep import Back
    from anyplane.planning.latency import LatencyModel
    from anyplane.topology import Topology

INTERRUPTED = 130


def paths(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    client: Annotated[
        str,
        typer.Option(
            "--client",
            metavar="AS3320[@FRA]",
            help="The network, and the metro its users are in; without it: a summary over users.",
        ),
    ] = "",
    site: Annotated[
        str,
        typer.Option(
            "--site",
            metavar="SITE",
            help="As if the client reached this one; with another than its own, alone.",
        ),
    ] = "",
    prefer: Annotated[
        str,
        typer.Option(
            "--prefer",
            metavar="peer|transit|shortest",
            help="The sites' local preference for their way out; the design does not say it.",
        ),
    ] = "peer",
    networks: Annotated[
        int | None,
        typer.Option(
            "--networks",
            metavar="N",
            min=1,
            help="Summary of the N networks with most users.",
            show_default="90 % of users, at most 1,000",
        ),
    ] = None,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    calibration: CalibrationOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Networks at the same time.")] = 2,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="FILE", help="Keep finished networks here, and go on from them."),
    ] = None,
) -> None:
    """Compare the way in from clients to their site with the way back, network by network.

    Says where the two differ in networks and metros, what the round trip takes, and which stateful firewall
    sees one direction only. Exit code 0; 2: bad input, or the client has no route; 130: interrupted, and what
    was done is shown.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    refuse_overwriting((design, topology, users, calibration), (json_file, html, resume))
    if resume is not None and str(resume) in (json_file, html):
        raise UsageError("--resume names the file of an answer", hint="name one of its own")
    if client and (networks is not None or resume is not None):
        raise UsageError(
            "--networks and --resume are for the summary over users",
            hint="leave them out, or leave out --client",
        )
    if site and not client:
        raise UsageError("--site says where --client is to go", hint="name a client: --client AS3320@FRA")
    chosen = _prefer(prefer)
    parsed = read_design(design)
    learned = None if calibration is None else load_calibration(calibration)
    # Nobody invalid takes part, so who validates does not matter here.
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=True, users=users)
    from anyplane.planning.latency import INFLATION, LatencyModel

    latency = LatencyModel(inflation=INFLATION if inflation is None else inflation)
    if client:
        from anyplane.planning.both_ways.paths import of_clients
        from anyplane.planning.explain import pops_from

        report = of_clients(
            parsed,
            world,
            pops_from(world, client),
            site=site,
            group=group,
            prefer=chosen,
            latency=latency,
            calibration=learned,
        )
    else:
        report = _summary(
            parsed,
            world,
            networks=networks,
            group=group,
            prefer=chosen,
            latency=latency,
            calibration=learned,
            threads=threads,
            resume=resume,
        )
    _write(report, json_file=json_file, html=html)
    if report.is_partial:
        kept = f"; {resume} holds what was done, the same command goes on" if resume else ""
        sys.stderr.write(f"interrupted: the report is of the networks that were done{kept}\n")
        raise typer.Exit(INTERRUPTED)


def _summary(
    design: Design,
    world: Topology,
    *,
    networks: int | None,
    group: str,
    prefer: Prefer,
    latency: LatencyModel,
    calibration: Calibration | None,
    threads: int,
    resume: Path | None,
) -> PathsReport:
    from anyplane.planning.both_ways.paths import of_users
    from anyplane.planning.both_ways.sweep import fingerprint, from_text, to_text
    from anyplane.planning.both_ways.uplinks import uplinks_of

    mark = ""
    if resume is not None:
        mark = fingerprint(world, uplinks_of(design, world), origin=int(design.origin), prefer=prefer)
    backs: list[Back] = []
    keeper = Keeper(resume, lambda: to_text(backs, mark))
    text = keeper.read()
    known = () if text is None else from_text(text, mark, file=str(resume))
    backs.extend(known)
    keeper.keep(now=True)
    with progress("ways back") as told:

        def finished(found: Sequence[Back], done: int, wanted: int) -> None:
            backs.extend(found)
            told(done, wanted)
            keeper.keep()

        report = of_users(
            design,
            world,
            networks=networks,
            group=group,
            prefer=prefer,
            latency=latency,
            calibration=calibration,
            threads=threads,
            known=known,
            finished=finished,
        )
    keeper.keep(now=True)
    return report


def _prefer(text: str) -> Prefer:
    from anyplane.planning.both_ways.returning import Prefer

    try:
        return Prefer(text)
    except ValueError:
        kinds = ", ".join(kind.value for kind in Prefer)
        raise UsageError(f"--prefer {text}: there is no such preference", hint=kinds) from None


def _write(report: PathsReport, *, json_file: str | None, html: str | None) -> None:
    from anyplane.planning.both_ways.html import section
    from anyplane.planning.both_ways.report import to_json
    from anyplane.planning.both_ways.text import render

    deliver(
        text=lambda is_plain, width: render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: section(report),
        json_file=json_file,
        html=html,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("paths", cls=JsonCommand)(paths)
