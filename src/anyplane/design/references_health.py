"""Faults of `health:` that no single value shows: groups, names, numbers and times that do not fit together.

Like references.py these run on the raw values. The number of local checks is reckoned item by item, and one
that cannot be read counts for as much as it may mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from anyplane.design import endpoints, quantities, timing
from anyplane.design.document import Document, Path, Value
from anyplane.design.faults import near
from anyplane.design.operation import SERVICE, Address, Scope
from anyplane.design.quantities import shown
from anyplane.design.raw import at, children, groups, keys, one_or_many, prefixes_of, readable
from anyplane.design.reading_health import asked, probe_of
from anyplane.design.shape_probes import FAMILIES, KINDS, CheckItemShape
from anyplane.model.errors import Problem
from anyplane.model.nouns import Prefix

INTERVAL_S = 1.0


def problems(document: Document, root: Value) -> Iterator[Problem]:
    """Every such fault, in the design's `health` and in each site's."""
    known = groups(root)
    holders: list[tuple[Path, Value]] = [(("health",), at(root, "health"))]
    for path, site in children(at(root, "sites")):
        holders.append((("sites", *path, "health"), at(site, "health")))
    for path, holder in holders:
        for group in keys(holder):
            where = (*path, group)
            if group not in known:
                hint = near(group, known, what="groups of prefixes")
                message = f"there is no group of prefixes {shown(group)}"
                yield document.problem(where, message, hint=hint, of_key=True)
            prefixes = prefixes_of(root, group) if group in known else ()
            yield from _of_group(document, where, at(holder, group), prefixes)


def _of_group(
    document: Document, path: Path, health: Value, prefixes: tuple[Prefix, ...]
) -> Iterator[Problem]:
    yield from _addresses(document, path, health, prefixes)
    yield from _slow(document, path, health, None)
    yield from _checks(document, path, health, prefixes=prefixes)
    yield from _need(document, path, health, prefixes)
    yield from _backends(document, path, health)


def _addresses(
    document: Document, path: Path, health: Value, prefixes: tuple[Prefix, ...]
) -> Iterator[Problem]:
    first: dict[Address, Path] = {}
    for place, item in one_or_many(at(health, "addresses")):
        address = readable(endpoints.address, item)
        if address is None:
            continue
        where = (*path, "addresses", *place)
        if prefixes and not any(address in prefix for prefix in prefixes):
            listed = ", ".join(str(prefix) for prefix in prefixes[:6])
            message = f"{address} is in no prefix of {path[-1]}"
            yield document.problem(where, message, hint=f"its prefixes are {listed}")
        if address in first:
            message = f"{address} is listed already on line {document.span(first[address]).line}"
            yield document.problem(where, message, hint="remove one of them")
        first.setdefault(address, where)


def _checks(
    document: Document,
    path: Path,
    health: Value,
    *,
    backend: tuple[Path, Value] | None = None,
    prefixes: tuple[Prefix, ...] = (),
) -> Iterator[Problem]:
    """The checks of a group, or of one `backend` of it; the group's timers are the defaults of both."""
    path, holder = backend or (path, health)
    first = _written_names(path, holder)
    for place, item in children(at(holder, "checks")):
        where = (*path, "checks", *place)
        yield from _kinds(document, where, item)
        yield from _slow(document, where, item, health)
        name = readable(quantities.name, at(item, "name"))
        spot = (*where, "name")
        if name is not None and first[name] != spot:
            message = f"there is a check {name} already, on line {document.span(first[name]).line}"
            yield document.problem(spot, message, hint="a name is for one check of a group")
        family = FAMILIES.get(str(at(item, "family")), 0)
        if family and prefixes and all(prefix.version != family for prefix in prefixes):
            message = f"{path[-1]} has no IPv{family} prefix that this check could speak for"
            yield document.problem((*where, "family"), message, hint="leave family out")


def _written_names(path: Path, holder: Value) -> dict[object, Path]:
    """Each name that a check has, and where it stands first."""
    first: dict[object, Path] = {}
    for place, item in children(at(holder, "checks")):
        name = readable(quantities.name, at(item, "name"))
        if name is not None:
            first.setdefault(name, (*path, "checks", *place, "name"))
    return first


def _kinds(document: Document, path: Path, item: Value) -> Iterator[Problem]:
    if not isinstance(item, dict):
        return
    written = [kind for kind in item if kind in KINDS]
    for kind in written[1:]:
        hint = f"make two checks of it, `- {written[0]}: ...` and `- {kind}: ...`"
        message = f"{written[0]} and {kind} in one check"
        yield document.problem((*path, kind), message, hint=hint, of_key=True)
    if not written and all(key in CheckItemShape.model_fields for key in item):
        hint = f"add one of {', '.join(KINDS)}"
        yield document.problem(path, "nothing says what this check does", hint=hint)


def _slow(document: Document, path: Path, item: Value, defaults: Value) -> Iterator[Problem]:
    """A timeout longer than its interval; each is the item's own, else the group's."""
    own = keys(item)
    if not {"interval", "timeout"} & set(own):
        return
    timeout_written = at(item, "timeout") if "timeout" in own else at(defaults, "timeout")
    interval_written = at(item, "interval") if "interval" in own else at(defaults, "interval")
    timeout = readable(timing.seconds, timeout_written)
    interval = INTERVAL_S if interval_written is None else readable(timing.seconds, interval_written)
    if timeout is None or interval is None or timeout <= interval:
        return
    key = "timeout" if "timeout" in own else "interval"
    message = (
        f"the timeout, {timing.time_text(timeout)}, is longer than the interval, {timing.time_text(interval)}"
    )
    hint = "a check ends before its next one begins; lengthen the interval or shorten the timeout"
    yield document.problem((*path, key), message, hint=hint)


def _need(document: Document, path: Path, health: Value, prefixes: tuple[Prefix, ...]) -> Iterator[Problem]:
    need = at(health, "need")
    if not isinstance(need, int) or isinstance(need, bool) or need < 1:
        return
    versions = sorted({prefix.version for prefix in prefixes}) or [4]
    voices = [_voices(item, versions) for _, item in children(at(health, "checks"))]
    parts = (
        [(0, path[-1])]
        if at(health, "together") is True
        else [(one, f"{path[-1]}/v{one}") for one in versions]
    )
    for version, name in parts:
        count = sum(len(heard) if version == 0 else heard.count(version) + heard.count(0) for heard in voices)
        if need > count:
            checks = "one local check" if count == 1 else f"{count or 'no'} local checks"
            hint = f"write {count} at most, or all" if count > 1 else "write all"
            yield document.problem((*path, "need"), f"{name} has only {checks}", hint=hint)
            return


def _voices(item: Value, versions: Sequence[int]) -> list[int]:
    """The families that the local checks made of this item speak for (0: any); one entry each."""
    try:
        shape = CheckItemShape.model_validate(item)
        host = asked(probe_of(shape))
    except ValidationError:
        return list(versions)
    if shape.scope is not Scope.LOCAL:
        return []
    if host == SERVICE:
        return [version for version in versions if shape.family in (0, version)]
    return [shape.family]


def _backends(document: Document, path: Path, health: Value) -> Iterator[Problem]:
    first = _written_names(path, health)
    backends = children(at(health, "backends"))
    for place, backend in backends:
        where = (*path, "backends", *place)
        yield from _checks(document, path, health, backend=(where, backend))
        name = readable(quantities.name, at(backend, "name"))
        address = readable(endpoints.address, at(backend, "address"))
        for key, value in (("name", name), ("address", address)):
            if value is None:
                continue
            spot = (*where, key)
            if value in first:
                line = document.span(first[value]).line
                message = f"{value} is the {key} of something else already, on line {line}"
                hint = f"give each backend its own {key}"
                yield document.problem(spot, message, hint=hint)
            first.setdefault(value, spot)
        if isinstance(backend, dict) and not at(backend, "checks"):
            hint = "give it checks: [{tcp: service:53}], say; `service` is the backend's address here"
            yield document.problem(where, "nothing checks this backend", hint=hint)
    need = at(health, "need_backends")
    if isinstance(need, int) and not isinstance(need, bool) and need > len(backends):
        said = f"only {len(backends)}" if len(backends) > 1 else ("only one" if backends else "no")
        noun = "backend" if len(backends) == 1 else "backends"
        where = (*path, "need_backends")
        hint = f"write {len(backends)} at most" if backends else "add backends:, or leave it out"
        yield document.problem(where, f"{path[-1]} has {said} {noun}", hint=hint)
