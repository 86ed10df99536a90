"""Files of --resume in tests: what is in one, and the same file with its first runs alone, sealed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anyplane.planning import kept


def runs_in(file: Path) -> list[Any]:
    """The runs, one a line after the head."""
    return [json.loads(line) for line in file.read_text().splitlines()[1:]]


def shorten(file: Path, runs: int) -> None:
    """As if the command had been interrupted after so many."""
    head = json.loads(file.read_text().partition("\n")[0])
    kind = kept.Kind(name=head["kind"], words="", question="")
    file.write_text(kept.to_text(kind, head["of"], runs_in(file)[:runs]))
