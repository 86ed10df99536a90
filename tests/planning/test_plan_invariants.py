"""plan on random small Internets: what must hold whatever the graph, the sites and their attributes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_world import LATENCY, V4, V6, metros, site, upstream

from anyplane.design.design import Design, PrefixGroup
from anyplane.model.nouns import Asn, UpstreamKind
from anyplane.planning.candidates import Rule, candidates, judged
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.plan import plan
from anyplane.planning.report import from_json, to_json
from anyplane.routing import NO_NEXT, expected, propagate
from anyplane.routing.flow import flow
from anyplane.topology import Topology, build


def random_world(seed: int) -> Topology:
    """Twelve networks in three metros: a hierarchy by ASN, some peers, users in the lower half."""
    rng = np.random.default_rng(seed)
    asn = np.arange(1, 13)
    transit = [(p, c) for c in range(2, 13) for p in range(1, c) if rng.random() < 0.25]
    taken = set(transit)
    peers = [
        (a, b) for a in range(1, 13) for b in range(a + 1, 13) if (a, b) not in taken and rng.random() < 0.15
    ]
    presence = [(int(n), m) for n in asn for m in range(3) if m == n % 3 or rng.random() < 0.3]
    return build(
        asn=asn,
        providers_customers=transit,
        peers=peers,
        presence=([n for n, _ in presence], [m for _, m in presence]),
        metros=metros(),
        users=[float(rng.integers(1, 1000)) if n > 5 else 0.0 for n, _ in presence],
        country=["DE", "FR", "US"] * 4,
        origin=f"random {seed}",
    )


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Up to four sites with one or two sessions each, some prepended, backup, peering, or for v4 alone."""
    sites = []
    for index in range(draw(st.integers(1, 4))):
        sessions = [
            upstream(
                asn,
                kind=draw(st.sampled_from([UpstreamKind.TRANSIT, UpstreamKind.TRANSIT, UpstreamKind.PEER])),
                prepend=draw(st.integers(0, 2)),
                is_backup=draw(st.booleans()) and draw(st.booleans()),
                is_no_export=draw(st.integers(0, 5)) == 0,
                prefixes=draw(st.sampled_from([(V4, V6), (V4, V6), (V4,)])),
            )
            for asn in draw(st.sets(st.integers(1, 8), min_size=1, max_size=2))
        ]
        sites.append(site(f"s{index}", draw(st.integers(0, 2)), *sessions, capacity=500.0))
    group = PrefixGroup(name="all", prefixes=(V4, V6), load_per_user=1.0)
    return Design(file="random.yaml", name="random", origin=Asn(64500), groups=(group,), sites=tuple(sites))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), designs())
def test_shares_are_ordered_and_account_for_every_user(seed: int, design: Design) -> None:
    report = plan(design, random_world(seed), latency=LATENCY)

    for scenario in report.scenarios:
        for row in scenario.sites:
            share = row.share
            assert share.certain <= share.expected <= share.possible
            assert share.certain <= share.chosen <= share.possible
        total = sum(row.share.expected for row in scenario.sites) + scenario.unreached_share
        assert total == pytest.approx(1.0, abs=1e-5)
        assert scenario.certain + scenario.open + scenario.unreached_share == pytest.approx(1.0, abs=1e-5)
        assert sum(row.share.certain for row in scenario.sites) == pytest.approx(scenario.certain, abs=1e-5)
        assert sum(row.users for row in scenario.metros) == pytest.approx(scenario.users, abs=1)
        assert sum(row.users for row in scenario.countries) == pytest.approx(scenario.users, abs=1)
        for failure in scenario.failures:
            after = sum(takeover.users for takeover in failure.takeovers)
            assert after + failure.unreached <= scenario.users + 1
    assert from_json(to_json(report)) == report


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), designs())
def test_the_candidate_that_explain_calls_chosen_is_the_one_that_routing_uses(
    seed: int, design: Design
) -> None:
    world = random_world(seed)

    for scenario in compile_design(design, world):
        routes = propagate(world, scenario.seeds)
        for pop in range(world.pops):
            ranked = judged(routes, pop, candidates(routes, int(world.pop_network[pop])))
            chosen = [offer for offer in ranked if offer.removed_by == Rule.CHOSEN]
            if int(routes.next_hop[pop]) == NO_NEXT:
                assert not chosen
                continue
            assert [offer.next_hop for offer in chosen] == [int(routes.next_hop[pop])]
            # What is possible at a pop is what its chosen and tied candidates make possible.
            open_offers = [offer for offer in ranked if offer.removed_by in (Rule.CHOSEN, Rule.TIE)]
            sites = {one for offer in open_offers for one in offer.sites}
            assert sites == {s for s in range(routes.seeds.sites) if int(routes.possible[pop, 0]) >> s & 1}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), designs())
def test_flow_is_the_weight_times_what_is_expected(seed: int, design: Design) -> None:
    world = random_world(seed)

    for scenario in compile_design(design, world):
        routes = propagate(world, scenario.seeds)
        np.testing.assert_allclose(
            flow(routes, world.users), world.users @ expected(routes), rtol=1e-5, atol=1e-6
        )
