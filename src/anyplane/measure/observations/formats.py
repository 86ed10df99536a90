"""format_of: what kind of observations a file holds, told by its content (PEERING's: by its name)."""

from __future__ import annotations

import struct
from enum import StrEnum
from pathlib import Path

from anyplane.datasets.compressed import excerpt, opened
from anyplane.measure.observations import atlas_dns, delimited, peering, probed_addresses
from anyplane.measure.observations.probed_addresses import Prober
from anyplane.model.errors import DataError

_BEGINNING = 16_384
_MRT_TYPES = {12, 13, 16, 17}
_MRT_MOST = 1 << 20


class Format(StrEnum):
    """What `anyplane measure import` reads; auto: it looks."""

    AUTO = "auto"
    PEERING = "peering"
    ATLAS_DNS = "atlas-dns"
    MRT = "mrt"
    MANYCASTR = "manycastr"
    VERFPLOETER = "verfploeter"
    CSV = "csv"


def format_of(path: Path) -> Format:
    """The format of this file or directory; DataError where it is none of ours."""
    formats = ", ".join(str(one) for one in Format if one is not Format.AUTO)
    if path.is_dir():
        if peering.is_experiment(path) or peering.experiments(path):
            return Format.PEERING
        raise DataError(str(path), "is a directory without experiments of the PEERING layout")
    if peering.kind_of(path) is not None:
        return Format.PEERING
    with opened(path) as file:
        begin = file.read(_BEGINNING)
    if begin.startswith(b"PAR1"):
        return Format.MANYCASTR
    if len(begin) >= 12:
        _, kind, subtype, length = struct.unpack(">IHHI", begin[:12])
        if kind in _MRT_TYPES and subtype <= 12 and length <= _MRT_MOST:
            return Format.MRT
    if begin.lstrip()[:1] in (b"[", b"{"):
        return Format.ATLAS_DNS
    header = _header(begin.decode("utf-8", "replace"))
    for format_, columns, needed in (
        (Format.CSV, delimited.PLAIN, ("asn", "site")),
        (Format.ATLAS_DNS, atlas_dns.COLUMNS, ("probe", "name")),
        (Format.VERFPLOETER, probed_addresses.COLUMNS[Prober.VERFPLOETER], ("address", "receiver")),
        (Format.MANYCASTR, probed_addresses.COLUMNS[Prober.MANYCASTR], ("address", "receiver")),
    ):
        if all(set(columns[name]) & header for name in needed):
            return format_
    shown = excerpt(begin[:60]) if begin else "nothing"
    raise DataError(
        str(path), f"begins with {shown}: no format known here", hint=f"say which it is: --format {formats}"
    )


def _header(text: str) -> set[str]:
    line = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
    delimiter = max(",;\t", key=line.count)
    return {name.strip().strip('"').lower() for name in line.split(delimiter)}
