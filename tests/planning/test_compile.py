"""compile: what a session of the design means in seeds, and what the topology lacks, said all at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_world import V4, V6, design, site, topology, upstream

from anyplane.design.design import PrefixGroup
from anyplane.model.errors import TopologyError, UsageError
from anyplane.model.nouns import Asn, Effect, ExportRule, Place, RouteClass, UpstreamKind
from anyplane.planning.compile import compile as compile_design
from anyplane.routing import NO_EXPORT, ExportFilter
from anyplane.routing.state import OFF
from anyplane.topology import without_metros


def only(*upstreams: object, **changes: object) -> object:
    return replace(design(), sites=(site("a", 0, *upstreams, **changes),))  # type: ignore[arg-type]


def test_prefixes_announced_alike_share_a_scenario() -> None:
    (scenario,) = compile_design(design(), topology())

    assert (scenario.name, scenario.prefixes, scenario.sites) == ("all", (V4, V6), ("a", "c"))
    assert scenario.load_per_user == 2.0


def test_a_group_that_splits_names_its_scenarios_by_prefix_and_shares_its_load() -> None:
    split = replace(design(), sites=(site("a", 0, upstream(10)), site("c", 2, upstream(20, prefixes=(V4,)))))

    v4, v6 = compile_design(split, topology())

    assert (v4.name, v6.name) == (f"all/{V4}", f"all/{V6}")
    assert v4.load_per_user == v6.load_per_user == 1.0
    assert [len(v4.seeds.seeds), len(v6.seeds.seeds)] == [2, 1]


def test_two_groups_announced_alike_share_a_scenario_and_add_their_loads() -> None:
    groups = (
        PrefixGroup(name="dns", prefixes=(V4,), load_per_user=1.0),
        PrefixGroup(name="api", prefixes=(V6,), load_per_user=3.0),
    )

    (scenario,) = compile_design(replace(design(), groups=groups), topology())

    assert (scenario.name, scenario.groups, scenario.load_per_user) == ("dns+api", ("dns", "api"), 4.0)


def test_one_group_can_be_asked_for_and_an_unknown_one_is_refused() -> None:
    assert len(compile_design(design(), topology(), group="all")) == 1
    with pytest.raises(UsageError, match="no group 'web'"):
        compile_design(design(), topology(), group="web")


def test_a_transit_holds_our_route_as_a_customers_in_the_metro_of_the_site() -> None:
    world = topology()
    (scenario,) = compile_design(only(upstream(10, prepend=2, med=7)), world)

    (seed,) = scenario.seeds.seeds
    assert (seed.pop, seed.route_class, seed.length) == (world.pop_at(0, 0), RouteClass.CUSTOMER, 3)
    assert (seed.km, seed.med, seed.asn) == (0.0, 7, 64500)


def test_an_upstream_that_is_not_in_the_metro_is_met_at_its_nearest_one_with_a_warning() -> None:
    world = topology()
    (scenario,) = compile_design(replace(design(), sites=(site("b", 1, upstream(10)),)), world)

    (seed,) = scenario.seeds.seeds
    assert (seed.pop, seed.km) == (world.pop_at(0, 0), pytest.approx(1000.0, abs=0.01))
    assert scenario.warnings == (
        "site b: upstream AS10 is not known to be in BBB; its nearest metro is AAA, 1,000 km away",
    )


def test_a_site_with_coordinates_only_is_measured_from_them() -> None:
    place = Place(lat=0.0, lon=0.9)
    (scenario,) = compile_design(only(upstream(10), metro="", place=place), topology())

    assert scenario.seeds.seeds[0].km == pytest.approx(100.08, abs=0.01)


def test_a_peer_is_a_peer_and_a_route_server_is_every_member() -> None:
    sessions = (
        upstream(20, kind=UpstreamKind.PEER),
        upstream(65010, kind=UpstreamKind.ROUTE_SERVER, prepend=1),
    )
    (scenario,) = compile_design(only(*sessions), topology())

    assert [(int(s.pop), s.route_class, s.length) for s in scenario.seeds.seeds] == [
        (2, RouteClass.PEER, 1),
        (0, RouteClass.PEER, 2),
        (2, RouteClass.PEER, 2),
    ]


def test_everything_that_the_topology_lacks_is_said_at_once_with_what_is_near() -> None:
    wrong = only(upstream(11), upstream(65011, kind=UpstreamKind.ROUTE_SERVER))

    with pytest.raises(TopologyError) as caught:
        compile_design(wrong, topology())

    assert str(caught.value) == (
        "site a: upstream AS11 is not in this topology\n"
        "hint: near it: AS10 Ten (in AAA); AS20 Twenty (in AAA)\n"
        "site a: no exchange in this topology has the route server AS65011\n"
        "hint: near it: AS65010 AAA-IX in AAA"
    )


def test_export_rules_say_what_the_neighbour_is_and_filters_how_it_holds_the_route() -> None:
    rules = (
        ExportRule(effect=Effect.NO_EXPORT, to_classes=frozenset({RouteClass.PEER, RouteClass.CUSTOMER})),
        ExportRule(effect=Effect.PREPEND, times=2, to_asns=frozenset({Asn(20), Asn(9999)})),
        ExportRule(effect=Effect.NO_EXPORT, to_regions=frozenset({"EU"})),
        ExportRule(effect=Effect.NO_EXPORT, to_regions=frozenset({"US"})),
    )
    (scenario,) = compile_design(only(upstream(10, rules=rules)), topology())

    assert scenario.seeds.seeds[0].filters == (
        ExportFilter(blocks=True, classes=frozenset({RouteClass.PEER, RouteClass.PROVIDER})),
        ExportFilter(blocks=False, times=2, networks=frozenset({1})),
        ExportFilter(blocks=True, metros=frozenset({0, 1})),
        ExportFilter(blocks=True, metros=frozenset({2})),
    )
    assert scenario.warnings == (
        "site a: upstream AS10: a community names AS9999, which this topology lacks",
    )


def test_a_rule_that_nothing_here_can_match_is_left_out_rather_than_matching_all() -> None:
    rules = (
        ExportRule(effect=Effect.NO_EXPORT, to_asns=frozenset({Asn(9999)})),
        ExportRule(effect=Effect.NO_EXPORT, to_regions=frozenset({"OC"})),
    )
    (scenario,) = compile_design(only(upstream(10, rules=rules)), topology())

    assert scenario.seeds.seeds[0].filters == ()
    assert len(scenario.warnings) == 2


def test_no_export_stays_in_the_upstream() -> None:
    (scenario,) = compile_design(only(upstream(10, is_no_export=True)), topology())

    assert scenario.seeds.seeds[0].filters == (NO_EXPORT,)


def test_a_blackhole_is_a_virtual_site_that_fails_with_its_owner() -> None:
    (scenario,) = compile_design(only(upstream(20), upstream(10, is_blackhole=True)), topology())

    assert scenario.sites == ("a", "(blackhole at AS10)")
    assert [seed.site for seed in scenario.seeds.seeds] == [0, 1]
    assert scenario.seeds.seeds[1].filters == (NO_EXPORT,)
    assert scenario.without(0).tolist() == [OFF, OFF]


def test_a_hijacker_joins_every_scenario_and_survives_every_failure() -> None:
    (plain,) = compile_design(design(), topology())
    hijack = replace(plain.seeds.seeds[0], pop=8, asn=Asn(666), is_invalid=True)

    (scenario,) = compile_design(design(), topology(), hijackers=[("(hijacker AS666)", hijack)])

    assert scenario.sites[-1] == "(hijacker AS666)"
    assert scenario.seeds.seeds[-1].site == 2
    assert scenario.without(0)[-1] == 1
    assert scenario.announcing == (0, 1)


def test_without_metros_every_session_is_at_the_one_pop_and_nothing_is_far() -> None:
    (scenario,) = compile_design(design(), without_metros(topology()))

    assert [(seed.pop, seed.km) for seed in scenario.seeds.seeds] == [(0, 0.0), (1, 0.0)]
    assert scenario.warnings == ()
