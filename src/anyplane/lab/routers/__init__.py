"""The routers of a lab: one policy (`policy`), written for BIRD (`bird`, `route_server`) and FRR (`frr`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from anyplane.lab.blueprint import Blueprint, Node, NodeKind, RouterKind
from anyplane.lab.routers import bird, frr, route_server
from anyplane.lab.routers.neighbours import Neighbour, neighbours
from anyplane.lab.routers.policy import Injection

__all__ = ["Injection", "commands", "configuration"]


def configuration(
    blueprint: Blueprint,
    node: Node,
    *,
    injections: Iterable[Injection] = (),
    rtr: tuple[str, int] | None = None,
    sessions: Sequence[Neighbour] | None = None,
) -> Mapping[str, str]:
    """File name -> text of all that the node's daemons read; they lie in one directory.

    injections: those at other nodes are left out. rtr: address and port of an RPKI cache that the node can
    reach; without one, a node that does ROV has the ROAs of the design's prefixes built in. sessions: its
    `neighbours`, where they are known already.
    """
    known = neighbours(blueprint, node) if sessions is None else sessions
    if node.kind == NodeKind.ROUTE_SERVER:
        return route_server.configuration(blueprint, node, known)
    if node.daemon == RouterKind.FRR:
        return frr.configuration(blueprint, node, known, injections=injections, rtr=rtr)
    return bird.configuration(blueprint, node, known, injections=injections, rtr=rtr)


def commands(
    blueprint: Blueprint, node: Node, directory: Path, *, run: Path | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(label, argv) of the node's daemons, in the order in which they are to start, each in the foreground.

    directory: where the files of `configuration` lie. run: for sockets, /run/<node> unless said otherwise;
    it has to exist.
    """
    if node.daemon == RouterKind.FRR and node.kind == NodeKind.ROUTER:
        return frr.commands(blueprint, node, directory, run=run)
    return bird.commands(node, directory, run=run)
