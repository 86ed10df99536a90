"""Keeper: the file of --resume: read at the start, written whole now and then and at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from anyplane.cli.design_file import read_text
from anyplane.cli.output import write_text

EVERY_S = 2.0
REST = 20
"""The next writing waits so many times as long as the last one took: a long file is written rarely."""


class Keeper:
    """Keeps what `text` makes of all that is done; without a file it does nothing."""

    def __init__(self, file: Path | None, text: Callable[[], str]) -> None:
        self.file, self.text = file, text
        self._next = time.monotonic() + EVERY_S

    def read(self) -> str | None:
        """What an earlier run left; None where there is no file."""
        return read_text(self.file) if self.file is not None and self.file.exists() else None

    def keep(self, *, now: bool = False) -> None:
        """Write it, if it is time to."""
        begin = time.monotonic()
        if self.file is None or not (now or begin >= self._next):
            return
        write_text(self.file, self.text())
        end = time.monotonic()
        self._next = end + max(EVERY_S, REST * (end - begin))
