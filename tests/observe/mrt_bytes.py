"""Records of MRT, made by hand from RFC 6396, so that the reader is not tested against itself."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

AT = 1_700_000_000


def record(kind: int, subtype: int, body: bytes, at: int = AT) -> bytes:
    return struct.pack(">IHHI", at, kind, subtype, len(body)) + body


def attribute(kind: int, value: bytes, flags: int = 0x40) -> bytes:
    if len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack(">BBB", flags, kind, len(value)) + value


def segment(kind: int, asns: tuple[int, ...], size: int = 4) -> bytes:
    return bytes([kind, len(asns)]) + b"".join(asn.to_bytes(size, "big") for asn in asns)


def as_path(*asns: int, size: int = 4) -> bytes:
    return attribute(2, segment(2, asns, size) if asns else b"")


def communities(*pairs: tuple[int, int]) -> bytes:
    return attribute(8, b"".join(struct.pack(">HH", *pair) for pair in pairs), 0xC0)


def nlri(prefix: str, path_id: int | None = None) -> bytes:
    network = ip_network(prefix)
    identifier = b"" if path_id is None else struct.pack(">I", path_id)
    packed = network.network_address.packed[: (network.prefixlen + 7) // 8]
    return identifier + bytes([network.prefixlen]) + packed


def peer_index(*peers: tuple[int, str]) -> bytes:
    """PEER_INDEX_TABLE; the ASNs are of 4 bytes."""
    body = ip_address("192.0.2.254").packed + struct.pack(">H", 2) + b"vw" + struct.pack(">H", len(peers))
    for asn, address in peers:
        packed = ip_address(address).packed
        body += bytes([2 | (len(packed) == 16)]) + bytes(4) + packed + struct.pack(">I", asn)
    return record(13, 1, body)


def rib(prefix: str, *routes: tuple[int, bytes], path_id: int | None = None, at: int = AT) -> bytes:
    """RIB_IPV4_UNICAST or RIB_IPV6_UNICAST, or their ADDPATH kin (RFC 8050)."""
    subtype = (2 if ip_network(prefix).version == 4 else 4) + (0 if path_id is None else 6)
    body = struct.pack(">I", 0) + nlri(prefix) + struct.pack(">H", len(routes))
    for index, attributes in routes:
        identifier = b"" if path_id is None else struct.pack(">I", path_id)
        body += (
            struct.pack(">HI", index, AT - 86_400)
            + identifier
            + struct.pack(">H", len(attributes))
            + attributes
        )
    return record(13, subtype, body, at)


def table_dump(prefix: str, peer: str, asn: int, attributes: bytes) -> bytes:
    """The older table: one route in each record, ASNs of 2 bytes."""
    network = ip_network(prefix)
    body = bytes(4) + network.network_address.packed + bytes([network.prefixlen, 1]) + struct.pack(">I", AT)
    body += ip_address(peer).packed + struct.pack(">HH", asn, len(attributes)) + attributes
    return record(12, 1 if network.version == 4 else 2, body)


def update(
    asn: int,
    peer: str,
    *,
    announce: bytes = b"",
    withdraw: bytes = b"",
    attributes: bytes = b"",
    size: int = 4,
    subtype: int | None = None,
    microseconds: int | None = None,
    at: int = AT,
) -> bytes:
    """A BGP UPDATE as a collector heard it."""
    packed = ip_address(peer).packed
    body = asn.to_bytes(size, "big") + (65000).to_bytes(size, "big")
    body += struct.pack(">HH", 0, 1 if len(packed) == 4 else 2) + packed + packed
    message = (
        struct.pack(">H", len(withdraw))
        + withdraw
        + struct.pack(">H", len(attributes))
        + attributes
        + announce
    )
    body += b"\xff" * 16 + struct.pack(">HB", 19 + len(message), 2) + message
    chosen = subtype if subtype is not None else (4 if size == 4 else 1)
    if microseconds is not None:
        return record(17, chosen, struct.pack(">I", microseconds) + body, at)
    return record(16, chosen, body, at)


def reach(prefix: str, path_id: int | None = None) -> bytes:
    """MP_REACH_NLRI of an IPv6 prefix."""
    next_hop = ip_address("2001:db8::1").packed
    return attribute(14, struct.pack(">HBB", 2, 1, 16) + next_hop + b"\0" + nlri(prefix, path_id), 0x80)


def unreach(prefix: str) -> bytes:
    return attribute(15, struct.pack(">HB", 2, 1) + nlri(prefix), 0x80)
