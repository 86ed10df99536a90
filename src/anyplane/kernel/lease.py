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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anyplane.kernel.addresses import (
    STAND_IN_LENGTH,
    lo_addresses,
    remove_lo_address,
    remove_prefix_route,
    render_lo_address,
)
from anyplane.kernel.hazards import Hazard, collision, found_in, order
from anyplane.kernel.links import Link, find_link, promote_secondaries
from anyplane.kernel.messages import Refused
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

_LONGEST = 0x7FFFFFFF // 1000  # what the kernel's clock ticks hold
_GONE = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT, errno.ESRCH)


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
            refused = {one: error for one in fresh if (error := collision(one, seen, prefixes))}
            hazards = found_in(fresh - refused.keys(), seen)
        wanted = sorted(prefixes - refused.keys(), key=order)
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
        for one in sorted(gone, key=order):
            requests.append(remove_lo_address(index, one.network_address, one.prefixlen))
            if one.version == 6 and one.prefixlen < one.max_prefixlen:
                # The kernel leaves the prefix route of an IPv6 address with a lifetime behind (seen on 6.18).
                requests.append(remove_prefix_route(index, one))
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
        return found_in(frozenset(prefixes), lo_addresses(self._netlink, index))

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


def _has_sink(prefix: Prefix, forwarded: frozenset[Prefix]) -> bool:
    """Does the anchor take in its whole prefix? A host needs no route beside its address."""
    return prefix not in forwarded and prefix.prefixlen < prefix.max_prefixlen
