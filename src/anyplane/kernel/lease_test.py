"""self_test: does this kernel really remove an address when its lifetime ends? Asked at every start.

It uses two addresses that disturb nobody: 127.65.78.89/32, inside what is loopback anyway, and
::127.65.78.89/128, an IPv4-compatible address (deprecated by RFC 4291, a martian to every router).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import anyio

from anyplane.kernel.addresses import lo_addresses, remove_lo_address, render_lo_address
from anyplane.kernel.links import find_link
from anyplane.kernel.messages import Address
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import KernelError

TEST_ADDRESSES: tuple[Address, ...] = (IPv4Address("127.65.78.89"), IPv6Address("::127.65.78.89"))
_LIFETIME_S = 1
_DEADLINE_S = 2.5
_POLL_S = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTest:
    """One address family: seconds until the kernel removed the address, or why the lease does not work."""

    family: int
    seconds: float | None = None
    reason: str = ""

    @property
    def is_ok(self) -> bool:
        """May a withdrawal be left to the kernel?"""
        return self.seconds is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTest:
    """What `self_test` found."""

    v4: FamilyTest
    v6: FamilyTest


async def self_test(netlink: Netlink) -> LeaseTest:
    """Put an address of each family on lo for a second and see it go; takes 1 to 2.5 s, blocks nothing."""
    index = find_link(netlink, "lo").index
    results: dict[int, FamilyTest] = {}
    began = time.monotonic()
    requests = [
        render_lo_address(index, one, one.max_prefixlen, lifetime=_LIFETIME_S, has_route=False)
        for one in TEST_ADDRESSES
    ]
    for address, refused in zip(TEST_ADDRESSES, netlink.send(requests), strict=True):
        if refused is not None:
            results[address.version] = FamilyTest(family=address.version, reason=str(refused))
    try:
        while len(results) < len(TEST_ADDRESSES):
            there = {one.address for one in lo_addresses(netlink, index)}
            waited = time.monotonic() - began
            for address in TEST_ADDRESSES:
                family = address.version
                if family in results:
                    continue
                if address not in there:
                    results[family] = _removed(family, waited)
                elif waited > _DEADLINE_S:
                    reason = f"the kernel still had an address {waited:.1f} s after giving it {_LIFETIME_S} s"
                    results[family] = FamilyTest(family=family, reason=reason)
            await anyio.sleep(_POLL_S)
    finally:
        with contextlib.suppress(KernelError):
            netlink.send([remove_lo_address(index, one, one.max_prefixlen) for one in TEST_ADDRESSES])
    return LeaseTest(v4=results[4], v6=results[6])


def _removed(family: int, waited: float) -> FamilyTest:
    if waited < _LIFETIME_S / 2:
        return FamilyTest(family=family, reason=f"an address on lo vanished after {waited:.2f} s by itself")
    return FamilyTest(family=family, seconds=waited)
