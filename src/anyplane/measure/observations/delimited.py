"""delimited: CSV and its kin with a header, row by row with the number of the line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.measure.observations.fields import asn_of, moment_of, number_of
from anyplane.measure.observations.rows import Rows
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method
from anyplane.model.reading import Reading, Tally

Names = Mapping[str, Sequence[str]]
"""What a column is called here -> what it may be called in the file, lower case."""

PLAIN: Names = {name: (name,) for name in ("asn", "site", "weight", "rtt_ms", "at", "prefix", "method")}


def read_plain_csv(
    path: Path, *, announced: Announced | None = None, method: Method = Method.OTHER
) -> Reading:
    """A CSV with the columns asn and site, and maybe weight, rtt_ms, at, prefix and method.

    `at` is in seconds since 1970 or ISO 8601, in UTC; an empty site: answered, from where is unknown. The
    file's `method` wins over the argument. A bad field loses its row, and only its row.
    """
    tally = Tally()
    rows = Rows()
    for line, row in table(path, PLAIN, required=("asn", "site")):
        tally.rows += 1
        asn = asn_of(row["asn"])
        weight = number_of(row["weight"]) if row["weight"] else 1.0
        rtt = number_of(row["rtt_ms"]) if row["rtt_ms"] else None
        at = moment_of(row["at"]) if row["at"] else None
        how = row["method"].lower() or str(method)
        if asn is None:
            tally.lose("not an AS number", line)
        elif weight is None or weight <= 0:
            tally.lose("weight is not a positive number", line)
        elif row["rtt_ms"] and (rtt is None or rtt < 0):
            tally.lose("rtt_ms is not a number of milliseconds", line)
        elif row["at"] and at is None:
            tally.lose("at is neither seconds since 1970 nor a date", line)
        elif how not in tuple(Method):
            tally.lose(f"{excerpt(how)} is not a method", line)
        else:
            rows.add(
                asn,
                row["site"],
                Method(how),
                prefix=row["prefix"],
                at=at,
                rtt_ms=rtt,
                weight=weight,
                line=line,
            )
    return rows.reading(tally, announced=announced, source=path.name)


def table(path: Path, names: Names, *, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) with the row's fields under our names, "" where the file lacks a column.

    The delimiter (comma, semicolon, tab) is that of the header; `#` lines before the header are skipped. A
    row with too few or too many fields is a DataError: what follows it cannot be trusted.
    """
    lines = read_text(path).splitlines()
    start = next((number for number, line in enumerate(lines) if line.strip() and line[0] != "#"), None)
    if start is None:
        raise DataError(str(path), "holds no header", hint=f"columns {', '.join(required)} are needed")
    delimiter = max(",;\t", key=lines[start].count)
    reader = csv.reader(lines[start:], delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        place = {ours: _place(header, theirs) for ours, theirs in names.items()}
        if missing := [ours for ours in required if place[ours] < 0]:
            raise DataError(
                str(path),
                f"has no column {' and no column '.join(missing)}",
                line=start + 1,
                hint=f"it has {', '.join(excerpt(name) for name in header[:12])}; "
                + "; ".join(f"{ours} may be called {', '.join(names[ours])}" for ours in missing),
            )
        for fields in reader:
            line = start + reader.line_num
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            if len(fields) != len(header):
                raise DataError(
                    str(path),
                    f"has {len(fields)} fields where the header has {len(header)}",
                    line=line,
                    hint="the file may be cut off, or a field lacks its quotes",
                )
            yield line, {ours: fields[at].strip() if at >= 0 else "" for ours, at in place.items()}
    except csv.Error as error:
        raise DataError(str(path), f"is not CSV: {error}", line=start + reader.line_num) from None


def _place(header: list[str], names: Sequence[str]) -> int:
    return next((header.index(name) for name in names if name in header), -1)
