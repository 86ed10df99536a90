"""planning_options: what `plan`, `explain` and `diff` have in common: options, the world, the output."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from anyplane.cli.output import STANDARD_OUTPUT
from anyplane.cli.topology_option import load_topology
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anyplane.topology import Topology

WIDTH = 100
# Below it tables would have to leave figures out; a narrower terminal wraps their lines instead.
NARROWEST = 80
JsonOption = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="[FILE]", help="Write JSON instead of text, to FILE or to standard output."
    ),
]

GroupOption = Annotated[
    str, typer.Option("--group", metavar="NAME", help="Only the prefixes of this group of the design.")
]
MetrosOption = Annotated[
    bool,
    typer.Option(
        "--metros/--no-metros",
        help="Hot potato between metros, or every network in one place (lowest ASN breaks ties).",
        rich_help_panel="Topology",
    ),
]
RovOption = Annotated[
    bool,
    typer.Option(
        "--rov/--no-rov",
        help="Let the networks known for it drop RPKI-invalid routes.",
        rich_help_panel="Topology",
    ),
]
UsersOption = Annotated[
    Path | None,
    typer.Option(
        "--users",
        metavar="FILE",
        help="Users of each network, CSV `asn,users`; networks that it lacks have none.",
        rich_help_panel="Topology",
    ),
]
InflationOption = Annotated[
    float | None,
    typer.Option(
        "--inflation",
        min=1.0,
        max=10.0,
        help="Fibre length over great-circle distance.",
        show_default="1.5",
        rich_help_panel="Latency",
    ),
]


class JsonCommand(TyperCommand):
    """A command whose `--json` may stand without a FILE and then means standard output."""

    # The supertype's Context is click's own or, from typer 0.20 on, a copy of it inside of typer.
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Give a bare --json its value."""
        given: list[str] = []
        for index, arg in enumerate(args):
            given.append(arg)
            after = args[index + 1] if index + 1 < len(args) else "--"
            if arg == "--json" and after.startswith("-") and after != STANDARD_OUTPUT:
                given.append(STANDARD_OUTPUT)
        try:
            return super().parse_args(ctx, given)
        except typer.BadParameter as error:
            taken = _taken(args)
            if taken and type(error).__name__ == "MissingParameter":
                raise UsageError(
                    f"--json took {taken} as the file to write, and an argument is missing",
                    hint="put --json last, or write --json - for standard output",
                ) from None
            raise


def _taken(args: list[str]) -> str:
    """The FILE of a `--json FILE`."""
    after = args[args.index("--json") + 1 :] if "--json" in args else []
    return after[0] if after and not after[0].startswith("-") else ""


def load_world(
    topology: str | None, *, seed: int, cache: Path | None, metros: bool, rov: bool, users: Path | None
) -> Topology:
    """The topology as these options want it."""
    world = load_topology(topology, seed=seed, cache=cache)
    from dataclasses import replace

    if users is not None:
        world = _with_users(world, users)
    if not rov:
        import numpy as np

        world = replace(world, rov=np.zeros(world.networks, bool))
    if not metros:
        from anyplane.topology import without_metros

        world = without_metros(world)
    return world


def print_text(make: Callable[[bool, int], RenderableType], *, has_markup: bool = True) -> None:
    """Print make(is_plain, width): can only ASCII be shown, and on how many columns, 80 to 100?

    has_markup: without, texts are shown as they are; names of networks and files hold brackets and colons.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    width = max(NARROWEST, min(WIDTH, console.width)) if console.is_terminal else WIDTH
    console = Console(highlight=False, width=width, markup=has_markup, emoji=has_markup)
    is_plain = not console.encoding.lower().startswith("utf")
    text = make(is_plain, width)
    if console.is_terminal:
        console.print(text)
        return
    # Tables pad their last column; in a pipe that would be noise in every diff.
    with console.capture() as capture:
        console.print(text)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _with_users(world: Topology, file: Path) -> Topology:
    """The topology with users per network from a CSV, spread over its metros as they were before."""
    from dataclasses import replace

    import numpy as np

    from anyplane.datasets.asn_table import read_users

    by_asn = read_users(file)
    wanted = np.array([by_asn.get(int(asn), 0.0) for asn in world.asn])
    before = np.bincount(world.pop_network, weights=world.users, minlength=world.networks)
    pops = np.diff(world.pop_start)
    part = np.where(
        before[world.pop_network] > 0,
        world.users / np.maximum(before[world.pop_network], 1e-12),
        1.0 / pops[world.pop_network],
    )
    unknown = sum(world.index_of(asn) < 0 for asn in by_asn)
    if unknown:
        sys.stderr.write(f"{file}: {unknown:,} of {len(by_asn):,} networks are not in this topology\n")
    return replace(world, users=wanted[world.pop_network] * part)
