"""differences: what a comparison of planner and routers found, as values and as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a router may go another way than predicted."""

    HIDDEN = "hidden inside the network"
    """The pop where the predicted way leaves has that route, prefers another, and tells nobody of it."""
    FOLLOWS = "follows from another"
    """What it would hear of the predicted route hangs on a router that differs itself."""
    DAEMON = "a mistake of the daemon"
    """By its own table a better route stands beside its best: higher local preference, or a shorter path."""
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a router sends a prefix. as_path: as heard; () with no neighbour: no route."""

    as_path: tuple[int, ...] = ()
    neighbour: str = ""
    site: str = ""
    is_discarded: bool = False
    server: str = ""
    """The route server that told of the neighbour, where that is a site behind one."""

    def __str__(self) -> str:
        if not self.neighbour:
            return "no route"
        end = "discarded for" if self.is_discarded else "to"
        told = f" ({self.server})" if self.server else ""
        return f"{' '.join(map(str, self.as_path))} by {self.neighbour}{told} {end} {self.site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One router that goes another way than predicted. Candidates: one line each, the best first.

    rule: the rule of docs/explanation/routing-model.md that chose the predicted way among the candidates.
    """

    seed: int
    node: str
    daemon: str
    prefix: str
    predicted: Way
    seen: Way
    rule: str
    cause: Cause
    predicted_candidates: tuple[str, ...]
    seen_candidates: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"world {self.seed}: {self.node} ({self.daemon}) {self.prefix}: {self.cause}",
            f"  predicted  {self.predicted}   by {self.rule}",
            *(f"             | {line}" for line in self.predicted_candidates),
            f"  seen       {self.seen}",
            *(f"             | {line}" for line in self.seen_candidates),
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared: `ways` is the number of (router, prefix) pairs, `routed` those that have a route."""

    worlds: int
    routers: int
    ways: int
    routed: int
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        lines = [str(one) for one in self.differences]
        causes = ", ".join(
            f"{sum(one.cause == cause for one in self.differences)} {cause}"
            for cause in Cause
            if any(one.cause == cause for one in self.differences)
        )
        lines.append(
            f"{self.worlds} worlds, {self.routers:,} routers, {self.ways:,} best routes "
            f"({self.routed:,} not empty): {len(self.differences)} differences"
            + (f" ({causes}) in {len({one.seed for one in self.differences})} worlds" if causes else "")
        )
        return "\n".join(lines)
