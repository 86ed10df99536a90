"""Of a small Internet with many client networks those with most users speak, and the others count nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anyplane.datasets.world_file import read_world
from anyplane.design import parse
from anyplane.lab.world.prepared import prepare, speaking
from anyplane.planning.reduction import Reduction, reduced

EXAMPLES = Path(__file__).parents[2] / "examples"
DESIGN = parse((EXAMPLES / "dozen-cities.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def small() -> Reduction:
    return reduced(DESIGN, read_world(EXAMPLES / "dozen-cities.world.yaml"), routers=60)


def test_those_with_most_users_speak_and_a_note_says_how_many_that_are(small: Reduction) -> None:
    few = speaking(small, clients=3)

    most = sorted(small.topology.users.tolist(), reverse=True)[:3]
    assert sorted(few.topology.users[list(few.clients)].tolist(), reverse=True) == most
    assert float(few.topology.users.sum()) == few.users == sum(most)
    assert few.coverage < small.coverage
    assert few.notes[:-1] == small.notes
    assert few.notes[-1].startswith(f"3 of the {len(small.clients)} client networks speak")
    assert f"{sum(most) / small.users:.1%}" in few.notes[-1]


def test_where_all_may_speak_nothing_changes(small: Reduction) -> None:
    assert speaking(small, clients=len(small.clients)) is small


def test_of_equals_the_first_speak(small: Reduction) -> None:
    users = np.where(small.topology.users > 0, 7.0, 0.0).astype(small.topology.users.dtype)
    even = replace(small, topology=replace(small.topology, users=users), users=float(users.sum()))

    assert speaking(even, clients=2).clients == small.clients[:2]


def test_a_lab_announces_and_asks_as_many_and_routes_as_before() -> None:
    world = read_world(EXAMPLES / "dozen-cities.world.yaml")
    whole, few = (prepare(DESIGN, world, name="few", clients=clients) for clients in (60, 3))

    assert len(few.blueprint.clients) == 3
    assert few.routers == whole.routers
    for prefix, known in few.prediction.by_prefix.items():
        before = {one.node: (one.site, one.as_path) for one in whole.prediction.by_prefix[prefix].routes}
        assert {one.node: (one.site, one.as_path) for one in known.routes} == before
