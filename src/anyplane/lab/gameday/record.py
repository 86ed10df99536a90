"""Record: everything that the runner of a game day wrote down, in the stage's own time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anyplane.lab.gameday.scenario import Scenario, TimedStep
from anyplane.lab.gameday.stage import NOTHING_MEASURED, Facts, Measured, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step and when it was done; `error` where it could not be, `is_late` where a wait ran out."""

    timed: TimedStep
    at: float
    note: str = ""
    error: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that the runner wrote down, in the stage's own time."""

    scenario: Scenario
    facts: Facts
    began: float
    ended: float
    done: tuple[Done, ...] = ()
    measured: Measured = NOTHING_MEASURED
    observations: tuple[Observation, ...] = ()
    announced_before: frozenset[str] = frozenset()
    announced_after: frozenset[str] = frozenset()
    catchment_before: Mapping[str, str] = field(default_factory=dict)
    catchment_after: Mapping[str, str] = field(default_factory=dict)
    planned: Mapping[frozenset[str], Mapping[str, frozenset[str]] | None] = field(default_factory=dict)
    updates: int = 0
    is_whole: bool = True
    """Was it carried out to the end? Else nothing can be judged."""
    errors: tuple[str, ...] = ()
    """What stopped it, or was left unhealed."""
