"""`anyplane lab export` and `compare`: the lab as files for others, and the planner held to real routers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anyplane.cli import lab_options
from anyplane.cli.lab_options import AsJson, Clients, Daemon, Delays, Design, Frr, Mrai, Routers, World
from anyplane.cli.topology_option import CacheOption, TopologySeedOption
from anyplane.model.errors import UsageError


def export(
    design: Design,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to; empty or not there.")],
    containerlab: Annotated[
        bool, typer.Option("--containerlab", help="For containerlab: docker, one host or several.")
    ] = False,
    topology: World = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    routers: Routers = 60,
    clients: Clients = 60,
    frr: Frr = 0,
    mrai: Mrai = 5,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="How the lab is called.")] = "",
    daemon: Daemon = None,
    delays: Delays = True,
) -> None:
    """Write the lab as files that containerlab runs, on a bigger host or on several."""
    if not containerlab:
        raise UsageError("say for whom", hint="--containerlab is the one there is")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there and not empty", hint="name a new directory")
    made = lab_options.prepared(
        design,
        topology,
        seed=topology_seed,
        cache=cache,
        name=name,
        routers=routers,
        clients=clients,
        frr=frr,
        mrai=mrai,
        daemons=daemon,
        delays=delays,
    )
    from anyplane.lab.containerlab import export as clab
    from anyplane.lab.containerlab.equipment import equipment

    files = clab.export(made.blueprint, equipment(made.blueprint))
    try:
        clab.write(files, out)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{error.filename or out} cannot be written: {reason}") from None
    clab.checked(out)
    sys.stderr.write(f"wrote {len(files)} files; {out}/README.md says how to run them\n")


def compare(
    worlds: Annotated[int, typer.Option("--worlds", min=1, max=10_000, metavar="N", help="How many.")] = 10,
    routers: Annotated[
        int, typer.Option("--routers", min=4, max=500, metavar="N", help="Routers of each world.")
    ] = 30,
    frr: Annotated[
        int, typer.Option("--frr", min=0, metavar="N", help="So many of them run FRR, the rest BIRD.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first world; the next ones follow.")] = 1,
    plain_ibgp: Annotated[
        bool,
        typer.Option("--plain-ibgp", help="Pops tell each other their best route alone; differences named."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hold the planner to real routers on random designs and worlds: catchment and AS path, node by node.

    Exit code 0: no difference; 1: there is one.
    """
    from dataclasses import asdict

    from anyplane.lab.faces import packages
    from anyplane.lab.proof.compare import compare as compared

    packages.require([*packages.ALWAYS, *(["/usr/lib/frr/bgpd"] if frr else [])])
    with lab_options.counting("worlds", total=worlds) as step:
        found = compared(
            range(seed, seed + worlds),
            routers=routers,
            frr=frr,
            is_plain_ibgp=plain_ibgp,
            on_world=lambda *_: step(),
        )
    if as_json:
        lab_options.show_json(asdict(found))
    else:
        typer.echo(str(found))
    if found.differences:
        raise typer.Exit(1)
