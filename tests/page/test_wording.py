"""Numbers in words: few digits, a unit, and no rounding that changes what is said."""

from __future__ import annotations

import pytest

from anyplane.planning import figures
from anyplane.planning.page import wording
from anyplane.planning.report import Audience


def plain(text: str) -> str:
    return text.replace(wording.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (812, "812"), (1000, "1.00 k"), (45_300, "45.3 k"), (999_600, "1.00 M"),
        (312_400_000, "312 M"), (4.871e9, "4.87 bn"), (8.0e9, "8.00 bn"), (999.7, "1.00 k"), (0.4, "0.4"),
    ],
)  # fmt: skip
def test_users_have_three_digits_and_a_unit(value: float, text: str) -> None:
    assert plain(wording.users(value)) == figures.count(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"), (0.00001, "<0.1 %"), (0.0027, "0.3 %"), (0.043, "4.3 %"), (0.0999, "10.0 %"),
        (0.614, "61.4 %"), (0.996, "99.6 %"), (0.99999, ">99.9 %"), (1.0, "100 %"), (None, "–"),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float | None, text: str) -> None:
    assert plain(wording.percent(share)) == figures.percent(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.001, "<1 %"),
        (0.82, "82 %"),
        (1.0, "100 %"),
        (1.0004, "100.1 %"),
        (1.004, "100.4 %"),
        (1.31, "131 %"),
    ],
)
def test_a_site_that_is_over_its_capacity_never_reads_as_just_full(share: float, text: str) -> None:
    assert plain(wording.whole(share)) == figures.whole(share) == text


def test_times_and_loads_carry_their_unit() -> None:
    assert wording.ms(8.44) == "8.4\u00a0ms"
    assert wording.ms(138.4) == "138\u00a0ms"
    assert wording.ms(None) == "–"
    assert wording.load(1.234e6, "qps") == "1.23\u00a0Mqps"
    assert wording.load(3.4e9, "bps") == "3.40\u00a0Gbps"
    assert wording.load(12.0, "bps") == "12\u00a0bps"
    assert wording.load(None, "qps") == "–"
    assert wording.count(14204) == "14,204"


def test_an_objective_is_worded_in_the_unit_of_its_key() -> None:
    assert wording.objective("p95_rtt", 92.4) == "92.4\u00a0ms"
    assert wording.objective("worst_failure_p95_rtt", 192.0) == "192.0\u00a0ms"
    assert wording.objective("largest_share", 0.25) == "25.0\u00a0%"
    assert wording.objective("worst_failure_load", 1.0) == "100\u00a0%"


def test_every_objective_of_a_design_has_a_name_on_the_page() -> None:
    from anyplane.design.shape import ObjectivesShape

    assert set(wording.OBJECTIVES) == set(ObjectivesShape.model_fields)


@pytest.mark.parametrize(
    ("audience", "text"),
    [
        (None, "408 M users"),
        (Audience(countries=("FR", "DE"), is_exclusion=False), "408 M users in DE, FR"),
        (Audience(countries=("US",), is_exclusion=True), "408 M users (everybody but US)"),
    ],
)
def test_users_are_named_by_where_they_are(audience: Audience | None, text: str) -> None:
    assert plain(wording.users_of(4.08e8, audience)) == text
