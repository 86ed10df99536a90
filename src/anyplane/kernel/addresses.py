"""Lease: prefixes that hang on addresses of lo which the kernel removes unless they are renewed.

An *anchor* is an address on lo that is the prefix itself: 198.51.100.0/24 for that prefix. BIRD's `protocol
direct` and FRR's connected routes follow it. Each `hold` gives it a lifetime in whole seconds (the kernel
counts no finer; rounded up, at least 1), counted anew from that moment. When nobody calls `hold` any more,
because the agent was killed, stopped or hangs, the kernel removes the anchor and the daemon withdraws.

Nothing here decides: who calls `hold` has just judged the checks. docs/explanation/lease.md has the figures.
"""

from __future__ import annotations

import errno
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_interface, ip_network

from anyplane.kernel.links import Link, find_link, promote_secondaries
from anyplane.kernel.messages import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    OUR_PROTOCOL,
    Address,
    Refused,
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
_LONGEST = 0x7FFFFFFF // 1000  # what the kernel's clock ticks hold
_SCOPE_HOST = 254
_AF = {4: 2, 6: 10}
_GONE = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT, errno.ESRCH)
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


class HazardKind(StrEnum):
    """What can keep a lease from doing its work."""

    STATIC = "static"
    RIVAL = "rival"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A prefix whose lease does not, or did not, work; `text` says why and what to do."""

    prefix: Prefix
    kind: HazardKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What became of one `hold`. `refused`: anchors that are not there, and the kernel's reason.

    `hazards` are found when a prefix is held first, not at every renewal; `Lease.hazards` asks again.
    """

    refused: Mapping[Prefix, KernelError] = field(default_factory=dict)
    hazards: tuple[Hazard, ...] = ()


class Lease:
    """The anchors on lo. One netlink socket, used by one task.

    Lifetimes belong to the kernel's monotonic clock: no step of the wall clock touches them.
    """

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink
        self._known: frozenset[Prefix] = frozenset()

    def hold(
        self,
        prefixes: frozenset[Prefix],
        *,
        lifetime_s: float,
        forwarded: frozenset[Prefix] = frozenset(),
    ) -> Holding:
        """Each anchor is present, to vanish `lifetime_s` from now; those not named run out by themselves.

        An anchor that was there without a lifetime is taken over and reported (STATIC): until now no silence
        could withdraw it. With an anchor the kernel takes in its whole prefix (IPv4: delivered here; IPv6:
        unreachable), so that packets to unused addresses do not loop between us and the upstream; those in
        `forwarded` are spared that, so that a route of the whole prefix to backends can be. KernelError when
        lo is down or we may not: then no anchor may be counted on.
        """
        fresh = prefixes - self._known
        refused: dict[Prefix, KernelError] = {}
        hazards: tuple[Hazard, ...] = ()
        link = self.check_lo()
        if fresh:
            if not link.promotes:
                self._promote(link)
            seen = lo_addresses(self._netlink, link.index)
            refused = {one: error for one in fresh if (error := _collision(one, seen, prefixes))}
            hazards = _hazards(fresh - refused.keys(), seen)
        wanted = sorted(prefixes - refused.keys(), key=_order)
        lifetime = max(1, min(_LONGEST, math.ceil(lifetime_s - 1e-6)))
        requests = [
            render_lo_address(
                link.index,
                one.network_address,
                one.prefixlen,
                lifetime=lifetime,
                has_route=_has_sink(one, forwarded),
            )
            for one in wanted
        ]
        # A stand-in keeps the address, which is on lo once whatever its length, from being leased.
        standing = [one.network_address for one in wanted if one.version == 6 and one.prefixlen == 128]
        self._netlink.send([remove_lo_address(link.index, one, STAND_IN_LENGTH) for one in standing])
        answers = self._netlink.send(requests)
        refused.update({one: no for one, no in zip(wanted, answers, strict=True) if no is not None})
        self._known = prefixes - refused.keys()
        unprivileged = [no for no in answers if no is not None and no.errno == errno.EPERM]
        if unprivileged:
            raise unprivileged[0]
        return Holding(refused=refused, hazards=hazards)

    def release(self, prefixes: Iterable[Prefix]) -> None:
        """No such anchor is there any more; absent ones are fine. KernelError names the first that stays."""
        gone = frozenset(prefixes)
        self._known -= gone
        if not gone:
            return
        index = find_link(self._netlink, "lo").index
        requests = []
        for one in sorted(gone, key=_order):
            requests.append(remove_lo_address(index, one.network_address, one.prefixlen))
            if one.version == 6 and one.prefixlen < one.max_prefixlen:
                # The kernel leaves the prefix route of an IPv6 address with a lifetime behind (seen on 6.18).
                requests.append(_remove_prefix_route(index, one))
        for answer in self._netlink.send(requests):
            if answer is not None and answer.errno not in _GONE:
                raise answer

    def held(self) -> dict[Prefix, float | None]:
        """Anchors on lo as the kernel says, with the whole seconds that remain; None: forever.

        A service address (/32, /128) on lo has the form of an anchor and is listed too, with None.
        """
        index = find_link(self._netlink, "lo").index
        return {one.network: one.left_s for one in lo_addresses(self._netlink, index) if one.is_anchor}

    def hazards(self, prefixes: Iterable[Prefix]) -> tuple[Hazard, ...]:
        """What would keep the leases of these prefixes from doing their work, as lo is now."""
        index = find_link(self._netlink, "lo").index
        return _hazards(frozenset(prefixes), lo_addresses(self._netlink, index))

    def _promote(self, link: Link) -> None:
        """Else the operator's address in the same subnet would vanish with an older anchor."""
        try:
            promote_secondaries(self._netlink, link)
        except Refused as refused:
            # A courtesy to others: the lease works without it. Without the right to it nothing works.
            if refused.errno == errno.EPERM:
                raise

    def check_lo(self) -> Link:
        """lo as it is; KernelError when it is down, since then no daemon sees an anchor."""
        link = find_link(self._netlink, "lo")
        if not link.is_up:
            raise KernelError("lo is down, so that no daemon sees an address on it", hint="ip link set lo up")
        return link


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


def _has_sink(prefix: Prefix, forwarded: frozenset[Prefix]) -> bool:
    """Does the anchor take in its whole prefix? A host needs no route beside its address."""
    return prefix not in forwarded and prefix.prefixlen < prefix.max_prefixlen


def _remove_prefix_route(index: int, prefix: Prefix) -> Request:
    body = _RTMSG.pack(_AF[prefix.version], prefix.prefixlen, 0, 0, _TABLE_MAIN, _RTPROT_KERNEL, 0, 0, 0)
    body += render_attribute(_RTA_DST, prefix.network_address.packed) + render_u32(_RTA_OIF, index)
    return Request(kind=_RTM_DELROUTE, body=body, what=f"route of {prefix} on lo")


def _hazards(prefixes: frozenset[Prefix], seen: list[LoAddress]) -> tuple[Hazard, ...]:
    found = []
    for one in seen:
        prefix = one.network
        if prefix not in prefixes:
            continue
        own = ip_interface((one.address, one.length))
        if not one.is_anchor:
            text = (
                f"{own} on lo is in the same subnet as the lease of {prefix}: the daemon announces "
                f"{prefix} for as long as it is there; give it the length /{one.address.max_prefixlen}"
            )
            found.append(Hazard(prefix=prefix, kind=HazardKind.RIVAL, text=text))
        elif one.left_s is None:
            text = (
                f"{prefix} was on lo without a lifetime, so that no silence of the agent could withdraw it; "
                "it is leased now; remove it from the host's static configuration"
            )
            found.append(Hazard(prefix=prefix, kind=HazardKind.STATIC, text=text))
    return tuple(sorted(found, key=lambda one: (_order(one.prefix), one.text)))


def _collision(prefix: Prefix, seen: list[LoAddress], wanted: frozenset[Prefix]) -> KernelError | None:
    """IPv6 has an address once on a device, whatever its length: two prefixes cannot both begin with it."""
    if prefix.version == 4:
        return None
    first = prefix.network_address
    lengths = {one.length for one in seen if one.address == first and not one.is_stand_in}
    # Of two that are wanted and neither there yet, the shorter (the aggregate) gets the address.
    lengths |= {
        one.prefixlen for one in wanted if one.network_address == first and one.prefixlen < prefix.prefixlen
    }
    others = lengths - {prefix.prefixlen}
    if not others:
        return None
    return KernelError(
        f"{prefix} on lo: {first} is already there, or wanted, with the length /{min(others)}",
        hint="an IPv6 address exists once on lo: announce prefixes that begin with different addresses",
    )


def _order(prefix: Prefix) -> tuple[int, int, int]:
    return (prefix.version, int(prefix.network_address), prefix.prefixlen)
