"""pydantic's errors -> Problems in an operator's words, each at its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from anyplane.design import shape
from anyplane.design.document import Document, Path, Value
from anyplane.design.quantities import shown
from anyplane.model.errors import Problem

_SHAPES: dict[str, type[BaseModel]] = {
    "service": shape.ServiceShape,
    "policies": shape.PolicyShape,
    "communities": shape.ActionShape,
    "sites": shape.SiteShape,
    "upstreams": shape.UpstreamShape,
    "actions": shape.ActionShape,
    "objectives": shape.ObjectivesShape,
    "residency": shape.ResidencyShape,
    "check": shape.CheckShape,
}
_BELONGS = {
    "service": "`service:`",
    "sites": "a site",
    "upstreams": "an upstream",
    "objectives": "`objectives:`",
    "residency": "a rule of `residency:`",
    "check": "`check:`",
}
_EXAMPLES = {
    "version": "add version: 1 at the top",
    "name": "add for example name: acme-dns",
    "origin": "add your AS number, for example origin: 64500",
    "prefixes": "add for example prefixes: [198.51.100.0/24]",
    "service": "add service: with name, origin and prefixes",
    "sites": "add sites: with a metro and upstreams for each",
    "upstreams": "add for example upstreams: [{asn: 174}]",
    "announce": "leave the key out to announce all",
    "asn": "add the neighbour's AS number, for example asn: 174",
    "users": "add for example users: [EU]",
    "except": "write users: [EU], or users: {except: [EU]}",
}
_SINGULAR = {"upstreams": "an upstream is", "actions": "an action is", "communities": "an action is"}


def problems(errors: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """One Problem for each error of pydantic."""
    return [_problem(error, document) for error in errors]


def near(word: str, known: Iterable[str], *, what: str = "") -> str:
    """A hint: the name that was probably meant, else all names there are (or the first dozen)."""
    names = list(known)
    lowered = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(word.lower()[:80], lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]}?"
    if not names:
        return f"there are no {what} here" if what else ""
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{what or 'the names'} here: {listed}"


def _problem(error: ErrorDetails, document: Document) -> Problem:
    path, value = _walk(document.root, error["loc"])
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "design":
        return document.problem(path, str(context["text"]), hint=str(context["hint"]))
    if kind == "extra_forbidden":
        message, hint = _unknown_key(path)
        return document.problem(path, message, hint=hint, of_key=True)
    if kind == "missing":
        key = str(error["loc"][-1])
        message = f"`{key}` is missing"
        hint = _EXAMPLES.get(key, "")
        if path[:1] == ("residency",) and key == "sites":
            hint = "add for example sites: [fra, ams]"
        return document.problem(path, message, hint=hint, of_key=True)
    if kind in ("too_short", "dict_type", "model_type", "list_type"):
        hint = _form_hint(kind, path)
        return document.problem(path, _wrong_form(kind, path, value), hint=hint)
    return document.problem(path, f"{shown(value)} does not fit here")


def _form_hint(kind: str, path: Path) -> str:
    last = str(path[-1]) if path else ""
    if kind == "too_short":
        return _EXAMPLES.get(last, "")
    if path == ("service", "prefixes"):
        return "write [192.0.2.0/24, 2001:db8::/48], or groups of prefixes by name"
    if path[:2] == ("service", "prefixes") and len(path) == 3:
        return "write [192.0.2.0/24], or {prefixes: [192.0.2.0/24], users: [EU]}"
    if len(path) == 1 and last in ("sites", "policies", "communities"):
        return f"give each of the {last} its name: `name: {{...}}`"
    return ""


def _wrong_form(kind: str, path: Path, value: Value) -> str:
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "too_short":
        return f"{last} is empty; it needs at least one entry"
    if path[:2] == ("service", "prefixes") and len(path) <= 3:
        return f"{shown(value)} is neither a list nor a mapping"
    if kind == "list_type":
        return f"{shown(value)} is not a list"
    if path and isinstance(path[-1], int):
        return f"{shown(value)} is not a mapping; {_SINGULAR.get(last, 'an entry is')} written {{key: value}}"
    return f"{shown(value)} is not a mapping of keys to values"


def _unknown_key(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    model = _shape_at(path[:-1])
    keys = [spec.alias or name for name, spec in model.model_fields.items()]
    close = difflib.get_close_matches(key.lower().replace("-", "_"), keys, n=1, cutoff=0.7)
    message = f"{shown(key)} is not a key here"
    if close:
        return message, f"did you mean {close[0]}?"
    for name, where in _BELONGS.items():
        if key in _SHAPES[name].model_fields and _SHAPES[name] is not model:
            return message, f"`{key}` belongs under {where}"
    return message, f"the keys here are {', '.join(keys)}"


def _shape_at(path: Path) -> type[BaseModel]:
    if not path:
        return shape.DesignShape
    if path[:2] == ("service", "prefixes") and len(path) > 2:
        return shape.GroupShape if len(path) == 3 else shape.ExceptShape
    # sites.fra, policies.shy and communities.1:2 end in a user's name; anything deeper in our own key.
    if path[0] in ("sites", "policies", "communities") and len(path) <= 3:
        return _SHAPES[str(path[0])]
    named = [part for part in path if isinstance(part, str) and part in _SHAPES]
    return _SHAPES[named[-1]] if named else shape.DesignShape


def _walk(root: Value, loc: tuple[int | str, ...]) -> tuple[Path, Value]:
    """The part of pydantic's location that exists in the file, and the value there."""
    path: list[str | int] = []
    value = root
    for part in loc:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        path.append(part)
    return tuple(path), value
