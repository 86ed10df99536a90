"""What a game day says of its own tools, and to which fault it charges a gap."""

from __future__ import annotations

from dataclasses import replace

from staged import day

from anyplane.lab.gameday.figures import conclusion
from anyplane.lab.gameday.lab_stage import relay_notes

LATE = {"frames": 441_045, "p50_us": 15.0, "p99_us": 60.0, "max_us": 2_600.0}


def test_the_relay_says_how_late_it_was_once_in_each_unit() -> None:
    (said,) = relay_notes({"lateness": LATE, "missed": 3}, before={"missed": 3})

    assert said == (
        "the relay carried 441,045 frames, late by 15 us (median), 60 us (99 of 100) and 2.6 ms at worst"
    )


def test_what_the_relay_lost_on_this_day_is_told_and_what_it_lost_before_is_not() -> None:
    before = {"missed": 3, "cut_short": 1, "refused": 0}

    said = relay_notes({"missed": 5, "cut_short": 1, "refused": 7}, before=before)

    assert said == (
        "2 frames came too fast for the relay and were lost",
        "7 frames were refused by the kernel when the relay sent them",
    )


def test_a_relay_that_stood_still_for_longer_than_bfd_bears_is_named() -> None:
    said = relay_notes({"lateness": {**LATE, "max_us": 473_400.0}}, before={})

    assert "stood still for 473 ms" in said[1]
    assert "run it again" in said[1]


def test_a_broken_promise_of_such_a_day_says_that_the_machine_may_have_broken_it() -> None:
    found = day("[{name: fault, kill_service: mad}]", "[{lost: 3}]")
    said = relay_notes({"lateness": {**LATE, "max_us": 473_400.0}}, before={})

    assert conclusion(found) == "1 of 1 expectation broken"
    assert conclusion(replace(found, own_errors=said)).endswith("broken; this machine stood still meanwhile")


def test_a_lab_without_a_relay_says_nothing() -> None:
    assert relay_notes({"way": "netem"}, before={}) == ()


def test_a_gap_is_charged_to_the_fault_that_it_began_with() -> None:
    outcome = day("[{name: one, kill_service: mad}, {wait: 3 s}, {name: two, kill_service: tyo}]")

    one, two = outcome.faults
    assert one.lost > 0
    assert one.lost + two.lost == outcome.lost
