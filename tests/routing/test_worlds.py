"""The random worlds of the property tests are busy enough for equality on them to mean something."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from worlds import busy_seeds, busy_topology

from anyplane.routing import NO_SITE, Routes, Seed, Seeds, frontier, levels
from anyplane.topology import Topology

WORLDS = 400


def without(seeds: Seeds, **attributes: object) -> Seeds:
    return Seeds.of([replace(seed, **attributes) for seed in seeds.seeds], sites=seeds.sites)


def without_scope(seeds: Seeds, scope: str) -> Seeds:
    def wide(seed: Seed) -> Seed:
        return replace(seed, filters=tuple(replace(rule, **{scope: None}) for rule in seed.filters))

    return Seeds.of([wide(seed) for seed in seeds.seeds], sites=seeds.sites)


def differ(one: Routes, other: Routes) -> bool:
    names = ("length", "next_hop", "possible")
    return any(not np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def several(values: np.ndarray, topology: Topology) -> bool:
    """Do the pops of some network hold different values?"""
    starts = zip(topology.pop_start[:-1], topology.pop_start[1:], strict=True)
    return any(len(set(values[first:last].tolist())) > 1 for first, last in starts)


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    count: Counter[str] = Counter()
    for number in range(WORLDS):
        rng = np.random.default_rng(number)
        topology = busy_topology(rng)
        seeds = busy_seeds(rng, topology)
        routes = frontier.propagate(topology, seeds)
        is_set = (routes.possible[:, :1] >> np.arange(seeds.sites, dtype=np.uint64)) & np.uint64(1)
        changes = {
            "filters": without(seeds, filters=()),
            "network scopes": without_scope(seeds, "networks"),
            "metro scopes": without_scope(seeds, "metros"),
            "class scopes": without_scope(seeds, "classes"),
            "validation": without(seeds, is_invalid=False),
            "backups": without(seeds, is_backup=False),
            "MED": without(seeds, med=0),
        }
        count["reached"] += bool((routes.site != NO_SITE).mean() > 0.5)
        count["two sites"] += len(set(routes.site.tolist()) - {NO_SITE}) > 1
        count["ties"] += bool((is_set.sum(axis=1) > 1).any())
        count["three networks on a path"] += int(routes.hops.max()) > 2
        count["several exits"] += several(routes.next_hop, topology)
        count["several sites from one network"] += several(routes.site, topology)
        count["cycles"] += levels.rank(topology) is None
        for name, changed in changes.items():
            if changed != seeds:
                count[name] += differ(routes, frontier.propagate(topology, changed))
    return count


@pytest.mark.parametrize(
    ("what", "percent"),
    [
        ("reached", 80),
        ("two sites", 45),
        ("ties", 20),
        ("three networks on a path", 30),
        ("several exits", 40),
        ("several sites from one network", 10),
        ("cycles", 2),
        ("filters", 15),
        ("network scopes", 8),
        ("metro scopes", 4),
        ("class scopes", 4),
        ("validation", 20),
        ("backups", 20),
        ("MED", 10),
    ],
)
def test_this_decides_something_in_many_random_worlds(seen: Counter[str], what: str, percent: int) -> None:
    assert seen[what] >= percent * WORLDS / 100, f"{what}: in {seen[what] / WORLDS:.1%} of the worlds"
