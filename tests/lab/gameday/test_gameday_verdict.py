"""Each expectation, kept and broken, with the figure that decides it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from staged import CLIENTS, FACTS, scenario

from anyplane.lab.gameday.record import Done, Record
from anyplane.lab.gameday.stage import Flows, Measured, Observation, Probed, Seen, Span
from anyplane.lab.gameday.verdict import judge

FAULT = 101.0


def probed(
    client: str, *, lost: int, sent: int = 1000, outage: float = 0.0, kind: str = "udp", resets: int = 0
) -> Probed:
    spans = [Span(start=100.0, end=FAULT, site="mad", queries=sent - lost)]
    if lost:
        spans.append(Span(start=FAULT, end=FAULT + outage, site="", queries=lost))
    spans.append(Span(start=FAULT + outage, end=110.0, site="tyo", queries=0))
    return Probed(client=client, kind=kind, spans=tuple(spans), resets=resets)


def record(expect: str) -> Record:
    tried = scenario("[{name: fault, kill_service: mad}, {name: later, wait: 1 s}]", f"[{expect}]")
    return Record(
        scenario=tried,
        facts=FACTS,
        began=100.0,
        ended=111.0,
        done=(Done(timed=tried.steps[0], at=FAULT), Done(timed=tried.steps[1], at=FAULT + 1)),
        measured=Measured(
            probed=(
                probed("as1-lis", lost=30, outage=0.3),
                probed("as2-tyo", lost=10, outage=0.1),
                probed("as3-chi", lost=0),
                probed("as1-lis", lost=0, sent=0, kind="stream", resets=2),
            ),
            flows=Flows(watched=40, moved=1),
        ),
        observations=(
            Observation(at=FAULT + 0.2, what=Seen.WITHDRAWN, where="mad"),
            Observation(at=FAULT + 0.4, what=Seen.WITHDRAWN, where="chi"),
            Observation(at=FAULT + 0.5, what=Seen.ANNOUNCED, where="chi"),
        ),
        announced_before=frozenset({"mad", "tyo", "chi"}),
        announced_after=frozenset({"tyo", "chi"}),
        catchment_before={"as1-lis": "mad", "as2-tyo": "tyo", "as3-chi": "chi"},
        catchment_after={"as1-lis": "tyo", "as2-tyo": "tyo", "as3-chi": "chi"},
        planned={
            frozenset({"mad"}): {"as1-lis": frozenset({"tyo", "chi"}), "as2-tyo": frozenset({"tyo"})},
            frozenset(): {"as1-lis": frozenset({"mad"})},
        },
        updates=500,
    )


KEPT = [
    "lost: 40",
    "lost: {at_most: 10, clients: [TYO, CHI]}",
    "lost_per_client: 30",
    "lost_share: 1.6 %",
    "outage: 300 ms",
    "outage: {at_most: 150 ms, clients: ['continent:AS']}",
    "answered_by: [tyo, chi]",
    "answered_by: {sites: tyo, clients: [AS1], within: 300 ms, after: fault}",
    "withdrawn: {site: mad, within: 200 ms}",
    "never_all_withdrawn: {at_least: 1}",
    "nothing_announced: mad",
    "resets: 2",
    "as_planned: {without: mad}",
    "updates: 500",
    "within_capacity: true",
]
BROKEN = [
    ("lost: 39", "40 of 3000 queries lost, most by as1-lis (30)"),
    ("lost_per_client: 29", "as1-lis lost 30"),
    ("lost_share: 1.4 %", "1.5 % of the users' queries lost"),
    ("outage: 299 ms", "as1-lis had no answer for 300 ms"),
    ("answered_by: chi", "as1-lis by tyo; as2-tyo by tyo"),
    ("answered_by: {sites: tyo, clients: [AS1], within: 250 ms}", "as1-lis after 300 ms"),
    ("answered_by: {sites: chi, clients: [AS1], within: 9 s}", "as1-lis never"),
    ("withdrawn: {site: mad, within: 199 ms}", "after 200 ms"),
    ("withdrawn: {site: mad, within: 9 s, after: later}", "not withdrawn at all"),
    ("never_all_withdrawn: {at_least: 2}", "only 1 sites announced 1.40 s after"),
    ("nothing_announced: tyo", "still announced"),
    ("resets: 1", "2 connections reset"),
    ("as_planned: true", "as1-lis is answered by tyo, planned mad"),
    ("as_planned: {without: chi}", "no plan to compare"),
    ("no_other_flows_moved: true", "1 of 40 flows moved"),
    ("updates: 499", "500 updates sent"),
]


@pytest.mark.parametrize("expect", KEPT)
def test_it_is_kept(expect: str) -> None:
    (verdict,) = judge(record(f"{{{expect}}}"))

    assert verdict.is_kept, verdict.reason


@pytest.mark.parametrize(("expect", "said"), BROKEN)
def test_it_is_broken_and_says_by_what(expect: str, said: str) -> None:
    (verdict,) = judge(record(f"{{{expect}}}"))

    assert not verdict.is_kept
    assert said in verdict.reason


def test_a_site_over_its_capacity_breaks_the_promise() -> None:
    small = replace(FACTS, sites=tuple(replace(site, capacity_users=5.0) for site in FACTS.sites))

    (verdict,) = judge(replace(record("{within_capacity: true}"), facts=small))

    assert not verdict.is_kept
    assert verdict.reason == "tyo is the fullest, at 180 % of its capacity"


@pytest.mark.parametrize("expect", [*KEPT[:7], "no_other_flows_moved: true"])
def test_what_was_not_measured_is_not_kept(expect: str) -> None:
    nothing = replace(record(f"{{{expect}}}"), measured=Measured(), catchment_after={})

    (verdict,) = judge(nothing)

    assert not verdict.is_kept


def test_a_day_that_was_not_carried_out_keeps_nothing() -> None:
    verdicts = judge(replace(record("{lost: 99}, {nothing_announced: mad}"), is_whole=False))

    assert [one.is_kept for one in verdicts] == [False, False]
    assert len(CLIENTS) == 3


def test_a_promise_of_one_kind_of_probe_counts_no_other() -> None:
    whole = record("{lost: {at_most: 0, kind: tcp}}")
    tcp = replace(whole.measured, probed=(*whole.measured.probed, probed("as1-lis", lost=2, kind="tcp6")))

    (verdict,) = judge(replace(whole, measured=tcp))

    assert not verdict.is_kept
    assert verdict.reason == "2 of 1000 queries lost, most by as1-lis (2)"
    assert not judge(whole)[0].is_kept  # nothing was asked over TCP, so nothing was measured
