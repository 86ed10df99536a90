"""Stage: all that a game day needs of the place where it happens: a lab, real sites, or a script in a test.

All times are the stage's own monotonic seconds, `now()`; the runner waits only through `sleep`, so a scripted
stage runs a game day of minutes at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.scenario import Probes
from anyplane.lab.gameday.step import Step
from anyplane.lab.gameday.words import Words

NO_SITE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """A site as scenarios speak of it. `capacity_users`: how many it can carry, None where not known."""

    name: str
    country: str = ""
    continent: str = ""
    upstreams: tuple[int, ...] = ()
    backends: tuple[str, ...] = ()
    capacity_users: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is. `networks`: the AS numbers that have routers."""

    sites: tuple[SiteFacts, ...]
    clients: tuple[Client, ...]
    networks: frozenset[int] = frozenset()
    where: str = ""
    """In words: lab dozen-cities, 60 routers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A step was done: `at` is the moment of the fault itself; `note` says what else is worth knowing."""

    at: float
    note: str = ""


class Seen(StrEnum):
    """What was observed."""

    WITHDRAWN = "withdrawn"
    ANNOUNCED = "announced"
    FIB = "fib"
    """A router's forwarding table changed for a prefix of ours."""
    NOTE = "note"
    """A line of an agent's journal that is worth showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing that happened at a site, or (FIB) at a router."""

    at: float
    what: Seen
    where: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Consecutive queries of one client with one answer: `site` answered, or nobody did (NO_SITE).

    A long connection has spans without queries.

    start and end are the sending times of the first and of the last query. A span without an answer ends when
    the next answered query was sent: that is its outage.
    """

    start: float
    end: float
    site: str
    queries: int
    rtt_ms: float | None = None
    """Median of the answered ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What one client saw with one kind of probe."""

    client: str
    kind: str
    spans: tuple[Span, ...]
    resets: int = 0
    """TCP connections that were reset under way."""
    stalled_s: float = 0.0
    """Of the time without an answer the prober itself stood still for so long; it is not in `outage_s`."""
    excused: int = 0
    """Queries that are counted neither way, because the prober itself stood still."""

    @property
    def sent(self) -> int:
        """Queries that count."""
        return sum(span.queries for span in self.spans)

    @property
    def lost(self) -> int:
        """Queries without an answer."""
        return sum(span.queries for span in self.spans if span.site == NO_SITE)

    @property
    def outage_s(self) -> float:
        """All the time without an answer, less the prober's own stalls in it."""
        silent = sum(span.end - span.start for span in self.spans if span.site == NO_SITE)
        return max(0.0, silent - self.stalled_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Connections through a site with several backends, watched one by one."""

    watched: int
    moved: int
    """Of those whose own backend was not removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """The prober or the relay stood still and can say nothing of this time."""

    at: float
    for_s: float
    who: str = "prober"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that the probers saw."""

    probed: tuple[Probed, ...] = ()
    stalls: tuple[Stalled, ...] = ()
    flows: Flows | None = None
    notes: tuple[str, ...] = ()


NOTHING_MEASURED = Measured()


class Stage(Protocol):
    """Where a game day happens. Every method raises an AnyplaneError where it cannot do its part."""

    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def facts(self) -> Facts:
        """What there is; asked once, before anything is done."""

    def refusal(self, step: Step) -> str:
        """Why this step cannot be done here, "" where it can; asked of all before the first."""

    def reword(self, words: Words) -> None:
        """The sites go by the design with these words, until `heal`; DesignError, Unfit where it is none."""

    def start_probes(self, probes: Probes) -> None:
        """The probers ask from now on; returns when all do."""

    def stop_probes(self) -> Measured:
        """They stop; what they saw since they started."""

    def apply(self, step: Step) -> Applied:
        """Do it, and say when it happened."""

    def heal(self) -> tuple[str, ...]:
        """Undo everything that was done and not undone; what could not be. Doing it twice is harmless."""

    def announced(self) -> frozenset[str]:
        """The sites whose routes upstreams have now."""

    def catchment(self) -> Mapping[str, str]:
        """The site that answers each client now, NO_SITE where none does."""

    def updates(self) -> int:
        """BGP updates that all routers have sent so far."""

    def observations(self, since: float) -> tuple[Observation, ...]:
        """What happened since then, in order: journals of the agents, tables of the routers."""

    def prediction(self, without: frozenset[str]) -> Mapping[str, frozenset[str]] | None:
        """The sites that the plan allows each client, with some gone; None where nothing is planned."""
