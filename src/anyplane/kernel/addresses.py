"""Addresses on lo as netlink messages and back (include/uapi/linux/if_addr.h)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_network

from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    OUR_PROTOCOL,
    Address,
    Request,
    parse_address,
    parse_attributes,
    parse_fixed,
    parse_u32,
    render_attribute,
    render_u32,
)
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

RTM_NEWADDR, RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_PROTO = 1, 2, 6, 8, 11
_IFA_F_SECONDARY, _IFA_F_PERMANENT, _IFA_F_NOPREFIXROUTE = 0x01, 0x80, 0x200
_FOREVER = 0xFFFFFFFF
STAND_IN_LENGTH = 127
"""Of an IPv6 address that a service is bound to while the prefix, which is that address, is not leased."""
_SCOPE_HOST = 254
_AF = {4: 2, 6: 10}
_RTM_DELROUTE, _RTA_DST, _RTA_OIF = 25, 1, 4
_TABLE_MAIN, _RTPROT_KERNEL = 254, 2
_RTMSG = struct.Struct("=BBBBBBBBI")
_IFADDR = struct.Struct("=BBBBI")
_CACHEINFO = struct.Struct("=IIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoAddress:
    """One address on lo. `left_s` None: forever. `is_ours`: it carries our protocol number (Linux 5.18)."""

    address: Address
    length: int
    left_s: float | None = None
    is_secondary: bool = False
    is_ours: bool = False

    @property
    def network(self) -> Prefix:
        """The prefix that BIRD and FRR see through it."""
        return ip_network((self.address, self.length), strict=False)

    @property
    def is_anchor(self) -> bool:
        """Is it the prefix itself? Loopback addresses are nobody's announcement."""
        return self.network.network_address == self.address and not self.address.is_loopback

    @property
    def is_stand_in(self) -> bool:
        """Does it only keep a place (ServiceAddresses)?"""
        return self.address.version == 6 and self.length == STAND_IN_LENGTH and self.left_s is None


def lo_addresses(netlink: Netlink, index: int) -> list[LoAddress]:
    """All addresses on the interface with that index (lo), of both families."""
    body = _IFADDR.pack(0, 0, 0, 0, index)
    replies = netlink.dump(Request(kind=_RTM_GETADDR, body=body, what="addresses on lo"))
    return [
        found
        for reply in replies
        if reply.kind == RTM_NEWADDR and (found := parse_lo_address(reply.body, index)) is not None
    ]


def parse_lo_address(body: bytes, index: int) -> LoAddress | None:
    """An RTM_NEWADDR or RTM_DELADDR; None when it is about another interface or family."""
    family, length, flags, _scope, at = parse_fixed(_IFADDR, body)
    if at != index or family not in _AF.values():
        return None
    facts = parse_attributes(body, _IFADDR.size)
    raw = facts.get(_IFA_LOCAL) or facts.get(_IFA_ADDRESS)
    if raw is None:
        return None
    address = parse_address(raw)
    if length > address.max_prefixlen:
        raise KernelError(f"the kernel's answer over netlink makes no sense: {address}/{length}")
    if _IFA_FLAGS in facts:
        flags = parse_u32(facts[_IFA_FLAGS])
    left: float | None = None
    if _IFA_CACHEINFO in facts and not flags & _IFA_F_PERMANENT:
        valid = parse_fixed(_CACHEINFO, facts[_IFA_CACHEINFO])[1]
        left = None if valid == _FOREVER else float(valid)
    return LoAddress(
        address=address,
        length=length,
        left_s=left,
        # On IPv6 the same bit means a temporary address (RFC 8981).
        is_secondary=address.version == 4 and bool(flags & _IFA_F_SECONDARY),
        is_ours=facts.get(_IFA_PROTO) == bytes((OUR_PROTOCOL,)),
    )


def render_lo_address(
    index: int, address: Address, length: int, *, lifetime: int | None, has_route: bool = True
) -> Request:
    """Put an address on lo, or give the one that is there this lifetime in seconds (None: forever).

    `has_route`: the kernel adds the route of its prefix, as it does by default (IFA_F_NOPREFIXROUTE).
    """
    seconds = _FOREVER if lifetime is None else lifetime
    scope = _SCOPE_HOST if address.version == 4 and address.is_loopback else 0
    body = _IFADDR.pack(_AF[address.version], length, 0, scope, index)
    body += render_attribute(_IFA_LOCAL, address.packed) + render_attribute(_IFA_ADDRESS, address.packed)
    body += render_attribute(_IFA_CACHEINFO, _CACHEINFO.pack(seconds, seconds, 0, 0))
    body += render_attribute(_IFA_PROTO, bytes((OUR_PROTOCOL,)))
    if not has_route:
        body += render_u32(_IFA_FLAGS, _IFA_F_NOPREFIXROUTE)
    what = f"{address}/{length} on lo"
    return Request(kind=RTM_NEWADDR, flags=NLM_F_CREATE | NLM_F_REPLACE, body=body, what=what)


def remove_lo_address(index: int, address: Address, length: int) -> Request:
    """Take an address off lo."""
    body = _IFADDR.pack(_AF[address.version], length, 0, 0, index)
    body += render_attribute(_IFA_LOCAL, address.packed) + render_attribute(_IFA_ADDRESS, address.packed)
    return Request(kind=RTM_DELADDR, body=body, what=f"{address}/{length} off lo")


def remove_prefix_route(index: int, prefix: Prefix) -> Request:
    """Take the route that came with an address, and that leads to lo, away."""
    body = _RTMSG.pack(_AF[prefix.version], prefix.prefixlen, 0, 0, _TABLE_MAIN, _RTPROT_KERNEL, 0, 0, 0)
    body += render_attribute(_RTA_DST, prefix.network_address.packed) + render_u32(_RTA_OIF, index)
    return Request(kind=_RTM_DELROUTE, body=body, what=f"route of {prefix} on lo")
