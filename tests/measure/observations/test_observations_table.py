"""The table of observations: merging is a union of multisets, in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observation_rows import rows_of, tables

from anyplane.model.observations import Announced, Method, Observations


def counted(observations: Observations) -> Counter[tuple[object, ...]]:
    return Counter(rows_of(observations))


@given(st.lists(tables(), max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_merge_holds_each_row_as_often_as_the_part_that_has_it_most(parts: list[Observations]) -> None:
    merged = Observations.merge(*parts)

    expected: Counter[tuple[object, ...]] = Counter()
    for part in parts:
        expected |= counted(part)
    assert counted(merged) == expected


@given(tables(), tables())
@settings(max_examples=60, deadline=None)
def test_merging_again_changes_nothing_and_the_order_does_not_matter(
    one: Observations, other: Observations
) -> None:
    merged = Observations.merge(one, other)

    assert Observations.merge(other, one).is_same(merged)
    assert Observations.merge(merged, one).is_same(merged)
    assert Observations.merge(merged, merged, other).is_same(merged)


@given(tables(), st.data())
@settings(max_examples=60, deadline=None)
def test_only_keeps_the_chosen_rows_with_their_paths(table: Observations, data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table)))

    chosen = table.only(np.array(mask, bool))

    kept: Iterator[tuple[object, ...]] = (row for row, keep in zip(rows_of(table), mask, strict=True) if keep)
    assert list(rows_of(chosen)) == list(kept)


def test_rows_stand_by_policy_method_and_network() -> None:
    sites = ("b", "a")
    late = Observations.of(
        [9, 3], [0, 1], sites=sites, method=Method.ATLAS, announced=Announced(sites=sites), source="f"
    )
    early = Observations.of(
        [7], [0], sites=("a",), method=Method.PING, announced=Announced(sites=("a",)), source="g"
    )

    merged = Observations.merge(late, early)

    assert merged.asn.tolist() == [7, 3, 9]
    assert merged.sites == ("a", "b")
    assert [merged.site_of(row) for row in range(3)] == ["a", "a", "b"]


def test_the_tables_hold_only_what_a_row_uses() -> None:
    table = Observations.of(
        [1, 2],
        [0, 1],
        sites=("a", "b"),
        method=Method.PING,
        announced=Announced(sites=("a", "b")),
        source="f",
    )

    assert Observations.merge(table.only(table.site == 0)).sites == ("a",)


def test_a_policy_does_not_depend_on_the_order_of_its_words() -> None:
    one = Announced(sites=("b", "a"), prepends=(("b", 2), ("a>64500", 1), ("a", 0)))
    same = Announced(sites=("a", "b"), prepends=(("a>64500", 1), ("b", 2)))

    assert one == same
    assert one.policy() == same.policy() == "f042cf11f2fb"
    assert one.policy() != Announced(sites=("a", "b")).policy()


def test_columns_of_different_lengths_are_refused() -> None:
    table = Observations.none()

    with pytest.raises(ValueError, match="different lengths"):
        Observations(
            **{name: getattr(table, name) for name in table.__slots__ if name != "asn"},
            asn=np.array([1], np.uint32),
        )
