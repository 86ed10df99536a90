"""ways: a walk as a Way: networks, metros, kilometres, milliseconds, and what ties leave possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anyplane.model.nouns import RouteClass
from anyplane.planning.both_ways.report import Hop, Way
from anyplane.planning.both_ways.uplinks import Edge
from anyplane.planning.both_ways.walks import Walker, exits
from anyplane.planning.latency import FIBRE_KM_PER_MS, LatencyModel
from anyplane.planning.reasons import CLASS_NAMES
from anyplane.planning.sessions import label
from anyplane.routing import Routes
from anyplane.topology import Topology

MOST_WALKS = 64
"""Of the possible walks so many are looked at; where there are more, nothing is called certain."""
MOST_OTHERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One possible walk, in the order of travel. pops: where each network is entered. left: where it is left.

    door: the seed (way in) or the session (way back) by which our site is met.
    """

    pops: tuple[int, ...]
    left: tuple[int, ...]
    door: int

    def networks(self, topology: Topology) -> tuple[int, ...]:
        """Their indices."""
        return tuple(int(topology.pop_network[pop]) for pop in self.pops)

    def metros(self, topology: Topology) -> tuple[tuple[int, int], ...]:
        """Where each network is entered and left."""
        return tuple(
            (int(topology.pop_metro[here]), int(topology.pop_metro[left]))
            for here, left in zip(self.pops, self.left, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trips:
    """All possible ones of one direction, the chosen one first; is_whole: none was left out."""

    trips: tuple[Trip, ...]
    is_whole: bool

    @property
    def chosen(self) -> Trip:
        """What rule 5 of routing gives."""
        return self.trips[0]


def trips_in(routes: Routes, walker: Walker, pop: int, site: int) -> Trips:
    """From a client's pop to this site; walks that ties lead to another site are not among them."""
    seeds = routes.seeds.seeds
    walks, is_whole = walker.possible(pop, most=MOST_WALKS)
    trips = []
    for *pops, last in walks:
        k = -last - 1
        if seeds[k].site == site:
            left = exits(routes.topology, pops, seeds[k].pop)
            trips.append(Trip(pops=tuple(pops), left=tuple(left), door=k))
    return Trips(trips=tuple(trips), is_whole=is_whole)


def trips_back(routes: Routes, walker: Walker, edge: Edge, sessions: tuple[int, ...], client: int) -> Trips:
    """From a site, by the sessions that are equally good, to a client's pop."""
    trips: list[Trip] = []
    is_whole = True
    for session in sessions:
        if len(trips) >= MOST_WALKS:
            is_whole = False
            break
        walks, all_of_them = walker.possible(int(edge.pop[session]), most=MOST_WALKS - len(trips))
        is_whole = is_whole and all_of_them
        for *pops, _ in walks:
            # Wherever it enters the client's network, that carries it to the client's metro.
            left = exits(routes.topology, pops, client)
            trips.append(Trip(pops=tuple(pops), left=tuple(left), door=session))
    return Trips(trips=tuple(trips), is_whole=is_whole)


def way_in(
    routes: Routes, walker: Walker, found: Trips, *, latency: LatencyModel, origin: int, is_certain: bool
) -> Way:
    """The Way of the chosen trip to a site. is_certain: is the site itself beyond doubt?"""
    trip = found.chosen
    pop = trip.pops[0]
    rtt = float(latency.rtt(routes.km[pop : pop + 1], routes.hops[pop : pop + 1])[0])
    return Way(
        as_path=routes.as_path(pop),
        hops=_hops(routes, walker, trip, latency, last_km=float(routes.seeds.seeds[trip.door].km)),
        first_km=0.0,
        first_ms=0.0,
        km=round(float(routes.km[pop]), 1),
        crossed=int(routes.hops[pop]),
        one_way_ms=round(rtt / 2, 3),
        is_certain=is_certain and found.is_whole and len(found.trips) == 1,
        others=_others(routes.topology, found, last=(origin,)),
        is_whole=found.is_whole,
    )


def way_back(
    routes: Routes, walker: Walker, edge: Edge, found: Trips, *, latency: LatencyModel, origin: int
) -> Way:
    """The Way of the chosen trip from a site."""
    trip = found.chosen
    first = trip.pops[0]
    km = km_back(routes, edge, trip.door, trip.pops[-1], trip.left[-1])
    crossed = int(routes.hops[first]) + 1
    return Way(
        as_path=(origin, *routes.as_path(first)),
        hops=_hops(routes, walker, trip, latency, last_km=None),
        first_km=round(float(edge.km[trip.door]), 1),
        first_ms=_part_ms(latency, float(edge.km[trip.door]), is_handover=True),
        km=round(km, 1),
        crossed=crossed,
        one_way_ms=round(rtt_back(latency, km, crossed) / 2, 3),
        is_certain=found.is_whole and len(found.trips) == 1,
        others=_others(routes.topology, found, first=(origin,)),
        is_whole=found.is_whole,
    )


def km_back(routes: Routes, edge: Edge, session: int, entry: int, client: int) -> float:
    """Kilometres from the site to the client's metro: session, path, and inside of the client's network."""
    topology = routes.topology
    inside = topology.metros.km[topology.pop_metro[entry], topology.pop_metro[client]]
    return float(edge.km[session]) + float(routes.km[edge.pop[session]]) + float(inside)


def rtt_back(latency: LatencyModel, km: float, crossed: int) -> float:
    """What the model gives for a path of this length taken both ways."""
    return float(latency.rtt(np.array([km], np.float64), crossed)[0])


def round_trip(there: float, back: float) -> float:
    """Half of each of two RTTs, to a hundredth."""
    return round((there + back) / 2, 2)


def _part_ms(latency: LatencyModel, km: float, *, is_handover: bool) -> float:
    """One way over so many kilometres, and into the next network."""
    light = km * latency.inflation / FIBRE_KM_PER_MS
    return round(light + (latency.hop_ms / 2 if is_handover else 0.0), 3)


def _hops(
    routes: Routes, walker: Walker, trip: Trip, latency: LatencyModel, *, last_km: float | None
) -> tuple[Hop, ...]:
    """last_km: from the last network to the site; None where the client is in it."""
    topology = routes.topology
    km, metro = topology.metros.km, topology.pop_metro
    hops = []
    for i in range(len(trip.pops)):
        here, left = trip.pops[i], trip.left[i]
        network = int(topology.pop_network[here])
        after = trip.pops[i + 1] if i + 1 < len(trip.pops) else -1
        link = float(km[metro[left], metro[after]]) if after >= 0 else last_km
        inside = float(km[metro[here], metro[left]])
        held = RouteClass(int(routes.route_class[network]))
        hops.append(
            Hop(
                asn=int(topology.asn[network]),
                network=label(topology, network),
                enters=topology.metros.code[int(metro[here])],
                leaves=topology.metros.code[int(metro[left])],
                inside_km=round(inside, 1),
                link_km=round(link or 0.0, 1),
                part_ms=_part_ms(latency, inside + (link or 0.0), is_handover=link is not None),
                held_as=CLASS_NAMES[held],
                others=_tied(routes, walker, here),
            )
        )
    return tuple(hops)


def _tied(routes: Routes, walker: Walker, pop: int) -> tuple[str, ...]:
    topology = routes.topology
    names = []
    for after in walker.next_hops(pop)[1:]:
        where = after if after >= 0 else routes.seeds.seeds[-after - 1].pop
        metro = topology.metros.code[int(topology.pop_metro[where])]
        who = f"AS{int(topology.asn[topology.pop_network[where]])}" if after >= 0 else "another session"
        names.append(f"{who} in {metro}")
    return tuple(dict.fromkeys(names))[:MOST_OTHERS]


def _others(
    topology: Topology, found: Trips, *, first: tuple[int, ...] = (), last: tuple[int, ...] = ()
) -> tuple[str, ...]:
    paths = [
        (*first, *(int(topology.asn[network]) for network in trip.networks(topology)), *last)
        for trip in found.trips
    ]
    different = [path for path in dict.fromkeys(paths) if path != paths[0]]
    return tuple(" ".join(str(asn) for asn in path) for path in different[:MOST_OTHERS])
