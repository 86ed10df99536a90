"""TopologyOption and load_topology: how every command that needs the Internet is told which one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anyplane.topology import Topology

TopologyOption = Annotated[
    str | None,
    typer.Option(
        "--topology",
        metavar="FILE|synthetic-2k|synthetic-10k|synthetic-80k",
        help="The Internet to plan on: a file of `anyplane topology build`, CAIDA AS relationships "
        "(.txt, .gz, .bz2, .xz), a world written by hand (.yaml), or a synthetic one.",
        show_default="synthetic-10k",
        rich_help_panel="Topology",
    ),
]
TopologySeedOption = Annotated[
    int,
    typer.Option("--topology-seed", min=0, help="Seed of a synthetic Internet.", rich_help_panel="Topology"),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Where downloads and built topologies are kept.",
        show_default="$ANYPLANE_CACHE, else $XDG_CACHE_HOME/anyplane, else ~/.cache/anyplane",
        rich_help_panel="Topology",
    ),
]


def cache_directory(chosen: Path | None = None) -> Path:
    """The directory chosen on the command line, else by ANYPLANE_CACHE, else by the XDG convention."""
    if chosen is not None:
        return chosen
    if own := os.environ.get("ANYPLANE_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    home = Path(shared) if shared and Path(shared).is_absolute() else Path("~/.cache").expanduser()
    return home / "anyplane"


def load_topology(topology: str | None, *, seed: int = 1, cache: Path | None = None) -> Topology:
    """The topology that `--topology`, `--topology-seed` and `--cache` name."""
    from anyplane.datasets import load

    with steps() as step:
        return load(topology, cache=cache_directory(cache), seed=seed, step=step)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """A function that shows what is being done on stderr; silent when that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("reading the topology") as status:
        yield lambda text: status.update(text)
