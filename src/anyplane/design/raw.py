"""Ways through the raw values of a document, tolerant of every shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from anyplane.design import quantities
from anyplane.design.document import Path, Value
from anyplane.design.quantities import Unfit
from anyplane.model.nouns import Prefix

T = TypeVar("T")


def groups(root: Value) -> tuple[str, ...]:
    """The names of the groups of prefixes; a plain list is one called "all"."""
    prefixes = at(root, "service", "prefixes")
    return keys(prefixes) if isinstance(prefixes, dict) else ("all",)


def listed_prefixes(root: Value) -> Iterator[tuple[Path, Prefix]]:
    """Every readable prefix of `service.prefixes` and where it stands."""
    prefixes = at(root, "service", "prefixes")
    for path, group in children(prefixes) if isinstance(prefixes, dict) else [((), prefixes)]:
        if isinstance(group, dict):
            path, group = (*path, "prefixes"), at(group, "prefixes")
        for place, item in children(group):
            try:
                yield ("service", "prefixes", *path, *place), quantities.prefix(item)
            except Unfit:
                continue


def prefixes_of(root: Value, group: str) -> tuple[Prefix, ...]:
    """The readable prefixes of one group."""
    is_list = not isinstance(at(root, "service", "prefixes"), dict)
    return tuple(prefix for path, prefix in listed_prefixes(root) if is_list or path[2] == group)


def upstreams(root: Value) -> list[tuple[Path, Value]]:
    """Every upstream of every site and where it stands."""
    return [
        (("sites", *path, "upstreams", *place), upstream)
        for path, site in children(at(root, "sites"))
        for place, upstream in children(at(site, "upstreams"))
    ]


def at(value: Value, *path: str) -> Value:
    """What stands there, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def keys(value: Value) -> tuple[str, ...]:
    """The keys of a mapping, else none."""
    return tuple(value) if isinstance(value, dict) else ()


def children(value: Value) -> list[tuple[Path, Value]]:
    """What a mapping or a list holds, each with the last step of its path."""
    if isinstance(value, dict):
        return [((key,), child) for key, child in value.items()]
    if isinstance(value, list):
        return [((place,), child) for place, child in enumerate(value)]
    return []


def one_or_many(value: Value) -> list[tuple[Path, Value]]:
    """A list's items, or the lone value at its own place."""
    return children(value) if isinstance(value, list) else [((), value)]


def readable(read: Callable[[object], T], value: Value) -> T | None:
    """What `read` makes of the value; None where it is Unfit (somebody else says so)."""
    try:
        return read(value)
    except Unfit:
        return None
