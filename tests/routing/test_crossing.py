"""crossing: the column of `expected`, and packets that meet networks on their way, by definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import worlds

from anyplane.routing import Seeds, expected, propagate, reference
from anyplane.routing.crossing import crossing
from anyplane.routing.state import admit
from anyplane.topology import Topology


@settings(max_examples=150, deadline=None)
@given(worlds(), st.data())
def test_it_is_the_column_of_expected_and_the_definition_with_networks(
    world: tuple[Topology, Seeds], data: st.DataObject
) -> None:
    topology, seeds = world
    routes = propagate(topology, seeds)
    site = data.draw(st.integers(0, seeds.sites - 1))
    met = np.array(data.draw(st.lists(st.booleans(), min_size=topology.networks, max_size=topology.networks)))

    np.testing.assert_allclose(crossing(routes, site=site), expected(routes)[:, site], atol=1e-6)
    np.testing.assert_allclose(
        crossing(routes, site=site, networks=met), _by_definition(topology, seeds, routes.lengths, site, met)
    )


def _by_definition(
    topology: Topology, seeds: Seeds, lengths: np.ndarray, site: int, met: np.ndarray
) -> np.ndarray:
    admitted, silent = admit(topology, seeds, lengths)
    state = reference.stable_state(topology, seeds, admitted, silent)
    chance = met[topology.pop_network].astype(float)
    for pop in reference._from_the_seeds_outward(state):
        if met[topology.pop_network[pop]]:
            continue
        tied = state[pop].tied
        on = [chance[c.next_hop] if c.next_hop >= 0 else float(c.site == site) for c in tied]
        chance[pop] = sum(on) / len(tied)
    return chance
