"""compare: random worlds on real routers against the definition of routing: who disagrees, by which rule.

For each seed the world of `random_worlds` comes up without delays, with BIRD (and FRR where asked) as its
routers and BIRD at its sites, fed with the design's announcements (proof.rehearsal). Then the best route of
every router for every prefix is held against `routing.reference` on the same topology: the AS path with its
prepends, the neighbour where traffic leaves the network (with the route server that told of it), the site
behind it, and whether it is discarded. Blackholed addresses and hijacks of the world take part.

The planner lets a network see all routes of its pops (rules 3 and 5), and so the lab configures them. With
`is_plain_ibgp` pops tell each other their best route alone, and every difference is put down to its cause.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from anyplane.lab.blueprint import Blueprint, NodeKind
from anyplane.lab.container.client import Lab
from anyplane.lab.proof.differences import Cause, Comparison, Difference, Way
from anyplane.lab.proof.entries import Entered, entries
from anyplane.lab.proof.random_worlds import World, random_world
from anyplane.lab.proof.reasoning import candidates_of
from anyplane.lab.proof.rehearsal import EDITION
from anyplane.lab.world.build import build
from anyplane.lab.world.draft import router_name
from anyplane.routing import NO_NEXT, Routes
from anyplane.routing.reference import propagate

REHEARSAL_S = 120.0
Tables = Mapping[str, Mapping[str, list[dict[str, Any]]]]
"""Node -> prefix -> its routes, the best first: what the operation `rehearse` answers."""


def compare(
    seeds: Iterable[int],
    *,
    routers: int = 30,
    frr: int = 0,
    is_plain_ibgp: bool = False,
    on_world: Callable[[int, Comparison], None] | None = None,
) -> Comparison:
    """One world after the other; `frr` networks of each run FRR. on_world hears each seed's own result."""
    total = Comparison(worlds=0, routers=0, ways=0, routed=0, differences=())
    for seed in seeds:
        one = compared(random_world(seed, routers=routers), frr=frr, is_plain_ibgp=is_plain_ibgp)
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


def compared(world: World, *, frr: int = 0, is_plain_ibgp: bool = False) -> Comparison:
    """One world, brought up, asked, taken down and held against the definition."""
    blueprint = build(
        world.design,
        world.topology,
        name=f"compare-{world.seed}-{os.getpid()}",
        frr=frr_routers(world, frr),
        has_delays=False,
        is_plain_ibgp=is_plain_ibgp,
    )
    return held(world, blueprint, tables_of(world, blueprint))


def frr_routers(world: World, networks: int) -> tuple[str, ...]:
    """Routers of so many networks, spread over the hierarchy; upstreams of sites are among them.

    Of a network with several pops any number from one to all, so that BIRD and FRR meet inside it too.
    """
    topology = world.topology
    heard = [network for network in range(topology.networks) if topology.asn[network] != world.design.origin]
    rng = np.random.default_rng(world.seed)
    chosen: list[int] = []
    for network in rng.choice(heard, min(networks, len(heard)), replace=False).tolist():
        pops = range(int(topology.pop_start[network]), int(topology.pop_start[network + 1]))
        chosen += rng.choice(pops, int(rng.integers(1, len(pops) + 1)), replace=False).tolist()
    return tuple(router_name(topology, pop) for pop in sorted(chosen))


def tables_of(world: World, blueprint: Blueprint) -> Tables:
    """All routes of all routers, once every site announces what the design says; the lab is gone then."""
    bare = replace(blueprint, design_text="")  # one with a design would bring up agents
    # Routers and sites find together at the same time: BIRD's connect timer runs once.
    with Lab.up(bare, files={EDITION: blueprint.design_text}, until="wires") as lab:
        besides = {
            "blackholes": [f"{site} {host}" for site, host in world.blackholes],
            "hijacks": [f"{router_name(world.topology, pop)} {prefix}" for pop, prefix in world.hijacks],
        }
        asked: dict[str, Any] = {name: listed for name, listed in besides.items() if listed}
        tables: Tables = lab.call("rehearse", timeout=REHEARSAL_S, **asked)
    return tables


def held(world: World, blueprint: Blueprint, tables: Tables) -> Comparison:
    """The tables against the definition; pure."""
    name_of = {
        pop: router_name(world.topology, pop)
        for pop in range(world.topology.pops)
        if router_name(world.topology, pop) in blueprint.by_name
    }
    differing: list[tuple[int, str, Way, Way, Routes]] = []
    ways = routed = 0
    for entered in entries(world, blueprint):
        routes = propagate(world.topology, entered.seeds)
        for prefix in map(str, entered.prefixes):
            for pop, node in name_of.items():
                predicted = _predicted(entered, routes, name_of, pop)
                seen = _seen(blueprint, tables, node, prefix)
                ways += 1
                routed += bool(seen.neighbour)
                if predicted != seen:
                    differing.append((pop, prefix, predicted, seen, routes))
    others = {(name_of[pop], prefix) for pop, prefix, *_ in differing}
    differences = []
    for pop, prefix, predicted, seen, routes in differing:
        rule, listed = candidates_of(routes, pop)
        node = name_of[pop]
        differences.append(
            Difference(
                seed=world.seed,
                node=node,
                daemon=str(blueprint.by_name[node].daemon),
                prefix=prefix,
                predicted=predicted,
                seen=seen,
                rule=rule,
                cause=_cause(blueprint, tables, node, prefix, predicted, others - {(node, prefix)}),
                predicted_candidates=listed,
                seen_candidates=tuple(map(_line, tables[node].get(prefix, []))),
            )
        )
    return Comparison(
        worlds=1, routers=len(name_of), ways=ways, routed=routed, differences=tuple(differences)
    )


def _predicted(entered: Entered, routes: Routes, name_of: Mapping[int, str], pop: int) -> Way:
    path = routes.as_path(pop)
    if not path:
        return Way()
    following = int(routes.next_hop[pop])
    door = entered.doors[routes.seed_of(pop)]
    if following >= 0 or following == NO_NEXT:
        return Way(as_path=path[1:], neighbour=name_of[following], site=door.node)
    if door.is_hijack:
        return Way(neighbour=door.node, site=door.node, is_discarded=name_of[pop] == door.node)
    return Way(
        # The definition puts prepends that the first network adds towards others behind its own ASN.
        as_path=(path[-1],) * int(routes.lengths[routes.seed_of(pop)]),
        neighbour=door.node,
        site=door.node,
        is_discarded=door.is_discarded,
        server=door.server,
    )


def _cause(
    blueprint: Blueprint,
    tables: Tables,
    node: str,
    prefix: str,
    predicted: Way,
    others: set[tuple[str, str]],
) -> Cause:
    """By what the routers of the same network hold of the predicted route."""
    if _is_mistaken(tables.get(node, {}).get(prefix, [])):
        return Cause.DAEMON
    mates = [one.name for one in blueprint.by_asn[blueprint.by_name[node].asn]]
    holders = [
        mate
        for mate in mates
        for route in tables.get(mate, {}).get(prefix, [])
        if tuple(route["as_path"]) == predicted.as_path
        and route["from_"] in (predicted.neighbour, predicted.server)
    ]
    if (
        holders
        and node not in holders
        and not any(_is_best(tables, one, prefix, predicted) for one in holders)
    ):
        return Cause.HIDDEN
    if any((other, prefix) in others for other in (*mates, predicted.neighbour)):
        return Cause.FOLLOWS
    return Cause.UNEXPLAINED


def _is_mistaken(listed: list[dict[str, Any]]) -> bool:
    """Does the first of these lose against another by the two rules that nothing else can overrule?"""
    keys = [
        (-int(one["local_pref"]), len(one["as_path"]))
        for one in listed
        if one["igp_metric"] is not None or one["is_best"]
    ]
    return bool(listed) and bool(listed[0]["is_best"]) and keys[0] > min(keys)


def _is_best(tables: Tables, node: str, prefix: str, wanted: Way) -> bool:
    best = _best(tables, node, prefix)
    return best is not None and best["from_"] in (wanted.neighbour, wanted.server)


def _seen(blueprint: Blueprint, tables: Tables, node: str, prefix: str) -> Way:
    """Over iBGP to the pop where it leaves, and from there on to the site."""
    best = _best(tables, node, prefix)
    if best is None:
        return Way()
    neighbour, server = _neighbour(tables, node, prefix)
    here, site = node, neighbour
    for _ in range(len(blueprint.nodes)):
        if not site or site == here or blueprint.by_name[site].kind == NodeKind.SITE:
            break
        here, site = site, _neighbour(tables, site, prefix)[0]
    return Way(
        as_path=tuple(best["as_path"]),
        neighbour=neighbour or f"nobody beyond {here}",
        site=site or "nowhere",
        is_discarded=bool(best["is_discarded"]),
        server=server,
    )


def _neighbour(tables: Tables, node: str, prefix: str) -> tuple[str, str]:
    """(the node outside the network, the route server between); the router itself where it originates."""
    best = _best(tables, node, prefix)
    if best is not None and best["kind"] == "pop":
        node = str(best["from_"])
        best = _best(tables, node, prefix)
    server = ""
    if best is not None and best["kind"] == "server":
        server = str(best["from_"])
        best = _best(tables, server, prefix)
    if best is None or best["kind"] == "pop":
        return "", server
    return str(best["from_"]) or node, server


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
