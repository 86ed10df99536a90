"""Hijacks: all attackers in one batch equal each of them by `compile(hijackers=...)` and the definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import random_worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_definition import taken_one_by_one

from anyplane.design.design import Design
from anyplane.model.nouns import Asn, RouteClass
from anyplane.planning.catchment import Clients, chosen_sites
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.tally import expected_users
from anyplane.planning.trust.attackers import Attackers, drawn
from anyplane.planning.trust.cases import Variant, canonical
from anyplane.planning.trust.report import Attack, World
from anyplane.planning.trust.sweep import Sweep
from anyplane.routing import Seed, propagate
from anyplane.topology import Topology


def sweep_of(design: Design, world: Topology, rov: np.ndarray, *, threads: int = 1) -> Sweep:
    """A Sweep of the design's first scenario with every network but our own as an attacker."""
    scenario = compile_design(design, world)[0]
    clients = Clients.of(world)
    chosen = drawn(world, world.networks, seed=1, origin=int(design.origin))
    return Sweep(
        scenario=scenario,
        topology=world,
        clients=clients,
        attackers=Attackers.of(world, chosen, scenario, clients),
        rov={
            World.NOBODY: np.zeros(world.networks, bool),
            World.LIST: rov,
            World.EVERYBODY: np.ones(world.networks, bool),
        },
        threads=threads,
    )


def asked(sweep: Sweep, attack: Attack, world: World, *, own: bool, theirs: bool) -> Variant:
    """Run what this question comes down to, and say which variant that was."""
    variant = Variant(attack=attack, world=world, is_own_invalid=own, is_attack_invalid=theirs)
    key = canonical(variant, has_list=bool(sweep.rov[World.LIST].any()))
    for lacking, who in sweep.lacking({key: np.ones(len(sweep.attackers.network), bool)}):
        sweep.run(lacking, who)
    return key


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    attack=st.sampled_from([Attack.SAME, Attack.SPECIFIC, Attack.FORGED]),
    world=st.sampled_from(list(World)),
    own=st.booleans(),
    theirs=st.booleans(),
    with_own_network=st.booleans(),
)
def test_every_attacker_takes_what_it_takes_alone(
    seed: int, attack: Attack, world: World, own: bool, theirs: bool, with_own_network: bool
) -> None:
    rng = np.random.default_rng(seed)
    topology = random_worlds.topology(rng, networks=16, places=5)
    design = random_worlds.design(rng, topology, sites=3)
    design = replace(design, groups=(replace(design.groups[0], prefixes=design.groups[0].prefixes[:1]),))
    if with_own_network:
        design = replace(design, origin=type(design.origin)(int(rng.choice(topology.asn))))
    sweep = sweep_of(design, topology, topology.rov)
    if not sweep.scenario.announcing:
        return
    key = asked(sweep, attack, world, own=own, theirs=theirs)

    for a, network in enumerate(sweep.attackers.network.tolist()):
        chance = taken_one_by_one(
            design,
            topology,
            network,
            rov=sweep.rov[world],
            attack=attack.value,
            is_own_invalid=own,
            is_attack_invalid=theirs,
        )
        found = sweep.done[key.name, sweep.asn(a)]
        assert found.users == pytest.approx(float((chance * topology.users).sum()), abs=0.06)
        share = sum(
            chance[int(topology.pop_start[n]) : int(topology.pop_start[n + 1])].mean()
            for n in range(topology.networks)
        )
        assert found.networks == pytest.approx(share / topology.networks, abs=2e-6)


def test_neither_threads_nor_what_was_asked_before_change_a_run() -> None:
    rng = np.random.default_rng(5)
    topology = random_worlds.topology(rng, networks=80)
    design = random_worlds.design(rng, topology)
    alone, together = (sweep_of(design, topology, topology.rov, threads=n) for n in (1, 3))
    for sweep in (alone, together):
        for attack in (Attack.SAME, Attack.SPECIFIC):
            asked(sweep, attack, World.LIST, own=False, theirs=True)

    assert alone.done == together.done
    assert any(taken.users > 0 for taken in alone.done.values())


def test_users_taken_are_the_expected_users_of_the_plan() -> None:
    rng = np.random.default_rng(8)
    topology = random_worlds.topology(rng, networks=60)
    design = random_worlds.design(rng, topology)
    sweep = sweep_of(design, topology, topology.rov)
    key = asked(sweep, Attack.SAME, World.NOBODY, own=False, theirs=False)
    world = replace(topology, rov=sweep.rov[World.NOBODY])
    clients = Clients.of(topology)
    for a, network in enumerate(sweep.attackers.network.tolist()):
        seed = Seed(
            pop=int(topology.pop_start[network]),
            site=0,
            route_class=RouteClass.ORIGIN,
            length=0,
            asn=Asn(int(topology.asn[network])),
        )
        scenario = compile_design(design, topology, hijackers=[("hijack", seed)])[0]
        routes = propagate(world, scenario.seeds)
        users = expected_users(routes, clients, chosen_sites(routes, clients))
        taken = float(users[scenario.sites.index("hijack")] - sweep.attackers.own_users[a])

        assert sweep.done[key.name, sweep.asn(a)].users == pytest.approx(taken, abs=0.06)


def test_what_runs_are_the_same_is_known_beforehand() -> None:
    idle = Variant(attack=Attack.SAME, world=World.NOBODY)

    assert canonical(replace(idle, world=World.EVERYBODY), has_list=True) == idle
    assert canonical(replace(idle, is_attack_invalid=True), has_list=True) == idle
    assert canonical(replace(idle, world=World.LIST, is_attack_invalid=True), has_list=False) == idle
    forged = Variant(attack=Attack.FORGED_SPECIFIC, world=World.LIST)
    assert canonical(forged, has_list=True) == replace(idle, attack=Attack.SPECIFIC)
    kept = Variant(attack=Attack.SAME, world=World.LIST, is_attack_invalid=True)
    assert canonical(kept, has_list=True) == kept


@pytest.mark.parametrize("seed", range(6))
def test_a_contained_attacker_that_is_skipped_would_take_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    topology = random_worlds.topology(rng, networks=40)
    design = random_worlds.design(rng, topology)
    sweep = sweep_of(design, topology, rng.random(topology.networks) < 0.8)
    skipped = np.flatnonzero(sweep.attackers.contained(topology, sweep.rov[World.LIST]))
    for attack in (Attack.SAME, Attack.SPECIFIC):
        variant = Variant(attack=attack, world=World.LIST, is_attack_invalid=True)
        sweep.run(variant, skipped)

        assert all(sweep.done[variant.name, sweep.asn(int(a))].users == 0 for a in skipped)
        assert all(sweep.done[variant.name, sweep.asn(int(a))].cut_off == 0 for a in skipped)
    assert len(skipped)
