"""Sieve: takes the entries of a file of VRPs one by one, and keeps those that matter to some prefixes."""

from __future__ import annotations

import math
import socket
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

from anyplane.datasets.compressed import excerpt
from anyplane.model.nouns import ASN_MAX, Asn, Prefix
from anyplane.model.rpki import Vrp, VrpSet

ENDLESS = ("", "n/a", "-")
"""What stands in a column of ends where there is none: an exception of the operator's has no certificate."""


class Sieve:
    """Takes the entries of a file one by one and keeps those that matter."""

    def __init__(self, about: Sequence[Prefix]) -> None:
        wanted = {(p.version, p.prefixlen, int(p.network_address)) for p in about}
        self.wanted = {version: [(n, a) for v, n, a in wanted if v == version] for version in (4, 6)}
        self.total = 0
        self.kept: dict[tuple[Prefix, int, int], Vrp] = {}
        self.broken: list[str] = []
        self.duplicates = 0
        self.expiries = array("q")

    def take(
        self, prefix: object, max_length: object, asn: object, expires: int | None, anchor: object, where: str
    ) -> None:
        """One entry; a ValueError says what is wrong with it. where: what to call it."""
        self.total += 1
        if expires is not None:
            self.expiries.append(expires)
        number = _asn(asn)
        if type(prefix) is not str:
            raise ValueError(f"the prefix is {_shown(prefix)}, not a text")
        address, slash, tail = prefix.strip().rpartition("/")
        version = 6 if ":" in address else 4
        width = 128 if version == 6 else 32
        try:
            packed = socket.inet_pton(socket.AF_INET6 if version == 6 else socket.AF_INET, address)
            length = int(tail) if slash and tail.isascii() and tail.isdigit() else -1
        except OSError:
            length = -1
        if not 0 <= length <= width:
            raise ValueError(f"{excerpt(prefix)} is not a prefix")
        value = int.from_bytes(packed, "big")
        if value & ((1 << (width - length)) - 1):
            raise ValueError(f"{excerpt(prefix)} has bits set behind its length")
        longest = length if max_length is None else _whole(max_length)
        if longest is None:
            raise ValueError(f"the maximum length is {_shown(max_length)}, not a number")
        for other, base in self.wanted[version]:
            # Two prefixes overlap where they agree in as many bits as the shorter one has.
            if (value ^ base) >> (width - min(length, other)) == 0:
                break
        else:
            return
        network = ip_network((value, length) if version == 4 else (packed, length))
        if not length <= longest <= width:
            self.broken.append(f"{where}: AS{number} {network} with a maximum length of {longest}")
            return
        vrp = Vrp(
            prefix=network,
            max_length=longest,
            asn=Asn(number),
            expires=expires,
            trust_anchor=str(anchor or "").lower(),
        )
        key = (network, longest, number)
        if key in self.kept:
            self.duplicates += 1
            vrp = _longest_lived(self.kept[key], vrp)
        self.kept[key] = vrp

    def result(self, path: Path, form: str, generated: int | None) -> VrpSet:
        """The VrpSet of what was taken."""
        ordered = sorted(
            self.kept.values(),
            key=lambda v: (
                v.prefix.version,
                int(v.prefix.network_address),
                v.prefix.prefixlen,
                v.max_length,
                v.asn,
            ),
        )
        expiries = sorted(self.expiries)
        return VrpSet(
            source=str(path),
            form=form,
            total=self.total,
            vrps=tuple(ordered),
            generated=generated,
            half_expire_by=expiries[(len(expiries) - 1) // 2] if expiries else None,
            broken=tuple(self.broken),
            duplicates=self.duplicates,
        )


def _longest_lived(one: Vrp, other: Vrp) -> Vrp:
    """Several ROAs may give one VRP (RFC 8210 5.6); it lives as long as the last of them."""
    if one.expires is None or (other.expires is not None and other.expires <= one.expires):
        return one
    return other


def end_of(value: object) -> int | None:
    """When an entry expires, None where it does not say; a ValueError for what is no time.

    To take that for "never" would hide the one thing that the field is there for.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in ENDLESS):
        return None
    if type(value) is float and math.isfinite(value):
        value = int(value)
    at = time_of(value)
    if at is None and type(value) is not int:
        raise ValueError(f"it expires at {_shown(value)}, which is not a time")
    return at


def time_of(value: object) -> int | None:
    """Unix time of a number, of its digits, or of "2026-11-21T18:00:00Z"; None for anything else."""
    if type(value) is int:
        return value if abs(value) < 1 << 60 else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 13:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _asn(value: object) -> int:
    number = value
    if type(number) is str:
        digits = number.strip()
        digits = digits[2:] if digits[:2].upper() == "AS" else digits
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
    if type(number) is not int or not 0 <= number <= ASN_MAX:
        raise ValueError(f"{_shown(value)} is not an AS number (0 to {ASN_MAX})")
    return number


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 10:
        return int(value)
    return None


def _shown(value: object) -> str:
    return excerpt(value if isinstance(value, str) else repr(value))
