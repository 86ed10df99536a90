"""A plain CSV of observations: what each column may hold, and what a bad row loses."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane.measure.observations.delimited import read_plain_csv
from anyplane.measure.observations.fields import asn_of, moment_of
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method

FULL = """# made by hand
ASN;Site;rtt_ms;at;weight;prefix;method
AS64500;fra;12.5;2026-01-02T03:04:05Z;2;192.0.2.0/24;ping
64501;;;1767323045;;;
64500;fra;12.5;2026-01-02T03:04:05Z;2;192.0.2.0/24;ping
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.csv"
    path.write_text(text)
    return path


def test_every_column_is_read_and_equal_rows_stay(tmp_path: Path) -> None:
    reading = read_plain_csv(write(tmp_path, FULL), method=Method.HTTP)

    seen = reading.observations
    assert (reading.rows, reading.unusable) == (3, ())
    assert seen.asn.tolist() == [64500, 64500, 64501]
    assert [seen.site_of(row) for row in range(3)] == ["fra", "fra", ""]
    assert [tuple(Method)[number] for number in seen.method] == [Method.PING, Method.PING, Method.HTTP]
    assert set(seen.at.tolist()) == {1767323045.0}
    assert seen.weight.tolist() == [2, 2, 1]
    assert seen.announced == (Announced(sites=("fra",)),)


def test_a_bad_field_loses_its_row_and_no_other(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "asn,site,weight,rtt_ms,at,method\n1,fra,,,,\nx,fra,,,,\n2,fra,0,,,\n3,fra,,-1,,\n4,fra,,,soon,\n5,fra,,,,smoke\n"
        "6,fr,,,,\n",
    )

    reading = read_plain_csv(path, announced=Announced(sites=("fra", "ams")))

    assert reading.observations.asn.tolist() == [1]
    assert {(one.reason, one.first_line) for one in reading.unusable} == {
        ("not an AS number", 3),
        ("weight is not a positive number", 4),
        ("rtt_ms is not a number of milliseconds", 5),
        ("at is neither seconds since 1970 nor a date", 6),
        ("'smoke' is not a method", 7),
        ("the site 'fr' was not announced", 8),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("asn,pop\n1,fra\n", ":1: has no column site"),
        ("asn,site\n1,fra\n2,fra,3\n", ":3: has 3 fields where the header has 2"),
        ('asn,site\n1,"fra\n', "is not CSV"),
        ("asn,site\n1,f\0ra\n", ":2: holds NUL bytes"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_plain_csv(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1.7e9),
        ("1700000000000", 1.7e9),
        ("1700000000000000", 1.7e9),
        ("1700000000000000000", 1.7e9),
        ("2023-11-14T22:13:20", 1.7e9),
        ("2023-11-14T23:13:20+01:00", 1.7e9),
        ("nan", None),
        ("yesterday", None),
        ("1e30", None),
    ],
)
def test_a_moment_is_told_in_any_unit(text: str, seconds: float | None) -> None:
    assert moment_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "4294967296", "AS", "1.5", "６", "99999999999"])
def test_what_is_no_as_number_is_none(text: str) -> None:
    assert asn_of(text) is None
