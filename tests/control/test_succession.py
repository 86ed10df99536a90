"""A new design carries over what it may, and takes nothing off the air in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sites import V4, V6, Sim, announcement, check, plan

from anyplane.control.site import Inputs, start, step
from anyplane.control.site_plan import SitePlan
from anyplane.control.states import Level, State
from anyplane.control.succession import carry, missing, parted
from anyplane.design.operation import Safety
from anyplane.model.nouns import Asn

BOTH = [(V4, Asn(64510)), (V6, Asn(64510))]


def test_the_same_design_misses_nothing() -> None:
    assert missing(BOTH, plan()) == ()


def test_an_empty_design_misses_everything() -> None:
    empty = replace(plan(), services=())

    assert missing(BOTH, empty) == ("198.51.100.0/24 to AS64510", "2001:db8:53::/48 to AS64510")


def test_a_prefix_or_an_upstream_is_retired_by_an_explicit_word() -> None:
    empty = replace(plan(), services=())

    by_prefix = replace(empty, safety=Safety(retired=frozenset(("198.51.100.0/24",))))
    by_upstream = replace(empty, safety=Safety(retired=frozenset(("AS64510",))))

    assert missing(BOTH, by_prefix) == ("2001:db8:53::/48 to AS64510",)
    assert missing(BOTH, by_upstream) == ()


def test_a_disabled_site_says_so_itself() -> None:
    disabled = replace(plan(), services=(), sites=frozenset())

    assert missing(BOTH, disabled) == ()


@given(kept=st.sets(st.sampled_from(BOTH)), retired=st.sets(st.sampled_from(("198.51.100.0/24", "AS64510"))))
def test_what_is_missing_is_what_is_neither_kept_nor_retired(kept: set[object], retired: set[str]) -> None:
    whole = plan()
    service = whole.services[0]
    less = replace(
        service,
        announcements=tuple(one for one in service.announcements if (one.prefix, one.upstream) in kept),
    )
    new = replace(whole, services=(less,), safety=Safety(retired=frozenset(retired)))

    told = missing(BOTH, new)

    gone = {
        pair for pair in BOTH if pair not in kept and "AS64510" not in retired and str(pair[0]) not in retired
    }
    assert set(told) == {f"{prefix} to AS{asn}" for prefix, asn in gone}


def test_unchanged_checks_keep_their_history_and_changed_ones_begin_anew() -> None:
    old = plan("fra", check("answers"), check("slow", interval=2.0))
    sim = Sim(old)
    sim.run(10)
    new = plan("fra", check("answers"), check("slow", interval=3.0), check("added", rise=3))

    sim.state = carry(old, new, sim.state, now=10.0)
    sim.plan = new
    sim._due = dict.fromkeys(new.checks, 10.25)

    assert [key for key, one in sim.state.checks.items() if one.heard_at is not None] == ["dns/answers"]
    turn = sim.at(10.25)
    assert sim.dns is State.UP
    assert not turn.decisions
    assert len(sim.updates) == 1


def test_a_check_added_by_a_reload_takes_the_service_down_only_when_it_failed() -> None:
    old = plan()
    sim = Sim(old, answers={"dns/added": lambda _: False})
    sim.run(10)
    new = plan("fra", check("answers"), check("added", fall=3))

    sim.state = carry(old, new, sim.state, now=10.0)
    sim.plan = new
    sim._due = dict.fromkeys(new.checks, 10.25)
    sim.run(12, since=10.25)
    assert sim.level is Level.FULL
    sim.run(13, since=12.25)
    assert sim.level is Level.NONE


def test_a_service_that_is_new_begins_silent() -> None:
    old = replace(plan(), services=())
    sim = Sim(plan())
    state = carry(old, plan(), replace(sim.state, services={}), now=5.0)

    assert state.services["dns"].level is Level.NONE
    assert {one.prefix for one in (announcement("fra"),)} == {V4}


def renamed() -> SitePlan:
    """The plan whose group "dns" is now called "resolver"."""
    new = plan("fra", check("answers"))
    service = replace(new.services[0], key="resolver", group="resolver", checks=("resolver/answers",))
    return replace(new, services=(service,), checks={"resolver/answers": new.checks["dns/answers"]})


def test_a_group_with_a_new_name_is_the_same_service_and_stays_announced() -> None:
    old = plan("fra", check("answers"))
    sim = Sim(old)
    sim.run(10)

    state = carry(old, renamed(), sim.state, now=10.0)

    assert state.services["resolver"].level is Level.FULL
    assert step(renamed(), state, Inputs(), now=10.1).leased == {V4, V6}


@pytest.mark.parametrize("every", [0.5, 1.0, 2.0])
def test_a_storm_of_reloads_that_change_the_check_keeps_no_dead_service_announced(every: float) -> None:
    plans = [plan("fra", check("answers", interval=1.0)), plan("fra", check("answers", interval=1.1))]
    sim = Sim(plans[0], answers={"dns/answers": lambda now: now < 5})
    now, number = 0.0, 0
    while now < 20:
        sim.at(now)
        now += 0.25
        if now % every == 0:
            number += 1
            sim.state = carry(plans[(number - 1) % 2], plans[number % 2], sim.state, now=now)
            sim.plan = plans[number % 2]

    assert sim.dns is State.DOWN


def test_a_storm_of_reloads_does_not_excuse_a_check_that_hangs() -> None:
    plans = [plan("fra", check("answers", interval=1.0)), plan("fra", check("answers", interval=1.1))]
    sim = Sim(plans[0])
    sim.run(5)
    for number in range(1, 40):
        now = 5 + number * 0.5
        sim.state = carry(plans[(number - 1) % 2], plans[number % 2], sim.state, now=now)
        sim.plan = plans[number % 2]
        sim.at(now, results=())

    assert sim.dns is State.DOWN


def test_families_of_which_one_is_down_are_not_joined_in_silence() -> None:
    new = plan("fra", check("answers"))
    whole = new.services[0]
    apart = tuple(
        replace(
            whole,
            key=f"dns/v{prefix.version}",
            prefixes=(prefix,),
            announcements=tuple(one for one in whole.announcements if one.prefix == prefix),
        )
        for prefix in whole.prefixes
    )
    old = replace(new, services=apart)
    state = start(old, now=0.0, adopted={"dns/v4": Level.FULL})

    assert parted(old, new, state) == ("dns joins dns/v4, dns/v6, of which dns/v6 is not announced",)
    assert parted(old, new, start(old, now=0.0)) == ()
    assert parted(new, old, start(new, now=0.0)) == ()
