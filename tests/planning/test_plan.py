"""plan: every number of the tiny world, worked out by hand in tiny_world's docstring and here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_world import LATENCY, V4, V6, design, promising, site, topology, upstream

from anyplane.design.design import Objectives, PrefixGroup
from anyplane.model.nouns import Asn, UpstreamKind
from anyplane.planning.plan import plan
from anyplane.planning.report import Report, Rtt, Share, SiteUsers, State, from_json, to_json
from anyplane.topology import without_metros


@pytest.fixture(scope="module")
def report() -> Report:
    return plan(promising(), topology(), latency=LATENCY)


def test_shares_are_intervals_that_hold_the_tie(report: Report) -> None:
    a, c = report.scenarios[0].sites

    assert a.share == Share(certain=0.6, expected=0.65, possible=0.7, chosen=0.7)
    assert c.share == Share(certain=0.25, expected=0.3, possible=0.35, chosen=0.25)


def test_certain_open_and_unreached_make_one(report: Report) -> None:
    scenario = report.scenarios[0]

    assert (scenario.certain, scenario.open, scenario.unreached_share) == (0.85, 0.1, 0.05)
    assert scenario.unreached == 50


def test_rtt_quantiles_count_each_user_that_is_served_once(report: Report) -> None:
    # 600 users at 2 ms (two networks), 250 at 30 + 2, 100 at 40 + 2; half of 950 is 475, 90 % is 855.
    mean = round((600 * 2 + 250 * 32 + 100 * 42) / 950, 2)

    assert report.scenarios[0].rtt == Rtt(p50=2.0, p90=42.0, p95=42.0, p99=42.0, mean=mean)


def test_load_is_of_the_expected_users_and_its_bound_of_the_possible_ones(report: Report) -> None:
    a, c = report.scenarios[0].sites

    assert (a.load, a.load_possible, a.utilisation, a.utilisation_possible) == (1300, 1400, 1.3, 1.4)
    assert (c.load, c.load_possible, c.utilisation) == (600, 700, 0.4)


def test_the_ideal_says_who_is_not_at_the_nearest_site_and_what_it_costs(report: Report) -> None:
    ideal = report.scenarios[0].ideal

    # AS102 is 1,000 km from a (11 ms) and goes to c (32 ms); AS103 is in c's metro (1 ms), goes to a (42 ms).
    assert (ideal.users, ideal.share) == (350, 0.35)
    assert ideal.lost_ms == round((250 * 21 + 100 * 41) / 350, 2)
    assert ideal.lost_mean_ms == round((250 * 21 + 100 * 41) / 950, 2)
    assert (ideal.rtt.p50, ideal.rtt.p90) == (1.0, 11.0)
    assert [(group.asn, group.lost_ms, group.certain) for group in ideal.groups] == [
        (102, 21.0, True),
        (103, 41.0, False),
    ]


def test_the_reason_names_the_rule_and_where_it_was_applied(report: Report) -> None:
    relationship, tie = (group.reason for group in report.scenarios[0].ideal.groups)

    assert relationship == (
        "AS102 in BBB reaches c: further on, AS20's customer route over its own session "
        "wins over the peer route to a through AS10"
    )
    assert tie == (
        "AS103 in CCC reaches a: its provider route through AS10 and that to c through AS20 are equally "
        "good; the lowest ASN is assumed, so it may be otherwise"
    )


def test_unicast_is_each_site_alone(report: Report) -> None:
    a, c = report.scenarios[0].unicast

    # a alone: AS102 crosses AS20 and AS10, leaving in AAA: 10 + 3. c alone: AS101 hauls 4,000 km: 40 + 3.
    assert (a.site, a.rtt.p50, a.rtt.p90, a.rtt.p95, a.unreached) == ("a", 2.0, 42.0, 42.0, 50)
    assert (c.site, c.rtt.p50, c.rtt.p95, c.unreached) == ("c", 43.0, 43.0, 50)
    assert a.rtt.mean == round((600 * 2 + 250 * 13 + 100 * 42) / 950, 2)


def test_a_failure_moves_the_users_and_may_fill_the_others(report: Report) -> None:
    without_a, without_c = report.scenarios[0].failures
    (to_c,) = without_a.takeovers

    assert (without_a.moved, to_c.site, to_c.users, to_c.gained, to_c.share_of_moved) == (
        650,
        "c",
        950,
        650,
        1,
    )
    assert (to_c.load, to_c.utilisation, to_c.is_overloaded) == (1900, 1.266667, True)
    assert (without_a.worst_site, without_a.overloaded, without_a.newly_unreached) == ("c", ("c",), 0)
    assert (without_c.worst_site, without_c.worst_utilisation) == ("a", 1.9)
    assert without_a.rtt.p50 == 43.0


def test_objectives_are_kept_broken_or_in_the_hands_of_ties(report: Report) -> None:
    states = {item.name: (item.state, item.actual, item.subject) for item in report.scenarios[0].objectives}

    assert states == {
        "p50_rtt": (State.BROKEN, 2.0, ""),
        "p95_rtt": (State.KEPT, 42.0, ""),
        "largest_share": (State.MAY_BREAK, 0.65, "a"),
        "worst_failure_load": (State.BROKEN, 1.9, "c"),
    }
    assert not report.is_ok


def test_residency_is_judged_on_what_is_certain_and_on_what_is_possible(report: Report) -> None:
    rules = {rule.name: rule for rule in report.scenarios[0].residency}

    assert rules["german"].state == State.KEPT
    assert (rules["american"].state, rules["american"].certain, rules["american"].possible) == (
        State.MAY_BREAK,
        0,
        100,
    )
    assert rules["american"].expected == 50
    assert (rules["french"].state, rules["french"].certain) == (State.BROKEN, 250)
    (network,) = rules["french"].by_network
    assert (network.asn, network.name, network.sites) == (102, "B-Net", ("c",))


def test_residency_that_only_ties_may_break_does_not_fail_the_plan() -> None:
    rules = tuple(rule for rule in promising().residency if rule.name != "french")

    assert plan(design(residency=rules), topology(), latency=LATENCY).is_ok


def test_rows_by_country_and_metro_give_every_user_a_place(report: Report) -> None:
    scenario = report.scenarios[0]
    by_metro = {row.metro: row for row in scenario.metros}

    assert [row.country for row in scenario.countries] == ["DE", "FR", "US"]
    assert by_metro["CCC"].sites == (SiteUsers(site="a", users=50), SiteUsers(site="c", users=50))
    assert by_metro["CCC"].unreached == 50
    assert by_metro["AAA"].sites == (SiteUsers(site="a", users=600),)


def test_top_networks_are_those_of_the_chosen_routes(report: Report) -> None:
    a, _ = report.scenarios[0].sites

    assert a.networks == 2
    assert [(one.asn, one.users, one.rtt_ms) for one in a.top_networks] == [(101, 600, 2.0), (103, 100, 42.0)]


def test_equal_inputs_give_equal_bytes_whatever_the_threads(report: Report) -> None:
    again = plan(promising(), topology(), latency=LATENCY, threads=1)

    assert to_json(again) == to_json(report)


def test_a_report_survives_its_json(report: Report) -> None:
    assert from_json(to_json(report)) == report


def test_without_failures_nothing_is_said_about_them_but_that() -> None:
    report = plan(promising(), topology(), latency=LATENCY, failures=False)

    assert report.scenarios[0].failures == ()
    assert not report.scenarios[0].has_failures
    assert [item.name for item in report.scenarios[0].objectives] == [
        "p50_rtt",
        "p95_rtt",
        "largest_share",
    ]
    assert "failures were not reckoned" in report.warnings[0]


def test_without_metros_countries_are_those_of_the_networks() -> None:
    report = plan(design(), without_metros(topology()), latency=LATENCY)
    scenario = report.scenarios[0]

    assert {row.country: row.users for row in scenario.countries} == {"DE": 600, "FR": 250, "US": 150}
    assert scenario.metros == ()
    assert scenario.ideal.groups == ()


def test_without_metros_no_promise_about_rtt_is_judged() -> None:
    report = plan(promising(), without_metros(topology()), latency=LATENCY)

    names = [item.name for item in report.scenarios[0].objectives]
    assert names == ["largest_share", "worst_failure_load"]
    assert "without metros there are no distances" in report.warnings[0]


def test_a_blackholed_user_reaches_a_virtual_site_and_is_not_served() -> None:
    world = topology()
    base = design()
    holed = replace(base, sites=(base.sites[0], site("c", 2, upstream(20), upstream(10, is_blackhole=True))))
    report = plan(holed, world, latency=LATENCY)
    hole = report.scenarios[0].sites[2]

    # In CCC, AS10 now sends everything into the hole, and NO_EXPORT keeps that from AS103: no tie is left.
    assert report.sites[2].is_virtual
    assert hole.site == "(blackhole at AS10)"
    assert hole.share.possible == 0.0
    assert report.scenarios[0].sites[1].share.certain == 0.35


def test_the_load_of_the_other_scenarios_counts_against_capacity() -> None:
    base = design()
    split = replace(
        base,
        groups=(
            PrefixGroup(name="v4", prefixes=(V4,), load_per_user=1.0),
            PrefixGroup(name="v6", prefixes=(V6,), load_per_user=1.0),
        ),
        sites=(
            site("a", 0, upstream(10), capacity=1000.0),
            site("c", 2, upstream(20, prefixes=(V4,)), capacity=1500.0),
        ),
    )
    v4, v6 = plan(split, topology(), latency=LATENCY).scenarios

    # v4: 650 users at a; v6 is announced at a alone: 950.
    assert (v4.name, v6.name) == ("v4", "v6")
    assert (v4.sites[0].load, v6.sites[0].load) == (650, 950)
    assert v4.sites[0].utilisation == v6.sites[0].utilisation == 1.6
    # Without c, v4 brings its 950 to a too, and v6 stays as it was.
    assert v4.failures[1].worst_utilisation == 1.9


def test_a_route_server_reaches_every_member_as_a_peer() -> None:
    base = design()
    rs = upstream(65010, kind=UpstreamKind.ROUTE_SERVER)
    report = plan(replace(base, sites=(site("a", 0, rs),)), topology(), latency=LATENCY)

    # Peers hand the route to their customers: all but the island.
    assert report.scenarios[0].sites[0].share == Share(
        certain=0.95, expected=0.95, possible=0.95, chosen=0.95
    )


def test_a_failure_may_move_users_of_other_sites_and_says_so() -> None:
    base = design()
    shy = site("z", 2, upstream(10, is_no_export=True))
    report = plan(replace(base, sites=(*base.sites, shy)), topology(), latency=LATENCY)
    without_z = report.scenarios[0].failures[2]

    # In CCC, AS10 prefers z (0 km), which it may not export: AS103 hears nothing from it until z is gone.
    assert (without_z.moved, without_z.also_moved) == (0, 50)
    assert [(item.site, item.gained, item.share_of_moved) for item in without_z.takeovers] == [
        ("a", 50, 1.0),
        ("c", -50, -1.0),
    ]


def test_a_topology_without_users_is_said_and_breaks_nothing() -> None:
    report = plan(promising(), topology(users=None), latency=LATENCY)

    assert report.scenarios[0].users == 0
    assert report.scenarios[0].rtt == Rtt()
    assert "no users" in report.warnings[0]


def test_a_design_whose_sites_are_all_closed_reaches_nobody() -> None:
    base = promising()
    closed = replace(base, sites=tuple(replace(item, is_enabled=False) for item in base.sites))
    report = plan(closed, topology(), latency=LATENCY)

    assert report.scenarios[0].unreached_share == 1.0
    assert report.scenarios[0].failures == ()
    assert not report.is_ok


def test_users_who_are_not_served_break_a_promise_of_rtt() -> None:
    promised = Objectives(p95_rtt_ms=50.0, p99_rtt_ms=50.0)
    p95, p99 = plan(design(objectives=promised), topology(), latency=LATENCY).scenarios[0].objectives

    # 5 % of the users are on an island: the other 95 % are within 42 ms, but there are no 99 % of them.
    assert (p95.state, p95.actual) == (State.KEPT, 42.0)
    assert (p99.state, p99.actual) == (State.BROKEN, None)
    assert p99.detail == "5.0 % of users are not served; promised 50.0 ms"


def test_blackholed_users_break_a_promise_of_rtt_too() -> None:
    sink = upstream(10, is_blackhole=True)
    promised = Objectives(p50_rtt_ms=50.0)
    drained = design(objectives=promised, sites=(site("a", 0, sink), site("c", 2, upstream(20))))
    world = topology(users=[600, 0, 0, 0, 0, 0, 250, 100, 50])

    (p50,) = plan(drained, world, latency=LATENCY).scenarios[0].objectives

    assert (p50.state, p50.actual) == (State.BROKEN, None)


def test_the_worst_failure_is_the_one_after_which_users_are_not_served() -> None:
    # Without a, only the customers of AS20 hear c, and they are near: 600 users of AS101 are left out.
    sites = (site("a", 0, upstream(10)), site("c", 2, upstream(20, kind=UpstreamKind.PEER)))
    promising_speed = design(objectives=Objectives(worst_failure_p95_rtt_ms=200.0), sites=sites)

    (objective,) = plan(promising_speed, topology(), latency=LATENCY).scenarios[0].objectives

    assert (objective.state, objective.subject, objective.actual) == (State.BROKEN, "a", None)
    assert objective.detail == "without a, 65.0 % of users are not served; promised 200.0 ms"


def test_a_group_that_nobody_announces_and_an_origin_with_users_are_said() -> None:
    silent = PrefixGroup(name="silent", prefixes=(V6,))
    sites = (site("a", 0, upstream(10, prefixes=(V4,))),)
    own = design(origin=Asn(101), groups=(PrefixGroup(name="all", prefixes=(V4,)), silent), sites=sites)

    report = plan(own, topology(), latency=LATENCY)

    silence, itself = report.warnings
    assert silence == "silent: no site announces 2001:db8::/48, so nobody has a route"
    assert itself.startswith("AS101, the origin, is a network of this topology too: its own 600 users")


def test_a_session_with_the_origin_itself_is_said() -> None:
    report = plan(design(origin=Asn(10)), topology(), latency=LATENCY)

    assert report.warnings == (
        "AS10, the origin, is a network of this topology too: a session with itself is heard by nobody",
    )


def test_a_virtual_site_has_no_rtt_because_it_answers_nobody() -> None:
    sink = upstream(10, is_blackhole=True)
    sites = (site("a", 0, sink), site("c", 2, upstream(20)))
    world = topology(users=[600, 0, 0, 0, 0, 0, 250, 100, 50])

    *_, virtual = plan(design(sites=sites), world, latency=LATENCY).scenarios[0].sites

    assert virtual.users > 0
    assert virtual.rtt == Rtt()


def test_a_blackhole_lies_on_the_map_where_the_site_is_that_asked_for_it() -> None:
    sink = upstream(20, is_blackhole=True)
    report = plan(design(sites=(site("a", 0, upstream(10)), site("c", 2, sink))), topology(), latency=LATENCY)
    real, virtual = report.sites[1:]

    assert virtual.is_virtual
    assert (virtual.lat, virtual.lon) == (real.lat, real.lon) != (0.0, 0.0)


def test_a_nearest_site_that_asks_for_no_export_is_named_as_such() -> None:
    shy = upstream(10, is_no_export=True, communities=("no-export",))
    report = plan(design(sites=(site("a", 0, shy), site("c", 2, upstream(20)))), topology(), latency=LATENCY)

    reasons = [group.reason for group in report.scenarios[0].ideal.groups]

    assert any(reason.endswith("is offered a, which asks for NO_EXPORT") for reason in reasons), reasons
