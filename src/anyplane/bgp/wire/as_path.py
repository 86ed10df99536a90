"""AS_PATH: segments of 2-byte or 4-byte numbers, and the merge with AS4_PATH (RFC 4271, 5065, 6793)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

AS_TRANS = 23456


class SegmentKind(IntEnum):
    """RFC 4271 section 4.3; RFC 5065 section 3 for confederations."""

    SET = 1
    SEQUENCE = 2
    CONFED_SEQUENCE = 3
    CONFED_SET = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of the path; `asns` is never empty and has at most 255 numbers."""

    kind: SegmentKind
    asns: tuple[int, ...]


def parse_path(data: bytes, *, is_as4: bool) -> tuple[Segment, ...] | None:
    """The segments; None where RFC 7606 section 7.2 calls them malformed: unknown, empty, cut off."""
    width = 4 if is_as4 else 2
    found: list[Segment] = []
    here = 0
    while here < len(data):
        if here + 2 > len(data) or data[here] not in SegmentKind.__members__.values() or not data[here + 1]:
            return None
        end = here + 2 + data[here + 1] * width
        if end > len(data):
            return None
        numbers = range(here + 2, end, width)
        asns = tuple(int.from_bytes(data[at : at + width], "big") for at in numbers)
        found.append(Segment(kind=SegmentKind(data[here]), asns=asns))
        here = end
    return tuple(found)


def render_path(path: Iterable[Segment], *, is_as4: bool) -> bytes:
    """The same as bytes; numbers that do not fit in two become AS_TRANS (RFC 6793 section 4.2.2)."""
    width = 4 if is_as4 else 2
    return b"".join(
        bytes((segment.kind, len(segment.asns)))
        + b"".join(
            (asn if is_as4 or asn <= 0xFFFF else AS_TRANS).to_bytes(width, "big") for asn in segment.asns
        )
        for segment in path
    )


def merged(path: tuple[Segment, ...], as4_path: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """AS_PATH with its tail replaced by AS4_PATH; a longer AS4_PATH is ignored (RFC 6793 section 4.2.3)."""
    surplus = _hops(path) - _hops(as4_path)
    if surplus < 0:
        return path
    head: list[Segment] = []
    for segment in path:
        if surplus <= 0:
            break
        kept = segment.asns if segment.kind is not SegmentKind.SEQUENCE else segment.asns[:surplus]
        head.append(Segment(kind=segment.kind, asns=kept))
        surplus -= _hops((head[-1],))
    if head and as4_path and head[-1].kind is as4_path[0].kind is SegmentKind.SEQUENCE:
        joined = head[-1].asns + as4_path[0].asns
        if len(joined) <= 255:
            return (*head[:-1], Segment(kind=SegmentKind.SEQUENCE, asns=joined), *as4_path[1:])
    return (*head, *as4_path)


def _hops(path: Iterable[Segment]) -> int:
    """Length of a path as RFC 4271 section 9.1.2.2 counts it: a set is one, confederations are none."""
    counts = {SegmentKind.SEQUENCE: None, SegmentKind.SET: 1}
    total = 0
    for segment in path:
        if segment.kind in counts:
            total += counts[segment.kind] or len(segment.asns)
    return total
