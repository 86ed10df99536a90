"""score: a forecast held against what was measured, on the networks that both know.

A network that answered from several sites counts as right by the share of its answers that came from the
forecast's most probable one. Nothing here is fitted: the same two tables give the same score.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

import numpy as np
import numpy.typing as npt

from anyplane.model.errors import UsageError
from anyplane.model.forecast import Forecast
from anyplane.model.observations import Method, Observations
from anyplane.planning.figures import count, listed, percent
from anyplane.planning.rounding import fraction, people
from anyplane.planning.score_measures import FLOOR, Floats, measures
from anyplane.planning.score_report import (
    VERSION,
    AnnouncedSet,
    By,
    CountryScore,
    MethodScore,
    Score,
    Wrong,
)
from anyplane.planning.score_truth import Truth, agreements, chosen_policies, methods_of, truth

RESAMPLES = 1000
MOST_WRONG = 20
FEW_NETWORKS = 100
"""With fewer networks, or a smaller part of those observed, the score says little about the rest."""
FEW_OF_OBSERVED = 0.1


def score(
    forecast: Forecast,
    observations: Observations,
    *,
    method: Method | None = None,
    policy: str | None = None,
    service: str = "",
    design_sites: Sequence[str] = (),
    predicted: str = "the forecast",
    observed: str = "the observations",
    seed: int = 1,
    resamples: int = RESAMPLES,
) -> Score:
    """How good the forecast is. method: only what was seen by it; policy: see `chosen_policies`.

    design_sites: what the design calls its sites; others in the forecast are worth a warning.

    UsageError where there is nothing to compare: no observations of that method or announcement set, no
    common network, no common name of a site. seed and resamples are of the bootstrap.
    """
    policies = chosen_policies(observations, forecast.sites, policy=policy)
    present = methods_of(observations, policies=policies)
    if not present:
        raise UsageError(
            f"{observed}: no observation names a site", hint="`anyplane measure show` says what is there"
        )
    if method is not None and method not in present:
        raise UsageError(
            f"{observed}: no observation by {method.value} with what was announced",
            hint=f"there are {listed([one.value for one in present], most=9)}",
        )
    methods = present if method is None else (method,)
    seen = truth(observations, methods=methods, policies=policies)
    sites = (*forecast.sites, *(name for name in observations.sites if name not in forecast.sites))
    _refuse_strangers(forecast, observations, seen, predicted=predicted, observed=observed)
    common = _Common(forecast, observations, seen, sites)
    both = common.at
    if not len(both):
        raise UsageError(
            f"{predicted} and {observed} have no network in common",
            hint=f"{len(forecast):,} are predicted, {len(seen.asn):,} observed: are both AS numbers?",
        )
    users = forecast.users[both]
    reckon = partial(measures, sites=sites, seed=seed, resamples=resamples)
    agreed = agreements(observations, methods=methods, policies=policies)
    overlapping = sum(one.networks for one in agreed)
    unknown = (observations.site < 0) & np.isin(observations.policy, policies)
    of_methods = np.isin(observations.method, [tuple(Method).index(one) for one in methods])
    return Score(
        version=VERSION,
        service=service,
        predicted=predicted,
        observed=observed,
        methods=tuple(one.value for one in methods),
        networks=len(both),
        users=people(users.sum()),
        forecast_networks=len(forecast),
        observed_networks=len(seen.asn),
        observed_in_forecast=fraction(len(both) / len(seen.asn)),
        split_networks=int((common.truth.max(axis=1) < 1 - 1e-9).sum()),
        unknown_answers=int((unknown & of_methods).sum()),
        floor=FLOOR,
        resamples=resamples,
        seed=seed,
        by_networks=reckon(By.NETWORKS, common.odds, common.truth, np.ones(len(both))),
        by_users=reckon(By.USERS, common.odds, common.truth, users) if users.sum() > 0 else None,
        ceiling=fraction(sum(one.agreement * one.networks for one in agreed) / overlapping)
        if agreed
        else None,
        agreements=agreed,
        by_method=tuple(
            _method_score(forecast, observations, one, policies, sites, is_scored=one in methods)
            for one in present
        ),
        announced=_announced(observations, policies),
        countries=_countries(forecast, common),
        wrong=_wrong(forecast, common, sites),
        warnings=(
            *_design_warnings(forecast, design_sites),
            *_warnings(forecast, observations, common, seen, policies, methods, sites),
        ),
    )


class _Common:
    """The networks that both know, row by row."""

    def __init__(
        self, forecast: Forecast, observations: Observations, seen: Truth, sites: Sequence[str]
    ) -> None:
        _, at, mine = np.intersect1d(forecast.asn, seen.asn, assume_unique=True, return_indices=True)
        self.at: npt.NDArray[np.int64] = at
        self.odds: Floats = np.zeros((len(at), len(sites)))
        self.odds[:, : len(forecast.sites)] = forecast.probability[at]
        self.truth: Floats = np.zeros((len(at), len(sites)))
        self.truth[:, [sites.index(name) for name in observations.sites]] = seen.share[mine]
        self.likely = forecast.likely()[at]
        self.right: Floats = np.where(
            self.likely >= 0, self.truth[np.arange(len(at)), self.likely.astype(np.int64)], 0.0
        )


def _method_score(
    forecast: Forecast,
    observations: Observations,
    method: Method,
    policies: Sequence[int],
    sites: Sequence[str],
    *,
    is_scored: bool,
) -> MethodScore:
    common = _Common(forecast, observations, truth(observations, methods=(method,), policies=policies), sites)
    shares = common.truth.mean(axis=0) if len(common.at) else np.zeros(len(sites))
    return MethodScore(
        method=method.value,
        networks=len(common.at),
        accuracy=fraction(common.right.mean()) if len(common.at) else 0.0,
        majority=sites[int(shares.argmax())] if len(common.at) else "",
        majority_accuracy=fraction(shares.max()),
        is_scored=is_scored,
    )


def _announced(observations: Observations, policies: Sequence[int]) -> tuple[AnnouncedSet, ...]:
    known = observations.site >= 0
    return tuple(
        AnnouncedSet(
            policy=one.policy(),
            announced=str(one),
            networks=len(np.unique(observations.asn[known & (observations.policy == index)])),
            is_scored=index in policies,
        )
        for index, one in enumerate(observations.announced)
    )


def _countries(forecast: Forecast, common: _Common) -> tuple[CountryScore, ...]:
    """Of known countries, those with most wrong users (or networks) first."""
    country, users = forecast.country[common.at], forecast.users[common.at]
    found = []
    for code in np.unique(country).tolist():
        mine = country == code
        if not code:
            continue
        total = float(users[mine].sum())
        hit = float(users[mine] @ common.right[mine])
        row = CountryScore(
            country=code,
            networks=int(mine.sum()),
            users=people(total),
            accuracy=fraction(common.right[mine].mean()),
            accuracy_users=fraction(hit / total) if total > 0 else None,
            wrong_users=people(total - hit),
        )
        found.append((-row.wrong_users, -float((1 - common.right[mine]).sum()), code, row))
    return tuple(row for *_, row in sorted(found, key=lambda item: item[:3]))


def _wrong(forecast: Forecast, common: _Common, sites: Sequence[str]) -> tuple[Wrong, ...]:
    """The networks whose errors cost most users; where users are equal, those that were most certain."""
    miss = 1 - common.right
    users, sure = forecast.users[common.at], forecast.certainty()[common.at].astype(np.float64)
    order = np.lexsort((forecast.asn[common.at], -miss * np.round(sure, 6), -np.round(users * miss, 6)))
    found = []
    for row in order[miss[order] > 1e-9][:MOST_WRONG].tolist():
        at = int(common.at[row])
        # Half of a split network may have been seen where it was predicted; the other half is the error.
        others = np.where(np.arange(len(sites)) == common.likely[row], -1.0, common.truth[row])
        top = int(others.argmax())
        found.append(
            Wrong(
                asn=int(forecast.asn[at]),
                country=str(forecast.country[at]),
                users=people(users[row]),
                predicted=sites[common.likely[row]] if common.likely[row] >= 0 else "",
                certainty=fraction(sure[row]),
                observed=sites[top],
                share=fraction(others[top]),
                given=fraction(common.odds[row, top]),
                right=fraction(common.right[row]),
            )
        )
    return tuple(found)


def _refuse_strangers(
    forecast: Forecast, observations: Observations, seen: Truth, *, predicted: str, observed: str
) -> None:
    names = [
        name for name, share in zip(observations.sites, seen.share.sum(axis=0), strict=True) if share > 0
    ]
    if set(names).isdisjoint(forecast.sites):
        raise UsageError(
            f"{predicted} speaks of {listed(forecast.sites, most=6) or 'no site'}, "
            f"{observed} of {listed(names, most=6)}: no site is in both",
            hint="name the sites alike in both; `anyplane measure import --sites PATTERN=SITE` renames",
        )


def _design_warnings(forecast: Forecast, design_sites: Sequence[str]) -> list[str]:
    if not design_sites:
        return []
    found = []
    for name in forecast.sites:
        if name not in design_sites:
            near = get_close_matches(name, design_sites, n=1)
            guess = f" (is it {near[0]}?)" if near else ""
            found.append(f"{name} is predicted and is no site of the design{guess}")
    return found


def _warnings(
    forecast: Forecast,
    observations: Observations,
    common: _Common,
    seen: Truth,
    policies: Sequence[int],
    methods: Sequence[Method],
    sites: Sequence[str],
) -> list[str]:
    found = []
    sets = [observations.announced[index] for index in policies]
    if len(sets) > 1:
        names = listed([f"{one.policy()} ({one})" for one in sets], most=4)
        found.append(f"{len(sets)} announcement sets are mixed, take one with --policy: {names}")
    others = len(observations.announced) - len(policies)
    if others:
        found.append(
            f"observations of {others} other announcement {'sets are' if others > 1 else 'set is'} left out; "
            "--policy takes one of them"
        )
    if len(methods) > 1:
        names = listed([method.value for method in methods], most=6)
        found.append(f"{len(methods)} methods have an equal say in each network: {names}; --method takes one")
    shares = common.truth.mean(axis=0)
    for index, name in enumerate(sites[len(forecast.sites) :], start=len(forecast.sites)):
        if shares[index] > 0:
            near = get_close_matches(name, forecast.sites, n=1)
            guess = f" (is it {near[0]}?)" if near else ""
            found.append(
                f"{name} was observed and is not in the forecast{guess}: its {percent(float(shares[index]))} "
                "of the networks count as wrong"
            )
    announced = {name for one in sets for name in one.sites}
    silent = [name for name in forecast.sites if name not in announced]
    if silent:
        found.append(f"predicted, and not announced while it was observed: {listed(silent, most=6)}")
    if len(common.at) < FEW_NETWORKS or len(common.at) < FEW_OF_OBSERVED * len(seen.asn):
        found.append(
            f"few networks are in both: {len(common.at):,} of {len(forecast):,} predicted and "
            f"{len(seen.asn):,} observed; the score says little about the others"
        )
    routeless = common.likely < 0
    if routeless.any():
        who = forecast.users[common.at][routeless].sum()
        number = int(routeless.sum())
        whose = f" with {count(who)} users" if who else ""
        noun, verb = ("network", "has") if number == 1 else ("networks", "have")
        found.append(f"{number:,} {noun}{whose} answered and {verb} no route in the forecast")
    return found
