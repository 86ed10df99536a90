"""Vrp: one validated ROA payload (RFC 6811), and VrpSet: those of one file that matter to some prefixes."""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.model.nouns import Asn, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrp:
    """An AS may originate `prefix` and its more-specifics up to `max_length`; AS0: nobody may (RFC 6483).

    expires: Unix time from which it no longer counts, None where the file does not say. trust_anchor: "ripe",
    "arin", … or "" where unknown.
    """

    prefix: Prefix
    max_length: int
    asn: Asn
    expires: int | None = None
    trust_anchor: str = ""

    def covers(self, route: Prefix) -> bool:
        """RFC 6811: is the route's prefix equal to this one or inside of it, whatever the maximum length?"""
        return covers(self.prefix, route)

    def matches(self, route: Prefix, origin: int) -> bool:
        """RFC 6811: covered, not longer than max_length, and of this AS; AS0 matches no route."""
        return self.covers(route) and route.prefixlen <= self.max_length and 0 != self.asn == origin

    def __str__(self) -> str:
        longer = f" to /{self.max_length}" if self.max_length != self.prefix.prefixlen else ""
        return f"AS{int(self.asn)} {self.prefix}{longer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VrpSet:
    """What one file of VRPs says about some prefixes.

    total: entries of the file, whatever they are about. vrps: those that cover one of the prefixes or lie in
    one, each once, in the order of prefix, length and AS. generated: Unix time at which the validator made
    the file, None where it does not say. half_expire_by: half of the entries that state when they expire do
    so by this time. broken: entries among the relevant ones with a maximum length that no ROA may have; they
    are left out, as RFC 9582 asks of validators. duplicates: relevant entries that were there already.
    """

    source: str
    form: str
    total: int
    vrps: tuple[Vrp, ...]
    generated: int | None = None
    half_expire_by: int | None = None
    broken: tuple[str, ...] = ()
    duplicates: int = 0


def covers(outer: Prefix, inner: Prefix) -> bool:
    """Is `inner` the same as `outer` or inside of it? Never across address families."""
    if outer.version != inner.version or outer.prefixlen > inner.prefixlen:
        return False
    return int(outer.network_address) ^ int(inner.network_address) < 1 << (
        outer.max_prefixlen - outer.prefixlen
    )
