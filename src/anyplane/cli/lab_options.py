"""lab_options: which lab is meant, what it is made from, and the terminal that it is shown on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anyplane.lab.faces.standing import Standing
    from anyplane.lab.world.prepared import Prepared

WIDTH = 100
NARROWEST = 60

Lab = Annotated[str, typer.Option("--lab", metavar="NAME", help="Which lab; not needed where one is up.")]
Design = Annotated[str, typer.Argument(metavar="DESIGN", help="A design file, or - for standard input.")]
World = Annotated[
    str | None,
    typer.Option(
        "--topology",
        "--world",
        metavar="FILE|synthetic-2k|synthetic-10k|synthetic-80k",
        help="The Internet that the lab is a part of: a world written by hand (.yaml), or as for plan.",
        show_default="synthetic-10k",
        rich_help_panel="Topology",
    ),
]
Routers = Annotated[
    int, typer.Option("--routers", min=1, max=1000, help="As many routers as that, at most.", metavar="N")
]
Clients = Annotated[
    int,
    typer.Option("--clients", min=1, max=1000, metavar="N", help="Client networks: those with most users."),
]
Frr = Annotated[
    int, typer.Option("--frr", min=0, metavar="N", help="So many of them run FRR, the rest BIRD.")
]
Mrai = Annotated[
    int, typer.Option("--mrai", min=0, max=600, metavar="S", help="FRR's advertisement interval.")
]
Daemon = Annotated[
    list[str] | None,
    typer.Option("--daemon", metavar="SITE=KIND", help="What a site runs instead; may be repeated."),
]
Delays = Annotated[
    bool, typer.Option("--delays/--no-delays", help="Links as long as on the map, or without length.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def prepared(
    design: str,
    world: str | None,
    *,
    seed: int,
    cache: Path | None,
    name: str,
    routers: int,
    clients: int = 60,
    frr: int = 0,
    mrai: int = 0,
    daemons: list[str] | None = None,
    delays: bool = True,
) -> Prepared:
    """All that a lab is brought up from; what is being done is shown on a terminal."""
    from anyplane.cli.design_file import read_design
    from anyplane.cli.topology_option import load_topology
    from anyplane.lab.world.prepared import daemons_of, prepare

    chosen = daemons_of(daemons or [])
    parsed = read_design(design)
    topology = load_topology(world, seed=seed, cache=cache)
    with doing("planning") as step:
        return prepare(
            parsed,
            topology,
            name=name or lab_name(parsed.name),
            routers=routers,
            clients=clients,
            frr=frr,
            mrai_s=mrai,
            daemons=chosen,
            has_delays=delays,
            step=step,
        )


def lab_name(service: str) -> str:
    """A service's name as a lab may be called: at most 24 of a-z, 0-9 and -."""
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in service.lower())
    return plain[:24].strip("-") or "lab"


def standing(name: str) -> Standing:
    """The lab of that name that runs, or the only one; LabError, UsageError when there is none or several."""
    from anyplane.lab.faces.standing import Standing

    return Standing.named(name)


@contextmanager
def doing(what: str) -> Iterator[Callable[[str], None]]:
    """A function that says what is being done: in place on a terminal; in a pipe one line each on stderr."""
    if not sys.stderr.isatty():

        def line(text: str) -> None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

        yield line
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as shown:
        yield lambda text: shown.update(text)


@contextmanager
def counting(what: str, *, total: int) -> Iterator[Callable[[], None]]:
    """A function that counts one more of `total`: a bar on a terminal's stderr; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def width() -> int:
    """How many columns there are: 60 to 100; 100 in a pipe."""
    if not sys.stdout.isatty():
        return WIDTH
    import shutil

    return max(NARROWEST, min(WIDTH, shutil.get_terminal_size().columns))


def show(page: RenderableType) -> None:
    """A page on standard output; no spaces at the ends of lines in a pipe."""
    from rich.console import Console

    console = Console(highlight=False, width=width())
    if console.is_terminal:
        console.print(page)
        return
    with console.capture() as capture:
        console.print(page)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
    sys.stdout.flush()


def show_json(found: Mapping[str, Any] | list[Any]) -> None:
    """JSON for programs."""
    from anyplane.cli.streams import write_utf8

    write_utf8(json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n")


def cities() -> dict[str, str]:
    """Metro code -> the city's name."""
    from anyplane.datasets.world import metros

    known = metros()
    return dict(zip(known.code, known.name, strict=True))
