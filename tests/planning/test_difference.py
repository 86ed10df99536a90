"""difference: who moves between two designs of the tiny world, network by network and from reports alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_world import LATENCY, V4, design, promising, site, topology, upstream

from anyplane.design.design import Design
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.difference import Change, Difference, Move, of_outcomes, of_reports
from anyplane.planning.plan import base_outcome, plan


def exact(before: Design, after: Design) -> Difference:
    world = topology()
    reports = [plan(item, world, latency=LATENCY) for item in (before, after)]
    outcomes = [
        [base_outcome(scenario, world, LATENCY) for scenario in compile_design(item, world)]
        for item in (before, after)
    ]
    return of_outcomes(*reports, *outcomes, world)


def drained(of: Design) -> Design:
    """Site a closed."""
    a, c = of.sites
    return replace(of, sites=(replace(a, is_enabled=False), c), file="drained.yaml")


def test_equal_designs_move_nobody() -> None:
    found = exact(design(), design())

    assert not found.has_moves
    assert found.scenarios[0].moves == ()


def test_draining_a_site_moves_its_users_and_says_how_many_for_certain() -> None:
    (found,) = exact(design(), drained(design())).scenarios

    # 700 users chose a; for the 100 of AS103 site c was possible before, so they need not have moved.
    assert found.moves == (Move(start="a", end="c", users=700, certain=600),)
    assert (found.moved_share, found.moved_certain) == (0.7, 600)
    assert (found.rtt_before.p50, found.rtt_after.p50) == (2.0, 43.0)
    assert [(mover.asn, mover.metro, mover.users) for mover in found.networks] == [
        (101, "AAA", 600),
        (103, "CCC", 100),
    ]
    assert [(mover.country, mover.users) for mover in found.countries] == [("DE", 600), ("US", 100)]


def test_two_reports_tell_the_net_movement_of_each_metro() -> None:
    world = topology()
    reports = [plan(item, world, latency=LATENCY) for item in (design(), drained(design()))]

    (found,) = of_reports(*reports).scenarios

    # Expected users: 600 in AAA, and in CCC the half of AS103 that was at a.
    assert not found.is_exact
    assert found.moves == (Move(start="a", end="c", users=650, certain=None),)
    assert [(mover.metro, mover.users) for mover in found.metros] == [("AAA", 600), ("CCC", 50)]


def test_promises_that_change_their_state_are_listed() -> None:
    found = exact(promising(), drained(promising())).scenarios[0]

    assert Change(promise="residency german", before="kept", after="broken") in found.changes
    assert Change(promise="residency american", before="may be broken by ties", after="kept") in found.changes
    assert all(change.promise != "residency french" for change in found.changes)


def test_users_who_lose_their_route_are_a_move_too() -> None:
    a, c = design().sites
    kept = replace(design(), sites=(a, replace(c, upstreams=(upstream(20, is_no_export=True),))))

    (found,) = exact(replace(design(), sites=(c,)), replace(kept, sites=(kept.sites[1],))).scenarios

    assert found.moves == (Move(start="c", end="(no route)", users=950, certain=950),)


def test_scenarios_are_paired_by_name_then_by_prefix() -> None:
    split = replace(design(), sites=(site("a", 0, upstream(10)), site("c", 2, upstream(20, prefixes=(V4,)))))
    found = exact(design(), split)

    assert [(item.before, item.after) for item in found.scenarios] == [("all", f"all/{V4}")]
    assert found.only_after == ("all/2001:db8::/48",)
    assert found.has_moves


@pytest.mark.parametrize("swap", [False, True])
def test_a_difference_reads_the_same_from_both_ends(swap: bool) -> None:
    pair = (design(), drained(design()))
    (found,) = exact(*(reversed(pair) if swap else pair)).scenarios

    assert found.moved == 700
    assert {found.moves[0].start, found.moves[0].end} == {"a", "c"}
