"""Route notifications of the kernel as values (rtnetlink(7): RTM_NEWROUTE, RTM_DELROUTE)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

from anyplane.kernel.messages import (
    NLM_F_REPLACE,
    Message,
    parse_address,
    parse_attributes,
    parse_fixed,
    parse_messages,
    parse_u32,
)

_NEWROUTE, _DELROUTE = 24, 25
_RTMSG = struct.Struct("=8BI")
_HOP = struct.Struct("=HBBi")  # struct rtnexthop
_DST, _OIF, _GATEWAY, _MULTIPATH, _TABLE, _VIA, _NH_ID = 1, 4, 5, 9, 15, 18, 30
_MAIN = 254
_CLONED = 0x200  # RTM_F_CLONED: a cache entry, no route
_UNICAST = 1
_WHATS = {6: "blackhole", 7: "unreachable", 8: "prohibit"}


class Change(StrEnum):
    """What happened to a route."""

    ADDED = "added"
    REPLACED = "replaced"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """One change of the main table. next_hops: addresses, `nexthop-7` (an object), `blackhole`."""

    change: Change
    prefix: str
    devices: tuple[int, ...]
    next_hops: tuple[str, ...]


def route_change(data: bytes) -> tuple[RouteChange, ...]:
    """The changes that one datagram of notifications tells; KernelError where it is no netlink."""
    return tuple(
        change
        for message in parse_messages(data)
        if message.kind in (_NEWROUTE, _DELROUTE)
        for change in _changes(message)
    )


def _changes(message: Message) -> Iterator[RouteChange]:
    family, length, _, _, table, _, _, kind, flags = parse_fixed(_RTMSG, message.body)
    said = parse_attributes(message.body, _RTMSG.size)
    if _TABLE in said:
        table = parse_u32(said[_TABLE])
    if table != _MAIN or flags & _CLONED or family not in (socket.AF_INET, socket.AF_INET6):
        return
    if kind != _UNICAST and kind not in _WHATS:
        return
    size = 4 if family == socket.AF_INET else 16
    address = parse_address(said.get(_DST, bytes(size)))
    hops = list(_hops(said))
    if _MULTIPATH in said:
        hops += _paths(said[_MULTIPATH])
    if _NH_ID in said:
        hops = [(device, f"nexthop-{parse_u32(said[_NH_ID])}") for device, _ in hops[:1]]
    if kind in _WHATS:
        hops = [(0, _WHATS[kind])]
    if message.kind == _DELROUTE:
        change = Change.REMOVED
    else:
        change = Change.REPLACED if message.flags & NLM_F_REPLACE else Change.ADDED
    yield RouteChange(
        change=change,
        prefix=str(ip_network((int(address).to_bytes(size, "big"), length), strict=False)),
        devices=tuple(device for device, _ in hops if device),
        next_hops=tuple(hop for _, hop in hops if hop),
    )


def _hops(said: dict[int, bytes]) -> Iterator[tuple[int, str]]:
    device = parse_u32(said[_OIF]) if _OIF in said else 0
    hop = str(parse_address(said[_GATEWAY])) if _GATEWAY in said else ""
    if not hop and len(said.get(_VIA, b"")) > 2:
        hop = str(parse_address(said[_VIA][2:]))  # RFC 8950: an IPv4 route with an IPv6 next hop
    if device or hop or _NH_ID in said:
        yield device, hop


def _paths(data: bytes) -> Iterator[tuple[int, str]]:
    offset = 0
    while offset < len(data):
        size, _, _, device = parse_fixed(_HOP, data, offset)
        if size < _HOP.size:
            return
        said = parse_attributes(data[offset + _HOP.size : offset + size])
        for _, hop in _hops({**said, _OIF: struct.pack("=I", device)}):
            yield device, hop
        offset += size + (-size % 4)
