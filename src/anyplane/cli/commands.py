"""The table of commands: the order in which `anyplane --help` lists them."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    del app
