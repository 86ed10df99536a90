"""read_rov_list: which networks drop RPKI-invalid routes, out of the lists that were published.

Read as they are: the result set of Rodday et al. (TMA 2021), Cloudflare's isbgpsafeyet.com operators, and any
table with AS numbers in its first column or in one named asn.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from anyplane.datasets.asn_table import number_of, read_rov
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError

MEASURED = "rov_unique_total"
"""In the result set of TMA 2021: the networks found to filter, over all vantage points and methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RovList:
    """asns: the networks taken to validate. listed: how many the file speaks of, the others included."""

    source: str
    form: str
    asns: frozenset[int]
    listed: int


def read_rov_list(path: Path) -> RovList:
    """The networks of this list that drop invalid routes from everybody; a DataError for anything else.

    Of isbgpsafeyet those count that are "safe", and those "partially safe" that say "filtering" and do not
    restrict it ("peers only", "partially filtering"): signing one's own routes protects nobody else's.
    """
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _result_set(path, text)
    first = next((line for line in text.splitlines() if line.strip()), "")
    titles = [title.strip().lower() for title in first.split(",")]
    if "status" in titles and "asn" in titles:
        return _operators(path, text)
    asns = read_rov(path)
    return RovList(source=str(path), form="a list of AS numbers", asns=asns, listed=len(asns))


def _result_set(path: Path, text: str) -> RovList:
    hint = f"expected the result set of TMA 2021 (two columns, one of them with {MEASURED}), or a CSV"
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(str(path), f"is not JSON: {error.msg}", line=error.lineno, hint=hint) from None
    except ValueError as error:
        raise DataError(str(path), f"holds a number that cannot be one: {error}", hint=hint) from None
    columns = list(plain.values()) if isinstance(plain, dict) else []
    if len(columns) != 2 or not all(isinstance(column, list) for column in columns):
        raise DataError(str(path), "is not a table of two columns", hint=hint)
    names, members = columns
    if (
        MEASURED not in names
        or len(names) != len(members)
        or not isinstance(members[names.index(MEASURED)], list)
    ):
        raise DataError(str(path), f"has no row {MEASURED}", hint=hint)
    listed = {str(asn) for row in members if isinstance(row, list) for asn in row}
    asns = frozenset(number_of(str(asn), str(path), 0) for asn in members[names.index(MEASURED)])
    if not asns:
        raise DataError(str(path), f"{MEASURED} names no network", hint=hint)
    return RovList(source=str(path), form="TMA 2021", asns=asns, listed=len(listed))


def _operators(path: Path, text: str) -> RovList:
    asns: set[int] = set()
    listed = 0
    reader = csv.DictReader(text.splitlines())
    reader.fieldnames = [title.strip().lower() for title in reader.fieldnames or ()]
    for row in reader:
        line = reader.line_num
        asn, status = row.get("asn"), (row.get("status") or "").strip().lower()
        if asn is None or not status:
            raise DataError(str(path), f"{excerpt(str(row.get('name')))} has no asn or status", line=line)
        listed += 1
        number = number_of(asn, str(path), line)
        details = (row.get("details") or "").lower()
        is_filtering = (
            "filtering" in details and "peers" not in details and "partially filtering" not in details
        )
        if status == "safe" or (status == "partially safe" and is_filtering):
            asns.add(number)
    if not asns:
        raise DataError(str(path), "names no network that filters", hint="is a column `status` there?")
    return RovList(source=str(path), form="isbgpsafeyet", asns=frozenset(asns), listed=listed)
