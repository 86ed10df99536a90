"""Attackers: the networks that are tried, and what of them decides how far their routes go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import Scenario
from anyplane.planning.sessions import label
from anyplane.planning.weighted import Float64, Int64
from anyplane.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Attackers:
    """A networks by index, ascending. own_users: (A,) users in each of them.

    is_upstream: (A,) it hears the service from a site. has_customers: (A,) somebody's traffic may cross it.
    """

    network: Int64
    own_users: Float64
    is_upstream: NDArray[np.bool_]
    has_customers: NDArray[np.bool_]

    @staticmethod
    def of(topology: Topology, network: Int64, scenario: Scenario, clients: Clients) -> Attackers:
        """The facts about these networks in a scenario."""
        heard = np.unique(topology.pop_network[[seed.pop for seed in scenario.seeds.seeds]])
        users = np.bincount(clients.network, weights=clients.users, minlength=topology.networks)
        return Attackers(
            network=network,
            own_users=users[network].astype(np.float64),
            is_upstream=np.isin(network, heard),
            has_customers=topology.adj_start[network + 1] > topology.adj_customers[network],
        )

    def contained(self, topology: Topology, rov: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(A,) an invalid route of it changes nothing for anybody else.

        All its neighbours validate, and no traffic crosses it: it has no customers and no session with us.
        """
        everywhere = np.concatenate([[0], np.cumsum(~rov[topology.adj])])
        start, end = topology.adj_start[self.network], topology.adj_start[self.network + 1]
        is_heard = everywhere[end] > everywhere[start]
        found: NDArray[np.bool_] = ~is_heard & ~self.has_customers & ~self.is_upstream
        return found


def named(topology: Topology, asns: Sequence[int], *, origin: int) -> Int64:
    """The indices of these networks, ascending; a TopologyError for one that the topology lacks."""
    found = []
    for asn in dict.fromkeys(asns):
        if asn == origin:
            raise UsageError(f"--attacker {asn} is the design's own origin", hint="name another network")
        index = topology.index_of(asn)
        if index < 0:
            near = int(np.abs(topology.asn.astype(np.int64) - asn).argmin())
            raise TopologyError(
                f"the attacker AS{asn} is not in this topology", hint=f"near it: {label(topology, near)}"
            )
        found.append(index)
    return np.array(sorted(found), np.int64)


def drawn(topology: Topology, count: int, *, seed: int, origin: int) -> Int64:
    """A sample of networks, each as likely as any other: those with a neighbour, our own left out."""
    has_links = np.diff(topology.adj_start) > 0
    own = topology.index_of(origin)
    if own >= 0:
        has_links[own] = False
    able = np.flatnonzero(has_links)
    if count >= len(able):
        return able
    return np.sort(np.random.default_rng(seed).choice(able, count, replace=False))


def role(*, is_upstream: bool, has_customers: bool) -> str:
    """What a network is to us and to others, in two words."""
    what = "transit" if has_customers else "stub"
    return f"{what}, hears us" if is_upstream else what
