"""Score: how a forecast stands against what was measured, as frozen values with one stable JSON form.

Every share, probability and accuracy is a fraction of 1. *By networks* each network that both know counts 1;
*by users* it counts as its estimated users. Every number is rounded when the score is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyplane.planning.jsonform import render, to_plain

VERSION = 1


class By(StrEnum):
    """What a network counts."""

    NETWORKS = "networks"
    USERS = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Networks whose most probable site was given `low` to `high` (the last bin includes 1).

    stated: their mean certainty; right: the share that reached that site, with Wilson's 95 % interval of it.
    None where there are none.
    """

    low: float
    high: float
    networks: int
    share: float
    stated: float | None
    right: float | None
    right_low: float | None
    right_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteScore:
    """One site. expected: its mean probability; likely: the share whose most probable site it is.

    recall: of those observed here, the share whose most probable site it was; precision: of the latter, the
    share observed here. None of nothing.
    """

    site: str
    expected: float
    likely: float
    observed: float
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The share that was observed at one site while the forecast's most probable one was `predicted`.

    predicted "": the forecast has no route.
    """

    observed: str
    predicted: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Every figure, counted by networks or by users. low and high: 95 % intervals by bootstrap.

    gain: accuracy above that of always saying `majority`, the most observed site. base_log_loss and
    base_brier: those of a forecast that gives every network the observed shares. calibration_error: mean
    distance of certainty and share right over the bins. total_variation: between the expected and the
    observed shares of the sites.
    """

    by: By
    total: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced_accuracy: float
    majority: str
    majority_accuracy: float
    gain: float
    gain_low: float
    gain_high: float
    best_accuracy: float
    """of a forecast that names the most observed site of every network: less than 1 where networks split"""
    log_loss: float
    base_log_loss: float
    brier: float
    base_brier: float
    calibration_error: float
    total_variation: float
    bins: tuple[Bin, ...]
    sites: tuple[SiteScore, ...]
    confusion: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A network that did not (only) reach its most probable site; predicted "": no route."""

    asn: int
    country: str
    users: float
    predicted: str
    certainty: float
    observed: str
    """the most observed site other than that"""
    share: float
    """of its answers that came from `observed`"""
    given: float
    """the probability that the forecast gave `observed`"""
    right: float
    """share of its answers that came from `predicted`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryScore:
    """The networks of one country."""

    country: str
    networks: int
    users: float
    accuracy: float
    accuracy_users: float | None
    wrong_users: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodScore:
    """The same forecast against one method alone, by networks."""

    method: str
    networks: int
    accuracy: float
    majority: str
    majority_accuracy: float
    is_scored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two methods say the same of the networks that both saw while the same was announced."""

    announced: str
    one: str
    other: str
    networks: int
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedSet:
    """An announcement set of the observations, and whether it is scored."""

    policy: str
    announced: str
    networks: int
    is_scored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One forecast against one file of observations.

    ceiling: mean agreement of the scored methods with others over the networks that both saw; None where no
    two methods did. floor: no probability counts as less in the log loss.
    """

    version: int
    service: str
    predicted: str
    observed: str
    methods: tuple[str, ...]
    networks: int
    users: float
    forecast_networks: int
    observed_networks: int
    observed_in_forecast: float
    split_networks: int
    unknown_answers: int
    floor: float
    resamples: int
    seed: int
    by_networks: Measures
    by_users: Measures | None
    ceiling: float | None
    agreements: tuple[Agreement, ...]
    by_method: tuple[MethodScore, ...]
    announced: tuple[AnnouncedSet, ...]
    countries: tuple[CountryScore, ...]
    wrong: tuple[Wrong, ...]
    warnings: tuple[str, ...]

    def measures(self, by: By) -> Measures:
        """Those by users where users are known and asked for, else those by networks."""
        return self.by_users if by is By.USERS and self.by_users is not None else self.by_networks


def to_json(score: Score) -> str:
    """The score as JSON text."""
    return render(to_plain(score))
