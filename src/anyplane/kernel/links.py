"""What rtnetlink says about an interface: its index, whether it is up, what the lease must know of lo."""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from anyplane.kernel.messages import (
    Request,
    parse_attributes,
    parse_fixed,
    parse_u32,
    render_attribute,
    render_u32,
)
from anyplane.kernel.netlink import Netlink

_RTM_SETLINK, _RTM_GETLINK = 19, 18
_IFLA_IFNAME, _IFLA_AF_SPEC = 3, 26
_IFLA_INET_CONF, _IFLA_INET6_CONF = 1, 2
_PROMOTE_SECONDARIES = 20  # IPV4_DEVCONF_PROMOTE_SECONDARIES, counted from 1
_DISABLE_IPV6 = 26  # DEVCONF_DISABLE_IPV6, counted from 0
_IFF_UP = 1
_AF_INET, _AF_INET6 = 2, 10
_IFINFO = struct.Struct("=BxHiII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface. `promotes`: its secondary IPv4 addresses outlive their primary."""

    index: int
    is_up: bool
    has_ipv6: bool
    promotes: bool


def link_request(name: str) -> Request:
    """The question that `parse_link` reads the answer of."""
    return Request(
        kind=_RTM_GETLINK,
        body=_IFINFO.pack(0, 0, 0, 0, 0) + render_attribute(_IFLA_IFNAME, name.encode() + b"\0"),
        what=f"interface {name}",
        hints={errno.ENODEV: "there is no interface of that name; see `ip link`"},
    )


def find_link(netlink: Netlink, name: str) -> Link:
    """The interface of that name in the socket's namespace; KernelError when there is none."""
    return parse_link(netlink.ask(link_request(name)).body)


def parse_link(body: bytes) -> Link:
    """An RTM_NEWLINK."""
    _family, _kind, index, flags, _change = parse_fixed(_IFINFO, body)
    families = parse_attributes(parse_attributes(body, _IFINFO.size).get(_IFLA_AF_SPEC, b""))
    inet = parse_attributes(families.get(_AF_INET, b"")).get(_IFLA_INET_CONF, b"")
    inet6 = parse_attributes(families.get(_AF_INET6, b"")).get(_IFLA_INET6_CONF)
    return Link(
        index=index,
        is_up=bool(flags & _IFF_UP),
        has_ipv6=inet6 is not None and not _setting(inet6, _DISABLE_IPV6),
        promotes=bool(_setting(inet, _PROMOTE_SECONDARIES - 1)),
    )


def promote_secondaries(netlink: Netlink, link: Link) -> None:
    """Let the secondary IPv4 addresses of the link outlive their primary (`promote_secondaries` = 1).

    Over netlink, so that it works where /proc/sys is read-only for the agent.
    """
    conf = render_attribute(_IFLA_INET_CONF, render_u32(_PROMOTE_SECONDARIES, 1))
    spec = render_attribute(_IFLA_AF_SPEC, render_attribute(_AF_INET, conf))
    body = _IFINFO.pack(0, 0, link.index, 0, 0) + spec
    netlink.request(Request(kind=_RTM_SETLINK, body=body, what="promote_secondaries"))


def _setting(array: bytes, index: int) -> int:
    piece = array[4 * index : 4 * index + 4]
    return parse_u32(piece) if len(piece) == 4 else 0
