"""weighted: quantiles and sums by group against their plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.planning.tally import POINTS, rtt_by_group, rtt_of
from anyplane.planning.weighted import by_group_and_column, group_quantiles, quantiles

ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 3)), min_size=0, max_size=40)


def plainly(rows: list[tuple[int, int]], point: float) -> float:
    total = sum(weight for _, weight in rows)
    running = 0
    for value, weight in sorted(rows):
        running += weight
        if weight and running >= point * total - 1e-9:
            return float(value)
    return float("nan")


def test_the_median_of_one_heavy_value_is_that_value() -> None:
    values, weights = np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 1.0])

    assert quantiles(values, weights, (0.5, 0.95)).tolist() == [2.0, 3.0]


def test_exactly_half_of_the_weight_is_enough() -> None:
    values, weights = np.array([1.0, 2.0]), np.array([0.1 + 0.2, 0.3])

    assert quantiles(values, weights, (0.5,)).tolist() == [1.0]


@given(ROWS)
def test_quantiles_in_groups_follow_the_definition(rows: list[tuple[int, int, int]]) -> None:
    values, weights, group = (
        np.array([row[i] for row in rows], dtype) for i, dtype in enumerate((float, float, np.int64))
    )

    found = group_quantiles(values, weights, group, 4, POINTS)

    for g in range(4):
        mine = [(value, weight) for value, weight, other in rows if other == g]
        for q, point in enumerate(POINTS):
            assert found[g, q] == pytest.approx(plainly(mine, point), nan_ok=True)


@given(ROWS)
def test_counting_hundredths_equals_sorting(rows: list[tuple[int, int, int]]) -> None:
    rtt = np.array([row[0] / 100 for row in rows])
    users = np.array([row[1] for row in rows], float)

    assert rtt_of(rtt, users) == rtt_by_group(rtt, users, np.zeros(len(rtt), np.int64), 1)[0]


def test_sums_by_group_and_column_are_weighted() -> None:
    matrix = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], np.float32)

    sums = by_group_and_column(np.array([10.0, 20.0, 30.0]), matrix, np.array([0, 0, 1]), 2)

    assert sums.tolist() == [[20.0, 10.0], [0.0, 30.0]]
