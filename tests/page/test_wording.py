"""Numbers in words: few digits, a unit, and no rounding that changes what is said."""

from __future__ import annotations

import pytest

from anyplane.planning.page import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (812, "812"), (1000, "1 k"), (45_300, "45.3 k"), (999_600, "1 M"),
        (312_400_000, "312 M"), (4.871e9, "4.87 bn"), (8.0e9, "8 bn"), (999.7, "1 k"),
        (0.25, "0.25"), (6_000_000, "6 M"), (200, "200"),
    ],
)  # fmt: skip
def test_users_have_three_digits_and_a_unit(value: float, text: str) -> None:
    assert wording.users(value).replace(wording.NBSP, " ") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"), (0.00001, "<0.01 %"), (0.0027, "0.27 %"), (0.043, "4.3 %"), (0.0999, "10 %"),
        (0.614, "61 %"), (0.996, "99.6 %"), (0.99999, "99.99 %"), (1.0, "100 %"),
        (1.004, "100.4 %"), (1.31, "131 %"), (None, "–"),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float | None, text: str) -> None:
    assert wording.percent(share).replace(wording.NBSP, " ") == text


def test_times_and_loads_carry_their_unit() -> None:
    assert wording.ms(8.44) == "8.4\u00a0ms"
    assert wording.ms(38.4) == "38\u00a0ms"
    assert wording.ms(None) == "–"
    assert wording.load(1.234e6, "qps") == "1.23\u00a0M q/s"
    assert wording.load(3.4e9, "bps") == "3.4\u00a0Gbit/s"
    assert wording.load(12.0, "bps") == "12\u00a0bit/s"
    assert wording.load(None, "qps") == "–"
    assert wording.count(14204) == "14\u202f204"


def test_an_objective_is_worded_in_the_unit_of_its_key() -> None:
    assert wording.objective("p95_rtt_ms", 92.4) == "92\u00a0ms"
    assert wording.objective("largest_share", 0.25) == "25\u00a0%"
