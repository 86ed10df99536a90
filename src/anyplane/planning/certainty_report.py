"""Certainty: how sure a plan is, as frozen values; a part of a ScenarioReport that was asked for with it.

Users are estimated people, shares fractions of all users of the scenario, probabilities 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a suggested measurement collects."""

    PATHS = "collector paths"
    PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChance:
    """A site and how likely it is."""

    site: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedShare:
    """One site's share of the users (sum of users x probability), and its 90 % interval."""

    site: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """A network whose site is not sure. likeliest: its two likeliest sites.

    users: its own, or those that choose through it (see the field that it is in). unsettled: how many of them
    may be elsewhere than at the likeliest site.
    """

    asn: int
    name: str
    users: float
    unsettled: float
    likeliest: tuple[SiteChance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measurement that nobody has made yet. users: how many unsettled ones it may settle, at most."""

    kind: Kind
    sites: tuple[str, ...]
    users: float
    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """How sure one scenario's catchments are; docs/reference/plan.md says how each figure is reckoned.

    basis: what the probabilities rest on, one line. spread: standard error of a share in log odds, which
    makes the intervals. sure, doubtful: shares of users whose likeliest site has 90 % or more, below 60 %.
    unsettled: users who may be elsewhere than at their likeliest site. least_sure: the networks with most of
    them. torn: the networks on whose own choice most unsettled users depend; users: who choose through them.
    """

    basis: str
    is_calibrated: bool
    spread: float
    sure: float
    doubtful: float
    unsettled: float
    sites: tuple[StatedShare, ...]
    least_sure: tuple[Unsure, ...] = ()
    torn: tuple[Unsure, ...] = ()
    measurements: tuple[Measurement, ...] = ()
