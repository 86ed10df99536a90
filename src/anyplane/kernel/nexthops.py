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
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from anyplane.kernel.links import find_link
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
_HEAVIEST = 256
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nexthop:
    id: int
    is_ours: bool
    gateway: Address | None
    oif: int
    members: tuple[tuple[int, int], ...] = ()
    buckets: int = 0


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
        self, group: Group, seen: dict[int, _Nexthop], ids: dict[Prefix, int], failures: list[KernelError]
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
            self._netlink.request(_render_group(number, group, members, is_new=old is None))
            seen[number] = _Nexthop(
                id=number, is_ours=True, gateway=None, oif=0, members=members, buckets=group.buckets
            )
        self._netlink.request(_render_route(group.prefix, number))
        ids[group.prefix] = number
        return {number, *(member for member, _ in members)}

    def _hop(self, hop: Hop, seen: dict[int, _Nexthop]) -> int:
        """The id of a nexthop to the backend, made where there is none."""
        if not 1 <= hop.weight <= _HEAVIEST:
            raise KernelError(f"backend {hop.address}: the weight {hop.weight} is not from 1 to {_HEAVIEST}")
        oif = find_link(self._netlink, hop.interface).index if hop.interface else self._leads_to(hop.address)
        for one in seen.values():
            if one.is_ours and one.gateway == hop.address and one.oif == oif:
                return one.id
        number = _free(seen)
        self._netlink.request(_render_nexthop(number, hop.address, oif))
        seen[number] = _Nexthop(id=number, is_ours=True, gateway=hop.address, oif=oif)
        return number

    def _leads_to(self, address: Address) -> int:
        """The interface behind which the backend is; KernelError when it is not directly connected."""
        body = _RTMSG.pack(_AF[address.version], address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
        body += render_attribute(_RTA_DST, address.packed)
        reply = self._netlink.ask(Request(kind=_RTM_GETROUTE, body=body, what=f"way to backend {address}"))
        facts = parse_attributes(reply.body, _RTMSG.size)
        kind = parse_fixed(_RTMSG, reply.body)[7]
        if _RTA_GATEWAY in facts or _RTA_OIF not in facts or kind != _RTN_UNICAST:
            raise KernelError(
                f"backend {address} is not on a directly connected subnet",
                hint="a backend must be a neighbour of this host, or named with its tunnel's interface",
            )
        return parse_u32(facts[_RTA_OIF])

    def _adopted(self, seen: dict[int, _Nexthop]) -> dict[Prefix, int]:
        if self._ids is None:
            routes = self._routes()
            self._ids = {
                one: number for one, number in routes.items() if number in seen and seen[number].is_ours
            }
        return self._ids

    def _sweep(
        self,
        wanted: Mapping[Prefix, Group],
        seen: dict[int, _Nexthop],
        ids: dict[Prefix, int],
        used: set[int],
    ) -> None:
        """Remove what is ours and serves nothing: routes, then groups, then nexthops."""
        requests = [_render_route_removal(one, ids.pop(one)) for one in [*ids] if one not in wanted]
        idle = [one for one in seen.values() if one.is_ours and one.id not in used]
        idle.sort(key=lambda one: not one.members)
        requests += [_render_removal(one.id) for one in idle]
        for answer in self._netlink.send(requests):
            # The kernel takes routes away with their group, and groups with their last nexthop.
            if answer is not None and answer.errno not in (errno.ENOENT, errno.ESRCH):
                raise answer

    def _nexthops(self) -> dict[int, _Nexthop]:
        body = _NHMSG.pack(0, 0, 0, 0, 0)
        request = Request(kind=_RTM_GETNEXTHOP, body=body, what="nexthops", hints=_HINTS)
        replies = (one for one in self._netlink.dump(request) if one.kind == _RTM_NEWNEXTHOP)
        return {one.id: one for one in map(_parse_nexthop, (reply.body for reply in replies))}

    def _routes(self) -> dict[Prefix, int]:
        """Routes of ours in table local, and the group of each; a full table elsewhere is not walked."""
        found: dict[Prefix, int] = {}
        for family in _AF.values():
            body = _RTMSG.pack(family, 0, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, 0, _RTN_UNICAST, 0)
            try:
                replies = self._netlink.dump(Request(kind=_RTM_GETROUTE, body=body, what="routes"))
            except Refused as refused:
                if refused.errno == errno.ENOENT:
                    continue  # the table does not exist yet
                raise
            for reply in replies:
                if reply.kind != _RTM_NEWROUTE:
                    continue
                _family, length, _src, _tos, table, protocol, *_ = parse_fixed(_RTMSG, reply.body)
                facts = parse_attributes(reply.body, _RTMSG.size)
                if (
                    table == _TABLE_LOCAL
                    and protocol == OUR_PROTOCOL
                    and {_RTA_DST, _RTA_NH_ID} <= facts.keys()
                ):
                    prefix = ip_network((parse_address(facts[_RTA_DST]), length), strict=False)
                    found[prefix] = parse_u32(facts[_RTA_NH_ID])
        return found


def forwarding_problems(
    *, families: Iterable[int] = (4, 6), sysctl: Path = Path("/proc/sys/net")
) -> tuple[str, ...]:
    """What on this host (in this thread's namespace) keeps backends from sharing the load; () is fine.

    The operator sets these in sysctl.d, since the agent runs without the right to: forwarding, and the hash
    over ports (`fib_multipath_hash_policy` 1), without which all flows of one client go to one backend.
    """
    settings = {
        4: (("ipv4/ip_forward", "1"), ("ipv4/fib_multipath_hash_policy", "1")),
        6: (("ipv6/conf/all/forwarding", "1"), ("ipv6/fib_multipath_hash_policy", "1")),
    }
    problems = []
    for family in families:
        for name, right in settings[family]:
            try:
                value = (sysctl / name).read_text().strip()
            except OSError as error:
                problems.append(f"net.{name.replace('/', '.')} cannot be read: {error.strerror}")
                continue
            if value != right and not (name.endswith("policy") and value in ("2", "3")):
                problems.append(f"net.{name.replace('/', '.')} is {value}; set it to {right} in sysctl.d")
    return tuple(problems)


def _in_use(number: int | None, seen: Mapping[int, _Nexthop]) -> set[int]:
    """What a group that could not be changed still needs."""
    if number is None or number not in seen:
        return set()
    return {number, *(member for member, _ in seen[number].members)}


def _free(seen: Mapping[int, _Nexthop]) -> int:
    for number in IDS:
        if number not in seen:
            return number
    raise KernelError(f"no nexthop id is free from {IDS.start} to {IDS.stop}", hint="see `ip nexthop`")


def _parse_nexthop(body: bytes) -> _Nexthop:
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
    return _Nexthop(
        id=number,
        is_ours=protocol == OUR_PROTOCOL and number in IDS,
        gateway=parse_address(facts[_NHA_GATEWAY]) if _NHA_GATEWAY in facts else None,
        oif=parse_u32(facts[_NHA_OIF]) if _NHA_OIF in facts else 0,
        members=tuple(sorted(members)),
        buckets=buckets,
    )


def _render_nexthop(number: int, address: Address, oif: int) -> Request:
    body = _NHMSG.pack(_AF[address.version], 0, OUR_PROTOCOL, 0, 0) + render_u32(_NHA_ID, number)
    body += render_attribute(_NHA_GATEWAY, address.packed) + render_u32(_NHA_OIF, oif)
    flags = NLM_F_CREATE | NLM_F_REPLACE
    return Request(kind=_RTM_NEWNEXTHOP, flags=flags, body=body, what=f"nexthop {address}", hints=_HINTS)


def _render_group(
    number: int, group: Group, members: tuple[tuple[int, int], ...], *, is_new: bool
) -> Request:
    body = _NHMSG.pack(0, 0, OUR_PROTOCOL, 0, 0) + render_u32(_NHA_ID, number)
    packed = b"".join(_MEMBER.pack(member, weight - 1, 0, 0) for member, weight in members)
    body += render_attribute(_NHA_GROUP, packed)
    body += render_attribute(_NHA_GROUP_TYPE, _U16.pack(_RESILIENT))
    resilient = render_attribute(_BUCKETS, _U16.pack(group.buckets)) if is_new else b""
    resilient += render_u32(_IDLE_TIMER, round(group.idle_s * _CLOCK))
    resilient += render_u32(_UNBALANCED_TIMER, round(group.unbalanced_s * _CLOCK))
    body += render_attribute(_NHA_RES_GROUP | 0x8000, resilient)  # NLA_F_NESTED
    flags = NLM_F_CREATE if is_new else NLM_F_REPLACE
    what = f"nexthop group of {group.prefix}"
    return Request(kind=_RTM_NEWNEXTHOP, flags=flags, body=body, what=what, hints=_HINTS)


def _render_removal(number: int) -> Request:
    body = _NHMSG.pack(0, 0, 0, 0, 0) + render_u32(_NHA_ID, number)
    return Request(kind=_RTM_DELNEXTHOP, body=body, what=f"nexthop {number}")


def _render_route(prefix: Prefix, number: int) -> Request:
    flags = NLM_F_CREATE | NLM_F_REPLACE
    return Request(
        kind=_RTM_NEWROUTE, flags=flags, body=_route_body(prefix, number), what=f"route of {prefix}"
    )


def _render_route_removal(prefix: Prefix, number: int) -> Request:
    return Request(kind=_RTM_DELROUTE, body=_route_body(prefix, number), what=f"route of {prefix}")


def _route_body(prefix: Prefix, number: int) -> bytes:
    header = (_AF[prefix.version], prefix.prefixlen, 0, 0, _TABLE_LOCAL, OUR_PROTOCOL, 0, _RTN_UNICAST, 0)
    body = _RTMSG.pack(*header) + render_attribute(_RTA_DST, prefix.network_address.packed)
    return body + render_u32(_RTA_PRIORITY, _METRIC) + render_u32(_RTA_NH_ID, number)
