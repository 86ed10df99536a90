"""PackedStrings: a sequence of strings in two arrays; each is decoded only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray


class PackedStrings(Sequence[str]):
    """Behaves as a tuple of str; equal to any sequence of the same strings.

    text: UTF-8 of all strings, one after the other. start: (n + 1,) where each begins.
    """

    __slots__ = ("_start", "_text")

    def __init__(self, text: NDArray[np.generic], start: NDArray[np.generic]) -> None:
        self._text = text
        self._start = start

    def __len__(self) -> int:
        return len(self._start) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        where = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= where < len(self):
            raise IndexError(index)
        begin, end = self._start[where : where + 2].tolist()
        return self._text[begin:end].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        text = self._text.tobytes()
        edges = self._start.tolist()
        for begin, end in pairwise(edges):
            yield text[begin:end].decode()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} strings>"


def pack(strings: Sequence[str]) -> dict[str, NDArray[np.generic]]:
    """The arrays `text` and `start` of these strings."""
    encoded = [string.encode() for string in strings]
    start = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(piece) for piece in encoded], out=start[1:])
    return {"text": np.frombuffer(b"".join(encoded), np.uint8), "start": start}
