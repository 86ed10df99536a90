"""`anyplane gameday ...`: break a lab on purpose, and see what its users lose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.agent.settings import RUN_DIR
from anyplane.cli import lab_options
from anyplane.cli.lab_options import AsJson
from anyplane.cli.output import STANDARD_OUTPUT, refuse_overwriting, write
from anyplane.cli.planning_options import JsonCommand, JsonOption
from anyplane.cli.topology_option import CacheOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.lab.gameday.outcome import Outcome
    from anyplane.lab.gameday.scenario import Scenario

gameday_app = typer.Typer(help="Break a lab on purpose, and see what its users lose.", no_args_is_help=True)
SUITE = "suite"
Scenarios = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENARIO...", help="A file, the name of a shipped one, or suite for all of them."
    ),
]


def run(
    scenario: Scenarios,
    design: Annotated[
        str | None, typer.Option("--design", metavar="DESIGN", help="Instead of the scenario's own.")
    ] = None,
    topology: lab_options.World = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    routers: Annotated[
        int, typer.Option("--routers", min=0, max=1000, metavar="N", help="Instead of the scenario's number.")
    ] = 0,
    lab: Annotated[
        str, typer.Option("--lab", metavar="NAME", help="A lab that is up, instead of one for each design.")
    ] = "",
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="One page with a timeline for each client.")
    ] = None,
    json_file: JsonOption = None,
    junit: Annotated[str | None, typer.Option("--junit", metavar="FILE", help="JUnit XML, for CI.")] = None,
    real: Annotated[
        bool,
        typer.Option(
            "--real", help="Real sites: drains alone, each confirmed.", rich_help_panel="Real sites"
        ),
    ] = False,
    plan_only: Annotated[
        bool,
        typer.Option("--plan-only", help="Say what would be done, do nothing.", rich_help_panel="Real sites"),
    ] = False,
    order_command: Annotated[
        str,
        typer.Option(
            "--order-command",
            metavar="COMMAND",
            help="How orders reach the sites: {site}, {order}, {group}.",
            rich_help_panel="Real sites",
        ),
    ] = "",
    run_dir: Annotated[
        Path,
        typer.Option("--run-dir", metavar="DIR", help="The agents' sockets.", rich_help_panel="Real sites"),
    ] = RUN_DIR,
) -> None:
    """Run game days: break things, measure what each client loses, hold it to what the scenario expects.

    Without --lab a lab is made for them and taken down afterwards. Exit code 0: all expectations are kept;
    1: one is broken; 2: bad input; 4: the lab failed.
    """
    refuse_overwriting((*scenario, design, topology), (html, json_file, junit))
    if sum(target == STANDARD_OUTPUT for target in (html, json_file, junit)) > 1:
        raise UsageError("two reports cannot both go to standard output", hint="name a file for one")
    from anyplane.cli import gameday_run

    scenarios = chosen(scenario)
    if lab and (design is not None or topology is not None or routers):
        raise UsageError("--lab is a lab that is there; nothing else can be chosen for it")
    if plan_only and not real:
        raise UsageError("--plan-only is for real sites", hint="add --real; a lab harms nobody")
    if real:
        if design is None or lab:
            raise UsageError("real sites are those of a design", hint="--real --design DESIGN, without --lab")
        days = gameday_run.run_real(
            scenarios, design=design, command=order_command, run_dir=run_dir, is_plan_only=plan_only
        )
        code = _report(days, html=html, json_file=json_file, junit=junit) if days else 0
        if code:
            raise typer.Exit(code)
        return
    outcomes = gameday_run.run_all(
        scenarios,
        lab=lab,
        design=design,
        topology=topology,
        seed=topology_seed,
        cache=cache,
        routers=routers,
        is_quiet=STANDARD_OUTPUT in (html, json_file, junit),
    )
    code = _report(outcomes, html=html, json_file=json_file, junit=junit)
    if code:
        raise typer.Exit(code)


def listed(as_json: AsJson = False) -> None:
    """Name the scenarios that come with the program, and what each shows."""
    from anyplane.lab.gameday.reading import load, shipped

    found = [load(name) for name in shipped()]
    if as_json:
        lab_options.show_json([{"name": one.name, "shows": one.shows} for one in found])
        return
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for one in found:
        table.add_row(one.name, one.shows)
    lab_options.show(table)


def show(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A file, or a shipped one's name.")],
) -> None:
    """Print a scenario, to begin one's own with; a file is checked as well."""
    from anyplane.lab.gameday.reading import load

    write(STANDARD_OUTPUT, load(scenario).source.rstrip("\n") + "\n")


def chosen(words: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios that these words name, each read and checked; `suite` is all that are shipped."""
    from anyplane.lab.gameday.reading import load, shipped

    names = [name for word in words for name in (shipped() if word == SUITE else (word,))]
    return tuple(load(name) for name in dict.fromkeys(names))


def _report(
    outcomes: Sequence[Outcome], *, html: str | None, json_file: str | None, junit: str | None
) -> int:
    """Write what was asked for, the terminal's report where standard output is free; the exit code."""
    from anyplane.lab.gameday.report_json import exit_code, to_json

    if json_file is not None:
        write(json_file, to_json(outcomes))
    if html is not None:
        from anyplane.lab.gameday.report_html import render_html

        write(html, render_html(outcomes))
    if junit is not None:
        from anyplane.lab.gameday.report_junit import to_junit

        write(junit, to_junit(outcomes))
    if STANDARD_OUTPUT not in (json_file, html, junit):
        from anyplane.lab.gameday.report_text import render_suite, render_text

        if len(outcomes) == 1:
            lab_options.show(render_text(outcomes[0]))
        elif outcomes:
            lab_options.show(render_suite(outcomes))
    for path in (html, json_file, junit):
        if path is not None and path != STANDARD_OUTPUT:
            typer.echo(f"wrote {path}", err=True)
    return exit_code(outcomes)


gameday_app.command("run", cls=JsonCommand)(run)
gameday_app.command("list")(listed)
gameday_app.command("show")(show)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(gameday_app, name="gameday")
