"""Sets that were evaluated, as a file to go on from: fingerprint, to_text and from_text."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import numpy as np

from anyplane.planning import kept
from anyplane.planning.jsonform import Json
from anyplane.planning.search.evaluated import Key, Sets, choice_of, key_of
from anyplane.planning.search.marks import Ground

KIND = kept.Kind(
    name="anyplane optimize: evaluated sets",
    words="sets of `anyplane optimize`",
    question="design, Internet, goal or kind of change",
)
MARKS = "2"
"""Another one whenever a choice is marked otherwise: sets of before mean something else."""


def fingerprint(ground: Ground) -> str:
    """A hash of all that the marks of a choice depend on: design, options, Internet, latency, goal."""
    design, topology = ground.design, ground.topology
    digest = sha256(MARKS.encode())
    for one in ground.made:
        scenario = one.scenario
        said = (scenario.prefixes, scenario.sites, scenario.owners, scenario.load_per_user, one.options)
        meant = scenario.audience and (sorted(scenario.audience.countries), scenario.audience.is_exclusion)
        digest.update(repr((said, meant)).encode())
        for seed in scenario.seeds.seeds:
            filters = [
                (
                    (rule.blocks, rule.times),
                    rule.networks and sorted(rule.networks),
                    rule.metros and sorted(rule.metros),
                    rule.classes and sorted(rule.classes),
                )
                for rule in seed.filters
            ]
            digest.update(
                repr((seed.pop, seed.site, seed.route_class, seed.asn, seed.km, seed.med)).encode()
                + repr((seed.is_invalid, seed.is_backup, filters)).encode()
            )
    rules = [
        (rule.name, sorted(rule.countries), sorted(map(str, rule.sites)), sorted(rule.groups))
        for rule in design.residency
    ]
    capacities = [site.capacity for site in design.sites]
    digest.update(repr((design.objectives, rules, capacities, ground.latency, ground.goal)).encode())
    digest.update(kept.graph_of(topology) + topology.rov.tobytes())
    return digest.hexdigest()[:32]


def to_text(sets: Mapping[tuple[Key, int], tuple[float, ...]], mark: str) -> str:
    """One line for each set, in their order: the choice, the failed site (-1: none), what was found."""
    runs: list[Json] = [[choice_of(key).tolist(), failed, *values] for (key, failed), values in sets.items()]
    return kept.to_text(KIND, {"sets": mark}, runs)


def from_text(text: str, mark: str, *, file: str) -> Sets:
    """The sets of this file; a UsageError for one of something else, or a damaged one."""
    found: Sets = {}
    for run in kept.from_text(text, KIND, {"sets": mark}, file=file):
        choice, failed, *values = cast("list[Any]", run)  # sealed: it is what to_text wrote
        found[key_of(np.array(choice, np.int16)), int(failed)] = tuple(map(float, values))
    return found
