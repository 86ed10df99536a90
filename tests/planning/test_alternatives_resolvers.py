"""beliefs: the odds of where DNS believes a user to be, against a definition and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
import random_worlds
import tiny_world
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.planning.alternatives.resolvers import (
    PERFECT,
    Resolution,
    beliefs,
    misplaced,
    resolver_places,
)

USERS = np.array([600.0, 250.0, 150.0])


@st.composite
def resolutions(draw: st.DrawFn) -> Resolution:
    cuts = sorted(draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    shares = (cuts[0], cuts[1] - cuts[0], 1 - cuts[1])
    error = draw(st.floats(0, 1))
    return Resolution(
        geoip_error=error,
        wrong_country=error * draw(st.floats(0, 1)),
        ecs=draw(st.floats(0, 1)),
        resolvers=tuple(zip(shares, (0.0, 800.0, 6000.0), strict=True)),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), resolutions())
def test_the_odds_of_every_metro_add_up_to_one(seed: int, resolution: Resolution) -> None:
    rng = np.random.default_rng(seed)
    metros = random_worlds.metros(rng, 9)
    users = np.where(rng.random(9) < 0.6, rng.integers(0, 1000, 9), 0).astype(float)

    found = beliefs(metros, users, resolution)

    assert np.allclose(found.sum(axis=1), 1.0)
    assert (found >= -1e-15).all()


def test_perfect_dns_believes_everybody_where_they_are() -> None:
    assert np.array_equal(beliefs(tiny_world.metros(), USERS, PERFECT), np.eye(3))


def test_resolvers_are_at_home_in_their_band_of_distance() -> None:
    # AAA (DE) and BBB (FR) are 1,000 km apart, CCC (US) is 4,000 and 3,000 km from them.
    found = resolver_places(tiny_world.metros(), USERS, ((0.6, 0.0), (0.3, 1500.0), (0.1, 5000.0)))

    assert found[0] == pytest.approx([0.6, 0.3, 0.1])
    assert found[1] == pytest.approx([0.3, 0.6, 0.1])
    # CCC has nothing within 1,500 km: that band counts as the one before.
    assert found[2] == pytest.approx([0.1 * 600 / 850, 0.1 * 250 / 850, 0.9])


def test_an_error_within_a_country_of_one_metro_does_no_harm() -> None:
    found = misplaced(tiny_world.metros(), USERS, Resolution(geoip_error=0.3, wrong_country=0.1))

    assert found[0] == pytest.approx([0.9, 0.1 * 250 / 400, 0.1 * 150 / 400])


def test_a_prefix_sent_along_does_away_with_the_resolver_but_not_with_geoip() -> None:
    metros = tiny_world.metros()
    found = beliefs(metros, USERS, Resolution(geoip_error=0.2, wrong_country=0.2, ecs=1.0))

    assert np.allclose(found, misplaced(metros, USERS, Resolution(geoip_error=0.2, wrong_country=0.2)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Resolution(geoip_error=1.5), "--geoip-error: 1.5"),
        (Resolution(geoip_error=0.1, wrong_country=0.2), "is more than 0.1 in error"),
        (Resolution(ecs=-0.1), "--ecs-share"),
        (Resolution(resolvers=((0.5, 0.0),)), "add up to 1"),
        (Resolution(resolvers=((0.5, 500.0), (0.5, 100.0))), "farther"),
    ],
)
def test_numbers_that_make_no_sense_are_named(wrong: Resolution, words: str) -> None:
    assert any(words in fault for fault in wrong.faults())
    assert not Resolution().faults()
