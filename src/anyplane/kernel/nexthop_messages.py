"""Nexthops, their groups and the routes to them as netlink messages and back (include/uapi/linux/nexthop.h).

Everything of ours carries OUR_PROTOCOL and ids from a private range.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    OUR_PROTOCOL,
    Address,
    Message,
    Request,
    parse_address,
    parse_attributes,
    parse_fixed,
    parse_u32,
    render_attribute,
    render_u32,
)
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

IDS = range(0x41590000, 0x415A0000)
"""Nexthop ids of ours. FRR and others count from 1 (or from 2^28); an id taken by others is passed over."""

_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_GETROUTE = 24, 25, 26
_RTM_NEWNEXTHOP, _RTM_DELNEXTHOP, _RTM_GETNEXTHOP = 104, 105, 106
_NHA_ID, _NHA_GROUP, _NHA_GROUP_TYPE, _NHA_OIF, _NHA_GATEWAY, _NHA_RES_GROUP = 1, 2, 3, 5, 6, 12
_BUCKETS, _IDLE_TIMER, _UNBALANCED_TIMER = 1, 2, 3
_RESILIENT = 1
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_NH_ID = 1, 4, 5, 6, 30
_TABLE_LOCAL = 255
_RTN_UNICAST = 1
_METRIC = 97
_CLOCK = 100  # USER_HZ: the unit of the group's timers
_AF = {4: 2, 6: 10}
_NHMSG = struct.Struct("=BBBBI")
_RTMSG = struct.Struct("=BBBBBBBBI")
_MEMBER = struct.Struct("=IBBH")
_U16 = struct.Struct("=H")
_TOO_OLD = "resilient nexthop groups need Linux 5.13 or later"
_HINTS = {
    errno.EOPNOTSUPP: _TOO_OLD,
    errno.EINVAL: f"{_TOO_OLD}; is the backend on a directly connected subnet?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nexthop:
    """One nexthop as the kernel has it: a neighbour behind interface `oif`, or a group of (id, weight)."""

    id: int
    is_ours: bool
    gateway: Address | None
    oif: int
    members: tuple[tuple[int, int], ...] = ()
    buckets: int = 0


def nexthops_request() -> Request:
    """The question that `parse_nexthops` reads the answers of: all nexthops and groups, whoever made them."""
    return Request(kind=_RTM_GETNEXTHOP, body=_NHMSG.pack(0, 0, 0, 0, 0), what="nexthops", hints=_HINTS)


def parse_nexthops(replies: Iterable[Message]) -> dict[int, Nexthop]:
    """Nexthops by id."""
    found = (parse_nexthop(reply.body) for reply in replies if reply.kind == _RTM_NEWNEXTHOP)
    return {one.id: one for one in found}


def parse_nexthop(body: bytes) -> Nexthop:
    """An RTM_NEWNEXTHOP."""
    _family, _scope, protocol, _rest, _flags = parse_fixed(_NHMSG, body)
    facts = parse_attributes(body, _NHMSG.size)
    if _NHA_ID not in facts:
        raise KernelError("the kernel's answer over netlink makes no sense: a nexthop without id")
    number = parse_u32(facts[_NHA_ID])
    packed = facts.get(_NHA_GROUP, b"")
    members = []
    for offset in range(0, len(packed), _MEMBER.size):
        member, weight, _high, _rest = parse_fixed(_MEMBER, packed, offset)
        members.append((member, weight + 1))
    resilient = parse_attributes(facts.get(_NHA_RES_GROUP, b""))
    buckets = parse_fixed(_U16, resilient[_BUCKETS])[0] if _BUCKETS in resilient else 0
    return Nexthop(
        id=number,
        is_ours=protocol == OUR_PROTOCOL and number in IDS,
        gateway=parse_address(facts[_NHA_GATEWAY]) if _NHA_GATEWAY in facts else None,
        oif=parse_u32(facts[_NHA_OIF]) if _NHA_OIF in facts else 0,
        members=tuple(sorted(members)),
        buckets=buckets,
    )


def render_nexthop(number: int, address: Address, oif: int) -> Request:
    """Put a neighbour there."""
    body = _NHMSG.pack(_AF[address.version], 0, OUR_PROTOCOL, 0, 0) + render_u32(_NHA_ID, number)
    body += render_attribute(_NHA_GATEWAY, address.packed) + render_u32(_NHA_OIF, oif)
    flags = NLM_F_CREATE | NLM_F_REPLACE
    return Request(kind=_RTM_NEWNEXTHOP, flags=flags, body=body, what=f"nexthop {address}", hints=_HINTS)


def render_group(
    number: int,
    prefix: Prefix,
    members: Iterable[tuple[int, int]],
    *,
    buckets: int | None,
    idle_s: float,
    unbalanced_s: float,
) -> Request:
    """Put a resilient group there. buckets None: it is there already, and keeps its own."""
    body = _NHMSG.pack(0, 0, OUR_PROTOCOL, 0, 0) + render_u32(_NHA_ID, number)
    packed = b"".join(_MEMBER.pack(member, weight - 1, 0, 0) for member, weight in members)
    body += render_attribute(_NHA_GROUP, packed)
    body += render_attribute(_NHA_GROUP_TYPE, _U16.pack(_RESILIENT))
    resilient = b"" if buckets is None else render_attribute(_BUCKETS, _U16.pack(buckets))
    resilient += render_u32(_IDLE_TIMER, round(idle_s * _CLOCK))
    resilient += render_u32(_UNBALANCED_TIMER, round(unbalanced_s * _CLOCK))
    body += render_attribute(_NHA_RES_GROUP | 0x8000, resilient)  # NLA_F_NESTED
    flags = NLM_F_REPLACE if buckets is None else NLM_F_CREATE
    what = f"nexthop group of {prefix}"
    return Request(kind=_RTM_NEWNEXTHOP, flags=flags, body=body, what=what, hints=_HINTS)


def render_nexthop_removal(number: int) -> Request:
    """Take a nexthop or a group away."""
    body = _NHMSG.pack(0, 0, 0, 0, 0) + render_u32(_NHA_ID, number)
    return Request(kind=_RTM_DELNEXTHOP, body=body, what=f"nexthop {number}")


def routes_requests() -> list[Request]:
    """One for each family, whose answers `parse_route` reads; a full table elsewhere is not walked."""
    return [
        Request(
            kind=_RTM_GETROUTE,
            body=_RTMSG.pack(family, 0, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, 0, _RTN_UNICAST, 0),
            what="routes",
        )
        for family in _AF.values()
    ]


def parse_route(reply: Message) -> tuple[Prefix, int] | None:
    """An RTM_NEWROUTE: prefix and group; None where it is not ours, or leads to no group."""
    if reply.kind != _RTM_NEWROUTE:
        return None
    _family, length, _src, _tos, table, protocol, *_ = parse_fixed(_RTMSG, reply.body)
    facts = parse_attributes(reply.body, _RTMSG.size)
    if table != _TABLE_LOCAL or protocol != OUR_PROTOCOL or not {_RTA_DST, _RTA_NH_ID} <= facts.keys():
        return None
    prefix = ip_network((parse_address(facts[_RTA_DST]), length), strict=False)
    return prefix, parse_u32(facts[_RTA_NH_ID])


def render_route(prefix: Prefix, number: int) -> Request:
    """Put a route to the group there."""
    flags = NLM_F_CREATE | NLM_F_REPLACE
    return Request(
        kind=_RTM_NEWROUTE, flags=flags, body=_route_body(prefix, number), what=f"route of {prefix}"
    )


def render_route_removal(prefix: Prefix, number: int) -> Request:
    """Take the route to the group away."""
    return Request(kind=_RTM_DELROUTE, body=_route_body(prefix, number), what=f"route of {prefix}")


def _route_body(prefix: Prefix, number: int) -> bytes:
    header = (_AF[prefix.version], prefix.prefixlen, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, 0, _RTN_UNICAST, 0)
    body = _RTMSG.pack(*header) + render_attribute(_RTA_DST, prefix.network_address.packed)
    return body + render_u32(_RTA_PRIORITY, _METRIC) + render_u32(_RTA_NH_ID, number)


def way_request(address: Address) -> Request:
    """The question that `parse_way` reads the answer of: where packets to that address go."""
    body = _RTMSG.pack(_AF[address.version], address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    body += render_attribute(_RTA_DST, address.packed)
    return Request(kind=_RTM_GETROUTE, body=body, what=f"way to backend {address}")


def parse_way(reply: Message) -> int | None:
    """The interface behind which the address is; None where it is not directly connected."""
    facts = parse_attributes(reply.body, _RTMSG.size)
    kind = parse_fixed(_RTMSG, reply.body)[7]
    if _RTA_GATEWAY in facts or _RTA_OIF not in facts or kind != _RTN_UNICAST:
        return None
    return parse_u32(facts[_RTA_OIF])
