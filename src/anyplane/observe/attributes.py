"""decode: the BGP attributes that say which way a route came (RFC 4271, RFC 4760, RFC 6793, RFC 8092)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.observe.octets import Cut, Octets

_SET, _SEQUENCE, _CONFED_SEQUENCE, _CONFED_SET = 1, 2, 3, 4
_AS_PATH, _COMMUNITIES, _MP_REACH, _MP_UNREACH, _AS4_PATH, _LARGE = 2, 8, 14, 15, 17, 32
_EXTENDED_LENGTH = 0x10
_UNICAST = 1
AS_TRANS = 23456


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is needed of a route's attributes."""

    path: tuple[int, ...] = ()
    """The sequence, nearest AS first; without confederations and sets"""
    has_set: bool = False
    """A set stood in the path (RFC 6472 forbids them): its order is not known"""
    communities: tuple[str, ...] = ()
    """64500:1, and large ones as 64500:1:2"""
    reachable: tuple[int, bytes] | None = None
    """Family and prefixes of MP_REACH_NLRI"""
    unreachable: tuple[int, bytes] | None = None


NOTHING = Attributes()


def decode(octets: Octets, *, asn_bytes: int, in_table: bool = False) -> Attributes:
    """The attributes in these bytes; Cut where one is longer than its container.

    in_table: MP_REACH_NLRI is left out, since tables keep no more of it than the next hop (RFC 6396, 4.3.4).
    """
    path: tuple[int, ...] = ()
    newer: tuple[int, ...] | None = None
    has_set = False
    communities: tuple[str, ...] = ()
    reachable = unreachable = None
    while octets.left:
        flags, kind = octets.number(1), octets.number(1)
        value = octets.part(octets.number(2 if flags & _EXTENDED_LENGTH else 1))
        if kind == _AS_PATH:
            path, has_set = _path(value, asn_bytes)
        elif kind == _AS4_PATH:
            newer, _ = _path(value, 4)
        elif kind == _COMMUNITIES:
            communities += tuple(_colons(value, 2, 2))
        elif kind == _LARGE:
            communities += tuple(_colons(value, 4, 3))
        elif kind == _MP_REACH and not in_table:
            reachable = _reachable(value)
        elif kind == _MP_UNREACH and not in_table:
            unreachable = _family(value.number(2), value.number(1), value)
    if newer is not None and asn_bytes == 2 and len(newer) <= len(path):
        # RFC 6793, 4.2.3: the new path replaces the tail of the old one, in which its ASNs are AS_TRANS.
        path = path[: len(path) - len(newer)] + newer
    return Attributes(
        path=path,
        has_set=has_set,
        communities=communities,
        reachable=reachable,
        unreachable=unreachable,
    )


def _path(octets: Octets, asn_bytes: int) -> tuple[tuple[int, ...], bool]:
    path: list[int] = []
    has_set = False
    while octets.left:
        kind, count = octets.number(1), octets.number(1)
        if kind not in (_SET, _SEQUENCE, _CONFED_SEQUENCE, _CONFED_SET):
            raise Cut(f"a segment of type {kind} in an AS path")
        hops = [octets.number(asn_bytes) for _ in range(count)]
        if kind == _SEQUENCE:
            path += hops
        elif kind == _SET:
            has_set = True
    return tuple(path), has_set


def _colons(octets: Octets, size: int, parts: int) -> Sequence[str]:
    found = []
    while octets.left:
        found.append(":".join(str(octets.number(size)) for _ in range(parts)))
    return found


def _reachable(octets: Octets) -> tuple[int, bytes] | None:
    afi, safi = octets.number(2), octets.number(1)
    octets.skip(octets.number(1))
    octets.skip(1)
    return _family(afi, safi, octets)


def _family(afi: int, safi: int, octets: Octets) -> tuple[int, bytes] | None:
    if afi not in (1, 2) or safi != _UNICAST:
        return None
    return (4 if afi == 1 else 6), octets.raw(octets.left)
