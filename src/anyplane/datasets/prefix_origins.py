"""PrefixOrigins: which network announces an address, by longest prefix match over whole columns.

An address is its upper 64 bits, an IPv4 address those with 32 zero bits below: no routed IPv6 prefix is
longer than /64. For each length of prefix there is one sorted array; the longest are searched first.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anyplane.datasets.compressed import excerpt, read_text
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX

_HINT = "expected CAIDA's pfx2as: prefix, length and ASN on each line, such as 192.0.2.0 24 64500"
_LONGEST = 64

Table = Mapping[int, tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrefixOrigins:
    """Sorted networks and their origins, by family (4 or 6) and length of prefix."""

    by_length: Mapping[int, Table]
    several: int = 0
    """Prefixes with more than one origin: the one that was named first is taken."""

    @staticmethod
    def of(rows: Iterable[tuple[IPv4Network | IPv6Network, int]], *, several: int = 0) -> PrefixOrigins:
        """From (prefix, origin) pairs; of two origins of one prefix the first stays."""
        collected: dict[int, dict[int, dict[int, int]]] = {4: {}, 6: {}}
        for prefix, asn in rows:
            if prefix.prefixlen <= _LONGEST:
                top = (
                    int(prefix.network_address) << 32
                    if prefix.version == 4
                    else int(prefix.network_address) >> 64
                )
                collected[prefix.version].setdefault(prefix.prefixlen, {}).setdefault(top, asn)
        return PrefixOrigins(
            by_length={family: _sorted(lengths) for family, lengths in collected.items()}, several=several
        )

    def __len__(self) -> int:
        return sum(len(asns) for table in self.by_length.values() for _, asns in table.values())

    def find(
        self, tops: npt.NDArray[np.uint64], family: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(N,) origin and (N,) length of the longest prefix that covers each address; -1 where none does."""
        asn = np.full(len(tops), -1, np.int64)
        found = np.full(len(tops), -1, np.int64)
        for length, (networks, origins) in sorted(self.by_length[family].items(), reverse=True):
            left = np.flatnonzero(found < 0)
            masked = tops[left] & np.uint64(_mask(length))
            place = np.searchsorted(networks, masked)
            place[place == len(networks)] = 0
            hit = networks[place] == masked
            asn[left[hit]] = origins[place[hit]]
            found[left[hit]] = length
        return asn, found


def top_of(address: str) -> tuple[int, int] | None:
    """(upper 64 bits, family) of an address in dotted, colon or plain decimal form; None where it is none."""
    # Ten times as fast as ipaddress, and a census has millions of them.
    try:
        if ":" in address:
            return int.from_bytes(socket.inet_pton(socket.AF_INET6, address)[:8], "big"), 6
        if "." in address:
            return int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big") << 32, 4
        number = int(address) if address.isascii() and address.isdigit() else -1
    except (OSError, ValueError):
        return None
    if not 0 <= number < 1 << 128:
        return None
    return (number << 32, 4) if number < 1 << 32 else (number >> 64, 6)


def prefix_text(top: int, length: int, family: int) -> str:
    """The prefix of this length around an address."""
    masked = top & _mask(length)
    if family == 4:
        return f"{socket.inet_ntop(socket.AF_INET, (masked >> 32).to_bytes(4, 'big'))}/{length}"
    return f"{socket.inet_ntop(socket.AF_INET6, masked.to_bytes(8, 'big') + bytes(8))}/{length}"


def read_pfx2as(path: Path) -> PrefixOrigins:
    """CAIDA's prefix-to-AS files, IPv4 or IPv6, with `_` or `,` between several origins of one prefix."""
    rows: list[tuple[IPv4Network | IPv6Network, int]] = []
    several = 0
    for line, text in enumerate(read_text(path).splitlines(), 1):
        fields = text.split()
        if not fields or text.startswith("#"):
            continue
        try:
            address, length, origins = fields
            prefix = ip_network(f"{address}/{length}")
            asns = [int(asn) for asn in origins.replace("_", ",").split(",")]
        except ValueError:
            raise DataError(str(path), f"{excerpt(text)} is not a row", line=line, hint=_HINT) from None
        if not 0 <= asns[0] <= ASN_MAX:
            raise DataError(str(path), f"{asns[0]} is not an AS number", line=line, hint=_HINT)
        several += len(asns) > 1
        rows.append((prefix, asns[0]))
    if not rows:
        raise DataError(str(path), "holds no prefix", hint=_HINT)
    return PrefixOrigins.of(rows, several=several)


def _sorted(lengths: dict[int, dict[int, int]]) -> Table:
    table = {}
    for length, origins in lengths.items():
        networks = np.fromiter(origins.keys(), np.uint64, len(origins))
        order = np.argsort(networks)
        table[length] = (networks[order], np.fromiter(origins.values(), np.uint32, len(origins))[order])
    return table


def _mask(length: int) -> int:
    return ((1 << length) - 1) << (64 - length)
