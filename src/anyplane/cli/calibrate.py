"""`anyplane calibrate`: learn from measurements what the graph does not say, and keep it in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli.output import refuse_overwriting
from anyplane.cli.planning_options import (
    GroupOption,
    JsonCommand,
    JsonOption,
    MetrosOption,
    RovOption,
    UsersOption,
    print_text,
)
from anyplane.cli.topology_option import CacheOption, TopologyOption, TopologySeedOption
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyplane.calibration.calibration import Calibration, Used
    from anyplane.model.observations import Observations


def calibrate(
    design: Annotated[
        str | None,
        typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.", show_default=False),
    ] = None,
    observations: Annotated[
        list[Path] | None,
        typer.Option(
            "--observations",
            metavar="PARQUET",
            help="What was measured: a file of `anyplane measure import`; may be repeated.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FILE", help="Where to keep it: JSON, compressed if named .gz."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="POLICY",
            help="Learn nothing from what was seen while this was announced: the beginning of a policy.",
        ),
    ] = None,
    group: GroupOption = "",
    json_file: JsonOption = None,
    show: Annotated[
        Path | None,
        typer.Option(
            "--show", metavar="FILE", help="Only show what a calibration holds.", show_default=False
        ),
    ] = None,
    asn: Annotated[
        int | None,
        typer.Option("--asn", metavar="N", min=0, help="With --show: all that was learned of one network."),
    ] = None,
    topology: TopologyOption = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    metros: MetrosOption = True,
    rov: RovOption = True,
    users: UsersOption = None,
) -> None:
    """Learn from measurements which links carry your sites and whom networks prefer.

    The result is a file for --calibration of `plan`, `explain` and `diff`. Exit code 0; 2: bad input, or
    observations that teach nothing about this design.
    """
    if show is not None:
        if design is not None or observations or into is not None or exclude:
            raise UsageError("--show learns nothing", hint="leave DESIGN and the other options out")
        _show(show, asn, json_file)
        return
    if asn is not None:
        raise UsageError("--asn goes with --show", hint="anyplane calibrate --show FILE --asn N")
    if design is None or not observations or into is None:
        raise UsageError(
            "a design, observations and a file to write are needed",
            hint="anyplane calibrate DESIGN --observations seen.parquet --into calibration.json.gz",
        )
    refuse_overwriting((design, topology, users, *observations), (into, json_file))
    if json_file is not None and Path(json_file).absolute() == into.absolute():
        raise UsageError(f"--into and --json both name {into}", hint="they are two files")
    from anyplane.cli.design_file import read_design
    from anyplane.cli.planning_options import load_world
    from anyplane.cli.topology_option import steps

    parsed = read_design(design)
    seen, left_out = _chosen(_read(observations), tuple(exclude or ()))
    world = load_world(topology, seed=topology_seed, cache=cache, metros=metros, rov=rov, users=users)
    from dataclasses import replace

    from anyplane.datasets.calibration_file import write_calibration
    from anyplane.planning.calibrating import calibrate as learn

    with steps() as step:
        step("learning")
        calibration = learn(parsed, world, seen, group=group, say=step)
        calibration = replace(calibration, used=(*calibration.used, *left_out))
        step(f"writing {into}")
        write_calibration(into, calibration)
    _print(calibration, json_file, sites=tuple(site.name for site in parsed.sites))
    sys.stderr.write(f"wrote {into}\n")


def _read(files: Sequence[Path]) -> Observations:
    from anyplane.measure.observations import read_observations
    from anyplane.model.observations import Observations

    return Observations.merge(*(read_observations(file) for file in files))


def _chosen(seen: Observations, exclude: tuple[str, ...]) -> tuple[Observations, tuple[Used, ...]]:
    """(what may be learned from, what --exclude took out of it)."""
    import numpy as np

    from anyplane.calibration.calibration import Used

    out: list[int] = []
    for text in exclude:
        found = [
            k for k, item in enumerate(seen.announced) if text and item.policy().startswith(text.lower())
        ]
        if not found:
            raise UsageError(
                f"--exclude {text!r}: nothing was seen under such a policy",
                hint="`anyplane measure show FILE --json` lists the policies",
            )
        out += found
    left_out = tuple(
        Used(
            policy=seen.announced[k].policy(),
            sites=seen.announced[k].sites,
            method="",
            networks=len(np.unique(seen.asn[seen.policy == k])),
            agreement=1.0,
            is_used=False,
            reason="left out by --exclude",
        )
        for k in sorted(set(out))
    )
    return seen.only(~np.isin(seen.policy, out)), left_out


def _show(file: Path, asn: int | None, json_file: str | None) -> None:
    from anyplane.datasets.calibration_file import read_calibration

    refuse_overwriting((file,), (json_file,))
    calibration = read_calibration(file)
    if asn is None:
        _print(calibration, json_file)
        return
    from anyplane.planning.learned import facts_about

    facts = facts_about(calibration, asn)
    if json_file is not None:
        from anyplane.cli.output import write
        from anyplane.planning import jsonform

        write(json_file, jsonform.render({"version": 1, "asn": asn, "facts": list(facts)}))
        return
    for fact in facts or (f"nothing was learned about AS{asn}",):
        typer.echo(fact)


def _print(calibration: Calibration, json_file: str | None, *, sites: tuple[str, ...] = ()) -> None:
    from anyplane.planning.calibration_report import report

    found = report(calibration, sites=sites)
    if json_file is not None:
        from anyplane.cli.output import write
        from anyplane.planning import jsonform

        write(json_file, jsonform.render(jsonform.to_plain(found)))
        return
    from anyplane.planning.calibration_text import render

    print_text(lambda _plain, width: render(found, width=width))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate", cls=JsonCommand)(calibrate)
