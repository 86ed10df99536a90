"""`anyplane lab status`, `shell` and `logs`: what stands, a shell in a node, what its programs wrote."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from anyplane.cli import lab_options
from anyplane.cli.lab_options import AsJson, Lab
from anyplane.model.errors import AnyplaneError, LabError, UsageError

if TYPE_CHECKING:
    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.faces.status import LabStatus

WATCH_S = 1.0
Named = Annotated[
    str, typer.Argument(metavar="NODE", help="A node, the start of its name, a site, a metro or a city.")
]


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew each second.")] = False,
    lab: Lab = "",
    as_json: AsJson = False,
) -> None:
    """Show what stands: sites, routers, sessions, delays, memory, and what died.

    Exit code 0: all of it stands; 1: something does not (the first lines say what); 4: no lab answers.
    """
    with lab_options.standing(lab) as here:
        from anyplane.lab.faces.look import look
        from anyplane.lab.faces.status import as_plain, page

        found = look(here)
        if watch:
            _watch(here, found, as_json=as_json)
            return
        if as_json:
            lab_options.show_json(as_plain(found))
        else:
            lab_options.show(page(found, width=lab_options.width()))
        if found.problems:
            raise typer.Exit(1)


def shell(
    node: Named,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Run this instead of a shell.")
    ] = None,
    lab: Lab = "",
) -> None:
    """Open a shell in a node, or run a command there, as its root; the exit code is the command's."""
    with lab_options.standing(lab) as here:
        from anyplane.lab.container.inside import SBIN
        from anyplane.lab.faces.names import node_named

        found = node_named(here.blueprint, node, cities=lab_options.cities())
        words = list(command or [])
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}
        if words[:1] == ["--"]:
            words = words[1:]
        if not words:
            # Neither file is read: the prompt is ours, and somebody's own may name another host.
            words = ["bash", "--norc", "--noprofile"]
            environment["PS1"] = f"[{found.name}]# "
        argv = here.lab.shell(found.name, *words)
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606  # a shell is what was asked for
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is missing", hint="sudo apt-get install util-linux") from None


def logs(
    node: Named,
    label: Annotated[str, typer.Argument(metavar="[PROGRAM]", help="Only this one's: bird, agent.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="The last so many of each.")] = 40,
    lab: Lab = "",
) -> None:
    """Show the last lines that the programs of a node wrote."""
    with lab_options.standing(lab) as here:
        from anyplane.lab.faces.names import node_named

        found = node_named(here.blueprint, node, cities=lab_options.cities())
        files = sorted((here.lab.directory / "nodes" / found.name).glob("*.log"))
        chosen = [path for path in files if not label or path.stem == label]
        if label and not chosen:
            hint = f"it has {', '.join(path.stem for path in files) or 'none'}"
            raise UsageError(f"{found.name} has no log of {label}", hint=hint)
        for path in chosen:
            content = path.read_text(encoding="utf-8", errors="replace").splitlines()
            typer.echo(f"== {found.name} {path.stem}  ({path})")
            for line in content[-lines:]:
                typer.echo(line)
        if not chosen:
            typer.echo(f"no program of {found.name} wrote anything")


def _watch(here: Standing, found: LabStatus, *, as_json: bool) -> None:
    """Each second until Ctrl-C; a lab that goes away is said, and ends it."""
    from anyplane.lab.faces.look import look
    from anyplane.lab.faces.status import as_plain, page

    if as_json or not sys.stdout.isatty():
        while True:
            if as_json:
                lab_options.show_json(as_plain(found))
            else:
                lab_options.show(page(found))
            time.sleep(WATCH_S)
            found = look(here)
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, width=lab_options.width())
    with Live(page(found, width=console.width), console=console, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(WATCH_S)
            try:
                found = look(here)
            except AnyplaneError as error:
                live.update(page(found, width=console.width, silent=str(error)), refresh=True)
                raise
            live.update(page(found, width=console.width), refresh=True)
