"""Document: scalars mean what YAML 1.2's core schema says; duplicates, tags and bombs are refused."""

from __future__ import annotations

import math

import pytest

from anyplane.design.document import Span, read, resolve
from anyplane.model.errors import DesignError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64500:10", "64500:10"),
        ("1:30:45", "1:30:45"),
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nULL", "nULL"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("-7", -7),
        ("+7", 7),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        (".", "."),
        ("2001-01-01", "2001-01-01"),
        ("2001-12-14t21:59:43Z", "2001-12-14t21:59:43Z"),
        ("<<", "<<"),
        ("=", "="),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("12e", "12e"),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str, value: object) -> None:
    found = resolve(text)

    assert found == value
    assert isinstance(found, type(value))


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


def test_a_quoted_scalar_stays_text() -> None:
    document = read("a: '1'\nb: \"true\"\nc: !!str 1\nd: !!int '2'\n", file="x")

    assert document.root == {"a": "1", "b": "true", "c": "1", "d": 2}


def test_keys_are_text_as_written() -> None:
    assert read("no: 1\n1299:2569: 2\n17: 3\n1.10: 4\n", file="x").root == {
        "no": 1,
        "1299:2569": 2,
        "17": 3,
        "1.10": 4,
    }


def test_a_merge_key_is_only_a_key() -> None:
    assert read("a: &x {p: 1}\nb: {<<: *x}\n", file="x").root == {"a": {"p": 1}, "b": {"<<": {"p": 1}}}


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    (problem,) = read("a:\n  b: 1\n  c: 2\n  b: 3\n", file="x").duplicates

    assert (problem.line, problem.column, problem.path) == (4, 3, "a.b")
    assert "line 2" in problem.message
    assert "line 4" in problem.message


def test_keys_that_only_look_different_are_one_key() -> None:
    assert len(read("a: 1\n'a': 2\n", file="x").duplicates) == 1


def test_values_and_keys_have_their_place() -> None:
    document = read("a:\n  - b: 70000\n", file="x")

    assert document.span(("a", 0, "b")) == Span(line=2, column=8, width=5)
    assert document.span(("a", 0, "b"), of_key=True) == Span(line=2, column=5, width=1)
    assert document.span(("a", 0, "missing")) == Span(line=2, column=5, width=1)


def test_a_byte_order_mark_is_skipped() -> None:
    assert read("\ufeffa: 1\n", file="x").root == {"a": 1}


def test_windows_line_ends_count_as_one_line() -> None:
    document = read("a: 1\r\nb: 2\r\n", file="x")

    assert document.span(("b",)).line == 2
    assert document.lines[1] == "b: 2"


def test_an_alias_is_the_same_value_at_its_own_path() -> None:
    document = read("a: &up [1, 2]\nb: *up\n", file="x")

    assert document.root == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("text", ["[a]: 1\n", "{a: 1}: 2\n", "? [a]\n: 1\n"])
def test_a_key_that_is_not_a_scalar_is_refused(text: str) -> None:
    with pytest.raises(DesignError, match="a key must be a word"):
        read(text, file="x")


@pytest.mark.parametrize("text", ["a: \ud800", "a: \x00", "a: \x07"])
def test_characters_that_yaml_forbids_are_refused(text: str) -> None:
    with pytest.raises(DesignError, match="may not stand in YAML"):
        read(text, file="x")


def test_a_very_long_number_stays_text() -> None:
    assert resolve("9" * 5000) == "9" * 5000
