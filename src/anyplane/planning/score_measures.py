"""measures: every figure of a forecast against a truth, with each network counted by a weight."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import numpy.typing as npt

from anyplane.planning.rounding import fraction, people
from anyplane.planning.score_report import Bin, By, Confusion, Measures, SiteScore

FLOOR = 0.001
"""No probability counts as less in the log loss: else one network that was thought impossible decides it."""
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_Z = 1.959963984540054  # the normal distribution holds 95 % between -z and z

Floats = npt.NDArray[np.float64]


def measures(
    by: By,
    odds: Floats,
    truth: Floats,
    weight: Floats,
    *,
    sites: Sequence[str],
    seed: int,
    resamples: int,
) -> Measures:
    """odds and truth: (N, S), N at least 1; weight: (N,), not all 0; sites: S names.

    Rows of truth sum to 1; what rows of odds lack to 1 is the probability of no route.
    """
    part = weight / weight.sum()
    none = np.clip(1 - odds.sum(axis=1), 0, 1)
    sure = odds.max(axis=1)
    likely = np.where(sure > 0, odds.argmax(axis=1), -1)
    right = np.where(likely >= 0, truth[np.arange(len(truth)), likely], 0.0)
    observed = part @ truth
    top = int(observed.argmax())
    is_seen = observed > 0
    chosen = (likely[:, None] == np.arange(len(sites))).astype(np.float64)
    hit = part @ (truth * chosen)
    said = part @ chosen
    accuracy, gain, spread = _bootstrap(right, truth[:, top], weight, seed=seed, resamples=resamples)
    bins = _bins(sure, right, weight)
    expected = part @ odds
    return Measures(
        by=by,
        total=people(weight.sum()),
        accuracy=fraction(accuracy),
        accuracy_low=fraction(spread[0, 0]),
        accuracy_high=fraction(spread[0, 1]),
        balanced_accuracy=fraction((hit[is_seen] / observed[is_seen]).mean()),
        majority=sites[top],
        majority_accuracy=fraction(observed[top]),
        gain=fraction(gain) + 0.0,  # no -0.0
        gain_low=fraction(spread[1, 0]) + 0.0,
        gain_high=fraction(spread[1, 1]) + 0.0,
        best_accuracy=fraction(part @ truth.max(axis=1)),
        log_loss=fraction(-(part @ (truth * np.log(np.maximum(odds, FLOOR))).sum(axis=1))),
        base_log_loss=fraction(-(observed * np.log(np.maximum(observed, FLOOR))).sum()),
        brier=fraction(part @ ((odds**2).sum(axis=1) + none**2 - 2 * (odds * truth).sum(axis=1) + 1)),
        base_brier=fraction(1 - (observed**2).sum()),
        calibration_error=fraction(
            sum(one.share * abs((one.right or 0) - (one.stated or 0)) for one in bins)
        ),
        total_variation=fraction((np.abs(expected - observed).sum() + part @ none) / 2),
        bins=bins,
        sites=tuple(
            SiteScore(
                site=name,
                expected=fraction(expected[index]),
                likely=fraction(said[index]),
                observed=fraction(observed[index]),
                recall=fraction(hit[index] / observed[index]) if observed[index] > 0 else None,
                precision=fraction(hit[index] / said[index]) if said[index] > 0 else None,
            )
            for index, name in enumerate(sites)
        ),
        confusion=_confusion(likely, truth, part, sites),
    )


def wilson(right: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share that was `right` in `count` cases (Wilson 1927, eq. 1).

    With weights `count` is the effective number (sum w)^2 / sum w^2 (Kish 1965), and need not be whole.
    """
    middle = (right + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * sqrt(right * (1 - right) / count + _Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _bins(sure: Floats, right: Floats, weight: Floats) -> tuple[Bin, ...]:
    # A certainty of 0.9 comes as float32, a little less than 0.9, and was meant as 0.9.
    stated = np.minimum(np.round(sure, 6), 1.0)
    place = np.minimum(np.searchsorted(EDGES, stated, side="right") - 1, len(EDGES) - 2)
    found = []
    for index in range(len(EDGES) - 1):
        mine = place == index
        w = weight[mine]
        total = w.sum()
        share_right, low, high = None, None, None
        if total > 0:
            hit = min(1.0, float(w @ right[mine] / total))
            low, high = map(fraction, wilson(hit, float(total**2 / (w**2).sum())))
            share_right = fraction(hit)
        found.append(
            Bin(
                low=EDGES[index],
                high=EDGES[index + 1],
                networks=int(mine.sum()),
                share=fraction(total / weight.sum()),
                stated=fraction(w @ stated[mine] / total) if total > 0 else None,
                right=share_right,
                right_low=low,
                right_high=high,
            )
        )
    return tuple(found)


def _bootstrap(
    right: Floats, other: Floats, weight: Floats, *, seed: int, resamples: int
) -> tuple[float, float, Floats]:
    """Accuracy, its gain over the other's, and (2, 2) low and high of both: networks drawn anew each time."""
    rng = np.random.default_rng(seed)
    columns = np.column_stack((weight, weight * right, weight * (right - other)))
    total, hit, gained = columns.sum(axis=0)
    drawn = np.empty((resamples, 2))
    for index in range(resamples):
        times = np.bincount(rng.integers(len(right), size=len(right)), minlength=len(right))
        sums = times @ columns
        # By users, a draw of networks without any says nothing; it stands for the whole.
        drawn[index] = sums[1:] / sums[0] if sums[0] > 0 else (hit / total, gained / total)
    spread = np.quantile(drawn, (0.025, 0.975), axis=0).T
    return float(hit / total), float(gained / total), spread


def _confusion(
    likely: npt.NDArray[np.int64], truth: Floats, part: Floats, sites: Sequence[str]
) -> tuple[Confusion, ...]:
    """Only pairs that occur, in the order of the sites; no route is last."""
    found = []
    for observed, name in enumerate(sites):
        for predicted in (*range(len(sites)), -1):
            share = float((part * truth[:, observed])[likely == predicted].sum())
            if share > 0:
                word = sites[predicted] if predicted >= 0 else ""
                found.append(Confusion(observed=name, predicted=word, share=fraction(share)))
    return tuple(found)
