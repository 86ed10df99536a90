"""The state table is whole, and keeps its two rules."""

from __future__ import annotations

import itertools

from anyplane.control.states import LEVEL_OF, TABLE, Level, Situation, State, follow

ORDER = (Level.NONE, Level.LOW, Level.DRAIN, Level.FULL)


def test_every_level_and_situation_has_a_state() -> None:
    assert set(TABLE) == set(itertools.product(Level, Situation))


def test_every_state_says_how_it_is_announced_and_is_reached() -> None:
    assert set(LEVEL_OF) == set(State)
    assert set(TABLE.values()) == set(State)


def test_a_state_that_is_not_sure_keeps_the_level_it_found() -> None:
    unsure = {State.INIT, State.FALLING, State.HELD, State.ISOLATED, State.FROZEN}

    for (level, _), state in TABLE.items():
        if state in unsure:
            assert LEVEL_OF[state] is None
            assert follow(level, _)[1] is level


def test_only_a_dead_service_or_an_operator_goes_off_the_air() -> None:
    for level, situation in itertools.product((Level.LOW, Level.DRAIN, Level.FULL), Situation):
        if follow(level, situation)[1] is Level.NONE:
            assert situation in (Situation.DEAD, Situation.DRAIN_OVER)


def test_only_a_service_that_passes_goes_on_the_air() -> None:
    for situation in Situation:
        if follow(Level.NONE, situation)[1] is not Level.NONE:
            assert situation in (Situation.HEALTHY, Situation.IMPAIRED)


def test_a_dependency_lowers_but_never_withdraws() -> None:
    for level in Level:
        assert follow(level, Situation.IMPAIRED) == (State.DEGRADED, Level.LOW)


def test_following_the_same_situation_twice_changes_nothing() -> None:
    for level, situation in itertools.product(Level, Situation):
        state, after = follow(level, situation)
        again, last = follow(after, situation)
        assert last is after, (level, situation)
        settled = {State.DRAINING, State.FALLING, State.INIT} | {state}
        assert again in settled or after is Level.NONE or again is state
