"""compile: Design + Topology -> Scenarios: names become indices, announcements become seeds.

Prefixes that are announced alike and are for the same users share one scenario. What a session means in
seeds: a transit upstream holds our route as a customer's, a peer as a peer's, and behind a route server
(RFC 7947: it adds no ASN) every member of the exchange holds it as a peer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anyplane.design import announcements
from anyplane.design.design import Audience, Design, PrefixGroup, Site
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import Announcement, Prefix
from anyplane.planning.sessions import Sessions
from anyplane.routing import Seed, Seeds
from anyplane.routing.state import OFF, Lengths, lengths_of
from anyplane.topology import Topology

Signature = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The prefixes that share one set of announcements and one audience, and that set as seeds.

    sites: every site of the design in its order, then the virtual ones (blackholes, hijackers); seeds name
    them by index. owners: for each seed the design site that would take it along when it fails, -1 for none
    (a hijacker). load_per_user: of all groups together; a group split over several scenarios counts in each
    with the part of its prefixes that is there. audience: whose users are meant, None for everybody.
    routing: scenarios of one number have the same seeds, so their routes are the same too.
    """

    name: str
    groups: tuple[str, ...]
    prefixes: tuple[Prefix, ...]
    sites: tuple[str, ...]
    real_sites: int
    seeds: Seeds
    owners: tuple[int, ...]
    load_per_user: float | None
    warnings: tuple[str, ...]
    audience: Audience | None = None
    routing: int = 0

    @property
    def announcing(self) -> tuple[int, ...]:
        """The sites that announce something here, ascending."""
        return tuple(sorted({owner for owner in self.owners if owner >= 0}))

    def without(self, site: int) -> Lengths:
        """(K,) the seed lengths when this site has failed; its blackholes go with it."""
        return np.where(np.array(self.owners) == site, OFF, lengths_of(self.seeds)).astype(np.uint16)

    def failing(self, site: int) -> Scenario:
        """The scenario as it is when this site has failed: the same, less the site's seeds."""
        kept = [k for k, owner in enumerate(self.owners) if owner != site]
        return replace(
            self,
            seeds=Seeds.of([self.seeds.seeds[k] for k in kept], sites=self.seeds.sites),
            owners=tuple(self.owners[k] for k in kept),
        )

    def alone(self, site: int) -> Lengths:
        """(K,) the seed lengths when only this site announces."""
        return np.where(np.array(self.owners) == site, lengths_of(self.seeds), OFF).astype(np.uint16)


def compile(  # noqa: A001 - the field's word, and modules say planning.compile
    design: Design,
    topology: Topology,
    *,
    group: str = "",
    hijackers: Sequence[tuple[str, Seed]] = (),
) -> tuple[Scenario, ...]:
    """One Scenario for each distinct announcement set and audience, in the order of the design's prefixes.

    group: only the prefixes of this one. hijackers: (name, seed) pairs that take part in every scenario;
    the `site` of such a seed is replaced by that of its virtual site. A TopologyError collects every upstream
    that the topology lacks.
    """
    names = [item.name for item in design.groups]
    if group and group not in names:
        raise UsageError(f"the design has no group {group!r}", hint="it has " + ", ".join(names))
    by_prefix: dict[Prefix, list[Announcement]] = {}
    for announcement in announcements(design):
        by_prefix.setdefault(announcement.prefix, []).append(announcement)
    alike: dict[tuple[Signature, Audience | None], list[tuple[PrefixGroup, Prefix]]] = {}
    for item in design.groups:
        for prefix in item.prefixes:
            if not group or item.name == group:
                key = (_signature(by_prefix.get(prefix, [])), item.audience)
                alike.setdefault(key, []).append((item, prefix))

    sessions = Sessions(topology)
    order = {str(site.name): index for index, site in enumerate(design.sites)}
    signatures = list(dict.fromkeys(signature for signature, _ in alike))
    scenarios = []
    for (signature, _), members in alike.items():
        announced = by_prefix.get(members[0][1], [])
        scenario = _scenario(design, sessions, order, members, announced, hijackers)
        scenarios.append(replace(scenario, routing=signatures.index(signature)))
    if sessions.problems:
        raise TopologyError("\n".join(dict.fromkeys(sessions.problems)))
    return tuple(_with_distinct_names(scenarios))


def _signature(announced: Sequence[Announcement]) -> Signature:
    """Everything of the announcements that routing can tell apart, the prefix itself left out."""
    return tuple(
        sorted(
            (
                (
                    str(item.site),
                    int(item.upstream),
                    item.kind.value,
                    item.as_path_prepend,
                    item.med,
                    item.communities,
                    tuple(sorted(map(repr, item.export_rules))),
                    item.is_backup,
                    item.is_blackhole,
                )
                for item in announced
            ),
            key=repr,
        )
    )


def _scenario(
    design: Design,
    sessions: Sessions,
    order: dict[str, int],
    members: list[tuple[PrefixGroup, Prefix]],
    announced: Sequence[Announcement],
    hijackers: Sequence[tuple[str, Seed]],
) -> Scenario:
    sites: list[str] = [str(site.name) for site in design.sites]
    seeds: list[Seed] = []
    owners: list[int] = []
    warnings: list[str] = []
    for item in announced:
        owner = order[str(item.site)]
        site: Site = design.sites[owner]
        index = owner
        if item.is_blackhole:
            index = _index_of(sites, blackhole_at(item.upstream))
        heard = sessions.seeds(item, site, index=index, warnings=warnings)
        seeds += heard
        owners += [owner] * len(heard)
    for name, seed in hijackers:
        index = _index_of(sites, name)
        seeds.append(replace(seed, site=index))
        owners.append(-1)

    groups = tuple(dict.fromkeys(item.name for item, _ in members))
    prefixes = tuple(prefix for _, prefix in members)
    return Scenario(
        name="+".join(groups),
        groups=groups,
        prefixes=prefixes,
        sites=tuple(sites),
        real_sites=len(design.sites),
        seeds=Seeds.of(seeds, sites=len(sites)),
        owners=tuple(owners),
        load_per_user=_load_per_user(members),
        warnings=tuple(dict.fromkeys(warnings)),
        audience=members[0][0].audience,
    )


def _load_per_user(members: list[tuple[PrefixGroup, Prefix]]) -> float | None:
    parts = [item.load_per_user / len(item.prefixes) for item, _ in members if item.load_per_user is not None]
    return sum(parts) if parts else None


def _with_distinct_names(scenarios: list[Scenario]) -> list[Scenario]:
    """A group that splits is named group/prefix, so that each scenario can be told from the others."""
    count: dict[str, int] = {}
    for scenario in scenarios:
        for group in scenario.groups:
            count[group] = count.get(group, 0) + 1
    return [
        replace(scenario, name=f"{scenario.name}/{scenario.prefixes[0]}")
        if any(count[group] > 1 for group in scenario.groups)
        else scenario
        for scenario in scenarios
    ]


def blackhole_at(asn: int) -> str:
    """The virtual site where an upstream drops the traffic (RFC 7999)."""
    return f"(blackhole at AS{int(asn)})"


def _index_of(sites: list[str], name: str) -> int:
    if name not in sites:
        sites.append(name)
    return sites.index(name)
