"""The fault table: rows measured on a stage, printed with median, worst, the target and what others reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One row. `measure(n)` gives n figures in `unit`; `median` and `worst` are what we promise of them.

    A row about something that must never happen measures how often it did, and promises 0.
    """

    name: str
    measure: Callable[[int], list[float]]
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


def fault(
    name: str, *, median: float, worst: float, unit: str = "s", others: str = "", in_ci: bool = False
) -> Callable[[Callable[[int], list[float]]], Callable[[int], list[float]]]:
    """Make a row of the function below."""

    def keep(measure: Callable[[int], list[float]]) -> Callable[[int], list[float]]:
        key = measure.__name__
        FAULTS[key] = Fault(name, measure, median, worst, unit, others, in_ci)
        return measure

    return keep


def row(result: Result) -> str:
    """One line of the table, at most 120 columns."""
    fault_ = result.fault

    def number(value: float) -> str:
        return f"{value:.0f}" if fault_.unit in ("withdrawals", "probes", "updates") else f"{value:.3g}"

    figures = f"{number(result.median)} / {number(result.worst)}"
    promise = f"{number(fault_.median)} / {number(fault_.worst)}"
    verdict = "kept" if result.is_kept else "MISSED"
    return (
        f"{fault_.name:58} {len(result.figures):3} {figures:>15} {promise:>13} {fault_.unit:11} {verdict:6} "
        f"{fault_.others}"
    )


HEADER = f"{'fault':58} {'n':>3} {'median / worst':>15} {'promised':>13} {'unit':11} {'':6} others"
