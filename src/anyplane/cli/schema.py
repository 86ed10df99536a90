"""`anyplane schema`: print the JSON Schema of the design file, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from anyplane.cli.output import write


def schema(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of standard output.")
    ] = "-",
) -> None:
    """Print the JSON Schema of the design file, for editors."""
    import json

    from anyplane import design

    text = json.dumps(design.json_schema(), indent=2, ensure_ascii=False) + "\n"
    write(output, text)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)
