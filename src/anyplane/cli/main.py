"""main: the `anyplane` command; wires one module per command and turns errors into exit codes."""

from __future__ import annotations

import os
import sys

import typer

from anyplane import __version__
from anyplane.model.errors import AnyplaneError

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


def _register() -> None:
    # Each module is light: what is heavy (numpy, numba, pydantic) is imported when its command runs.
    from anyplane.cli import commands

    commands.register(app)


def main() -> None:
    """Run the command line; ends the process with the exit code of docs/reference/exit-codes.md."""
    _register()
    try:
        app()
    except AnyplaneError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) went away; that is its right. Keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
