"""`anyplane diff`: two designs, or two reports: which users move, from where to where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from anyplane.cli.calibration_option import CalibrationOption, load_calibration
from anyplane.cli.design_file import BEGINNING, is_report, read_design
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
    from anyplane.design import Design
    from anyplane.planning.certainty_difference import CertaintyDifference
    from anyplane.planning.difference import Difference
    from anyplane.planning.latency import LatencyModel
    from anyplane.planning.report import Report
    from anyplane.topology import Topology


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A design, or a report (plan --json FILE).")],
    after: Annotated[str, typer.Argument(metavar="B", help="The other one, of the same kind.")],
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    json_file: JsonOption = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 when anything moves or changes.")
    ] = False,
    group: GroupOption = "",
    failures: Annotated[
        bool, typer.Option("--failures/--no-failures", help="Judge the promises about failures too.")
    ] = True,
    metros: MetrosOption = True,
    rov: RovOption = True,
    users: UsersOption = None,
    inflation: InflationOption = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads for the failures.")] = 2,
    calibration: CalibrationOption = None,
) -> None:
    """Compare two designs on one topology, or two reports: who moves, from which site to which.

    Two designs are compared network by network. Two reports hold sums by metro, so their difference is a
    lower bound. Exit code 0, or with --exit-code 1 when something moves or a promise changes its state.
    """
    if before == after == STANDARD_OUTPUT:
        raise UsageError("standard input cannot be both designs", hint="name a file for one of them")
    refuse_overwriting((before, after, topology, users, calibration), (json_file,))
    kinds = {_holds_report(before), _holds_report(after)}
    if len(kinds) == 2:
        raise UsageError(
            "one of the two is a design, the other a report",
            hint="compare two designs, or two files of `anyplane plan --json FILE`",
        )
    stated: tuple[CertaintyDifference, ...] = ()
    warnings: tuple[str, ...] = ()
    if kinds == {True} and calibration is not None:
        raise UsageError(
            "--calibration needs two designs; a report does not hold what probabilities are made of",
            hint="give the two design files, and --topology",
        )
    if kinds == {True}:
        from anyplane.planning.difference import of_reports

        result = of_reports(_report(before), _report(after))
    else:
        old, new = read_design(before), read_design(after)
        known = load_calibration(calibration)
        world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
        from anyplane.planning.latency import INFLATION, LatencyModel

        model = LatencyModel(inflation=INFLATION if inflation is None else inflation)
        result = _of_designs(old, new, world, model, group=group, failures=failures, threads=threads)
        if calibration is not None:
            from anyplane.planning.certainty_difference import certainty_difference

            pairs = [(item.before, item.after) for item in result.scenarios]
            stated, warnings = certainty_difference((old, new), world, known, pairs=pairs, group=group)
    if json_file is not None:
        from anyplane.planning import jsonform

        plain = cast("dict[str, jsonform.Json]", jsonform.to_plain(result))
        if calibration is not None:
            plain["certainty"] = [jsonform.to_plain(item) for item in stated]
            plain["warnings"] = list(warnings)
        write(json_file, jsonform.render(plain))
    else:
        from anyplane.planning.difference_text import render

        parts = [render(result)]
        if calibration is not None:
            from anyplane.planning.certainty_text import render_difference

            for item in stated:
                parts += ["", render_difference(item)]
            parts += [f"Warning: {text}" for text in warnings]
        from rich.console import Group

        print_text(lambda _plain, _width: Group(*parts))
    if exit_code and result.has_moves:
        raise typer.Exit(1)


def _holds_report(path: str) -> bool:
    """Is this file JSON of `anyplane plan`? Files that cannot be read are left to the reader."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            return is_report(file.read(BEGINNING))
    except OSError:
        return False


def _report(path: str) -> Report:
    from anyplane.planning.report import from_json

    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8") from None
    return from_json(text, file=path)


def _of_designs(
    before: Design,
    after: Design,
    world: Topology,
    model: LatencyModel,
    *,
    group: str,
    failures: bool,
    threads: int,
) -> Difference:
    from anyplane.planning.compile import compile as compile_design
    from anyplane.planning.difference import of_outcomes
    from anyplane.planning.plan import base_outcome, plan

    reports = []
    outcomes = []
    for design in (before, after):
        reports.append(plan(design, world, latency=model, group=group, failures=failures, threads=threads))
        scenarios = compile_design(design, world, group=group)
        outcomes.append([base_outcome(scenario, world, model) for scenario in scenarios])
    return of_outcomes(reports[0], reports[1], outcomes[0], outcomes[1], world)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("diff", cls=JsonCommand)(diff)
