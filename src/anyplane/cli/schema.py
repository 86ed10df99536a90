"""`anyplane schema`: print the JSON Schema of the design file, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anyplane.model.errors import UsageError


def schema(
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE instead of standard output.")
    ] = "-",
) -> None:
    """Print the JSON Schema of the design file, for editors."""
    import json

    from anyplane import design

    text = json.dumps(design.json_schema(), indent=2, ensure_ascii=False) + "\n"
    if output == "-":
        typer.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {(error.strerror or str(error)).lower()}") from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)
