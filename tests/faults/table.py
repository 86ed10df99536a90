"""The fault table: rows of one daemon each: what was measured, what is promised, what others reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

DAEMONS = {
    "bird2": "BIRD 2",
    "bird3": "BIRD 3",
    "frr": "FRR",
    "exabgp": "ExaBGP 5",
    "gobgp3": "GoBGP 3",
    "gobgp4": "GoBGP 4",
    "openbgpd": "OpenBGPD",
}
EVERY = tuple(DAEMONS)
COUNTS = ("withdrawals", "polls", "updates", "reloads", "probes")
"""Units that are counted, not timed."""
Measure = Callable[[str, int], list[float]]
Limits = tuple[float, float]


class Group(StrEnum):
    """The part of docs/explanation/failure-modes.md where the row stands."""

    SERVICE = "service"
    AGENT = "agent"
    ROUTER = "router"
    PEER = "peer"
    FLEET = "fleet"


@dataclass(frozen=True)
class Fault:
    """One row. `measure(daemon, n)` gives n figures in `unit`; `median` and `worst` are promised of them.

    A row about something that must never happen counts how often it did, and promises 0.
    """

    key: str
    what: str
    daemon: str
    group: Group
    measure: Measure
    median: float
    worst: float
    unit: str = "s"
    others: str = ""
    in_ci: bool = False


@dataclass(frozen=True)
class Result:
    """A row, measured."""

    fault: Fault
    figures: list[float]

    @property
    def median(self) -> float:
        """The middle figure."""
        return statistics.median(self.figures)

    @property
    def worst(self) -> float:
        """The largest."""
        return max(self.figures)

    @property
    def is_kept(self) -> bool:
        """Is the promise kept?"""
        return self.median <= self.fault.median and self.worst <= self.fault.worst


FAULTS: dict[str, Fault] = {}
"""By key, in the order of the table."""


def fault(
    what: str,
    *,
    group: Group,
    median: float,
    worst: float,
    unit: str = "s",
    others: str = "",
    daemons: Iterable[str] = ("bird2",),
    limits: Mapping[str, Limits] | None = None,
    in_ci: Iterable[str] = (),
) -> Callable[[Measure], Measure]:
    """Make a row for each of `daemons` of the function below; `limits`: other promises, by daemon."""

    def keep(measure: Measure) -> Measure:
        for daemon in daemons:
            own = (limits or {}).get(daemon, (median, worst))
            key = f"{measure.__name__}:{daemon}"
            FAULTS[key] = Fault(
                key, what, daemon, group, measure, *own, unit=unit, others=others, in_ci=daemon in in_ci
            )
        return measure

    return keep


def chosen(names: Iterable[str]) -> list[Fault]:
    """The rows meant by names such as `service_dies:frr`, `service_dies`, `:frr` and `agent` (a group).

    KeyError with a name that means none.
    """
    found: dict[str, Fault] = {}
    for name in names:
        rows = {
            key: one
            for key, one in FAULTS.items()
            if name in (key, key.partition(":")[0], f":{one.daemon}", str(one.group))
        }
        if not rows:
            raise KeyError(name)
        found |= rows
    return [one for key, one in FAULTS.items() if key in found]


def number(value: float, unit: str) -> str:
    """Counts as they are, times with the digits that were measured."""
    if unit in COUNTS:
        return f"{value:.0f}"
    if unit == "ms":
        return f"{value:.1f}" if value < 10 else f"{value:.0f}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def measured(result: Result) -> str:
    """`median / worst`."""
    unit = result.fault.unit
    return f"{number(result.median, unit)} / {number(result.worst, unit)}"


def promised(fault_: Fault) -> str:
    """`median / worst`."""
    if fault_.unit in COUNTS:
        return f"{fault_.median:g} / {fault_.worst:g}"
    return f"{fault_.median:g} / {fault_.worst:g} {fault_.unit}"


def row(result: Result) -> str:
    """One line of the table on a terminal."""
    one = result.fault
    verdict = "kept" if result.is_kept else "MISSED"
    return (
        f"{one.what:63} {DAEMONS[one.daemon]:8} {len(result.figures):3} {measured(result):>15} "
        f"{promised(one):>13} {'' if one.unit in ('s', 'ms') else one.unit:11} {verdict:6} {one.others}"
    ).rstrip()


HEADER = (
    f"{'fault':63} {'daemon':8} {'n':>3} {'median / worst':>15} {'promised':>13} {'unit':11} {'':6} others"
)
