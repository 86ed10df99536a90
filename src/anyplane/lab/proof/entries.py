"""entries: where each prefix of a random world enters: seeds of the definition, and the nodes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anyplane.design import announcements
from anyplane.lab.blueprint import Blueprint
from anyplane.lab.proof.random_worlds import World
from anyplane.lab.proof.rehearsal import host_announcements
from anyplane.lab.world.draft import router_name
from anyplane.model.nouns import Announcement, Asn, Prefix, RouteClass, UpstreamKind
from anyplane.planning.sessions import Sessions
from anyplane.routing import Seed, Seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The node behind one seed. server: the route server between, "" for none."""

    node: str
    server: str = ""
    is_discarded: bool = False
    is_hijack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Prefixes that enter alike; `doors` as many as there are seeds."""

    prefixes: tuple[Prefix, ...]
    seeds: Seeds
    doors: tuple[Door, ...]


def entries(world: World, blueprint: Blueprint) -> Iterator[Entered]:
    """One for each prefix, then one for each blackholed address."""
    listed = announcements(world.design)
    for group in world.design.groups:
        for prefix in group.prefixes:
            yield _entered(world, blueprint, prefix, [one for one in listed if one.prefix == prefix])
    for site, host in world.blackholes:
        yield _entered(world, blueprint, host, host_announcements(listed, site, host))


def _entered(world: World, blueprint: Blueprint, prefix: Prefix, announced: list[Announcement]) -> Entered:
    sessions = Sessions(world.topology)
    number_of = {str(site.name): number for number, site in enumerate(world.design.sites)}
    servers = {
        (link.site, int(link.upstream)): blueprint.exchanges[link.exchange].route_server
        for link in blueprint.sites
        if link.exchange >= 0
    }
    seeds: list[Seed] = []
    doors: list[Door] = []
    for item in announced:
        number = number_of[str(item.site)]
        heard = sessions.seeds(item, world.design.sites[number], index=number, warnings=[])
        is_served = item.kind == UpstreamKind.ROUTE_SERVER
        door = Door(
            node=blueprint.site_nodes[str(item.site)].name,
            server=servers.get((str(item.site), int(item.upstream)), "") if is_served else "",
            is_discarded=item.is_blackhole,
        )
        seeds += heard
        doors += [door] * len(heard)
    for pop, stolen in world.hijacks:
        if stolen == prefix:
            asn = Asn(int(world.topology.asn[world.topology.pop_network[pop]]))
            seeds.append(
                Seed(
                    pop=pop,
                    site=len(number_of),
                    route_class=RouteClass.ORIGIN,
                    length=0,
                    asn=asn,
                    is_invalid=True,
                )
            )
            doors.append(Door(node=router_name(world.topology, pop), is_hijack=True))
    return Entered(prefixes=(prefix,), seeds=Seeds.of(seeds, sites=len(number_of) + 1), doors=tuple(doors))
