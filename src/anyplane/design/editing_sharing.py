"""Anchors and aliases: what is to be edited gets a text of its own, and nobody else's meaning changes.

An alias in the way is written out. An anchor in the way moves to the first alias that uses it, which is
written out there in its place. Both are done only where an edit needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from anyplane.design.document import Path, Value, read
from anyplane.design.editing_places import Kind, Node, at, column, line_break, line_end, located, value_at
from anyplane.design.editing_surgery import Cut, applied, written

ROUNDS = 50
"""More than any nesting of anchors; a text that still shares after so many is refused."""


def own(text: str, *, edited: Collection[Path], gone: Collection[Path]) -> str:
    """The same document in which nothing on the way to the paths `edited` is shared, nor inside `gone`.

    ValueError where a path leads nowhere or sharing has no end.
    """
    for _ in range(ROUNDS):
        root, values = located(text), read(text, file="").root
        nodes = [node for path in (*edited, *gone) for node in _way(root, path)]
        nodes += [node for path in gone for node in _inside(root, path)]
        aliases = list(_aliases(root))
        cuts = {node.start: _expanded(text, node, values) for node in nodes if node.kind is Kind.ALIAS}
        if not cuts:
            for node in nodes:
                users = [alias for alias in aliases if alias.target is node]
                if users:
                    cuts[users[0].start] = _expanded(text, users[0], values, anchor=node.anchor)
                    cuts[node.start] = [_without_anchor(text, node)]
        if not cuts:
            return text
        text = applied(text, [cut for one in cuts.values() for cut in one])
    raise ValueError("anchors and aliases are nested too deep")


def _way(root: Node, path: Path) -> list[Node]:
    """The nodes from the root to `path`, up to the first alias."""
    found = []
    for steps in range(len(path) + 1):
        found.append(at(root, path[:steps]))
        if found[-1].kind is Kind.ALIAS:
            break
    return found


def _inside(root: Node, path: Path) -> Iterator[Node]:
    if not any(node.kind is Kind.ALIAS for node in _way(root, path)):
        yield from at(root, path).below()


def _aliases(root: Node) -> Iterator[Node]:
    return (node for node in root.below() if node.kind is Kind.ALIAS)


def _expanded(text: str, alias: Node, values: Value, *, anchor: str = "") -> list[Cut]:
    """What the alias stands for, in its place: a list in block style as lines, all else on one line."""
    value = value_at(values, alias.path)
    target = alias.meant
    name = f"&{anchor}" if anchor else ""
    in_block = alias.parent is not None and alias.parent.kind is Kind.MAPPING and not alias.parent.is_flow
    if not (in_block and target.dash >= 0 and alias.key and target.key and isinstance(value, list)):
        return [Cut(start=alias.start, end=alias.end, text=f"{name} {written(value)}".strip())]
    step = max(0, column(text, target.dash) - column(text, target.key.start))
    lead = line_break(text) + " " * (column(text, alias.key.start) + step) + "- "
    start, end = alias.start, line_end(text, alias.end)
    if not name:
        start = len(text[: alias.start].rstrip(" "))
    lines = Cut(start=end, end=end, text="".join(lead + written(item) for item in value))
    return [Cut(start=start, end=alias.end, text=name), lines]


def _without_anchor(text: str, node: Node) -> Cut:
    start = text.index(f"&{node.anchor}", node.start)
    end = start + len(node.anchor) + 1
    spaced = len(text[end:]) - len(text[end:].lstrip(" "))
    if text[end + spaced : end + spaced + 1] in ("\n", "\r", "#", ""):
        return Cut(start=len(text[:start].rstrip(" ")), end=end)
    return Cut(start=start, end=end + spaced)
