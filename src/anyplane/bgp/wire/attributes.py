"""Path attributes: bytes to values and back, with RFC 7606's way with those that are malformed.

Three things can come of a malformed attribute, as RFC 7606 section 2 orders them: the session is reset
(WireError), the routes of the message are treated as withdrawn (`Attributes.faults` says why), or only the
attribute is dropped (`Attributes.discarded`). Nothing else is ever raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

from anyplane.bgp.wire.as_path import AS_TRANS, Segment, SegmentKind, merged, parse_path, render_path
from anyplane.bgp.wire.capabilities import Family
from anyplane.bgp.wire.fault import UPDATE, WireError
from anyplane.bgp.wire.prefixes import parse_prefixes, render_prefixes
from anyplane.model.nouns import Prefix

__all__ = ["Attributes", "Multiprotocol", "Origin", "Segment", "SegmentKind", "Unknown"]

OPTIONAL, TRANSITIVE, PARTIAL, EXTENDED = 0x80, 0x40, 0x20, 0x10
(ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, ATOMIC, AGGREGATOR, COMMUNITIES) = range(1, 9)
MP_REACH, MP_UNREACH, EXTENDED_COMMUNITIES, AS4_PATH, AS4_AGGREGATOR, LARGE = 14, 15, 16, 17, 18, 32

NAMES = {
    ORIGIN: "ORIGIN",
    AS_PATH: "AS_PATH",
    NEXT_HOP: "NEXT_HOP",
    MED: "MULTI_EXIT_DISC",
    LOCAL_PREF: "LOCAL_PREF",
    ATOMIC: "ATOMIC_AGGREGATE",
    AGGREGATOR: "AGGREGATOR",
    COMMUNITIES: "COMMUNITIES",
    MP_REACH: "MP_REACH_NLRI",
    MP_UNREACH: "MP_UNREACH_NLRI",
    EXTENDED_COMMUNITIES: "EXTENDED COMMUNITIES",
    AS4_PATH: "AS4_PATH",
    AS4_AGGREGATOR: "AS4_AGGREGATOR",
    LARGE: "LARGE_COMMUNITY",
}

_FLAGS = {
    ORIGIN: TRANSITIVE,
    AS_PATH: TRANSITIVE,
    NEXT_HOP: TRANSITIVE,
    MED: OPTIONAL,
    LOCAL_PREF: TRANSITIVE,
    ATOMIC: TRANSITIVE,
    AGGREGATOR: OPTIONAL | TRANSITIVE,
    COMMUNITIES: OPTIONAL | TRANSITIVE,
    MP_REACH: OPTIONAL,
    MP_UNREACH: OPTIONAL,
    EXTENDED_COMMUNITIES: OPTIONAL | TRANSITIVE,
    AS4_PATH: OPTIONAL | TRANSITIVE,
    AS4_AGGREGATOR: OPTIONAL | TRANSITIVE,
    LARGE: OPTIONAL | TRANSITIVE,
}


class Origin(IntEnum):
    """RFC 4271 section 5.1.1."""

    IGP = 0
    EGP = 1
    INCOMPLETE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """An attribute that we do not read, as it came; EXTENDED is not kept, for it follows from the size."""

    flags: int
    type: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiprotocol:
    """MP_REACH_NLRI (`next_hops` has one address, or a global and a link-local one) or MP_UNREACH_NLRI."""

    family: Family
    prefixes: tuple[Prefix, ...] = ()
    next_hops: tuple[IPv4Address | IPv6Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What an UPDATE says of its routes; None where it does not.

    Communities are in text form, in the order sent. `faults` not empty: its routes count as withdrawn.
    """

    origin: Origin | None = None
    as_path: tuple[Segment, ...] | None = None
    next_hop: IPv4Address | None = None
    med: int | None = None
    local_pref: int | None = None
    is_atomic_aggregate: bool = False
    communities: tuple[str, ...] = ()
    large_communities: tuple[str, ...] = ()
    reach: Multiprotocol | None = None
    unreach: Multiprotocol | None = None
    unknown: tuple[Unknown, ...] = ()
    faults: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[int, ...]:
        """The AS numbers of the path in order, sets flattened."""
        return tuple(asn for segment in self.as_path or () for asn in segment.asns)


def parse_attributes(data: bytes, *, is_as4: bool = True, is_external: bool = True) -> Attributes:
    """Attributes from the field of an UPDATE; WireError only where RFC 7606 resets the session."""
    reader = _Reader(is_as4=is_as4, is_external=is_external)
    here = 0
    while here < len(data):
        wide = here + 1 < len(data) and bool(data[here] & EXTENDED)
        begin = here + (4 if wide else 3)
        if begin > len(data):
            reader.fault("an attribute's header is cut off", "RFC 7606 section 4")
            break
        flags, kind = data[here], data[here + 1]
        length = int.from_bytes(data[here + 2 : begin], "big")
        if begin + length > len(data):
            name = NAMES.get(kind, f"attribute {kind}")
            reader.fault(f"{name} of {length} bytes overruns the attributes", "RFC 7606 section 4")
            break
        reader.take(flags, kind, data[begin : begin + length])
        here = begin + length
    return reader.attributes()


class _Reader:
    """Collects the fields of one Attributes."""

    def __init__(self, *, is_as4: bool, is_external: bool) -> None:
        self.is_as4 = is_as4
        self.is_external = is_external
        self.seen: set[int] = set()
        self.faults: list[str] = []
        self.discarded: list[str] = []
        self.unknown: list[Unknown] = []
        self.origin: Origin | None = None
        self.as_path: tuple[Segment, ...] | None = None
        self.as4_path: tuple[Segment, ...] = ()
        self.next_hop: IPv4Address | None = None
        self.numbers: dict[int, int] = {}
        self.is_atomic = False
        self.communities: tuple[str, ...] = ()
        self.large: tuple[str, ...] = ()
        self.multiprotocol: dict[int, Multiprotocol] = {}

    def fault(self, message: str, rfc: str) -> None:
        """Treat as withdraw."""
        self.faults.append(f"{message} ({rfc}: treat as withdraw)")

    def discard(self, message: str, rfc: str) -> None:
        """Drop the attribute alone."""
        self.discarded.append(f"{message} ({rfc}: attribute discard)")

    def take(self, flags: int, kind: int, data: bytes) -> None:
        """One attribute."""
        name = NAMES.get(kind, f"attribute {kind}")
        if kind in self.seen:
            if kind in (MP_REACH, MP_UNREACH):
                raise WireError(UPDATE, 1, f"{name} occurs twice", rfc="RFC 7606 section 3(g)")
            self.discard(f"{name} occurs again", "RFC 7606 section 3(g)")
            return
        self.seen.add(kind)
        expected = _FLAGS.get(kind)
        if expected is None:
            if not flags & OPTIONAL:
                raise WireError(
                    UPDATE,
                    2,
                    f"{name} is well-known, and unknown",
                    rfc="RFC 4271 section 6.3",
                    data=data[:64],
                )
            self.unknown.append(Unknown(flags=flags & ~EXTENDED, type=kind, data=data))
        elif flags & (OPTIONAL | TRANSITIVE) != expected:
            if kind in (MP_REACH, MP_UNREACH):
                # Its prefixes must be known to be withdrawn: read on (RFC 7606 section 3(c)).
                self._multiprotocol(kind, data)
            self.fault(f"{name} has the flags 0x{flags:02x}", "RFC 7606 section 3(c)")
        elif kind in (MP_REACH, MP_UNREACH):
            self._multiprotocol(kind, data)
        else:
            self._known(kind, name, data)
            if kind in (EXTENDED_COMMUNITIES, AGGREGATOR, AS4_AGGREGATOR):
                self._kept(flags, kind, name, data)

    def _known(self, kind: int, name: str, data: bytes) -> None:
        size = len(data)
        if kind == ORIGIN:
            if size != 1 or data[0] > Origin.INCOMPLETE:
                self.fault(f"ORIGIN is 0x{data[:4].hex()}", "RFC 7606 section 7.1")
            else:
                self.origin = Origin(data[0])
        elif kind == AS_PATH:
            self.as_path = parse_path(data, is_as4=self.is_as4)
            if self.as_path is None:
                self.fault("AS_PATH has a malformed segment", "RFC 7606 section 7.2")
        elif kind == AS4_PATH:
            path = parse_path(data, is_as4=True)
            if self.is_as4 or path is None:
                self.discard("AS4_PATH is not for us", "RFC 6793 section 6")
            else:
                self.as4_path = path
        elif kind == NEXT_HOP:
            if size != 4:
                self.fault(f"NEXT_HOP is {size} bytes long", "RFC 7606 section 7.3")
            else:
                self.next_hop = IPv4Address(data)
        elif kind == LOCAL_PREF and self.is_external:
            self.discard("LOCAL_PREF came over an external session", "RFC 7606 section 7.5")
        elif kind in (MED, LOCAL_PREF):
            if size != 4:
                self.fault(f"{name} is {size} bytes long", f"RFC 7606 section 7.{kind}")
            else:
                self.numbers[kind] = int.from_bytes(data, "big")
        elif kind == ATOMIC:
            self.is_atomic = size == 0
            if size:
                self.discard(f"ATOMIC_AGGREGATE is {size} bytes long", "RFC 7606 section 7.6")
        elif kind == COMMUNITIES:
            self.communities = self._list(data, parts=2, width=2, name=name, rfc="RFC 7606 section 7.8")
        elif kind == LARGE:
            # "SHOULD silently remove redundant values" (RFC 8092 section 3)
            large = self._list(data, parts=3, width=4, name=name, rfc="RFC 8092 section 6")
            self.large = tuple(dict.fromkeys(large))

    def _kept(self, flags: int, kind: int, name: str, data: bytes) -> None:
        """Attributes of which only the length is checked."""
        if kind == EXTENDED_COMMUNITIES:
            if not data or len(data) % 8:
                self.fault(f"{name} is {len(data)} bytes long", "RFC 7606 section 7.14")
                return
        elif len(data) != (6 if kind == AGGREGATOR and not self.is_as4 else 8):
            self.discard(f"{name} is {len(data)} bytes long", "RFC 7606 section 7.7")
            return
        # Kept with a number of four bytes, whatever the session has.
        kept = b"\0\0" + data if len(data) == 6 else data
        self.unknown.append(Unknown(flags=flags & ~EXTENDED, type=kind, data=kept))

    def _list(self, data: bytes, *, parts: int, width: int, name: str, rfc: str) -> tuple[str, ...]:
        size = parts * width
        if not data or len(data) % size:
            self.fault(f"{name} is {len(data)} bytes long", rfc)
            return ()
        numbers = [
            str(int.from_bytes(data[here : here + width], "big")) for here in range(0, len(data), width)
        ]
        return tuple(":".join(numbers[here : here + parts]) for here in range(0, len(numbers), parts))

    def _multiprotocol(self, kind: int, data: bytes) -> None:
        name = NAMES[kind]
        section = "RFC 7606 section 7.11" if kind == MP_REACH else "RFC 7606 section 7.12"
        if len(data) < (5 if kind == MP_REACH else 3):
            raise WireError(UPDATE, 9, f"{name} is {len(data)} bytes long", rfc=section)
        known = {family.value: family for family in Family}
        family = known.get((int.from_bytes(data[:2], "big"), data[2]))
        if family is None:
            # Never negotiated with us: "the attribute is ignored" (RFC 4760 section 7).
            self.discard(f"{name} is of a family that was not negotiated", "RFC 4760 section 7")
            return
        if kind == MP_UNREACH:
            prefixes = parse_prefixes(data[3:], version=family.version)
            self.multiprotocol[kind] = Multiprotocol(family=family, prefixes=prefixes)
            return
        size = data[3]
        hops = data[4 : 4 + size]
        if len(data) < 5 + size or size not in (4, 16, 32) or (size == 4 and family is Family.IPV6):
            raise WireError(UPDATE, 9, f"{name} has a next hop of {size} bytes", rfc=section)
        addresses: tuple[IPv4Address | IPv6Address, ...]
        if size == 4:
            addresses = (IPv4Address(hops),)
        else:
            addresses = tuple(IPv6Address(hops[here : here + 16]) for here in range(0, size, 16))
        prefixes = parse_prefixes(data[5 + size :], version=family.version)
        self.multiprotocol[kind] = Multiprotocol(family=family, prefixes=prefixes, next_hops=addresses)

    def attributes(self) -> Attributes:
        """All that was taken."""
        path = self.as_path
        if path is not None and self.as4_path:
            path = merged(path, self.as4_path)
        return Attributes(
            origin=self.origin,
            as_path=path,
            next_hop=self.next_hop,
            med=self.numbers.get(MED),
            local_pref=self.numbers.get(LOCAL_PREF),
            is_atomic_aggregate=self.is_atomic,
            communities=self.communities,
            large_communities=self.large,
            reach=self.multiprotocol.get(MP_REACH),
            unreach=self.multiprotocol.get(MP_UNREACH),
            unknown=tuple(self.unknown),
            faults=tuple(self.faults),
            discarded=tuple(self.discarded),
        )


def render_attributes(one: Attributes, *, is_as4: bool = True) -> bytes:
    """The field of an UPDATE, by type; MP_REACH and MP_UNREACH first, as RFC 7606 section 5.1 asks."""
    parts: list[tuple[int, int, bytes]] = []
    if one.reach is not None:
        hops = b"".join(address.packed for address in one.reach.next_hops)
        content = (
            _family(one.reach) + bytes((len(hops),)) + hops + b"\0" + render_prefixes(one.reach.prefixes)
        )
        parts.append((OPTIONAL, MP_REACH, content))
    if one.unreach is not None:
        parts.append((OPTIONAL, MP_UNREACH, _family(one.unreach) + render_prefixes(one.unreach.prefixes)))
    if one.origin is not None:
        parts.append((TRANSITIVE, ORIGIN, bytes((one.origin,))))
    if one.as_path is not None:
        parts.append((TRANSITIVE, AS_PATH, render_path(one.as_path, is_as4=is_as4)))
        if not is_as4 and any(asn > 0xFFFF for asn in one.path):
            parts.append((OPTIONAL | TRANSITIVE, AS4_PATH, render_path(one.as_path, is_as4=True)))
    if one.next_hop is not None:
        parts.append((TRANSITIVE, NEXT_HOP, one.next_hop.packed))
    if one.med is not None:
        parts.append((OPTIONAL, MED, one.med.to_bytes(4, "big")))
    if one.local_pref is not None:
        parts.append((TRANSITIVE, LOCAL_PREF, one.local_pref.to_bytes(4, "big")))
    if one.is_atomic_aggregate:
        parts.append((TRANSITIVE, ATOMIC, b""))
    for kind, width, listed in ((COMMUNITIES, 2, one.communities), (LARGE, 4, one.large_communities)):
        if listed:
            numbers = [int(part) for text in listed for part in text.split(":")]
            content = b"".join(number.to_bytes(width, "big") for number in numbers)
            parts.append((OPTIONAL | TRANSITIVE, kind, content))
    for unknown in one.unknown:
        content = unknown.data
        if unknown.type == AGGREGATOR and not is_as4:
            number = int.from_bytes(content[:4], "big")
            content = (number if number <= 0xFFFF else AS_TRANS).to_bytes(2, "big") + content[4:]
        parts.append((unknown.flags, unknown.type, content))
    return b"".join(_rendered(flags, kind, content) for flags, kind, content in parts)


def _family(one: Multiprotocol) -> bytes:
    return one.family.value[0].to_bytes(2, "big") + bytes((one.family.value[1],))


def _rendered(flags: int, kind: int, content: bytes) -> bytes:
    if len(content) > 255:
        return bytes((flags | EXTENDED, kind)) + len(content).to_bytes(2, "big") + content
    return bytes((flags, kind, len(content))) + content
