"""The contract when things go wrong: sessions, the daemon, its socket, its configuration."""

from __future__ import annotations

import contextlib
import time

import anyio
import pytest
from stage import FAR, NEAR, NEAR_V4, V4, V6, Stage, announcement, until

from anyplane.bgp.speaker import Speaker, difference, routes_of
from anyplane.model.errors import AnyplaneError, SpeakerError, SpeakerRejected, SpeakerUnreachable

WANTED = frozenset({announcement(V4), announcement(V6)})
QUICK = 3.0
"""Seconds in which a daemon that does not answer must have been given up on."""


def _needs_wire(stage: Stage) -> None:
    if not stage.case.is_wired:
        pytest.skip("the fake has no sessions that could fail")


def test_a_session_that_goes_down_is_reported_with_its_reason_and_its_routes_are_dark(stage: Stage) -> None:
    _needs_wire(stage)
    stage.is_dirty = True

    async def body(speaker: Speaker) -> None:
        await speaker.apply(WANTED)
        await stage.holds(NEAR, V4, V6)

        stage.receivers[NEAR].ask("disable n0")
        try:
            deadline = time.monotonic() + 5
            while (seen := await speaker.observe()).sessions[0].state != "down":
                assert time.monotonic() < deadline
                await anyio.sleep(0.05)
        finally:
            stage.receivers[NEAR].ask("enable n0")

        down = {one.neighbor: one for one in seen.sessions}[NEAR_V4]
        assert down.reason
        apart = difference(routes_of(WANTED, stage.plan.sessions), seen)
        assert {one.prefix for one in apart.dark} == {V4}
        assert not apart.missing
        assert not apart.extra

    stage.run(body)


def test_a_daemon_that_was_restarted_announces_nothing_before_it_is_told(stage: Stage) -> None:
    _needs_wire(stage)
    stage.is_dirty = True

    async def body(speaker: Speaker) -> None:
        await speaker.apply(WANTED)
        await stage.holds(NEAR, V4, V6)

        if speaker.capabilities.has_lease:  # the agent's word is the anchor: without it, nothing
            stage.cut_anchors()
        stage.case.kill(stage.site, speaker)
        await stage.holds(NEAR)
        stage.case.start(stage.site, stage.plan)
        if not stage.case.is_child:
            await stage.connected()
            await anyio.sleep(0.3)
        assert not stage.held(NEAR)

        if speaker.capabilities.has_lease:
            stage.anchor()
        deadline = time.monotonic() + 15
        while True:  # as the agent does: again, until it is so
            with contextlib.suppress(SpeakerError):
                await speaker.apply(WANTED)
                break
            assert time.monotonic() < deadline
            await anyio.sleep(0.1)
        await until(lambda: set(stage.held(NEAR)) == {V4, V6}, within=15)

    stage.run(body)


def test_panic_withdraws_everything_twice_and_before_any_apply(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.panic_withdraw()
        await speaker.apply(WANTED | {announcement(V4, FAR)})
        await stage.connected()
        await stage.holds(NEAR, V4, V6)
        await stage.holds(FAR, V4)

        await speaker.panic_withdraw()
        await stage.holds(NEAR)
        await stage.holds(FAR)
        await speaker.panic_withdraw()
        await anyio.sleep(0.1)
        assert not stage.held(NEAR)

        await speaker.apply(WANTED)
        await stage.connected()
        await until(lambda: set(stage.held(NEAR)) == {V4, V6}, within=15)

    stage.is_dirty = True
    stage.run(body)
    stage.is_dirty = False  # it is whole again, as the next test relies on


def test_another_speaker_can_panic_what_an_earlier_one_announced(stage: Stage) -> None:
    async def announce(speaker: Speaker) -> None:
        await speaker.apply(WANTED)
        await stage.holds(NEAR, V4, V6)

    async def panic(speaker: Speaker) -> None:
        await speaker.panic_withdraw()
        await stage.holds(NEAR)

    stage.is_dirty = True
    stage.run(announce)
    stage.run(panic)
    stage.is_dirty = False  # it is whole again, as the next test relies on


def test_a_daemon_that_is_killed_is_unreachable_at_once(stage: Stage) -> None:
    stage.is_dirty = True

    async def body(speaker: Speaker) -> None:
        await speaker.apply(WANTED)
        stage.case.kill(stage.site, speaker)

        begin = time.monotonic()
        if stage.case.is_child:
            with contextlib.suppress(SpeakerUnreachable):
                await speaker.observe()  # a speaker with a child may start it again, or say so
        else:
            with pytest.raises(SpeakerUnreachable):
                await speaker.observe()
            with pytest.raises(SpeakerUnreachable):
                await speaker.apply(WANTED)
        assert time.monotonic() - begin < QUICK

    stage.run(body)


def test_a_daemon_that_hangs_is_unreachable_in_three_seconds(stage: Stage) -> None:
    stage.is_dirty = True

    async def body(speaker: Speaker) -> None:
        await speaker.apply(WANTED)
        with stage.case.hung(speaker):
            for call in (speaker.observe, lambda: speaker.apply(frozenset())):
                begin = time.monotonic()
                with pytest.raises(SpeakerUnreachable):
                    await call()
                assert time.monotonic() - begin <= QUICK

    stage.run(body)
    stage.is_dirty = False  # it is whole again, as the next test relies on


def test_a_daemon_that_is_not_there_is_unreachable_and_says_what_to_do(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        told: list[str] = []
        for call in (speaker.observe, lambda: speaker.apply(frozenset())):
            # What a speaker cannot start itself may be the design's fault: any error that says the fix.
            with pytest.raises(AnyplaneError if stage.case.is_child else SpeakerUnreachable) as caught:
                await call()
            told.append(str(caught.value))
        assert "hint:" in "".join(told) or not stage.case.is_wired

    stage.run(body, plan=stage.case.lost(stage.plan))


def test_panic_works_when_somebody_broke_the_configuration(stage: Stage) -> None:
    if not stage.case.break_config(stage.site, stage.plan):
        pytest.skip("this daemon has no configuration file that matters after its start")

    stage.is_dirty = True

    async def body(speaker: Speaker) -> None:
        stage.case.mend_config(stage.site, stage.plan)
        await speaker.apply(WANTED)
        await stage.holds(NEAR, V4, V6)
        stage.case.break_config(stage.site, stage.plan)

        with contextlib.suppress(SpeakerRejected):  # where the file is read at every change, it is refused
            await speaker.apply(frozenset())
        await speaker.panic_withdraw()
        await stage.holds(NEAR)

        stage.case.mend_config(stage.site, stage.plan)
        await speaker.apply(WANTED)
        await stage.connected()
        await until(lambda: set(stage.held(NEAR)) == {V4, V6}, within=15)

    stage.run(body)
    stage.is_dirty = False  # it is whole again, as the next test relies on
