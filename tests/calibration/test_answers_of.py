"""answers_of: rows become answers of networks; what weighs nothing, or is of nobody, teaches nothing."""

from __future__ import annotations

import numpy as np
import pytest
from test_alone import world

from anyplane.model.observations import Announced, Method, Observations
from anyplane.planning.calibrating import answers_of

PAIR = Announced(sites=("fra", "lon"))


def seen(asns: list[int], sites: list[int], weights: list[float]) -> Observations:
    rows = len(asns)
    return Observations(
        asn=np.array(asns, np.uint32),
        prefix=np.array([""] * rows, np.object_),
        site=np.array(sites, np.int16),
        method=np.full(rows, tuple(Method).index(Method.PING), np.int8),
        at=np.zeros(rows),
        rtt_ms=np.full(rows, np.nan, np.float32),
        weight=np.array(weights, np.float32),
        policy=np.zeros(rows, np.int16),
        source=np.zeros(rows, np.int16),
        path=np.zeros(0, np.uint32),
        path_start=np.zeros(rows + 1, np.int64),
        sites=("fra", "lon"),
        announced=(PAIR,),
        sources=("x",),
    )


@pytest.mark.parametrize("weight", [0.0, float("nan")])
def test_an_answer_that_weighs_nothing_is_none(weight: float) -> None:
    topology = world([(1, 10), (1, 20)]).topology
    rows = seen([10, 20, 20], [0, 0, 1], [weight, 1.0, 3.0])

    found = answers_of(rows, np.ones(3, bool), PAIR, topology)

    assert found is not None
    assert topology.asn[found.network].tolist() == [20, 20]
    np.testing.assert_allclose(found.weight, [0.25, 0.75])


def test_without_a_known_network_or_site_there_are_no_answers() -> None:
    topology = world([(1, 10), (1, 20)]).topology

    assert answers_of(seen([99], [0], [1.0]), np.ones(1, bool), PAIR, topology) is None
    assert answers_of(seen([10], [-1], [1.0]), np.ones(1, bool), PAIR, topology) is None
    assert answers_of(seen([10], [0], [1.0]), np.zeros(1, bool), PAIR, topology) is None
    assert answers_of(seen([10], [0], [0.0]), np.ones(1, bool), PAIR, topology) is None
