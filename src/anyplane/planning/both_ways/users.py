"""users: whose ways are looked at, and each one's two ways put beside each other (columns)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyplane.planning.both_ways.sweep import Backs
from anyplane.planning.both_ways.uplinks import Int64, Uplinks
from anyplane.planning.both_ways.walks import Walker, exits
from anyplane.planning.both_ways.ways import Trip
from anyplane.planning.catchment import Clients, chosen_sites
from anyplane.planning.compile import Scenario
from anyplane.planning.latency import LatencyModel
from anyplane.planning.weighted import Float64
from anyplane.routing import Routes, Seeds, propagate
from anyplane.topology import Topology

COVERED = 0.9
MOST_NETWORKS = 1000
LEAST_CHANCE = 0.01
"""A site that a calibration gives less to is not followed."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Users of one scenario, R rows: a pop's, at one site.

    pop, site, users: (R,); site -1: no route to any, or a virtual one. is_alone: (R,) is it another site than
    the rules give, which only a calibration makes likely? clients: all users of the scenario.
    """

    scenario: Scenario
    clients: Clients
    routes: Routes
    pop: Int64
    site: Int64
    users: Float64
    is_alone: Bools

    def only(self, topology: Topology, networks: Int64) -> Asked:
        """The rows of these networks."""
        kept = np.isin(topology.pop_network[self.pop], networks)
        return replace(
            self,
            pop=self.pop[kept],
            site=self.site[kept],
            users=self.users[kept],
            is_alone=self.is_alone[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Both ways of the rows of Asked that have them, R of them: numbers of these rows.

    uplink_in, uplink_out: index into Uplinks.all. is_open: does a tie lie on one of them? other_neighbour,
    other_metro: at the border of the client's network. plan_rtt, rtt: ms. paths: AS numbers of the networks.
    """

    asked: Asked
    rows: Int64
    other_networks: Bools
    other_metros: Bools
    uplink_in: Int64
    uplink_out: Int64
    other_neighbour: Bools
    other_border: Bools
    is_open: Bools
    plan_rtt: Float64
    rtt: Float64
    paths_in: tuple[tuple[int, ...], ...]
    paths_back: tuple[tuple[int, ...], ...]


def largest_networks(topology: Topology, scenarios: Sequence[Scenario], networks: int | None) -> Int64:
    """The networks with most users of any of the scenarios, the largest first.

    networks: how many; None: as many as have 90 % of these users, at most 1,000.
    """
    users = np.zeros(topology.networks)
    pops = np.zeros(topology.pops, bool)
    for scenario in scenarios:
        pops[Clients.of(topology, scenario.audience).pop] = True
    np.add.at(users, topology.pop_network[pops], topology.users[pops])
    with_users = np.flatnonzero(users > 0)
    order = with_users[np.lexsort((with_users, -users[with_users]))]
    if networks is None:
        running = np.cumsum(users[order])
        enough = int(np.searchsorted(running, COVERED * running[-1])) + 1 if len(order) else 0
        networks = min(enough, MOST_NETWORKS)
    return order[:networks].astype(np.int64)


def asked_users(
    topology: Topology, scenario: Scenario, networks: Int64, probability: Float64 | None = None
) -> Asked:
    """The users of these networks and the sites that they reach.

    probability: (P, S) of each site at each pop, from a calibration: then a pop has a row for each site.
    """
    clients = Clients.of(topology, scenario.audience)
    routes = propagate(topology, scenario.seeds)
    is_covered = np.zeros(topology.networks, bool)
    is_covered[networks] = True
    at = np.flatnonzero(is_covered[clients.network])
    chosen = chosen_sites(routes, clients)[at]
    if probability is None:
        pop, site, users = clients.pop[at], chosen.copy(), clients.users[at]
        is_alone = np.zeros(len(at), bool)
    else:
        chance = probability[clients.pop[at]]
        chance = np.where(chance >= LEAST_CHANCE, chance, 0.0)
        total = chance.sum(axis=1, keepdims=True)
        chance = np.divide(chance, total, out=np.zeros_like(chance), where=total > 0)
        row, site = np.nonzero(chance)
        lost = np.flatnonzero(total[:, 0] == 0)
        row = np.concatenate([row, lost])
        site = np.concatenate([site, np.full(len(lost), -1)])
        part = np.concatenate([chance[np.nonzero(chance)], np.ones(len(lost))])
        order = np.lexsort((site, row))
        row, site, part = row[order], site[order].astype(np.int64), part[order]
        pop, users = clients.pop[at][row], clients.users[at][row] * part
        is_alone = (site >= 0) & (site != chosen[row])
    site[site >= scenario.real_sites] = -1
    return Asked(
        scenario=scenario,
        clients=clients,
        routes=routes,
        pop=pop,
        site=site,
        users=users,
        is_alone=is_alone & (site >= 0),
    )


def wanted_sites(topology: Topology, asked: Sequence[Asked]) -> dict[int, tuple[int, ...]]:
    """For each network (index) the sites from which a way back to it is asked for."""
    wanted: dict[int, set[int]] = {}
    for item in asked:
        served = item.site >= 0
        pairs = zip(topology.pop_network[item.pop[served]].tolist(), item.site[served].tolist(), strict=True)
        for network, site in set(pairs):
            wanted.setdefault(network, set()).add(site)
    return {network: tuple(sorted(wanted[network])) for network in sorted(wanted)}


def beside(
    topology: Topology,
    asked: Asked,
    backs: Backs,
    uplinks: Uplinks,
    seed_uplinks: Sequence[int],
    *,
    latency: LatencyModel,
) -> Columns:
    """The Columns of the rows that are served and whose way back is known."""
    lines = _Lines(topology, asked, seed_uplinks)
    rows: list[int] = []
    found: list[tuple[float | bool, ...]] = []
    paths_in: list[tuple[int, ...]] = []
    paths_back: list[tuple[int, ...]] = []
    for row in np.flatnonzero(asked.site >= 0).tolist():
        pop, site = int(asked.pop[row]), int(asked.site[row])
        back = backs.get((int(topology.asn[topology.pop_network[pop]]), site))
        if back is None:
            continue
        there = lines.way_in(pop, site, is_alone=bool(asked.is_alone[row]))
        if there is None:
            continue
        trip, is_open, km_in, hops_in, uplink_in = there
        rows.append(row)
        paths_in.append(_asns(topology, trip.pops))
        if back.session < 0:
            # The way in turned round is valley-free too, so somebody tells the site a route.
            raise AssertionError("a way in without a way back")
        inside = topology.metros.km[topology.pop_metro[back.pops[-1]], topology.pop_metro[pop]]
        other = Trip(pops=back.pops, left=lines.left(back.pops, pop), door=back.session)
        paths_back.append(_asns(topology, back.pops))
        networks_differ = paths_in[-1] != paths_back[-1][::-1]
        turned = tuple((b, a) for a, b in other.metros(topology)[::-1])
        beside_in = paths_in[-1][1] if len(trip.pops) > 1 else -1
        beside_back = paths_back[-1][-2] if len(back.pops) > 1 else -1
        left_at, entered_at = topology.pop_metro[trip.left[0]], topology.pop_metro[back.pops[-1]]
        found.append(
            (
                networks_differ,
                not networks_differ and trip.metros(topology) != turned,
                uplink_in,
                int(uplinks.edges[site].uplink[back.session]),
                beside_in != beside_back,
                beside_in != beside_back or bool(left_at != entered_at),
                is_open or back.is_open or bool(asked.is_alone[row]),
                km_in,
                hops_in,
                back.km + float(inside),
                back.crossed,
            )
        )
    table = np.array(found, np.float64).reshape(len(found), 11)
    plan_rtt = latency.rtt(table[:, 7].astype(np.float32), table[:, 8].astype(np.uint16))
    back_rtt = latency.rtt(table[:, 9], table[:, 10].astype(np.uint16))
    return Columns(
        asked=asked,
        rows=np.array(rows, np.int64),
        other_networks=table[:, 0] > 0,
        other_metros=table[:, 1] > 0,
        uplink_in=table[:, 2].astype(np.int64),
        uplink_out=table[:, 3].astype(np.int64),
        other_neighbour=table[:, 4] > 0,
        other_border=table[:, 5] > 0,
        is_open=table[:, 6] > 0,
        plan_rtt=plan_rtt,
        rtt=np.round((plan_rtt + back_rtt) / 2, 2),
        paths_in=tuple(paths_in),
        paths_back=tuple(paths_back),
    )


class _Lines:
    """Ways in, in the scenario as it is and, where a calibration asks for it, with one site alone."""

    def __init__(self, topology: Topology, asked: Asked, seed_uplinks: Sequence[int]) -> None:
        self.topology = topology
        self.asked = asked
        self.plain = (asked.routes, Walker(asked.routes), tuple(seed_uplinks))
        self.alone: dict[int, tuple[Routes, Walker, tuple[int, ...]]] = {}
        self.known: dict[tuple[tuple[int, ...], int], tuple[int, ...]] = {}

    def way_in(self, pop: int, site: int, *, is_alone: bool) -> tuple[Trip, bool, float, int, int] | None:
        """(trip, is a tie on it?, km, networks, uplink), None where this site cannot be reached at all."""
        routes, walker, owners = self._alone(site) if is_alone else self.plain
        walk = walker.walk(pop)
        if not walk.pops or int(routes.site[pop]) != site:
            return None
        k = -int(routes.next_hop[walk.pops[-1]]) - 1
        trip = Trip(pops=walk.pops, left=self.left(walk.pops, routes.seeds.seeds[k].pop), door=k)
        return trip, walk.is_open, float(routes.km[pop]), int(routes.hops[pop]), owners[k]

    def left(self, pops: tuple[int, ...], last: int) -> tuple[int, ...]:
        """Where each network of a walk is left; the same walks come again and again."""
        key = (pops, last)
        if key not in self.known:
            self.known[key] = tuple(exits(self.topology, pops, last))
        return self.known[key]

    def _alone(self, site: int) -> tuple[Routes, Walker, tuple[int, ...]]:
        if site not in self.alone:
            scenario = self.asked.scenario
            kept = [k for k, owner in enumerate(scenario.owners) if owner == site]
            seeds = Seeds.of([scenario.seeds.seeds[k] for k in kept], sites=scenario.seeds.sites)
            routes = propagate(self.topology, seeds)
            self.alone[site] = (routes, Walker(routes), tuple(self.plain[2][k] for k in kept))
        return self.alone[site]


def _asns(topology: Topology, pops: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(asn) for asn in topology.asn[topology.pop_network[list(pops)]])
