"""The contract of apply and observe: what is wanted arrives, exactly, and nothing else moves."""

from __future__ import annotations

import anyio
import pytest
from stage import FAR, HOST, MANY, NEAR, NEAR_V4, OURS, STRANGE, V4, V6, Stage, announcement, until

from anyplane.bgp.speaker import Observation, Speaker, difference, routes_of
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement

PLAIN = announcement(V4)
DRESSED = announcement(
    V4, as_path_prepend=3, med=50, communities=("64510:77", "65535:0", "64510:4200000000:9")
)
DRESSED_V6 = announcement(V6, as_path_prepend=1, med=7, communities=("64510:6", "4200000001:0:4294967295"))


async def _settled(stage: Stage, speaker: Speaker, wanted: frozenset[Announcement]) -> Observation:
    """The observation, once it is what is wanted."""
    expected = routes_of(wanted, stage.plan.sessions)
    seen = await speaker.observe()
    with anyio.move_on_after(5):
        while not difference(expected, seen).is_healed:
            await anyio.sleep(0.02)
            seen = await speaker.observe()
    assert difference(expected, seen).is_healed, difference(expected, seen)
    return seen


def test_an_empty_set_announces_nothing(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset())

        assert not stage.held(NEAR)
        assert not (await speaker.observe()).routes

    stage.run(body)


def test_one_announcement_reaches_its_upstream_and_no_other(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset({PLAIN}))

        held = await stage.holds(NEAR, V4)
        assert held[V4].as_path == (OURS,)
        assert not stage.held(FAR)

    stage.run(body)


def test_attributes_arrive_exactly(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset({DRESSED, DRESSED_V6}))

        held = await stage.holds(NEAR, V4, V6)
        for wanted in (DRESSED, DRESSED_V6):
            got = held[wanted.prefix]
            assert got.as_path == (OURS,) * (1 + wanted.as_path_prepend)
            assert got.communities == frozenset(wanted.communities)
            assert got.med == wanted.med

    stage.run(body)


def test_applying_the_same_set_again_sends_nothing(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        wanted = frozenset({DRESSED, DRESSED_V6, announcement(V4, FAR)})
        await speaker.apply(wanted)
        await stage.holds(NEAR, V4, V6)
        await stage.holds(FAR, V4)
        await anyio.sleep(0.2)
        before = stage.changes(NEAR), stage.changes(FAR)

        for _ in range(3):
            await speaker.apply(wanted)
        await anyio.sleep(0.5)

        assert (stage.changes(NEAR), stage.changes(FAR)) == before

    stage.run(body)


def test_attributes_change_in_place_without_a_withdrawal_and_without_touching_others(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        other = announcement(V6), announcement(V4, FAR)
        await speaker.apply(frozenset({PLAIN, *other}))
        await stage.holds(NEAR, V4, V6)
        await stage.holds(FAR, V4)
        await anyio.sleep(0.2)
        updates, withdrawals = stage.changes(NEAR)
        far = stage.changes(FAR)

        await speaker.apply(frozenset({DRESSED, *other}))

        await until(lambda: len(stage.held(NEAR)[V4].as_path) == 4)
        await anyio.sleep(0.1)
        assert stage.held(NEAR)[V4].communities == frozenset(DRESSED.communities)
        assert stage.changes(NEAR)[1] == withdrawals
        assert stage.changes(NEAR)[0] <= updates + 1
        assert stage.changes(FAR) == far

    stage.run(body)


def test_a_withdrawal_reaches_the_receiver_and_leaves_the_others_alone(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset({PLAIN, announcement(V6), announcement(MANY[0])}))
        await stage.holds(NEAR, V4, V6, MANY[0])
        updates, withdrawals = stage.changes(NEAR)

        await speaker.apply(frozenset({announcement(V6), announcement(MANY[0])}))

        await stage.holds(NEAR, V6, MANY[0])
        if stage.case.is_wired:
            assert stage.changes(NEAR) == (updates, withdrawals + 1)

    stage.run(body)


def test_two_upstreams_may_be_told_different_things(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        far = announcement(V4, FAR, as_path_prepend=2), announcement(MANY[1], FAR)
        await speaker.apply(frozenset({PLAIN, announcement(V6), *far}))

        near_held = await stage.holds(NEAR, V4, V6)
        far_held = await stage.holds(FAR, V4, MANY[1])
        assert len(near_held[V4].as_path) == 1
        assert len(far_held[V4].as_path) == 3

    stage.run(body)


def test_what_is_observed_is_what_the_receivers_have(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        wanted = frozenset({DRESSED, DRESSED_V6, announcement(V4, FAR, med=9), announcement(MANY[2], FAR)})
        await speaker.apply(wanted)
        await stage.holds(NEAR, V4, V6)
        await stage.holds(FAR, V4, MANY[2])

        seen = await _settled(stage, speaker, wanted)

        assert {one.prefix for one in seen.routes if one.neighbor == NEAR_V4} == {V4}
        assert len(seen.routes) == 4
        assert all(one.state == "up" for one in seen.sessions)
        assert len(seen.sessions) == 3
        if seen.is_exact:
            assert seen.routes == routes_of(wanted, stage.plan.sessions)

    stage.run(body)


def test_two_hundred_prefixes_come_and_go_in_one_apply(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset(announcement(one, FAR) for one in MANY))
        await stage.holds(FAR, *MANY)

        await speaker.apply(frozenset({announcement(MANY[0], FAR)}))
        await stage.holds(FAR, MANY[0])

    stage.run(body)


def test_a_blackholed_host_is_announced_with_its_community(stage: Stage) -> None:
    async def body(speaker: Speaker) -> None:
        hole = announcement(HOST, communities=("65535:666", "65535:65281"), is_blackhole=True)
        await speaker.apply(frozenset({PLAIN, hole}))

        held = await stage.holds(NEAR, V4, HOST)
        assert "65535:666" in held[HOST].communities
        assert not held[V4].communities

        await speaker.apply(frozenset({PLAIN}))
        await stage.holds(NEAR, V4)

    stage.run(body)


@pytest.mark.parametrize(
    "strange", [announcement(STRANGE), announcement(HOST), announcement(STRANGE, is_blackhole=True)]
)
def test_what_is_not_ours_is_refused_and_changes_nothing(stage: Stage, strange: Announcement) -> None:
    async def body(speaker: Speaker) -> None:
        await speaker.apply(frozenset({PLAIN}))
        await stage.holds(NEAR, V4)
        before = stage.changes(NEAR)

        with pytest.raises(SpeakerRejected, match=str(strange.prefix)):
            await speaker.apply(frozenset({announcement(V6), strange}))

        await anyio.sleep(0.2)
        assert set(stage.held(NEAR)) == {V4}
        assert stage.changes(NEAR) == before

    stage.run(body)
