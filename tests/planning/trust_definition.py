"""Readable definitions that `planning.trust` is held to: RFC 6811, and hijacks one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

import numpy as np

from anyplane.design.design import Design
from anyplane.model.nouns import Asn, Prefix, RouteClass
from anyplane.model.rpki import Vrp
from anyplane.planning.compile import compile as compile_design
from anyplane.routing import NO_SITE, Routes, Seed, Seeds, expected, reference
from anyplane.routing.state import OFF, admit, lengths_of, settle_backups
from anyplane.topology import Topology


def vrp(prefix: str, asn: int, max_length: int | None = None, *, expires: int | None = None) -> Vrp:
    """One VRP out of its text."""
    network = ip_network(prefix)
    longest = network.prefixlen if max_length is None else max_length
    return Vrp(prefix=network, max_length=longest, asn=Asn(asn), expires=expires)


def state_by_the_book(route: Prefix, origin: int, vrps: Sequence[Vrp]) -> str:
    """RFC 6811 section 2, word by word, with nothing but the bits of the addresses as text."""

    def bits(prefix: Prefix) -> str:
        width = 32 if prefix.version == 4 else 128
        return format(int(prefix.network_address), f"0{width}b")[: prefix.prefixlen]

    covered_by = [
        one
        for one in vrps
        if one.prefix.version == route.version and bits(route).startswith(bits(one.prefix))
    ]
    if not covered_by:
        return "not found"
    for one in covered_by:
        if route.prefixlen <= one.max_length and origin == one.asn and origin != 0:
            return "valid"
    return "invalid"


def crossing_by_definition(
    routes: Routes, *, site: int = -1, networks: frozenset[int] = frozenset()
) -> np.ndarray:
    """(P,) the chance to end at the site or to meet one of the networks, from `reference`'s own decisions."""
    topology, seeds = routes.topology, routes.seeds
    admitted, silent = admit(topology, seeds, routes.lengths)
    state = reference.stable_state(topology, seeds, admitted, silent)
    chance = np.zeros(topology.pops)
    for pop in range(topology.pops):
        if int(topology.pop_network[pop]) in networks:
            chance[pop] = 1.0
    for pop in reference._from_the_seeds_outward(state):
        if int(topology.pop_network[pop]) in networks:
            continue
        tied = state[pop].tied
        met = [chance[c.next_hop] if c.next_hop >= 0 else float(c.site == site) for c in tied]
        chance[pop] = sum(met) / len(tied)
    return chance


def taken_one_by_one(
    design: Design,
    world: Topology,
    attacker: int,
    *,
    rov: np.ndarray,
    attack: str,
    is_own_invalid: bool,
    is_attack_invalid: bool,
) -> np.ndarray:
    """(P,) the chance that a pop's users are taken, by `compile(hijackers=...)` and one propagation each."""
    world = replace(world, rov=rov)
    is_forged = attack == "forged origin"
    seed = Seed(
        pop=int(world.pop_start[attacker]),
        site=0,
        route_class=RouteClass.ORIGIN,
        length=1 if is_forged else 0,
        asn=design.origin if is_forged else Asn(int(world.asn[attacker])),
        is_invalid=is_attack_invalid,
    )
    (scenario,) = compile_design(design, world, hijackers=[("hijack", seed)])
    ours = [
        replace(one, is_invalid=is_own_invalid) if owner >= 0 else one
        for one, owner in zip(scenario.seeds.seeds, scenario.owners, strict=True)
    ]
    sites = scenario.seeds.sites
    column = scenario.sites.index("hijack")
    if attack == "more-specific":
        # It is heard beside our route, of which nothing changes; our own network is silent as ever.
        everybody = Seeds.of(ours, sites=sites)
        lengths = np.where([one.site == column for one in ours], lengths_of(everybody), OFF).astype(np.uint16)
        alone = settle_backups(world, everybody, reference._settled, lengths)
        hears = {int(world.pop_network[p]) for p in range(world.pops) if alone.site[p] != NO_SITE}
        covering = reference.propagate(
            world, Seeds.of([one for one in ours if one.site != column], sites=sites)
        )
        chance = crossing_by_definition(covering, networks=frozenset(hears))
    else:
        chance = expected(reference.propagate(world, Seeds.of(ours, sites=sites)))[:, column].astype(float)
    chance[int(world.pop_start[attacker]) : int(world.pop_start[attacker + 1])] = 0.0
    return chance
