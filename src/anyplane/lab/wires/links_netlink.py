"""The netlink requests that wire a lab: veth pairs, bridges, addresses, neighbours, routes. Values only.

Every device is made with the index that we choose, so that nobody has to ask for it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface

from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Address,
    Request,
    render_attribute,
    render_u32,
)
from anyplane.model.nouns import Prefix

LO = 1
"""The index of lo in every namespace."""
_RTM_NEWLINK, _RTM_DELLINK, _RTM_NEWADDR, _RTM_NEWROUTE, _RTM_NEWNEIGH = 16, 17, 20, 24, 28
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_IFLA_NUM_TX_QUEUES, _IFLA_NUM_RX_QUEUES = 31, 32
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_MCAST_SNOOPING = 1, 23
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_NODAD = 0x02
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_PERMANENT = 0x80
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 4, 5, 6
_TABLE_MAIN, _RTPROT_STATIC, _RTN_UNICAST = 254, 4, 1
_IFF_UP = 1
_AF = {4: 2, 6: 10}
_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBI")
_NDMSG = struct.Struct("=BxxxiHBB")
_RTMSG = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One end of a veth pair. namespace: the descriptor of the namespace where it is made."""

    name: str
    index: int
    namespace: int
    mac: str = ""
    bridge: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route through a neighbour."""

    prefix: Prefix
    gateway: Address
    index: int
    metric: int = 0


def veth(one: Half, other: Half) -> Request:
    """Both ends, each in its namespace; `one` is up, `other` cannot be yet (it would have no peer)."""
    peer = _IFINFO.pack(0, 0, other.index, 0, 0) + _half(other)
    return _new_link(one, "veth", render_attribute(_VETH_INFO_PEER, peer))


def bridge(half: Half) -> Request:
    """A switch that forwards at once and floods what it does not know."""
    return _new_link(half, "bridge", render_u32(_IFLA_BR_FORWARD_DELAY, 0) + _u8(_IFLA_BR_MCAST_SNOOPING, 0))


def set_up(index: int, *, is_up: bool, name: str = "") -> Request:
    """The device is up, or down; a veth's other end sees its carrier come and go."""
    body = _IFINFO.pack(0, 0, index, _IFF_UP if is_up else 0, _IFF_UP)
    return Request(kind=_RTM_NEWLINK, body=body, what=f"{name or index} {'up' if is_up else 'down'}")


def remove(index: int, name: str) -> Request:
    """The device is gone, and with a veth its other end."""
    return Request(kind=_RTM_DELLINK, body=_IFINFO.pack(0, 0, index, 0, 0), what=f"removal of {name}")


def address(index: int, interface: IPv4Interface | IPv6Interface) -> Request:
    """An address, usable at once."""
    packed, is_v6 = interface.ip.packed, interface.version == 6
    length = interface.network.prefixlen
    body = _IFADDR.pack(_AF[interface.version], length, _IFA_F_NODAD if is_v6 else 0, 0, index)
    body += render_attribute(_IFA_LOCAL, packed) + render_attribute(_IFA_ADDRESS, packed)
    if is_v6:
        body += render_u32(_IFA_FLAGS, _IFA_F_NODAD)
    return Request(
        kind=_RTM_NEWADDR, flags=NLM_F_CREATE | NLM_F_REPLACE, body=body, what=f"address of interface {index}"
    )


def neighbour(index: int, at: Address, mac: str) -> Request:
    """Who has that address, for ever. A permanent entry is not counted against the kernel's 1,024."""
    body = _NDMSG.pack(_AF[at.version], index, _NUD_PERMANENT, 0, 0)
    body += render_attribute(_NDA_DST, at.packed) + render_attribute(_NDA_LLADDR, _mac(mac))
    return Request(kind=_RTM_NEWNEIGH, flags=NLM_F_CREATE | NLM_F_REPLACE, body=body, what=f"neighbour {mac}")


def route(wanted: Route) -> Request:
    """The route, `proto static`."""
    prefix = wanted.prefix
    body = _RTMSG.pack(
        _AF[prefix.version], prefix.prefixlen, 0, 0, _TABLE_MAIN, _RTPROT_STATIC, 0, _RTN_UNICAST, 0
    )
    if prefix.prefixlen:
        body += render_attribute(_RTA_DST, prefix.network_address.packed)
    body += render_attribute(_RTA_GATEWAY, wanted.gateway.packed) + render_u32(_RTA_OIF, wanted.index)
    if wanted.metric:
        body += render_u32(_RTA_PRIORITY, wanted.metric)
    return Request(
        kind=_RTM_NEWROUTE, flags=NLM_F_CREATE | NLM_F_REPLACE, body=body, what=f"route of {prefix}"
    )


def link_local(mac: str) -> IPv6Address:
    """The address that the kernel gives a device with that hardware address (RFC 4291, appendix A)."""
    first, *rest = _mac(mac)
    interface = bytes((first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]))
    return IPv6Address(b"\xfe\x80" + bytes(6) + interface)


def _new_link(half: Half, kind: str, data: bytes) -> Request:
    info = render_attribute(_IFLA_INFO_KIND, kind.encode()) + render_attribute(_IFLA_INFO_DATA, data)
    body = _IFINFO.pack(0, 0, half.index, _IFF_UP, _IFF_UP) + _half(half)
    body += render_attribute(_IFLA_LINKINFO, info)
    return Request(kind=_RTM_NEWLINK, flags=NLM_F_CREATE | NLM_F_EXCL, body=body, what=f"{kind} {half.name}")


def _half(half: Half) -> bytes:
    body = render_attribute(_IFLA_IFNAME, half.name.encode() + b"\0")
    body += render_u32(_IFLA_NET_NS_FD, half.namespace)
    # One queue for each core of the machine, the default, is memory and time for nothing.
    body += render_u32(_IFLA_NUM_TX_QUEUES, 1) + render_u32(_IFLA_NUM_RX_QUEUES, 1)
    if half.mac:
        body += render_attribute(_IFLA_ADDRESS, _mac(half.mac))
    if half.bridge:
        body += render_u32(_IFLA_MASTER, half.bridge)
    return body


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _u8(kind: int, value: int) -> bytes:
    return render_attribute(kind, bytes((value,)))
