"""pydantic's errors about a scenario -> Problems in an operator's words, each at its line and column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic_core import ErrorDetails

from anyplane.design.document import Document, Path
from anyplane.design.faults import there
from anyplane.design.quantities import shown
from anyplane.lab.gameday import parts
from anyplane.lab.gameday.expectations import EXPECTATIONS
from anyplane.lab.gameday.shape import ProbesShape, ScenarioShape
from anyplane.lab.gameday.steps import STEPS
from anyplane.model.errors import Problem

_EXAMPLES = {
    "version": "add version: 1 at the top",
    "name": "add for example name: service-killed",
    "shows": "add one line, for example shows: what a dead DNS server costs",
    "steps": "add for example steps: [{kill_service: mad}]",
    "expect": "add for example expect: [{lost: 150}]",
}
_SLIPS = {
    "kill": "kill_service",
    "hang": "hang_service",
    "restore": "restore_service",
    "stop_service": "kill_service",
    "start_service": "restore_service",
    "kill_host": "host_death",
    "sleep": "wait",
    "pause": "wait",
    "max_lost": "lost",
    "flap": "flap_service",
}


def problems(errors: Iterable[ErrorDetails], document: Document) -> list[Problem]:
    """One Problem for each error of pydantic."""
    return [_problem(error, document) for error in errors]


def _problem(error: ErrorDetails, document: Document) -> Problem:
    path, value = there(document.root, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "design":
        return document.problem(path, str(context["text"]), hint=str(context["hint"]))
    if kind == "extra_forbidden":
        message, hint = _unknown_key(path)
        return document.problem(path, message, hint=hint, of_key=True)
    if kind == "missing":
        key = str(error["loc"][-1])
        return document.problem(path, f"`{key}` is missing", hint=_example(path, key), of_key=True)
    if kind == "too_short":
        return document.problem(
            path, f"{path[-1]} is empty; it needs at least one entry", hint=_EXAMPLES.get(str(path[-1]), "")
        )
    if kind == "list_type":
        return document.problem(path, f"{shown(value)} is not a list", hint=_EXAMPLES.get(str(path[-1]), ""))
    if kind in ("model_type", "dict_type"):
        hint = "write for example - {kill_service: mad}" if path[:1] == ("steps",) else ""
        return document.problem(path, f"{shown(value)} is not a mapping of keys to values", hint=hint)
    return document.problem(path, f"{shown(value)} does not fit here")


def _example(path: Path, key: str) -> str:
    if len(path) == 3 and path[0] in ("steps", "expect"):
        kind = STEPS.get(str(path[2])) or EXPECTATIONS.get(str(path[2]))
        for field in parts.fields_of(kind) if kind else ():
            if field.name == key:
                return f"add {field.part.what}, for example {key}: {field.part.example}"
    return _EXAMPLES.get(key, "")


def _unknown_key(path: Path) -> tuple[str, str]:
    key = str(path[-1])
    keys, what = _keys_at(path[:-1])
    word = key.lower().replace("-", "_")
    close = _SLIPS[word] if _SLIPS.get(word) in keys else None
    close = close or next(iter(difflib.get_close_matches(word, keys, n=1, cutoff=0.65)), None)
    message = f"{shown(key)} is not {what}"
    if close:
        return message, f"did you mean {close}?"
    if len(path) == 3 and path[0] == "expect" and key in ("at", "after", "name"):
        return message, f"`{key}` belongs to a step, or (after) inside the expectation"
    listed = keys if len(keys) < 15 else [*keys[:14], "..."]
    return message, f"the keys here are {', '.join(listed)}" if keys else "no key is needed: write true"


def _keys_at(path: Path) -> tuple[list[str], str]:
    if path[:1] == ("probes",):
        return list(ProbesShape.model_fields), "a key here"
    kinds: dict[str, type] = {**STEPS} if path[:1] == ("steps",) else {**EXPECTATIONS}
    if len(path) == 2:
        return list(kinds), "a step" if path[0] == "steps" else "an expectation"
    if len(path) == 3:
        return [field.name for field in parts.fields_of(kinds[str(path[2])])], f"a key of {path[2]}"
    return list(ScenarioShape.model_fields), "a key here"
