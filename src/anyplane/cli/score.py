"""`anyplane score`: how good a prediction was, held against what was measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.answers import refuse_both_to_standard_output
from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import read_design
from anyplane.cli.output import STANDARD_OUTPUT, refuse_overwriting, write
from anyplane.cli.planning_options import (
    GroupOption,
    JsonCommand,
    JsonOption,
    UsersOption,
    load_world,
    print_text,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.calibration.calibration import Calibration
    from anyplane.design import Design
    from anyplane.model.forecast import Forecast
    from anyplane.model.observations import Method
    from anyplane.planning.score_report import By, Score
    from anyplane.topology import Topology


def score(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")],
    observed: Annotated[
        Path,
        typer.Option(
            "--observed", metavar="PARQUET", help="What was measured: a file of `anyplane measure import`."
        ),
    ],
    predicted: Annotated[
        Path | None,
        typer.Option(
            "--predicted",
            metavar="FILE",
            help="What was predicted: CSV or Parquet with asn,site and maybe probability,users,country.",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            metavar="METHOD",
            help="Only what was seen by ping, atlas, dns, paths, http or other.",
            show_default="all, each with an equal say",
        ),
    ] = "",
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="HASH",
            help="Only what was seen while this was announced: the beginning of a policy.",
            show_default="what the predicted sites announced together",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", metavar="networks|users", help="What the tables and plots count.")
    ] = "networks",
    json_file: JsonOption = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write one self-contained page with plots."),
    ] = None,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    users: UsersOption = None,
    calibration: CalibrationOption = None,
    group: GroupOption = "",
) -> None:
    """Say how good a prediction was: how often right, better than guessing or not, as sure as it should be.

    Without --predicted it is what the plan of the design says on --topology, with --calibration if given.
    Only networks that were both predicted and observed count. Exit code 2: bad input, nothing to compare.
    """
    refuse_both_to_standard_output(json_file=json_file, html=html)
    refuse_overwriting((design, predicted, observed, topology, users, calibration), (json_file, html))
    chosen, counted = _method(method), _by(by)
    parsed = read_design(design)
    from anyplane.measure.observations import read_observations
    from anyplane.planning.score import score as reckon

    if predicted is not None:
        _refuse_both(topology, calibration)
        from anyplane.datasets.forecast_file import read_forecast

        forecast = read_forecast(predicted)
    elif topology is None:
        raise UsageError(
            f"say what was predicted for {parsed.name}",
            hint="--predicted FILE, a CSV with asn,site; or --topology FILE to score what the plan says",
        )
    else:
        known = load_calibration(calibration)
        world = load_world(topology, seed=topology_seed, cache=cache, metros=True, rov=True, users=users)
        forecast = _forecast(parsed, world, known, group=group)
    result = reckon(
        forecast,
        read_observations(observed),
        method=chosen,
        policy=policy,
        service=parsed.name,
        design_sites=tuple(site.name for site in parsed.sites),
        predicted=str(predicted or "the plan"),
        observed=str(observed),
    )
    if counted == "users" and result.by_users is None:
        raise UsageError(
            f"{predicted} says of no network how many users it has",
            hint="give it a column users, or leave out --by users",
        )
    _write(result, by=counted, json_file=json_file, html=html)


def _refuse_both(topology: str | None, calibration: Path | None) -> None:
    for name, given in (("--topology", topology), ("--calibration", calibration)):
        if given is not None:
            raise UsageError(
                f"{name} and --predicted exclude each other",
                hint="leave out --predicted, and what the plan says is scored",
            )


def _forecast(design: Design, world: Topology, known: Calibration, *, group: str) -> Forecast:
    """What the plan of this design says, as probabilities."""
    from anyplane.cli.topology_option import steps
    from anyplane.planning.certainty import misfits
    from anyplane.planning.forecasting import forecast_of

    for warning in misfits(known, design, world):
        sys.stderr.write(f"warning: {warning}\n")
    with steps() as step:
        step("predicting")
        return forecast_of(design, world, known, group=group)


def _method(text: str) -> Method | None:
    from anyplane.model.observations import Method

    if not text:
        return None
    try:
        return Method(text.lower())
    except ValueError:
        known = ", ".join(one.value for one in Method)
        raise UsageError(f"--method {text!r} is not known", hint=f"the methods are {known}") from None


def _by(text: str) -> By:
    from anyplane.planning.score_report import By

    try:
        return By(text.lower())
    except ValueError:
        raise UsageError(f"--by {text!r} is neither networks nor users") from None


def _write(result: Score, *, by: By, json_file: str | None, html: str | None) -> None:
    if html is not None:
        from anyplane.planning.score_html import render_html

        write(html, render_html(result, by=by))
    if json_file is not None:
        from anyplane.planning.score_report import to_json

        write(json_file, to_json(result))
    elif html != STANDARD_OUTPUT:
        from anyplane.planning.score_text import render

        print_text(lambda is_plain, _width: render(result, by=by, is_plain=is_plain))
    for path in (html, json_file):
        if path is not None and path != STANDARD_OUTPUT:
            sys.stderr.write(f"wrote {path}\n")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("score", cls=JsonCommand)(score)
