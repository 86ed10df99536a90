"""Octets: a piece of a message that is read from left to right and never beyond its end."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


class Cut(ValueError):  # noqa: N818  # it reads as what it says
    """There is less, or something else, than the bytes before promised."""


class Octets:
    """Bytes with a place in them; each call takes what it returns."""

    __slots__ = ("_at", "_bytes")

    def __init__(self, content: bytes) -> None:
        self._bytes = content
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._bytes) - self._at

    def raw(self, count: int) -> bytes:
        """The next `count` bytes; Cut where there are fewer."""
        end = self._at + count
        if end > len(self._bytes):
            raise Cut(f"{count} bytes are promised where {self.left} are left")
        piece = self._bytes[self._at : end]
        self._at = end
        return piece

    def skip(self, count: int) -> None:
        """Leave out the next `count` bytes."""
        self.raw(count)

    def part(self, count: int) -> Octets:
        """The next `count` bytes for themselves."""
        return Octets(self.raw(count))

    def number(self, count: int) -> int:
        """The next `count` bytes as a number."""
        return int.from_bytes(self.raw(count), "big")

    def address(self, family: int) -> IPv4Address | IPv6Address:
        """The next address."""
        return IPv4Address(self.raw(4)) if family == 4 else IPv6Address(self.raw(16))

    def prefix(self, family: int) -> IPv4Network | IPv6Network:
        """The next prefix: its length in bits, then as many bytes as that needs, or a whole address.

        Bits beyond the length are no part of it (RFC 4271, 4.3: their value is irrelevant).
        """
        bits = self.number(1)
        size = 32 if family == 4 else 128
        if bits > size:
            raise Cut(f"a prefix of {bits} bits")
        value = int.from_bytes(self.raw((bits + 7) // 8).ljust(size // 8, b"\0"), "big")
        value = value >> (size - bits) << (size - bits)
        return IPv4Network((value, bits)) if family == 4 else IPv6Network((value, bits))

    def prefixes(self, family: int, has_ids: bool) -> Iterator[tuple[IPv4Network | IPv6Network, int]]:
        """All the prefixes that are left, each with its path identifier (0 without)."""
        while self.left:
            path_id = self.number(4) if has_ids else 0
            yield self.prefix(family), path_id
