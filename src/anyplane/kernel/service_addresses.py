"""ServiceAddresses: what the servers on this host listen on, kept on lo without a lifetime.

The checks ask the service at its own address also while the site is down, so this address does not come and
go with the lease. One trap: where the announced prefix is the address itself (a /32, or a host under
blackhole), one and the same kernel object would be leased and not. Such an address gets a *local route*
(`ip route add local ADDRESS dev lo`) instead: the kernel delivers it, servers that are bound to it (or to
the wildcard) answer, and no BGP daemon sees it. On IPv6 a server cannot bind to an address that only a route
makes local; there, while it is not leased, a stand-in is on lo: the same address with the length /127, which
is nobody's announcement.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from ipaddress import ip_network

from anyplane.kernel.addresses import (
    STAND_IN_LENGTH,
    LoAddress,
    lo_addresses,
    remove_lo_address,
    render_lo_address,
)
from anyplane.kernel.links import find_link
from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    OUR_PROTOCOL,
    Address,
    Refused,
    Request,
    render_attribute,
    render_u32,
)
from anyplane.kernel.netlink import Netlink
from anyplane.model.nouns import Prefix

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTA_DST, _RTA_OIF, _RTA_PRIORITY = 1, 4, 6
_TABLE_LOCAL = 255
_RTN_LOCAL = 2
_SCOPE_HOST = 254
_METRIC = 97
_RTMSG = struct.Struct("=BBBBBBBBI")
_ABSENT = (errno.EADDRNOTAVAIL, errno.ESRCH, errno.ENOENT)


class ServiceAddresses:
    """Service addresses on lo; those of ours carry OUR_PROTOCOL, so that a successor knows them too."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink
        self._added: set[Address] = set()
        self._routed: set[Address] = set()

    def ensure(self, addresses: Iterable[Address], *, anchors: frozenset[Prefix] = frozenset()) -> None:
        """Each address is delivered on this host; idempotent, and to be called before each `Lease.hold`.

        `anchors`: every prefix that is leased now or may be later (the announced ones, hosts under
        blackhole). An address that is one of them is left to the lease and gets a local route; as soon as it
        is none any more it is an address without a lifetime again.
        """
        index = find_link(self._netlink, "lo").index
        seen = {one.address: one for one in lo_addresses(self._netlink, index) if _serves(one)}
        requests = []
        for address in sorted(set(addresses), key=lambda one: (one.version, int(one))):
            length = address.max_prefixlen
            there = seen.get(address)
            if ip_network(address) in anchors:
                requests.append(_local_route(index, address, is_wanted=True))
                self._routed.add(address)
                is_full = there is not None and there.left_s is None and there.length == length
                if there is not None and is_full and self._is_ours(there):
                    requests.append(remove_lo_address(index, address, length))
                    there = None
                if there is None and address.version == 6:
                    requests.append(_stand_in(index, address))
                continue
            if there is not None and there.is_stand_in and self._is_ours(there):
                requests.append(remove_lo_address(index, address, there.length))
                there = None
            if there is None or (there.left_s is not None and there.length == length):
                requests.append(render_lo_address(index, address, length, lifetime=None, has_route=False))
                self._added.add(address)
            if address in self._routed:
                requests.append(_local_route(index, address, is_wanted=False))
                self._routed.discard(address)
        self._send(requests)

    def forget(self) -> None:
        """Remove what we added, also in an earlier life; what the operator put on lo stays."""
        index = find_link(self._netlink, "lo").index
        requests = [
            remove_lo_address(index, one.address, one.length)
            for one in lo_addresses(self._netlink, index)
            if one.left_s is None
            and (one.length == one.address.max_prefixlen or one.is_stand_in)
            and self._is_ours(one)
        ]
        requests += [_local_route(index, address, is_wanted=False) for address in self._routed]
        self._added.clear()
        self._routed.clear()
        self._send(requests)

    def _is_ours(self, one: LoAddress) -> bool:
        return one.is_ours or one.address in self._added

    def _send(self, requests: list[Request]) -> None:
        refused: list[Refused] = []
        for request, answer in zip(requests, self._netlink.send(requests), strict=True):
            is_removal = not request.flags & NLM_F_CREATE
            if answer is not None and not (is_removal and answer.errno in _ABSENT):
                refused.append(answer)
        if refused:
            raise refused[0]


def _serves(one: LoAddress) -> bool:
    """On IPv6 any length will do, since an address is there once; on IPv4 the /32 is a thing of its own."""
    return one.address.version == 6 or one.length == one.address.max_prefixlen


def _stand_in(index: int, address: Address) -> Request:
    return render_lo_address(index, address, STAND_IN_LENGTH, lifetime=None, has_route=False)


def _local_route(index: int, address: Address, *, is_wanted: bool) -> Request:
    """`ip route replace local ADDRESS dev lo proto 97 metric 97`, or its removal.

    The metric keeps it apart from the route that the kernel itself makes for an address.
    """
    family = 2 if address.version == 4 else 10
    scope = _SCOPE_HOST if address.version == 4 else 0
    body = _RTMSG.pack(family, address.max_prefixlen, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, scope, _RTN_LOCAL, 0)
    body += render_attribute(_RTA_DST, address.packed)
    body += render_u32(_RTA_OIF, index) + render_u32(_RTA_PRIORITY, _METRIC)
    return Request(
        kind=_RTM_NEWROUTE if is_wanted else _RTM_DELROUTE,
        flags=NLM_F_CREATE | NLM_F_REPLACE if is_wanted else 0,
        body=body,
        what=f"local route of {address}",
    )
