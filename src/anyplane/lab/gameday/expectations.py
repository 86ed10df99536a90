"""Expectations: what a scenario promises, each an explicit value with its words; `verdict` judges them.

A time `within` is counted from the step that `after` names, else from the first fault of the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.clients import EVERYONE
from anyplane.lab.gameday.parts import ClientsField, CountField, KindField, SitesField, StepField, TimeField
from anyplane.model.nouns import SiteName


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One promise."""

    words: ClassVar[str] = ""

    def __str__(self) -> str:
        """In words: at most 150 queries lost."""
        return parts.text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(Expectation):
    """Queries lost, all clients together."""

    at_most: CountField
    clients: ClientsField = EVERYONE
    kind: KindField = None
    words = "at most {at_most} queries lost (clients: {clients})[ over {kind}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPerClient(Expectation):
    """Queries lost by the client that lost most."""

    at_most: CountField
    clients: ClientsField = EVERYONE
    kind: KindField = None
    words = "no client loses more than {at_most} queries (clients: {clients})[ over {kind}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostShare(Expectation):
    """The share of queries that were lost, each client weighted by its users."""

    at_most: Annotated[float, parts.SHARE]
    clients: ClientsField = EVERYONE
    words = "at most {at_most} of the users' queries lost (clients: {clients})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage(Expectation):
    """All the time without an answer, of the client that had the most of it."""

    at_most: TimeField
    clients: ClientsField = EVERYONE
    words = "no client is without an answer for more than {at_most} (clients: {clients})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredBy(Expectation):
    """Which site answers: at the end, or within a time after a step."""

    sites: SitesField
    clients: ClientsField = EVERYONE
    within: Annotated[float | None, parts.TIME] = None
    after: StepField = None
    words = "clients ({clients}) are answered by {sites}[ within {within}][ after {after}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Expectation):
    """A site's route is gone in time."""

    site: Annotated[SiteName, parts.SITE]
    within: TimeField
    after: StepField = None
    words = "{site} is withdrawn within {within}[ after {after}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverAllWithdrawn(Expectation):
    """At every moment at least so many sites are announced."""

    at_least: Annotated[int, parts.COUNT] = 1
    words = "at least {at_least} sites are announced at every moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingAnnounced(Expectation):
    """At the end no upstream hears a route from the site."""

    site: Annotated[SiteName, parts.SITE]
    words = "nothing is announced by {site} at the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resets(Expectation):
    """TCP connections that were reset."""

    at_most: CountField
    clients: ClientsField = EVERYONE
    words = "at most {at_most} TCP connections reset (clients: {clients})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsPlanned(Expectation):
    """At the end every client reaches the site that the plan predicts, with some sites gone."""

    without: Annotated[tuple[SiteName, ...], parts.SITES] = ()
    words = "every client reaches the site that the plan predicts[ without {without}]"


class NoOtherFlowsMoved(Expectation):
    """Of the connections that did not end at the removed backend, none moved to another one."""

    words = "no flow of the other backends moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates(Expectation):
    """BGP updates that all routers sent while it lasted."""

    at_most: CountField
    words = "at most {at_most} BGP updates sent"


class WithinCapacity(Expectation):
    """At the end no site carries more than its capacity, and none did while clients were elsewhere."""

    words = "no site carries more than its capacity"


EXPECTATIONS: dict[str, type[Expectation]] = {
    parts.key_of(kind): kind
    for kind in (
        Lost, LostPerClient, LostShare, Outage, AnsweredBy, Withdrawn, NeverAllWithdrawn, NothingAnnounced,
        Resets, AsPlanned, NoOtherFlowsMoved, Updates, WithinCapacity,
    )
}  # fmt: skip
"""Every expectation by its key, in the order of the reference page."""
