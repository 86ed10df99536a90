"""Cuts and insertions in the text of a design: each says which characters go and what comes in their place.

Only whole values, whole list items and whole keys are touched; every other character stays. What is written
anew is in flow style with communities in quotes, which YAML 1.1 and 1.2 read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from anyplane.design.document import Value, Written, resolve
from anyplane.design.editing_places import Kind, Node, column, line_break, line_end, line_start, next_line

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./+%-]*(?: [A-Za-z0-9_./+%-]+)*\Z")
_OTHERWISE_IN_1_1 = re.compile(r"(?i)(?:y|n|yes|no|on|off)\Z|[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """text[start:end] becomes `text`."""

    start: int
    end: int
    text: str = ""


def applied(text: str, cuts: Iterable[Cut]) -> str:
    """The text after all cuts, which are of the text before any; ValueError where two overlap."""
    parts, here = [], 0
    for cut in sorted(cuts, key=lambda one: (one.start, one.end)):
        if cut.start < here:
            raise ValueError("two edits touch the same characters")
        parts += [text[here : cut.start], cut.text]
        here = cut.end
    return "".join([*parts, text[here:]])


def written(value: Value) -> str:
    """A value in flow style on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, Written):
        return value.text
    if isinstance(value, int | float):
        return str(value)
    is_plain = _PLAIN.match(value) and resolve(value) == value and isinstance(resolve(value), str)
    if is_plain and (not _OTHERWISE_IN_1_1.match(value) or re.search(r"[A-Za-z/ ]", value[1:])):
        return value
    return json.dumps(value, ensure_ascii=False)


def replaced(node: Node, *, value: Value) -> Cut:
    """Another value in the place of this one."""
    return Cut(start=node.start, end=node.end, text=written(value))


def entry_added(text: str, mapping: Node, entries: Mapping[str, Value], *, after: str) -> list[Cut]:
    """More keys in a mapping, behind the key `after`, whose value must stand on its own line or in flow."""
    if not entries:
        return []
    beside = mapping.entries[after]
    key = beside.key
    if key is None:
        raise ValueError(f"{after} has no key")
    quote = text[key.start] if text[key.start] in "\"'" else ""
    pairs = [f"{quote}{name}{quote}: {written(value)}" for name, value in entries.items()]
    if mapping.is_flow:
        return [Cut(start=beside.end, end=beside.end, text="".join(f", {pair}" for pair in pairs))]
    lead = line_break(text) + " " * column(text, key.start)
    end = line_end(text, beside.end)
    return [Cut(start=end, end=end, text="".join(lead + pair for pair in pairs))]


def entry_removed(text: str, mapping: Node, name: str) -> list[Cut]:
    """A mapping without one of its keys (not its only one)."""
    node = mapping.entries[name]
    if mapping.is_flow:
        return _removed_in_flow(
            text, list(mapping.entries.values()), {list(mapping.entries).index(name)}, keyed=True
        )
    start = node.key.start if node.key else node.start
    if not text[line_start(text, start) : start].strip(" \ufeff"):
        return [Cut(start=line_start(text, start), end=next_line(text, node.end))]
    # It shares its line with the dash of a list: what follows comes up, if no comment stands between.
    following = min(
        (one.key.start for one in mapping.entries.values() if one.key and one.start > node.start), default=-1
    )
    if following < 0:
        raise ValueError(f"{name} is the only key of its mapping")
    is_bare = not text[node.end : following].strip()
    return [Cut(start=start, end=following if is_bare else node.end)]


def items_changed(text: str, node: Node, *, removed: Iterable[int], added: Sequence[Value]) -> list[Cut]:
    """A list without some of its items, and with more at its end."""
    gone = set(removed)
    kept = [item for place, item in enumerate(node.items) if place not in gone]
    if node.kind is not Kind.LIST or not node.items:
        return [replaced(node, value=list(added))]
    if node.is_flow and not kept:
        start, end = node.items[0].start, node.items[-1].end
        comma = next_sign(text, end)
        end = comma + 1 if text[comma] == "," else end
        new = written(list(added))[1:-1]
        if not new and line_end(text, node.start) >= node.end:
            return [Cut(start=text.rindex("[", node.start, start) + 1, end=node.end - 1)]
        return [Cut(start=start, end=end, text=new)]
    if node.is_flow:
        end = kept[-1].end
        more = Cut(start=end, end=end, text="".join(f", {written(one)}" for one in added))
        return [more, *_removed_in_flow(text, node.items, gone)]
    lines = _lines_removed(text, node, gone)
    if not kept and not added:
        return [_emptied(text, node), *lines]
    dash = " " * column(text, node.dash) + "- "
    if kept:
        end = line_end(text, kept[-1].end)
        new = "".join(line_break(text) + dash + written(one) for one in added)
    else:
        end = line_start(text, _dash_of(text, node, node.items[0]))
        new = "".join(dash + written(one) + line_break(text) for one in added)
    return [*lines, Cut(start=end, end=end, text=new)]


def commented_out(text: str, node: Node, items: Iterable[int]) -> list[Cut]:
    """A list in block style some of whose items are comments now; nothing of them is lost."""
    cuts = []
    for place in items:
        item = node.items[place]
        dash = _dash_of(text, node, item)
        here = line_start(text, dash)
        while here <= item.end:
            end = line_end(text, here)
            line = text[here:end]
            if line.strip() and not line.lstrip().startswith("#"):
                mark = here + min(len(line) - len(line.lstrip()), dash - line_start(text, dash))
                cuts.append(Cut(start=mark, end=mark, text="# "))
            if end >= len(text):
                break
            here = next_line(text, here)
    return cuts


def _emptied(text: str, node: Node) -> Cut:
    if node.key is None:
        raise ValueError("a list inside a list cannot be emptied")
    colon = text.index(":", node.key.end) + 1
    return Cut(start=colon, end=colon, text=" []")


def _lines_removed(text: str, node: Node, gone: set[int]) -> list[Cut]:
    items = [node.items[place] for place in sorted(gone)]
    return [
        Cut(start=line_start(text, _dash_of(text, node, item)), end=next_line(text, item.end))
        for item in items
    ]


def _dash_of(text: str, node: Node, item: Node) -> int:
    wanted = column(text, node.dash)
    start = line_start(text, item.start)
    while start >= 0:
        dash = start + wanted + (1 if text[start : start + 1] == "\ufeff" else 0)
        if dash < item.start and text[dash] == "-" and not text[start:dash].strip(" \ufeff"):
            return dash
        if start <= line_start(text, node.dash):
            break
        start = line_start(text, max(0, start - 1 - (text[start - 2 : start] == "\r\n")))
    raise ValueError("an item does not begin on a line of its own")


def _removed_in_flow(text: str, nodes: Sequence[Node], gone: set[int], *, keyed: bool = False) -> list[Cut]:
    """Cuts for some (not all) of the members of a flow list or mapping, each with one comma."""

    def start_of(node: Node) -> int:
        return node.key.start if keyed and node.key else node.start

    tail = len(nodes)
    while tail - 1 in gone:
        tail -= 1
    cuts = []
    for place in sorted(gone - {*range(tail, len(nodes))}):
        comma = next_sign(text, nodes[place].end)
        if text[nodes[place].end : comma].strip(" "):
            cuts.append(Cut(start=start_of(nodes[place]), end=nodes[place].end))
            cuts.append(Cut(start=comma, end=comma + 1))
        else:
            cuts.append(_whole_lines(text, start_of(nodes[place]), comma + 1))
    if tail < len(nodes):
        before, start, end = nodes[tail - 1].end, start_of(nodes[tail]), nodes[-1].end
        if line_end(text, before) >= start or text.lstrip("\ufeff \r\n").startswith("{"):
            cuts.append(Cut(start=before, end=end))
        else:
            # The comma before may stay, so the line above does too; JSON alone minds, and has no comments.
            comma = next_sign(text, end)
            is_followed = text[comma : comma + 1] == "," and comma <= line_end(text, end)
            cuts.append(_whole_lines(text, start, comma + 1 if is_followed else end))
    return cuts


def _whole_lines(text: str, start: int, end: int) -> Cut:
    """text[start:end], and what is left of its lines if that is nothing but a comment on what goes."""
    first, rest = line_start(text, start), text[end : line_end(text, end)].strip(" ")
    if not text[first:start].strip(" ") and (not rest or rest.startswith("#")):
        return Cut(start=first, end=next_line(text, end))
    while text[end : end + 1] == " ":
        end += 1
    return Cut(start=start, end=end)


def next_sign(text: str, index: int) -> int:
    """The next character from here on that is neither space nor comment."""
    while index < len(text) and text[index] in " \t\r\n#":
        index = line_end(text, index) if text[index] == "#" else index + 1
    return index
