"""`anyplane optimize`: better announcements for the same sites and upstreams, and the next sites to add."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import HtmlOption, deliver, progress, refuse_both_to_standard_output
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design
from anyplane.cli.optimize_write import WriteCommand, refuse_writing, write_design
from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    InflationOption,
    JsonOption,
    MetrosOption,
    RovOption,
    UsersOption,
    load_world,
)
from anyplane.cli.resume import Keeper
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.planning.latency import LatencyModel
    from anyplane.planning.search.evaluated import Sets
    from anyplane.planning.search.optimize import Question, Search

NAMES = r"today|best|nearest|safest|\d+ changes?"
INTERRUPTED = 130
BROKEN = 1
"""So often, at most, the file of --resume is written."""
TURNED, SOUGHT, SITES = "What may be turned", "Search", "New sites"


def optimize(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    goal: Annotated[
        str,
        typer.Option(
            "--goal",
            metavar="mean|p50|p90|p95|p99|load",
            help="The RTT that is made small; load: only with --add-site and --capacity.",
        ),
    ] = "mean",
    write: Annotated[
        str | None,
        typer.Option(
            "--write", metavar="[FILE]", help="Write the edited design to FILE, or to the design's own file."
        ),
    ] = None,
    pick: Annotated[
        str, typer.Option("--pick", metavar="CHOICE", help="The row of the table that --write means.")
    ] = "best",
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
    group: GroupOption = "",
    metros: MetrosOption = True,
    rov: RovOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    calibration: CalibrationOption = None,
    turn: Annotated[
        str,
        typer.Option(
            "--turn",
            metavar="KIND,…",
            help="prepend, withdraw, no-export, communities, med, backup.",
            rich_help_panel=TURNED,
        ),
    ] = "prepend,withdraw,no-export,communities",
    prepends: Annotated[
        str, typer.Option("--prepends", metavar="N,…", help="Prepends to try.", rich_help_panel=TURNED)
    ] = "0,1,2,3",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="SITE[/ASN]", help="Not to be touched; repeatable.", rich_help_panel=TURNED
        ),
    ] = None,
    min_sites: Annotated[
        int,
        typer.Option("--min-sites", min=1, help="So many sites stay announced.", rich_help_panel=TURNED),
    ] = 2,
    max_changes: Annotated[
        int,
        typer.Option(
            "--max-changes", min=0, help="Uplinks changed at most; 0: any number.", rich_help_panel=TURNED
        ),
    ] = 0,
    change_cost: Annotated[
        float,
        typer.Option(
            "--change-cost",
            min=0.0,
            metavar="MS",
            help="What each change must bring.",
            rich_help_panel=TURNED,
        ),
    ] = 0.05,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the search.", rich_help_panel=SOUGHT)] = 1,
    budget: Annotated[
        int,
        typer.Option("--budget", min=1, help="Announcement sets to evaluate.", rich_help_panel=SOUGHT),
    ] = 2000,
    seconds: Annotated[
        str,
        typer.Option(
            "--time", metavar="SECONDS", help="Stop then; the answer is partial.", rich_help_panel=SOUGHT
        ),
    ] = "",
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="FILE",
            help="Keep evaluated sets here, and go on from them.",
            rich_help_panel=SOUGHT,
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", min=1, max=64, help="Threads.", rich_help_panel=SOUGHT)
    ] = 2,
    add_site: Annotated[
        int,
        typer.Option(
            "--add-site", min=0, metavar="N", help="Propose the next N sites instead.", rich_help_panel=SITES
        ),
    ] = 0,
    only_used: Annotated[
        bool,
        typer.Option("--only-used", help="New sites buy from networks of the design.", rich_help_panel=SITES),
    ] = False,
    transits: Annotated[
        int, typer.Option("--transits", min=1, help="Transits of a new site.", rich_help_panel=SITES)
    ] = 2,
    capacity: Annotated[
        str,
        typer.Option("--capacity", metavar="RATE", help="Of each new site.", rich_help_panel=SITES),
    ] = "",
) -> None:
    """Find announcements that bring users nearer, keep promises and capacity, and change little.

    Exit code 0: an answer, even that nothing is better; 1: the best choice still breaks an objective or a
    residency rule; 2: bad input; 130: interrupted, and the best until then is shown.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    refuse_writing(design, write)
    if not re.fullmatch(NAMES, pick):
        raise UsageError(
            f"--pick {pick}: no choice is ever called that",
            hint="today, best, nearest, safest, or as many as the table has: '1 change', '3 changes'",
        )
    refuse_overwriting((design, topology, users, calibration), (json_file, html, resume))
    refuse_overwriting((topology, users, calibration), (write or None,))
    parsed = read_design(design)
    limit = _seconds(seconds)
    if add_site:
        _warn_of_unused(
            calibration=calibration is not None, resume=resume is not None, time=limit is not None
        )
        from anyplane.cli.optimize_sites import propose

        world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
        text = propose(
            parsed,
            parsed.source,
            world,
            _latency(inflation),
            count=add_site,
            goal=goal,
            group=group,
            only_used=only_used,
            size=transits,
            capacity=capacity,
            threads=threads,
            json_file=json_file,
            html=html,
        )
        if write is not None:
            write_design(design, parsed, text, write, aside="-" in (json_file, html))
        return

    if only_used or capacity:
        raise UsageError("--only-used and --capacity are about new sites", hint="add --add-site N")
    question = _question(
        goal, turn, prepends, keep or [], min_sites, max_changes, change_cost, seed=seed, budget=budget
    )
    learned = load_calibration(calibration)
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
    from anyplane.planning.search import html as pages
    from anyplane.planning.search import report as results
    from anyplane.planning.search import text as words
    from anyplane.planning.search.optimize import Search

    search = Search(parsed, world, question, latency=_latency(inflation), group=group, threads=threads)
    keeper, known = _keeper(search, resume)
    stop = _deadline(limit)
    with progress("evaluating") as told:

        def tell(done: int, of: int) -> None:
            told(min(done, of), of)
            keeper.keep()

        report = search.run(known=known, stop=stop, progress=tell, calibration=learned)
    keeper.keep(now=True)
    deliver(
        text=lambda is_plain, width: words.render(report, is_plain=is_plain, width=width),
        json_text=lambda: results.to_json(report),
        section=lambda: pages.section(report),
        json_file=json_file,
        html=html,
    )
    if write is not None:
        from anyplane.design.editing import edited

        # Only now: who mistook the name of a row has the table at least.
        settings = search.turned(pick)
        if not settings:
            sys.stderr.write(f"{pick} changes nothing: nothing was written\n")
        else:
            text = edited(parsed.source, parsed, settings)
            write_design(design, parsed, text, write, aside="-" in (json_file, html), settings=settings)
    if report.stopped == "interrupt":
        kept = f"; {resume} holds what was evaluated, the same command goes on" if resume else ""
        sys.stderr.write(f"interrupted: the report is of what was evaluated until then{kept}\n")
        raise typer.Exit(INTERRUPTED)
    if any(item.state is item.state.BROKEN for item in report.picked.promises):
        raise typer.Exit(BROKEN)


def _warn_of_unused(**given: bool) -> None:
    for name in (name for name, is_given in given.items() if is_given):
        sys.stderr.write(f"warning: --{name} plays no part in --add-site\n")


def _keeper(search: Search, resume: Path | None) -> tuple[Keeper, Sets | None]:
    """The file of --resume, and what it holds already."""
    from anyplane.planning.search import kept

    mark = search.fingerprint if resume is not None else ""
    keeper = Keeper(resume, lambda: kept.to_text(search.evaluated.kept() if search.evaluated else {}, mark))
    text = keeper.read()
    return keeper, None if text is None else kept.from_text(text, mark, file=str(resume))


def _question(
    goal: str,
    turn: str,
    prepends: str,
    keep: list[str],
    min_sites: int,
    max_changes: int,
    change_cost: float,
    *,
    seed: int,
    budget: int,
) -> Question:
    from anyplane.planning.search.marks import Goal
    from anyplane.planning.search.optimize import Question
    from anyplane.planning.search.space import Limits, Turn

    goals = [one.value for one in Goal]
    if goal == "load":
        raise UsageError(
            "--goal load is for new sites", hint="add --add-site N and --capacity, or " + goals[0]
        )
    if goal not in goals:
        raise UsageError(f"--goal {goal}: there is no such goal", hint=", ".join(goals))
    kinds = [one.strip() for one in turn.split(",") if one.strip()]
    known = [one.value for one in Turn]
    if not kinds:
        raise UsageError("--turn names no kind of change", hint=", ".join(known))
    for kind in kinds:
        if kind not in known:
            raise UsageError(f"--turn {kind}: there is no such kind", hint=", ".join(known))
    try:
        times = tuple(dict.fromkeys(int(one) for one in prepends.split(",") if one.strip()))
    except ValueError:
        times = (-1,)
    if any(not 0 <= one <= 20 for one in times):
        raise UsageError(f"--prepends {prepends}: that is not a list of numbers", hint="0,1,2,3; at most 20")
    if not isfinite(change_cost):
        raise UsageError(
            f"--change-cost {change_cost}: that is not a number of milliseconds", hint="0.05, say"
        )
    return Question(
        goal=Goal(goal),
        limits=Limits(
            turns=tuple(dict.fromkeys(Turn(kind) for kind in kinds)),
            prepends=times,
            keep=tuple(keep),
            min_sites=min_sites,
            most_changes=max_changes,
        ),
        change_cost_ms=change_cost,
        seed=seed,
        budget=budget,
    )


def _seconds(text: str) -> float | None:
    from anyplane.cli import duration

    if not text:
        return None
    return duration.seconds(text if not text.replace(".", "", 1).isdigit() else f"{text} s", option="--time")


def _deadline(limit: float | None) -> Callable[[], bool]:
    if limit is None:
        return lambda: False
    end = time.monotonic() + limit
    return lambda: time.monotonic() >= end


def _latency(inflation: float | None) -> LatencyModel:
    from anyplane.planning.latency import LatencyModel

    return LatencyModel() if inflation is None else LatencyModel(inflation=inflation)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("optimize", cls=WriteCommand)(optimize)
