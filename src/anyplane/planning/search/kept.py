"""Sets that were evaluated, as a file to go on from: fingerprint, to_text and from_text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from math import isfinite

import numpy as np

from anyplane.model.errors import UsageError
from anyplane.planning import jsonform
from anyplane.planning.search.evaluated import BASE, Key, Sets, choice_of, key_of
from anyplane.planning.search.marks import CHANGES, Ground

KIND = "anyplane optimize: evaluated sets"
MARK_COUNT = CHANGES + 1
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
    for array in (topology.asn, topology.adj, topology.adj_start, topology.pop_metro, topology.ic_own):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(topology.users.tobytes() + topology.metros.km.tobytes() + topology.rov.tobytes())
    return digest.hexdigest()[:32]


def to_text(sets: Mapping[tuple[Key, int], tuple[float, ...]], mark: str) -> str:
    """One line for each set, in their order: the choice, the failed site (-1: none), what was found."""
    head = json.dumps({"kind": KIND, "version": 1, "fingerprint": mark, "sets": len(sets)})
    lines = [
        json.dumps([choice_of(key).tolist(), failed, *values], separators=(",", ":"))
        for (key, failed), values in sets.items()
    ]
    return "\n".join([head, *lines, ""])


def from_text(text: str, mark: str, *, file: str) -> Sets:
    """The sets of this file; a UsageError for one of something else, or a damaged one."""
    first, *lines = text.splitlines() or [""]
    head = jsonform.parse(first, file=file) if first.startswith("{") else None
    if not isinstance(head, dict) or head.get("kind") != KIND:
        raise UsageError(f"{file} does not hold sets of `anyplane optimize`", hint="name a new file")
    if head.get("version") != 1:
        raise UsageError(f"{file} was written by another version of anyplane", hint="name a new file")
    if head.get("fingerprint") != mark:
        raise UsageError(
            f"{file} holds sets of another question: another design, Internet, goal or kind of change",
            hint="ask the same again, or name a new file",
        )
    found: Sets = {}
    try:
        for line in lines:
            choice, failed, *values = json.loads(line)
            numbers = tuple(float(value) for value in values)
            if len(numbers) != (MARK_COUNT if failed == BASE else 2) or not all(map(isfinite, numbers)):
                raise ValueError(line)
            found[key_of(np.array(choice, np.int16)), int(failed)] = numbers
    except (ValueError, TypeError, OverflowError):
        raise UsageError(f"{file} is damaged", hint="name a new file") from None
    if len(found) != head.get("sets"):
        raise UsageError(f"{file} is damaged: it has not all of its lines", hint="name a new file")
    return found
