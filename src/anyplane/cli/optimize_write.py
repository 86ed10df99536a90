"""write_design: an edited design goes into a file, shown as a diff first and read again afterwards."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from anyplane.cli.output import STANDARD_OUTPUT, write_text
from anyplane.cli.planning_options import JsonCommand
from anyplane.model.errors import UsageError

if TYPE_CHECKING:
    from anyplane.design.design import Design
    from anyplane.design.setting import Setting, Uplink

ITSELF = ""
"""The value of a --write without FILE: the file that the design was read from."""
BOM = "\ufeff"


class WriteCommand(JsonCommand):
    """A command whose `--write` may stand without a FILE, as its `--json` may."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Give a bare --write its value."""
        given: list[str] = []
        for index, arg in enumerate(args):
            given.append(arg)
            after = args[index + 1] if index + 1 < len(args) else "--"
            if arg == "--write" and after.startswith("-") and after != STANDARD_OUTPUT:
                given.append(ITSELF)
        try:
            return super().parse_args(ctx, given)
        except typer.BadParameter as error:
            taken = given[given.index("--write") + 1] if "--write" in given else ""
            if taken and type(error).__name__ == "MissingParameter":
                raise UsageError(
                    f"--write took {taken} as the file to write, and an argument is missing",
                    hint="put --write last",
                ) from None
            raise


def refuse_writing(design: str, write: str | None) -> None:
    """UsageError where --write has no file to go to."""
    if write == ITSELF and design == STANDARD_OUTPUT:
        raise UsageError(
            "a design from standard input has no file to be written to", hint="name one: --write FILE"
        )
    if write == STANDARD_OUTPUT:
        raise UsageError("--write needs a file; standard output has the report", hint="--write FILE")


def write_design(
    path: str,
    design: Design,
    text: str,
    write: str,
    *,
    aside: bool,
    settings: Mapping[Uplink, Setting] | None = None,
) -> None:
    """Show what `text` changes in the design, write it, read it again; aside: the diff goes to stderr.

    settings: what the file must announce then; UsageError where it does not, or where the design's own file
    is another than it was when it was read.
    """
    target = Path(path if write == ITSELF else write)
    stream = sys.stderr if aside else sys.stdout
    if text == design.source:
        sys.stderr.write(f"nothing is to be changed in {design.file}: nothing was written\n")
        return
    stream.write(f"\n{_diff(design, text, str(target))}")
    stream.flush()
    before = _content(path)
    if before is not None and before.removeprefix(BOM) != design.source.removeprefix(BOM):
        raise UsageError(f"{path} was changed meanwhile: nothing was written", hint="ask again")
    marked = BOM if before is not None and before.startswith(BOM) else ""
    write_text(target, marked + text.removeprefix(BOM))
    _verify(target, design, settings)
    sys.stderr.write(f"wrote {target}: it was read again, and announces what the report says\n")


def _diff(design: Design, text: str, target: str) -> str:
    import difflib

    lines = difflib.unified_diff(
        design.source.removeprefix(BOM).splitlines(),
        text.removeprefix(BOM).splitlines(),
        fromfile=design.file,
        tofile=target,
        lineterm="",
    )
    return "".join(f"{line}\n" for line in lines)


def _content(path: str) -> str | None:
    """The text of the design's file as it is now; None where it came from standard input."""
    if path == STANDARD_OUTPUT:
        return None
    try:
        return Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read any more: nothing was written") from None


def _verify(target: Path, design: Design, settings: Mapping[Uplink, Setting] | None) -> None:
    from anyplane.design import parse
    from anyplane.design.editing import alike
    from anyplane.design.setting import with_settings

    written = parse(target.read_bytes().decode("utf-8-sig"), file=str(target))
    if settings is not None and alike(written) != alike(with_settings(design, settings)):
        raise UsageError(f"{target} does not announce what was asked for: do not use it")
