"""A forecast holds what it promises, or is not made."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from anyplane.model.forecast import Forecast

GOOD: dict[str, Any] = {"asn": [1, 2], "probability": [[0.6, 0.4], [0, 0.2]], "sites": ("fra", "ams")}


def made(**changes: Any) -> Forecast:
    return Forecast.of(**{**GOOD, **changes})


def test_a_forecast_has_the_types_it_says() -> None:
    one = made(users=[5, 0], country=["DE", ""])

    assert (one.asn.dtype, one.users.dtype, one.country.dtype) == (np.uint32, np.float64, np.dtype("U2"))
    assert (one.probability.dtype, one.probability.shape, len(one)) == (np.float32, (2, 2), 2)


def test_the_most_probable_site_is_likely_and_none_is_minus_one() -> None:
    one = made(asn=[1, 2, 3, 4], probability=[[0.6, 0.4], [0, 0.2], [0, 0], [0.5, 0.5]])

    assert one.likely().tolist() == [0, 1, -1, 0]
    assert one.likely().dtype == np.int16
    assert one.certainty().tolist() == pytest.approx([0.6, 0.2, 0, 0.5])
    assert one.certainty().dtype == np.float32


def test_without_sites_nothing_is_likely() -> None:
    one = made(probability=np.zeros((2, 0)), sites=())

    assert one.likely().tolist() == [-1, -1]
    assert one.certainty().tolist() == [0, 0]


def test_rounding_may_add_up_to_a_little_more_than_one() -> None:
    one = made(probability=[[0.50004, 0.5], [1.00005, 0]])

    assert one.probability.max() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"probability": [[1.0, 0.0]]}, "have the shape (1, 2), wanted networks by sites: (2, 2)"),
        ({"asn": [[1, 2]]}, "have the shape"),
        ({"asn": [2, 1]}, "increasing order"),
        ({"asn": [1, 1]}, "each once"),
        ({"asn": [-1, 1]}, "an asn is not between"),
        ({"asn": [1, 2**32]}, "an asn is not between"),
        ({"sites": ("fra", "fra")}, "sites need names, each once"),
        ({"sites": ("fra", "")}, "sites need names, each once"),
        ({"probability": [[0.6, 0.5], [0, 0]]}, "AS1 sum to 1.1000"),
        ({"probability": [[-0.1, 0.5], [0, 0]]}, "not between 0 and 1"),
        ({"probability": [[float("nan"), 0.5], [0, 0]]}, "not between 0 and 1"),
        ({"users": [1, -1]}, "users must be 0 or more"),
        ({"users": float("inf")}, "users must be 0 or more"),
        ({"country": ["DEU", ""]}, "a country is a code of two letters"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        made(**changes)
