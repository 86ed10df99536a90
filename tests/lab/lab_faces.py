"""What the tests of the lab's pages share: a golden text each, and a page at a width."""

from __future__ import annotations

import io
import os
from pathlib import Path

from rich.console import Console, RenderableType

GOLDEN = Path(__file__).parents[1] / "golden" / "lab"


def shown(page: RenderableType, *, width: int = 100) -> str:
    """The page as a pipe of this width gets it."""
    out = io.StringIO()
    Console(file=out, width=width, no_color=True, force_terminal=False, highlight=False).print(page)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def is_golden(name: str, text: str) -> bool:
    """Is this the committed text? ANYPLANE_GOLDEN=write commits it."""
    path = GOLDEN / name
    if os.environ.get("ANYPLANE_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    return True
