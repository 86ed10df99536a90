"""The Parquet file of observations: what goes in comes out, people can ask it, and nothing is half there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from observation_rows import tables

from anyplane.measure.observations import append_observations, read_observations, write_observations
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method, Observations

SITES = ("ams", "fra")


def some(*asns: int) -> Observations:
    return Observations.of(
        list(asns),
        [asn % 2 for asn in asns],
        sites=SITES,
        method=Method.PATHS,
        announced=Announced(sites=SITES, prepends=(("fra", 3),), prefix="192.0.2.0/24"),
        source="rib.gz",
        at=1.6e9,
        paths=[(asn, 64500) for asn in asns],
    )


@given(tables())
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_read(table: Observations) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it's.parquet"

        write_observations(path, table)

        assert read_observations(path).is_same(table)
        assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_equal_observations_are_equal_bytes(tmp_path: Path) -> None:
    write_observations(tmp_path / "one", some(1, 2, 3))
    write_observations(tmp_path / "other", Observations.merge(some(3), some(1, 2)))

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_person_can_ask_it_in_sql(tmp_path: Path) -> None:
    write_observations(tmp_path / "o.parquet", some(1, 2, 3))

    columns = "announced, prepends, method, site, path, year(seen_at)"
    rows = duckdb.sql(f"SELECT {columns} FROM '{tmp_path}/o.parquet' ORDER BY asn").fetchall()

    assert rows[0] == (["ams", "fra"], ["fra=3"], "paths", "fra", [1, 64500], 2020)
    assert [row[3] for row in rows] == ["fra", "ams", "fra"]


def test_the_same_rows_are_added_once(tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"

    append_observations(path, some(1, 2))
    append_observations(path, some(1, 2))
    whole = append_observations(path, some(3, 2))

    assert whole.asn.tolist() == [1, 2, 3]
    assert read_observations(path).is_same(whole)


def test_a_file_that_cannot_be_read_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"
    write_observations(path, some(*range(1, 200)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match="cannot be read as observations"):
        append_observations(path, some(1))

    assert path.read_bytes() == whole[: len(whole) // 2]


def test_a_write_that_fails_leaves_the_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "o.parquet"

    with pytest.raises(DataError, match="cannot be written"):
        append_observations(path, some(1))
    with pytest.raises(DataError, match="cannot be written"):
        write_observations(path, some(1))

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_program_needs_four_columns(tmp_path: Path) -> None:
    path = f"{tmp_path}/o.parquet"
    duckdb.sql(
        f"COPY (SELECT 64500 AS asn, NULL AS site, 'ping' AS method, ['fra'] AS announced) TO '{path}'"
    )

    table = read_observations(Path(path))

    assert (table.asn.tolist(), table.site.tolist(), table.weight.tolist()) == ([64500], [-1], [1.0])


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("1 AS asn, 'fra' AS site", "has no column method, announced"),
        ("1 AS asn, 'fra' AS site, 'smoke' AS method, ['fra'] AS announced", "'smoke' is not a method"),
        ("NULL AS asn, 'fra' AS site, 'ping' AS method, ['fra'] AS announced", "a row has no asn"),
        (
            "-1 AS asn, 'fra' AS site, 'ping' AS method, ['fra'] AS announced",
            "cannot be read as observations",
        ),
        (
            "1 AS asn, 'a' AS site, 'ping' AS method, ['a'] AS announced, ['a'] AS prepends",
            "'a' in prepends is not SITE=NUMBER",
        ),
    ],
)
def test_a_file_that_does_not_hold_observations_says_why(tmp_path: Path, select: str, message: str) -> None:
    path = f"{tmp_path}/o.parquet"
    duckdb.sql(f"COPY (SELECT {select}) TO '{path}'")

    with pytest.raises(DataError, match=message):
        read_observations(Path(path))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table\n" * 20])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "o.parquet").write_bytes(content)

    with pytest.raises(DataError):
        read_observations(tmp_path / "o.parquet")
