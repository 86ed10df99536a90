"""read_probes: the networks of RIPE Atlas probes, from the archive of probes or from a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.measure.observations.delimited import Names, table
from anyplane.measure.observations.fields import asn_of
from anyplane.model.errors import DataError

COLUMNS: Names = {
    "probe": ("probe_id", "prb_id", "id"),
    "asn4": ("asn_v4", "asn4", "asn"),
    "asn6": ("asn_v6", "asn6"),
}
_HINT = (
    "expected the JSON of RIPE's archive of probes, a table with probe_id and asn_v4, or lines `probe ASN`"
)

Probes = Mapping[int, tuple[int | None, int | None]]
"""Probe -> its network for IPv4, for IPv6; None = not known."""


def read_probes(path: Path) -> Probes:
    """The probes in this file; those without any network are left out."""
    text = read_text(path)
    begin = text.lstrip()[:1]
    if begin in "{[":
        return _from_json(path, text)
    first = text.lstrip().split("\n", 1)[0]
    if any(name in first.lower() for name in ("probe", "prb")):
        found = {}
        for line, row in table(path, COLUMNS, required=("probe", "asn4")):
            if not row["probe"].isdigit():
                raise DataError(str(path), f"{excerpt(row['probe'])} is not a probe", line=line, hint=_HINT)
            found[int(row["probe"])] = (asn_of(row["asn4"]), asn_of(row["asn6"]))
        return _known(found)
    found = {}
    for line, row_text in enumerate(text.splitlines(), 1):
        fields = row_text.replace(",", " ").split()
        if not fields or fields[0].startswith("#"):
            continue
        asn = asn_of(fields[1]) if len(fields) == 2 else None
        if asn is None and fields[1:] not in ([], ["None"], ["null"], ["NA"]):
            raise DataError(str(path), f"{excerpt(row_text)} is not a row", line=line, hint=_HINT)
        if not fields[0].isdigit():
            raise DataError(str(path), f"{excerpt(fields[0])} is not a probe", line=line, hint=_HINT)
        found[int(fields[0])] = (asn, None)
    return _known(found)


def _from_json(path: Path, text: str) -> Probes:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(str(path), f"is not JSON: {error}", hint=_HINT) from None
    rows = content.get("objects", content.get("results")) if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise DataError(str(path), "holds no list of probes", hint=_HINT)
    found = {}
    for row in rows:
        number = row.get("id", row.get("prb_id")) if isinstance(row, dict) else None
        if not isinstance(number, int):
            raise DataError(str(path), f"{excerpt(str(row))} is not a probe", hint=_HINT)
        found[number] = (
            asn_of(str(row.get("asn_v4", row.get("asn4")))),
            asn_of(str(row.get("asn_v6", row.get("asn6")))),
        )
    return _known(found)


def _known(found: dict[int, tuple[int | None, int | None]]) -> Probes:
    return {probe: asns for probe, asns in found.items() if asns != (None, None)}
