"""A forecast comes back from its file as it was written; a bad row is named with its line."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.datasets.forecast_file import read_forecast, write_forecast
from anyplane.model.errors import DataError
from anyplane.model.forecast import Forecast

FLOATS = st.floats(0, 1, width=32)


@st.composite
def forecasts(draw: st.DrawFn) -> Forecast:
    asns = sorted(draw(st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=8)))
    sites = draw(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), max_size=4, unique=True))
    odds = np.array([[draw(FLOATS) for _ in sites] for _ in asns], np.float32).reshape(len(asns), len(sites))
    sums = odds.sum(axis=1, keepdims=True)
    return Forecast.of(
        asns,
        np.where(sums > 1, odds / np.maximum(sums, 1), odds),
        sites=sites,
        users=[draw(st.floats(0, 1e10)) for _ in asns],
        country=[draw(st.sampled_from(["", "DE", "NL"])) for _ in asns],
    )


@given(forecast=forecasts(), ending=st.sampled_from(["csv", "parquet"]))
@settings(max_examples=80, deadline=None)
def test_what_is_read_is_exactly_what_was_written(forecast: Forecast, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"forecast.{ending}"
        write_forecast(file, forecast)
        first = file.read_bytes()

        again = read_forecast(file)
        write_forecast(file, again)

        assert again.sites == forecast.sites
        for name in ("asn", "users", "country", "probability"):
            mine, its = getattr(forecast, name), getattr(again, name)
            assert its.dtype == mine.dtype
            assert np.array_equal(its, mine), name
        assert file.read_bytes() == first


def test_the_csv_is_for_people(tmp_path: Path) -> None:
    forecast = Forecast.of(
        [174, 3320, 64500],
        [[0.9, 0.1], [0, 1], [0, 0]],
        sites=["fra", "ams"],
        users=[120.5, 31e6, 0],
        country=["", "DE", ""],
    )

    write_forecast(tmp_path / "f.csv", forecast)

    assert (tmp_path / "f.csv").read_text().splitlines() == [
        "asn,site,probability,users,country",
        "174,fra,0.9,120.5,",
        "174,ams,0.1,120.5,",
        "3320,ams,1.0,31000000.0,DE",
        "64500,,0.0,0.0,",
    ]


def test_a_table_of_asn_and_site_is_a_forecast_that_is_sure(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("# by hand\n\nsite,asn\nfra,AS9\nams,3\n")

    read = read_forecast(tmp_path / "f.csv")

    assert read.sites == ("fra", "ams")
    assert read.asn.tolist() == [3, 9]
    assert read.probability.tolist() == [[0, 1], [1, 0]]
    assert read.likely().tolist() == [1, 0]


def test_parquet_of_another_program_needs_asn_and_site(tmp_path: Path) -> None:
    file = tmp_path / "f.parquet"
    duckdb.sql(f"COPY (SELECT 9 AS asn, 'fra' AS site) TO '{file}' (FORMAT parquet)")
    assert read_forecast(file).probability.tolist() == [[1]]
    duckdb.sql(f"COPY (SELECT 9 AS asn) TO '{file}' (FORMAT parquet)")

    with pytest.raises(DataError, match="has no column site"):
        read_forecast(file)


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("ASX,fra,1,,", 2, "'ASX' is not an AS number"),
        ("1,fra,x,,", 2, "'x' is not a probability"),
        ("1,fra,nan,,", 2, "nan of AS1 is not between 0 and 1"),
        ("1,fra,1.5,,", 2, "1.5 of AS1 is not between 0 and 1"),
        ("1,fra,-0.1,,", 2, "-0.1 of AS1 is not between"),
        ("1,,0.5,,", 2, "0.5 of AS1 belongs to no site"),
        ("1,fra,0.5,,\n1,fra,0.5,,", 3, "AS1 has fra twice"),
        ("1,fra,0.6,,\n2,fra,1,,\n1,ams,0.6,,", 4, "AS1 sum to more than 1"),
        ("1,fra,0.6,5,\n1,ams,0.4,6,", 3, "AS1 has other users or another country than on line 2"),
        ("1,fra,1,-1,", 2, "-1 is not a number of users"),
        ("1,fra,1,inf,", 2, "inf is not a number of users"),
        ("1,fra,1,5,DEU", 2, "'DEU' is not a country"),
        ("1", 2, "'1' has too few columns"),
        ("", 0, "holds no network"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_a_way_out(
    tmp_path: Path, rows: str, line: int, words: str
) -> None:
    (tmp_path / "f.csv").write_text(f"asn,site,probability,users,country\n{rows}\n")

    with pytest.raises(DataError, match=re.escape(words)) as caught:
        read_forecast(tmp_path / "f.csv")

    assert caught.value.line == line
    assert str(caught.value).startswith(f"{tmp_path / 'f.csv'}:{line}: " if line else str(tmp_path))
    assert "AS number" in words or "hint: " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("f.csv", b"a,b\n1,2\n", "the header has no column asn, site"),
        ("f.csv", b"", "the file is empty"),
        ("f.parquet", b"asn,site\n1,fra\n", "cannot be read as a forecast"),
    ],
)
def test_what_is_no_forecast_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=words):
        read_forecast(tmp_path / name)


def test_more_sites_than_a_forecast_can_hold_are_refused(tmp_path: Path) -> None:
    rows = "".join(f"1,s{number},0\n" for number in range(33_000))
    (tmp_path / "f.csv").write_text("asn,site,probability\n" + rows)

    with pytest.raises(DataError, match="at most 32767"):
        read_forecast(tmp_path / "f.csv")


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=name):
        read_forecast(tmp_path / name)


def test_nothing_is_written_of_a_forecast_without_networks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no network"):
        write_forecast(tmp_path / "f.csv", Forecast.of([], np.zeros((0, 1)), sites=["fra"]))

    assert list(tmp_path.iterdir()) == []
