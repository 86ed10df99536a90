"""Step: one thing that a game day does, an explicit value with its words; and the steps that only wait.

A scenario writes a step as one key, the class's name in lower case: `KillService` is `kill_service: mad`.
`breaks` marks a fault: times are counted from it. `is_order` marks what an operator may ask of a production
site too; anything else is refused there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.clients import EVERYONE, Clients
from anyplane.lab.gameday.parts import SiteField, TimeField, UpstreamField


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is done."""

    words: ClassVar[str] = ""
    breaks: ClassVar[bool] = False
    is_order: ClassVar[bool] = False

    def __str__(self) -> str:
        """In words: kill the service of mad."""
        return parts.text(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStep(Step):
    """Done to one site."""

    site: SiteField


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkStep(SiteStep):
    """Done to one upstream of a site, or to all of them."""

    upstream: UpstreamField = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Nothing is done for a while."""

    time: TimeField
    words, is_order = "wait {time}", True


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil(Step):
    """Waits until a site serves, serves no more, or is the one that a client reaches."""

    serves: Annotated[str | None, parts.SITE] = None
    serves_not: Annotated[str | None, parts.SITE] = None
    reaches: Annotated[str | None, parts.SITE] = None
    clients: Annotated[Clients, parts.CLIENTS] = EVERYONE
    within: Annotated[float, parts.TIME] = 30.0
    words = (
        "wait until[ {serves} serves][ {serves_not} serves no more]"
        "[ clients ({clients}) reach {reaches}], at most {within}"
    )
    is_order = True
