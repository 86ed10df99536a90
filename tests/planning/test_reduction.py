"""A reduced world says of every pop that it keeps what the whole world says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import random_worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyplane.datasets import load
from anyplane.design import Design, parse
from anyplane.model.errors import UsageError
from anyplane.planning.compile import Scenario
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.plan import plan
from anyplane.planning.reduction import Reduction, reduced
from anyplane.routing import NO_SITE, Engine, Routes
from anyplane.topology import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
Fact = tuple[str, tuple[int, ...], float, int]


def facts(routes: Routes, scenario: Scenario, pop: int) -> Fact:
    """Site, AS path, kilometres and networks crossed, of one pop."""
    site = int(routes.site[pop])
    name = "" if site == NO_SITE else scenario.sites[site]
    return name, routes.as_path(pop), float(routes.km[pop]), int(routes.hops[pop])


def differences(design: Design, whole: Topology, small: Reduction) -> list[tuple[str, int, Fact, Fact]]:
    """What a kept pop is told otherwise in the small world, as things are and after each kept failure."""
    found = []
    pairs = zip(compile_design(design, whole), compile_design(design, small.topology), strict=True)
    sites = [str(site.name) for site in design.sites]
    for before, after in pairs:
        assert before.name == after.name
        assert before.sites == after.sites
        old, new = Engine(whole, before.seeds), Engine(small.topology, after.seeds)
        for failed in ("", *small.failures):
            site = sites.index(failed) if failed else -1
            was = old.run(before.without(site) if failed else None)
            now = new.run(after.without(site) if failed else None)
            for pop, origin in enumerate(small.pops):
                pair = facts(was, before, origin), facts(now, after, pop)
                if pair[0] != pair[1]:
                    found.append((failed, origin, *pair))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.0, 1.0))
def test_every_kept_pop_routes_as_in_the_whole_world(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    whole = random_worlds.topology(rng)
    design = random_worlds.design(rng, whole)
    least = least_number(design, whole)

    small = reduced(design, whole, routers=least + int(share * (whole.pops - least)))

    assert differences(design, whole, small) == []
    assert small.topology.pops <= max(least, whole.pops)
    assert {float(whole.users[pop]) for pop in small.pops} == set(small.topology.users.tolist())


def least_number(design: Design, whole: Topology) -> int:
    """As the error says it."""
    try:
        reduced(design, whole, routers=1)
    except UsageError as error:
        found = re.search(r"at least (\d+)", str(error))
        assert found
        return int(found[1])
    return 1


def test_the_random_worlds_lose_pops_and_keep_failures() -> None:
    dropped = kept_failures = exchanges = backups = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        whole = random_worlds.topology(rng)
        design = random_worlds.design(rng, whole)
        small = reduced(design, whole, routers=max(20, least_number(design, whole)))
        dropped += whole.pops - small.topology.pops
        kept_failures += len(small.failures)
        exchanges += len(small.topology.ixp_member)
        backups += any(upstream.is_backup for site in design.sites for upstream in site.upstreams)

    assert dropped > 400
    assert kept_failures > 40
    assert exchanges > 10
    assert backups > 5


def test_the_least_number_of_routers_is_enough_and_one_less_is_not() -> None:
    rng = np.random.default_rng(5)
    whole = random_worlds.topology(rng)
    design = random_worlds.design(rng, whole)
    least = least_number(design, whole)

    assert reduced(design, whole, routers=least).topology.pops == least
    with pytest.raises(UsageError, match=f"at least {least}"):
        reduced(design, whole, routers=least - 1)


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    return load(None, cache=tmp_path_factory.mktemp("cache"), synthetic=2000, seed=1)


@pytest.mark.parametrize(
    ("name", "routers"), [("two-sites", 60), ("two-sites", 25), ("saas-six-continents", 200)]
)
def test_the_examples_keep_their_routes_on_the_synthetic_internet(
    name: str, routers: int, internet: Topology
) -> None:
    design = parse((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), file=name)

    small = reduced(design, internet, routers=routers)

    assert differences(design, internet, small) == []
    assert small.topology.pops == routers
    assert small.failures
    continents = {
        small.topology.metros.continent[int(small.topology.pop_metro[pop])] for pop in small.clients
    }
    assert {"EU", "NA", "AS"} <= continents


def test_the_same_reduction_comes_out_every_time(internet: Topology) -> None:
    design = parse((EXAMPLES / "two-sites.yaml").read_text(encoding="utf-8"))

    assert reduced(design, internet).pops == reduced(design, internet).pops


def test_a_reduced_world_can_be_planned_on(internet: Topology) -> None:
    design = parse((EXAMPLES / "two-sites.yaml").read_text(encoding="utf-8"))
    small = reduced(design, internet, routers=40)

    (scenario,) = plan(design, small.topology).scenarios

    assert scenario.users == pytest.approx(small.users, rel=1e-3)
    assert 0 < small.coverage < 1
    assert any(f"{small.coverage:.1%}" in note for note in small.notes)
