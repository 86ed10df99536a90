"""Raw announcements: every row with its line, in the spelling of the file, or a DataError that says which."""

from __future__ import annotations

import tempfile
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anyplane.datasets.announcements import PREPENDS_MAX, read_announcements
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX

HEADER = "seed_asn,prefix,rov_invalid,prepend\n"


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "anns.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_announcements(path)
    return caught.value


def test_rows_keep_their_order_their_spelling_and_their_line(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "27,2001:DB8::/32,False,0\n\n25, 1.2.0.0/16 ,TRUE,3\n")

    first, second = read_announcements(path)

    assert (first.seed_asn, first.prefix, first.rov_invalid, first.prepend, first.line) == (
        27,
        "2001:DB8::/32",
        False,
        0,
        2,
    )
    assert first.network == ip_network("2001:db8::/32")
    assert (second.seed_asn, second.prefix, second.rov_invalid, second.prepend, second.line) == (
        25,
        "1.2.0.0/16",
        True,
        3,
        4,
    )


def test_without_the_column_nothing_is_prepended(tmp_path: Path) -> None:
    path = write(tmp_path, "seed_asn,prefix,rov_invalid\r\n25,1.2.0.0/16,True\r\n")

    assert read_announcements(path)[0].prepend == 0


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    path = write(tmp_path, "prefix,note,Seed_ASN,rov_invalid\n1.2.0.0/16,x,AS25,no\n")

    assert read_announcements(path)[0].seed_asn == 25


def test_a_byte_order_mark_and_quotes_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, ("\ufeff" + HEADER + '"4294967295","1.2.0.0/16","False","0"\n').encode())

    assert read_announcements(path)[0].seed_asn == ASN_MAX


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("25,1.2.0.0/16,True", "has 3 columns, the header 4"),
        ("25,1.2.0.0/16,True,0,more", "has 5 columns, the header 4"),
        ("x,1.2.0.0/16,True,0", "'x' is not an AS number"),
        ("4294967296,1.2.0.0/16,True,0", "'4294967296' is not an AS number"),
        ("-1,1.2.0.0/16,True,0", "'-1' is not an AS number"),
        ("25,1.2.0.0/33,True,0", "'1.2.0.0/33' is not a prefix"),
        ("25,,True,0", "'' is not a prefix"),
        ("25,fe80::%eth0/64,True,0", "'fe80::%eth0/64' is not a prefix"),
        ("25,1.2.0.0/16,perhaps,0", "rov_invalid is 'perhaps'"),
        ("25,1.2.0.0/16,True,-1", "prepend is '-1'"),
        ("25,1.2.0.0/16,True,1.5", "prepend is '1.5'"),
        ("25,1.2.0.0/16,True,²", "prepend is '²'"),
        (f"25,1.2.0.0/16,True,{PREPENDS_MAX + 1}", "not a number from 0 to 1000"),
        (f"25,1.2.0.0/16,True,{'9' * 5000}", "prepend is '999"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(row: str, said: str, tmp_path: Path) -> None:
    error = refusal(write(tmp_path, f"{HEADER}27,1.2.0.0/16,False,0\n{row}\n"))

    assert error.line == 3
    assert said in str(error)


def test_host_bits_are_refused_and_the_prefix_proposed(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, HEADER + "25,10.0.0.1/24,False,0\n"))

    assert error.hint == "did you mean 10.0.0.0/24?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("\n \n", "holds no announcement"),
        (HEADER, "holds a header and no announcement"),
        ("25,1.2.0.0/16,True\n", "the header lacks seed_asn, prefix, rov_invalid"),
        ("seed_asn,prefix,rov_invalid,prefix\n25,1.2.0.0/16,True,\n", "the header names prefix twice"),
        (b"\x00\x01", "binary file"),
        ("<html><body>no</body></html>", "is a web page"),
    ],
)
def test_a_file_without_announcements_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    assert said in str(refusal(write(tmp_path, text)))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert "there is no such file" in str(refusal(tmp_path / "none.csv"))


CELLS = st.one_of(
    st.text(max_size=12),
    st.integers(-1, ASN_MAX + 1).map(str),
    st.ip_addresses().map(str),
    st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "True", "False", "", '"', "AS1", "9" * 5000]),
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=5).map(",".join), max_size=4).map("\n".join)


@given(st.one_of(st.text(), st.binary(), ROWS.map(lambda rows: HEADER + rows)))
@example(HEADER + '1,fe80::%a"b/128,True,0')
@example(HEADER + "1,10.0.0.0/8,True," + "1" * 200_000)
def test_any_content_gives_rows_or_a_data_error(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        path = write(Path(directory), raw)
        try:
            rows = read_announcements(path)
        except DataError:
            return
    assert rows
    for row in rows:
        assert ip_network(row.prefix) == row.network
        assert 0 <= row.seed_asn <= ASN_MAX
        assert 0 <= row.prepend <= PREPENDS_MAX
        assert not set(row.prefix) & set('",\r\n')
