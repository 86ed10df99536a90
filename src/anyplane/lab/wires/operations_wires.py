"""What can be done to cables over the lab's control socket: shape, clear, cut, heal, wire_stats.

Which cables is said by one of
    "link": 7, "l7" or "x0p3"       one link, or one port of an exchange
    "between": [node, node]         the links that join two nodes
    "node": name                    every cable that ends there: with cut, the node is gone without a word
and "from": node means only what that node sends ("to": only what it receives).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anyio import to_thread

from anyplane.lab.wires.cables import Cable, at_node, between, named
from anyplane.lab.wires.wires import Wires
from anyplane.model.errors import LabError

if TYPE_CHECKING:
    from anyplane.lab.container.control import Arguments, Operation, Say
    from anyplane.lab.container.engine import Engine

_WHICH = ("link", "between", "node")
_NUMBERS = ("loss", "rate_bps", "buffer_ms", "extra_delay_ms")
_SHAPE = (*_NUMBERS, "is_cut")
_HINT = "docs/explanation/lab-delays.md says what can be done to a cable"


async def shape(engine: Engine, arguments: Arguments, _: Say) -> object:
    """Loss, rate, buffer, extra delay or cut: those given, and nothing else."""
    _known(arguments, *_WHICH, "from", "to", *_SHAPE)
    if not arguments.keys() & {*_SHAPE}:
        raise LabError("shape needs something to do", hint=f"one or more of {', '.join(_SHAPE)}")
    wanted = {name: arguments.number(name) for name in _NUMBERS if name in arguments}
    is_cut = arguments.truth("is_cut", default=False)

    def act(name: str, way: str) -> None:
        engine.wires.shape(name, direction=way, is_cut=is_cut, **wanted)

    return await _for_each(engine, arguments, act)


async def clear(engine: Engine, arguments: Arguments, _: Say) -> object:
    """Undo everything, on the cables given or on all."""
    _known(arguments, *_WHICH, "from", "to")
    if not arguments:
        await to_thread.run_sync(engine.wires.clear)
        return {"cables": "all"}
    return await _for_each(engine, arguments, lambda name, way: engine.wires.clear(name, direction=way))


async def cut(engine: Engine, arguments: Arguments, _: Say) -> object:
    """A silent black hole: the carrier stays."""
    _known(arguments, *_WHICH, "from", "to")
    return await _for_each(engine, arguments, lambda name, way: engine.wires.cut(name, direction=way))


async def heal(engine: Engine, arguments: Arguments, _: Say) -> object:
    """Undo `cut`; loss, rate and delay stay."""
    _known(arguments, *_WHICH, "from", "to")
    return await _for_each(engine, arguments, lambda name, way: engine.wires.heal(name, direction=way))


async def wire_stats(engine: Engine, arguments: Arguments, _: Say) -> object:
    """What is harmed, how late the relay was, the counts of the cables given; `is_reset`: lateness anew."""
    _known(arguments, *_WHICH, "is_reset")
    asked = set(_WHICH) & set(arguments)
    names = [cable.name for cable, _ in _chosen(engine.wires, arguments)] if asked else []
    is_reset = arguments.truth("is_reset", default=False)
    return await to_thread.run_sync(lambda: engine.wires.stats(names, is_reset=is_reset))


OPERATIONS: Mapping[str, Operation] = {
    "shape": shape,
    "clear": clear,
    "cut": cut,
    "heal": heal,
    "wire_stats": wire_stats,
}


async def _for_each(
    engine: Engine, arguments: Arguments, act: Callable[[str, str], None]
) -> dict[str, object]:
    chosen = [(cable.name, direction) for cable, direction in _chosen(engine.wires, arguments)]

    def act_on_all() -> None:
        for name, direction in chosen:
            act(name, direction)

    await to_thread.run_sync(act_on_all)
    return {"cables": [{"cable": name, "direction": direction} for name, direction in chosen]}


def _chosen(wires: Wires, arguments: Arguments) -> list[tuple[Cable, str]]:
    given = [name for name in _WHICH if name in arguments]
    if len(given) != 1:
        raise LabError("which cables is not clear", hint=f"give exactly one of {', '.join(_WHICH)}")
    match given[0], arguments[given[0]]:
        case "link", (str() | int()) as which:
            cables: tuple[Cable, ...] = (named(wires.cables, which),)
        case "between", [str() as one, str() as other]:
            cables = between(wires.cables, one, other)
        case "node", str() as node:
            cables = at_node(wires.cables, node)
        case name, value:
            raise LabError(f"{name} cannot be {value!r}", hint=_HINT)
    return [(cable, _direction(cable, arguments)) for cable in cables]


def _direction(cable: Cable, arguments: Arguments) -> str:
    sender, receiver = arguments.text("from", ""), arguments.text("to", "")
    ends = {cable.a, cable.b}
    for node in (sender, receiver):
        if node and node not in ends:
            raise LabError(
                f"{cable.name} does not end at {node}",
                hint=f"it joins {cable.a} and {cable.b or 'an exchange'}",
            )
    if not receiver:
        return cable.direction(sender)
    if sender and sender != receiver:
        return cable.direction(sender)
    if sender:
        raise LabError("from and to are the same node", hint="leave one of them out")
    return {"from_a": "from_b", "from_b": "from_a"}[cable.direction(receiver)]


def _known(arguments: Arguments, *names: str) -> None:
    for name in arguments:
        if name not in names:
            raise LabError(f"there is no argument {name}", hint=f"known here: {', '.join(names)}")
