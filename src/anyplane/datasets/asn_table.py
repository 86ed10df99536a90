"""read_users and read_rov: small tables keyed by AS number."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX


def read_users(path: Path) -> dict[int, float]:
    """Users of each network: `asn,users`, a header is optional and may name the columns in any order."""
    users: dict[int, float] = {}
    hint = "expected a CSV with asn,users"
    for line, cells, header in _rows(path):
        at_asn = column_of(header, "asn", default=0)
        at_users = column_of(header, "users", "user_count", "population", "samples", default=1)
        if header and at_users == 1 and len(header) < 2:
            raise DataError(str(path), "the header names no column users", line=line, hint=hint)
        if len(cells) <= max(at_asn, at_users):
            raise DataError(
                str(path), f"{excerpt(','.join(cells))} has too few columns", line=line, hint=hint
            )
        asn = number_of(cells[at_asn], str(path), line)
        try:
            count = float(cells[at_users].strip().replace("_", ""))
        except ValueError:
            count = math.nan
        if not 0 <= count < math.inf:
            raise DataError(
                str(path), f"{excerpt(cells[at_users])} is not a number of users", line=line, hint=hint
            )
        if asn in users:
            raise DataError(
                str(path), f"AS{asn} is listed twice", line=line, hint="give each network one line"
            )
        users[asn] = count
    if not users:
        raise DataError(str(path), "holds no network", hint=hint)
    return users


def read_rov(path: Path) -> frozenset[int]:
    """The networks that drop RPKI-invalid routes: ASNs in the first column, or in the column named asn."""
    asns = frozenset(
        number_of(cells[column_of(header, "asn", default=0)], str(path), line)
        for line, cells, header in _rows(path)
    )
    if not asns:
        raise DataError(str(path), "holds no network", hint="expected one AS number per line")
    return asns


def number_of(text: str, file: str, line: int) -> int:
    """The AS number in this field ("3320" or "AS3320"), or a DataError at this line."""
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= ASN_MAX):
        raise DataError(file, f"{excerpt(text)} is not an AS number (0 to {ASN_MAX})", line=line)
    return int(digits)


def column_of(header: Sequence[str], *names: str, default: int) -> int:
    """Where the header has the first of these names, else the default."""
    titles = [title.strip().lower() for title in header]
    return next((titles.index(name) for name in names if name in titles), default)


def cells_of(row: str, file: str, line: int, *, delimiter: str = ",") -> list[str]:
    """The cells of one CSV row, quotes taken off."""
    try:
        return next(csv.reader([row], delimiter=delimiter))
    except csv.Error as error:
        raise DataError(file, f"{excerpt(row)} is not CSV ({error})", line=line) from error


def _rows(path: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """Line, cells and header ([] without one) of each row; `#` starts a comment."""
    header: list[str] = []
    is_first = True
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        row = text.partition("#")[0].strip()
        if not row:
            continue
        delimiter = next((mark for mark in ",;\t|" if mark in row), ",")
        cells = cells_of(row, str(path), line, delimiter=delimiter)
        if is_first and cells and not any(char.isdigit() for char in cells[0]):
            header, is_first = cells, False
            continue
        is_first = False
        if len(cells) <= column_of(header, "asn", default=0):
            raise DataError(str(path), f"{excerpt(row)} has too few columns", line=line)
        yield line, cells, header
