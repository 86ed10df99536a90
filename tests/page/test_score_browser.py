"""The page of a score in a real browser: no error, no request, no overflow on a phone or a desk."""

from __future__ import annotations

from pathlib import Path

import headless_browser
import numpy as np
import pytest

from anyplane.model.forecast import Forecast
from anyplane.model.observations import Announced, Method, Observations
from anyplane.planning.score import score
from anyplane.planning.score_html import render_html

SCRIPT = """
  const box = (item) => {
    const b = item.getBoundingClientRect();
    return [b.left, b.top, b.right, b.bottom];
  };
  seen.plot = box(page.querySelector("svg.plot"));
  seen.texts = [...page.querySelectorAll("svg.plot text")].map((item) => [item.textContent, ...box(item)]);
"""
SITES = [
    f"{name}{number:02d}" for number in range(1, 4) for name in ("amsterdam", "sao-paulo", "wide", "grnet")
]


@pytest.mark.parametrize("width", [400, 1240])
def test_the_page_fits_asks_for_nothing_and_makes_no_error(tmp_path: Path, width: int) -> None:
    rng = np.random.default_rng(1)
    asn = np.arange(1, 3001)
    odds = rng.dirichlet(np.full(len(SITES), 0.15), len(asn))
    seen_at = (rng.random((len(asn), 1)) < odds.cumsum(axis=1)).argmax(axis=1)
    predicted = Forecast.of(asn, odds, sites=SITES, users=rng.pareto(1.1, len(asn)) * 1000, country="DE")
    announced = Announced(sites=tuple(SITES))
    answers = Observations.of(
        asn, seen_at, sites=SITES, method=Method.PING, announced=announced, source="made up"
    )

    page = render_html(score(predicted, answers, service="dns", resamples=50))
    seen, console = headless_browser.look(
        tmp_path, page, width=width, outside=".scroll, svg, .unseen, .skip", script=SCRIPT
    )

    assert console == []
    assert seen["title"] == "dns: how good the prediction was"
    assert (seen["requests"], seen["wide"]) == ([], [])
    assert seen["scroll"] <= seen["width"]
    left, top, right, bottom = seen["plot"]
    for name, *box in seen["texts"]:
        assert left - 1 <= box[0] <= box[2] <= right + 1, name
        assert top - 1 <= box[1] <= box[3] <= bottom + 1, name
