"""Undoing: what is broken just now, each fault under a key with the way back."""

from __future__ import annotations

import time
from collections.abc import Callable

from anyplane.model.errors import AnyplaneError

Key = tuple[str, ...]
Undo = Callable[[], object]


class Undoing:
    """Remembers the way back from each fault until its counterpart, or `heal`, takes it."""

    def __init__(self) -> None:
        self._undo: dict[Key, Undo] = {}

    def broken(self, key: Key, act: Callable[[], float | None], undo: Undo) -> float:
        """Do it, and remember the way back (also where it fails half way). When it was done."""
        self._undo.setdefault(key, undo)
        at = time.monotonic()
        return act() or at

    def mended(self, key: Key, fallback: Undo | None = None) -> float:
        """Take one fault back; nothing where it is not there. When that began."""
        undo = self._undo.pop(key, fallback)
        at = time.monotonic()
        if undo is not None:
            undo()
        return at

    def heal(self) -> tuple[str, ...]:
        """All is taken back, the last fault first; what could not be."""
        failed = []
        for key, undo in reversed([*self._undo.items()]):
            try:
                undo()
            except AnyplaneError as error:
                failed.append(f"{' '.join(key)}: {error}")
            del self._undo[key]
        return tuple(failed)
