"""recommend: questions in their order, tolerances, and when a choice is a close call."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny_world

from anyplane.planning.alternatives.compare import Question, compare
from anyplane.planning.alternatives.recommend import recommend
from anyplane.planning.alternatives.report import Alternative, Promise, Way, WorstFailures
from anyplane.planning.report import Rtt, State


@pytest.fixture(scope="module")
def plain() -> tuple[Alternative, ...]:
    """Five ways that are alike in everything that is asked."""
    report = compare(
        tiny_world.design(), tiny_world.topology(), Question(has_failover=False), latency=tiny_world.LATENCY
    )
    return tuple(
        replace(row, unserved=0.0, rtt=Rtt(p95=100.0), promises=(), failures=None)
        for row in report.alternatives
    )


def changed(ways: tuple[Alternative, ...], way: Way, **values: object) -> tuple[Alternative, ...]:
    return tuple(replace(row, **values) if row.way is way else row for row in ways)  # type: ignore[arg-type]


def breach(share: float) -> Promise:
    return Promise(
        name="r", is_residency=True, state=State.KEPT, target=None, actual=None,
        certain=0.0, expected=share * 100, possible=share * 100, of=100.0, detail="",
    )  # fmt: skip


def test_of_equals_the_simplest_is_taken_and_called_close(plain: tuple[Alternative, ...]) -> None:
    found = recommend(plain)

    assert found.way is Way.UNICAST
    assert found.is_close
    assert set(found.rivals) == set(Way) - {Way.UNICAST}


def test_a_much_lower_p95_wins_and_is_no_close_call(plain: tuple[Alternative, ...]) -> None:
    found = recommend(changed(plain, Way.REGIONAL, rtt=Rtt(p95=50.0)))

    assert found.way is Way.REGIONAL
    assert not found.is_close
    assert "50.0 ms" in found.reason


def test_what_is_within_the_tolerance_stays(plain: tuple[Alternative, ...]) -> None:
    found = recommend(changed(plain, Way.GEODNS, rtt=Rtt(p95=96.0)))

    assert found.way is Way.UNICAST


def test_a_little_beyond_the_tolerance_is_a_close_call(plain: tuple[Alternative, ...]) -> None:
    found = recommend(changed(plain, Way.GEODNS, rtt=Rtt(p95=92.0)))

    assert found.way is Way.GEODNS
    assert found.is_close


def test_residency_comes_before_speed(plain: tuple[Alternative, ...]) -> None:
    ways = tuple(replace(row, promises=(breach(0.3),)) for row in plain)
    ways = changed(ways, Way.GEODNS, promises=(breach(0.02),), rtt=Rtt(p95=300.0))

    found = recommend(ways)

    assert found.way is Way.GEODNS
    assert "2.0 %" in found.reason


def test_who_leaves_users_without_a_site_is_out_first(plain: tuple[Alternative, ...]) -> None:
    found = recommend(changed(plain, Way.UNICAST, unserved=0.02, rtt=Rtt(p95=10.0)))

    assert found.way is Way.GLOBAL
    assert found.steps[0].dropped == ("unicast from one site: 2.0 % of users have no site",)


def test_every_step_keeps_somebody_and_drops_who_is_not_kept(plain: tuple[Alternative, ...]) -> None:
    ways = changed(changed(plain, Way.UNICAST, unserved=0.5), Way.BOTH, rtt=Rtt(p95=20.0))

    found = recommend(ways)

    left = len(Way)
    for step in found.steps:
        assert step.kept
        assert len(step.kept) + len(step.dropped) == left
        left = len(step.kept)
    assert found.way in found.steps[-1].kept


def after(unserved: float) -> WorstFailures:
    return WorstFailures(
        unserved=unserved, unserved_site="a", p95_ms=1.0, p95_site="a", load=None, load_site="", load_at=""
    )


def test_a_single_site_is_never_better_than_anycast_that_misses_a_few_users(
    plain: tuple[Alternative, ...],
) -> None:
    ways = tuple(replace(row, failures=after(0.013), unserved=0.013) for row in plain)
    ways = changed(ways, Way.UNICAST, failures=after(1.0), unserved=0.0)
    ways = changed(ways, Way.GEODNS, failures=after(0.0), unserved=0.0)

    found = recommend(ways)

    assert found.way is Way.GEODNS
    assert "it still serves all users" in found.reason
    assert [one.way for one in found.instead] == [Way.GLOBAL], "users who ask for no name have anycast"


def test_a_lead_that_rests_on_measurements_says_what_is_best_without(plain: tuple[Alternative, ...]) -> None:
    ways = changed(plain, Way.BOTH, rtt=Rtt(p95=50.0))
    by_map = next(replace(row, rtt=Rtt(p95=98.0)) for row in plain if row.way is Way.BOTH)

    found = recommend(ways, by_map=by_map)

    assert found.way is Way.BOTH
    assert found.instead[-1].way is Way.UNICAST
    assert "by region alone its p95 is 98.0 ms" in found.instead[-1].when


def test_the_reason_names_each_question_that_decided(plain: tuple[Alternative, ...]) -> None:
    ways = tuple(replace(row, failures=after(0.0)) for row in plain)
    ways = changed(ways, Way.UNICAST, failures=after(1.0))
    ways = changed(ways, Way.GEODNS, rtt=Rtt(p95=200.0))

    found = recommend(ways)

    assert found.reason == (
        "global anycast: it is the fastest of those left, p95 100 ms; it is the simplest to run of those "
        "that are about as good"
    )
