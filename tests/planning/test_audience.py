"""Audiences: groups for some users only, on the tiny world: 850 users in DE and FR, 150 in the US."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from tiny_world import LATENCY, V4, V6, design, site, topology, upstream

from anyplane.design.design import Audience, Design, Objectives, PrefixGroup, Residency
from anyplane.model.nouns import SiteName
from anyplane.planning import explain_text, text
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.difference import NO_ROUTE, NOT_FOR_THEM, Difference, Move, of_outcomes, of_reports
from anyplane.planning.explain import Explanation, explain, pops_from
from anyplane.planning.plan import base_outcome, plan
from anyplane.planning.report import Report, Rtt, ScenarioReport, Share, State, from_json, to_json
from anyplane.routing import propagate
from anyplane.topology import without_metros

EUROPE = Audience(countries=frozenset({"DE", "FR"}))
OTHERS = replace(EUROPE, is_exclusion=True)
A = frozenset({SiteName("a")})


def regional(europe: Audience = EUROPE) -> Design:
    """Site a announces both groups, c that of the others alone."""
    groups = (
        PrefixGroup(name="eu", prefixes=(V4,), load_per_user=1.0, audience=europe),
        PrefixGroup(name="world", prefixes=(V6,), load_per_user=2.0, audience=OTHERS),
    )
    sites = (
        site("a", 0, upstream(10), capacity=1000.0),
        site("c", 2, upstream(20, prefixes=(V6,)), capacity=1500.0),
    )
    return design(
        groups=groups,
        sites=sites,
        objectives=Objectives(p95_rtt_ms=20.0),
        residency=(
            Residency(name="home", countries=EUROPE.countries, sites=A, groups=frozenset({"eu"})),
            Residency(name="german", countries=frozenset({"DE"}), sites=A),
            Residency(name="american", countries=frozenset({"US"}), sites=frozenset({SiteName("c")})),
        ),
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return plan(regional(), topology(), latency=LATENCY)


@pytest.fixture(scope="module")
def eu(report: Report) -> ScenarioReport:
    return report.scenarios[0]


@pytest.fixture(scope="module")
def world(report: Report) -> ScenarioReport:
    return report.scenarios[1]


def test_groups_announced_alike_for_different_users_are_apart_but_routed_once() -> None:
    alike = replace(regional(), sites=(site("a", 0, upstream(10)),))
    runs: list[tuple[int, int]] = []

    plan(
        alike,
        topology(),
        latency=LATENCY,
        progress=lambda done, runs_in_all: runs.append((done, runs_in_all)),
    )

    first, second = compile_design(alike, topology())
    assert (first.name, second.name, first.routing, second.routing) == ("eu", "world", 0, 0)
    assert runs[-1] == (3, 3)


def test_groups_announced_alike_for_the_same_users_share_a_scenario() -> None:
    groups = tuple(replace(group, audience=EUROPE) for group in regional().groups)
    alike = replace(regional(), groups=groups, sites=(site("a", 0, upstream(10)),))

    (scenario,) = compile_design(alike, topology())

    assert (scenario.groups, scenario.audience) == (("eu", "world"), EUROPE)


def test_users_and_shares_are_those_of_the_audience(eu: ScenarioReport, world: ScenarioReport) -> None:
    assert (eu.users, eu.unreached, eu.certain) == (850, 0, 1)
    assert eu.sites[0].share == Share(certain=1, expected=1, possible=1, chosen=1)
    assert (world.users, world.unreached, world.open) == (150, 50, 0.666667)
    assert world.sites[0].share == Share(certain=0, expected=0.333333, possible=0.666667, chosen=0.666667)


def test_rtt_load_detours_and_unicast_are_of_the_audience(eu: ScenarioReport, world: ScenarioReport) -> None:
    # AS101 at 2 ms, AS102 leaves its peer's network in AAA: 10 + 3.
    mean = round((600 * 2 + 250 * 13) / 850, 2)
    assert eu.rtt == eu.unicast[0].rtt == Rtt(p50=2.0, p90=13.0, p95=13.0, p99=13.0, mean=mean)
    assert (eu.load, world.load) == (850, 200)
    assert (eu.ideal.users, world.ideal.users) == (0, 100)
    assert [row.country for row in eu.countries] == ["DE", "FR"]
    assert [row.metro for row in world.metros] == ["CCC"]


def test_a_failure_moves_the_audience_and_the_load_of_all_groups_counts(
    eu: ScenarioReport, world: ScenarioReport
) -> None:
    # a carries 850 of eu and half of AS103's 200; without c all of them.
    assert eu.sites[0].utilisation == world.sites[0].utilisation == 0.95
    without_a, without_c = world.failures
    assert (without_a.moved, without_c.moved) == (50, 50)
    assert without_c.worst_utilisation == 1.05
    assert [failure.newly_unreached for failure in eu.failures] == [850]


def test_promises_are_judged_over_the_audience_of_the_groups_they_cover(
    eu: ScenarioReport, world: ScenarioReport
) -> None:
    assert [item.state for item in eu.objectives + world.objectives] == [State.KEPT, State.BROKEN]
    assert [(rule.name, rule.users, rule.state) for rule in eu.residency] == [
        ("home", 850, State.KEPT),
        ("german", 600, State.KEPT),
    ]
    assert [(rule.name, rule.users, rule.state) for rule in world.residency] == [
        ("american", 150, State.MAY_BREAK)
    ]


def test_a_rule_that_no_group_is_for_is_said_to_be_unjudged() -> None:
    lost = Residency(name="lost", countries=frozenset({"US"}), sites=A, groups=frozenset({"eu"}))
    report = plan(replace(regional(), residency=(lost,)), topology(), latency=LATENCY)

    assert report.warnings == ("residency lost was not judged: none of its groups is for its users",)
    assert not any(scenario.residency for scenario in report.scenarios)


def test_an_audience_without_users_is_a_warning_and_not_a_crash() -> None:
    report = plan(regional(Audience(countries=frozenset({"JP"}))), topology(), latency=LATENCY)

    assert "eu: this topology has no users in JP" in report.warnings
    assert (report.scenarios[0].users, report.scenarios[0].rtt) == (0, Rtt())


def test_the_headline_says_for_whom(report: Report) -> None:
    console = Console(file=StringIO(), width=100, highlight=False)
    console.print(text.render(report))
    printed = console.file.getvalue()  # type: ignore[attr-defined]

    assert "eu  192.0.2.0/24  for 850 users in DE, FR" in printed
    assert "world  2001:db8::/48  for 150 users (everybody but DE, FR)" in printed
    assert "RTT of these users: p50 2.0" in printed
    assert "850 users in DE, FR: all served from a" in printed


def test_the_json_says_for_whom_and_reads_back(report: Report, eu: ScenarioReport) -> None:
    assert from_json(to_json(report)) == report
    assert eu.audience is not None
    assert (eu.audience.countries, eu.audience.is_exclusion) == (("DE", "FR"), False)
    assert eu.residency[0].groups == ("eu",)


def test_a_user_is_in_the_country_of_his_metro_not_of_his_network() -> None:
    # AS10 is registered in DE; give it 7 users in CCC, which is in the US.
    abroad = topology(users=[0, 7, 0, 0, 0, 600, 250, 100, 50])

    assert Clients.of(abroad, OTHERS).total == 157
    assert Clients.of(abroad, EUROPE).total == 850
    report = plan(replace(regional(), groups=design().groups), abroad, latency=LATENCY)
    american = report.scenarios[1].residency[-1]
    assert [(one.asn, one.country) for one in american.by_network] == [(10, "US"), (103, "US")]


def test_without_metros_the_country_of_the_network_has_to_do() -> None:
    flat = without_metros(topology(country=["US", "US", "US", "FR", "DE", "JP"]))

    assert Clients.of(flat, EUROPE).users.tolist() == [250, 100]


def explained(origin: str) -> list[Explanation]:
    world = topology()
    (pop,) = pops_from(world, origin)
    return [
        explain(propagate(world, scenario.seeds), scenario, pop, latency=LATENCY)
        for scenario in compile_design(regional(), world)
    ]


def test_an_explanation_says_whether_the_users_are_given_the_group() -> None:
    console = Console(file=StringIO(), width=100, highlight=False)
    eu, world = explained("AS102")
    console.print(explain_text.render(eu), explain_text.render(world))
    printed = console.file.getvalue()  # type: ignore[attr-defined]

    assert (eu.is_in_audience, world.is_in_audience) == (True, False)
    assert printed.count("They are not among its users") == 1
    assert "They are not among its users (everybody but DE, FR)" in printed


def difference(before: Design, after: Design) -> Difference:
    world = topology()
    reports = [plan(item, world, latency=LATENCY) for item in (before, after)]
    outcomes = [
        [base_outcome(scenario, world, LATENCY) for scenario in compile_design(item, world)]
        for item in (before, after)
    ]
    return of_outcomes(*reports, *outcomes, world)


def test_users_who_join_an_audience_come_from_outside_of_it() -> None:
    larger = regional(Audience(countries=EUROPE.countries | {"US"}))
    eu, world = difference(regional(), larger).scenarios

    assert eu.moves == (
        Move(start=NOT_FOR_THEM, end="a", users=100, certain=100),
        Move(start=NOT_FOR_THEM, end=NO_ROUTE, users=50, certain=50),
    )
    assert (eu.users, eu.moved_share) == (1000, 0.15)
    assert world.moves == ()


def test_two_reports_tell_of_users_who_leave_an_audience() -> None:
    smaller = regional(Audience(countries=frozenset({"DE"})))
    reports = [plan(item, topology(), latency=LATENCY) for item in (regional(), smaller)]
    eu, _ = of_reports(*reports).scenarios

    assert eu.moves == (Move(start="a", end=NOT_FOR_THEM, users=250, certain=None),)
    assert [(mover.metro, mover.users) for mover in eu.metros] == [("BBB", 250)]
    assert eu.users == 850
