"""Wires: everything between the nodes: their delays, and how they are harmed and healed while the lab runs.

    wires = Wires(blueprint, way=Way.RELAY, wiring=wiring, processes=processes, directory=directory)
    wires.start()
    wires.shape(7, loss=0.3, direction="from_a")     a link by its index, a port by (exchange, position)
    wires.cut((0, 3)); wires.heal((0, 3)); wires.clear(); wires.unplug(7); wires.plug(7)

Three ways, of which the engine chooses one before it lays cables (`chosen_way`):

    relay    each end has its partner in the wire namespace (l7a, l7b, x0p3); a process carries the frames
    netem    direct veths, a bridge for each exchange; the kernel delays
    direct   the same without delays: a cable can be cut, and nothing else

So the cables must be laid (`lab.wiring`) as in a blueprint that has delays for the relay, and as in one that
has none for the other two. Nothing but the nodes' own frames may cross them: IPv6 must be off in the wire
namespace before any interface comes there, else it solicits routers (`lab.wiring` sees to it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from anyplane.lab.blueprint import Blueprint
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Processes
from anyplane.lab.wires import netem
from anyplane.lab.wires.cables import DIRECTIONS, Cable, cables_of, named
from anyplane.lab.wires.direct_links import DirectLinks
from anyplane.lab.wires.netem import Netem
from anyplane.lab.wires.relay_client import RelayClient
from anyplane.lab.wires.schedule import Shape
from anyplane.lab.wires.wiring import Wiring
from anyplane.model.errors import LabError

CableName = int | str | tuple[int, int]


class Way(StrEnum):
    """What carries the frames."""

    RELAY = "relay"
    NETEM = "netem"
    DIRECT = "direct"


class Carrier(Protocol):
    """What each way can do."""

    def start(self) -> None: ...
    def apply(self, cable: Cable, direction: str, shape: Shape) -> None: ...
    def stats(self, cables: Sequence[Cable], *, is_reset: bool) -> Mapping[str, Any]: ...
    def close(self) -> None: ...


def chosen_way(blueprint: Blueprint, spare: Namespace) -> Way:
    """How this machine makes the delays; `spare` is a namespace in which netem may be tried on lo."""
    if not blueprint.has_delays:
        return Way.DIRECT
    return Way.NETEM if netem.is_available(spare) else Way.RELAY


class Wires:
    """All cables of a running lab. Methods return when what they say is so; LabError when it cannot be."""

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        way: Way,
        wiring: Wiring,
        processes: Processes,
        directory: Path,
        seed: int = 0,
    ) -> None:
        self.way = way
        self.cables = cables_of(blueprint)
        self._wiring = wiring
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._carrier: Carrier
        match way:
            case Way.RELAY:
                self._carrier = RelayClient(blueprint, processes=processes, directory=directory, seed=seed)
            case Way.NETEM:
                self._carrier = Netem(blueprint, namespaces=wiring.namespaces)
            case Way.DIRECT:
                self._carrier = DirectLinks(namespaces=wiring.namespaces)

    def start(self) -> None:
        """Frames pass, each after its delay, when this returns."""
        self._carrier.start()

    def shape(
        self,
        which: CableName,
        *,
        loss: float = 0.0,
        rate_bps: float | None = None,
        is_cut: bool = False,
        extra_delay_ms: float = 0.0,
        buffer_ms: float = 50.0,
        direction: str = "both",
    ) -> None:
        """A direction is harmed so, and in no other way."""
        try:
            wanted = Shape(
                loss=loss,
                rate_bps=rate_bps,
                buffer_ms=buffer_ms,
                extra_delay_ms=extra_delay_ms,
                is_cut=is_cut,
            )
        except (ValueError, TypeError) as error:
            raise LabError(
                f"a cable cannot be shaped so: {error}", hint="lab-delays.md says what can"
            ) from error
        cable = named(self.cables, which)
        for each in _each(direction):
            self._apply(cable, each, wanted)

    def cut(self, which: CableName, *, direction: str = "both") -> None:
        """A black hole: nothing passes, the carrier stays; what else was done to it is kept."""
        self._set_cut(which, direction, is_cut=True)

    def heal(self, which: CableName, *, direction: str = "both") -> None:
        """Undo `cut`."""
        self._set_cut(which, direction, is_cut=False)

    def clear(self, which: CableName | None = None, *, direction: str = "both") -> None:
        """No harm is left, but for lost carriers; on every cable without a name."""
        name = None if which is None else named(self.cables, which).name
        for harmed, each in [*self._shapes]:
            if name in (None, harmed) and each in _each(direction):
                self._apply(self.cables[harmed], each, Shape())

    def unplug(self, which: CableName) -> None:
        """Both ends of a link, or the node of a port, lose carrier, as when the cable is pulled out."""
        self._set_carrier(named(self.cables, which), is_up=False)

    def plug(self, which: CableName) -> None:
        """Undo `unplug`."""
        self._set_carrier(named(self.cables, which), is_up=True)

    def stats(self, which: Iterable[CableName] = (), *, is_reset: bool = False) -> dict[str, Any]:
        """The way, what is harmed, and of the relay: lateness in us (p50, p99, max), drops of its own
        (missed, cut_short, refused), and the counts of the cables asked for. `is_reset`: lateness anew."""
        counts = self._carrier.stats([named(self.cables, each) for each in which], is_reset=is_reset)
        harmed = {
            f"{name} {direction}": {
                key: value
                for key in ("loss", "rate_bps", "extra_delay_ms", "is_cut")
                if (value := getattr(shape, key))
            }
            for (name, direction), shape in sorted(self._shapes.items())
        }
        return {"way": str(self.way), "harmed": harmed, **counts}

    def close(self) -> None:
        """The relay has ended; twice is fine."""
        self._carrier.close()

    def _set_cut(self, which: CableName, direction: str, *, is_cut: bool) -> None:
        cable = named(self.cables, which)
        for each in _each(direction):
            now = self._shapes.get((cable.name, each), Shape())
            self._apply(cable, each, replace(now, is_cut=is_cut))

    def _set_carrier(self, cable: Cable, *, is_up: bool) -> None:
        if cable.link is not None:
            self._wiring.set_link(cable.link.index, is_up=is_up)
        elif cable.exchange is not None:
            self._wiring.set_port(cable.exchange.index, cable.a, is_up=is_up)
        if is_up and self.way == Way.DIRECT:
            # The device got its neighbours back as they are on a whole cable; a cut one stays cut.
            for direction in ("from_a", "from_b"):
                if (shape := self._shapes.get((cable.name, direction))) is not None:
                    self._carrier.apply(cable, direction, shape)

    def _apply(self, cable: Cable, direction: str, shape: Shape) -> None:
        self._carrier.apply(cable, direction, shape)
        if shape == Shape():
            self._shapes.pop((cable.name, direction), None)
        else:
            self._shapes[cable.name, direction] = shape


def _each(direction: str) -> tuple[str, ...]:
    if direction not in DIRECTIONS:
        raise LabError(f"there is no direction {direction}", hint=f"one of {', '.join(DIRECTIONS)}")
    return ("from_a", "from_b") if direction == "both" else (direction,)
