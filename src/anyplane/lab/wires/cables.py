"""Cables: what can be cut or shaped in a lab, and how a person names it.

A cable is a link between two nodes (`l7`) or a node's port on an exchange (`x0p3`), whose end b is the
exchange. A direction is named by the end that the frames leave: `from_a`, `from_b`, or `both`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anyplane.lab.blueprint import Blueprint, Exchange, Link
from anyplane.model.errors import LabError

DIRECTIONS = ("both", "from_a", "from_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """One cable; `b` is "" where the far end is an exchange. Either `link` or `exchange` is given."""

    name: str
    a: str
    b: str
    delay_ms: float
    link: Link | None = None
    exchange: Exchange | None = None

    @property
    def device(self) -> str:
        """The interface's name in node a, and in node b."""
        return self.name if self.exchange is None else self.exchange.device

    def direction(self, sender: str) -> str:
        """The direction of what `sender`, one of the two nodes, sends; both for ""."""
        if not sender:
            return "both"
        return "from_a" if sender == self.a else "from_b"


def cables_of(blueprint: Blueprint) -> Mapping[str, Cable]:
    """Every cable by its name, links first."""
    links = (
        Cable(name=link.device, a=link.a, b=link.b, delay_ms=link.delay_ms, link=link)
        for link in blueprint.links
    )
    ports = (
        Cable(
            name=port_name(exchange.index, port.position),
            a=port.node,
            b="",
            delay_ms=port.delay_ms,
            exchange=exchange,
        )
        for exchange in blueprint.exchanges
        for port in exchange.ports
    )
    return {cable.name: cable for cable in (*links, *ports)}


def port_name(exchange: int, position: int) -> str:
    """The interface of a port in the wire namespace: x0p3."""
    return f"x{exchange}p{position}"


def named(cables: Mapping[str, Cable], which: int | str | tuple[int, int]) -> Cable:
    """The cable meant by 7, "l7", (0, 3) or "x0p3"; LabError when there is none."""
    match which:
        case str():
            name = which
        case (exchange, position):
            name = port_name(exchange, position)
        case _:
            name = f"l{which}"
    if name not in cables:
        raise LabError(
            f"this lab has no cable {name}",
            hint="l0, l1, ... are its links, x0p1, x0p2, ... the ports of its exchanges",
        )
    return cables[name]


def between(cables: Mapping[str, Cable], one: str, other: str) -> tuple[Cable, ...]:
    """The links that join two nodes; LabError when none does."""
    found = tuple(cable for cable in cables.values() if {cable.a, cable.b} == {one, other})
    if not found:
        raise LabError(
            f"no link joins {one} and {other}", hint="two members of an exchange have a port each: x0p3"
        )
    return found


def at_node(cables: Mapping[str, Cable], node: str) -> tuple[Cable, ...]:
    """Every cable that ends at a node; LabError when none does."""
    found = tuple(cable for cable in cables.values() if node in (cable.a, cable.b))
    if not node or not found:
        raise LabError(f"no cable ends at {node or 'a node without name'}", hint="is the node's name right?")
    return found
