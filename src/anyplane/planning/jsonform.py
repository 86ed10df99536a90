"""jsonform: frozen dataclasses to plain JSON values and back, driven by their annotations alone."""

from __future__ import annotations

import json
import types
from collections.abc import Hashable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from anyplane.model.errors import UsageError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")


def to_plain(value: object) -> Json:
    """Dicts in the order of the fields, lists for tuples; StrEnum members become their text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {spec.name: to_plain(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def render(value: Json) -> str:
    """JSON text for people and machines: indented, UTF-8, no NaN."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse(text: str, *, file: str) -> Json:
    """The JSON value of a text, or a UsageError that names the line."""
    try:
        return cast("Json", json.loads(text))
    except json.JSONDecodeError as error:
        raise UsageError(f"{file}:{error.lineno}:{error.colno} is not JSON: {error.msg}") from None
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply") from None


def from_plain(kind: type[T], plain: Json, *, where: str) -> T:
    """The value of class `kind`; a UsageError names the place of what does not fit."""
    return cast("T", _value(kind, plain, where))


def _value(kind: Any, plain: Json, where: str) -> object:  # Any: an annotation, which has no better type
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if plain is None and type(None) in get_args(kind):
            return None
        return _value(next(arm for arm in get_args(kind) if arm is not type(None)), plain, where)
    if origin is tuple:
        if not isinstance(plain, list):
            raise UsageError(f"{where} should be a list")
        item = get_args(kind)[0]
        return tuple(_value(item, entry, f"{where}[{index}]") for index, entry in enumerate(plain))
    if is_dataclass(kind):
        return _instance(cast("type[object]", kind), plain, where)
    if kind is float and isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if plain in [member.value for member in kind]:
            return kind(plain)
    elif isinstance(plain, kind) and isinstance(plain, bool) == (kind is bool):
        return plain
    raise UsageError(f"{where} should be {getattr(kind, '__name__', kind)}, not {plain!r:.40}")


def _instance(kind: type[object], plain: Json, where: str) -> object:
    if not isinstance(plain, dict):
        raise UsageError(f"{where} should be an object")
    known = _fields(cast("Hashable", kind))
    for name in plain:
        if name not in known:
            raise UsageError(f"{where} has a key {name!r} that is not known")
    values = {}
    for name, (annotation, is_required) in known.items():
        if name in plain:
            values[name] = _value(annotation, plain[name], f"{where}.{name}")
        elif is_required:
            raise UsageError(f"{where} lacks the key {name!r}")
    return kind(**values)


@cache
def _fields(kind: Hashable) -> dict[str, tuple[Any, bool]]:  # Any: as in _value
    hints = get_type_hints(cast("Any", kind))
    return {
        spec.name: (hints[spec.name], spec.default is MISSING and spec.default_factory is MISSING)
        for spec in fields(cast("Any", kind))
    }
