"""write_calibration and read_calibration: a Calibration as JSON that people can read, one fact on each line.

    {
      "version": 1,
      "origin": "392,697 observations out of 82 files",
      ...
      "preferences": [
        {"asn": 174, "neighbour": 1916, "region": "NA", "log_odds": -0.124, "evidence": 9551.79},

Compressed where the name ends in `.gz`. A line may be deleted by hand, or another number written: what is
read is held to the ranges below, so that a slip is an error here and not a wrong forecast later.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import NoReturn

from anyplane.calibration.calibration import Calibration
from anyplane.datasets.cache import replaced
from anyplane.datasets.compressed import read_text
from anyplane.model.errors import DataError, UsageError
from anyplane.planning.jsonform import Json, from_plain, to_plain

VERSION = 1
_HINT = "calibrations are written by `anyplane calibrate`; make it again, or undo the last edit"
_RANGES = {
    "asn": (0, 2**32 - 1),
    "neighbour": (0, 2**32 - 1),
    "prepends": (0, 255),
    "length": (0, 1000),
    "log_odds": (-20, 20),
    "evidence": (0, 1e12),
    "certainty": (0.01, 100),
    "spread": (0, 100),
    "agreement": (0, 1),
}
"""Smallest and largest value by the name of the field; every other number is 0 to a billion."""
_RELATIONS = {"Heard": ("customer", "peer"), "Willing": ("customer", "peer", "provider")}


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Put it into this file, whole or not at all; equal calibrations give equal bytes."""
    content = to_text(calibration).encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile("", "wb", 6, packed, mtime=0) as file:  # no name, no time: stable bytes
            file.write(content)
        content = packed.getvalue()
    with replaced(path) as out:
        out.write(content)


def read_calibration(path: Path) -> Calibration:
    """What is in this file; a DataError names the line where it is no JSON, else the field that is wrong."""
    file = str(path)
    plain = _json(read_text(path), file)
    if not isinstance(plain, dict) or "version" not in plain:
        raise DataError(file, "is no calibration: it has no version", hint=_HINT)
    version = plain.pop("version")
    if version != VERSION or isinstance(version, bool):
        raise DataError(
            file,
            f"has version {version!r:.20}; this program reads version {VERSION}",
            hint="calibrate again with this program, or use the one that wrote it",
        )
    used = plain.get("used")
    for item in used if isinstance(used, list) else []:
        if isinstance(item, dict) and item.get("agreement", 0) is None:
            item["agreement"] = math.nan
    try:
        calibration = from_plain(Calibration, plain, where="calibration")
    except UsageError as error:
        raise DataError(file, error.message, hint=_HINT) from None
    for where, what in _wrong(calibration, "calibration"):
        raise DataError(file, f"{where} {what}", hint=_HINT)
    names = [facts.site for facts in calibration.sites]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(file, f"calibration.sites has {twice!r:.40} twice", hint="keep one of them")
    return calibration


def to_text(calibration: Calibration) -> str:
    """The JSON text: a list of facts has one fact on each line, an object of lists one list after another."""
    return "\n".join(_lines({"version": VERSION, **_plain(calibration)}, "")) + "\n"


def _plain(calibration: Calibration) -> dict[str, Json]:
    plain = to_plain(calibration)
    if not isinstance(plain, dict):  # it is a dataclass
        raise TypeError
    used = plain["used"]
    for item in used if isinstance(used, list) else []:
        if isinstance(item, dict) and isinstance(value := item["agreement"], float) and math.isnan(value):
            item["agreement"] = None
    return plain


def _lines(value: Json, before: str) -> Iterator[str]:
    """The lines of a value; `before` is the indent. Whatever holds no list of objects stands on one line."""
    if isinstance(value, dict) and any(_is_facts(item) for item in value.values()):
        yield "{"
        for at, (name, item) in enumerate(value.items()):
            comma = "," if at + 1 < len(value) else ""
            first, *rest = _lines(item, before + "  ")
            lines = [f"{before}  {json.dumps(name)}: {first}", *rest]
            yield from lines[:-1]
            yield lines[-1] + comma
        yield before + "}"
    elif isinstance(value, list) and _is_facts(value):
        yield "["
        for at, item in enumerate(value):
            comma = "," if at + 1 < len(value) else ""
            first, *rest = _lines(item, before + "  ")
            lines = [f"{before}  {first}", *rest]
            yield from lines[:-1]
            yield lines[-1] + comma
        yield before + "]"
    else:
        yield json.dumps(value, ensure_ascii=False, allow_nan=False)


def _is_facts(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _json(text: str, file: str) -> Json:
    def refuse(name: str) -> NoReturn:
        raise DataError(file, f"holds {name}, which is no number in JSON", hint=_HINT)

    try:
        value: Json = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise DataError(file, f"is not JSON: {error.msg}", line=error.lineno, hint=_HINT) from None
    except RecursionError:
        raise DataError(file, "is nested deeper than any calibration", hint=_HINT) from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(file, f"cannot be read: {error}", hint=_HINT) from None
    return value


def _wrong(value: object, where: str) -> Iterator[tuple[str, str]]:
    """(place, what is wrong) of every number out of range and every relation that is none."""
    kind = type(value).__name__
    for spec in fields(value) if is_dataclass(value) and not isinstance(value, type) else ():
        item, place = getattr(value, spec.name), f"{where}.{spec.name}"
        if isinstance(item, tuple):
            for index, entry in enumerate(item):
                yield from _wrong(entry, f"{place}[{index}]")
        elif isinstance(item, int | float) and not isinstance(item, bool):
            low, high = _RANGES.get(spec.name, (0, 10**9))
            if not low <= item <= high and not (spec.name == "agreement" and math.isnan(item)):
                yield place, f"is {item!r:.40}, not {low:,} to {high:,}"
        elif spec.name == "relation" and item not in _RELATIONS[kind]:
            yield place, f"is {item!r:.40}, not one of {', '.join(_RELATIONS[kind])}"
        elif spec.name == "site" and not item:
            yield place, "is empty"
