"""app: the typer application; wires one module per command."""

from __future__ import annotations

import typer

from anyplane import __version__
from anyplane.cli import commands

app = typer.Typer(
    name="anyplane",
    help="Plan, run, prove and measure BGP anycast networks from one design file.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"anyplane {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False,  # noqa: FBT003 - typer takes the default first
        "--version",
        help="Show the version and exit.",
        is_eager=True,
        callback=_show_version,
    ),
) -> None:
    """Options of every command."""
    del version


# Each module is light: what is heavy (numpy, numba, pydantic) is imported when its command runs.
commands.register(app)
