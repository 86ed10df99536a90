"""read_registry: names and countries of networks, from CAIDA as2org, RIPE asnames or a CSV; merge joins them.

Which of the formats a file has is told by its content. Countries are ISO 3166 alpha-2; "ZZ" (reserved), "EU"
and "AP" (regions that registries use in place of a country) are unknown, written "".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anyplane.datasets.asn_table import cells_of, column_of, number_of
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError

_NO_COUNTRY = frozenset({"ZZ", "EU", "AP", "XX"})
_COUNTRY = re.compile(r"[A-Z]{2}")
_ASNAME = re.compile(r"(\d+) (.*)")
_HINT = 'expected CAIDA as-org2info, RIPE asnames ("3320 DTAG - Telekom, DE") or a CSV with asn,country'


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What the registries say of networks; an ASN is absent where nothing is known."""

    country: Mapping[int, str] = field(default_factory=dict)
    name: Mapping[int, str] = field(default_factory=dict)


def read_registry(path: Path) -> Registry:
    """Names and countries in one file of any of the formats."""
    return parse_registry(read_text(path), file=str(path))


def parse_registry(text: str, *, file: str = "registry") -> Registry:
    """Names and countries in this text; the first bad line is a DataError."""
    rows = [(number, row.rstrip("\r")) for number, row in enumerate(text.split("\n"), start=1)]
    first = next((row for _, row in rows if row.strip() and not row.startswith("#")), "")
    if not first:
        raise DataError(file, "holds no entry", hint=_HINT)
    parse: Callable[[list[tuple[int, str]], str], Registry]
    if any(row.startswith(("# format:", "# format :")) for _, row in rows[:200]):
        parse = _as_org
    elif first.startswith("{"):
        parse = _as_org_jsonl
    elif _ASNAME.fullmatch(first):
        parse = _asnames
    elif "," in first:
        parse = _csv
    else:
        raise DataError(
            file, f"{excerpt(first)} is in no known format", line=_line_of(rows, first), hint=_HINT
        )
    registry = parse(rows, file)
    if not registry.country and not registry.name:
        raise DataError(file, "names no network", hint=_HINT)
    return registry


def merge(registries: Iterable[Registry]) -> Registry:
    """One registry; of two that know a country (or a name) the earlier wins."""
    country: dict[int, str] = {}
    name: dict[int, str] = {}
    for registry in registries:
        country = {**registry.country, **country}
        name = {**registry.name, **name}
    return Registry(country=country, name=name)


def _as_org(rows: list[tuple[int, str]], file: str) -> Registry:
    """CAIDA AS organizations: organisations and networks, each section opened by its `# format:` line."""
    org_country: dict[str, str] = {}
    org_name: dict[str, str] = {}
    networks: list[tuple[int, str, str]] = []
    columns: list[str] = []
    for line, row in rows:
        if row.startswith("#"):
            label, _, rest = row[1:].partition(":")
            if label.strip() == "format":
                columns = rest.strip().split("|")
            continue
        if not row:
            continue
        fields = row.split("|")
        if not columns or len(fields) != len(columns):
            wanted = f"{len(columns)} fields ({'|'.join(columns)})" if columns else "a `# format:` line first"
            raise DataError(file, f"{excerpt(row)} has {len(fields)} fields; expected {wanted}", line=line)
        cell = dict(zip(columns, fields, strict=True))
        if "aut" in cell:
            networks.append(
                (number_of(cell["aut"], file, line), cell.get("aut_name", ""), cell.get("org_id", ""))
            )
        elif "org_id" in cell and "country" in cell:
            org_country[cell["org_id"]] = _country_of(cell["country"])
            org_name[cell["org_id"]] = cell.get("org_name", "")
        else:
            raise DataError(file, f"unknown section {'|'.join(columns)!r}", line=line, hint=_HINT)
    return _joined(networks, org_country, org_name)


def _as_org_jsonl(rows: list[tuple[int, str]], file: str) -> Registry:
    """The same as JSON lines, which CAIDA publishes beside the text."""
    org_country: dict[str, str] = {}
    org_name: dict[str, str] = {}
    networks: list[tuple[int, str, str]] = []
    for line, row in rows:
        if not row.strip() or row.startswith("#"):
            continue
        try:
            cell = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise DataError(file, f"{excerpt(row)} is not JSON ({error})", line=line, hint=_HINT) from error
        if not isinstance(cell, dict) or not isinstance(cell.get("organizationId"), str):
            raise DataError(file, f"{excerpt(row)} has no organizationId", line=line, hint=_HINT)
        if "asn" in cell:
            asn = number_of(str(cell["asn"]), file, line)
            networks.append((asn, str(cell.get("name", "")), cell["organizationId"]))
        else:
            org_country[cell["organizationId"]] = _country_of(str(cell.get("country", "")))
            org_name[cell["organizationId"]] = str(cell.get("name", ""))
    return _joined(networks, org_country, org_name)


def _joined(
    networks: list[tuple[int, str, str]], org_country: dict[str, str], org_name: dict[str, str]
) -> Registry:
    names = ((asn, org_name.get(org) or name) for asn, name, org in networks)
    countries = ((asn, org_country.get(org, "")) for asn, _, org in networks)
    return Registry(
        country={asn: country for asn, country in countries if country},
        name={asn: name for asn, name in names if name},
    )


def _asnames(rows: list[tuple[int, str]], file: str) -> Registry:
    """RIPE asnames: `ASN NAME - organisation, CC`; the organisation and the country may be missing."""
    country: dict[int, str] = {}
    name: dict[int, str] = {}
    for line, row in rows:
        if not row.strip() or row.startswith("#"):
            continue
        match = _ASNAME.fullmatch(row)
        if not match:
            raise DataError(
                file, f"{excerpt(row)} is not `ASN NAME - organisation, CC`", line=line, hint=_HINT
            )
        asn = number_of(match[1], file, line)
        what, comma, code = match[2].rpartition(",")
        if comma and _COUNTRY.fullmatch(code.strip()):
            if _country_of(code):
                country[asn] = _country_of(code)
        else:
            what = match[2]
        handle, dash, organisation = what.partition(" - ")
        text = (organisation if dash else handle).strip()
        if text and not text.startswith("-Reserved"):
            name[asn] = text
    return Registry(country=country, name=name)


def _csv(rows: list[tuple[int, str]], file: str) -> Registry:
    """`asn,country[,name]`, or any CSV whose header names such columns."""
    country: dict[int, str] = {}
    name: dict[int, str] = {}
    kept = [(line, row) for line, row in rows if row.strip() and not row.startswith("#")]
    at_asn, at_country, at_name = 0, 1, -1
    for index, (line, row) in enumerate(kept):
        cells = cells_of(row, file, line)
        is_header = index == 0 and not cells[0].strip().upper().removeprefix("AS").isdigit()
        if index == 0 and not is_header:
            at_country = next(
                (i for i, cell in enumerate(cells) if _COUNTRY.fullmatch(cell.strip().upper())), 1
            )
            at_name = next((i for i in range(1, len(cells)) if i != at_country), -1)
        if is_header:
            at_asn = column_of(cells, "asn", default=0)
            at_country = column_of(cells, "country", "country_code", "cc", default=-1)
            at_name = column_of(cells, "organization_name", "org_name", "name", "as_name", default=-1)
            if at_country < 0 and at_name < 0:
                raise DataError(file, "the header names no column country", line=line, hint=_HINT)
            continue
        if len(cells) <= max(at_asn, at_country):
            raise DataError(file, f"{excerpt(','.join(cells))} has too few columns", line=line, hint=_HINT)
        asn = number_of(cells[at_asn], file, line)
        if at_country >= 0:
            code = cells[at_country].strip().upper()
            if code and not _COUNTRY.fullmatch(code):
                raise DataError(
                    file, f"{excerpt(code)} is not a country code of two letters", line=line, hint=_HINT
                )
            if _country_of(code):
                country[asn] = _country_of(code)
        if 0 <= at_name < len(cells) and cells[at_name].strip():
            name[asn] = cells[at_name].strip()
    return Registry(country=country, name=name)


def _country_of(text: str) -> str:
    code = text.strip().upper()
    return code if _COUNTRY.fullmatch(code) and code not in _NO_COUNTRY else ""


def _line_of(rows: list[tuple[int, str]], wanted: str) -> int:
    return next(line for line, row in rows if row == wanted)
