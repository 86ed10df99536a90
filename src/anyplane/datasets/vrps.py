"""read_vrps: the VRPs of a validator's output that matter to some prefixes, out of 700,000 in seconds.

Read as they are: Routinator's `json`, `jsonext`, `csv`, `csvcompat` and `csvext`, rpki-client's `json` and
`csv`, what StayRTR, OctoRPKI and RIPE's validator exchange, and a bare JSON list of VRPs; compressed or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from anyplane.datasets.asn_table import cells_of, column_of
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.datasets.vrp_sieve import Sieve, end_of, time_of
from anyplane.model.errors import DataError
from anyplane.model.nouns import Prefix
from anyplane.model.rpki import VrpSet

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
HINT = "expected JSON or CSV of a validator: `routinator vrps -f json`, or rpki-client's json or csv"


def read_vrps(path: Path, about: Sequence[Prefix]) -> VrpSet:
    """The VRPs of this file that cover one of these prefixes or lie in one.

    Every entry is looked at, and one that makes no sense is a DataError with its number or line, whether it
    matters to the prefixes or not: what stood there might have. A few seconds for 700,000 entries.
    """
    text = read_text(path)
    start = text[:4096].lstrip()
    if not start:
        raise DataError(str(path), "the file holds nothing but blanks", hint=HINT)
    return _json(path, text, about) if start[0] in "{[" else _csv(path, text, about)


def _json(path: Path, text: str, about: Sequence[Prefix]) -> VrpSet:
    sieve = Sieve(about)
    faults: list[str] = []

    def entry(found: dict[str, Json]) -> dict[str, Json] | None:
        # Called for each object as it is decoded, so that 700,000 of them never lie in memory together.
        if "prefix" not in found or "asn" not in found:
            return found
        where = f"entry {sieve.total}"
        try:
            sieve.take(
                found["prefix"],
                found.get("maxLength", found.get("max_length")),
                found["asn"],
                _expiry(found),
                found.get("ta") or _anchor(found),
                where,
            )
        except ValueError as error:
            faults.append(f"{where} (the first is 0): {error}")
        return None

    try:
        top: Json = json.loads(text, object_hook=entry)
    except json.JSONDecodeError as error:
        raise DataError(
            str(path), f"is not JSON: {error.msg}", line=error.lineno, hint=_torn(error)
        ) from None
    except ValueError as error:
        raise DataError(str(path), f"holds a number that cannot be one: {error}", hint=HINT) from None
    except RecursionError:
        raise DataError(str(path), "is not a list of VRPs: it is nested too deeply", hint=HINT) from None
    entries, form, generated = _shape(path, top)
    if faults:
        raise DataError(str(path), faults[0], hint="the file is damaged, or not what a validator wrote")
    for index, left in enumerate(entries):
        if left is not None:
            lacks = " and ".join(k for k in ("asn", "prefix") if not isinstance(left, dict) or k not in left)
            raise DataError(str(path), f"entry {index} (the first is 0) has no {lacks}", hint=HINT)
    if len(entries) != sieve.total:
        raise DataError(str(path), "holds VRPs outside of its list `roas`", hint=HINT)
    return sieve.result(path, form, generated)


def _shape(path: Path, top: Json) -> tuple[list[Json], str, int | None]:
    """The list of entries, what kind of file it is, and when it was made."""
    if isinstance(top, list):
        return top, "a list of VRPs", None
    if isinstance(top, dict) and ("slurmVersion" in top or "locallyAddedAssertions" in top):
        raise DataError(
            str(path), "is a SLURM file (RFC 8416): exceptions for a validator, not its output", hint=HINT
        )
    listed = top.get("roas") if isinstance(top, dict) else None
    if not isinstance(top, dict) or not isinstance(listed, list):
        raise DataError(str(path), "has no list `roas`", hint=HINT)
    about = top.get("metadata")
    known = about if isinstance(about, dict) else {}
    for key, form in (("buildtime", "rpki-client"), ("generatedTime", "Routinator"), ("generated", "JSON")):
        if (made := time_of(known.get(key))) is not None:
            return listed, form, made
    return listed, "JSON", None


def _csv(path: Path, text: str, about: Sequence[Prefix]) -> VrpSet:
    sieve = Sieve(about)
    lines = text.splitlines()
    number, header = next(
        ((n, line) for n, line in enumerate(lines, start=1) if line.strip() and not line.startswith("#")),
        (1, ""),
    )
    titles = [title.strip().lower() for title in cells_of(header, str(path), number)]
    has_titles = "asn" in titles
    if not has_titles and len(titles) < 2:
        raise DataError(str(path), f"{excerpt(header)} is neither JSON nor CSV", line=number, hint=HINT)
    names = titles if has_titles else []
    at_asn = column_of(names, "asn", default=0)
    at_prefix = column_of(names, "ip prefix", "prefix", default=1)
    at_longest = column_of(names, "max length", "maxlength", "max_length", default=2)
    at_anchor = column_of(names, "trust anchor", "ta", default=99 if has_titles else 3)
    at_expiry = column_of(names, "expires", "not after", default=99 if has_titles else 4)

    for line, row in enumerate(lines[number - 1 + has_titles :], start=number + has_titles):
        if not row.strip() or row.startswith("#"):
            continue
        cells = cells_of(row, str(path), line) if '"' in row else row.split(",")
        try:
            if len(cells) <= max(at_asn, at_prefix):
                raise ValueError(f"{excerpt(row)} has too few columns")
            longest = cells[at_longest].strip() if len(cells) > at_longest else ""
            expiry = end_of(cells[at_expiry]) if len(cells) > at_expiry else None
            sieve.take(
                cells[at_prefix],
                longest or None,
                cells[at_asn],
                expiry,
                cells[at_anchor].strip() if len(cells) > at_anchor else "",
                f"line {line}",
            )
        except ValueError as error:
            raise DataError(str(path), str(error), line=line, hint=HINT) from None
    return sieve.result(path, "CSV", None)


def _expiry(entry: Mapping[str, Json]) -> int | None:
    """When it expires: rpki-client says it, Routinator's jsonext gives the validity of the whole chain."""
    if "expires" in entry:
        return end_of(entry["expires"])
    sources = entry.get("source")
    found: list[int] = []
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict):
            chain = source.get("chainValidity") or source.get("validity")
            at = end_of(chain.get("notAfter")) if isinstance(chain, dict) else None
            if at is None:
                return None  # one of its ROAs, or an exception of the operator's, does not end
            found.append(at)
    return max(found) if found else None


def _anchor(entry: Mapping[str, Json]) -> Json:
    sources = entry.get("source")
    first = sources[0] if isinstance(sources, list) and sources else None
    return first.get("tal") if isinstance(first, dict) else None


def _torn(error: json.JSONDecodeError) -> str:
    is_at_end = not error.doc[error.pos :].strip()
    return "the file seems cut off: a download may have broken off, fetch it again" if is_at_end else HINT
