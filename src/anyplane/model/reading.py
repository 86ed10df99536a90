"""Reading: what one file of observations gave, and which of its rows could not be used, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyplane.model.observations import Observations


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Rows of a file that gave no observation, for one reason; line counts from 1, 0 = no line to name."""

    reason: str
    rows: int
    first_line: int = 0

    def __str__(self) -> str:
        where = f" (first: line {self.first_line})" if self.first_line else ""
        return f"{self.rows:,} {self.reason}{where}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One file, read. Every row of the file is counted in `rows`, and what it lost in `unusable`."""

    source: str
    rows: int
    unusable: tuple[Unusable, ...]
    observations: Observations
    notes: tuple[Unusable, ...] = ()
    """Rows that did give an observation, but a lesser one: a name that fits no site, for instance."""


@dataclass(slots=True)
class Tally:
    """Counts rows while a file is read; `reading` closes it."""

    rows: int = 0
    lost: dict[str, list[int]] = field(default_factory=dict)
    noted: dict[str, list[int]] = field(default_factory=dict)

    def lose(self, reason: str, line: int = 0, *, rows: int = 1) -> None:
        """One row more (or several) that gave nothing, for this reason."""
        self.lost.setdefault(reason, [0, line])[0] += rows

    def note(self, reason: str, line: int = 0, *, rows: int = 1) -> None:
        """One row more that was used, with a remark."""
        self.noted.setdefault(reason, [0, line])[0] += rows

    def reading(self, source: str, observations: Observations) -> Reading:
        """What was read, most frequent reason first."""
        return Reading(
            source=source,
            rows=self.rows,
            unusable=_listed(self.lost),
            observations=observations,
            notes=_listed(self.noted),
        )


def _listed(counts: dict[str, list[int]]) -> tuple[Unusable, ...]:
    found = [Unusable(reason=reason, rows=rows, first_line=line) for reason, (rows, line) in counts.items()]
    return tuple(sorted(found, key=lambda one: (-one.rows, one.reason)))
