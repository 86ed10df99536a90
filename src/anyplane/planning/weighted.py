"""weighted: sums and quantiles of many values by group, vectorised; the arithmetic under every report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
ALMOST = 1 - 1e-12
"""A hair less than the exact part: sums of floats must not push a quantile to the next value."""


def quantiles(values: Float64, weights: Float64, points: Sequence[float]) -> Float64:
    """(Q,) the smallest value at or below which that part of the weight lies; NaN where there is none."""
    row: Float64 = group_quantiles(values, weights, np.zeros(len(values), np.int64), 1, points)[0]
    return row


def group_quantiles(
    values: Float64, weights: Float64, group: Int64, groups: int, points: Sequence[float]
) -> Float64:
    """(groups, Q) weighted quantiles within each group, by one sort; NaN where a group has no weight."""
    out = np.full((groups, len(points)), np.nan)
    heavy = weights > 0
    values, weights, group = values[heavy], weights[heavy], group[heavy]
    if not len(values):
        return out
    order = np.argsort(values, kind="stable")
    if groups > 1:
        order = order[np.argsort(group[order], kind="stable")]
    values, weights, group = values[order], weights[order], group[order]
    running = np.cumsum(weights)
    ends = np.searchsorted(group, np.arange(groups), side="right")
    starts = np.searchsorted(group, np.arange(groups), side="left")
    before = np.where(starts > 0, running[np.maximum(starts - 1, 0)], 0.0)
    through = np.where(ends > 0, running[np.maximum(ends - 1, 0)], 0.0)
    present = ends > starts
    for q, point in enumerate(points):
        target = before + point * (through - before) * ALMOST
        at = np.clip(np.searchsorted(running, target, side="left"), starts, np.maximum(ends - 1, 0))
        out[present, q] = values[at[present]]
    return out


def by_group(weights: Float64, group: Int64, groups: int) -> Float64:
    """(groups,) the sum of the weights in each group."""
    return np.bincount(group, weights=weights, minlength=groups).astype(np.float64)


def by_group_and_column(weights: Float64, matrix: NDArray[np.float32], group: Int64, groups: int) -> Float64:
    """(groups, C) for each column the sum of weight times matrix entry in each group."""
    out = np.empty((groups, matrix.shape[1]))
    for column in range(matrix.shape[1]):
        out[:, column] = np.bincount(group, weights=weights * matrix[:, column], minlength=groups)
    return out
