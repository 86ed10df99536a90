"""Lists of networks that validate, as they were published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyplane.datasets.rov_lists import read_rov_list
from anyplane.model.errors import DataError

OPERATORS = """\
name,type,details,status,asn,rank
Lumen,transit,signed + filtering,safe,3356,1
Small,ISP,,safe,64501,9
Filters,ISP,filtering,partially safe,64502,10
Signs,ISP,signed,partially safe,64503,11
Peers,ISP,signed + filtering peers only,partially safe,64504,12
Half,ISP,signed + partially filtering,partially safe,64505,13
Starts,ISP,started,unsafe,64506,14
"Quoted, Inc.",cloud,,unsafe,64507,15
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list"
    path.write_text(text)
    return path


def test_of_isbgpsafeyet_those_count_that_filter(tmp_path: Path) -> None:
    found = read_rov_list(written(tmp_path, OPERATORS))

    assert found.asns == {3356, 64501, 64502}
    assert (found.form, found.listed) == ("isbgpsafeyet", 8)


def test_of_the_measurements_the_union_counts(tmp_path: Path) -> None:
    names = ["site-case2a", "rov_unique_total", "all_successful_unique_total"]
    plain = {"0": names, "2": [["1"], ["1", "2"], ["1", "2", "3"]]}

    found = read_rov_list(written(tmp_path, json.dumps(plain)))

    assert found.asns == {1, 2}
    assert (found.form, found.listed) == ("TMA 2021", 3)


def test_a_plain_list_is_taken_whole(tmp_path: Path) -> None:
    assert read_rov_list(written(tmp_path, "asn\nAS64500\n64501\n")).asns == {64500, 64501}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "not a table of two columns"),
        ('{"0": ["x"], "2": [["1"]]}', "has no row rov_unique_total"),
        ('{"0": ["rov_unique_total"], "2": [["x"]]}', "is not an AS number"),
        ('{"0": ["rov_unique_total"], "2": [[]]}', "names no network"),
        ("{", "is not JSON"),
        ("name,status,asn\nA,unsafe,1\n", "names no network that filters"),
        ("name,status,asn\nA,safe,x\n", ":2: 'x' is not an AS number"),
        ("name,status,asn\nA,safe\n", ":2: 'A' has no asn or status"),
    ],
)
def test_what_is_no_such_list_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_rov_list(written(tmp_path, text))

    assert says in str(caught.value)
