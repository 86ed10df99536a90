"""Hazards: what on lo keeps a lease from doing its work, found before it has to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_interface

from anyplane.kernel.addresses import LoAddress
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix


class HazardKind(StrEnum):
    """What can keep a lease from doing its work."""

    STATIC = "static"
    RIVAL = "rival"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A prefix whose lease does not, or did not, work; `text` says why and what to do."""

    prefix: Prefix
    kind: HazardKind
    text: str


def found_in(prefixes: frozenset[Prefix], seen: list[LoAddress]) -> tuple[Hazard, ...]:
    """Hazards of these prefixes among the addresses of lo, in their order."""
    found = []
    for one in seen:
        prefix = one.network
        if prefix not in prefixes:
            continue
        own = ip_interface((one.address, one.length))
        if not one.is_anchor:
            text = (
                f"{own} on lo is in the same subnet as the lease of {prefix}: the daemon announces "
                f"{prefix} for as long as it is there; give it the length /{one.address.max_prefixlen}"
            )
            found.append(Hazard(prefix=prefix, kind=HazardKind.RIVAL, text=text))
        elif one.left_s is None:
            text = (
                f"{prefix} was on lo without a lifetime, so that no silence of the agent could withdraw it; "
                "it is leased now; remove it from the host's static configuration"
            )
            found.append(Hazard(prefix=prefix, kind=HazardKind.STATIC, text=text))
    return tuple(sorted(found, key=lambda one: (order(one.prefix), one.text)))


def collision(prefix: Prefix, seen: list[LoAddress], wanted: frozenset[Prefix]) -> KernelError | None:
    """IPv6 has an address once on a device, whatever its length: two prefixes cannot both begin with it."""
    if prefix.version == 4:
        return None
    first = prefix.network_address
    lengths = {one.length for one in seen if one.address == first and not one.is_stand_in}
    # Of two that are wanted and neither there yet, the shorter (the aggregate) gets the address.
    lengths |= {
        one.prefixlen for one in wanted if one.network_address == first and one.prefixlen < prefix.prefixlen
    }
    others = lengths - {prefix.prefixlen}
    if not others:
        return None
    return KernelError(
        f"{prefix} on lo: {first} is already there, or wanted, with the length /{min(others)}",
        hint="an IPv6 address exists once on lo: announce prefixes that begin with different addresses",
    )


def order(prefix: Prefix) -> tuple[int, int, int]:
    """By family, address and length."""
    return (prefix.version, int(prefix.network_address), prefix.prefixlen)
