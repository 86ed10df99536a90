"""names: the node that a person means: as174-fra, the start of a name, a site, a metro, a city."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from anyplane.lab.blueprint import Blueprint, Node, NodeKind
from anyplane.model.errors import UsageError

MOST_NAMED = 6


def client_named(blueprint: Blueprint, word: str, *, cities: Mapping[str, str] | None = None) -> Node:
    """The same among those where users sit; where the word fits none of them, any node."""
    clients = [node for node in blueprint.nodes if node.is_client]
    try:
        return node_named(blueprint, word, cities=cities, among=clients)
    except UsageError:
        return node_named(blueprint, word, cities=cities)


def node_named(
    blueprint: Blueprint,
    word: str,
    *,
    cities: Mapping[str, str] | None = None,
    among: Sequence[Node] | None = None,
) -> Node:
    """The node of that name; else the one whose name, site, metro or city the word is or begins.

    cities: metro code -> the city's name. Where a word fits several, the one with the most
    users is meant. UsageError where it fits none, or several with as many.
    """
    wanted = word.strip().lower()
    nodes = blueprint.nodes if among is None else among
    if wanted in blueprint.by_name:
        return blueprint.by_name[wanted]
    by_metro = {code.upper(): name.lower() for code, name in (cities or {}).items()}

    def city(node: Node) -> str:
        return by_metro.get(node.location.metro.upper(), "")

    readings = (
        [node for node in nodes if node.kind == NodeKind.SITE and node.site.lower() == wanted],
        [node for node in nodes if node.location.metro.lower() == wanted],
        [node for node in nodes if city(node) == wanted],
        [node for node in nodes if wanted and node.name.startswith(wanted)],
        [node for node in nodes if wanted and city(node).startswith(wanted)],
        [node for node in nodes if wanted and f"as{int(node.asn)}" == wanted],
    )
    for found in readings:
        chosen = _one_of(found)
        if chosen is not None:
            return chosen
        if found:
            raise UsageError(f"{word} may be one of {len(found)} nodes", hint=f"say which: {_listed(found)}")
    raise UsageError(f"the lab {blueprint.name} has no node {word}", hint=_near(blueprint, wanted, by_metro))


def _one_of(found: Sequence[Node]) -> Node | None:
    if len(found) == 1:
        return found[0]
    clients = sorted((node for node in found if node.is_client), key=lambda node: -node.users)
    if len(clients) == 1 or (len(clients) > 1 and clients[0].users > clients[1].users):
        return clients[0]
    return None


def _near(blueprint: Blueprint, wanted: str, by_metro: Mapping[str, str]) -> str:
    cities = {by_metro.get(node.location.metro.upper(), "") for node in blueprint.nodes} - {""}
    known = [*(node.name for node in blueprint.nodes), *sorted(cities)]
    close = difflib.get_close_matches(wanted, known, n=1)
    return f"did you mean {close[0]}?" if close else f"it has {_listed(blueprint.nodes)}"


def _listed(nodes: Iterable[Node]) -> str:
    names = [node.name for node in nodes]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
