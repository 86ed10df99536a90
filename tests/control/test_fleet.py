"""Several sites in virtual time that hear each other late: one dead site goes, one cause never takes all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sites import DECLARED, Fleet, Sim, check, plan

from anyplane.control.orders import Orders
from anyplane.control.states import Level, State
from anyplane.design.operation import Scope

NAMES = ("ams", "fra", "lon", "nyc", "sin", "syd")


def fleet(count: int, **facts: object) -> Fleet:
    names = NAMES[:count]
    safety = replace(DECLARED, same_check_within_s=20.0, budget=10, **facts)
    sims = {
        name: Sim(
            plan(name, check("answers"), check("origin", scope=Scope.DEPENDENCY), sites=names, safety=safety),
            phase=number * 0.25 % 1,
        )
        for number, name in enumerate(names)
    }
    return Fleet(sims)


def test_a_dependency_that_fails_everywhere_withdraws_nothing() -> None:
    sites = fleet(6)
    for sim in sites.sims.values():
        sim.answers["dns/origin"] = lambda now: now < 30

    sites.run(120)

    assert sites.announced == set(NAMES)
    assert {sim.dns for sim in sites.sims.values()} == {State.DEGRADED}
    degraded = [one.at for sim in sites.sims.values() for one in sim.decisions if one.after is State.DEGRADED]
    assert max(degraded) - 30 < 10


def test_sites_that_die_one_by_one_are_withdrawn_down_to_the_floor_and_then_held() -> None:
    sites = fleet(5, floor=2)
    for number, sim in enumerate(sites.sims.values()):
        sim.answers["dns/answers"] = lambda now, number=number: now < 30 + 40 * number

    sites.run(300)

    assert sites.announced == {"nyc", "sin"}
    assert {sites.sims[name].dns for name in ("nyc", "sin")} == {State.HELD}


def test_the_budget_ends_withdrawals_before_the_floor_does() -> None:
    sites = fleet(6, floor=1)
    for sim in sites.sims.values():
        sim.plan = replace(sim.plan, safety=replace(sim.plan.safety, budget=2))
    for number, sim in enumerate(sites.sims.values()):
        sim.answers["dns/answers"] = lambda now, number=number: now < 30 + 40 * number

    sites.run(300)

    assert len(sites.announced) == 4


@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_a_local_check_that_breaks_everywhere_at_once_never_takes_all(spread: float) -> None:
    sites = fleet(6)
    for number, sim in enumerate(sites.sims.values()):
        sim.answers["dns/answers"] = lambda now, number=number: now < 30 + spread * number

    sites.run(120)

    assert sites.announced
    assert {sites.sims[name].dns for name in sites.announced} <= {State.FROZEN, State.HELD}


def test_a_cured_common_cause_leaves_no_trace() -> None:
    sites = fleet(4)
    for sim in sites.sims.values():
        sim.answers["dns/answers"] = lambda now: not 30 <= now < 60

    sites.run(200)

    assert sites.announced == set(NAMES[:4])
    assert {sim.dns for sim in sites.sims.values()} == {State.UP}


def test_losing_the_fleet_changes_no_announcement() -> None:
    sites = fleet(4)
    sites.run(30)
    before = {name: sim.announced for name, sim in sites.sims.items()}

    sites.delay = 1e9
    sites.run(120, since=30.25)

    assert {name: sim.announced for name, sim in sites.sims.items()} == before


@settings(max_examples=15)
@given(
    deaths=st.lists(st.floats(min_value=20, max_value=90), min_size=3, max_size=6),
    cures=st.lists(st.floats(min_value=0, max_value=60), min_size=6, max_size=6),
    delay=st.floats(min_value=0, max_value=0.5),
    floor=st.integers(min_value=1, max_value=2),
)
def test_sites_that_die_apart_never_fall_below_the_floor(
    deaths: list[float], cures: list[float], delay: float, floor: int
) -> None:
    # Apart: farther from each other than it takes a report to arrive and a check to be sure.
    deaths = [20 + 10 * number + when / 30 for number, when in enumerate(sorted(deaths))]
    sites = fleet(len(deaths), floor=floor)
    sites.delay = delay
    for when, cure, sim in zip(deaths, cures, sites.sims.values(), strict=False):
        sim.answers["dns/answers"] = lambda now, when=when, cure=cure: not when <= now < when + cure

    for begin in range(0, 200, 10):
        sites.run(begin + 9.75, since=begin)
        if begin >= 10:
            assert len(sites.announced) >= floor
    healthy = {name for name, sim in sites.sims.items() if sim.level is Level.FULL}
    assert len(healthy) >= floor


def test_two_operators_who_drain_two_sites_at_once_never_end_both() -> None:
    sites = fleet(2)
    sites.run(30)
    for sim in sites.sims.values():
        sim.orders = Orders(drained=frozenset(("dns",)))

    sites.run(200, since=30.25)
    assert sites.announced == {"ams", "fra"}
    assert {sim.dns for sim in sites.sims.values()} == {State.DRAINING}
    assert all("the floor is 1" in sim.state.services["dns"].refused for sim in sites.sims.values())

    sites.sims["fra"].orders = Orders()
    sites.run(210, since=200.25)
    assert {name: sim.dns for name, sim in sites.sims.items()} == {"ams": State.DRAINED, "fra": State.UP}
