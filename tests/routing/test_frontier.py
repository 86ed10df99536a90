"""The fast engine equals the definition on random worlds."""

from __future__ import annotations

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from worlds import worlds

from anyplane.routing import Routes, frontier, reference

EXAMPLES = int(os.environ.get("ANYPLANE_EXAMPLES", "1500"))
thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def assert_same(fast: Routes, definition: Routes) -> None:
    for name in ("route_class", "length", "site", "next_hop", "hops", "possible"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(definition, name), err_msg=name)
    np.testing.assert_array_equal(fast.km, definition.km, err_msg="km")


@thorough
@given(worlds())
def test_the_kernel_equals_the_definition_with_every_attribute(world):
    topology, seeds = world

    assert_same(frontier.propagate(topology, seeds), reference.propagate(topology, seeds))
