"""A row of Variants routes as the turned design does, and Figures are what `plan` says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import random_worlds
from hypothesis import given
from hypothesis import strategies as st

from anyplane.design.design import Design
from anyplane.design.setting import OFF, Setting, setting_of, uplinks, upstream_at, with_settings
from anyplane.planning.assess import Assessor
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.planning.plan import base_outcome
from anyplane.planning.variants import variants
from anyplane.routing import propagate
from anyplane.routing.frontier import Engine
from anyplane.topology import Topology

LATENCY = LatencyModel()


def settings_of(design: Design) -> dict[object, tuple[Setting, ...]]:
    """Every kind of setting for every uplink."""
    wanted = {}
    for uplink in uplinks(design):
        now = setting_of(design, upstream_at(design, uplink))
        wanted[uplink] = (
            OFF,
            Setting(),
            Setting(prepend=2),
            Setting(prepend=1, is_no_export=True),
            Setting(med=50),
            Setting(is_backup=True),
            now,
        )
    return wanted


def world_of(seed: int) -> tuple[Design, Topology, np.random.Generator]:
    """A random world and a design on it in which everything is announced alike everywhere."""
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    return random_worlds.design(rng, world), world, rng


@given(st.integers(0, 10_000))
def test_a_row_routes_as_the_turned_design_does(seed: int) -> None:
    design, world, rng = world_of(seed)
    scenarios = [s for s in compile_design(design, world) if is_plain(design, s.prefixes)]
    for made in variants(design, world, scenarios, settings_of(design)):
        choice = np.array([[rng.integers(len(options)) for options in made.options]], np.int16)
        turned = with_settings(design, made.settings(choice[0]))
        (wanted,) = [s for s in compile_design(turned, world) if made.scenario.prefixes[0] in s.prefixes]

        found = Engine(world, made.scenario.seeds).run(made.rows(choice)[0])

        expected = propagate(world, wanted.seeds)
        names = np.array([*made.scenario.sites, ""])
        there = np.array([*wanted.sites, ""])
        assert (
            names[np.minimum(found.site, len(names) - 1)] == there[np.minimum(expected.site, len(there) - 1)]
        ).all()
        assert (found.km == expected.km).all()
        assert (found.hops == expected.hops).all()
        assert (found.length == expected.length).all()


def is_plain(design: Design, prefixes: tuple[object, ...]) -> bool:
    """Do all uplinks carry either all of these prefixes or none?"""
    return all(
        set(prefixes) <= set(upstream_at(design, uplink).prefixes)
        or not set(prefixes) & set(upstream_at(design, uplink).prefixes)
        for uplink in uplinks(design)
    )


@given(st.integers(0, 10_000))
def test_figures_are_what_plan_says(seed: int) -> None:
    design, world, _ = world_of(seed)
    for scenario in compile_design(design, world):
        outcome = base_outcome(scenario, world, LATENCY)

        figures = Assessor(design, world, scenario, LATENCY).figures(outcome.routes)

        assert figures.users == pytest.approx(outcome.base.users, abs=1e-9)
        found, all_users = outcome.base.rtt, outcome.base.rtt_of_all
        assert [none_of(value) for value in figures.rtt] == [found.p50, found.p90, found.p95, found.p99]
        assert [none_of(value) for value in figures.rtt_of_all] == [
            all_users.p50,
            all_users.p90,
            all_users.p95,
            all_users.p99,
        ]
        assert none_of(round(figures.mean, 2)) == found.mean
        assert figures.served + figures.unserved == pytest.approx(outcome.found.clients.total)


def none_of(value: float) -> float | None:
    """As a report writes it."""
    return float(value) if math.isfinite(value) else None
