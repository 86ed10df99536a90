"""read_rib_origins: which network announces which prefix, out of the table of a route collector."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from anyplane.datasets.compressed import opened
from anyplane.datasets.prefix_origins import PrefixOrigins
from anyplane.model.errors import DataError
from anyplane.observe.mrt import DamagedMrt, IPNetwork, What, routes


def read_rib_origins(path: Path) -> PrefixOrigins:
    """For each prefix of a RIB the origin that most peers see, of equals the lowest; like a pfx2as file.

    Takes minutes and gigabytes for a whole table of a large collector; a pfx2as file is quicker.
    """
    seen: dict[IPNetwork, Counter[int]] = defaultdict(Counter)
    with opened(path) as file:
        try:
            for route in routes(file):
                if route.what is What.IN_TABLE and route.attributes.path and not route.attributes.has_set:
                    seen[route.prefix][route.attributes.path[-1]] += 1
        except DamagedMrt as error:
            raise DataError(str(path), f"{error.message} (byte {error.offset:,})") from error
    if not seen:
        raise DataError(str(path), "holds no table of routes", hint="give a RIB (bview, rib), not updates")
    rows = ((prefix, min(found, key=lambda asn: (-found[asn], asn))) for prefix, found in seen.items())
    return PrefixOrigins.of(rows, several=sum(len(found) > 1 for found in seen.values()))
