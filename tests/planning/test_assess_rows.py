"""Rows that are assessed in one call give the Figures of each row by itself, to the last digit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import random_worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.planning.assess import Assessor, Figures
from anyplane.planning.assess_rows import RowAssessor
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.latency import LatencyModel
from anyplane.routing.state import OFF, lengths_of


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_table_is_its_rows(seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    world = random_worlds.topology(rng)
    design = random_worlds.design(rng, world)
    for scenario in compile_design(design, world):
        full = lengths_of(scenario.seeds)
        rows = np.where(rng.random((5, len(full))) < 0.3, OFF, full + rng.integers(0, 3, (5, len(full))))
        assessor = Assessor(design, world, scenario, LatencyModel())
        one_by_one = assessor.all(world, rows.astype(np.uint16), threads=1)

        table = RowAssessor(world, assessor, threads=threads).table(rows.astype(np.uint16))

        assert len(table) == 5
        for number, expected in enumerate(one_by_one):
            found = table.row(number)
            for spec in fields(Figures):
                same = np.array_equal(getattr(found, spec.name), getattr(expected, spec.name), equal_nan=True)
                assert same, spec.name


def test_threads_change_nothing_on_a_larger_world() -> None:
    rng = np.random.default_rng(1)
    world = random_worlds.topology(rng, networks=600, places=20)
    design = random_worlds.design(rng, world, sites=6)
    scenario = compile_design(design, world)[0]
    rows = np.repeat(lengths_of(scenario.seeds)[np.newaxis, :], 200, axis=0)
    rows[np.arange(200), np.arange(200) % rows.shape[1]] = OFF
    assessor = Assessor(design, world, scenario, LatencyModel())

    single, double = (RowAssessor(world, assessor, threads=n).table(rows) for n in (1, 2))

    assert np.array_equal(single.users, double.users)
    assert np.array_equal(single.mean, double.mean, equal_nan=True)
