"""Where each value of a design stands in its text: from which character to which, in block or in flow style.

ruamel.yaml's parser gives the events with the index of every character; nothing is ever written back by it,
since it would set indents, quotes and long lines its own way. An alias is a node of its own, so that it can
be told from what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from anyplane.design.document import Path, Value


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
    """The whole document as nodes; ValueError where ruamel.yaml cannot read it or it has no value."""
    # 0.1 s to import, which only who edits should pay.
    from ruamel.yaml import YAML, events
    from ruamel.yaml.error import YAMLError

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
        for event in YAML(typ="safe", pure=True).parse(text):
            start, end = event.start_mark.index, event.end_mark.index
            node = Node(kind=Kind.SCALAR, start=start, end=end, anchor=getattr(event, "anchor", None) or "")
            if isinstance(event, events.AliasEvent):
                node.kind, node.target, node.anchor = Kind.ALIAS, anchors[event.anchor], ""
                place(node)
            elif isinstance(event, events.ScalarEvent):
                node.text = event.value
                place(node)
            elif isinstance(event, events.SequenceStartEvent | events.MappingStartEvent):
                is_list = isinstance(event, events.SequenceStartEvent)
                node.kind = Kind.LIST if is_list else Kind.MAPPING
                node.is_flow = bool(event.flow_style)
                if is_list and not node.is_flow:
                    node.dash = end if text[end : end + 1] == "-" else end - 1
                place(node)
                stack.append(node)
            elif isinstance(event, events.SequenceEndEvent | events.MappingEndEvent):
                done = stack.pop()
                # A block ends where the next token begins, behind comments that are not its own.
                inside = [child.end for child in done.children()]
                done.end = (
                    end if text[end - 1 : end] in ("]", "}") and done.is_flow else max([done.start, *inside])
                )
            if node.anchor:
                anchors[node.anchor] = node
    except (YAMLError, KeyError) as error:
        raise ValueError(str(error).splitlines()[0]) from None
    if root is None:
        raise ValueError("the file is empty")
    return root


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
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def line_end(text: str, index: int) -> int:
    """Behind the last character of the line, before its line break."""
    found = [place for place in (text.find("\n", index), text.find("\r", index)) if place >= 0]
    return min(found, default=len(text))


def next_line(text: str, index: int) -> int:
    """The first character of the line after."""
    end = line_end(text, index)
    return end + (2 if text[end : end + 2] == "\r\n" else 1 if end < len(text) else 0)


def column(text: str, index: int) -> int:
    """How many characters of the line stand before it; a byte order mark takes no column."""
    start = line_start(text, index)
    return index - start - (1 if text[start : start + 1] == "\ufeff" else 0)


def line_break(text: str) -> str:
    """How lines of this text end."""
    end = line_end(text, 0)
    return text[end : next_line(text, end)] or "\n"
