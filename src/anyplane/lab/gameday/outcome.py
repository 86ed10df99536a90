"""Outcome: the one value that every report of a game day reads.

`reckoning.outcome` makes it of a Record. Times are seconds since probing began.
"""

from __future__ import annotations

from dataclasses import dataclass

from anyplane.lab.gameday.stage import Flows

VERSION = 1
STALL = "stall"
"""An Event of this kind: prober or relay stood still."""
DISTURBED = "the relay stood still"
"""So begins what is said in `own_errors` where this machine, and no fault, may have lost queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One expectation, kept or broken, with the figure found and the reason in words."""

    expectation: str
    is_kept: bool
    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One mark on the timeline. kind: step, wait, withdrawn, announced, fib, note, stall or error."""

    at_s: float
    kind: str
    text: str
    site: str = ""
    for_s: float = 0.0
    """How long a stall was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSpan:
    """Who answered a client from when to when; "" is nobody."""

    start_s: float
    end_s: float
    site: str
    queries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOutcome:
    """One client with one kind of probe."""

    node: str
    metro: str
    asn: int
    users: float
    kind: str
    sent: int
    lost: int
    excused: int
    outage_s: float
    longest_gap_s: float
    resets: int
    before: str
    after: str
    spans: tuple[ClientSpan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOutcome:
    """What followed a fault, in seconds after it; None where it did not happen before the next fault."""

    step: str
    text: str
    at_s: float
    withdrawn_s: float | None
    last_fib_s: float | None
    elsewhere_s: float | None
    """The first answer of another site to a client that had lost its own."""
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadShift:
    """A site's share of the users before and at the end, and as planned; None where nothing is planned."""

    site: str
    before: float
    after: float
    planned: float | None
    users: float
    capacity_users: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A whole game day."""

    version: int
    scenario: str
    shows: str
    where: str
    took_s: float
    verdicts: tuple[Verdict, ...]
    sent: int
    lost: int
    excused: int
    lost_share_of_users: float
    outage_of_users_s: float
    """Mean of the clients' outages, weighted by their users."""
    worst_outage_s: float
    worst_outage_between_s: tuple[float, float] = (0.0, 0.0)
    """Between what that of the same client lies, 95 % sure: a query comes only each 1/rate."""
    resets: int
    updates: int
    flows: Flows | None
    faults: tuple[FaultOutcome, ...]
    clients: tuple[ClientOutcome, ...]
    loads: tuple[LoadShift, ...]
    events: tuple[Event, ...]
    own_errors: tuple[str, ...]
    """Of prober and relay: stalls and what else they say of themselves."""
    errors: tuple[str, ...]
    """Why the game day could not be carried out, or not be healed."""

    @property
    def is_kept(self) -> bool:
        """Were all expectations kept?"""
        return all(verdict.is_kept for verdict in self.verdicts)

    @property
    def is_disturbed(self) -> bool:
        """Did this machine stand still for so long that it may have broken what was promised?"""
        return any(said.startswith(DISTURBED) for said in self.own_errors)

    @property
    def exit_code(self) -> int:
        """0 all kept, 1 an expectation broken, 4 the lab failed."""
        return 4 if self.errors else 0 if self.is_kept else 1
