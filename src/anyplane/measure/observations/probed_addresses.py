"""MAnycastR and Verfploeter: the anycast prefix asks the Internet, and each answer arrives at a site.

Both write one row for each answer: the address that answered, and the worker (the site) that received it. The
network of an address is that of the longest announced prefix that covers it, or what the file says itself.
Answers are summed: one row for each network, prefix and site, its weight the number of addresses. An address
that answered to k sites counts 1/k at each; several answers of one address to one site count once.

No clock is shared between sites, so the difference of a sending and a receiving time is an RTT only where one
worker did both; a column `rtt` is believed.

The names of the columns are from memory of the two programs' descriptions; no file of theirs was at hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median

import numpy as np

from anyplane.datasets.compressed import read_text
from anyplane.datasets.prefix_origins import PrefixOrigins, prefix_text, top_of
from anyplane.measure.observations.delimited import Names, table
from anyplane.measure.observations.fields import asn_of, moment_of, number_of
from anyplane.measure.observations.naming import SiteNames
from anyplane.measure.observations.rows import Rows
from anyplane.model.errors import DataError, UsageError
from anyplane.model.observations import Announced, Method
from anyplane.model.reading import Reading, Tally


class Prober(StrEnum):
    """Which program wrote the file."""

    MANYCASTR = "manycastr"
    VERFPLOETER = "verfploeter"


COLUMNS: dict[Prober, Names] = {
    Prober.MANYCASTR: {
        "address": ("addr", "reply_src_addr", "src_addr", "src", "source_address"),
        "receiver": ("rx", "rx_hostname", "rx_host", "rx_worker_id", "rx_id", "receiver"),
        "sender": ("tx", "tx_hostname", "tx_host", "tx_worker_id", "tx_id", "sender"),
        "at": ("rx_time", "receive_time"),
        "sent": ("tx_time", "transmit_time"),
        "rtt": ("rtt", "rtt_ms"),
        "asn": ("asn",),
    },
    Prober.VERFPLOETER: {
        "address": ("source_address", "src_addr", "address", "ip"),
        "receiver": ("client_hostname", "client_id", "receiver", "site", "pop"),
        "sender": (),
        "at": ("receive_time", "timestamp"),
        "sent": (),
        "rtt": ("rtt", "rtt_ms"),
        "asn": ("source_address_asn", "asn"),
    },
}
_WORKER = re.compile(r"\bID:?\s*(\d+)\s*[,;]?\s*(?:hostname|name):?\s*([\w.-]+)", re.IGNORECASE)
_BLOCK = {4: 24, 6: 48}


@dataclass(slots=True)
class _Address:
    top: int
    family: int
    asn: int | None
    sites: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    line: int = 0


def read_probed(
    path: Path,
    prober: Prober,
    *,
    names: SiteNames,
    origins: PrefixOrigins | None = None,
    announced: Announced | None = None,
    method: Method = Method.PING,
) -> Reading:
    """The catchment in a CSV (or, of MAnycastR, Parquet) of one of the two.

    UsageError where the file does not name the networks and no `origins` are given.
    """
    tally = Tally()
    addresses: dict[tuple[int, int, str], _Address] = {}
    workers = _workers(path)
    sites: dict[str, str] = {}
    for line, row in _rows(path, prober):
        tally.rows += 1
        place = top_of(row["address"])
        receiver = workers.get(row["receiver"], row["receiver"])
        if receiver not in sites:
            sites[receiver] = names.site_of(receiver)
        site = sites[receiver]
        if place is None:
            tally.lose("not an address", line)
        elif not receiver:
            tally.lose("no receiver", line)
        else:
            if not site:
                tally.note(f"the receiver {receiver!r} fits no site", line)
            key = (*place, row["address"])
            seen = addresses.setdefault(key, _Address(*place, asn_of(row["asn"]), line=line))
            if site in seen.sites:
                tally.note("answer repeated by one address at one site: counted once", line)
            else:
                seen.sites[site] = _times(row)
    if origins is None and any(one.asn is None for one in addresses.values()):
        raise UsageError(
            f"{path} does not say whose the addresses are", hint="name a table of prefixes: --pfx2as FILE"
        )
    return _summed(list(addresses.values()), origins, tally, method).reading(
        tally, announced=announced, source=path.name
    )


def _summed(found: list[_Address], origins: PrefixOrigins | None, tally: Tally, method: Method) -> Rows:
    groups: dict[tuple[int, str, str], list[tuple[float, float | None, float | None]]] = defaultdict(list)
    for family in (4, 6):
        some = [one for one in found if one.family == family]
        asns = np.full(len(some), -1, np.int64)
        lengths = asns
        if origins is not None and some:
            asns, lengths = origins.find(np.array([one.top for one in some], np.uint64), family)
        for one, asn, length in zip(some, asns.tolist(), lengths.tolist(), strict=True):
            network = one.asn if one.asn is not None else asn
            if network < 0:
                tally.lose("address in no announced prefix", one.line, rows=len(one.sites))
                continue
            prefix = prefix_text(one.top, length if length >= 0 else _BLOCK[family], family)
            for site, (at, rtt) in one.sites.items():
                groups[network, prefix, site].append((1 / len(one.sites), at, rtt))
    rows = Rows()
    for (asn, prefix, site), answers in groups.items():
        times = [at for _, at, _ in answers if at is not None]
        rtts = [rtt for _, _, rtt in answers if rtt is not None]
        rows.add(
            asn,
            site,
            method,
            prefix=prefix,
            at=min(times, default=None),
            rtt_ms=median(rtts) if rtts else None,
            weight=sum(share for share, _, _ in answers),
        )
    return rows


def _times(row: dict[str, str]) -> tuple[float | None, float | None]:
    at, rtt = moment_of(row["at"]), number_of(row["rtt"])
    if rtt is None and row["sender"] and row["sender"] == row["receiver"]:
        sent = moment_of(row["sent"])
        rtt = (at - sent) * 1000 if at is not None and sent is not None else None
    return at, rtt if rtt is not None and rtt >= 0 else None


def _workers(path: Path) -> dict[str, str]:
    """Numbers of workers -> their names, where `#` lines before the header say so."""
    if _is_parquet(path):
        return {}
    names = {}
    for line in read_text(path).splitlines():
        if not line.startswith("#"):
            break
        names.update({match[1]: match[2] for match in _WORKER.finditer(line)})
    return names


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error.strerror}") from error


def _rows(path: Path, prober: Prober) -> Iterator[tuple[int, dict[str, str]]]:
    names = COLUMNS[prober]
    if not _is_parquet(path):
        yield from table(path, names, required=("address", "receiver"))
        return
    import duckdb

    try:
        cursor = duckdb.connect(":memory:").execute("SELECT * FROM read_parquet($1)", [str(path)])
        header = [str(column[0]).lower() for column in cursor.description or ()]
        place = {
            ours: next((header.index(n) for n in theirs if n in header), -1) for ours, theirs in names.items()
        }
        if place["address"] < 0 or place["receiver"] < 0:
            raise DataError(
                str(path), "has no column for the address or the receiver", hint=", ".join(header)
            )
        number = 0
        while batch := cursor.fetchmany(10_000):
            for row in batch:
                number += 1
                yield (
                    number,
                    {
                        ours: str(row[at]) if at >= 0 and row[at] is not None else ""
                        for ours, at in place.items()
                    },
                )
    except duckdb.Error as error:
        raise DataError(str(path), f"cannot be read: {str(error).splitlines()[0]}") from error
