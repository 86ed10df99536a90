"""The score of a forecast equals its definition, and what cannot be scored is named."""

from __future__ import annotations

import re
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_definition import scored, truth_of
from score_worlds import BOTH, dozen, forecast, observed

from anyplane.model.errors import UsageError
from anyplane.model.observations import Announced, Method, Observations
from anyplane.planning.score import score
from anyplane.planning.score_measures import wilson
from anyplane.planning.score_report import By, Measures, Score

SITES = ["fra", "ams", "nyc"]
WEIGHTS = st.sampled_from([0.5, 1.0, 2.0])
ODDS = st.lists(st.integers(0, 20), min_size=3, max_size=3).map(
    lambda parts: [part / max(sum(parts), 20) for part in parts]
)
PREDICTED = st.dictionaries(st.integers(1, 12), ODDS, min_size=1)
SEEN = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(SITES), WEIGHTS), min_size=1, max_size=25)
USERS = st.dictionaries(st.integers(1, 12), st.integers(0, 1000).map(float))


@given(odds=PREDICTED, rows=SEEN, users=USERS)
@settings(max_examples=150, deadline=None)
def test_every_figure_is_that_of_the_definition(
    odds: dict[int, list[float]], rows: list[tuple[int, str, float]], users: dict[int, float]
) -> None:
    truth = truth_of(rows)
    both = set(odds) & set(truth)
    if not both:
        return
    plain = {
        asn: {s: float(np.float32(p)) for s, p in zip(SITES, row, strict=True)} for asn, row in odds.items()
    }

    result = score(forecast(odds, sites=SITES, users=users), observed(rows), resamples=20)

    weights = {By.NETWORKS: dict.fromkeys(odds, 1.0), By.USERS: {asn: users.get(asn, 0.0) for asn in odds}}
    assert (result.by_users is not None) == (sum(weights[By.USERS][asn] for asn in both) > 0)
    for shown in (result.by_networks, result.by_users):
        if shown is not None:
            wanted = scored(plain, truth, weights[shown.by], sites=SITES, floor=result.floor)
            check(shown, wanted)


def check(shown: Measures, wanted: dict[str, object]) -> None:
    """The figures within the rounding of a report."""
    near = 2e-6
    assert shown.accuracy == pytest.approx(wanted["accuracy"], abs=near)
    assert shown.balanced_accuracy == pytest.approx(wanted["balanced"], abs=near)
    assert shown.majority_accuracy == pytest.approx(wanted["majority"], abs=near)
    assert shown.log_loss == pytest.approx(wanted["log_loss"], abs=near)
    assert shown.brier == pytest.approx(wanted["brier"], abs=near)
    assert [(one.networks, one.right) for one in shown.bins] == [
        (count, None if right is None else pytest.approx(right, abs=near))
        for count, right in wanted["bins"]  # type: ignore[attr-defined]
    ]
    found = {(one.observed, one.predicted): one.share for one in shown.confusion}
    confusion = {key: part for key, part in wanted["confusion"].items() if part > 0}  # type: ignore[attr-defined]
    assert found == {key: pytest.approx(part, abs=near) for key, part in confusion.items()}
    assert shown.accuracy_low <= shown.accuracy_high
    assert sum(one.share for one in shown.confusion) == pytest.approx(1, abs=1e-5)


def test_saying_the_bigger_site_everywhere_is_as_right_as_the_bigger_site_is_big() -> None:
    rows = [(asn, "fra" if asn % 4 else "ams", 1.0) for asn in range(1, 401)]

    result = score(forecast(dict.fromkeys(range(1, 401), (0.75, 0.25))), observed(rows))

    shown = result.by_networks
    assert (shown.accuracy, shown.majority, shown.majority_accuracy) == (0.75, "fra", 0.75)
    assert (shown.gain, shown.gain_low, shown.gain_high) == (0, 0, 0)
    assert shown.balanced_accuracy == 0.5
    assert shown.log_loss == shown.base_log_loss
    assert shown.brier == shown.base_brier
    assert shown.calibration_error == 0
    assert shown.accuracy_low < 0.75 < shown.accuracy_high
    # The bootstrap of a share has the width of the normal approximation.
    assert shown.accuracy_high - shown.accuracy_low == pytest.approx(
        2 * 1.96 * sqrt(0.75 * 0.25 / 400), rel=0.15
    )


def test_a_network_that_is_split_counts_by_its_weights_in_both_views() -> None:
    result = score(
        forecast({1: (1, 0), 2: (0, 1)}, users={1: 300.0, 2: 100.0}),
        observed([(1, "fra", 0.75), (1, "ams", 0.25), (2, "ams", 1.0)]),
    )

    assert result.split_networks == 1
    assert result.by_networks.accuracy == 0.875
    assert result.by_networks.best_accuracy == 0.875
    assert result.by_users is not None
    assert result.by_users.accuracy == pytest.approx((300 * 0.75 + 100) / 400)


def test_a_certainty_of_nine_tenths_is_in_the_last_class_though_float32_is_below() -> None:
    result = score(forecast({1: (0.9, 0.1), 2: (0.8, 0.2)}), observed([(1, "fra", 1.0), (2, "fra", 1.0)]))

    assert [one.networks for one in result.by_networks.bins] == [0, 0, 0, 0, 1, 1]


def test_wilsons_interval_is_that_of_the_books() -> None:
    # Newcombe 1998, Table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ):
        assert wilson(hits / count, count) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert wilson(1.0, 5)[1] == 1.0


def test_the_same_files_give_the_same_score_and_a_seed_another_interval() -> None:
    one, seen = dozen()

    assert score(one, seen) == score(one, seen)
    assert score(one, seen, seed=2).by_networks.accuracy == score(one, seen).by_networks.accuracy
    assert score(one, seen, seed=2).by_networks != score(one, seen).by_networks


def test_only_what_both_know_counts() -> None:
    result = score(*dozen(), method=Method.PING)

    assert (result.networks, result.forecast_networks, result.observed_networks) == (12, 13, 13)
    assert result.users == 78_000
    assert result.by_networks.accuracy == pytest.approx(9.5 / 12, abs=1e-6)
    assert result.methods == ("ping",)


def test_the_wrong_networks_come_with_those_that_cost_most_users_first() -> None:
    result = score(*dozen(), method=Method.PING)

    assert [(one.asn, one.predicted, one.observed, one.users) for one in result.wrong] == [
        (12, "fra", "ams", 12_000), (11, "", "ams", 11_000), (10, "fra", "ams", 10_000),
    ]  # fmt: skip
    assert [(one.right, one.share) for one in result.wrong] == [(0, 1), (0, 1), (0.5, 0.5)]
    assert [(one.country, one.networks, one.wrong_users) for one in result.countries] == [
        ("NL", 6, 17_000), ("DE", 6, 11_000),
    ]  # fmt: skip


def test_methods_have_an_equal_say_and_their_agreement_is_the_ceiling() -> None:
    result = score(*dozen())

    assert result.methods == ("ping", "paths")
    assert any("equal say" in text for text in result.warnings)
    assert result.ceiling == pytest.approx(2 / 3, abs=1e-6)
    assert [(one.one, one.other, one.networks) for one in result.agreements] == [("ping", "paths", 3)]
    assert result.by_networks.accuracy == pytest.approx(9 / 12, abs=1e-6)  # AS2: half fra, half ams
    assert [(one.method, one.networks, one.is_scored) for one in result.by_method] == [
        ("ping", 12, True), ("paths", 3, True),
    ]  # fmt: skip
    assert result.unknown_answers == 1


def sets() -> Observations:
    """The two sites together, prepended, and each alone."""
    prepended = Announced(sites=("ams", "fra"), prepends=(("fra", 3),))
    return Observations.merge(
        observed([(1, "fra", 1.0), (2, "ams", 1.0)]),
        observed([(1, "ams", 1.0), (2, "ams", 1.0)], announced=prepended),
        observed([(1, "ams", 1.0), (2, "ams", 1.0)], announced=Announced(sites=("ams",))),
    )  # fmt: skip


def test_sites_announced_alone_are_left_out_and_mixed_sets_are_listed() -> None:
    result = score(forecast({1: (1, 0), 2: (0, 1)}), sets())

    assert [one.is_scored for one in result.announced] == [False, True, True]
    assert result.by_networks.accuracy == 0.75
    assert result.warnings[0].startswith("2 announcement sets are mixed, take one with --policy: ")
    assert BOTH.policy() in result.warnings[0]
    assert "1 other announcement set is left out" in result.warnings[1]


def test_a_policy_is_named_by_its_beginning() -> None:
    result = score(forecast({1: (1, 0), 2: (0, 1)}), sets(), policy=BOTH.policy()[:5])

    assert result.by_networks.accuracy == 1
    assert [one.announced for one in result.announced if one.is_scored] == ["ams + fra"]


def test_an_observed_site_that_is_not_predicted_is_named_with_its_likely_name() -> None:
    result = score(
        forecast({1: (1, 0), 2: (0, 1)}, sites=("fra", "ams01")),
        observed([(1, "fra", 1.0), (2, "ams1", 1.0)]),
        design_sites=("fra", "ams1"),
    )

    assert result.by_networks.accuracy == 0.5
    assert [one.site for one in result.by_networks.sites] == ["fra", "ams01", "ams1"]
    text = "\n".join(result.warnings)
    assert "ams1 was observed and is not in the forecast (is it ams01?)" in text
    assert "ams01 is predicted and is no site of the design (is it ams1?)" in text
    assert "predicted, and not announced while it was observed: ams01" in text
    assert "few networks are in both: 2 of 2 predicted" in text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"method": Method.DNS}, "no observation by dns.*there are ping"),
        ({"policy": "ffffff"}, "no announcement set.*begins with 'ffffff'.*" + BOTH.policy()),
        ({"policy": ""}, "no announcement set"),
    ],
)
def test_what_is_not_in_the_observations_is_named(asked: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        score(forecast({1: (1, 0)}), observed([(1, "fra", 1.0)]), **asked)  # type: ignore[arg-type]

    assert re.search(words, str(caught.value), re.DOTALL)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(2, "fra", 1.0)], "no network in common"),
        ([(1, "nyc", 1.0)], "speaks of fra, ams.*no site is in both"),
        ([(1, "", 1.0)], "no observation names a site"),
    ],
)
def test_what_cannot_be_compared_is_refused(rows: list[tuple[int, str, float]], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        score(forecast({1: (1, 0)}), observed(rows))

    assert re.search(words, str(caught.value), re.DOTALL)


def test_measures_by_users_fall_back_to_networks_where_nobody_is_counted() -> None:
    result: Score = score(forecast({1: (1, 0)}), observed([(1, "fra", 1.0)]))

    assert result.by_users is None
    assert result.measures(By.USERS) is result.by_networks
