"""A calibration on disk: what is read is what was written, people can read it, and a slip is named."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.calibration.calibration import (
    NOTHING,
    Calibration,
    Heard,
    Preference,
    Refused,
    SiteFacts,
    Taken,
    Used,
    Willing,
)
from anyplane.datasets.calibration_file import read_calibration, to_text, write_calibration
from anyplane.model.errors import DataError

FRA = SiteFacts(
    site="fra",
    paths=31,
    heard=(Heard(asn=10, relation="customer", paths=3), Heard(asn=20, relation="peer", paths=1)),
    taken=(
        Taken(asn=1, neighbour=10, paths=7, prepends=2, length=4),
        Taken(asn=2, neighbour=1, paths=1, prepends=0, length=3, is_leak=True, is_in_graph=False),
    ),
    refused=(Refused(asn=2, neighbour=10, networks=24),),
    willing=(Willing(neighbour=0, relation="peer", taken=7, refused=2),),
    unheard=1,
    unexplained=2,
)
WHOLE = Calibration(
    origin="9 observations out of 1 file: «Zürich»",
    graph="a graph",
    sites=(FRA, SiteFacts(site="ams", paths=0)),
    preferences=(
        Preference(asn=174, neighbour=1916, region="NA", log_odds=-0.1234567890123, evidence=9551.79),
        Preference(asn=174, neighbour=101, region="", log_odds=1 / 3, evidence=0.0),
    ),
    used=(
        Used(
            policy="61fe799c57e3",
            sites=("ams", "fra"),
            method="ping",
            networks=9984,
            agreement=0.97,
            is_used=True,
        ),
        Used(
            policy="61fe799c57e4",
            sites=("fra",),
            method="",
            networks=1,
            agreement=1.0,
            is_used=False,
            reason="none",
        ),
    ),
    certainty=0.7,
    spread=0.594,
)


@pytest.mark.parametrize("name", ["c.json", "c.json.gz"])
@pytest.mark.parametrize("calibration", [WHOLE, NOTHING], ids=["whole", "nothing"])
def test_what_is_read_is_what_was_written(tmp_path: Path, name: str, calibration: Calibration) -> None:
    write_calibration(tmp_path / name, calibration)

    assert read_calibration(tmp_path / name) == calibration
    assert [path.name for path in tmp_path.iterdir()] == [name]


@given(
    st.floats(-20, 20),
    st.floats(0, 1e12),
    st.text(max_size=20),
    st.floats(0.01, 100),
    st.integers(0, 2**32 - 1),
)
def test_every_number_and_text_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    log_odds: float,
    evidence: float,
    text: str,
    certainty: float,
    asn: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    fact = Preference(asn=asn, neighbour=asn, region=text, log_odds=log_odds, evidence=evidence)
    calibration = replace(WHOLE, origin=text, preferences=(fact,), certainty=certainty)

    path.write_text(to_text(calibration), encoding="utf-8")

    assert read_calibration(path) == calibration


def test_equal_calibrations_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.json.gz", "b.json.gz"):
        write_calibration(tmp_path / name, WHOLE)

    content = (tmp_path / "a.json.gz").read_bytes()
    assert content == (tmp_path / "b.json.gz").read_bytes()
    assert gzip.decompress(content).decode() == to_text(WHOLE)


def test_each_fact_stands_on_a_line_of_its_own() -> None:
    lines = to_text(WHOLE).splitlines()

    assert lines[1] == '  "version": 1,'
    assert '        {"asn": 2, "neighbour": 10, "networks": 24}' in lines
    assert sum('"log_odds"' in line for line in lines) == 2


def test_an_agreement_that_does_not_exist_is_null(tmp_path: Path) -> None:
    unknown = replace(WHOLE, used=(replace(WHOLE.used[0], agreement=math.nan),))

    write_calibration(tmp_path / "c.json", unknown)

    assert '"agreement": null' in (tmp_path / "c.json").read_text()
    assert math.isnan(read_calibration(tmp_path / "c.json").used[0].agreement)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"version": 1', '"version": 2', "has version 2; this program reads version 1"),
        ('"version": 1', '"version": true', "has version True"),
        ('"version": 1,', "", "it has no version"),
        ('"log_odds": -0.1234567890123', '"log_odds": 21', "preferences[0].log_odds is 21"),
        ('"log_odds": -0.1234567890123', '"log_odds": NaN', "holds NaN"),
        ('"log_odds": -0.1234567890123', '"log_odds": "much"', "preferences[0].log_odds should be float"),
        ('"asn": 174', '"asn": 4294967296', "preferences[0].asn is 4294967296"),
        ('"asn": 174', '"asn": -1', "preferences[0].asn is -1"),
        ('"asn": 174', '"ans": 174', "'ans' that is not known"),
        ('"prepends": 2', '"prepends": 999', "sites[0].taken[0].prepends is 999"),
        ('"certainty": 0.7', '"certainty": 0', "calibration.certainty is 0"),
        ('"relation": "customer"', '"relation": "provider"', "heard[0].relation is 'provider'"),
        ('"site": "ams"', '"site": "fra"', "has 'fra' twice"),
        ('"site": "ams"', '"site": ""', "sites[1].site is empty"),
        ('"refused": [', '"refused": [7,', "refused[0] should be an object"),
        ('"neighbour": 10, "networks": 24}', '"neighbour": 10, "networks": 24', "c.json:19: is not JSON"),
        ('"networks": 24', '"networks": ' + "9" * 5000, "cannot be read"),
    ],
)
def test_a_slip_is_named_with_its_file_and_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = to_text(WHOLE)
    assert old in text
    (tmp_path / "c.json").write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(DataError) as caught:
        read_calibration(tmp_path / "c.json")

    assert str(tmp_path / "c.json") in str(caught.value)
    assert words in str(caught.value)
    assert "hint: " in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"7", b"\x00\x01", b"[" * 100_000, b"<html>", b"\x1f\x8b\x08"]
)
def test_what_is_no_calibration_is_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)

    with pytest.raises(DataError, match=r"c\.json"):
        read_calibration(tmp_path / "c.json")


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.json"):
        read_calibration(tmp_path / "absent.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_calibration(tmp_path / "folder", WHOLE)
