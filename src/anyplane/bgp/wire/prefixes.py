"""Prefixes on the wire: a length in bits, then as many bytes as the length needs (RFC 4271 section 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from anyplane.bgp.wire.fault import UPDATE, WireError
from anyplane.model.nouns import Prefix


def parse_prefixes(data: bytes, *, version: int) -> tuple[Prefix, ...]:
    """The prefixes in `data`, host bits cleared; WireError 3/10 where a length cannot be (RFC 7606 5.3)."""
    limit = 32 if version == 4 else 128
    found: list[Prefix] = []
    here = 0
    while here < len(data):
        bits = data[here]
        size = (bits + 7) // 8
        if bits > limit:
            raise _invalid(f"a prefix of IPv{version} is {bits} bits long", data[here:])
        if here + 1 + size > len(data):
            raise _invalid(f"a prefix of {bits} bits ends after {len(data) - here - 1} bytes", data[here:])
        number = int.from_bytes(data[here + 1 : here + 1 + size].ljust(limit // 8, b"\0"), "big")
        # "the value of trailing bits is irrelevant" (RFC 4271 section 4.3)
        number &= ~((1 << (limit - bits)) - 1)
        found.append(IPv4Network((number, bits)) if version == 4 else IPv6Network((number, bits)))
        here += 1 + size
    return tuple(found)


def render_prefixes(prefixes: Iterable[Prefix]) -> bytes:
    """The same as bytes."""
    return b"".join(
        bytes((one.prefixlen,)) + one.network_address.packed[: (one.prefixlen + 7) // 8] for one in prefixes
    )


def _invalid(message: str, data: bytes) -> WireError:
    return WireError(UPDATE, 10, message, rfc="RFC 7606 section 5.3", data=data[:64])
