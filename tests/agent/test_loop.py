"""The loop's turn: decisions from results, the lease only after an evaluation, orders, reloads, adoption."""

from __future__ import annotations

from ipaddress import ip_network

import anyio
import pytest
from site_parts import DESIGN, Stage, accepted

from anyplane.agent.loop import End
from anyplane.control.health import CheckResult
from anyplane.control.states import Level, State
from anyplane.model.errors import KernelError, SpeakerRejected

pytestmark = pytest.mark.anyio
DNS, WEB = ip_network("198.51.100.0/24"), ip_network("203.0.113.0/24")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def prefixes(stage: Stage) -> set[object]:
    return {one.prefix for one in stage.announcer.wanted or ()}


async def test_nothing_is_announced_or_leased_before_a_check_has_passed() -> None:
    stage = Stage()
    stage.turn()

    assert stage.announcer.wanted == frozenset()
    assert stage.lo.held() == {}


async def test_a_service_that_passes_is_announced_and_leased_for_the_designs_lease() -> None:
    stage = Stage()
    stage.hear("dns/tcp", is_ok=True)

    assert prefixes(stage) == {DNS}
    assert stage.lo.held() == {DNS: 3.0}


async def test_a_failed_service_loses_its_anchor_in_the_same_turn_and_the_other_keeps_its_own() -> None:
    stage = Stage()
    stage.all_up()
    stage.hear("dns/tcp", is_ok=False)
    stage.hear("dns/tcp", is_ok=False)

    assert prefixes(stage) == {WEB}
    assert set(stage.lo.until) == {WEB}


async def test_the_anchor_goes_before_the_turn_that_fails_the_service_is_written_down() -> None:
    stage = Stage()
    stage.all_up()
    stage.hear("dns/tcp", is_ok=False)
    stage.loop.hear(CheckResult(check="dns/tcp", is_ok=False, at=stage.clock.now))
    stage.loop.turn()

    assert set(stage.lo.until) == {WEB}


async def test_an_anchor_that_the_kernel_keeps_is_let_go_again_and_told() -> None:
    stage = Stage()
    stage.all_up()
    stage.hear("dns/tcp", is_ok=False)
    stage.lo.fault = KernelError("lo is not ours")
    stage.hear("dns/tcp", is_ok=False)
    alarms = dict(stage.recorder.alarms)
    stage.lo.fault = None
    stage.turn()

    assert "lo is not ours" in alarms["lease"]
    assert set(stage.lo.until) == {WEB}


async def test_a_hung_daemon_does_not_delay_the_anchors() -> None:
    stage = Stage()
    stage.all_up()
    stage.speaker.apply = lambda wanted: anyio.sleep_forever()  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        group.start_soon(stage.announcer.run)
        await anyio.sleep(0.02)
        stage.hear("dns/tcp", is_ok=False)
        stage.hear("dns/tcp", is_ok=False)
        group.cancel_scope.cancel()

    assert set(stage.lo.until) == {WEB}


async def test_without_turns_the_lease_runs_out() -> None:
    stage = Stage()
    stage.all_up()
    stage.clock.now += 3.1

    assert stage.lo.held() == {}


async def test_the_lease_is_not_renewed_more_often_than_ten_times_in_its_length() -> None:
    stage = Stage()
    stage.all_up()
    end = stage.lo.until[DNS]
    stage.clock.now += 0.1
    stage.turn()
    early = stage.lo.until[DNS]
    stage.clock.now += 0.3
    stage.turn()

    assert early == end
    assert stage.lo.until[DNS] > end


async def test_a_kernel_that_refuses_is_an_alarm_and_ends_nothing() -> None:
    stage = Stage()
    stage.all_up()
    stage.lo.fault = KernelError("lo is down", hint="ip link set lo up")
    stage.hear("dns/tcp", is_ok=True)
    is_alarmed = "lo is down" in stage.recorder.alarms["lease"]
    stage.lo.fault = None
    stage.hear("dns/tcp", is_ok=True)

    assert is_alarmed
    assert "lease" not in stage.recorder.alarms


async def test_a_heir_is_wanted_but_its_anchor_is_not_renewed_until_its_check_has_passed() -> None:
    stage = Stage(adopted={"dns/v4": Level.FULL})
    stage.lo.hold(frozenset({DNS}), lifetime_s=5.0)
    stage.anchors.adopt(lambda prefix: True)
    before = stage.lo.until[DNS]
    stage.turn()
    unconfirmed = stage.lo.until[DNS]
    wanted = prefixes(stage)
    stage.clock.now += 1.5
    stage.hear("dns/tcp", is_ok=True)

    assert wanted == {DNS}
    assert unconfirmed == before
    assert stage.lo.until[DNS] > before
    assert stage.loop.state.services["dns/v4"].state is State.UP


async def test_what_a_predecessor_left_and_nobody_wants_is_released_by_the_first_turn() -> None:
    stage = Stage()
    stage.lo.hold(frozenset({DNS}), lifetime_s=5.0)
    stage.anchors.adopt(lambda prefix: True)
    stage.turn()

    assert stage.lo.until == {}


async def test_a_drain_announces_graceful_shutdown_and_an_undrain_takes_it_back() -> None:
    stage = Stage()
    stage.all_up()
    stage.loop.order(stage.loop.standing.drained(frozenset({"dns/v4"}), is_forced=True))
    stage.turn()
    drained = {one.communities for one in stage.announcer.wanted or () if one.prefix == DNS}
    stage.loop.order(stage.loop.standing.undrained(frozenset({"dns/v4"})))
    stage.turn()

    assert drained == {("65535:0",)}
    assert {one.communities for one in stage.announcer.wanted or ()} == {()}


async def test_a_blackhole_ends_by_itself() -> None:
    stage = Stage()
    stage.all_up()
    host = ip_network("198.51.100.7/32")
    stage.loop.order(stage.loop.standing.blackholed(host, for_s=60, now=stage.clock.now, wall=1.7e9))
    stage.turn()
    during = prefixes(stage)
    stage.clock.now += 61
    stage.hear("dns/tcp", is_ok=True, after_s=0)
    stage.hear("web/tcp", is_ok=True, after_s=0)

    assert host in during
    assert host not in prefixes(stage)
    assert stage.loop.standing.orders.blackholes == ()


async def test_a_new_design_keeps_what_is_up_up() -> None:
    stage = Stage()
    stage.all_up()
    before = stage.announcer.wanted
    stage.loop.follow_design(accepted(DESIGN.replace('"127.0.0.1:80"', '"127.0.0.1:8080"')))
    stage.turn()

    assert stage.announcer.wanted == before


async def test_the_loop_turns_by_itself_and_ends_when_told() -> None:
    stage = Stage()
    stage.clock.now = anyio.current_time()
    with anyio.fail_after(3):
        async with anyio.create_task_group() as group:

            async def later() -> None:
                await anyio.sleep(0.6)
                stage.loop.finish(End.STOP)

            group.start_soon(later)
            end = await stage.loop.run()

    assert end is End.STOP
    assert 3 <= stage.loop.turns <= 700


async def test_a_dry_run_decides_and_touches_nothing() -> None:
    stage = Stage(is_dry_run=True)
    stage.speaker.fault = SpeakerRejected("memory", "nothing may be asked")
    stage.all_up()
    await stage.announcer.turn()

    assert prefixes(stage) == {DNS, WEB}
    assert stage.speaker.applied == []
    assert stage.lo.until == {}
    assert "service changed" in stage.log()


async def test_a_turn_costs_well_under_a_millisecond() -> None:
    import time

    stage = Stage()
    stage.all_up()
    began = time.perf_counter()
    for _ in range(200):
        stage.hear("dns/tcp", is_ok=True, after_s=0.01)
    spent = (time.perf_counter() - began) / 200

    assert spent < 0.005


async def test_successes_of_checks_that_pass_cost_no_turns_and_failures_come_at_once() -> None:
    stage = Stage()
    stage.clock.now = anyio.current_time()
    stage.loop.hear(CheckResult(check="dns/tcp", is_ok=True, at=stage.clock.now))
    stage.turn()
    async with anyio.create_task_group() as group:
        group.start_soon(stage.loop.run)
        await anyio.sleep(0.05)
        before = stage.loop.turns
        for _ in range(100):
            stage.loop.hear(CheckResult(check="dns/tcp", is_ok=True, at=stage.clock.now))
        await anyio.sleep(0.05)
        quiet = stage.loop.turns - before
        stage.loop.hear(CheckResult(check="dns/tcp", is_ok=False, at=stage.clock.now))
        await anyio.sleep(0.02)
        streak = stage.loop.state.checks["dns/tcp"].streak
        stage.loop.finish(End.STOP)

    assert quiet <= 1
    assert streak == -1
