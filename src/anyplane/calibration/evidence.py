"""Evidence: the AS paths that collectors saw towards one site, as next hops in a topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median_low

from anyplane.topology import Topology

THE_SITE = -1
"""As a next hop: the network hears the site itself."""


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Networks are indices into the topology.

    paths: different ones. taken[n][m]: paths on which n has its route from m (THE_SITE: from the site).
    prepends[n, m]: extra copies of m on those paths. heard_from[n, m]: length of the path as n received it.
    """

    paths: int = 0
    taken: dict[int, Counter[int]] = field(default_factory=dict)
    prepends: dict[tuple[int, int], int] = field(default_factory=dict)
    length: dict[tuple[int, int], int] = field(default_factory=dict)
    cut: int = 0
    """Paths that were cut where they name a network that the topology lacks."""
    looped: int = 0
    """Paths left out because a network stands in them twice."""

    def main(self, network: int) -> int:
        """The next hop that most paths show; the lowest index of equals."""
        return min(self.taken[network].items(), key=lambda item: (-item[1], item[0]))[0]

    def hears_the_site(self, network: int) -> bool:
        """Was the network seen with the site as its neighbour?"""
        return THE_SITE in self.taken.get(network, ())


def evidence(topology: Topology, paths: Iterable[tuple[int, ...]], *, origin: int) -> Evidence:
    """The Evidence of AS paths (observer first); behind the first `origin` stands the announcement's own.

    A path without the origin says nothing about the site and is left out; equal paths count once.
    """
    found = Evidence()
    extra: dict[tuple[int, int], list[int]] = {}
    lengths: dict[tuple[int, int], list[int]] = {}
    for path in sorted({path for path in paths if origin in path[1:]}):
        hops, copies = _collapsed(path[: path.index(origin)])
        own = path[path.index(origin) :].count(origin)
        if len(set(hops)) < len(hops):
            found.looped += 1
            continue
        known = [topology.index_of(asn) for asn in hops]
        if -1 in known:
            found.cut += 1
            last = max(at for at, network in enumerate(known) if network < 0) + 1
            known, copies = known[last:], copies[last:]
        if not known:
            continue
        found.paths += 1
        for at, network in enumerate(known):
            next_hop = known[at + 1] if at + 1 < len(known) else THE_SITE
            found.taken.setdefault(network, Counter())[next_hop] += 1
            if next_hop != THE_SITE:
                extra.setdefault((network, next_hop), []).append(copies[at + 1])
            behind = len(known) - at - 1 + sum(copies[at + 1 :])
            lengths.setdefault((network, next_hop), []).append(behind + min(own, 1))
    found.prepends = {pair: median_low(values) for pair, values in extra.items()}
    found.length = {pair: median_low(values) for pair, values in lengths.items()}
    return found


def _collapsed(path: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The ASNs with repetitions taken out, and how many extra copies each had."""
    asns: list[int] = []
    extra: list[int] = []
    for asn in path:
        if asns and asns[-1] == asn:
            extra[-1] += 1
        else:
            asns.append(asn)
            extra.append(0)
    return asns, extra
