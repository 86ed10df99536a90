"""`anyplane plan`: which users reach which site, how fast, and what happens when a site fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import refuse_both_to_standard_output
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design, read_text
from anyplane.cli.output import STANDARD_OUTPUT, refuse_overwriting, write
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
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.calibration.calibration import Calibration
    from anyplane.design import Design
    from anyplane.planning.page.answers import Section
    from anyplane.planning.report import Report
    from anyplane.topology import Topology


def plan(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write one self-contained page with a map."),
    ] = None,
    section: Annotated[
        list[Path] | None,
        typer.Option(
            "--section",
            metavar="FILE",
            help="Put on the page what another command said, its --json FILE. Repeatable.",
        ),
    ] = None,
    group: GroupOption = "",
    failures: Annotated[
        bool,
        typer.Option("--failures/--no-failures", help="Reckon each site's failure and each site alone."),
    ] = True,
    metros: MetrosOption = True,
    rov: RovOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads for the failures.")] = 2,
    calibration: CalibrationOption = None,
    certainty: Annotated[
        bool | None,
        typer.Option(
            "--certainty/--no-certainty",
            help="Say how sure the shares are: intervals, the networks in doubt, what to measure.",
            show_default="as there is a --calibration",
            rich_help_panel="Certainty",
        ),
    ] = None,
    forecast: Annotated[
        Path | None,
        typer.Option(
            "--forecast",
            metavar="FILE",
            help="Write the probability of each site at each network, CSV or Parquet (see `score`).",
            rich_help_panel="Certainty",
        ),
    ] = None,
) -> None:
    """Say which users reach which site, how fast, and what happens when a site fails.

    Where routes are equally good nobody outside can know which one a network takes, so each share is given
    as certain, expected and possible. Exit code 0: all promises are kept (or only ties may break them);
    1: an objective or a residency rule is broken; 2: bad input.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    if forecast is not None and str(forecast) in (json_file, html, STANDARD_OUTPUT):
        raise UsageError("a forecast needs a file of its own", hint="--forecast forecast.csv")
    if section and html is None:
        raise UsageError("--section is for the page, and no page is asked for", hint="add --html page.html")
    outputs = (json_file, html, None if forecast is None else str(forecast))
    refuse_overwriting((design, topology, users, calibration, *(section or ())), outputs)
    parsed = read_design(design)
    sections = _sections(section or [], service=parsed.name)
    known = load_calibration(calibration)
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
    from anyplane.planning.latency import INFLATION, LatencyModel
    from anyplane.planning.plan import plan as reckon

    model = LatencyModel(inflation=INFLATION if inflation is None else inflation)
    with _progress() as progress:
        report = reckon(
            parsed, world, latency=model, group=group, failures=failures, threads=threads, progress=progress
        )
    wants = certainty if certainty is not None else calibration is not None or forecast is not None
    if wants or forecast is not None:
        sure = _with_certainty(report, parsed, world, known, group=group, forecast=forecast)
        report = sure if wants else report
    _write(report, sections=sections, json_file=json_file, html=html)
    if not report.is_ok:
        raise typer.Exit(1)


def _with_certainty(
    report: Report, design: Design, world: Topology, known: Calibration, *, group: str, forecast: Path | None
) -> Report:
    """The report with a Certainty in each scenario; writes the forecast too."""
    from anyplane.cli.topology_option import steps
    from anyplane.planning.certainty import with_certainty
    from anyplane.planning.forecasting import Chances, by_network

    if forecast is not None and len(report.scenarios) != 1:
        names = ", ".join(scenario.name for scenario in report.scenarios)
        raise UsageError(
            f"a forecast is of one scenario, this design has {len(report.scenarios)}: {names}",
            hint="choose a group whose prefixes are announced alike with --group NAME",
        )
    written = []

    def keep(found: Chances) -> None:
        if forecast is not None:
            from anyplane.datasets.forecast_file import write_forecast

            write_forecast(forecast, by_network(found, world))
            written.append(forecast)

    with steps() as step:
        step("reckoning how sure that is")
        sure = with_certainty(report, design, world, known, group=group, keep=keep)
    if forecast is not None and not written:
        raise UsageError("nothing is announced, so there is nothing to forecast")
    for path in written:
        sys.stderr.write(f"wrote {path}\n")
    return sure


def _sections(files: Sequence[Path], *, service: str) -> list[Section]:
    """What the files say, each once: two of one kind on a page would share their anchors."""
    if not files:
        return []
    from anyplane.planning.page.sections import section_of

    found: dict[str, Path] = {}
    sections = []
    for file in files:
        made = section_of(read_text(file), file=str(file))
        if made.id in found:
            raise UsageError(f"{file} and {found[made.id]} are reports of one kind; a page takes one of each")
        if made.service != service:
            raise UsageError(f"{file} is about the service {made.service}, and the plan about {service}")
        found[made.id] = file
        sections.append(made)
    return sections


def _write(report: Report, *, sections: Sequence[Section], json_file: str | None, html: str | None) -> None:
    if html is not None:
        from anyplane.planning.html import render_html

        write(html, render_html(report, sections=sections))
    if json_file is not None:
        from anyplane.planning.report import to_json

        write(json_file, to_json(report))
    elif html != STANDARD_OUTPUT:
        from anyplane.planning.text import render

        print_text(lambda is_plain, width: render(report, is_plain=is_plain, width=width))
    for path in (html, json_file):
        if path is not None and path != STANDARD_OUTPUT:
            sys.stderr.write(f"wrote {path}\n")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """What `plan` reports its runs to: a bar on stderr, or nothing when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("routing", total=None)
        yield lambda done, runs: bar.update(task, completed=done, total=runs)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", cls=JsonCommand)(plan)
