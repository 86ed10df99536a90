"""Ground: the engine of a lab that is up, and what a game day needs beside it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from anyplane.design.design import Design
from anyplane.lab.container.engine import Engine

T = TypeVar("T")


class Waiter(Protocol):
    """Runs something asynchronous in the engine's loop, and waits for it in this thread."""

    def __call__(self, what: Callable[[], Coroutine[object, object, T]], /) -> T:
        """Its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """wait: runs something asynchronous from the thread of the game day.

    plans: what the plan predicts: by the sites that are gone (their names joined by commas), then by client.
    """

    engine: Engine
    design: Design
    wait: Waiter
    plans: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
