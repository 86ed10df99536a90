"""A tier-1's preference is learned from its customers' answers, and says something about a third site."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_chance import models
from worlds import metros

from anyplane.calibration.calibration import Preference
from anyplane.calibration.chance import Offers, Terrain
from anyplane.calibration.preferences import Answers, Learned, learn, log_odds, preferences
from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import Seed, Seeds
from anyplane.topology import build

TIER_1, LEFT, RIGHT, THIRD = 1, 11, 12, 13
STUBS = tuple(range(101, 151))


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    """AS1 has three customers, a site at each, and 50 customers that answer."""
    asns = [TIER_1, LEFT, RIGHT, THIRD, *STUBS]
    return Terrain(
        build(
            asn=asns,
            providers_customers=[(TIER_1, asn) for asn in asns[1:]],
            peers=[],
            presence=(asns, [0] * len(asns)),
            metros=metros(np.zeros((1, 1))),
        )
    )


def offers(terrain: Terrain, *hosts: int) -> Offers:
    t = terrain.topology
    seeds = [
        Seed(
            pop=int(t.pop_start[t.index_of(host)]),
            site=site,
            route_class=RouteClass.CUSTOMER,
            length=1,
            asn=Asn(64500),
        )
        for site, host in enumerate(hosts)
    ]
    return models(terrain, Seeds.of(seeds, sites=len(seeds)))


def answers(terrain: Terrain, site: int, stubs: tuple[int, ...] = STUBS) -> Answers:
    network = np.array([terrain.topology.index_of(asn) for asn in stubs], np.int64)
    return Answers(network=network, site=np.full(len(stubs), site, np.int64), weight=np.ones(len(stubs)))


def learned_from_fifty(terrain: Terrain) -> Learned:
    return learn(terrain, [(offers(terrain, LEFT, RIGHT), answers(terrain, 1))])


def odds(terrain: Terrain, learned: Learned, neighbour: int) -> float:
    t = terrain.topology
    at = terrain.ground.adjacency(t.index_of(TIER_1), t.index_of(neighbour))
    return float(learned.log_odds[at].max())


def share(terrain: Terrain, found: Offers, site: int) -> float:
    return float(found.settle()[terrain.topology.index_of(STUBS[0]), site])


def test_fifty_customers_teach_whom_their_provider_prefers(terrain: Terrain) -> None:
    learned = learned_from_fifty(terrain)

    assert odds(terrain, learned, RIGHT) > 0.5
    assert odds(terrain, learned, LEFT) < -0.5
    assert odds(terrain, learned, THIRD) == 0


def test_what_was_learned_is_predicted_again_and_carries_over_to_a_third_site(terrain: Terrain) -> None:
    learned = learned_from_fifty(terrain)
    again, third, other = (
        offers(terrain, LEFT, RIGHT),
        offers(terrain, RIGHT, THIRD),
        offers(terrain, LEFT, THIRD),
    )
    assert share(terrain, third, 0) == pytest.approx(0.5, abs=1e-3)

    for one in (again, third, other):
        one.prefer(learned.log_odds)

    assert share(terrain, again, 1) > 0.95
    assert share(terrain, third, 0) > 0.6
    assert share(terrain, other, 1) > 0.8


def test_one_answer_moves_less_than_fifty(terrain: Terrain) -> None:
    one = learn(terrain, [(offers(terrain, LEFT, RIGHT), answers(terrain, 1, STUBS[:1]))])

    assert 0 < odds(terrain, one, RIGHT) < odds(terrain, learned_from_fifty(terrain), RIGHT)


def test_answers_as_expected_teach_nothing(terrain: Terrain) -> None:
    t = terrain.topology
    both = [answers(terrain, site, STUBS[site::2]) for site in (0, 1)]
    halves = Answers(
        network=np.concatenate([item.network for item in both]),
        site=np.concatenate([item.site for item in both]),
        weight=np.ones(len(STUBS)),
    )

    learned = learn(terrain, [(offers(terrain, LEFT, RIGHT), halves)])

    tier_1 = slice(int(t.adj_start[0]), int(t.adj_start[1]))
    assert np.abs(learned.log_odds[tier_1]).max() < 0.05


def test_preferences_by_asn_are_the_same_on_the_same_graph(terrain: Terrain) -> None:
    learned = learned_from_fifty(terrain)

    facts = preferences(terrain, learned)

    right = next(item for item in facts if (item.asn, item.neighbour) == (TIER_1, RIGHT))
    assert right.log_odds > 0
    assert right.evidence > 40
    assert right.region == ""  # it is in one region only
    kept = np.where(np.abs(learned.log_odds) >= 0.05, learned.log_odds, 0)
    np.testing.assert_allclose(log_odds(terrain, facts), kept, atol=1e-3)


def test_a_preference_for_a_link_or_region_that_is_not_here_is_left_out(terrain: Terrain) -> None:
    fact = Preference(asn=TIER_1, neighbour=LEFT, region="", log_odds=1.0, evidence=5.0)
    gone = (
        replace(fact, asn=999),
        replace(fact, neighbour=999),
        replace(fact, asn=LEFT, neighbour=RIGHT),
        replace(fact, region="Atlantis"),
    )

    assert not log_odds(terrain, gone).any()
    assert log_odds(terrain, (fact,)).sum() == pytest.approx(len(terrain.region_names))
