"""certainty: stated shares, intervals, who is torn and what to measure, on worlds whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
import random_worlds
from hypothesis import given
from hypothesis import strategies as st
from tiny_world import LATENCY, V4, V6, design, site, topology, upstream

from anyplane.calibration.calibration import NOTHING, Calibration, Preference, SiteFacts, Used
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Audience, Design, PrefixGroup
from anyplane.model.errors import UsageError
from anyplane.planning.certainty import (
    NO_MEASUREMENT,
    UNCALIBRATED_SPREAD,
    certainty,
    users_of,
    with_certainty,
)
from anyplane.planning.certainty_difference import certainty_difference
from anyplane.planning.certainty_explained import stated_for
from anyplane.planning.certainty_report import Certainty, Kind
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.deciding import deciding
from anyplane.planning.forecasting import chances, unsettled
from anyplane.planning.intervals import NINE_OF_TEN, Followed, doubts, followed, interval
from anyplane.planning.plan import plan
from anyplane.planning.report import from_json, to_json
from anyplane.topology import Topology

KNOWN = Calibration(
    origin="41 paths and 200 answers of May",
    graph="a tiny world",
    sites=(SiteFacts(site="a", paths=20), SiteFacts(site="c", paths=21)),
    used=(
        Used(policy="p", sites=("a", "c"), method="ping", networks=200, agreement=float("nan"), is_used=True),
    ),
    spread=0.5,
)


def stated(of: Design, on: Topology, calibration: Calibration = NOTHING) -> Certainty:
    (scenario,) = compile_design(of, on)
    return certainty(chances(of, scenario, Terrain(on), calibration), calibration)


def with_a_torn_transit() -> Topology:
    """The tiny world, and AS30, a customer of both transits, with 500 users behind it in AS301."""
    return topology(
        asn=[10, 20, 30, 101, 102, 104, 301],
        providers_customers=[(10, 101), (20, 102), (10, 30), (20, 30), (30, 301)],
        presence=([10, 10, 20, 20, 20, 30, 101, 102, 104, 301], [0, 2, 0, 1, 2, 2, 0, 1, 2, 2]),
        users=[0, 0, 0, 0, 0, 0, 600, 250, 50, 500],
        country=["DE", "US", "DE", "DE", "FR", "US", "US"],
        names=("Ten", "Twenty", "Thirty", "A-Net", "B-Net", "Island", "Stub"),
    )


def test_the_networks_with_one_way_are_sure_and_the_one_between_two_providers_is_not() -> None:
    found = stated(design(), topology())

    assert found.basis == NO_MEASUREMENT
    assert not found.is_calibrated
    assert found.sure == 0.85  # AS101 and AS102; AS104 has no route
    assert [row.asn for row in found.least_sure] == [103]
    assert found.least_sure[0].users == 100
    assert {one.site for one in found.least_sure[0].likeliest} == {"a", "c"}
    assert found.torn[0].asn == 103


def test_a_share_is_the_sum_of_users_times_probability() -> None:
    of, on = design(), topology()
    (scenario,) = compile_design(of, on)
    found = chances(of, scenario, Terrain(on))
    rows = certainty(found).sites

    for row in rows:
        index = scenario.sites.index(row.site)
        by_hand = sum(on.users[pop] * found.probability[pop, index] for pop in range(on.pops)) / 1000
        assert row.share == pytest.approx(by_hand, abs=1e-6)
    assert sum(row.share for row in rows) == pytest.approx(0.95)


def test_what_a_torn_transit_chooses_is_counted_there_and_not_at_its_customer() -> None:
    found = stated(design(), with_a_torn_transit())

    assert [row.asn for row in found.least_sure] == [301]
    assert found.torn[0].asn == 30
    assert found.torn[0].users == 500
    assert 301 not in [row.asn for row in found.torn]
    assert 150 < found.torn[0].unsettled <= 260


def test_each_site_alone_is_asked_for_where_a_transit_is_torn_and_no_path_is_known() -> None:
    found = stated(design(), with_a_torn_transit())

    alone = {item.sites: item for item in found.measurements if item.kind == Kind.PATHS}
    assert set(alone) == {("a",), ("c",)}
    assert alone["a",].users >= found.torn[0].unsettled
    assert alone["a",].action == "announce a alone for an hour and import collector paths"


def test_of_two_sites_it_is_asked_to_ping_as_planned() -> None:
    (item, *_) = stated(design(), topology()).measurements

    assert (item.kind, item.sites) == (Kind.PING, ("a", "c"))
    assert item.action == "announce a and c as planned and ping (anyplane measure import)"
    assert 30 < item.users <= 60  # AS103 is torn, and no more than half of its users are elsewhere


def test_of_three_sites_the_pair_between_which_users_are_torn_is_asked_for_alone() -> None:
    of = design(sites=(*design().sites, site("b", 1, upstream(102))))

    found = stated(of, with_a_torn_transit())

    pings = [item for item in found.measurements if item.kind == Kind.PING]
    assert pings[0].sites == ("a", "c")
    assert pings[0].action == "announce a and c alone together and ping (anyplane measure import)"


def test_what_was_measured_is_not_asked_for_again() -> None:
    on = with_a_torn_transit()

    assert stated(design(), on, KNOWN).measurements == ()
    only_a = replace(KNOWN, sites=(KNOWN.sites[0], replace(KNOWN.sites[1], paths=0)))
    assert [item.sites for item in stated(design(), on, only_a).measurements] == [("c",)]
    unused = replace(KNOWN, used=(replace(KNOWN.used[0], is_used=False, reason="too few"),))
    assert [item.kind for item in stated(design(), on, unused).measurements] == [Kind.PING]


def test_a_learned_preference_settles_who_was_torn() -> None:
    liked = replace(
        KNOWN, preferences=(Preference(asn=103, neighbour=20, region="", log_odds=5.0, evidence=40),)
    )

    found = stated(design(), topology(), liked)

    assert found.basis == KNOWN.origin
    assert found.is_calibrated
    assert found.sure == 0.95
    assert found.least_sure == ()


def test_a_single_site_is_in_no_doubt() -> None:
    found = stated(design(sites=design().sites[:1]), topology())

    (row,) = found.sites
    assert (row.share, row.low, row.high) == (0.95, 0.95, 0.95)
    assert (found.least_sure, found.torn, found.measurements) == ((), (), ())


def test_where_all_is_sure_an_interval_has_no_width() -> None:
    apart = topology(providers_customers=[(10, 101), (20, 102), (20, 103)], peers=[])

    for row in stated(design(), apart).sites:
        assert row.low == row.share == row.high


def test_without_users_nothing_is_stated_of_them() -> None:
    found = stated(design(), topology(users=[0] * 9))

    assert [(row.share, row.low, row.high) for row in found.sites] == [(0, 0, 0)] * 2
    assert (found.unsettled, found.least_sure, found.torn, found.measurements) == (0, (), (), ())


def test_a_network_that_is_nearly_sure_does_not_widen_an_interval_of_nine_tenths() -> None:
    nothing = np.zeros(1)
    variance, chance = np.array([[0.36 * 0.03 * 0.97]]), np.array([[0.03]])
    by = Followed(carried=np.array([[1.0]]), own=nothing, variance=variance)

    rare = doubts(chance, np.ones(1), by, raw=chance)
    even = doubts(np.full((1, 1), 0.5), np.ones(1), by, raw=np.full((1, 1), 0.5))

    assert rare.above[0] < 1.25  # what is common alone gives 1, the choice would give 1.17 together with it
    assert even.above[0] == pytest.approx(even.below[0], rel=0.01)


def test_one_torn_network_makes_an_interval_as_wide_as_it_is_large() -> None:
    on = topology(peers=[])

    rows = {row.site: row for row in stated(design(), on).sites}

    # AS103, 100 of 1,000 users, is at one site or at the other; nobody else is in doubt.
    assert (rows["a"].low, rows["a"].high) == (0.6, 0.7)
    assert (rows["c"].low, rows["c"].high) == (0.25, 0.35)
    halved = {row.site: row for row in stated(design(), on, replace(KNOWN, spread=0.2)).sites}
    assert 0.6 < halved["a"].low < halved["a"].share < halved["a"].high < 0.7


def test_a_plan_says_so_where_probabilities_did_not_come_to_rest() -> None:
    on = topology()
    (scenario,) = compile_design(design(), on)
    found = chances(design(), scenario, Terrain(on))
    assert unsettled(found) == ()

    found.offers.moved = 0.12

    (text,) = unsettled(found)
    assert "had not come to rest after 100 rounds; some still moved by 12%" in text


def test_the_interval_is_the_logit_and_1_645_spreads() -> None:
    low, high = interval(0.3, spread=0.5)

    assert log(high / (1 - high)) - log(0.3 / 0.7) == pytest.approx(1.645 * 0.5)
    assert log(0.3 / 0.7) - log(low / (1 - low)) == pytest.approx(1.645 * 0.5)
    assert interval(0.5, spread=UNCALIBRATED_SPREAD) == pytest.approx((0.1220, 0.8780), abs=1e-4)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 4))
def test_an_interval_holds_its_share_and_stays_among_the_users_with_a_site(
    part: float, of: float, spread: float
) -> None:
    share = part * of

    low, high = interval(share, of=of, spread=spread)

    assert -1e-9 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= of + 1e-9
    wider = interval(share, of=of, spread=spread + 1)
    assert wider[0] <= low + 1e-9
    assert wider[1] >= high - 1e-9


def test_nothing_and_everything_have_no_interval() -> None:
    assert interval(0.0, spread=NINE_OF_TEN) == (0.0, 0.0)
    assert interval(1.0, spread=NINE_OF_TEN) == (1.0, 1.0)
    assert interval(0.95, of=0.95, spread=NINE_OF_TEN) == (0.95, 0.95)


@pytest.mark.parametrize("seed", range(12))
def test_nobody_decides_more_than_is_open_and_a_single_neighbour_leaves_nothing_to_decide(seed: int) -> None:
    rng = np.random.default_rng(seed)
    on = random_worlds.topology(rng)
    of = random_worlds.design(rng, on)
    for scenario in compile_design(of, on):
        if not scenario.seeds.seeds:
            continue
        found = chances(of, scenario, Terrain(on))
        users = users_of(scenario, on)
        most = found.probability.max(axis=1)
        torn = np.where((most > 0) & (most < 0.9), users, 0.0)
        by = deciding(found, followed(found.offers, torn[:, None]))

        assert (by.unsettled >= 0).all()
        assert (by.unsettled <= by.carried * (1 - most) + 1e-6).all()
        own = np.where((most > 0) & (most < 0.9), users, 0.0)
        assert (by.carried >= own - 1e-6).all()
        start, _, _, link, *_ = found.offers.arrays
        for pop in range(on.pops):
            ways = set(link[start[pop] : start[pop + 1]].tolist())
            if len(ways) == 1 and -1 not in ways:
                assert by.unsettled[pop] == pytest.approx(0, abs=1e-6)


def test_only_the_users_of_the_audience_count() -> None:
    groups = (PrefixGroup(name="all", prefixes=(V4, V6), audience=Audience(countries=frozenset({"US"}))),)

    found = stated(design(groups=groups), topology())

    assert found.sure == 0.0
    assert sum(row.share for row in found.sites) == pytest.approx(100 / 150)


def test_a_report_with_certainty_survives_json_and_one_without_has_no_such_key() -> None:
    of, on = design(), topology()
    plain = plan(of, on, latency=LATENCY)
    sure = with_certainty(plain, of, on, KNOWN)

    assert from_json(to_json(sure)) == sure
    assert sure.scenarios[0].certainty is not None
    assert '"certainty"' not in to_json(plain)


def test_a_scenario_that_announces_nothing_has_no_certainty() -> None:
    quiet = design(sites=tuple(replace(one, is_enabled=False) for one in design().sites))
    report = with_certainty(plan(quiet, topology(), latency=LATENCY), quiet, topology())

    assert [scenario.certainty for scenario in report.scenarios] == [None]


def test_another_graph_is_a_warning_that_names_both() -> None:
    other = replace(KNOWN, graph="20191201.as-rel2.txt.bz2")
    report = with_certainty(plan(design(), topology(), latency=LATENCY), design(), topology(), other)

    assert report.warnings[-1] == (
        "the calibration was learned on 20191201.as-rel2.txt.bz2, this plan is made on a tiny world"
    )


def test_a_calibration_of_other_sites_is_refused() -> None:
    other = Calibration(origin="x", graph="a tiny world", sites=(SiteFacts(site="uw01", paths=3),))

    with pytest.raises(UsageError, match="knows none of the sites of tiny: it is of uw01"):
        with_certainty(plan(design(), topology(), latency=LATENCY), design(), topology(), other)


def test_a_difference_says_the_shares_before_and_after_and_whose_likeliest_site_changes() -> None:
    alone = design(sites=(design().sites[0], replace(design().sites[1], is_enabled=False)))

    ((item,), warnings) = certainty_difference((design(), alone), topology(), KNOWN, pairs=[("all", "all")])

    assert warnings == ()
    shares = {row.site: row for row in item.shares}
    assert shares["c"].after is None
    assert shares["a"].after is not None
    assert shares["a"].after.share == 0.95
    assert {(move.start, move.end) for move in item.moves} == {("c", "a")}
    assert item.moved in (250, 350)  # AS102 surely; AS103 is torn
    assert item.expected <= 1000


def test_a_design_against_itself_moves_nobody() -> None:
    ((item,), _) = certainty_difference((design(), design()), topology(), NOTHING, pairs=[("all", "all")])

    assert (item.moved, item.expected, item.moves) == (0, 0, ())


def test_an_explanation_states_probabilities_and_what_was_learned_on_the_way() -> None:
    on = topology()
    (scenario,) = compile_design(design(), on)
    liked = replace(
        KNOWN, preferences=(Preference(asn=103, neighbour=20, region="", log_odds=2.0, evidence=40),)
    )

    (found,) = stated_for(design(), scenario, on, liked, [(int(on.pop_start[on.index_of(103)]), (103, 20))])

    assert (found.asn, found.metro) == (103, "CCC")
    assert found.probabilities[0].site == "c"
    assert sum(one.probability for one in found.probabilities) == pytest.approx(1)
    assert any("AS103 prefers AS20" in line for line in found.learned)
