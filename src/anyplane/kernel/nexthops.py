"""Backends behind a service address: a resilient nexthop group of the kernel for each such address.

A resilient group is a table of buckets; a flow's hash picks the bucket, the bucket names the backend. When a
backend leaves, only its own buckets get new owners; when one comes (back), it is given buckets that have been
idle for `idle_s`. Plain multipath, which BIRD and FRR install, moves flows of healthy backends in both cases.

The route to a group lies in table `local`, which the kernel asks first, with a metric of its own: there it
precedes the IPv4 anchor of the lease, which makes the whole prefix local to this host, and it can never
replace somebody else's route. Everything of ours carries OUR_PROTOCOL and ids from a private range.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from anyplane.kernel.links import find_link
from anyplane.kernel.messages import Address, Refused
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.nexthop_messages import (
    IDS,
    Nexthop,
    nexthops_request,
    parse_nexthops,
    parse_route,
    parse_way,
    render_group,
    render_nexthop,
    render_nexthop_removal,
    render_route,
    render_route_removal,
    routes_requests,
    way_request,
)
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

_HEAVIEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One backend: its address on a directly connected subnet. `interface` empty: where its route leads."""

    address: Address
    interface: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A service prefix (mostly a /32 or /128) and the live backends that share it; none: no route at all.

    `buckets` is fixed while the group lives. `idle_s`: a bucket without a packet for so long may move to a
    backend that has too few. `unbalanced_s` 0: busy buckets never move to restore balance.
    """

    prefix: Prefix
    hops: tuple[Hop, ...]
    buckets: int = 128
    idle_s: float = 120.0
    unbalanced_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGroup:
    """A group of ours as the kernel has it: weights by address of the backend, and the bucket count."""

    weights: Mapping[Address, int]
    buckets: int


class NexthopGroups:
    """The groups of this host, told as a whole set; one netlink socket, used by one task."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink
        self._ids: dict[Prefix, int] | None = None
        """Prefix to group; None: a predecessor's routes have not been read yet."""

    def apply(self, groups: Iterable[Group]) -> None:
        """Exactly these groups and routes are there; what is right already is not touched.

        Level-triggered: call it on every change and now and then, since the kernel drops nexthops whose
        interface goes down. Groups of a predecessor are adopted with their flows. KernelError names the first
        backend or group that could not be; the others are done nevertheless.
        """
        wanted = {one.prefix: one for one in groups if one.hops}
        seen = self._nexthops()
        ids = self._adopted(seen)
        failures: list[KernelError] = []
        used: set[int] = set()
        for prefix, group in wanted.items():
            try:
                used |= self._install(group, seen, ids, failures)
            except KernelError as error:
                failures.append(error)
                used |= _in_use(ids.get(prefix), seen)
        self._sweep(wanted, seen, ids, used)
        if failures:
            raise failures[0]

    def observe(self) -> dict[Prefix, SeenGroup]:
        """Routes of ours to groups of ours, as the kernel has them."""
        seen = self._nexthops()
        found = {}
        for prefix, number in self._routes().items():
            group = seen.get(number)
            if group is None or not group.is_ours:
                continue
            weights: dict[Address, int] = {}
            for member, weight in group.members:
                hop = seen.get(member)
                if hop is not None and hop.gateway is not None:
                    weights[hop.gateway] = weight
            found[prefix] = SeenGroup(weights=weights, buckets=group.buckets)
        return found

    def _install(
        self, group: Group, seen: dict[int, Nexthop], ids: dict[Prefix, int], failures: list[KernelError]
    ) -> set[int]:
        """The ids that the group needs, in place, with the route to it; a backend that fails is left out."""
        found: list[tuple[int, int]] = []
        failed: list[KernelError] = []
        for one in group.hops:
            try:
                found.append((self._hop(one, seen), one.weight))
            except KernelError as error:
                failed.append(error)
        if not found:
            raise failed[0]
        failures += failed
        members = tuple(sorted(found))
        number = ids.get(group.prefix)
        old = None if number is None else seen.get(number)
        if old is None or number is None or old.buckets != group.buckets:
            number = _free(seen)
            old = None
        if old is None or old.members != members:
            request = render_group(
                number,
                group.prefix,
                members,
                buckets=group.buckets if old is None else None,
                idle_s=group.idle_s,
                unbalanced_s=group.unbalanced_s,
            )
            self._netlink.request(request)
            seen[number] = Nexthop(
                id=number, is_ours=True, gateway=None, oif=0, members=members, buckets=group.buckets
            )
        self._netlink.request(render_route(group.prefix, number))
        ids[group.prefix] = number
        return {number, *(member for member, _ in members)}

    def _hop(self, hop: Hop, seen: dict[int, Nexthop]) -> int:
        """The id of a nexthop to the backend, made where there is none."""
        if not 1 <= hop.weight <= _HEAVIEST:
            raise KernelError(f"backend {hop.address}: the weight {hop.weight} is not from 1 to {_HEAVIEST}")
        oif = find_link(self._netlink, hop.interface).index if hop.interface else self._leads_to(hop.address)
        for one in seen.values():
            if one.is_ours and one.gateway == hop.address and one.oif == oif:
                return one.id
        number = _free(seen)
        self._netlink.request(render_nexthop(number, hop.address, oif))
        seen[number] = Nexthop(id=number, is_ours=True, gateway=hop.address, oif=oif)
        return number

    def _leads_to(self, address: Address) -> int:
        """The interface behind which the backend is; KernelError when it is not directly connected."""
        interface = parse_way(self._netlink.ask(way_request(address)))
        if interface is None:
            raise KernelError(
                f"backend {address} is not on a directly connected subnet",
                hint="a backend must be a neighbour of this host, or named with its tunnel's interface",
            )
        return interface

    def _adopted(self, seen: dict[int, Nexthop]) -> dict[Prefix, int]:
        if self._ids is None:
            routes = self._routes()
            self._ids = {
                one: number for one, number in routes.items() if number in seen and seen[number].is_ours
            }
        return self._ids

    def _sweep(
        self,
        wanted: Mapping[Prefix, Group],
        seen: dict[int, Nexthop],
        ids: dict[Prefix, int],
        used: set[int],
    ) -> None:
        """Remove what is ours and serves nothing: routes, then groups, then nexthops."""
        requests = [render_route_removal(one, ids.pop(one)) for one in [*ids] if one not in wanted]
        idle = [one for one in seen.values() if one.is_ours and one.id not in used]
        idle.sort(key=lambda one: not one.members)
        requests += [render_nexthop_removal(one.id) for one in idle]
        for answer in self._netlink.send(requests):
            # The kernel takes routes away with their group, and groups with their last nexthop.
            if answer is not None and answer.errno not in (errno.ENOENT, errno.ESRCH):
                raise answer

    def _nexthops(self) -> dict[int, Nexthop]:
        return parse_nexthops(self._netlink.dump(nexthops_request()))

    def _routes(self) -> dict[Prefix, int]:
        """Routes of ours in table local, and the group of each."""
        found: dict[Prefix, int] = {}
        for request in routes_requests():
            try:
                replies = self._netlink.dump(request)
            except Refused as refused:
                if refused.errno == errno.ENOENT:
                    continue  # the table does not exist yet
                raise
            found.update(route for reply in replies if (route := parse_route(reply)) is not None)
        return found


def _in_use(number: int | None, seen: Mapping[int, Nexthop]) -> set[int]:
    """What a group that could not be changed still needs."""
    if number is None or number not in seen:
        return set()
    return {number, *(member for member, _ in seen[number].members)}


def _free(seen: Mapping[int, Nexthop]) -> int:
    for number in IDS:
        if number not in seen:
            return number
    raise KernelError(f"no nexthop id is free from {IDS.start} to {IDS.stop}", hint="see `ip nexthop`")
