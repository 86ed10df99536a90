"""Tables keyed by AS number: users and origin validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane.datasets.asn_table import read_rov, read_users
from anyplane.model.errors import DataError


@pytest.mark.parametrize(
    "text",
    [
        "3320,30000000\n7018,1e6\n",
        "asn,users\nAS3320,30000000\nAS7018,1000000\n",
        "rank,users,asn\n1,30000000,3320\n2,1000000.0,7018\n",
        "# measured\n3320;30_000_000  # a lot\n\n7018;1000000\n",
    ],
)
def test_users_are_read_with_and_without_header(text: str, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(text)

    assert read_users(path) == {3320: 3e7, 7018: 1e6}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("asn,users\n3320,many\n", 2, "'many' is not a number of users"),
        ("3320,-5\n", 1, "not a number of users"),
        ("3320,nan\n", 1, "not a number of users"),
        ("3320,inf\n", 1, "not a number of users"),
        ("3320\n", 1, "too few columns"),
        ("70000000000,5\n", 1, "not an AS number"),
        ("3320,5\n3320,6\n", 2, "listed twice"),
        ("asn,users\n", 0, "holds no network"),
    ],
)
def test_bad_users_are_one_error_with_the_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=says) as caught:
        read_users(path)
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["13335\nAS1299\n", "asn\n13335\n1299\n", "name,asn\nA,13335\nB,1299\n"])
def test_validating_networks_are_read_from_a_list_or_a_column(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rov.txt"
    path.write_text(text)

    assert read_rov(path) == {13335, 1299}


def test_a_list_with_a_word_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rov.txt"
    path.write_text("13335\nCloudflare\n")

    with pytest.raises(DataError, match="'Cloudflare' is not an AS number") as caught:
        read_rov(path)
    assert caught.value.line == 2
