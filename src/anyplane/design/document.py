"""Document: YAML 1.2 text as plain values, each with the place in the text where it stands.

PyYAML reads YAML 1.1, where `64500:10` is a sexagesimal number and `no` is false. Here its parser only cuts
the text into events; what a plain scalar means follows the core schema of YAML 1.2.2 (section 10.3).
Composing by hand keeps the marks, refuses duplicate keys, and bounds depth and size: text that would grow
through aliases ("billion laughs") stops at a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import yaml

from anyplane.model.errors import DesignError, Problem

Scalar = str | int | float | bool | None
Value = Scalar | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]

SIZE_LIMIT = 8_000_000
DEPTH_LIMIT = 40
NODE_LIMIT = 400_000
NUMBER_WIDTH_LIMIT = 300
SHOWN_WIDTH = 160

_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TAG_OF = {
    f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "seq", "map")
}


class Written(float):
    """A float that remembers its text, so that 1.10 is shown as 1.10 (and can be told to be asdot)."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        """The number that `text` writes."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __str__(self) -> str:
        """As written."""
        return self.text

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one line; line and column count from 1."""

    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The values of one file and where they stand: `keys` spans mapping keys, `values` what they hold."""

    file: str
    lines: tuple[str, ...]
    root: Value = None
    values: Mapping[Path, Span] = field(default_factory=dict)
    keys: Mapping[Path, Span] = field(default_factory=dict)
    duplicates: tuple[Problem, ...] = ()

    def span(self, path: Path, *, of_key: bool = False) -> Span:
        """Where `path` stands: a scalar at itself, a list or mapping at its key; else its nearest parent."""
        here = path
        while here:
            spans = (self.keys, self.values) if of_key else (self.values, self.keys)
            found = spans[0].get(here) or spans[1].get(here)
            if found:
                return found
            here, of_key = here[:-1], True
        return Span(line=1, column=1)

    def problem(self, path: Path, message: str, *, hint: str = "", of_key: bool = False) -> Problem:
        """A Problem that points at `path`."""
        return problem_at(
            self.file,
            self.lines,
            self.span(path, of_key=of_key),
            path=path,
            message=message,
            hint=hint,
        )


def read(text: str, *, file: str) -> Document:
    """The document in `text`; DesignError where it is not one YAML document."""
    if len(text) > SIZE_LIMIT:
        message = f"the file has {len(text):,} characters, more than a design may have ({SIZE_LIMIT:,})"
        raise DesignError((Problem(file=file, line=1, column=0, path="", message=message),))
    text = text.removeprefix("\ufeff")
    lines = tuple(_BREAK.split(text))
    bad = re.search("[\ud800-\udfff]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if bad:
        before = _BREAK.split(text[: bad.start()])
        span = Span(line=len(before), column=len(before[-1]) + 1)
        message = f"the character U+{ord(bad.group()):04X} may not stand in YAML"
        hint = "is this a text file in UTF-8?"
        raise DesignError((problem_at(file, lines, span, path=(), message=message, hint=hint),))
    try:
        node, duplicates = _compose(text, file=file, lines=lines)
    except yaml.MarkedYAMLError as error:
        raise DesignError((_syntax_problem(error, file=file, lines=lines),)) from None
    except yaml.YAMLError as error:
        message = f"this is not YAML: {_printable(str(error).splitlines()[0])}"
        raise DesignError((Problem(file=file, line=1, column=0, path="", message=message),)) from None
    document = Document(file=file, lines=lines)
    if node is None:
        return document
    values: dict[Path, Span] = {}
    keys: dict[Path, Span] = {}
    budget = iter(range(NODE_LIMIT))
    try:
        root = _unfold(node, (), values, keys, budget)
    except StopIteration:
        message = f"the aliases unfold to more than {NODE_LIMIT:,} values"
        hint = "share settings by name under `policies:` instead of by YAML aliases"
        raise DesignError(
            (Problem(file=file, line=1, column=0, path="", message=message, hint=hint),)
        ) from None
    return replace(document, root=root, values=values, keys=keys, duplicates=tuple(duplicates))


def problem_at(
    file: str, lines: tuple[str, ...], span: Span, *, path: Path, message: str, hint: str = ""
) -> Problem:
    """A Problem with the line it points at, cut where the line is too long to show."""
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    source = _UNPRINTABLE.sub(" ", line[:SHOWN_WIDTH]).rstrip()
    if span.column > len(source) + 1:
        source = ""
    return Problem(
        file=file,
        line=span.line,
        column=span.column,
        path=path_text(path),
        message=message,
        source=source,
        width=max(1, min(span.width, len(source) - span.column + 1)),
        hint=hint,
    )


def path_text(path: Path) -> str:
    """ "sites.fra.upstreams.1.asn": keys and list positions (from 0) joined by dots."""
    return _printable(".".join(str(part) for part in path))


def resolve(text: str) -> Scalar:
    """What a plain scalar means in the core schema of YAML 1.2."""
    if len(text) > NUMBER_WIDTH_LIMIT:
        return text
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text[0] in "tT"
    if _INT.match(text):
        return int(text)
    if _OCTAL.match(text):
        return int(text, 0)
    if _HEX.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return Written(text)
    if _INFINITE.match(text):
        return float(text.lower().replace(".", ""))
    return text


@dataclass(slots=True, kw_only=True)
class _Node:
    """A composed value before aliases are unfolded; exactly one of scalar, items, entries is meant."""

    kind: str
    span: Span
    scalar: Scalar = None
    text: str = ""
    items: list[_Node] = field(default_factory=list)
    entries: dict[str, tuple[Span, _Node]] = field(default_factory=dict)
    path: Path = ()
    key: tuple[str, Span] | None = None
    is_open: bool = True


class _Events(Protocol):
    """The part of PyYAML's loaders that is used, in C or in Python."""

    def check_event(self) -> bool:
        """Is there one more event?"""

    def get_event(self) -> yaml.Event:
        """The next event."""


def _compose(text: str, *, file: str, lines: tuple[str, ...]) -> tuple[_Node | None, list[Problem]]:
    loader: _Events = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    root: _Node | None = None
    stack: list[_Node] = []
    anchors: dict[str, _Node] = {}
    duplicates: list[Problem] = []

    def stop(event: yaml.Event, message: str, hint: str = "") -> DesignError:
        return DesignError(
            (problem_at(file, lines, _event_span(event), path=(), message=message, hint=hint),)
        )

    def place(node: _Node, event: yaml.Event) -> None:
        nonlocal root
        if not stack:
            root = node
        elif stack[-1].kind == "seq":
            node.path = (*stack[-1].path, len(stack[-1].items))
            stack[-1].items.append(node)
        elif stack[-1].key is None:
            if node.kind != "scalar":
                raise stop(event, "a key must be a word or a number, not a list or a mapping")
            stack[-1].key = (node.text, node.span)
        else:
            key, span = stack[-1].key
            stack[-1].key = None
            node.path = (*stack[-1].path, key)
            if key in stack[-1].entries:
                first = stack[-1].entries[key][0].line
                message = f"the key appears twice in this mapping: on line {first} and on line {span.line}"
                hint = "keep one of them; YAML readers silently disagree on which would win"
                duplicates.append(problem_at(file, lines, span, path=node.path, message=message, hint=hint))
            else:
                stack[-1].entries[key] = (span, node)

    documents = 0
    while loader.check_event():
        event = loader.get_event()
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise stop(event, "a second document begins here", "one file holds one design; split it")
        elif isinstance(event, yaml.AliasEvent):
            target = anchors.get(event.anchor or "")
            if target is None:
                raise stop(event, f"the alias *{event.anchor} names an anchor that is not defined above it")
            if target.kind != "scalar" and target.is_open:
                raise stop(event, f"the alias *{event.anchor} would contain itself")
            place(target, event)
        elif isinstance(event, yaml.ScalarEvent):
            node = _Node(kind="scalar", span=_event_span(event), text=event.value)
            node.scalar = event.value
            name = _TAG_OF.get(event.tag or "", "")
            if event.tag and event.tag != "!" and name in ("", "seq", "map"):
                raise stop(
                    event, f"the tag {_short(event.tag)} has no meaning in a design", "leave the tag out"
                )
            if name not in ("", "str") or (event.implicit[0] and not event.tag):
                node.scalar = resolve(event.value)
            if event.anchor:
                anchors[event.anchor] = node
            place(node, event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            kind = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
            if event.tag and event.tag != "!" and _TAG_OF.get(event.tag) != kind:
                raise stop(
                    event, f"the tag {_short(event.tag)} has no meaning in a design", "leave the tag out"
                )
            node = _Node(kind=kind, span=_event_span(event))
            place(node, event)
            if event.anchor:
                anchors[event.anchor] = node
            stack.append(node)
            if len(stack) > DEPTH_LIMIT:
                raise stop(event, f"lists and mappings are nested more than {DEPTH_LIMIT} deep")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            stack.pop().is_open = False
    return root, duplicates


def _short(tag: str) -> str:
    return _printable(tag.replace("tag:yaml.org,2002:", "!!"))


def _unfold(
    node: _Node, path: Path, values: dict[Path, Span], keys: dict[Path, Span], budget: Iterator[int]
) -> Value:
    next(budget)
    if node.kind == "scalar":
        values[path] = node.span
        return node.scalar
    if path not in keys:
        values[path] = node.span
    if node.kind == "seq":
        return [_unfold(item, (*path, place), values, keys, budget) for place, item in enumerate(node.items)]
    result: dict[str, Value] = {}
    for key, (span, child) in node.entries.items():
        keys[(*path, key)] = span
        result[key] = _unfold(child, (*path, key), values, keys, budget)
    return result


def _event_span(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:  # PyYAML types them so; its parsers always give marks
        return Span(line=1, column=1)
    is_short = start.line == end.line and isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)
    width = end.column - start.column if is_short else 1
    return Span(line=start.line + 1, column=start.column + 1, width=max(1, width))


def _syntax_problem(error: yaml.MarkedYAMLError, *, file: str, lines: tuple[str, ...]) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    text = lines[line - 1] if line <= len(lines) else ""
    said = _printable(error.problem or error.context or "it cannot be read")
    message, hint = f"this is not YAML: {said}", ""
    if "\t" in text[: len(text) - len(text.lstrip())] or (text[column - 1 : column] == "\t"):
        message, hint = "a tab cannot indent YAML", "indent with spaces"
        column = text.index("\t") + 1
    elif "mapping values are not allowed" in said:
        message = "a `:` stands where no key can be"
        hint = "check the indentation of this line and the one above; put text that holds `: ` in quotes"
    elif "could not find expected ':'" in said:
        message, hint = "this line should be `key: value`", "is the `:` (and a space after it) missing?"
    elif "did not find expected key" in said or "did not find expected '-' indicator" in said:
        message = "this line does not fit the indentation of the lines above"
        hint = "keys of one mapping, and dashes of one list, begin in one column"
    elif "',' or" in said:
        message, hint = "a `,` or the closing bracket is missing before this", "look at the line above too"
    elif "quoted scalar" in said or "quoted scalar" in (error.context or ""):
        message, hint = "the text that begins here with a quotation mark is not closed", ""
        if error.context_mark:
            line, column = error.context_mark.line + 1, error.context_mark.column + 1
    elif "cannot start any token" in said:
        message = "this character cannot begin a value"
        hint = "put the value in quotes"
    span = Span(line=line, column=column)
    return problem_at(file, lines, span, path=(), message=message, hint=hint)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)
