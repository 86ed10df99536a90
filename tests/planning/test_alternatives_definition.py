"""GeoDNS and its failures against a definition in plain loops, on random worlds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import numpy as np
import pytest
import random_worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_world import LATENCY

from anyplane.design.design import Design, PrefixGroup
from anyplane.model.errors import UsageError
from anyplane.planning.alternatives.compare import Question, _regions
from anyplane.planning.alternatives.report import Way
from anyplane.planning.alternatives.resolvers import Resolution, beliefs
from anyplane.planning.alternatives.serving import serve
from anyplane.planning.alternatives.ways import Ways
from anyplane.planning.alternatives.world import Ground, addresses, ground
from anyplane.topology import Metros, Topology

PREFIX = ip_network("192.0.2.0/24")
BANDS = ((0.5, 0.0), (0.3, 3000.0), (0.2, 20_000.0))
RESOLUTION = Resolution(geoip_error=0.3, wrong_country=0.1, ecs=0.25, resolvers=BANDS)


def case(seed: int, sites: int = 4) -> tuple[Design, Topology]:
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    made = random_worlds.design(rng, world, sites=sites)
    placed = tuple(
        replace(
            site,
            upstreams=tuple(replace(one, prefixes=(PREFIX,), is_blackhole=False) for one in site.upstreams),
        )
        for site in made.sites
    )
    return replace(made, groups=(PrefixGroup(name="all", prefixes=(PREFIX,)),), sites=placed), world


def ways_of(design: Design, world: Topology) -> tuple[Ground, Ways]:
    on = ground(design, world, group="", latency=LATENCY, threads=1)
    regions = _regions(Question(), design, world, on.scenario.announcing)
    belief = beliefs(world.metros, on.metro_users, RESOLUTION)
    return on, Ways(on, addresses(on, regions), belief, far_ms=20.0)


def share(chosen: list[int], users: np.ndarray, otherwise: dict[int, float]) -> dict[int, float]:
    """Odds over the chosen metros by users."""
    if not chosen:
        return otherwise
    total = sum(users[m] for m in chosen)
    return {m: float(users[m] / total) if total else 1 / len(chosen) for m in chosen}


def believed(metros: Metros, users: np.ndarray, here: int) -> dict[int, float]:
    """Where DNS believes a user in one metro, by reading the reference page aloud."""
    every = range(len(metros.code))

    def placed(at: int) -> dict[int, float]:
        inside = [m for m in every if metros.country[m] == metros.country[at] and m != at]
        outside = [m for m in every if metros.country[m] != metros.country[at]]
        odds = {at: 1 - RESOLUTION.geoip_error}
        for chosen, part in (
            (inside, RESOLUTION.geoip_error - RESOLUTION.wrong_country),
            (outside, RESOLUTION.wrong_country),
        ):
            for m, chance in share(chosen, users, {at: 1.0}).items():
                odds[m] = odds.get(m, 0.0) + part * chance
        return odds

    found = {m: RESOLUTION.ecs * chance for m, chance in placed(here).items()}
    nearer, beyond = {here: 1.0}, -1.0
    for part, up_to in BANDS:
        within = [m for m in every if beyond < metros.km[here, m] <= up_to]
        home = [m for m in within if metros.country[m] == metros.country[here]]
        nearer = share(home or within, users, nearer)
        for resolver, chance in nearer.items():
            for m, odds in placed(resolver).items():
                weight = (1 - RESOLUTION.ecs) * part * chance * odds
                found[m] = found.get(m, 0.0) + weight
        beyond = up_to
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_geodns_is_what_the_words_say(seed: int) -> None:
    design, world = case(seed)
    try:
        on, ways = ways_of(design, world)
    except UsageError:
        return
    (handing,) = (item for item in ways.now() if item.way is Way.GEODNS)
    served = ways.serve(handing, has_rules=True)

    open_sites = [s for n, s in enumerate(ways.found.announcing) if ways.found.takes_part[n]]
    wanted = np.zeros(on.sites)
    nobody = 0.0
    for u, metro in enumerate(on.clients.metro.tolist()):
        for place, chance in believed(world.metros, on.metro_users, metro).items():
            least = min(on.km[place, s] for s in open_sites)
            answer = [s for s in open_sites if on.km[place, s] <= least + 1.0]
            for s in answer:
                weight = on.clients.users[u] * chance / len(answer)
                reach = ways.found.alone[ways.found.announcing.index(s)]
                if np.isfinite(reach.parts[0].rtt[u]):
                    wanted[s] += weight
                else:
                    nobody += weight

    real = on.scenario.real_sites
    assert served.users[:real] == pytest.approx(wanted[:real], rel=1e-6, abs=1e-6)
    assert served.unserved_users == pytest.approx(nobody, rel=1e-6, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_failure_leaves_what_a_design_without_the_site_has(seed: int) -> None:
    design, world = case(seed)
    try:
        on, ways = ways_of(design, world)
    except UsageError:
        return

    for site, after in ways.failures():
        less = tuple(
            replace(one, is_enabled=one.is_enabled and n != site) for n, one in enumerate(design.sites)
        )
        for served in after.values():
            total = float(served.histogram.sum()) + served.unserved_users
            assert total == pytest.approx(on.clients.total, rel=1e-9)
        try:
            _, others = ways_of(replace(design, sites=less), world)
        except UsageError:
            assert after[Way.GLOBAL].unserved == 1.0
            continue
        wanted = {item.way: others.serve(item, has_rules=True) for item in others.now()}
        assert after[Way.GLOBAL].rtt == wanted[Way.GLOBAL].rtt
        real = on.scenario.real_sites
        assert after[Way.GLOBAL].users[:real] == pytest.approx(wanted[Way.GLOBAL].users[:real], rel=1e-6)
        handed = set(np.array(ways.found.announcing)[ways.found.takes_part].tolist()) - {site}
        if handed == set(np.array(others.found.announcing)[others.found.takes_part].tolist()):
            assert after[Way.GEODNS].rtt == wanted[Way.GEODNS].rtt


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_only_a_failure_changes_is_reckoned_as_if_all_were_new(seed: int) -> None:
    design, world = case(seed, sites=12)
    try:
        on, ways = ways_of(design, world)
    except UsageError:
        return
    for item in ways.now():
        ways.serve(item, has_rules=True)

    for site, after in ways.failures():
        picks = ways.site_picks(without=site)
        fresh = serve(
            ways.found.alone,
            ways.belief @ picks,
            on.clients,
            best=ways.found.best,
            far_ms=ways.far_ms,
            sites=on.sites,
        )
        found = after[Way.GEODNS]
        assert found.rtt == fresh.rtt
        assert found.histogram.sum() == pytest.approx(fresh.histogram.sum(), rel=1e-9, abs=1e-5)
        assert (found.histogram >= 0).all()
        assert found.users == pytest.approx(fresh.users, rel=1e-9, abs=1e-6)
        assert found.unserved_users == pytest.approx(fresh.unserved_users, rel=1e-9, abs=1e-6)
