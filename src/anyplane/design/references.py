"""Faults that no single value shows: names that lead nowhere, a prefix twice, units that do not mix.

These run on the raw values, tolerant of every shape, so that one run reports them together with the faults
of shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from anyplane.design import quantities
from anyplane.design.communities import WELL_KNOWN, community
from anyplane.design.document import Document, Path, Value
from anyplane.design.faults import near
from anyplane.design.quantities import Unfit, shown
from anyplane.model.errors import Problem
from anyplane.model.nouns import Prefix


def problems(document: Document, *, rule_ids: Iterable[str]) -> list[Problem]:
    """Every fault of reference in the document."""
    root = document.root
    return [
        *_repeated_prefixes(document, root),
        *_names(document, root),
        *_announced(document, root),
        *_missing_places(document, root),
        *_group_loads(document, root),
        *_mixed_units(document, root),
        *_silenced(document, root, frozenset(rule_ids)),
    ]


def listed_prefixes(root: Value) -> Iterator[tuple[Path, Prefix]]:
    """Every readable prefix of `service.prefixes` and where it stands."""
    prefixes = _at(root, "service", "prefixes")
    for path, group in _children(prefixes) if isinstance(prefixes, dict) else [((), prefixes)]:
        if isinstance(group, dict):
            path, group = (*path, "prefixes"), _at(group, "prefixes")
        for place, item in _children(group):
            try:
                yield ("service", "prefixes", *path, *place), quantities.prefix(item)
            except Unfit:
                continue


def _repeated_prefixes(document: Document, root: Value) -> Iterator[Problem]:
    first: dict[Prefix, Path] = {}
    for path, prefix in listed_prefixes(root):
        if prefix in first:
            line = document.span(first[prefix]).line
            yield document.problem(
                path, f"{prefix} is listed already on line {line}", hint="remove one of them"
            )
        first.setdefault(prefix, path)


def _names(document: Document, root: Value) -> Iterator[Problem]:
    policies = _at(root, "policies")
    sites = _at(root, "sites")
    for path, upstream in _upstreams(root):
        for place, item in _one_or_many(_at(upstream, "policy")):
            if isinstance(item, str | int) and str(item) not in _keys(policies):
                hint = near(str(item), _keys(policies), what="policies")
                yield document.problem(
                    (*path, "policy", *place), f"there is no policy {shown(item)}", hint=hint
                )
    for path, rule in _children(_at(root, "residency")):
        for place, item in _one_or_many(_at(rule, "sites")):
            if isinstance(item, str | int) and str(item) not in _keys(sites):
                hint = near(str(item), _keys(sites), what="sites")
                where = ("residency", *path, "sites", *place)
                yield document.problem(where, f"there is no site {shown(item)}", hint=hint)
        for place, item in _one_or_many(_at(rule, "groups")):
            if isinstance(item, str | int) and str(item) not in _groups(root):
                hint = near(str(item), _groups(root), what="groups of prefixes")
                where = ("residency", *path, "groups", *place)
                yield document.problem(where, f"there is no group of prefixes {shown(item)}", hint=hint)
    for key in ("policies", "sites"):
        for name in _keys(_at(root, key)):
            yield from _bad_name(document, (key, name))
    if isinstance(_at(root, "service", "prefixes"), dict):
        for name in _keys(_at(root, "service", "prefixes")):
            yield from _bad_name(document, ("service", "prefixes", name))
    for name in _keys(_at(root, "communities")):
        try:
            _catalogued(name)
        except Unfit as unfit:
            where = ("communities", name)
            yield document.problem(where, unfit.message, hint=unfit.hint, of_key=True)


def _catalogued(text: str) -> str:
    """The canonical form of a key of `communities:`."""
    canonical = community(text)
    if canonical in WELL_KNOWN.values():
        message = f"{shown(text)} is well-known; what it does is fixed by its RFC"
        raise Unfit(message, hint="list only the upstreams' own communities")
    return canonical


def _bad_name(document: Document, path: Path) -> Iterator[Problem]:
    try:
        quantities.name(path[-1])
    except Unfit as unfit:
        yield document.problem(path, unfit.message, hint=unfit.hint, of_key=True)


def _announced(document: Document, root: Value) -> Iterator[Problem]:
    groups = _groups(root)
    known = {prefix for _, prefix in listed_prefixes(root)}
    holders = [(("sites", *path), site) for path, site in _children(_at(root, "sites"))]
    holders += [(("policies", *path), policy) for path, policy in _children(_at(root, "policies"))]
    holders += _upstreams(root)
    for path, holder in holders:
        for place, item in _one_or_many(_at(holder, "announce")):
            if not isinstance(item, str) or not item.strip() or item.strip() in groups:
                continue
            where = (*path, "announce", *place)
            if "/" not in item and ":" not in item:
                hint = near(item, groups, what="groups of prefixes")
                yield document.problem(where, f"there is no group of prefixes {shown(item)}", hint=hint)
                continue
            try:
                prefix = quantities.prefix(item)
            except Unfit as unfit:
                yield document.problem(where, unfit.message, hint=unfit.hint)
                continue
            if prefix not in known:
                hint = "list it under service.prefixes first"
                yield document.problem(where, f"{prefix} is not a prefix of this service", hint=hint)


def _missing_places(document: Document, root: Value) -> Iterator[Problem]:
    for path, site in _children(_at(root, "sites")):
        if isinstance(site, dict) and "metro" not in site and "at" not in site:
            hint = "add metro: with an IATA code such as FRA, or at: [50.11, 8.68]"
            yield document.problem(("sites", *path), "the site has no place", hint=hint, of_key=True)


def _group_loads(document: Document, root: Value) -> Iterator[Problem]:
    groups = _groups(root)
    for name in _keys(_at(root, "service", "load")):
        if name not in groups:
            hint = near(name, groups, what="groups of prefixes")
            where = ("service", "load", name)
            message = f"there is no group of prefixes {shown(name)}"
            yield document.problem(where, message, hint=hint, of_key=True)


def _mixed_units(document: Document, root: Value) -> Iterator[Problem]:
    load = _at(root, "service", "load")
    rates: list[tuple[Path, Value]] = []
    if isinstance(load, dict):
        rates += [(("service", "load", *path), value) for path, value in _children(load)]
    else:
        rates.append((("service", "load"), load))
    for path, site in _children(_at(root, "sites")):
        rates.append((("sites", *path, "capacity"), _at(site, "capacity")))
    first: tuple[str, int] | None = None
    for path, value in rates:
        try:
            _, unit = quantities.load(value) if path[0] == "service" else quantities.rate(value)
        except Unfit:
            continue
        if first is None:
            first = (unit.value, document.span(path).line)
        elif unit.value != first[0]:
            message = f"{shown(value)} is in {unit.value}, but line {first[1]} counts in {first[0]}"
            yield document.problem(path, message, hint="count all load and capacity in one unit: qps or bps")


def _silenced(document: Document, root: Value, rule_ids: frozenset[str]) -> Iterator[Problem]:
    for name in _keys(_at(root, "check", "silence")):
        if name not in rule_ids:
            close = difflib.get_close_matches(name.upper()[:80], sorted(rule_ids), n=1, cutoff=0.75)
            hint = f"did you mean {close[0]}?" if close else "docs/reference/check-rules.md lists the rules"
            where = ("check", "silence", name)
            yield document.problem(where, f"{shown(name)} is not a rule of check", hint=hint, of_key=True)


def _groups(root: Value) -> tuple[str, ...]:
    """The names of the groups of prefixes; a plain list is one called "all"."""
    prefixes = _at(root, "service", "prefixes")
    return _keys(prefixes) if isinstance(prefixes, dict) else ("all",)


def _upstreams(root: Value) -> list[tuple[Path, Value]]:
    return [
        (("sites", *path, "upstreams", *place), upstream)
        for path, site in _children(_at(root, "sites"))
        for place, upstream in _children(_at(site, "upstreams"))
    ]


def _at(value: Value, *keys: str) -> Value:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _keys(value: Value) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, dict) else ()


def _children(value: Value) -> list[tuple[Path, Value]]:
    if isinstance(value, dict):
        return [((key,), child) for key, child in value.items()]
    if isinstance(value, list):
        return [((place,), child) for place, child in enumerate(value)]
    return []


def _one_or_many(value: Value) -> list[tuple[Path, Value]]:
    return _children(value) if isinstance(value, list) else [((), value)]
