"""site_facts: Evidence of one site -> SiteFacts by ASN, and back into what `alone` and `willingness` take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from anyplane.calibration.alone import Bools, Entry, Ground, Int32
from anyplane.calibration.alone_kernels import FAR
from anyplane.calibration.calibration import Heard, Refused, SiteFacts, Taken, Willing
from anyplane.calibration.corrections import corrections
from anyplane.calibration.evidence import THE_SITE, Evidence
from anyplane.calibration.willingness import willingness
from anyplane.topology import Topology

CLASS_NAMES = {1: "customer", 2: "peer", 3: "provider"}


def site_facts(
    ground: Ground, site: str, seen: Evidence, entries: tuple[Entry, ...], *, silent: Bools, added: Int32
) -> SiteFacts:
    """What the Evidence says about a site with these entries (those of `heard` among them)."""
    t = ground.topology
    found = corrections(ground, seen, entries, silent=silent, added=added)
    open_added = found.added.copy()
    for link in found.refused:
        open_added[link] = 0
    known = willingness(ground, seen, found.routes, open_added)
    has_session = {int(t.pop_network[entry.pop]) for entry in entries}
    by_class = [Counter[int](), Counter[int]()]
    for counts, total in ((known.taken, by_class[0]), (known.refused, by_class[1])):
        for (_, held_as), number in counts.items():
            total[held_as] += number
    willing = [
        Willing(neighbour=0, relation=CLASS_NAMES[c], taken=by_class[0][c], refused=by_class[1][c])
        for c in (1, 2, 3)
    ]
    for neighbour, held_as in sorted({*known.taken, *known.refused}):
        willing.append(
            Willing(
                neighbour=int(t.asn[neighbour]),
                relation=CLASS_NAMES[held_as],
                taken=known.taken.get((neighbour, held_as), 0),
                refused=known.refused.get((neighbour, held_as), 0),
            )
        )
    return SiteFacts(
        site=site,
        paths=seen.paths,
        heard=heard(ground, seen),
        taken=_taken(ground, seen, found.leaks),
        refused=tuple(
            Refused(asn=int(t.asn[ground.owner[link]]), neighbour=int(t.asn[t.adj[link]]), networks=networks)
            for link, networks in sorted(found.refused.items(), key=lambda item: (-item[1], item[0]))
        ),
        willing=tuple(willing),
        unheard=sum(1 for n in has_session if n in seen.taken and not seen.hears_the_site(n)),
        unexplained=found.unexplained,
    )


def heard(ground: Ground, seen: Evidence) -> tuple[Heard, ...]:
    """Who hears the site itself. Whoever hands it on to others than customers holds it as a customer's."""
    t = ground.topology
    hands_up: set[int] = set()
    for network, next_hops in seen.taken.items():
        for neighbour in next_hops:
            at = ground.adjacency(network, neighbour) if neighbour != THE_SITE else -1
            if at >= 0 and int(ground.route_class[at]) != 3:
                hands_up.add(neighbour)
    return tuple(
        Heard(
            asn=int(t.asn[network]),
            relation="customer" if network in hands_up else "peer",
            paths=next_hops[THE_SITE],
        )
        for network, next_hops in sorted(seen.taken.items())
        if THE_SITE in next_hops
    )


def _taken(ground: Ground, seen: Evidence, leaks: frozenset[int]) -> tuple[Taken, ...]:
    t = ground.topology
    facts = []
    for network, next_hops in sorted(seen.taken.items()):
        for neighbour, paths in sorted(next_hops.items()):
            if neighbour == THE_SITE:
                continue
            at = ground.adjacency(network, neighbour)
            facts.append(
                Taken(
                    asn=int(t.asn[network]),
                    neighbour=int(t.asn[neighbour]),
                    paths=paths,
                    prepends=seen.prepends[network, neighbour],
                    length=seen.length[network, neighbour],
                    is_leak=at in leaks,
                    is_in_graph=at >= 0,
                )
            )
    return tuple(facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """SiteFacts in the indices of a topology. refused, leaks: adjacencies; absent: facts that it lacks."""

    seen: Evidence
    refused: tuple[int, ...]
    leaks: tuple[int, ...]
    absent: int


def recalled(ground: Ground, facts: SiteFacts) -> Recalled:
    """The facts for this graph, which may be another than the one that they were learned on."""
    t = ground.topology
    seen = Evidence(paths=facts.paths)
    leaks: list[int] = []
    refused: list[int] = []
    absent = 0
    for fact in facts.heard:
        network = t.index_of(fact.asn)
        absent += network < 0
        if network >= 0:
            seen.taken.setdefault(network, Counter())[THE_SITE] += fact.paths
    for item in facts.taken:
        network, neighbour = t.index_of(item.asn), t.index_of(item.neighbour)
        if network < 0 or neighbour < 0:
            absent += 1
            continue
        seen.taken.setdefault(network, Counter())[neighbour] += item.paths
        seen.prepends[network, neighbour] = item.prepends
        seen.length[network, neighbour] = item.length
        at = ground.adjacency(network, neighbour)
        if item.is_leak and at >= 0:
            leaks.append(at)
    for cut in facts.refused:
        network, neighbour = t.index_of(cut.asn), t.index_of(cut.neighbour)
        at = ground.adjacency(network, neighbour) if network >= 0 and neighbour >= 0 else -1
        if at >= 0:
            refused.append(at)
        absent += at < 0
    return Recalled(seen=seen, refused=tuple(refused), leaks=tuple(leaks), absent=absent)


def corrected(added: Int32, ground: Ground, known: Recalled) -> tuple[Int32, Int32]:
    """(added with prepends and refusals, the same without the refusals)."""
    open_added = added.copy()
    for (network, neighbour), extra in known.seen.prepends.items():
        at = ground.adjacency(network, neighbour)
        if at >= 0:
            open_added[at] = extra
    closed = open_added.copy()
    closed[list(known.refused)] = FAR
    return closed, open_added


def missing_links(topology: Topology, facts: SiteFacts) -> tuple[tuple[int, int], ...]:
    """(network, length as received) where a network has its route over a link that the graph lacks."""
    return tuple(
        (topology.index_of(item.asn), item.length)
        for item in facts.taken
        if not item.is_in_graph and topology.index_of(item.asn) >= 0
    )
