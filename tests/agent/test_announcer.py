"""The announcer: applies, looks, heals, falls back, and reports what is dark."""

from __future__ import annotations

import itertools
from dataclasses import replace

import anyio
import pytest
from site_parts import DESIGN, Stage

from anyplane.agent import announcer
from anyplane.bgp.memory import MemorySpeaker
from anyplane.bgp.speaker import Observation, SessionSeen, SessionState
from anyplane.control.fleet import FleetView, SiteReport
from anyplane.control.states import Level, State
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Announcement, SiteName

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_is_wanted_is_applied_once_and_seen() -> None:
    stage = Stage()
    stage.all_up()
    await stage.announcer.turn()
    await stage.announcer.turn()

    assert len(stage.speaker.applied) == 1
    assert stage.announcer.difference.is_healed
    assert stage.announcer.seen is not None
    assert stage.announcer.seen.routes == stage.announcer.expected


async def test_nothing_new_is_announced_while_nobody_would_withdraw_for_us() -> None:
    stage = Stage()
    stage.announcer.is_watched = lambda: False
    stage.all_up()
    for _ in range(4):
        await stage.announcer.turn()
        stage.clock.now += 0.06
    assert stage.speaker.routes == frozenset()

    stage.announcer.is_watched = lambda: True
    await stage.announcer.turn()
    assert stage.speaker.routes == stage.announcer.expected

    stage.announcer.is_watched = lambda: False
    whole = stage.announcer.wanted or frozenset()
    some = frozenset(sorted(whole, key=str)[:1])
    stage.announcer.want(some)
    await stage.announcer.turn()
    assert {one.prefix for one in stage.speaker.routes} == {one.prefix for one in some}


async def test_what_a_predecessor_announced_is_not_withdrawn_for_want_of_a_watch() -> None:
    stage = Stage()
    stage.all_up()
    await stage.announcer.turn()
    stage.announcer.seen, stage.announcer._is_applied = None, False
    stage.announcer.is_watched = lambda: False

    for _ in range(4):
        await stage.announcer.turn()
        stage.clock.now += 0.06
        assert stage.speaker.routes == stage.announcer.expected


async def test_a_route_that_the_daemon_lost_is_announced_again() -> None:
    stage = Stage()
    stage.all_up()
    await stage.announcer.turn()
    stage.speaker.routes = frozenset()
    await stage.announcer.turn()
    stage.clock.now += 0.06
    await stage.announcer.turn()

    assert stage.speaker.routes == stage.announcer.expected


async def test_a_refused_apply_is_tried_again_later_and_later_and_the_alarm_ends_with_success() -> None:
    stage = Stage()
    stage.all_up()
    stage.speaker.fault = SpeakerRejected("memory", "no", hint="mend it")
    tries = []
    for _ in range(400):
        before = stage.announcer.refusals
        await stage.announcer.turn()
        if stage.announcer.refusals > before:
            tries.append(round(stage.clock.now - 1002.0, 2))
        stage.clock.now += 0.01
    is_alarmed = "no" in stage.recorder.alarms["daemon refuses"]
    stage.speaker.fault = None
    stage.clock.now += 6
    await stage.announcer.turn()

    gaps = [round(later - earlier, 2) for earlier, later in itertools.pairwise(tries)]
    assert gaps[:5] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8], abs=0.02)
    assert is_alarmed
    assert stage.recorder.alarms == {}
    assert stage.speaker.routes == stage.announcer.expected


async def test_the_second_refusal_of_a_whole_withdrawal_takes_the_fallback() -> None:
    stage = Stage()
    stage.all_up()
    await stage.announcer.turn()
    stage.speaker.fault = SpeakerRejected("memory", "broken by somebody else")
    for check in ("dns/tcp", "web/tcp"):
        stage.hear(check, is_ok=False)
        stage.hear(check, is_ok=False)
    await stage.announcer.turn()
    after_one = stage.speaker.routes
    stage.clock.now += 0.06
    await stage.announcer.turn()

    assert after_one
    assert stage.speaker.routes == frozenset()
    assert "fallback" in stage.recorder.alarms


async def refused_for(stage: Stage, seconds: int) -> None:
    """One of two services died, and the daemon refuses whatever it is asked for so long."""
    stage.all_up()
    await stage.announcer.turn()
    stage.speaker.fault = SpeakerRejected("memory", "no")
    stage.hear("dns/tcp", is_ok=False)
    stage.hear("dns/tcp", is_ok=False)
    for _ in range(seconds):
        await stage.announcer.turn()
        stage.hear("web/tcp", is_ok=True)


async def test_a_refused_partial_withdrawal_is_tried_again_for_as_long_as_a_lease() -> None:
    stage = Stage()
    await refused_for(stage, 3)

    assert len(stage.speaker.routes) == 2
    assert "daemon refuses" in stage.recorder.alarms
    assert len(stage.lo.until) == 1


async def test_then_the_fallback_takes_all_and_what_is_well_comes_back_with_the_first_apply() -> None:
    stage = Stage()
    await refused_for(stage, 6)
    taken = stage.speaker.routes
    stage.speaker.fault = None
    stage.hear("web/tcp", is_ok=True)
    await stage.announcer.turn()

    assert taken == frozenset()
    assert {str(one.prefix) for one in stage.speaker.routes} == {"203.0.113.0/24"}


async def test_the_fallback_asks_the_guard_before_it_takes_what_is_well() -> None:
    fleet = DESIGN.replace("sites:\n", "safety: {fleet: {file: /run/fleet.json}}\nsites:\n", 1).replace(
        "sites:\n", "sites:\n  nyc: {metro: NYC, upstreams: [{asn: 64510}]}\n", 1
    )
    stage = Stage(fleet)
    key = "dns/v4"
    dead = {"dns/v4": State.UP, "web/v4": State.DOWN}
    stage.loop.hear_fleet(FleetView(reports=(SiteReport(site=SiteName("nyc"), age_s=0.0, services=dead),)))
    await refused_for(stage, 8)

    assert stage.loop.state.services[key].level is Level.NONE
    assert len(stage.speaker.routes) == 2
    assert "web/v4 is well and would go too" in stage.recorder.alarms["withdrawal owed"]


async def test_where_the_kernel_holds_the_lease_nothing_that_is_well_goes_with_what_is_dead() -> None:
    stage = Stage()
    stage.speaker.capabilities = replace(stage.speaker.capabilities, has_lease=True)
    await refused_for(stage, 10)

    assert len(stage.speaker.routes) == 2
    assert set(map(str, stage.lo.until)) == {"203.0.113.0/24"}


async def test_wishes_that_change_all_the_time_do_not_keep_a_slow_daemon_from_ever_ending() -> None:
    stage = Stage()
    stage.all_up()
    whole = stage.announcer.wanted or frozenset()
    ended = 0

    async def apply(wanted: frozenset[object]) -> None:
        nonlocal ended
        await anyio.sleep(0.12)
        ended += 1

    stage.speaker.apply = apply  # type: ignore[method-assign,assignment]
    async with anyio.create_task_group() as group:
        group.start_soon(stage.announcer.run)
        for number in range(100):
            stage.announcer.want(frozenset(list(whole)[: number % 2 + 1]))
            await anyio.sleep(0.01)
        group.cancel_scope.cancel()

    assert ended >= 2


async def test_a_daemon_that_is_always_slower_than_the_deadline_is_given_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announcer, "APPLY_S", 0.05)
    stage = Stage()
    stage.all_up()
    done = MemorySpeaker.apply

    async def apply(wanted: frozenset[Announcement]) -> None:
        await anyio.sleep(0.15)
        await done(stage.speaker, wanted)

    stage.speaker.apply = apply  # type: ignore[method-assign]
    for _ in range(6):
        await stage.announcer.turn()
        stage.clock.now += 1

    assert stage.speaker.routes == stage.announcer.expected


async def test_a_session_that_is_down_is_reported_as_not_on_the_wire_with_its_reason() -> None:
    stage = Stage()
    stage.all_up()
    session = stage.accepted.router.sessions[0]
    down = SessionSeen(
        neighbor=session.neighbor, upstream=session.upstream, state=SessionState.DOWN, reason="bad MD5"
    )

    async def observe() -> Observation:
        return Observation(routes=frozenset(), sessions=(down,))

    stage.speaker.observe = observe  # type: ignore[method-assign]
    await stage.announcer.turn()

    assert "bad MD5" in stage.recorder.alarms["not on the wire"]
    assert "session down" in stage.log()


async def test_a_daemon_that_hangs_is_given_up_after_the_deadline_and_something_newer_goes_first() -> None:
    stage = Stage()
    stage.all_up()
    calls = []

    async def apply(wanted: frozenset[object]) -> None:
        calls.append(len(wanted))
        if len(calls) == 1:
            await anyio.sleep_forever()

    stage.speaker.apply = apply  # type: ignore[method-assign,assignment]
    async with anyio.create_task_group() as group:
        group.start_soon(stage.announcer.run)
        await anyio.sleep(0.05)
        stage.announcer.want(frozenset())
        await anyio.sleep(0.15)
        group.cancel_scope.cancel()

    assert calls[:2] == [2, 0]


async def test_a_defect_of_a_daemons_backend_is_an_alarm_and_not_the_end() -> None:
    stage = Stage()
    stage.all_up()
    stage.speaker.fault = ZeroDivisionError("oops")
    await stage.announcer.turn()

    assert "ZeroDivisionError" in stage.recorder.alarms["daemon refuses"]
    assert "ZeroDivisionError" in stage.recorder.alarms["daemon unreachable"]


async def test_the_end_of_a_withdrawal_is_told_when_the_table_shows_it_and_not_before() -> None:
    stage = Stage()
    stage.all_up()
    await stage.announcer.turn()
    stage.speaker.fault = SpeakerUnreachable("memory", "away")
    stage.hear("dns/tcp", is_ok=False)
    stage.hear("dns/tcp", is_ok=False)
    await stage.announcer.turn()
    before = list(stage.gone)
    stage.speaker.fault = None
    stage.clock.now += 1
    await stage.announcer.turn()

    assert before == []
    assert [one.service for one in stage.gone] == ["dns/v4"]
    assert stage.gone[0].failed_at == 1003.0
