"""read_design: the one way a command turns its DESIGN argument into a Design ("-" is standard input)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anyplane.model.errors import DesignError, Problem, UsageError

if TYPE_CHECKING:
    from anyplane.design import Design

BYTES_LIMIT = 32_000_000
BEGINNING = 4096


def read_design(path: str) -> Design:
    """The design at `path`; UsageError where there is no such text, DesignError where it is not a design."""
    from anyplane import design

    name = "<stdin>" if path == "-" else path
    content = _content(path)
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name} is not a text file; is it a design?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        hint = "save the file as UTF-8"
        raise DesignError(
            (Problem(file=name, line=line, column=0, path="", message=message, hint=hint),)
        ) from None
    if is_report(text):
        raise UsageError(
            f"{name} is a report of `anyplane plan --json`; a design is needed here",
            hint="`anyplane diff` compares two reports",
        )
    return design.parse(text, file=name)


def read_text(file: Path) -> str:
    """A text file that a person named; UsageError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{file} cannot be read: {why.lower()}") from None


def is_report(text: str) -> bool:
    """Does this text begin like the JSON of `anyplane plan`?"""
    begin = text[:BEGINNING]
    return begin.lstrip().startswith("{") and '"origin_asn"' in begin and '"load_unit"' in begin


def _content(path: str) -> bytes:
    if path == "-":
        if sys.stdin.isatty():
            sys.stderr.write("reading a design from standard input; end it with Ctrl-D\n")
        content = sys.stdin.buffer.read(BYTES_LIMIT + 1)
    else:
        try:
            with Path(path).open("rb") as file:
                content = file.read(BYTES_LIMIT + 1)
        except IsADirectoryError:
            raise UsageError(f"{path} is a directory", hint="name a design file in it") from None
        except FileNotFoundError:
            raise UsageError(f"{path}: there is no such file", hint=_near(path)) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"{path!r} cannot be read: {why.lower()}") from None
    if len(content) > BYTES_LIMIT:
        raise UsageError(f"{path} has more than {BYTES_LIMIT // 1_000_000} MB; is it a design file?")
    return content


def _near(path: str) -> str:
    import difflib

    folder = Path(path).parent
    names = sorted(one.name for one in folder.glob("*.y*ml")) if folder.is_dir() else []
    close = difflib.get_close_matches(Path(path).name, names, n=1)
    return f"did you mean {folder / close[0]}?" if close else "examples/ holds designs to begin with"
