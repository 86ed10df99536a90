"""compare: random worlds on real routers against the definition of routing: who disagrees, by which rule.

For each seed the world of `random_worlds` comes up without delays, with BIRD (and FRR where asked) as its
routers and BIRD at its sites, fed with the design's announcements (lab.rehearsal). Then the best route of
every router for every prefix is held against `routing.reference` on the same topology: the AS path with its
prepends, the neighbour where traffic leaves the network, the site behind it, and whether it is discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.container.client import Lab
from anyplane.lab.proof.random_worlds import World, random_world
from anyplane.lab.proof.reasoning import candidates_of
from anyplane.lab.proof.rehearsal import EDITION
from anyplane.lab.world.build import build, router_name
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compiled
from anyplane.routing import NO_NEXT, Routes
from anyplane.routing.reference import propagate

REHEARSAL_S = 120.0
Tables = Mapping[str, Mapping[str, list[dict[str, Any]]]]
"""Node -> prefix -> its routes, the best first: what the operation `rehearse` answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a router sends a prefix. as_path: as heard; () with no neighbour: no route."""

    as_path: tuple[int, ...] = ()
    neighbour: str = ""
    site: str = ""
    is_discarded: bool = False

    def __str__(self) -> str:
        if not self.neighbour:
            return "no route"
        end = "discarded for" if self.is_discarded else "to"
        return f"{' '.join(map(str, self.as_path))} by {self.neighbour} {end} {self.site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One router that goes another way than predicted. Candidates: one line each, the best first.

    rule: the rule of docs/explanation/routing-model.md that chose the predicted way among the candidates.
    """

    seed: int
    node: str
    daemon: str
    prefix: str
    predicted: Way
    seen: Way
    rule: str
    predicted_candidates: tuple[str, ...]
    seen_candidates: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"world {self.seed}: {self.node} ({self.daemon}) {self.prefix}",
            f"  predicted  {self.predicted}   by {self.rule}",
            *(f"             | {line}" for line in self.predicted_candidates),
            f"  seen       {self.seen}",
            *(f"             | {line}" for line in self.seen_candidates),
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared: `ways` is the number of (router, prefix) pairs, `routed` those that have a route."""

    worlds: int
    routers: int
    ways: int
    routed: int
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        lines = [str(one) for one in self.differences]
        lines.append(
            f"{self.worlds} worlds, {self.routers:,} routers, {self.ways:,} best routes "
            f"({self.routed:,} not empty): {len(self.differences)} differences"
        )
        return "\n".join(lines)


def compare(
    seeds: Iterable[int],
    *,
    routers: int = 30,
    frr: int = 0,
    on_world: Callable[[int, Comparison], None] | None = None,
) -> Comparison:
    """One world after the other; `frr` networks of each run FRR. on_world hears each seed's own result."""
    total = Comparison(worlds=0, routers=0, ways=0, routed=0, differences=())
    for seed in seeds:
        one = compared(random_world(seed, routers=routers), frr=frr)
        if on_world is not None:
            on_world(seed, one)
        total = Comparison(
            worlds=total.worlds + 1,
            routers=total.routers + one.routers,
            ways=total.ways + one.ways,
            routed=total.routed + one.routed,
            differences=(*total.differences, *one.differences),
        )
    return total


def compared(world: World, *, frr: int = 0) -> Comparison:
    """One world, brought up, asked, taken down and held against the definition."""
    chosen = frr_routers(world, frr)
    name = f"compare-{world.seed}"
    blueprint = build(world.design, world.topology, name=name, frr=chosen, has_delays=False)
    return held(world, blueprint, tables_of(blueprint))


def frr_routers(world: World, networks: int) -> tuple[str, ...]:
    """The routers of so many networks, spread over the hierarchy; upstreams of sites are among them."""
    topology = world.topology
    heard = [network for network in range(topology.networks) if topology.asn[network] != world.design.origin]
    rng = np.random.default_rng(world.seed)
    chosen = set(rng.choice(heard, min(networks, len(heard)), replace=False).tolist())
    return tuple(
        router_name(topology, pop) for pop in range(topology.pops) if int(topology.pop_network[pop]) in chosen
    )


def tables_of(blueprint: Blueprint) -> Tables:
    """All routes of all routers, once every site announces what the design says; the lab is gone then."""
    bare = replace(blueprint, design_text="")  # one with a design would bring up agents
    with Lab.up(bare, files={EDITION: blueprint.design_text}) as lab:
        tables: Tables = lab.call("rehearse", timeout=REHEARSAL_S)
    return tables


def held(world: World, blueprint: Blueprint, tables: Tables) -> Comparison:
    """The tables against the definition; pure."""
    name_of = {
        pop: router_name(world.topology, pop)
        for pop in range(world.topology.pops)
        if router_name(world.topology, pop) in blueprint.by_name
    }
    differences: list[Difference] = []
    ways = routed = 0
    for scenario in compiled(world.design, world.topology):
        routes = propagate(world.topology, scenario.seeds)
        for prefix in map(str, scenario.prefixes):
            for pop, node in name_of.items():
                predicted = _predicted(world, blueprint, scenario, routes, name_of, pop)
                seen = _seen(blueprint, tables, node, prefix)
                ways += 1
                routed += bool(seen.neighbour)
                if predicted != seen:
                    rule, listed = candidates_of(routes, pop)
                    differences.append(
                        Difference(
                            seed=world.seed,
                            node=node,
                            daemon=str(blueprint.by_name[node].daemon),
                            prefix=prefix,
                            predicted=predicted,
                            seen=seen,
                            rule=rule,
                            predicted_candidates=listed,
                            seen_candidates=tuple(map(_line, tables[node].get(prefix, []))),
                        )
                    )
    return Comparison(
        worlds=1, routers=len(name_of), ways=ways, routed=routed, differences=tuple(differences)
    )


def _predicted(
    world: World,
    blueprint: Blueprint,
    scenario: Scenario,
    routes: Routes,
    name_of: Mapping[int, str],
    pop: int,
) -> Way:
    path = routes.as_path(pop)
    if not path:
        return Way()
    following = int(routes.next_hop[pop])
    k = routes.seed_of(pop)
    site = blueprint.site_nodes[str(world.design.sites[scenario.owners[k]].name)].name
    is_here = following < 0 and following != NO_NEXT
    is_virtual = scenario.seeds.seeds[k].site >= scenario.real_sites
    return Way(
        # The definition puts prepends that the first network adds towards others behind its own ASN.
        as_path=tuple(int(scenario.seeds.seeds[k].asn) for _ in range(int(routes.lengths[k])))
        if is_here
        else path[1:],
        neighbour=site if is_here else name_of[following],
        site=site,
        is_discarded=is_here and is_virtual,
    )


def _seen(blueprint: Blueprint, tables: Tables, node: str, prefix: str) -> Way:
    """Over iBGP to the pop where it leaves, and from there on to the site."""
    best = _best(tables, node, prefix)
    if best is None:
        return Way()
    neighbour, here = _neighbour(tables, node, prefix), node
    site = neighbour
    for _ in range(len(blueprint.nodes)):
        if not site or blueprint.by_name[site].kind == NodeKind.SITE:
            break
        here, site = site, _neighbour(tables, site, prefix)
    return Way(
        as_path=tuple(best["as_path"]),
        neighbour=neighbour or f"nobody beyond {here}",
        site=site or "nowhere",
        is_discarded=bool(best["is_discarded"]),
    )


def _neighbour(tables: Tables, node: str, prefix: str) -> str:
    """The node outside the network; the site itself where a route server is between."""
    best = _best(tables, node, prefix)
    if best is not None and best["kind"] == "pop":
        node = str(best["from_"])
        best = _best(tables, node, prefix)
    if best is not None and best["kind"] == "server":
        best = _best(tables, str(best["from_"]), prefix)
    if best is None or best["kind"] == "pop":
        return ""
    return str(best["from_"])


def _best(tables: Tables, node: str, prefix: str) -> dict[str, Any] | None:
    listed = tables.get(node, {}).get(prefix, [])
    return listed[0] if listed and listed[0]["is_best"] else None


def _line(route: dict[str, Any]) -> str:
    path = " ".join(map(str, route["as_path"]))
    best = "best" if route["is_best"] else "    "
    return (
        f"{best} {path} from {route['from_'] or 'itself'}, local_pref {route['local_pref']}, "
        f"MED {route['med']}, IGP metric {route['igp_metric']}"
    )
