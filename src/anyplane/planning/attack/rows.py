"""rows: JSON text in which a row of numbers is a line, for reports that hold a hundred thousand of them."""

from __future__ import annotations

import json

from anyplane.planning.jsonform import Json


def in_rows(value: Json, margin: str = "") -> str:
    """JSON text as jsonform.render makes it, but that lists of plain values stay on their line."""
    if isinstance(value, dict):
        inner = [f"{_word(name)}: {in_rows(one, margin + '  ')}" for name, one in value.items()]
        return _bracketed("{", inner, "}", margin)
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        return _bracketed("[", [in_rows(one, margin + "  ") for one in value], "]", margin)
    return _word(value)


def _bracketed(begin: str, inner: list[str], end: str, margin: str) -> str:
    if not inner:
        return begin + end
    return f"{begin}\n" + ",\n".join(f"{margin}  {one}" for one in inner) + f"\n{margin}{end}"


def _word(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
