"""`anyplane converge`: how long it hurts when a site goes, comes back, or all of them go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.design_file import read_design, read_text
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
    from anyplane.planning.broken_sessions import Service
    from anyplane.planning.convergence_report import ConvergenceReport, Run
    from anyplane.routing.converge import Timing

INTERRUPTED = 130
ROUTERS = "Routers"


def converge(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    withdraw: Annotated[
        str,
        typer.Option("--withdraw", metavar="SITE|all", help="This site's announcements end at time 0."),
    ] = "",
    announce: Annotated[
        str,
        typer.Option(
            "--announce", metavar="SITE|all", help="They begin at time 0; `all`: the prefix is new."
        ),
    ] = "",
    others_prepend: Annotated[
        int,
        typer.Option("--others-prepend", min=0, max=50, help="Paths to the other sites are so much longer."),
    ] = 0,
    last: Annotated[
        bool, typer.Option("--last/--no-last", help="Ask also what happens when every site is withdrawn.")
    ] = True,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, help="Runs of each situation.")] = 20,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Runs at the same time.")] = 2,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="FILE", help="Keep finished runs here, and go on from them."),
    ] = None,
    services: Annotated[
        Path | None,
        typer.Option("--services", metavar="FILE", help="Connections of each user, CSV; see the reference."),
    ] = None,
    changes_per_day: Annotated[
        float,
        typer.Option(
            "--changes-per-day", min=0.0, max=1000.0, help="How often a user's site changes anyway."
        ),
    ] = 0.01,
    mrai: Annotated[
        str,
        typer.Option(
            "--mrai",
            metavar="SECONDS:SHARE,…",
            help="Minimum route advertisement intervals, by share of networks; or one for all.",
            show_default="30:0.3,5:0.2,0:0.5",
            rich_help_panel=ROUTERS,
        ),
    ] = "",
    withdrawals_wait: Annotated[
        float | None,
        typer.Option(
            "--withdrawals-wait",
            metavar="SHARE",
            help="Of networks with an interval: hold withdrawals back too (RFC 4271).",
            show_default="0.07",
            rich_help_panel=ROUTERS,
        ),
    ] = None,
    busy: Annotated[
        float | None,
        typer.Option(
            "--busy",
            metavar="SHARE",
            help="Of networks with an interval: other prefixes keep it running.",
            show_default="0.3",
            rich_help_panel=ROUTERS,
        ),
    ] = None,
    processing_ms: Annotated[
        float | None,
        typer.Option(
            "--processing-ms",
            help="Median from a message to routes and messages made from it.",
            show_default="80",
            rich_help_panel=ROUTERS,
        ),
    ] = None,
    damping: Annotated[
        str,
        typer.Option("--damping", metavar="off|rfc2439|ripe580", help="Damp flaps.", rich_help_panel=ROUTERS),
    ] = "off",
    damping_share: Annotated[
        float, typer.Option("--damping-share", help="Share of networks that damp.", rich_help_panel=ROUTERS)
    ] = 0.1,
    horizon: Annotated[
        float, typer.Option("--horizon", metavar="SECONDS", help="Give up then.", rich_help_panel=ROUTERS)
    ] = 7200.0,
) -> None:
    """Say how long users reach nothing when a site is withdrawn, and how many connections break.

    BGP is simulated message by message, with timers, delays and path exploration, for several seeds. Exit
    code 0; 2: bad input; 130: interrupted, and what was done is shown.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    refuse_overwriting((design, topology, users, services), (json_file, html, resume))
    parsed = read_design(design)
    timing = _timing(
        mrai=mrai,
        withdrawals_wait=withdrawals_wait,
        busy=busy,
        processing_ms=processing_ms,
        damping=damping,
        damping_share=damping_share,
        horizon=horizon,
        inflation=inflation,
    )
    table = _services(services)
    # Nobody invalid takes part, so who validates does not matter here.
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=True, users=users)
    from anyplane.planning import convergence, convergence_kept, convergence_question

    question = convergence_question.Question(
        withdraw=withdraw, announce=announce, others_prepend=others_prepend, with_last=last
    )
    asked = convergence_question.situations(parsed, world, question, group=group)
    fingerprints = {item.name: item.fingerprint(world, timing) for item in asked}
    runs: list[Run] = []
    keeper = Keeper(resume, lambda: convergence_kept.to_text(runs, fingerprints))
    text = keeper.read()
    known = () if text is None else convergence_kept.from_text(text, fingerprints, file=str(resume))
    runs.extend(known)
    with progress("simulating") as tell:

        def finished(run: Run, done: int, wanted: int) -> None:
            runs.append(run)
            tell(done, wanted)
            keeper.keep(now=True)  # each took a second or more

        report = convergence.converge(
            parsed,
            world,
            asked,
            timing=timing,
            seeds=seeds,
            threads=threads,
            services=table,
            changes_per_day=changes_per_day,
            known=known,
            finished=finished,
        )
    if report.is_partial and not report.situations:
        sys.stderr.write("interrupted before the first run was done\n")
        raise typer.Exit(INTERRUPTED)
    _write(report, json_file=json_file, html=html)
    if report.is_partial:
        kept = f"; {resume} holds the runs, the same command goes on" if resume else ""
        sys.stderr.write(f"interrupted: the report is of the runs that were done{kept}\n")
        raise typer.Exit(INTERRUPTED)


def _timing(
    *,
    mrai: str,
    withdrawals_wait: float | None,
    busy: float | None,
    processing_ms: float | None,
    damping: str,
    damping_share: float,
    horizon: float,
    inflation: float | None,
) -> Timing:
    from anyplane.routing.converge import RFC_2439, RIPE_580, Timing

    kinds = {"off": None, "rfc2439": RFC_2439, "ripe580": RIPE_580}
    if damping not in kinds:
        raise UsageError(f"--damping {damping}: there is no such kind", hint="off, rfc2439 or ripe580")
    plain = Timing()
    timing = Timing(
        mrai=_mix(mrai) if mrai else plain.mrai,
        withdrawals_wait=plain.withdrawals_wait if withdrawals_wait is None else withdrawals_wait,
        busy=plain.busy if busy is None else busy,
        processing_s=plain.processing_s if processing_ms is None else processing_ms / 1000,
        inflation=plain.inflation if inflation is None else inflation,
        damping=kinds[damping],
        damping_share=damping_share,
        horizon_s=horizon,
    )
    if faults := timing.faults():
        raise UsageError("; ".join(faults), hint="`anyplane converge --help` lists them, under Routers")
    return timing


def _mix(text: str) -> tuple[tuple[float, float], ...]:
    found = []
    for item in text.split(","):
        seconds, colon, share = item.partition(":")
        try:
            found.append((float(seconds), float(share) if colon else 1.0))
        except ValueError:
            raise UsageError(
                f"--mrai: {item!r} is not SECONDS:SHARE", hint="for example --mrai 30:0.3,5:0.2,0:0.5"
            ) from None
    return tuple(found)


def _services(file: Path | None) -> tuple[Service, ...]:
    from anyplane.planning import broken_sessions

    if file is None:
        return broken_sessions.DEFAULT
    return broken_sessions.read_services(read_text(file), file=str(file))


def _write(report: ConvergenceReport, *, json_file: str | None, html: str | None) -> None:
    from anyplane.planning.convergence_html import section
    from anyplane.planning.convergence_report import to_json
    from anyplane.planning.convergence_text import render

    deliver(
        text=lambda is_plain, width: render(report, is_plain=is_plain, width=width),
        json_text=lambda: to_json(report),
        section=lambda: section(report),
        json_file=json_file,
        html=html,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("converge", cls=JsonCommand)(converge)
