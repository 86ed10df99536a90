"""The states of a service at a site, as one table.

Theory of operation. All that is known of a service at one moment comes down to a *situation* (derived by
control.situation), and all that is done about it to a *level*: how it is announced. The state is a label for
the pair, so the whole machine is TABLE[level, situation] -> state and LEVEL_OF[state]: no transition can be
forgotten, since the table is total (a test holds it to that); the documentation's diagram is drawn from it.

Two rules hold the table together:

1. A state that is not sure (FALLING, HELD, ISOLATED, FROZEN, INIT) keeps the level it found.
2. The level only ever falls for a reason that names this site: a local check that failed and a guard that let
   it go, a dependency (to LOW, never to NONE), an operator.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How a service is announced."""

    NONE = "none"
    LOW = "low"
    DRAIN = "drain"
    FULL = "full"


class State(StrEnum):
    """What an operator reads."""

    INIT = "init"
    RISING = "rising"
    UP = "up"
    FALLING = "falling"
    DOWN = "down"
    DEGRADED = "degraded"
    DRAINING = "draining"
    DRAINED = "drained"
    HELD = "held"
    QUARANTINE = "quarantine"
    ISOLATED = "isolated"
    FROZEN = "frozen"


class Situation(StrEnum):
    """What is known of a service now; the first that holds, from the top."""

    STOPPED = "an operator froze the site"
    DRAIN = "an operator drains the service"
    DRAIN_OVER = "the drain's wait is over"
    UNKNOWN = "a local check has not spoken yet"
    DEAD_FROZEN = "it failed, and so did the same check elsewhere"
    DEAD_ISOLATED = "it failed, and no other site is heard"
    DEAD_HELD = "it failed, and the guard refuses the withdrawal"
    DEAD_WAITING = "it failed, and news of the others is awaited"
    DEAD = "it failed, and may go"
    CLIMBING = "it passes, but not often enough yet"
    PENALISED = "it passes, but went too lately"
    IMPAIRED = "it passes, but a dependency failed"
    SHAKY = "it passes, but failed just now"
    HEALTHY = "all checks pass"


# What becomes of a service; None in LEVEL_OF: it stays announced as it was.
LEVEL_OF: dict[State, Level | None] = {
    State.INIT: None,
    State.RISING: Level.NONE,
    State.UP: Level.FULL,
    State.FALLING: None,
    State.DOWN: Level.NONE,
    State.DEGRADED: Level.LOW,
    State.DRAINING: Level.DRAIN,
    State.DRAINED: Level.NONE,
    State.HELD: None,
    State.QUARANTINE: Level.NONE,
    State.ISOLATED: None,
    State.FROZEN: None,
}

_ROWS: dict[Situation, tuple[State, State, State, State]] = {
    # situation                 NONE              LOW             DRAIN            FULL
    Situation.STOPPED: (State.FROZEN, State.FROZEN, State.FROZEN, State.FROZEN),
    Situation.DRAIN: (State.DRAINED, State.DRAINING, State.DRAINING, State.DRAINING),
    Situation.DRAIN_OVER: (State.DRAINED, State.DRAINED, State.DRAINED, State.DRAINED),
    Situation.UNKNOWN: (State.INIT, State.INIT, State.INIT, State.INIT),
    Situation.DEAD_FROZEN: (State.DOWN, State.FROZEN, State.FROZEN, State.FROZEN),
    Situation.DEAD_ISOLATED: (State.DOWN, State.ISOLATED, State.ISOLATED, State.ISOLATED),
    Situation.DEAD_HELD: (State.DOWN, State.HELD, State.HELD, State.HELD),
    Situation.DEAD_WAITING: (State.DOWN, State.FALLING, State.FALLING, State.FALLING),
    Situation.DEAD: (State.DOWN, State.DOWN, State.DOWN, State.DOWN),
    Situation.CLIMBING: (State.RISING, State.DEGRADED, State.UP, State.UP),
    Situation.PENALISED: (State.QUARANTINE, State.DEGRADED, State.UP, State.UP),
    Situation.IMPAIRED: (State.DEGRADED, State.DEGRADED, State.DEGRADED, State.DEGRADED),
    Situation.SHAKY: (State.RISING, State.FALLING, State.FALLING, State.FALLING),
    Situation.HEALTHY: (State.UP, State.UP, State.UP, State.UP),
}
TABLE: dict[tuple[Level, Situation], State] = {
    (level, situation): row[column]
    for situation, row in _ROWS.items()
    for column, level in enumerate((Level.NONE, Level.LOW, Level.DRAIN, Level.FULL))
}


def follow(level: Level, situation: Situation) -> tuple[State, Level]:
    """The state that a service at `level` is in, and the level at which it is announced from now on."""
    state = TABLE[level, situation]
    after = LEVEL_OF[state]
    return state, level if after is None else after
