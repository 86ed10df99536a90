"""Rules that hold for every history of checks, orders and fleet views, however strange."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sites import ALONE, DECLARED, V4, V6, Sim, check, elsewhere, plan

from anyplane.control.fleet import FleetView, Withdrawal
from anyplane.control.health import CheckResult
from anyplane.control.orders import Blackhole, Orders
from anyplane.control.site import Inputs, step
from anyplane.control.states import Level, State
from anyplane.design.operation import Isolation, Scope
from anyplane.model.nouns import SiteName

SITES = ("fra", "nyc", "lon")
CHECKS = (
    check("one", rise=2, fall=2),
    check("two", rise=1, fall=3),
    check("origin", rise=1, fall=1, scope=Scope.DEPENDENCY),
)
LEASE_S = ALONE.lease_s - 1e-6
"""After a longer pause the kernel has withdrawn everything already; no guard is asked."""
IDS = tuple(f"dns/{one.name}" for one in CHECKS)

reports = st.builds(
    lambda site, state, age, failing: elsewhere(site, state, age=age, failing=failing),
    st.sampled_from(("nyc", "lon", "fra", "nowhere")),
    st.sampled_from(State),
    st.floats(min_value=0, max_value=60),
    st.dictionaries(st.sampled_from(IDS), st.floats(min_value=0, max_value=90), max_size=2),
)
views = st.builds(
    FleetView,
    reports=st.lists(reports, max_size=3).map(tuple),
    withdrawals=st.lists(
        st.builds(
            Withdrawal,
            site=st.sampled_from(("nyc", "lon", "fra")).map(SiteName),
            service=st.just("dns"),
            age_s=st.floats(min_value=0, max_value=1200),
        ),
        max_size=3,
    ).map(tuple),
    load=st.none() | st.floats(min_value=0, max_value=100),
)
orders = st.builds(
    Orders,
    drained=st.sampled_from((frozenset(), frozenset(), frozenset(("dns",)))),
    forced=st.sampled_from((frozenset(), frozenset(("dns",)))),
    is_frozen=st.sampled_from((False, False, False, True)),
    blackholes=st.sampled_from(
        (
            (),
            (Blackhole(host=ip_network("198.51.100.9/32"), expires_at=50.0),),
            (Blackhole(host=ip_network("2001:db8:53::9/128"), expires_at=1e9),),
            (Blackhole(host=ip_network("203.0.113.9/32"), expires_at=1e9),),
        )
    ),
)
safeties = st.sampled_from(
    (ALONE, DECLARED, replace(DECLARED, isolated=Isolation.WITHDRAW), replace(DECLARED, floor=2, budget=1))
)
moments = st.fixed_dictionaries(
    {
        "after": st.floats(min_value=0.01, max_value=8),
        "heard": st.lists(st.tuples(st.sampled_from(IDS), st.booleans()), max_size=4),
        "fleet": views,
        "orders": orders,
    }
)
histories = st.lists(moments, min_size=1, max_size=40)


def replay(sim: Sim, history: list[dict[str, Any]], begin: float = 0.0) -> list[tuple[float, Any, Any]]:
    """Each step's time, the state before it, and its turn."""
    now, steps = begin, []
    for moment in history:
        now += moment["after"]
        sim.fleet, sim.orders = moment["fleet"], moment["orders"]
        results = tuple(CheckResult(check=key, is_ok=ok, at=now) for key, ok in moment["heard"])
        before = sim.state
        steps.append((now, before, sim.at(now, results=results)))
    return steps


def site(safety: Any) -> Sim:
    return Sim(plan("fra", *CHECKS, sites=SITES, safety=safety))


@settings(max_examples=150)
@given(history=histories, safety=safeties)
def test_nothing_is_announced_without_a_complete_pass(history: list[Any], safety: Any) -> None:
    passes = dict.fromkeys(IDS, 0)
    heard: set[str] = set()
    ripe: set[str] = set()
    previous = Level.NONE
    for moment, (_, _, turn) in zip(history, replay(site(safety), history), strict=True):
        for key, ok in moment["heard"]:
            passes[key] = passes[key] + 1 if ok else 0
            heard.add(key)
            if passes[key] >= {"dns/one": 2, "dns/two": 1, "dns/origin": 1}[key]:
                ripe.add(key)
        level = turn.state.services["dns"].level
        if previous is Level.NONE and level is not Level.NONE:
            # A dependency check that hangs counts as failed: it may not keep a healthy site off the air.
            silent = {key for key, one in turn.state.checks.items() if one.is_silent}
            assert heard | (silent & {"dns/origin"}) == set(IDS)
            assert {"dns/one", "dns/two"} <= ripe
        previous = level


@settings(max_examples=150)
@given(history=histories, safety=safeties)
def test_only_failing_local_checks_or_a_drain_take_a_service_off_the_air(
    history: list[Any], safety: Any
) -> None:
    for moment, (now, before, turn) in zip(history, replay(site(safety), history), strict=True):
        was, is_now = before.services["dns"].level, turn.state.services["dns"].level
        if was is not Level.NONE and is_now is Level.NONE and not moment["after"] >= LEASE_S:
            checks = turn.state.checks
            failed = [
                key
                for key in ("dns/one", "dns/two")
                if -checks[key].streak >= {"dns/one": 2, "dns/two": 3}[key] or checks[key].is_silent
                if checks[key].failing_since is not None and checks[key].failing_since <= now
            ]
            was_failing = [key for key in ("dns/one", "dns/two") if checks[key].verdict == "fail"]
            assert failed or was_failing or moment["orders"].drained


@settings(max_examples=150)
@given(history=histories, safety=safeties)
def test_a_frozen_site_changes_no_level(history: list[Any], safety: Any) -> None:
    for moment, (_, before, turn) in zip(history, replay(site(safety), history), strict=True):
        if moment["orders"].is_frozen:
            assert turn.state.services["dns"].level is before.services["dns"].level


@settings(max_examples=150)
@given(history=histories)
def test_a_withdrawal_leaves_enough_fresh_and_healthy_sites(history: list[Any]) -> None:
    safety = replace(DECLARED, floor=1)
    for moment, (_, before, turn) in zip(history, replay(site(safety), history), strict=True):
        was, is_now = before.services["dns"].level, turn.state.services["dns"].level
        if was is Level.NONE or is_now is not Level.NONE or moment["orders"].drained:
            continue
        if moment["after"] >= LEASE_S:
            continue
        alive = {
            one.site
            for one in moment["fleet"].reports
            if one.site in ("nyc", "lon")
            and one.age_s <= 30
            and one.services["dns"] in (State.UP, State.DEGRADED)
        }
        gone = {one.site for one in moment["fleet"].withdrawals if one.site != "fra" and one.age_s <= 600}
        assert alive
        assert len(gone) < 2


@settings(max_examples=200)
@given(history=histories, safety=safeties)
def test_all_that_is_announced_is_ours_and_leased_only_when_confirmed(
    history: list[Any], safety: Any
) -> None:
    for now, _, turn in replay(site(safety), history):
        for one in turn.wanted:
            assert any(
                one.prefix.version == prefix.version and one.prefix.subnet_of(prefix) for prefix in (V4, V6)
            )
            if one.is_blackhole:
                assert one.prefix.prefixlen == one.prefix.max_prefixlen
                assert not (str(one.prefix) == "198.51.100.9/32" and now >= 50.0)
        assert turn.leased <= {one.prefix for one in turn.wanted}
        families = {one.prefix.version for one in turn.wanted if not one.is_blackhole}
        assert families in (set(), {4, 6})


@settings(max_examples=200)
@given(history=histories, safety=safeties)
def test_a_step_is_level_triggered_and_idempotent(history: list[Any], safety: Any) -> None:
    sim = site(safety)
    steps = replay(sim, history)
    now, _, turn = steps[-1]
    inputs = Inputs(fleet=history[-1]["fleet"], orders=history[-1]["orders"])

    again = step(sim.plan, turn.state, inputs, now=now)
    once_more = step(sim.plan, again.state, inputs, now=now)

    assert not once_more.decisions
    assert once_more.wanted == again.wanted == turn.wanted


@settings(max_examples=100)
@given(history=histories, safety=safeties, shift=st.sampled_from((-3600.0, 3600.0, 1e6)))
def test_when_the_clock_began_does_not_matter(history: list[Any], safety: Any, shift: float) -> None:
    calm = [moment | {"orders": replace(moment["orders"], blackholes=())} for moment in history]
    # Sums of floats differ with the origin; an eighth of a second is exact at both.
    exact = [moment | {"after": max(round(moment["after"] * 8), 1) / 8} for moment in calm]
    one = site(safety)
    other = Sim(plan("fra", *CHECKS, sites=SITES, safety=safety), began=shift)

    here = [turn.state.services["dns"].state for _, _, turn in replay(one, exact)]
    there = [turn.state.services["dns"].state for _, _, turn in replay(other, exact, begin=shift)]

    assert here == there


@settings(max_examples=15)
@given(
    pattern=st.lists(st.booleans(), min_size=1, max_size=8),
    impairing=st.lists(st.booleans(), min_size=1, max_size=8),
    rise=st.integers(min_value=1, max_value=3),
    fall=st.integers(min_value=1, max_value=3),
)
def test_no_pattern_of_flapping_costs_more_than_twelve_updates_in_ten_minutes(
    pattern: list[bool], impairing: list[bool], rise: int, fall: int
) -> None:
    local = check("answers", rise=rise, fall=fall)
    origin = check("origin", rise=1, fall=1, scope=Scope.DEPENDENCY)
    sim = Sim(
        plan("fra", local, origin),
        answers={
            "dns/answers": lambda now: now < 30 or pattern[int(now) % len(pattern)],
            "dns/origin": lambda now: now < 30 or impairing[int(now) % len(impairing)],
        },
    )

    sim.run(630, tick=1.0)

    assert len([when for when, _ in sim.updates if when >= 30]) <= 12
