"""What every engine shares around the stable state: which seeds take part, and when backups come in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from anyplane.model.nouns import RouteClass
from anyplane.routing.routes import NO_SITE, Routes
from anyplane.routing.seeds import Seeds
from anyplane.topology import Topology

OFF = 65535
"""In Lengths: this seed does not take part."""

Lengths = NDArray[np.uint16]
"""(K,) the AS-path length of each seed as heard, or OFF. One scenario of a batch is one such row."""

Engine = Callable[[Topology, Seeds, Lengths], Routes]


def lengths_of(seeds: Seeds) -> Lengths:
    """The lengths as the seeds themselves state them: every seed takes part."""
    return np.array([seed.length for seed in seeds.seeds], dtype=np.uint16)


def admit(topology: Topology, seeds: Seeds, lengths: Lengths) -> tuple[Lengths, NDArray[np.bool_]]:
    """The lengths with invalid seeds at validating networks switched off, and the networks that stay silent.

    A network that the topology knows by the origin's own ASN is silent: it would find its ASN in every path
    (RFC 4271 9.1.2), and its links are the sites' sessions seen from afar. One that originates by itself
    (RouteClass.ORIGIN) is not.
    """
    admitted = lengths.copy()
    silent = np.zeros(topology.networks, bool)
    for k, seed in enumerate(seeds.seeds):
        if seed.route_class == RouteClass.ORIGIN:
            continue
        if seed.is_invalid and bool(topology.rov[topology.pop_network[seed.pop]]):
            admitted[k] = OFF
        own = topology.index_of(seed.asn)
        if own >= 0:
            silent[own] = True
    for seed in seeds.seeds:
        if seed.route_class == RouteClass.ORIGIN:
            silent[topology.pop_network[seed.pop]] = False
    return admitted, silent


def settle_backups(
    topology: Topology, seeds: Seeds, engine: Engine, lengths: Lengths | None = None
) -> Routes:
    """The stable state in which a backup seed is used only by a network that hears nothing else.

    A lowered preference may have several stable states (a BGP wedgie, RFC 4264). This is the intended one:
    everything else comes first; then, one network at a time, shortest path and lowest ASN first, a network
    that is still without a route takes its backup. Then each, in the same order, gives it up again if it
    hears something else by now, because of a backup taken after its own. It does so once: with filters there
    are (rare) worlds in which routers would go on for ever, and this ends.
    """
    given = lengths_of(seeds) if lengths is None else lengths
    backups = [k for k, seed in enumerate(seeds.seeds) if seed.is_backup and int(given[k]) != OFF]
    if not backups:
        return engine(topology, seeds, given)
    of_network: dict[int, list[int]] = {}
    for k in backups:
        of_network.setdefault(int(topology.pop_network[seeds.seeds[k].pop]), []).append(k)
    in_turn = sorted(
        of_network, key=lambda network: (min(int(given[k]) for k in of_network[network]), network)
    )
    waiting = np.array(in_turn, np.int64)
    taken: list[int] = []
    asked: set[int] = set()
    gave_up: set[int] = set()
    active = given.copy()
    active[backups] = OFF

    def hears_without(network: int) -> bool:
        others = active.copy()
        others[of_network[network]] = OFF
        return int(engine(topology, seeds, others).site[topology.pop_start[network]]) != NO_SITE

    while True:
        routes = engine(topology, seeds, active)
        dry = waiting[routes.site[topology.pop_start[waiting]] == NO_SITE]
        if len(dry):
            network = int(dry[0])
            taken.append(network)
            active[of_network[network]] = given[of_network[network]]
            waiting = waiting[waiting != network]
            asked = gave_up.copy()
            continue
        # The one that took its backup last was without a route while all others had theirs.
        unasked = [network for network in taken[:-1] if network not in asked]
        if not unasked:
            return routes
        for network in unasked:
            asked.add(network)
            if hears_without(network):
                gave_up.add(network)
                taken.remove(network)
                active[of_network[network]] = OFF
        waiting = np.array([network for network in in_turn if network not in taken], np.int64)
