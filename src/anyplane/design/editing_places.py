"""Where each value of a design stands in its text: from which character to which, in block or in flow style.

The parser that reads designs (document.py) gives the events with the index of every character, so what it
can read can be edited too: other parsers differ on tabs, and on which characters end a line. An alias is a
node of its own, so that it can be told from what it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import yaml

from anyplane.design.document import Path, Value

BOM = "\ufeff"
_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_SELDOM = "\r\x85\u2028\u2029"


class Kind(StrEnum):
    """What a node is in the text."""

    SCALAR = "scalar"
    LIST = "list"
    MAPPING = "mapping"
    ALIAS = "alias"


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """A value in the text, text[start:end]: without comments behind it, with its anchor and tag before it.

    path: where it is written (what an alias stands for has the path of the anchor). dash: of a list in block
    style the index of its first dash. key: of what a mapping holds the key before it. target: of an alias.
    """

    kind: Kind
    start: int
    end: int
    path: Path = ()
    is_flow: bool = False
    anchor: str = ""
    dash: int = -1
    text: str = ""
    parent: Node | None = None
    key: Node | None = None
    target: Node | None = None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)

    @property
    def meant(self) -> Node:
        """The node itself, or what the alias stands for."""
        return self.target or self

    def children(self) -> list[Node]:
        """What a list or mapping holds, in the order of the text."""
        return [*self.items, *self.entries.values()]

    def below(self) -> Iterator[Node]:
        """The node and all that is written inside it."""
        yield self
        for child in self.children():
            yield from child.below()


def located(text: str) -> Node:
    """The whole document as nodes; ValueError where it cannot be read or has no value."""
    root: Node | None = None
    stack: list[Node] = []
    waiting: dict[int, Node] = {}
    anchors: dict[str, Node] = {}

    def place(node: Node) -> None:
        nonlocal root
        if not stack:
            root = root or node
            return
        parent = stack[-1]
        node.parent = parent
        if parent.kind is Kind.LIST:
            node.path = (*parent.path, len(parent.items))
            parent.items.append(node)
        elif id(parent) not in waiting:
            waiting[id(parent)] = node
        else:
            node.key = waiting.pop(id(parent))
            node.path = (*parent.path, node.key.text)
            parent.entries[node.key.text] = node

    try:
        for event, start, end in _events(text):
            node = Node(kind=Kind.SCALAR, start=start, end=end, anchor=getattr(event, "anchor", None) or "")
            if isinstance(event, yaml.AliasEvent):
                node.kind, node.target, node.anchor = Kind.ALIAS, anchors[node.anchor], ""
                place(node)
            elif isinstance(event, yaml.ScalarEvent):
                node.text = event.value
                place(node)
            elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                is_list = isinstance(event, yaml.SequenceStartEvent)
                node.kind = Kind.LIST if is_list else Kind.MAPPING
                node.is_flow = bool(event.flow_style)
                if is_list and not node.is_flow:
                    node.dash = end if text[end : end + 1] == "-" else end - 1
                place(node)
                stack.append(node)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                done = stack.pop()
                # A block ends where the next token begins, behind comments that are not its own.
                inside = [child.end for child in done.children()]
                done.end = (
                    end if text[end - 1 : end] in ("]", "}") and done.is_flow else max([done.start, *inside])
                )
            if node.anchor:
                anchors[node.anchor] = node
    except (yaml.YAMLError, KeyError) as error:
        raise ValueError(str(error).splitlines()[0]) from None
    if root is None:
        raise ValueError("the file is empty")
    return root


def _events(text: str) -> Iterator[tuple[yaml.Event, int, int]]:
    """Each event, where it begins and where it ends in the text."""
    # Not all of PyYAML's parsers count the byte order mark.
    shift = len(text) - len(text.removeprefix(BOM))
    loader: yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text[shift:])
    while loader.check_event():
        event: yaml.Event = loader.get_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs have no types for it
        start, end = event.start_mark, event.end_mark
        if start is not None and end is not None:  # PyYAML types them so; its parsers always give marks
            yield event, start.index + shift, end.index + shift


def at(root: Node, path: Path) -> Node:
    """The node that stands at `path`, an alias on the way followed; KeyError or IndexError without one."""
    here = root
    for part in path:
        inside = here.meant
        here = inside.items[part] if isinstance(part, int) else inside.entries[part]
    return here


def value_at(value: Value, path: Path) -> Value:
    """The value that stands at `path` of a document's values; KeyError or IndexError without one."""
    here = value
    for part in path:
        if isinstance(here, dict):
            here = here[str(part)]
        elif isinstance(here, list):
            here = here[int(part)]
        else:
            raise KeyError(part)
    return here


def line_start(text: str, index: int) -> int:
    """The first character of the line."""
    start = text.rfind("\n", 0, index) + 1
    return max(start, *(text.rfind(mark, start, index) + 1 for mark in _SELDOM))


def line_end(text: str, index: int) -> int:
    """Behind the last character of the line, before its line break."""
    found = _BREAK.search(text, index)
    return found.start() if found else len(text)


def next_line(text: str, index: int) -> int:
    """The first character of the line after."""
    end = line_end(text, index)
    return end + (2 if text[end : end + 2] == "\r\n" else 1 if end < len(text) else 0)


def column(text: str, index: int) -> int:
    """How many characters of the line stand before it; a byte order mark takes no column."""
    start = line_start(text, index)
    return index - start - (1 if text[start : start + 1] == BOM else 0)


def line_break(text: str) -> str:
    """How lines of this text end."""
    end = line_end(text, 0)
    return text[end : next_line(text, end)] or "\n"
