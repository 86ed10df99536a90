"""Ground: what a game day needs of the lab's engine, and no more."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from anyplane.design.design import Design
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Processes
from anyplane.lab.places.sites import Place
from anyplane.lab.wires.wires import Wires
from anyplane.lab.wires.wiring import Wiring

T = TypeVar("T")


class Fleet(Protocol):
    """Who carries the sites' words to each other (lab.fleet_words)."""

    def partition(self, site: str) -> None:
        """The site is alone."""

    def heal(self, site: str = "") -> None:
        """It is not any more."""


class LabEngine(Protocol):
    """The engine of a lab that is up."""

    @property
    def blueprint(self) -> Blueprint:
        """What was built."""

    @property
    def directory(self) -> Path:
        """Where its files are."""

    @property
    def namespaces(self) -> Mapping[str, Namespace]:
        """One for each node, and the wires' own."""

    @property
    def processes(self) -> Processes:
        """Everything that runs."""

    @property
    def wiring(self) -> Wiring:
        """Namespaces and devices."""

    @property
    def wires(self) -> Wires:
        """All cables."""

    @property
    def places(self) -> Mapping[str, Place]:
        """The sites, by their names in the design."""


class Waiter(Protocol):
    """Runs something asynchronous in the engine's loop, and waits for it in this thread."""

    def __call__(self, what: Callable[[], Coroutine[object, object, T]], /) -> T:
        """Its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """engine and the rest. wait: runs something asynchronous from the thread of the game day.

    plans: what the plan predicts: by the sites that are gone (their names joined by commas), then by client.
    """

    engine: LabEngine
    design: Design
    wait: Waiter
    fleet: Fleet | None = None
    plans: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
