"""SearchReport: what `anyplane optimize` found, as frozen values with one stable JSON form.

Users are estimated people, shares fractions, times milliseconds; every number is what `plan` prints for the
same announcements. A gain is what becomes less: above 0 is better.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.planning.jsonform import render, to_plain
from anyplane.planning.report import Rtt, State

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EditWorth:
    """One uplink set otherwise than in the design, and what that buys.

    gain_ms: of the goal's RTT, when the edits are made in the order in which they stand; mends: what else got
    better then ("residency", "load", "objectives", "failures"). without_ms: how much the goal's RTT rises
    when this edit alone is left out; breaks: what else gets worse then.
    """

    uplink: str
    site: str
    asn: int
    before: str
    after: str
    gain_ms: float
    mends: tuple[str, ...]
    without_ms: float
    breaks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFigures:
    """One scenario under one choice. moved_*: users at another site than today: certainly, by even draws of
    all ties (None where there are too many sites to tell), and possibly. gain_ms: of the mean RTT of all
    served users; gain_certain_ms: the part of it that users bring whose site is certain before and after."""

    scenario: str
    users: float
    unserved: float
    rtt: Rtt
    rtt_of_all: Rtt
    moved_certain: float
    moved_expected: float | None
    moved_possible: float
    gain_ms: float
    gain_certain_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFigures:
    """Expected users and load of a site, all scenarios together."""

    site: str
    is_announced: bool
    users: float
    load: float | None
    utilisation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstFailure:
    """The failure that makes another site fullest, and the one after which 95 % of users wait longest."""

    site: str
    fullest: str
    utilisation: float | None
    slowest: str
    p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseFigures:
    """An objective, or a residency rule (then target is 0 and actual the users certainly astray, of which
    `possible` may be). scenario: "" for one about all of them."""

    name: str
    scenario: str
    target: float
    actual: float | None
    possible: float | None
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The same choice by the expected catchment under a calibration.

    rtt_ms, p95_ms: users are at each site with its probability, as far away as when it announces alone.
    """

    rtt_ms: float | None
    p95_ms: float | None
    fullest: str
    utilisation: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way of announcing. names: what it is, the first is how it is called; rtt_ms: the goal's.

    harmed to strain: as `search.marks` reckons them, 0 where all is well.
    """

    names: tuple[str, ...]
    rtt_ms: float
    changes: int
    harmed: float
    astray: int
    overload: float
    broken: float
    strain: float
    scenarios: tuple[ScenarioFigures, ...]
    sites: tuple[SiteFigures, ...]
    worst: WorstFailure | None
    promises: tuple[PromiseFigures, ...]
    edits: tuple[EditWorth, ...]
    calibrated: Calibrated | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.names[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """choices: today's first, then those that none dominates; pick: the name of the one that is advised.

    evaluated: announcement sets looked at (a choice, or one with a site failed), of `budget`. space_log10:
    the decimal logarithm of how many choices there are. stopped: "" or why the search ended early ("time",
    "interrupt"). calibration: what it was learned from, or "".
    """

    service: str
    design: str
    origin_asn: int
    load_unit: str
    internet: str
    networks: int
    users: float
    goal: str
    change_cost_ms: float
    failure_bound: float
    turns: tuple[str, ...]
    prepends: tuple[int, ...]
    keep: tuple[str, ...]
    min_sites: int
    most_changes: int
    seed: int
    budget: int
    evaluated: int
    uplinks: int
    open_uplinks: int
    space_log10: float
    is_exhaustive: bool
    stopped: str
    calibration: str
    pick: str
    choices: tuple[Choice, ...]
    warnings: tuple[str, ...]
    kind: str = "search"
    version: int = VERSION

    @property
    def today(self) -> Choice:
        """The choice that changes nothing."""
        return self.choices[0]

    @property
    def picked(self) -> Choice:
        """The one that is advised."""
        return self.named(self.pick)

    def named(self, name: str) -> Choice:
        """The choice with this name; KeyError."""
        for choice in self.choices:
            if name in choice.names:
                return choice
        raise KeyError(name)


def to_json(report: SearchReport) -> str:
    """The report as JSON text."""
    return render(to_plain(report))
