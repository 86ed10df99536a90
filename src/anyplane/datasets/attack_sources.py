"""read_attack_sources: how much of an attack comes from which network, as flow records or samples tell it."""

from __future__ import annotations

import math
from pathlib import Path

from anyplane.datasets.asn_table import cells_of, column_of, number_of
from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError

HINT = "expected a CSV with asn,gbps"
MOST_GBPS = 1e9
"""A million Tbit/s: more is a mistake in the unit."""
VOLUMES = ("gbps", "gbit/s", "volume", "traffic")


def read_attack_sources(path: Path) -> dict[int, float]:
    """Gbit/s of each network: `asn,gbps`, a header is optional and may name the columns in any order.

    `#` starts a comment. A network that stands on several lines counts with their sum, as flow exports give
    a line for each prefix. A DataError names the line of what is neither an AS number nor a volume.
    """
    found: dict[int, float] = {}
    header: list[str] = []
    is_first = True
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        row = text.partition("#")[0].strip()
        if not row:
            continue
        delimiter = next((mark for mark in ",;\t|" if mark in row), ",")
        cells = [cell.strip() for cell in cells_of(row, str(path), line, delimiter=delimiter)]
        if is_first and not any(character.isdigit() for character in cells[0]):
            header, is_first = cells, False
            if column_of(header, "asn", "as", default=-1) < 0 or column_of(header, *VOLUMES, default=-1) < 0:
                raise DataError(str(path), "the header names no columns asn and gbps", line=line, hint=HINT)
            continue
        is_first = False
        at_asn = column_of(header, "asn", "as", default=0)
        at_volume = column_of(header, *VOLUMES, default=1)
        if len(cells) <= max(at_asn, at_volume):
            raise DataError(str(path), f"{excerpt(row)} has too few columns", line=line, hint=HINT)
        asn = number_of(cells[at_asn], str(path), line)
        found[asn] = found.get(asn, 0.0) + _volume(cells[at_volume], str(path), line)
    if not found:
        raise DataError(str(path), "holds no network", hint=HINT)
    if sum(found.values()) <= 0:
        raise DataError(str(path), "every volume is 0: nobody attacks", hint=HINT)
    return found


def _volume(text: str, file: str, line: int) -> float:
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_GBPS:
        raise DataError(file, f"{excerpt(text)} is not a volume in Gbit/s", line=line, hint=HINT)
    return value
