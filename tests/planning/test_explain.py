"""explain: candidates, the rule that removed each, the way and its certainty, on the tiny world."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_world import LATENCY, design, site, topology, upstream

from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.candidates import Rule, candidates, judged
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.explain import Chance, Explanation, Leg, explain, failing, pops_from
from anyplane.routing import propagate


def explained(origin: str, **changes: object) -> Explanation:
    world = topology()
    (scenario,) = compile_design(replace(design(), **changes), world)  # type: ignore[type-var]
    (pop,) = pops_from(world, origin)
    return explain(propagate(world, scenario.seeds), scenario, pop, latency=LATENCY)


def decisions(explanation: Explanation, step: int) -> list[tuple[str, str, int, str, Rule]]:
    return [
        (offer.neighbour, offer.route_class, offer.length, offer.exit_metro, offer.removed_by)
        for offer in explanation.steps[step].offers
    ]


def test_the_way_lists_metros_carriers_and_kilometres() -> None:
    found = explained("AS102@BBB")

    assert (found.site, found.as_path, found.km, found.rtt_ms) == ("c", (102, 20, 64500), 3000.0, 32.0)
    assert found.legs == (
        Leg(start="BBB", end="BBB", km=0.0, carrier="AS102 to AS20"),
        Leg(start="BBB", end="CCC", km=3000.0, carrier="AS20"),
        Leg(start="CCC", end="c", km=0.0, carrier="AS20 to c"),
    )
    assert found.chances == (Chance(site="c", probability=1.0),)


def test_a_customer_route_removes_the_peer_routes_by_relationship() -> None:
    assert decisions(explained("AS102"), 1) == [
        ("session with c", "customer", 1, "CCC", Rule.CHOSEN),
        ("AS10 Ten", "peer", 2, "AAA", Rule.RELATIONSHIP),
        ("AS10 Ten", "peer", 2, "CCC", Rule.RELATIONSHIP),
    ]


def test_a_tie_shows_both_routes_and_even_chances() -> None:
    found = explained("103")

    assert decisions(found, 0) == [
        ("AS10 Ten", "provider", 2, "CCC", Rule.CHOSEN),
        ("AS20 Twenty", "provider", 2, "CCC", Rule.TIE),
    ]
    assert found.chances == (Chance(site="a", probability=0.5), Chance(site="c", probability=0.5))


def test_a_longer_path_is_removed_by_its_length() -> None:
    sites = (site("a", 0, upstream(10)), site("c", 2, upstream(20, prepend=3)))

    assert decisions(explained("AS103", sites=sites), 0)[1] == (
        "AS20 Twenty",
        "provider",
        5,
        "CCC",
        Rule.PATH_LENGTH,
    )


def test_of_two_exits_the_nearer_one_is_hot_potato() -> None:
    sites = (site("a", 0, upstream(20)), site("c", 2, upstream(20)))

    assert decisions(explained("AS102", sites=sites), 1)[:2] == [
        ("session with a", "customer", 1, "AAA", Rule.CHOSEN),
        ("session with c", "customer", 1, "CCC", Rule.HOT_POTATO),
    ]


def test_a_higher_med_and_a_backup_are_removed_by_those_rules() -> None:
    med = (site("a", 0, upstream(20, med=5)), site("c", 2, upstream(20)))
    backup = (site("a", 0, upstream(20, is_backup=True)), site("c", 2, upstream(20)))

    assert decisions(explained("AS102", sites=med), 1)[1][4] == Rule.MED
    assert decisions(explained("AS102", sites=backup), 1)[1][4] == Rule.BACKUP


def test_what_a_filter_blocks_is_no_candidate() -> None:
    sites = (site("a", 0, upstream(10, is_no_export=True)), site("c", 2, upstream(20)))

    assert [offer[0] for offer in decisions(explained("AS103", sites=sites), 0)] == ["AS20 Twenty"]


def test_a_network_without_a_route_has_no_steps() -> None:
    found = explained("AS104")

    assert (found.site, found.steps, found.legs, found.km, found.rtt_ms) == (None, (), (), None, None)


def test_the_chosen_candidate_is_always_the_one_that_routing_chose() -> None:
    world = topology()
    (scenario,) = compile_design(design(), world)
    routes = propagate(world, scenario.seeds)

    for pop in range(world.pops - 1):
        first = judged(routes, pop, candidates(routes, int(world.pop_network[pop])))[0]
        assert (first.removed_by, first.next_hop) == (Rule.CHOSEN, int(routes.next_hop[pop]))


def test_origins_may_be_named_in_four_ways() -> None:
    world = topology()

    assert pops_from(world, "AS101") == pops_from(world, "101") == pops_from(world, "as101@aaa")
    assert [int(world.asn[world.pop_network[pop]]) for pop in pops_from(world, "@CCC")] == [103, 104, 10]
    assert pops_from(world, "@Aachen") == pops_from(world, "@AAA")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("AS105", TopologyError, "AS105 is not in this topology\nhint: near it: AS10"),
        ("AS101@BBB", TopologyError, "AS101 A-Net is not known to be in BBB\nhint: it is in AAA"),
        ("@AAB", TopologyError, "'AAB' is not a metro of this topology\nhint: did you mean AAA Aachen"),
        ("Telekom", UsageError, "'Telekom' is not an AS number"),
        ("", UsageError, "'' names no network"),
        ("AS99999999999", TopologyError, "AS99999999999 is not in this topology"),
    ],
)
def test_an_unknown_origin_is_refused_with_what_is_near(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        pops_from(topology(), text)

    assert str(caught.value).startswith(said)


def test_after_a_failure_the_same_users_are_explained_again() -> None:
    world = topology()
    (whole,) = compile_design(design(), world)
    scenario = failing(whole, ("c",))
    (pop,) = pops_from(world, "AS102@BBB")

    found = explain(propagate(world, scenario.seeds), scenario, pop, latency=LATENCY, without=("c",))

    assert (found.site, found.as_path, found.without) == ("a", (102, 20, 10, 64500), ("c",))
    assert all("c" not in offer.sites for step in found.steps for offer in step.offers)


def test_a_failed_site_that_the_design_lacks_is_refused() -> None:
    (scenario,) = compile_design(design(), topology())

    with pytest.raises(UsageError, match="the design has no site 'b'"):
        failing(scenario, ("b",))


def test_when_every_site_has_failed_there_is_no_route() -> None:
    world = topology()
    (whole,) = compile_design(design(), world)
    scenario = failing(whole, ("a", "c"))

    found = explain(propagate(world, scenario.seeds), scenario, 0, latency=LATENCY)

    assert (found.site, found.steps) == (None, ())
