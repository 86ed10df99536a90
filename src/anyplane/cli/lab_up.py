"""`anyplane lab up`, `down` and `list`: a lab comes, goes, and is found again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anyplane.cli import lab_options
from anyplane.cli.lab_options import AsJson, Clients, Daemon, Delays, Design, Frr, Mrai, Routers, World
from anyplane.cli.topology_option import CacheOption, TopologySeedOption
from anyplane.model.errors import AnyplaneError, UsageError

if TYPE_CHECKING:
    from anyplane.lab.container.client import Lab, OnEvent
    from anyplane.lab.world.prepared import Prepared

PHASES = {
    "wiring": "wiring nodes",
    "wires": "laying cables",
    "routers": "starting routers",
    "sites": "starting sites",
    "converging": "waiting for routes",
}


def up(
    design: Design,
    topology: World = None,
    topology_seed: TopologySeedOption = 1,
    cache: CacheOption = None,
    routers: Routers = 60,
    clients: Clients = 60,
    frr: Frr = 0,
    mrai: Mrai = 5,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="How the lab is called; else as the service.")
    ] = "",
    daemon: Daemon = None,
    delays: Delays = True,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay until Ctrl-C, which ends the lab.")
    ] = False,
) -> None:
    """Bring the design up on real routers: its sites and a part of the Internet around them, on this host.

    Needs no root where the kernel lets users make namespaces; stays until `anyplane lab down`. Exit code 0:
    it stands; 2: bad input; 4: this machine cannot hold it, or lacks a program (the message says what to do).
    """
    from anyplane.lab.container.enter import capability
    from anyplane.lab.faces import bringing_up, packages

    packages.require(packages.ALWAYS)
    capability()
    bringing_up.refuse_second(name)
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
    if unmet := bringing_up.unmet(made):
        sys.stderr.write(f"{unmet}\n")
    began = time.monotonic()
    with progress() as on_progress:
        lab = bringing_up.bring_up(made, is_detached=not foreground, on_progress=on_progress)
    took_s = time.monotonic() - began
    with lab:
        _introduce(lab, made, took_s)
        if foreground:
            sys.stderr.write("Ctrl-C ends it\n")
            _wait_for_its_end(lab)


def down(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Which; not needed where one is up.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every lab of this user.")] = False,
) -> None:
    """End a lab: every process, namespace and file of it is gone."""
    from anyplane.lab.container.client import Lab, running
    from anyplane.lab.faces.standing import only_one

    if everything and name:
        raise UsageError(f"--all is all of them, {name} too", hint="leave one of both out")
    names = running() if everything else (only_one(name),)
    for one in names:
        with Lab.attach(one) as lab:
            lab.down()
        typer.echo(f"{one} is down")
    if not names:
        typer.echo("no lab runs")


def listed(as_json: AsJson = False) -> None:
    """Name the labs of this user that run."""
    from anyplane.lab.blueprint import NodeKind
    from anyplane.lab.container.client import Lab, running

    found: list[dict[str, Any]] = []
    for name in running():
        with Lab.attach(name) as lab:
            status = lab.call("status")
            nodes = lab.blueprint.nodes
            found.append(
                {
                    "name": name,
                    "routers": sum(node.kind == NodeKind.ROUTER for node in nodes),
                    "sites": len(lab.blueprint.site_nodes),
                    "clients": len(lab.blueprint.clients),
                    "is_up": status["is_up"],
                    "up_for_s": status["up_for_s"],
                    "directory": str(lab.directory),
                }
            )
    if as_json:
        lab_options.show_json(found)
    elif not found:
        typer.echo("no lab runs")
    else:
        from anyplane.lab.faces.status import labs_page

        lab_options.show(labs_page(found))


@contextmanager
def progress() -> Iterator[OnEvent]:
    """What the lab's events go to: a bar on a terminal, one line for each phase in a pipe; both on stderr."""
    if not sys.stderr.isatty():
        said: set[str] = set()

        def line(event: Mapping[str, Any]) -> None:
            phase = str(event.get("phase", ""))
            if phase not in said:
                said.add(phase)
                sys.stderr.write(f"{PHASES.get(phase, phase)}\n")
                sys.stderr.flush()

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(event: Mapping[str, Any]) -> None:
            phase = str(event.get("phase", ""))
            bar.update(
                task,
                description=PHASES.get(phase, phase),
                completed=event.get("done"),
                total=event.get("total"),
            )

        yield show


def _introduce(lab: Lab, made: Prepared, took_s: float) -> None:
    """The first screen: what stands, who reaches whom, what to do next."""
    from anyplane.lab.faces.catchment import Comparison, compared
    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.faces.summary import page

    here = Standing(lab)
    found: Comparison | None = None
    if here.targets and made.blueprint.clients:
        target = here.targets[0]
        found = compared(
            made.blueprint,
            prefix=target.prefix,
            address=target.address,
            planned=here.expected(target.prefix),
            answers=here.answers(target),
        )
    phases = lab.call("status")["took_s"]
    lab_options.show(page(made, took_s=took_s, phases=phases, found=found, width=lab_options.width()))


def _wait_for_its_end(lab: Lab) -> None:
    """Until Ctrl-C, or until the lab ends by itself, which is an error."""
    try:
        while True:
            time.sleep(1.0)
            lab.call("status")
    except KeyboardInterrupt:
        sys.stderr.write("\n")
    except AnyplaneError:
        sys.stderr.write("the lab has ended\n")
        raise
