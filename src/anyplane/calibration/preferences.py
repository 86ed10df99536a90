"""preferences: which neighbour a network really prefers, learned from which site answered whom.

Expectation maximization on the offers of `chance`. What was seen at a network is divided among the
neighbours it may have come by, in proportion to how well each explains it; what falls to a neighbour counts
as seen there, and so on towards the sites. Then the odds of each adjacency move by how often it was used
given the answers, over how often it was expected to be (iterative proportional fitting). SHRINKAGE answers
that say "as expected" stand against every preference, so that a single network's single answer moves little,
and the customers of a tier-1 together much. A preference is of a network for a neighbour, wherever the prefix
comes from; that is why what was learned from some sites says something about others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyplane.calibration.calibration import Preference
from anyplane.calibration.chance import Float32, Float64, Offers, Terrain

STEPS = 5
DEPTH = 6
"""Networks between an observer and the choice that its answer still speaks of."""
SHRINKAGE = 1.0
REGIONAL_SHRINKAGE = 3.0
REGIONAL = 0.7
MOST = 6.0
"""The strongest preference, in log odds: one in 400."""
LEAST = 0.05
"""Weaker ones are not kept."""
DOUBT = 0.02
"""Chance that an answer is of another site than the pop's: probes err (pings and Atlas agree on 97 %)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Which site (index into those of the Offers) answered each network, and for how much that counts."""

    network: NDArray[np.int64]
    site: NDArray[np.int64]
    weight: Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """log_odds, evidence: (A, R) by adjacency and region."""

    log_odds: Float32
    evidence: Float32


def learn(terrain: Terrain, seen: Sequence[tuple[Offers, Answers]], *, steps: int = STEPS) -> Learned:
    """The Learned of these experiments together."""
    shape = (len(terrain.topology.adj), len(terrain.region_names))
    log_odds = np.zeros(shape, np.float32)
    evidence = np.zeros(shape, np.float32)
    for _ in range(steps):
        after, before = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for offers, answers in seen:
            offers.prefer(log_odds)
            probability = offers.settle()
            offers.trace_back(_front(terrain, probability, answers), after=after, before=before, depth=DEPTH)
        here = np.log((after + REGIONAL_SHRINKAGE) / (before + REGIONAL_SHRINKAGE))
        everywhere = np.log((after.sum(axis=1) + SHRINKAGE) / (before.sum(axis=1) + SHRINKAGE))
        log_odds = np.clip(log_odds + REGIONAL * here + (1 - REGIONAL) * everywhere[:, None], -MOST, MOST)
        evidence = after
    return Learned(log_odds=log_odds.astype(np.float32), evidence=evidence)


def _front(terrain: Terrain, probability: Float64, answers: Answers) -> Float64:
    """(P, S) the answers, divided among the pops of each network by how likely each is to have given it."""
    t = terrain.topology
    front = np.zeros(probability.shape)
    count = np.diff(t.pop_start)[answers.network]
    which = np.repeat(np.arange(len(answers.network)), count)
    begin = np.repeat(t.pop_start[answers.network] - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    pop = begin + np.arange(len(which))
    likely = terrain.weight[pop] * (probability[pop, answers.site[which]] + DOUBT)
    total = np.bincount(which, likely, len(answers.network))
    np.add.at(front, (pop, answers.site[which]), answers.weight[which] * likely / total[which])
    return front


def preferences(terrain: Terrain, learned: Learned) -> tuple[Preference, ...]:
    """The Learned as facts by ASN, strongest first; only those that say something."""
    t, ground = terrain.topology, terrain.ground
    said = np.argwhere((np.abs(learned.log_odds) >= LEAST) & (learned.evidence + 1 > LEAST))
    facts = []
    one_region = _single_region(terrain)
    for a, r in said.tolist():
        owner = int(ground.owner[a])
        if one_region[owner] >= 0 and one_region[owner] != r:
            continue
        facts.append(
            Preference(
                asn=int(t.asn[owner]),
                neighbour=int(t.asn[t.adj[a]]),
                region="" if one_region[owner] >= 0 else terrain.region_names[r],
                log_odds=round(float(learned.log_odds[a, r]), 3),
                evidence=round(float(learned.evidence[a, r]), 2),
            )
        )
    return tuple(sorted(facts, key=lambda fact: (-fact.evidence, fact.asn, fact.neighbour, fact.region)))


def log_odds(terrain: Terrain, facts: Sequence[Preference]) -> Float32:
    """(A, R) of preferences; networks and links that this topology lacks are left out."""
    t = terrain.topology
    odds = np.zeros((len(t.adj), len(terrain.region_names)), np.float32)
    names = {name: r for r, name in enumerate(terrain.region_names)}
    for fact in facts:
        network, neighbour = t.index_of(fact.asn), t.index_of(fact.neighbour)
        at = terrain.ground.adjacency(network, neighbour) if network >= 0 and neighbour >= 0 else -1
        if at >= 0 and fact.region == "":
            odds[at, :] = fact.log_odds
        elif at >= 0 and fact.region in names:
            odds[at, names[fact.region]] = fact.log_odds
    return odds


def _single_region(terrain: Terrain) -> NDArray[np.int64]:
    """(N,) the region that all of a network's pops are in, or -1."""
    t = terrain.topology
    low = np.minimum.reduceat(terrain.region, t.pop_start[:-1])
    high = np.maximum.reduceat(terrain.region, t.pop_start[:-1])
    return np.where(low == high, low, -1)
