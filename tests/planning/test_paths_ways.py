"""Both ways of one client by hand: what differs, who sees one half, how long it takes, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import ORIGIN
from random_worlds import design as random_design
from random_worlds import topology as random_topology
from tiny_world import LATENCY, V4, V6, design, metros, site, topology, upstream

from anyplane.calibration.calibration import NOTHING
from anyplane.design.design import Design, Site
from anyplane.model.errors import AnyplaneError, TopologyError, UsageError
from anyplane.model.nouns import Asn, Place, SiteName, UpstreamKind
from anyplane.planning import jsonform
from anyplane.planning.both_ways import wording
from anyplane.planning.both_ways.asking import Question, ask
from anyplane.planning.both_ways.paths import of_clients
from anyplane.planning.both_ways.report import PathsReport, Relation, Round, Told, Where, to_json
from anyplane.planning.both_ways.returning import Prefer
from anyplane.planning.both_ways.uplinks import uplinks_of
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.explain import explain, pops_from
from anyplane.planning.latency import LatencyModel
from anyplane.routing import propagate
from anyplane.topology import Topology, build


def asked(client: str, *, world: Topology | None = None, **changes: object) -> Round:
    given_world = world or topology()
    named = {name: changes.pop(name) for name in ("site", "prefer") if name in changes}
    plan_of = design(**changes) if "sites" not in changes else design(sites=changes["sites"])
    report = of_clients(plan_of, given_world, pops_from(given_world, client), latency=LATENCY, **named)  # type: ignore[arg-type]
    (one,) = report.rounds
    return one


def ladder(one: Round) -> list[tuple[str, str, Relation]]:
    """Each rung as (network and metros on the way in, the same on the way back, relation)."""
    ways = (one.way_in.hops, one.way_back.hops)

    def text(hops: tuple, index: int) -> str:  # type: ignore[type-arg]
        return f"{hops[index].asn} {hops[index].enters}-{hops[index].leaves}" if index >= 0 else ""

    return [(text(ways[0], r.way_in), text(ways[1], r.way_back), r.relation) for r in one.ladder]


def halves(one: Round) -> list[tuple[Where, bool]]:
    return [(half.where, half.is_certain) for half in one.halves]


def test_a_client_of_one_provider_has_the_same_way_in_and_back() -> None:
    one = asked("AS102@BBB")

    assert one.way_in.as_path == (102, 20, 64500)
    assert one.way_back.as_path == (64500, 20, 102)
    assert ladder(one) == [
        ("102 BBB-BBB", "102 BBB-BBB", Relation.SAME),
        ("20 BBB-CCC", "20 CCC-BBB", Relation.SAME),
    ]
    assert (one.way_in.km, one.way_back.km, one.plan_rtt_ms, one.rtt_ms) == (3000.0, 3000.0, 32.0, 32.0)
    assert (one.has_same_networks, one.has_same_metros, one.halves) == (True, True, ())
    assert (one.way_in.is_certain, one.way_back.is_certain) == (True, True)


def two_uplinks() -> dict[str, object]:
    """Site a prepends to AS10, so AS103 comes in by AS20; the way out knows no prepends."""
    return {"sites": (site("a", 0, upstream(10, prepend=2), upstream(20)),)}


def test_prepends_move_the_way_in_and_not_the_way_out() -> None:
    one = asked("AS103", **two_uplinks())

    assert (one.way_in.as_path, one.way_back.as_path) == ((103, 20, 64500), (64500, 10, 103))
    assert (one.uplink_in, one.uplink_out) == ("AS20 Twenty", "AS10 Ten")
    assert [(row.neighbour, row.length, row.decision) for row in one.heard] == [
        ("AS10 Ten", 2, Told.CHOSEN),
        ("AS20 Twenty", 2, Told.TIE),
    ]
    # The way out is a tie, so nothing of it is certain.
    assert halves(one) == [
        (Where.SITE_EDGE, False),
        (Where.CLIENT_EDGE, False),
        (Where.NETWORK, False),
        (Where.NETWORK, False),
    ]
    assert one.way_back.others == ("64500 20 103",)
    assert ladder(one) == [
        ("103 CCC-CCC", "103 CCC-CCC", Relation.SAME),
        ("20 CCC-AAA", "10 AAA-CCC", Relation.ONE_WAY),
    ]


def test_what_ties_cannot_change_is_certain() -> None:
    sites = (site("a", 0, upstream(10, prepend=2), upstream(20, kind=UpstreamKind.TRANSIT)),)
    world = topology(providers_customers=[(10, 101), (20, 102), (10, 103), (20, 101), (101, 103)])
    # AS103 is a customer of AS10 and of AS101: AS10 is two away for the site, AS20 three.
    one = asked("AS103", world=world, sites=sites)

    assert one.way_in.as_path[0] == 103
    assert one.way_back.as_path == (64500, 10, 103)
    assert one.way_back.is_certain


def hot_potato_world() -> Topology:
    """AS101, in AAA and CCC, is a customer of AS10; the site hangs on AS20, a peer of AS10 in AAA and CCC."""
    return topology(
        asn=[10, 20, 101],
        providers_customers=[(10, 101)],
        peers=[(10, 20)],
        presence=([10, 10, 20, 20, 20, 101, 101], [0, 2, 0, 1, 2, 0, 2]),
        users=[0, 0, 0, 0, 0, 0, 100],
        country=["DE", "US", "DE"],
        names=("Ten", "Twenty", "A-Net"),
    )


def test_hot_potato_hands_over_near_the_sender_on_each_way() -> None:
    one = asked("AS101@CCC", world=hot_potato_world(), sites=(site("a", 0, upstream(20)),))

    assert ladder(one) == [
        ("101 CCC-CCC", "101 AAA-CCC", Relation.OTHER_METROS),
        ("10 CCC-CCC", "10 AAA-AAA", Relation.OTHER_METROS),
        ("20 CCC-AAA", "20 AAA-AAA", Relation.OTHER_METROS),
    ]
    assert (one.has_same_networks, one.has_same_metros) == (True, False)
    # The client's own network carries the answers from AAA to CCC: these kilometres count.
    assert (one.way_in.km, one.way_back.km) == (4000.0, 4000.0)
    assert halves(one) == [(Where.CLIENT_EDGE, True), (Where.BORDER, True), (Where.BORDER, True)]
    assert one.halves[0].words.startswith(
        "AS101 A-Net is left in CCC (AS10 Ten) and entered in AAA (AS10 Ten)"
    )


def test_the_parts_of_a_way_add_up_to_its_one_way_time() -> None:
    model = LatencyModel(inflation=1.7, hop_ms=0.5, last_mile_ms=4.0)
    world = hot_potato_world()
    plan_of = design(sites=(site("a", 1, upstream(20)),))
    (one,) = of_clients(plan_of, world, pops_from(world, "AS101@CCC"), latency=model).rounds

    for way in (one.way_in, one.way_back):
        assert way.first_ms + sum(hop.part_ms for hop in way.hops) + 2.0 == pytest.approx(
            way.one_way_ms, abs=0.01
        )
        km = way.first_km + sum(hop.inside_km + hop.link_km for hop in way.hops)
        assert km == pytest.approx(way.km, abs=0.3)
    assert one.rtt_ms == pytest.approx(one.way_in.one_way_ms + one.way_back.one_way_ms, abs=0.01)


def peer_and_transit() -> tuple[Site, ...]:
    return (site("a", 0, upstream(10), upstream(20, kind=UpstreamKind.PEER)),)


@pytest.mark.parametrize(
    ("prefer", "decisions"),
    [
        ("peer", [("AS20 Twenty", Told.CHOSEN), ("AS10 Ten", Told.PREFERENCE)]),
        ("transit", [("AS10 Ten", Told.CHOSEN), ("AS20 Twenty", Told.PREFERENCE)]),
        ("shortest", [("AS10 Ten", Told.CHOSEN), ("AS20 Twenty", Told.TIE)]),
    ],
)
def test_local_preference_decides_between_a_peer_and_a_transit(
    prefer: str, decisions: list[tuple[str, Told]]
) -> None:
    one = asked("AS103", sites=peer_and_transit(), prefer=Prefer(prefer))

    assert [(row.neighbour, row.decision) for row in one.heard] == decisions
    assert one.way_back.as_path[1] == int(decisions[0][0].split()[0][2:])


def test_a_peer_tells_its_customers_routes_only() -> None:
    one = asked("AS101", sites=peer_and_transit())

    assert [(row.neighbour, row.held_as, row.decision) for row in one.heard] == [
        ("AS10 Ten", "customer", Told.CHOSEN),
        ("AS20 Twenty", "peer", Told.NOT_EXPORTED),
    ]


def test_behind_a_route_server_members_tell_their_customers_routes_over_one_uplink() -> None:
    sites = (site("a", 0, upstream(65010, kind=UpstreamKind.ROUTE_SERVER)),)
    one = asked("AS103", sites=sites)

    # In by AS10 or AS20, out by AS10 or AS20, but one port carries them all.
    assert (one.uplink_in, one.uplink_out) == ("AAA-IX (AS65010)", "AAA-IX (AS65010)")
    assert Where.SITE_EDGE not in {half.where for half in one.halves}
    assert {row.neighbour for row in one.heard} == {"AS10 Ten", "AS20 Twenty"}


def test_another_site_is_asked_for_as_if_it_were_alone() -> None:
    one = asked("AS101", site="c")

    assert (one.site, one.reached, one.is_alone) == ("c", "a", True)
    assert one.way_in.as_path == (101, 10, 20, 64500)
    assert one.way_back.as_path == (64500, 20, 10, 101)
    assert one.chances[0].site == "a"


def test_the_site_of_the_rules_may_be_named_too() -> None:
    assert asked("AS101", site="a") == asked("AS101")


def test_a_tie_between_sites_is_said_with_its_chances() -> None:
    one = asked("AS103")

    assert [(chance.site, chance.probability) for chance in one.chances] == [("a", 0.5), ("c", 0.5)]
    assert not one.way_in.is_certain
    assert one.way_in.hops[0].others == ("AS20 in CCC",)


def test_a_possible_site_that_the_rules_do_not_give_is_said_to_be_one() -> None:
    one = asked("AS103", site="c")

    assert (one.site, one.reached, one.is_alone) == ("c", "a", True)
    assert wording.route_of(one).startswith("c is possible (50.0 %), but the rules give a")


def test_with_a_calibration_the_likeliest_site_is_meant() -> None:
    world = topology()
    (scenario,) = compile_design(design(), world)
    uplinks = uplinks_of(design(), world)
    likely = np.array([0.25, 0.75])
    one = ask(design(), world, scenario, uplinks, Question(pop=7), latency=LATENCY, probability=likely)

    assert (one.site, one.reached, one.is_alone) == ("c", "a", True)
    assert [(chance.site, chance.probability) for chance in one.chances] == [("c", 0.75), ("a", 0.25)]
    calibrated = of_clients(design(), world, [5], latency=LATENCY, calibration=NOTHING)
    assert calibrated.rounds[0].site == "a"
    assert any("calibration" in text for text in calibrated.assumed)


def two_groups() -> Design:
    """The IPv4 prefix from both sites, the IPv6 one from c only."""
    return design(sites=(site("a", 0, upstream(10, prefixes=(V4,))), site("c", 2, upstream(20))))


def test_prefixes_that_are_announced_apart_have_a_round_each() -> None:
    world = topology()
    found = of_clients(two_groups(), world, pops_from(world, "AS101"), latency=LATENCY)

    assert [(one.prefixes, one.site) for one in found.rounds] == [((str(V4),), "a"), ((str(V6),), "c")]


def test_a_question_without_an_answer_is_a_warning_beside_one_that_has_it() -> None:
    world = topology()
    found = of_clients(two_groups(), world, pops_from(world, "AS101"), site="a", latency=LATENCY)

    assert [one.prefixes for one in found.rounds] == [(str(V4),)]
    assert any("a announces nothing of" in text for text in found.warnings)


def with_our_own_network() -> Topology:
    """The origin's AS is in the graph, between AS10 and AS20, as collectors see it."""
    return topology(
        asn=[10, 20, 101, 102, 64500],
        providers_customers=[(10, 101), (20, 102), (10, 64500), (20, 64500)],
        peers=[],
        presence=([10, 20, 101, 102, 64500], [0, 0, 0, 0, 0]),
        users=[0, 0, 10, 10, 10],
        country=["DE"] * 5,
        names=("Ten", "Twenty", "A-Net", "B-Net", "Ours"),
        ixps=(),
    )


def test_the_origins_own_network_is_no_client() -> None:
    with pytest.raises(UsageError, match="AS64500 is the design's own origin"):
        asked("AS64500", world=with_our_own_network())


@pytest.mark.parametrize(
    ("client", "changes", "error", "words"),
    [
        ("AS104", {}, TopologyError, "has no route to 192.0.2.0/24"),
        ("AS104", {"site": "a"}, TopologyError, "no route to a, even if it announces alone"),
        ("AS101", {"site": "frx"}, UsageError, "no site 'frx'"),
        (
            "AS101",
            {
                "site": "c",
                "sites": (site("a", 0, upstream(10)), site("c", 2, upstream(20), is_enabled=False)),
            },
            UsageError,
            "c is not enabled",
        ),
        (
            "AS101",
            {"site": "c", "sites": (site("a", 0, upstream(10)), site("c", 2, upstream(20, prefixes=())))},
            UsageError,
            "c announces nothing",
        ),
        (
            "AS10@AAA",
            {"sites": (site("a", 0, upstream(10, is_blackhole=True)), site("c", 2, upstream(20)))},
            UsageError,
            "its packets are dropped",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(
    client: str, changes: dict[str, object], error: type[AnyplaneError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        asked(client, **changes)

    assert caught.value.exit_code == 2


def test_a_session_over_which_nothing_is_announced_still_carries_the_way_back() -> None:
    sites = (site("a", 0, upstream(10), upstream(20, kind=UpstreamKind.PEER, prefixes=())),)
    one = asked("AS103", sites=sites)

    assert (one.uplink_in, one.uplink_out) == ("AS10 Ten", "AS20 Twenty")
    assert halves(one)[0] == (Where.SITE_EDGE, True)


def test_two_uplinks_to_one_neighbour_are_told_apart() -> None:
    one = asked("AS101", sites=(site("a", 0, upstream(10, prepend=2), upstream(10)),))

    assert (one.uplink_in, one.uplink_out) == ("AS10#2 Ten", "AS10 Ten")
    assert (one.has_same_networks, halves(one)) == (True, [(Where.SITE_EDGE, False)])


def test_the_report_comes_back_from_its_json() -> None:
    world = topology()
    report = of_clients(design(), world, pops_from(world, "@CCC")[:1], latency=LATENCY)

    plain = jsonform.parse(to_json(report), file="x")
    assert jsonform.from_plain(PathsReport, plain, where="x") == report


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_way_in_is_that_of_explain_and_nobody_is_left_without_a_way_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = random_topology(rng)
    plan_of = random_design(rng, world)
    scenarios = compile_design(plan_of, world)
    for scenario in scenarios:
        routes = propagate(world, scenario.seeds)
        for pop in rng.choice(world.pops, 4, replace=False).tolist():
            if not 0 <= int(routes.site[pop]) < scenario.real_sites:
                continue
            told = explain(routes, scenario, pop, latency=LATENCY)
            report = of_clients(plan_of, world, [pop], group="all", latency=LATENCY)
            one = next(item for item in report.rounds if item.scenario == scenario.name)
            assert (one.site, one.way_in.as_path, one.plan_rtt_ms) == (told.site, told.as_path, told.rtt_ms)
            assert [c.probability for c in one.chances] == [c.probability for c in told.chances]
            hauled = [leg.km for leg in told.legs]
            mine = [km for hop in one.way_in.hops for km in (hop.inside_km, hop.link_km)]
            assert sum(mine) == pytest.approx(sum(hauled), abs=1.0)
            assert one.way_back.hops[-1].leaves == one.metro


def tree_world(rng: np.random.Generator) -> tuple[Topology, Design]:
    """A tree: one provider each, one metro each; there is one path between any two networks."""
    count = 14
    parents = [int(rng.integers(0, i)) for i in range(1, count)]
    where = [int(rng.integers(3)) for _ in range(count)]
    asn = [100 + i for i in range(count)]
    world = build(
        asn=asn,
        providers_customers=[(asn[parent], asn[i + 1]) for i, parent in enumerate(parents)],
        peers=[],
        presence=(asn, where),
        users=[10] * count,
        metros=metros(),
        origin="a tree",
    )
    host = int(rng.integers(count))
    here = metros()
    plain = design(
        sites=(
            Site(
                name=SiteName("a"),
                metro=here.code[where[host]],
                place=Place(lat=0.0, lon=float(here.lon[where[host]])),
                upstreams=(upstream(asn[host]),),
            ),
        ),
        origin=Asn(ORIGIN),
    )
    return world, plain


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_in_a_world_with_one_path_between_any_two_both_ways_are_the_same(seed: int) -> None:
    world, plan_of = tree_world(np.random.default_rng(seed))
    for one in of_clients(plan_of, world, range(world.pops), latency=LATENCY).rounds:
        assert one.has_same_networks
        assert one.has_same_metros
        assert one.way_back.as_path == one.way_in.as_path[::-1]
        assert (one.rtt_ms, one.halves) == (one.plan_rtt_ms, ())
