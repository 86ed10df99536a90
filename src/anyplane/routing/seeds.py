"""Seeds: where one prefix enters the Internet. What `planning.compile` makes and every engine reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyplane.model.nouns import Asn, RouteClass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """One rule of the network that heard the seed, about handing it on; see model.ExportRule.

    blocks: do not export; else prepend `times`. networks: indices, None for any. metros: indices of those in
    which the exporting side of the interconnect lies, None for any. classes: what the neighbour would hold it
    as (CUSTOMER: the neighbour is our provider, PEER, PROVIDER: the neighbour is our customer); None for any.
    """

    blocks: bool
    times: int = 0
    networks: frozenset[int] | None = None
    metros: frozenset[int] | None = None
    classes: frozenset[RouteClass] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One session over which a prefix enters.

    pop: the pop that hears it. site: index of the site behind it (0 to sites - 1). route_class: how the
    network holds it: ORIGIN when the network itself originates, CUSTOMER when the site is its customer, PEER
    when a peer or behind a route server. length: ASNs in the path as heard, the network itself not counted
    (for ORIGIN: only its own prepends; else 1 + prepends). km: from pop to site. asn: the neighbour's,
    for the last tie-break. med: lower wins among seeds of one network with equal class, length and asn.
    is_invalid: dropped by networks that do ROV. is_backup: the network prefers any other route
    (GRACEFUL_SHUTDOWN, RFC 8326; "lower preference" communities).
    """

    pop: int
    site: int
    route_class: RouteClass
    length: int
    asn: Asn
    km: float = 0.0
    med: int = 0
    is_invalid: bool = False
    is_backup: bool = False
    filters: tuple[ExportFilter, ...] = ()


NO_EXPORT = ExportFilter(blocks=True)
"""RFC 1997 NO_EXPORT, which RFC 7999 BLACKHOLE implies too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """All the seeds of one prefix, and how many sites they may name."""

    seeds: tuple[Seed, ...]
    sites: int

    @staticmethod
    def of(seeds: Sequence[Seed], *, sites: int) -> Seeds:
        """Seeds of any sequence."""
        return Seeds(seeds=tuple(seeds), sites=sites)
