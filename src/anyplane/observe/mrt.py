"""routes: the routes in a file of MRT records (RFC 6396, RFC 8050), as route collectors write them.

    file    = record*
    record  = time u32, type u16, subtype u16, length u32, body
    TABLE_DUMP (12)      one route of a table; 2-byte ASNs
    TABLE_DUMP_V2 (13)   a table of peers, then for each prefix the routes of the peers; 4-byte ASNs
    BGP4MP (16), _ET (17)  one BGP message as heard, with 2 or 4-byte ASNs; _ET has microseconds too

Everything is bounded by the length of its container: a wrong length is noticed and gives no wrong route.
A record that is damaged inside is left out whole and counted; a file that ends within one is an error. The
filter for one prefix comes before attributes are decoded: a full table costs little more than unpacking.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import BinaryIO

from anyplane.observe.attributes import NOTHING, Attributes, decode
from anyplane.observe.octets import Cut, Octets

IPNetwork = IPv4Network | IPv6Network

_HEADER = struct.Struct(">IHHI")
_RECORD_MOST = 64 * 1024 * 1024
_TABLE_DUMP, _TABLE_DUMP_V2, _BGP4MP, _BGP4MP_ET = 12, 13, 16, 17
_PEERS = 1
_UNICAST = {2: (4, False), 4: (6, False), 8: (4, True), 10: (6, True)}
"""Subtypes of TABLE_DUMP_V2: family, whether each route has a path identifier."""
_MESSAGES = {
    1: (2, False), 4: (4, False), 6: (2, False), 7: (4, False),
    8: (2, True), 9: (4, True), 10: (2, True), 11: (4, True),
}  # fmt: skip
"""Subtypes of BGP4MP that hold a message: bytes of an ASN, whether routes have path identifiers."""
_UPDATE = 2


class What(StrEnum):
    """What a record says about a route."""

    IN_TABLE = "in table"
    ANNOUNCED = "announced"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of one peer of the collector; path_id tells apart several for one prefix (RFC 7911)."""

    what: What
    at: float
    peer_asn: int
    peer: IPv4Address | IPv6Address
    prefix: IPNetwork
    path_id: int = 0
    attributes: Attributes = NOTHING


@dataclass(slots=True)
class Skipped:
    """Counts for the caller of `routes` to look at afterwards."""

    kinds: dict[str, int] = field(default_factory=dict)
    """Records of types that are not read, by name"""
    damaged: int = 0
    first_damage: str = ""
    records: int = 0


class DamagedMrt(ValueError):  # noqa: N818  # it reads as what it says
    """The bytes are no MRT, or end in the middle of a record; `offset` counts from 0."""

    def __init__(self, message: str, offset: int) -> None:
        self.message = message
        self.offset = offset
        super().__init__(message)


def routes(
    file: BinaryIO,
    *,
    prefix: IPNetwork | None = None,
    skipped: Skipped | None = None,
    meet: Callable[[IPNetwork], None] | None = None,
) -> Iterator[Route]:
    """Every route (or only those of exactly this prefix), in the order of the file.

    `meet` is told each other prefix. Raises DamagedMrt where the file ends too early or is no MRT at all.
    """
    skipped = skipped if skipped is not None else Skipped()
    wanted = _Wanted(prefix=prefix, meet=meet)
    peers: list[_Peer] = []
    offset = 0
    while head := file.read(_HEADER.size):
        if len(head) < _HEADER.size:
            raise DamagedMrt("ends in the middle of a record's header", offset)
        at, kind, subtype, length = _HEADER.unpack(head)
        if length > _RECORD_MOST:
            raise DamagedMrt(f"a record claims {length:,} bytes", offset)
        body = file.read(length)
        if len(body) < length:
            raise DamagedMrt("ends in the middle of a record", offset)
        skipped.records += 1
        octets = Octets(body)
        try:
            if kind == _TABLE_DUMP_V2 and subtype == _PEERS:
                peers = _peers(octets)
            elif kind == _TABLE_DUMP_V2 and subtype in _UNICAST:
                yield from list(_table_dump_v2(octets, at, *_UNICAST[subtype], peers, wanted))
            elif kind == _TABLE_DUMP and subtype in (1, 2):
                yield from list(_table_dump(octets, at, 4 if subtype == 1 else 6, wanted))
            elif kind in (_BGP4MP, _BGP4MP_ET) and subtype in _MESSAGES:
                moment = at + octets.number(4) / 1e6 if kind == _BGP4MP_ET else float(at)
                yield from list(_message(octets, moment, *_MESSAGES[subtype], wanted))
            else:
                name = f"type {kind} subtype {subtype}"
                skipped.kinds[name] = skipped.kinds.get(name, 0) + 1
        except Cut as error:
            skipped.damaged += 1
            skipped.first_damage = (
                skipped.first_damage or f"type {kind}.{subtype} at byte {offset:,}: {error}"
            )
        offset += _HEADER.size + length


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    prefix: IPNetwork | None
    meet: Callable[[IPNetwork], None] | None

    def takes(self, found: IPNetwork) -> bool:
        if self.prefix is None or found == self.prefix:
            return True
        if self.meet is not None:
            self.meet(found)
        return False


_Peer = tuple[int, IPv4Address | IPv6Address]


def _peers(octets: Octets) -> list[_Peer]:
    """The PEER_INDEX_TABLE (RFC 6396, 4.3.1)."""
    octets.skip(4)
    octets.skip(octets.number(2))
    peers = []
    for _ in range(octets.number(2)):
        flags = octets.number(1)
        octets.skip(4)
        address = octets.address(6 if flags & 1 else 4)
        peers.append((octets.number(4 if flags & 2 else 2), address))
    return peers


def _table_dump_v2(
    octets: Octets, at: int, family: int, has_ids: bool, peers: list[_Peer], wanted: _Wanted
) -> Iterator[Route]:
    octets.skip(4)
    prefix = octets.prefix(family)
    if not wanted.takes(prefix):
        return
    for _ in range(octets.number(2)):
        index = octets.number(2)
        octets.skip(4)  # when the peer sent it; what is observed is that it stands here now
        path_id = octets.number(4) if has_ids else 0
        attributes = decode(octets.part(octets.number(2)), asn_bytes=4, in_table=True)
        if index >= len(peers):
            raise Cut(f"peer {index} of {len(peers)}")
        asn, address = peers[index]
        yield Route(
            what=What.IN_TABLE,
            at=float(at),
            peer_asn=asn,
            peer=address,
            prefix=prefix,
            path_id=path_id,
            attributes=attributes,
        )


def _table_dump(octets: Octets, at: int, family: int, wanted: _Wanted) -> Iterator[Route]:
    octets.skip(4)
    network = octets.raw(4 if family == 4 else 16)
    prefix = Octets(bytes([octets.number(1)]) + network).prefix(family)
    octets.skip(5)
    peer, asn = octets.address(family), octets.number(2)
    attributes = octets.part(octets.number(2))
    if wanted.takes(prefix):
        yield Route(
            what=What.IN_TABLE,
            at=float(at),
            peer_asn=asn,
            peer=peer,
            prefix=prefix,
            attributes=decode(attributes, asn_bytes=2, in_table=True),
        )


def _message(octets: Octets, at: float, asn_bytes: int, has_ids: bool, wanted: _Wanted) -> Iterator[Route]:
    asn = octets.number(asn_bytes)
    octets.skip(asn_bytes + 2)
    family = octets.number(2)
    if family not in (1, 2):
        raise Cut(f"address family {family}")
    peer = octets.address(4 if family == 1 else 6)
    octets.address(4 if family == 1 else 6)
    octets.skip(16)
    octets.number(2)
    if octets.number(1) != _UPDATE:
        return
    withdrawn = octets.part(octets.number(2))
    attributes = octets.part(octets.number(2))
    heard = None
    taken = [(What.WITHDRAWN, *one) for one in withdrawn.prefixes(4, has_ids)]
    if attributes.left:
        heard = decode(attributes, asn_bytes=asn_bytes)
        for what, more in ((What.WITHDRAWN, heard.unreachable), (What.ANNOUNCED, heard.reachable)):
            if more is not None:
                taken += [(what, *one) for one in Octets(more[1]).prefixes(more[0], has_ids)]
    taken += [(What.ANNOUNCED, *one) for one in octets.prefixes(4, has_ids)]
    for what, prefix, path_id in taken:
        if wanted.takes(prefix):
            route = Route(what=what, at=at, peer_asn=asn, peer=peer, prefix=prefix, path_id=path_id)
            if what is What.ANNOUNCED and heard is not None:
                route = Route(
                    what=what,
                    at=at,
                    peer_asn=asn,
                    peer=peer,
                    prefix=prefix,
                    path_id=path_id,
                    attributes=heard,
                )
            yield route
