"""compare: equal to `plan` where they ask the same, and to a definition by hand where only it asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import random_worlds
import tiny_world
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anyplane.calibration.calibration import Calibration
from anyplane.design.design import Audience, Design, Objectives, PrefixGroup, Residency
from anyplane.model.errors import UsageError
from anyplane.model.nouns import SiteName
from anyplane.planning import jsonform
from anyplane.planning.alternatives.caching import Caching
from anyplane.planning.alternatives.compare import Question, compare
from anyplane.planning.alternatives.report import Comparison, Means, Way, to_json
from anyplane.planning.alternatives.resolvers import PERFECT, Resolution
from anyplane.planning.plan import plan
from anyplane.planning.report import State
from anyplane.topology import Topology

QUICK = Question(has_failover=False)
AT_ONCE = Caching(ttl_s=0.0, overruns=(), detect_s=0.0)


def asked(design: Design, world: Topology, question: Question = QUICK, **named: object) -> Comparison:
    return compare(design, world, question, latency=tiny_world.LATENCY, **named)  # type: ignore[arg-type]


def random_case(seed: int, sites: int = 4) -> tuple[Design, Topology]:
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    design = random_worlds.design(rng, world, sites=sites)
    # Both prefixes announced alike, so that there is one scenario.
    return replace(
        design,
        groups=(PrefixGroup(name="all", prefixes=random_worlds.PREFIXES[:1]),),
        sites=tuple(
            replace(
                site,
                upstreams=tuple(replace(one, prefixes=random_worlds.PREFIXES[:1]) for one in site.upstreams),
            )
            for site in design.sites
        ),
        objectives=Objectives(
            p50_rtt_ms=1.0,
            p90_rtt_ms=1.0,
            p95_rtt_ms=1.0,
            p99_rtt_ms=1.0,
            largest_share=0.1,
            smallest_share=0.9,
            worst_failure_p95_rtt_ms=1.0,
        ),
        residency=(
            Residency(
                name="r", countries=frozenset({"DE"}), sites=frozenset({SiteName("s0"), SiteName("s2")})
            ),
        ),
    ), world


def without_blackholes(design: Design) -> Design:
    return replace(
        design,
        sites=tuple(
            replace(site, upstreams=tuple(replace(one, is_blackhole=False) for one in site.upstreams))
            for site in design.sites
        ),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_global_anycast_and_unicast_are_those_of_plan_to_the_digit(seed: int) -> None:
    design, world = random_case(seed)
    try:
        report = asked(design, world)
    except UsageError:  # nobody hears it, or nobody is there
        return

    planned = plan(design, world, latency=tiny_world.LATENCY, threads=1).scenarios[0]

    row = report.of(Way.GLOBAL)
    assert row.rtt == planned.rtt
    assert {site.site: site.users for site in row.sites} == {
        site.site: site.users for site in planned.sites if site.users > 0
    }
    (kept,) = (promise for promise in row.promises if promise.is_residency)
    (rule,) = planned.residency
    assert (kept.certain, kept.expected, kept.possible, kept.of) == (
        rule.certain,
        rule.expected,
        rule.possible,
        rule.users,
    )
    assert [(one.site, one.rtt) for one in report.alone] == [(one.site, one.rtt) for one in planned.unicast]
    promised = {promise.name: promise.actual for promise in row.promises if not promise.is_residency}
    assert promised == {objective.name: objective.actual for objective in planned.objectives}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_everybody_is_counted_once_under_every_way(seed: int, error: float, ecs: float) -> None:
    # A tie between a site and a blackhole is a user of either, and served only by the chosen one.
    design, world = random_case(seed)
    design = without_blackholes(design)
    question = replace(QUICK, resolution=Resolution(geoip_error=error, wrong_country=error / 3, ecs=ecs))
    try:
        report = asked(design, world, question)
    except UsageError:
        return

    real = {str(site.name) for site in design.sites}
    for row in report.alternatives:
        served = sum(site.users for site in row.sites if site.site in real)
        assert served + row.unserved * report.users == pytest.approx(report.users, rel=1e-4, abs=1.0)
        assert row.rtts.share[-1] == pytest.approx(1 - row.unserved, abs=1e-5)
    assert sum(region.share for region in report.regions) == pytest.approx(1.0, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_way_is_faster_than_everybody_at_the_best_site_and_geodns_knows_only_maps(seed: int) -> None:
    """What is above one's best site alone is never negative; unicast is the least of all sites alone."""
    design, world = random_case(seed)
    try:
        report = asked(design, world)
    except UsageError:
        return

    assert all(row.lost_ms >= 0 for row in report.alternatives)
    served = min(one.unserved for one in report.alone)
    means = [one.rtt.mean for one in report.alone if one.unserved <= served and one.rtt.mean is not None]
    unicast = report.of(Way.UNICAST).rtt.mean
    assert unicast is None or not means or unicast <= min(means) + 0.01


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(74669)
def test_with_one_region_of_all_sites_regional_is_global(seed: int) -> None:
    design, world = random_case(seed)
    try:
        report = asked(replace(design, residency=()), world, replace(QUICK, regions="all=s0,s1,s2,s3"))
    except UsageError:
        return

    everywhere = report.of(Way.GLOBAL)
    for way in (Way.REGIONAL, Way.BOTH):
        assert report.of(way).rtt == everywhere.rtt
        assert report.of(way).sites == everywhere.sites
        assert report.of(way).misled == 0


def test_geodns_that_knows_everything_is_the_nearest_site_alone_by_hand() -> None:
    # AS101 (600, AAA) is nearest to a: 0 km. AS102 (250, BBB) too: down to AS20 and over its peering with
    # AS10 in AAA, 1,000 km. AS103 (100, CCC) is nearest to c: through AS20, 0 km. AS104 (50) has no link.
    question = replace(QUICK, resolution=PERFECT, caching=AT_ONCE)

    row = asked(tiny_world.design(), tiny_world.topology(), question).of(Way.GEODNS)

    alone = plan(tiny_world.design(), tiny_world.topology(), latency=tiny_world.LATENCY)
    assert {site.site: site.users for site in row.sites} == {"a": 850.0, "c": 100.0}
    assert row.unserved == 0.05
    assert row.misled == 0
    # a: 600 users at 2 networks, 250 at 3 networks and 10 ms; c: 100 at 2 networks (1 ms each).
    assert (row.rtt.p50, row.rtt.p90) == (2.0, 13.0)
    assert row.rtt.mean == pytest.approx((600 * 2 + 250 * 13 + 100 * 2) / 950, abs=0.005)
    assert alone.scenarios[0].unreached == 50.0


def test_a_wrong_geoip_answer_counts_with_its_odds_by_hand() -> None:
    # Each country has one metro, so only errors beyond it count: DE is taken for FR or US by users.
    question = replace(
        QUICK,
        resolution=Resolution(geoip_error=0.1, wrong_country=0.1, ecs=0.0, resolvers=((1.0, 0.0),)),
        caching=AT_ONCE,
    )

    row = asked(tiny_world.design(), tiny_world.topology(), question).of(Way.GEODNS)

    # BBB 250 and CCC 150 users: 600 in AAA are sent to c with 0.1 x 150/400; 250 in BBB with 0.1 x 150/750;
    # 100 in CCC to a with 0.1.
    to_c = 600 * 0.1 * 150 / 400 + 250 * 0.1 * 150 / 750 + 100 * 0.9
    assert {site.site: site.users for site in row.sites} == {
        "a": pytest.approx(950 - to_c, abs=0.06),
        "c": pytest.approx(to_c, abs=0.06),
    }
    strangers = 600 * 0.1 * 150 / 400 + 250 * 0.1 * 150 / 750 + 150 * 0.1
    assert row.misled == pytest.approx(strangers / 1000, abs=1e-6)


def test_dns_keeps_residency_where_it_knows_and_anycast_does_not() -> None:
    rule = Residency(name="french", countries=frozenset({"FR"}), sites=frozenset({SiteName("c")}))
    design = tiny_world.design(residency=(rule,))

    known = asked(design, tiny_world.topology(), replace(QUICK, resolution=PERFECT))
    wrong = asked(
        design,
        tiny_world.topology(),
        replace(QUICK, resolution=replace(PERFECT, geoip_error=0.2, wrong_country=0.2)),
    )

    (kept,) = known.of(Way.GEODNS).promises
    (broken,) = wrong.of(Way.GEODNS).promises
    assert kept.state is State.KEPT
    assert broken.state is State.BROKEN
    # Of FR's 250 users 0.2 are believed elsewhere: in AAA by 600 of 750, whose nearest site is a.
    assert broken.expected == pytest.approx(250 * 0.2 * 600 / 750, abs=0.06)


def test_a_lone_region_comes_back_by_dns_and_under_a_covering_prefix_by_bgp() -> None:
    report = asked(tiny_world.design(), tiny_world.topology(), Question(seeds=2, fail="c"))

    assert report.lone is not None
    regional, both = report.of(Way.REGIONAL).failover, report.of(Way.BOTH).failover
    assert regional is not None
    assert both is not None
    assert regional.means is Means.DNS
    assert regional.t50_s is not None
    assert regional.t50_s > 30
    assert report.lone.covered.t99_s is not None
    assert report.lone.covered.t99_s < 30


def test_the_only_site_is_not_missed_for_a_moment_only() -> None:
    design = tiny_world.design(sites=(tiny_world.design().sites[0],))

    report = asked(design, tiny_world.topology(), Question(seeds=1))

    for row in report.alternatives:
        assert row.failover is not None
        assert row.failover.never == 1.0
        assert row.failover.t50_s is None
    assert report.recommendation.way is Way.UNICAST


def test_users_hit_by_a_failure_are_those_whom_the_site_served() -> None:
    report = asked(tiny_world.design(), tiny_world.topology(), Question(seeds=1, fail="a"))

    for way in (Way.GEODNS, Way.REGIONAL):
        row = report.of(way)
        cut = row.failover
        assert cut is not None
        served = {site.site: site.users for site in row.sites}
        assert cut.affected == pytest.approx(served["a"], abs=0.2)


def test_json_reads_back_as_the_same_report() -> None:
    report = asked(tiny_world.promising(), tiny_world.topology(), Question(seeds=1))

    back = jsonform.from_plain(Comparison, jsonform.parse(to_json(report), file="x"), where="report")

    assert back == report


def test_threads_and_a_second_time_change_nothing() -> None:
    question = Question(seeds=2)

    one = asked(tiny_world.promising(), tiny_world.topology(), question, threads=1)
    two = asked(tiny_world.promising(), tiny_world.topology(), question, threads=3)

    assert to_json(one) == to_json(two)


def test_several_announcement_sets_need_a_group() -> None:
    groups = (
        PrefixGroup(name="eu", prefixes=(tiny_world.V4,), audience=Audience(countries=frozenset({"DE"}))),
        PrefixGroup(name="rest", prefixes=(tiny_world.V6,)),
    )
    design = tiny_world.design(groups=groups)

    with pytest.raises(UsageError, match="--group eu"):
        asked(design, tiny_world.topology())
    assert asked(design, tiny_world.topology(), group="eu").users == 600.0


def test_one_prefix_of_a_group_that_splits_can_be_named() -> None:
    v4_only = replace(tiny_world.upstream(20), prefixes=(tiny_world.V4,))
    design = tiny_world.design(
        sites=(tiny_world.site("a", 0, tiny_world.upstream(10)), tiny_world.site("c", 2, v4_only))
    )

    report = asked(design, tiny_world.topology(), group=f"all/{tiny_world.V4}")

    assert report.scenario == f"all/{tiny_world.V4}"
    assert len(report.alone) == 2


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question(fail="x"), "no site 'x'"),
        (Question(regions="eu=a"), "no region has c"),
        (Question(regions="eu=a,c;us=c"), "in eu already"),
        (Question(regions="eu=a,d"), "no site 'd'"),
        (Question(regions="eu"), "is not NAME=SITE"),
        (Question(far_ms=-1.0), "--far"),
        (Question(caching=Caching(ttl_s=-1.0)), "--ttl"),
    ],
)
def test_bad_questions_are_named(question: Question, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        asked(tiny_world.design(), tiny_world.topology(), question)


def test_a_file_of_regions_names_its_line() -> None:
    question = Question(regions="# two\neu=a\nus=b\n", regions_file="r.txt")

    with pytest.raises(UsageError, match=r"r\.txt:3"):
        asked(tiny_world.design(), tiny_world.topology(), question)


def test_a_disabled_site_takes_no_part() -> None:
    sites = (
        *tiny_world.design().sites,
        replace(tiny_world.site("b", 1, tiny_world.upstream(20)), is_enabled=False),
    )
    design = tiny_world.design(sites=sites)

    report = asked(design, tiny_world.topology(), replace(QUICK, regions="eu=a,b;us=c"))

    assert [one.site for one in report.alone] == ["a", "c"]
    assert report.regions[0].sites == ("a",)
    with pytest.raises(UsageError, match="announces nothing"):
        asked(design, tiny_world.topology(), Question(fail="b"))


def test_a_calibration_makes_anycast_rows_probabilities_and_leaves_unicast() -> None:
    known = Calibration(origin="made up", graph="a tiny world", spread=0.5)

    sure = asked(tiny_world.design(), tiny_world.topology())
    likely = asked(tiny_world.design(), tiny_world.topology(), calibration=known)

    assert "made up" in likely.assumptions.basis
    assert likely.of(Way.UNICAST).rtt == sure.of(Way.UNICAST).rtt
    assert likely.of(Way.GEODNS).rtt == sure.of(Way.GEODNS).rtt
    assert likely.of(Way.GLOBAL).sites != sure.of(Way.GLOBAL).sites
    assert sum(site.users for site in likely.of(Way.GLOBAL).sites) == pytest.approx(950.0, abs=0.2)
