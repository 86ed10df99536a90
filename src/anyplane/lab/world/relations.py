"""relations: how networks meet, and what an upstream does without being told on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.design import communities as words
from anyplane.design.design import Design, Upstream
from anyplane.lab.blueprint import (
    LinkKind,
)
from anyplane.model.nouns import Effect, ExportRule
from anyplane.topology import Topology


def untold(design: Design, upstream: Upstream) -> tuple[ExportRule, ...]:
    """What an upstream does with the route beyond what a community on the wire tells it."""
    told: set[ExportRule] = set()
    for text in upstream.communities:
        # A community of somebody else's is obeyed by nobody here: what it asks for is not told by it.
        if words.owner(text) in (None, upstream.asn):
            told.update(design.communities.get(text, ()))
        if text == words.NO_ADVERTISE:
            told.add(ExportRule(effect=Effect.NO_EXPORT))
    return tuple(rule for rule in upstream.rules if rule not in told)


def interconnects(topology: Topology) -> Iterator[tuple[LinkKind, int, int]]:
    """Each once: from provider to customer, or between peers from the lower pop."""
    for network in range(topology.networks):
        for adjacency in range(int(topology.adj_peers[network]), int(topology.adj_start[network + 1])):
            is_peer = adjacency < int(topology.adj_customers[network])
            for i in range(int(topology.ic_start[adjacency]), int(topology.ic_start[adjacency + 1])):
                own, far = int(topology.ic_own[i]), int(topology.ic_far[i])
                if not is_peer:
                    yield LinkKind.CUSTOMER, own, far
                elif own < far:
                    yield LinkKind.PEER, own, far
