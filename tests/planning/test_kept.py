"""A file of finished runs: what it was is what is read, and nothing else is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import random_worlds
from hypothesis import given
from hypothesis import strategies as st

from anyplane.model.errors import UsageError
from anyplane.planning.kept import Kind, from_text, graph_of, to_text

KIND = Kind(name="test: runs", words="runs of the test", question="design or Internet")
OF = {"all": "1234", "other": "5678"}

numbers = st.floats(allow_nan=False, allow_infinity=False)
runs = st.lists(st.lists(st.one_of(numbers, st.integers(), st.text(), st.none(), st.booleans())))


@given(runs)
def test_runs_come_back_to_the_last_digit(rows: list[list[object]]) -> None:
    assert from_text(to_text(KIND, OF, rows), KIND, OF, file="x") == rows  # type: ignore[arg-type]


@given(st.data())
def test_a_file_that_lost_a_character_is_refused(data: st.DataObject) -> None:
    text = to_text(KIND, {"all": "1234"}, [[1.5, "a"], [2.5, "b"]])
    at = data.draw(st.integers(text.index("\n") + 1, len(text) - 1))

    with pytest.raises(UsageError, match="damaged: its checksum"):
        from_text(text[:at] + text[at + 1 :], KIND, OF, file="x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("test: runs", "test: others"), "does not hold runs of the test"),
        (('"version": 2', '"version": 1'), "another version"),
        (('"1234"', '"4321"'), "of another question: another design or Internet"),
        (('"of": {"all": "1234"}', '"of": 5'), "is damaged"),
        (('{"kind"', '{kind"'), "is not JSON"),
        (('{"kind"', "[" * 100_000), "is nested too deeply|is not JSON"),
    ],
)
def test_a_head_that_is_not_ours_is_refused(change: tuple[str, str], said: str) -> None:
    text = to_text(KIND, {"all": "1234"}, [[1.5]])

    with pytest.raises(UsageError, match=said):
        from_text(text.replace(*change), KIND, OF, file="x")


def test_a_part_of_the_question_may_be_asked_again_alone() -> None:
    text = to_text(KIND, {"all": "1234"}, [[1.5]])

    assert from_text(text, KIND, OF, file="x") == [[1.5]]
    with pytest.raises(UsageError, match="another question"):
        from_text(to_text(KIND, OF, [[1.5]]), KIND, {"all": "1234"}, file="x")


def test_another_graph_in_whatever_array_has_another_hash() -> None:
    world = random_worlds.topology(np.random.default_rng(1))
    before = graph_of(world)

    for name, array in world.arrays().items():
        if not len(array):
            continue
        changed = array.copy()
        new = {"U": "ZZ", "b": not array.flat[-1]}
        changed.flat[-1] = new.get(array.dtype.kind, 7_777)
        other = replace(world, **{name: changed})
        assert (graph_of(other) == before) == (name == "rov"), name
        assert graph_of(other, without=(name,)) == graph_of(world, without=(name,)), name
    farther = replace(world.metros, km=world.metros.km + np.float32(1))
    assert graph_of(replace(world, metros=farther)) != before
