"""Faults that no single value shows: names that lead nowhere, a prefix twice, units that do not mix.

These run on the raw values, tolerant of every shape, so that one run reports them together with the faults
of shape. What is said about running the sites is in references_health.py and references_operation.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from anyplane.design import quantities, references_health, references_operation
from anyplane.design.communities import WELL_KNOWN, community
from anyplane.design.document import Document, Path, Value
from anyplane.design.faults import near
from anyplane.design.quantities import Unfit, shown
from anyplane.design.raw import at, children, groups, keys, listed_prefixes, one_or_many, upstreams
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
        *references_health.problems(document, root),
        *references_operation.problems(document, root),
    ]


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
    policies = at(root, "policies")
    sites = at(root, "sites")
    for path, upstream in upstreams(root):
        for place, item in one_or_many(at(upstream, "policy")):
            if isinstance(item, str | int) and str(item) not in keys(policies):
                hint = near(str(item), keys(policies), what="policies")
                yield document.problem(
                    (*path, "policy", *place), f"there is no policy {shown(item)}", hint=hint
                )
    for path, rule in children(at(root, "residency")):
        for place, item in one_or_many(at(rule, "sites")):
            if isinstance(item, str | int) and str(item) not in keys(sites):
                hint = near(str(item), keys(sites), what="sites")
                where = ("residency", *path, "sites", *place)
                yield document.problem(where, f"there is no site {shown(item)}", hint=hint)
        for place, item in one_or_many(at(rule, "groups")):
            if isinstance(item, str | int) and str(item) not in groups(root):
                hint = near(str(item), groups(root), what="groups of prefixes")
                where = ("residency", *path, "groups", *place)
                yield document.problem(where, f"there is no group of prefixes {shown(item)}", hint=hint)
    for key in ("policies", "sites"):
        for name in keys(at(root, key)):
            yield from _bad_name(document, (key, name))
    if isinstance(at(root, "service", "prefixes"), dict):
        for name in keys(at(root, "service", "prefixes")):
            yield from _bad_name(document, ("service", "prefixes", name))
    for name in keys(at(root, "communities")):
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
    known_groups = groups(root)
    known = {prefix for _, prefix in listed_prefixes(root)}
    holders = [(("sites", *path), site) for path, site in children(at(root, "sites"))]
    holders += [(("policies", *path), policy) for path, policy in children(at(root, "policies"))]
    holders += upstreams(root)
    for path, holder in holders:
        for place, item in one_or_many(at(holder, "announce")):
            if not isinstance(item, str) or not item.strip() or item.strip() in known_groups:
                continue
            where = (*path, "announce", *place)
            if "/" not in item and ":" not in item:
                hint = near(item, known_groups, what="groups of prefixes")
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
    for path, site in children(at(root, "sites")):
        if isinstance(site, dict) and "metro" not in site and "at" not in site:
            hint = "add metro: with an IATA code such as FRA, or at: [50.11, 8.68]"
            yield document.problem(("sites", *path), "the site has no place", hint=hint, of_key=True)


def _group_loads(document: Document, root: Value) -> Iterator[Problem]:
    known_groups = groups(root)
    for name in keys(at(root, "service", "load")):
        if name not in known_groups:
            hint = near(name, known_groups, what="groups of prefixes")
            where = ("service", "load", name)
            message = f"there is no group of prefixes {shown(name)}"
            yield document.problem(where, message, hint=hint, of_key=True)


def _mixed_units(document: Document, root: Value) -> Iterator[Problem]:
    load = at(root, "service", "load")
    rates: list[tuple[Path, Value]] = []
    if isinstance(load, dict):
        rates += [(("service", "load", *path), value) for path, value in children(load)]
    else:
        rates.append((("service", "load"), load))
    for path, site in children(at(root, "sites")):
        rates.append((("sites", *path, "capacity"), at(site, "capacity")))
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
    for name in keys(at(root, "check", "silence")):
        if name not in rule_ids:
            ids = sorted(rule_ids)
            close = [one for one in ids if one.startswith(name.upper())] if name else []
            close += difflib.get_close_matches(name.upper()[:80], ids, n=1, cutoff=0.75)
            hint = f"did you mean {close[0]}?" if close else "docs/reference/check-rules.md lists the rules"
            where = ("check", "silence", name)
            yield document.problem(where, f"{shown(name)} is not a rule of check", hint=hint, of_key=True)
