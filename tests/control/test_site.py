"""One site's decisions in virtual time: each rule by hand."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from sites import DECLARED, ORIGIN, V4, V6, Sim, check, elsewhere, plan

from anyplane.control.fleet import FleetView, SiteReport, Withdrawal
from anyplane.control.health import CheckResult
from anyplane.control.orders import Blackhole, Orders
from anyplane.control.states import Level, State
from anyplane.design.operation import Isolation, Safety, Scope
from anyplane.model.nouns import SiteName

ALL = ("fra", "nyc", "lon", "sin")


def dies_at(when: float) -> dict[str, object]:
    return {"dns/answers": lambda now: now < when}


def flaky_fleet(**facts: object) -> FleetView:
    return FleetView(reports=tuple(elsewhere(one, **facts) for one in ALL[1:]))


def test_nothing_is_announced_before_every_check_passed() -> None:
    sim = Sim(plan("fra", check("answers", rise=3), check("slow", interval=5.0)))

    sim.at(0.0)
    assert sim.dns is State.RISING
    assert not sim.announced
    sim.run(1.75, since=0.25)
    assert not sim.announced
    sim.run(2.5, since=2.0)
    assert sim.dns is State.UP
    assert {one.prefix for one in sim.announced} == {V4, V6}


def test_a_check_that_never_speaks_keeps_the_site_silent_and_counts_as_failed() -> None:
    sim = Sim(plan())

    for number in range(40):
        sim.at(number * 0.25, results=())

    assert sim.dns is State.DOWN
    assert not sim.updates
    assert "no result for" in sim.state.services["dns"].reason


def test_a_service_that_dies_is_withdrawn_after_fall_failures() -> None:
    sim = Sim(plan(), answers=dies_at(10.5))

    sim.run(20)

    assert [when for when, _ in sim.updates] == [0.0, 12.0]
    states = [one.after for one in sim.decisions]
    assert states == [State.UP, State.FALLING, State.DOWN]
    assert "dns/answers failed 2 times" in sim.decisions[-1].reason


def test_a_check_that_hangs_in_the_runner_is_noticed_by_its_silence() -> None:
    sim = Sim(plan())
    sim.run(5)

    for number in range(1, 40):
        sim.at(5 + number * 0.25, results=())

    assert sim.dns is State.DOWN
    assert sim.updates[-1][0] - 5 <= 2 * 1.0 + 0.5 + 0.5


def test_a_process_that_was_paused_does_not_blame_its_checks() -> None:
    sim = Sim(plan())
    sim.run(5)

    sim.at(7.8, results=())
    assert sim.dns is State.UP
    for number in range(1, 40):
        sim.at(7.8 + number * 0.25, results=())

    assert sim.dns is State.DOWN


def test_a_pause_longer_than_the_lease_is_over_only_when_each_check_has_passed_anew() -> None:
    sim = Sim(plan("fra", check("answers", rise=2)))
    sim.run(5)

    stale = CheckResult(check="dns/answers", is_ok=True, at=15.0)
    assert not sim.at(15.0, results=(stale, stale)).leased
    assert sim.decisions[-1].level is Level.NONE
    assert not sim.at(15.2, results=(replace(stale, at=15.2),)).wanted
    assert sim.at(16.2, results=(replace(stale, at=16.2),)).leased


def test_a_loop_that_stutters_for_ever_does_not_excuse_a_hung_check_for_ever() -> None:
    sim = Sim(plan())
    sim.run(5)

    for number in range(1, 8):
        sim.at(5 + number * 1.3, results=())

    assert sim.dns is State.DOWN


def test_a_frozen_site_that_was_paused_announces_what_it_announced() -> None:
    sim = Sim(plan())
    sim.run(5)
    sim.orders = Orders(is_frozen=True)

    assert sim.at(15.0, results=()).leased == {V4, V6}


def test_words_of_others_grow_old_by_themselves() -> None:
    heard = FleetView(reports=(elsewhere("nyc", age=0.5),), at=6.0)
    sim = Sim(plan("fra", sites=("fra", "nyc"), safety=DECLARED), answers=dies_at(60), fleet=heard)

    sim.run(80)

    assert sim.dns is State.ISOLATED


def test_a_static_site_is_one_site() -> None:
    safety = replace(DECLARED, fleet_file="", fleet_sites=frozenset(("nyc",)), floor=2)
    static = FleetView(reports=(elsewhere("nyc"),))
    sim = Sim(plan("fra", sites=("fra", "nyc", "lon"), safety=safety), answers=dies_at(5), fleet=static)

    sim.run(20)

    assert sim.dns is State.HELD


def test_what_a_static_site_says_itself_counts_more_than_the_list() -> None:
    safety = replace(DECLARED, fleet_sites=frozenset(("nyc",)))
    dead = FleetView(reports=(elsewhere("nyc", State.DOWN),))
    sim = Sim(plan("fra", sites=("fra", "nyc"), safety=safety), answers=dies_at(5), fleet=dead)

    sim.run(20)

    assert sim.dns is State.HELD


@pytest.mark.parametrize(
    ("key", "said", "ends"),
    [
        ("dns", {"dns/v4": State.UP, "dns/v6": State.UP}, State.DOWN),
        ("dns", {"dns/v4": State.UP, "dns/v6": State.DOWN}, State.HELD),
        ("dns", {"dns/v4": State.UP}, State.HELD),
        ("dns/v4", {"dns": State.UP}, State.DOWN),
        ("dns/v4", {"dns": State.HELD}, State.HELD),
        ("dns/v4", {"dns/v6": State.UP}, State.HELD),
    ],
)
def test_a_site_that_moves_its_families_otherwise_is_understood(
    key: str, said: dict[str, State], ends: State
) -> None:
    whole = plan("fra", sites=("fra", "nyc"), safety=DECLARED)
    mine = replace(whole, services=(replace(whole.services[0], key=key),))
    report = SiteReport(site=SiteName("nyc"), age_s=0.0, services=said)
    sim = Sim(mine, answers=dies_at(5), fleet=FleetView(reports=(report,)))

    sim.run(20)

    assert sim.state.services[key].state is ends


def test_a_check_that_failed_long_ago_and_is_forgiven_makes_no_old_word_new() -> None:
    both = (check("one"), check("two"))
    sim = Sim(
        plan("fra", *both, sites=("fra", "nyc"), safety=replace(DECLARED, patience_s=5.0), need=1),
        answers={"dns/one": lambda now: now < 5, "dns/two": lambda now: now < 60},
        fleet=FleetView(reports=(elsewhere("nyc", age=0.0),), at=58.0),
    )

    sim.run(63)

    assert sim.dns is State.FALLING


def test_a_drain_waits_for_a_word_newer_than_the_order_and_then_begins() -> None:
    heard = FleetView(reports=(elsewhere("nyc", age=0.5),), at=5.0)
    sim = Sim(plan("fra", sites=("fra", "nyc"), safety=DECLARED), fleet=heard)
    sim.run(5)
    sim.orders = Orders(drained=frozenset(("dns",)))
    sim.run(6, since=5.25)
    assert sim.dns is State.UP
    assert sim.state.services["dns"].refused == ""

    sim.fleet = FleetView(reports=(elsewhere("nyc", age=0.2),), at=6.25)
    sim.run(7, since=6.25)
    assert sim.dns is State.DRAINING


def test_a_dependency_lowers_the_announcement_and_never_withdraws_it() -> None:
    sim = Sim(
        plan("fra", check("answers"), check("origin", scope=Scope.DEPENDENCY)),
        answers={"dns/origin": lambda now: now < 5},
    )

    sim.run(100)

    assert sim.dns is State.DEGRADED
    assert {one.as_path_prepend for one in sim.announced} == {3}


@pytest.mark.parametrize(
    ("need", "failing", "state"),
    [(None, 1, State.DOWN), (1, 2, State.UP), (1, 3, State.DOWN), (2, 1, State.UP), (2, 2, State.DOWN)],
)
def test_checks_combine_as_all_any_or_k_of_n(need: int | None, failing: int, state: State) -> None:
    names = ["one", "two", "three"]
    sim = Sim(
        plan("fra", *(check(name) for name in names), need=need),
        answers={f"dns/{name}": (lambda now: now < 5) for name in names[:failing]},
    )

    sim.run(9)

    assert sim.dns is state


def test_the_site_goes_down_only_when_too_few_backends_live() -> None:
    names = ("b1", "b2", "b3")
    sim = Sim(
        plan("fra", check("answers"), backends={name: (check("tcp"),) for name in names}, need_backends=2),
        answers={"dns/b1/tcp": lambda now: now < 5, "dns/b2/tcp": lambda now: now < 20},
    )

    turn = sim.run(15)
    assert sim.level is Level.FULL
    assert turn.backends["dns"] == ("b2", "b3")
    sim.run(25, since=15.25)
    assert sim.dns is State.DOWN


def test_a_declared_fleet_that_is_never_heard_isolates_the_site() -> None:
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5))

    sim.run(30)

    assert sim.dns is State.ISOLATED
    assert sim.level is Level.FULL


def test_an_isolated_site_withdraws_when_the_design_says_so() -> None:
    safety = replace(DECLARED, isolated=Isolation.WITHDRAW)
    sim = Sim(plan("fra", sites=ALL, safety=safety), answers=dies_at(5))

    sim.run(30)

    assert sim.dns is State.DOWN


def test_a_site_withdraws_at_once_when_the_others_are_healthy() -> None:
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5), fleet=flaky_fleet(age=0.5))

    sim.run(10)

    assert sim.updates[-1][0] == 6.0
    assert "healthy elsewhere: lon, nyc, sin" in sim.decisions[-1].reason


def test_words_older_than_the_failure_are_waited_for_and_then_refused() -> None:
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5), fleet=flaky_fleet(age=29.0))

    sim.run(7)
    assert sim.dns is State.FALLING
    sim.run(9, since=7.25)
    assert sim.dns is State.HELD
    assert "0 other sites fresh and healthy, the floor is 1" in sim.decisions[-1].reason


def test_the_same_check_failing_on_many_sites_freezes() -> None:
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5))
    sim.run(4.75)
    sim.fleet = flaky_fleet(state=State.FALLING, failing={"dns/answers": 1.0})

    sim.run(60, since=5)

    assert sim.level is Level.FULL
    assert sim.decisions[-1].after in (State.FROZEN, State.HELD)
    assert State.FROZEN in {one.after for one in sim.decisions}


def test_the_same_check_failing_elsewhere_since_long_is_no_common_cause() -> None:
    others = [
        elsewhere("nyc", State.DOWN, failing={"dns/answers": 3600.0}),
        elsewhere("lon"),
        elsewhere("sin"),
    ]
    sim = Sim(
        plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5), fleet=FleetView(reports=tuple(others))
    )

    sim.run(10)

    assert sim.dns is State.DOWN


def test_the_budget_of_withdrawals_holds_the_site() -> None:
    gone = tuple(Withdrawal(site=SiteName(one), service="dns", age_s=100) for one in ("nyc", "lon"))
    fleet = FleetView(reports=(elsewhere("sin"), elsewhere("nyc"), elsewhere("lon")), withdrawals=gone)
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5), fleet=fleet)

    sim.run(10)

    assert sim.dns is State.HELD
    assert "lon, nyc withdrew in the last 10 min" in sim.decisions[-1].reason


def test_a_site_whose_load_nobody_can_carry_is_held() -> None:
    fleet = FleetView(reports=tuple(elsewhere(one, load=80.0, capacity=100.0) for one in ALL[1:]), load=61.0)
    sim = Sim(plan("fra", sites=ALL, safety=DECLARED), answers=dies_at(5), fleet=fleet)

    sim.run(10)
    assert sim.dns is State.HELD

    sim.fleet = replace(fleet, load=59.0)
    sim.run(12, since=10.25)
    assert sim.dns is State.DOWN


def test_a_service_that_recovers_waits_out_its_backoff() -> None:
    sim = Sim(plan(), answers={"dns/answers": lambda now: not 5 <= now < 8})

    sim.run(30)

    assert [when for when, _ in sim.updates] == [0.0, 6.0, 16.0]
    assert State.QUARANTINE in {one.after for one in sim.decisions}


def test_a_service_that_flaps_for_ten_minutes_ends_in_quarantine() -> None:
    flapping = check("answers", rise=1, fall=1)
    sim = Sim(plan("fra", flapping), answers={"dns/answers": lambda now: now < 60 or int(now) % 2 == 0})

    sim.run(660)

    assert sim.dns in (State.QUARANTINE, State.DOWN, State.RISING)
    assert len([when for when, _ in sim.updates if when >= 60]) <= 12
    assert State.QUARANTINE in {one.after for one in sim.decisions[-3:]}


def test_a_long_calm_forgives() -> None:
    sim = Sim(plan(), answers={"dns/answers": lambda now: not (5 <= now < 8 or 1000 <= now < 1003)})

    sim.run(1030)

    assert [when for when, _ in sim.updates][-2:] == [1001.0, 1011.0]


def test_a_drain_is_announced_low_first_and_withdrawn_later() -> None:
    sim = Sim(plan())
    sim.run(5)
    sim.orders = Orders(drained=frozenset(("dns",)))

    sim.run(30, since=5.25)
    assert sim.dns is State.DRAINING
    assert all("65535:0" in one.communities for one in sim.announced)
    assert {one.as_path_prepend for one in sim.announced} == {3}
    sim.run(70, since=30.25)
    assert sim.dns is State.DRAINED
    assert not sim.announced
    sim.orders = Orders()
    sim.run(71, since=70.25)
    assert sim.dns is State.UP


def test_a_drain_that_the_guard_refuses_changes_nothing_and_says_why() -> None:
    fleet = FleetView(reports=(elsewhere("nyc", State.DOWN),))
    sim = Sim(plan("fra", sites=("fra", "nyc"), safety=DECLARED), fleet=fleet)
    sim.run(5)
    sim.orders = Orders(drained=frozenset(("dns",)))

    sim.run(20, since=5.25)
    assert sim.dns is State.UP
    assert "the floor is 1" in sim.state.services["dns"].refused

    sim.orders = replace(sim.orders, forced=frozenset(("dns",)))
    sim.run(21, since=20.25)
    assert sim.dns is State.DRAINING


def test_a_service_that_dies_while_draining_goes_at_once() -> None:
    sim = Sim(plan(), answers=dies_at(10))
    sim.run(5)
    sim.orders = Orders(drained=frozenset(("dns",)))

    sim.run(12, since=5.25)

    assert sim.dns is State.DRAINED


def test_a_frozen_site_keeps_what_it_announces_whatever_the_checks_say() -> None:
    sim = Sim(plan(), answers=dies_at(10))
    sim.run(5)
    sim.orders = Orders(is_frozen=True)

    sim.run(60, since=5.25)
    assert sim.dns is State.FROZEN
    assert sim.level is Level.FULL
    sim.orders = Orders()
    sim.run(61, since=60.25)
    assert sim.dns is State.DOWN


def test_a_frozen_site_that_announces_nothing_stays_so() -> None:
    sim = Sim(plan(), orders=Orders(is_frozen=True))

    sim.run(60)

    assert sim.level is Level.NONE


def test_a_blackholed_host_is_announced_beside_its_prefix_until_it_expires() -> None:
    host = ip_network("198.51.100.66/32")
    sim = Sim(plan(), orders=Orders(blackholes=(Blackhole(host=host, expires_at=20.0),)))

    turn = sim.run(19.75)
    hole = next(one for one in turn.wanted if one.prefix == host)
    assert {"65535:666", "65535:65281"} <= set(hole.communities)
    assert host in turn.leased
    assert turn.wake_at is not None
    turn = sim.run(21, since=20.0)
    assert host not in {one.prefix for one in turn.wanted}


def test_a_blackhole_outside_our_space_or_of_a_dead_service_is_not_announced() -> None:
    foreign = Blackhole(host=ip_network("203.0.113.1/32"), expires_at=1e9)
    ours = Blackhole(host=ip_network("198.51.100.66/32"), expires_at=1e9)
    sim = Sim(plan(), orders=Orders(blackholes=(foreign, ours)), answers=dies_at(10))

    assert {one.prefix for one in sim.run(9).wanted} == {V4, V6, ours.host}
    assert not sim.run(20, since=9.25).wanted


def test_an_adopted_service_stays_announced_but_not_leased_until_a_check_passes() -> None:
    sim = Sim(plan("fra", check("answers", rise=3)), adopted={"dns": Level.FULL}, phase=0.5)

    turn = sim.at(0.0)
    assert {one.prefix for one in turn.wanted} == {V4, V6}
    assert not turn.leased
    turn = sim.at(0.5)
    assert sim.dns is State.UP
    assert turn.leased == {V4, V6}
    assert len(sim.updates) == 1


def test_an_adopted_service_that_does_not_pass_is_let_go() -> None:
    sim = Sim(plan(), adopted={"dns": Level.FULL}, answers={"dns/answers": lambda _: False})

    turn = sim.run(12)

    assert not turn.wanted
    assert not any(one.level is not Level.NONE for one in sim.decisions)


def test_an_adopted_service_whose_checks_hang_is_let_go() -> None:
    sim = Sim(plan(), adopted={"dns": Level.LOW})

    for number in range(50):
        turn = sim.at(number * 0.25, results=())
        assert not turn.leased

    assert not turn.wanted


def test_results_of_unknown_checks_and_old_results_change_nothing() -> None:
    sim = Sim(plan())
    sim.run(5)

    stray = CheckResult(check="dns/gone", is_ok=False, at=5.0)
    late = tuple(CheckResult(check="dns/answers", is_ok=False, at=1.0 + n / 10) for n in range(5))
    sim.at(5.25, results=(stray, *late))

    assert sim.dns is State.UP


def test_v4_and_v6_part_when_the_design_lets_them() -> None:
    both = plan("fra", check("answers4", family=4), check("answers6", family=6))
    dns = both.services[0]
    parted = replace(
        both,
        services=(
            replace(
                dns,
                key="dns/v4",
                prefixes=(V4,),
                announcements=dns.announcements[:1],
                checks=("dns/answers4",),
            ),
            replace(
                dns,
                key="dns/v6",
                prefixes=(V6,),
                announcements=dns.announcements[1:],
                checks=("dns/answers6",),
            ),
        ),
    )
    sim = Sim(parted, answers={"dns/answers6": lambda now: now < 5})

    turn = sim.run(10)

    assert {one.prefix for one in turn.wanted} == {V4}
    assert {one.origin for one in turn.wanted} == {ORIGIN}


def test_a_penalty_of_the_predecessor_is_served() -> None:
    from anyplane.control.site import Inputs, Penalty, start, step

    site = plan()
    state = start(site, now=100.0, penalties={"dns": Penalty(strikes=4, wait_s=50.0)})

    for now in range(100, 150):
        result = CheckResult(check="dns/answers", is_ok=True, at=now)
        turn = step(site, state, Inputs(results=(result,)), now=now)
        state = turn.state
        assert state.services["dns"].state is State.QUARANTINE
    turn = step(site, state, Inputs(), now=150.0)
    assert turn.state.services["dns"].state is State.UP


def test_the_default_safety_has_no_fleet() -> None:
    assert not Safety().has_fleet
