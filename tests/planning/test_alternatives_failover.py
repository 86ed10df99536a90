"""failover: losses by DNS and by BGP, and packets under a covering prefix, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny_world

from anyplane.planning.alternatives.caching import Caching
from anyplane.planning.alternatives.compare import Question, compare
from anyplane.planning.alternatives.covering import arrives
from anyplane.planning.alternatives.failover import GRID, WINDOW_S, by_dns, not_at_all, together
from anyplane.planning.alternatives.report import FailOver, Means, Way
from anyplane.planning.convergence import converge
from anyplane.planning.convergence_question import Question as Change
from anyplane.planning.convergence_question import situations
from anyplane.routing.converge import Timing
from anyplane.routing.routes import NO_NEXT

KEPT = Caching(ttl_s=60.0, overruns=(), detect_s=30.0)


def test_users_of_a_dead_answer_lose_detection_and_half_of_the_ttl() -> None:
    found = together([by_dns(1000.0, KEPT)], site="a", total=4000.0)

    assert (found.t50_s, found.t99_s) == (60.0, 89.4)
    assert found.mean_s == 60.0
    assert found.user_s == found.user_s_low == found.user_s_high == 60_000.0
    assert found.affected_share == 0.25
    assert found.means is Means.DNS


def test_whom_no_other_site_serves_is_never_back() -> None:
    found = together([by_dns(1000.0, KEPT, never=0.4)], site="a", total=1000.0)

    assert found.t50_s is not None
    assert found.t99_s is None
    assert found.never == 0.4
    assert found.user_s == pytest.approx(600 * 60 + 400 * WINDOW_S)
    assert found.cut.share[-1] == pytest.approx(0.4)


def test_groups_are_put_together_by_their_users() -> None:
    found = together([by_dns(300.0, KEPT), not_at_all(100.0)], site="a", total=400.0)

    assert found.means is Means.BOTH
    assert found.never == 0.25
    assert found.t50_s == pytest.approx(30 + 60 * 2 / 3, rel=0.03)
    assert found.t90_s is None


def test_nobody_hit_is_nobody_cut() -> None:
    found = together([by_dns(0.0, KEPT)], site="a", total=400.0)

    assert found.means is Means.UNHURT
    assert found.user_s == 0


def test_a_packet_takes_the_longest_match_at_every_hop() -> None:
    # 0 -> 1 by the regional route; 1 has lost it and goes on to 2 by the covering one; 2 is at the site.
    specific = np.array([1, NO_NEXT, NO_NEXT, NO_NEXT], np.int32)
    cover = np.array([3, 2, -1, 2], np.int32)

    assert arrives(specific, cover, np.array([True])).tolist() == [True, True, True, True]


def test_a_stale_regional_route_sends_the_packet_back_into_a_loop() -> None:
    # 1 has lost the regional route, its covering next hop is 2, which still holds the regional one over 1.
    specific = np.array([1, NO_NEXT, 1], np.int32)
    cover = np.array([2, 2, -1], np.int32)

    assert arrives(specific, cover, np.array([True])).tolist() == [False, False, False]


def test_a_site_that_does_not_answer_is_no_arrival() -> None:
    specific = np.array([-2, NO_NEXT, NO_NEXT], np.int32)
    cover = np.array([-1, -1, NO_NEXT], np.int32)

    assert arrives(specific, cover, np.array([True, False])).tolist() == [False, True, False]


def test_global_anycast_comes_back_as_converge_says() -> None:
    design, world = tiny_world.design(), tiny_world.topology()
    timing = Timing(inflation=tiny_world.LATENCY.inflation)
    question = Question(seeds=3, fail="a", withdraw_s=2.0)

    row = compare(design, world, question, latency=tiny_world.LATENCY).of(Way.GLOBAL).failover
    asked = situations(design, world, Change(withdraw="a", with_last=False))
    told = converge(design, world, asked, timing=timing, seeds=3).situations[0]

    assert row is not None
    assert told.t50_s is not None
    assert told.t99_s is not None
    assert row.affected == told.affected_users
    assert row.t50_s == pytest.approx(told.t50_s.median + 2.0, abs=0.006)
    assert row.t99_s == pytest.approx(told.t99_s.median + 2.0, abs=0.006)
    lost = [run.black_hole_user_s + run.loop_user_s + run.dead_user_s for run in told.runs]
    assert row.user_s == pytest.approx(float(np.median(lost)) + 2.0 * told.affected_users, abs=0.2)


def test_a_later_withdrawal_only_moves_the_curve() -> None:
    design, world = tiny_world.design(), tiny_world.topology()

    def cut(withdraw_s: float) -> FailOver:
        question = Question(seeds=1, fail="a", withdraw_s=withdraw_s)
        row = compare(design, world, question, latency=tiny_world.LATENCY).of(Way.BOTH).failover
        assert row is not None
        return row

    soon, late = cut(0.0), cut(10.0)
    assert soon.t99_s is not None
    assert late.t99_s == pytest.approx(soon.t99_s + 10.0, rel=0.03)


def test_the_covering_walk_without_any_regional_route_is_the_covering_prefix_alone() -> None:
    """Under a region that holds all sites, both prefixes fail alike: the same users come back as fast."""
    design, world = tiny_world.design(), tiny_world.topology()
    question = Question(seeds=2, fail="a", regions="all=a,c")

    report = compare(design, world, question, latency=tiny_world.LATENCY)

    everywhere, both = report.of(Way.GLOBAL).failover, report.of(Way.BOTH).failover
    assert everywhere is not None
    assert both is not None
    assert both.affected == everywhere.affected
    assert both.t99_s == pytest.approx(everywhere.t99_s, rel=0.03)
    assert replace(both, cut=everywhere.cut).never == everywhere.never


def test_the_grid_reaches_a_day_and_is_two_per_cent_fine() -> None:
    assert GRID[-1] == 86_400.0
    assert (GRID[2:] / GRID[1:-1]).max() < 1.0205
