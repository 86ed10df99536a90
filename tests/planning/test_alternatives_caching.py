"""Caching: how long a dead address is kept, by hand and as properties of any TTL and overrun."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.planning.alternatives.caching import Caching


@st.composite
def cachings(draw: st.DrawFn) -> Caching:
    share = draw(st.floats(0, 1))
    return Caching(
        ttl_s=draw(st.sampled_from([0.0, 1.0, 60.0, 3600.0])),
        overruns=((share, draw(st.floats(0, 7200))),),
        detect_s=draw(st.floats(0, 120)),
    )


def test_half_of_the_answers_are_gone_after_half_of_the_ttl() -> None:
    kept = Caching(ttl_s=60.0, overruns=(), detect_s=30.0)

    assert kept.stale(np.array([0.0, 29.9, 30.0, 60.0, 90.0, 91.0])) == pytest.approx([1, 1, 1, 0.5, 0, 0])
    assert kept.by(0.5) == pytest.approx(60.0)
    assert kept.by(0.99) == pytest.approx(89.4)
    assert kept.lasts(3600.0) == pytest.approx(60.0)


def test_without_ttl_everybody_moves_when_the_death_is_noticed() -> None:
    kept = Caching(ttl_s=0.0, overruns=(), detect_s=7.0)

    assert kept.stale(np.array([6.9, 7.0])).tolist() == [1.0, 0.0]
    assert kept.by(0.99) == 7.0
    assert kept.lasts(3600.0) == 7.0
    assert kept.lasts(5.0) == 5.0


def test_an_overrun_is_added_to_the_life_of_the_answer() -> None:
    kept = Caching(ttl_s=60.0, overruns=((0.5, 540.0),), detect_s=0.0)

    assert kept.stale(np.array([60.0])) == pytest.approx([0.5 * 0.9])
    assert kept.lasts(3600.0) == pytest.approx(0.5 * 30 + 0.5 * 300)


@settings(max_examples=60, deadline=None)
@given(cachings())
def test_what_is_stale_only_shrinks_and_its_area_is_the_mean(kept: Caching) -> None:
    at = np.linspace(0, 12_000, 240_001)
    stale = kept.stale(at)

    assert (np.diff(stale) <= 1e-12).all()
    assert ((stale >= 0) & (stale <= 1)).all()
    area = float(((stale[1:] + stale[:-1]) / 2 * np.diff(at)).sum())
    assert kept.lasts(12_000.0) == pytest.approx(area, abs=0.1)
    for part in (0.5, 0.9, 0.99):
        when = kept.by(part)
        assert float(kept.stale(np.array([when]))[0]) <= 1 - part + 1e-6


@settings(max_examples=40, deadline=None)
@given(cachings(), st.floats(0, 600))
def test_a_longer_ttl_never_brings_anybody_back_sooner(kept: Caching, more: float) -> None:
    longer = Caching(ttl_s=kept.ttl_s + more, overruns=kept.overruns, detect_s=kept.detect_s)

    at = np.linspace(0, 8000, 400)
    assert (longer.stale(at) >= kept.stale(at) - 1e-12).all()
    assert longer.lasts(3600.0) >= kept.lasts(3600.0) - 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        Caching(ttl_s=-1.0),
        Caching(overruns=((0.8, 1.0), (0.3, 2.0))),
        Caching(overruns=((0.1, -5.0),)),
        Caching(detect_s=1e9),
    ],
)
def test_numbers_that_make_no_sense_are_faults(wrong: Caching) -> None:
    assert wrong.faults()
    assert not Caching().faults()


def test_with_the_defaults_it_is_caches_that_decide_and_not_detection() -> None:
    assert Caching().lasts(3600.0) == pytest.approx(111.0, abs=0.5)
    assert Caching(detect_s=3.0).lasts(3600.0) == pytest.approx(84.0, abs=0.5)
