"""VRPs of Routinator, rpki-client and others, as they write them, and what is refused."""

from __future__ import annotations

import gzip
import json
import lzma
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.datasets.vrps import read_vrps
from anyplane.model.errors import DataError
from anyplane.model.rpki import Vrp

V4, V6 = ip_network("192.0.2.0/24"), ip_network("2001:db8::/48")
ROUTINATOR = """{
  "metadata": {"generated": 1795284000, "generatedTime": "2026-11-21T18:00:00Z"},
  "roas": [
    { "asn": "AS64500", "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe" },
    { "asn": "AS64501", "prefix": "192.0.0.0/16", "maxLength": 24, "ta": "arin" },
    { "asn": "AS0", "prefix": "2001:db8::/32", "maxLength": 128, "ta": "apnic" },
    { "asn": "AS64500", "prefix": "198.51.100.0/24", "maxLength": 24, "ta": "ripe" },
    { "asn": "AS64500", "prefix": "192.0.2.128/25", "maxLength": 25, "ta": "ripe" }
  ]
}"""
RPKI_CLIENT = """{
\t"metadata": {
\t\t"buildmachine": "validator.example", "buildtime": "2026-11-21T18:00:00Z", "vrps": 3, "uniquevrps": 3
\t},
\t"roas": [
\t\t{ "asn": 64500, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", "expires": 1795300000 },
\t\t{ "asn": 64501, "prefix": "192.0.0.0/16", "maxLength": 24, "ta": "arin", "expires": 1795310000 },
\t\t{ "asn": 64500, "prefix": "2001:db8::/48", "maxLength": 48, "ta": "apnic", "expires": 1795320000 }
\t],
\t"bgpsec_keys": [ { "asn": 15562, "ski": "5D", "pubkey": "MF", "ta": "ripe", "expires": 1795320000 } ],
\t"aspas": [ { "customer_asid": 945, "expires": 1795320000, "providers": [ 1299, 6939 ] } ]
}"""


def read(tmp_path: Path, text: str, *about: object) -> tuple[Vrp, ...]:
    path = tmp_path / "vrps"
    path.write_text(text)
    return read_vrps(path, about or (V4, V6)).vrps  # type: ignore[arg-type]


def shown(vrps: tuple[Vrp, ...]) -> list[tuple[str, int, int]]:
    return [(str(vrp.prefix), vrp.max_length, int(vrp.asn)) for vrp in vrps]


def test_routinator_json_is_read_and_what_covers_or_lies_inside_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "routinator.json"
    path.write_text(ROUTINATOR)

    found = read_vrps(path, (V4, V6))

    assert shown(found.vrps) == [
        ("192.0.0.0/16", 24, 64501),
        ("192.0.2.0/24", 24, 64500),
        ("192.0.2.128/25", 25, 64500),
        ("2001:db8::/32", 128, 0),
    ]
    assert (found.total, found.form, found.generated, found.half_expire_by) == (
        5,
        "Routinator",
        1795284000,
        None,
    )
    assert [vrp.trust_anchor for vrp in found.vrps] == ["arin", "ripe", "ripe", "apnic"]


def test_rpki_client_json_has_numbers_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "rpki-client.json"
    path.write_text(RPKI_CLIENT)

    found = read_vrps(path, (V4, V6))

    assert [vrp.expires for vrp in found.vrps] == [1795310000, 1795300000, 1795320000]
    assert (found.total, found.form, found.generated) == (3, "rpki-client", 1795284000)
    assert found.half_expire_by == 1795310000


def test_jsonext_of_routinator_ends_with_its_last_chain(tmp_path: Path) -> None:
    def source(end: str) -> dict[str, object]:
        return {
            "type": "roa",
            "uri": "rsync://x",
            "tal": "ripe",
            "validity": {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2030-01-01T00:00:00Z"},
            "chainValidity": {"notBefore": "2026-01-01T00:00:00Z", "notAfter": end},
        }

    sources = [source("2026-11-30T00:00:00Z"), source("2026-12-01T00:00:00Z")]
    plain = {"roas": [{"asn": "AS1", "prefix": "192.0.2.0/24", "maxLength": 24, "source": sources}]}

    (vrp,) = read(tmp_path, json.dumps(plain))

    assert (vrp.expires, vrp.trust_anchor) == (1796083200, "ripe")


@pytest.mark.parametrize(
    "text",
    [
        '[{"prefix":"192.0.2.0/24","maxLength":24,"asn":"64500"}]',
        '{"roas":[{"prefix":"192.0.2.0/24","asn":"as64500"}]}',
        '{"roas":[{"prefix":"192.0.2.0/24","maxLength":"24","asn":64500,"ta":"x"}],"metadata":{"counts":1}}',
        "ASN,IP Prefix,Max Length,Trust Anchor\nAS64500,192.0.2.0/24,24,ripe\n",
        "ASN,IP Prefix,Max Length,Trust Anchor,Expires\nAS64500,192.0.2.0/24,24,ripe,1795300000\n",
        '"ASN","IP Prefix","Max Length","Trust Anchor"\n"64500","192.0.2.0/24","24","ripe"\n',
        "URI,ASN,IP Prefix,Max Length,Not After\nrsync://a,AS64500,192.0.2.0/24,24,2027-01-01T00:00:00Z\n",
        "URI,ASN,IP Prefix,Max Length,Not Before,Not After\nx,AS64500,192.0.2.0/24,,2026-01-01,2027-01-01\n",
        "\ufeffASN,IP Prefix\r\nAS64500,192.0.2.0/24\r\n",
    ],
)
def test_the_same_vrp_is_read_from_every_form(text: str, tmp_path: Path) -> None:
    assert shown(read(tmp_path, text)) == [("192.0.2.0/24", 24, 64500)]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_compressed_files_are_read(pack: object, tmp_path: Path) -> None:
    path = tmp_path / "vrps.bin"
    path.write_bytes(pack(ROUTINATOR.encode()))  # type: ignore[operator]

    assert read_vrps(path, (V4,)).total == 5


def test_a_vrp_that_stands_there_twice_counts_once_and_lives_as_long_as_the_last(tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    entry = '{"asn":1,"prefix":"192.0.2.0/24","maxLength":24,"ta":"a","expires":%s}'
    path.write_text('{"roas":[' + ",".join(entry % end for end in (20, 30, 10)) + "]}")

    found = read_vrps(path, (V4,))

    assert [vrp.expires for vrp in found.vrps] == [30]
    assert (found.total, found.duplicates) == (3, 2)


def test_a_maximum_length_that_no_roa_may_have_leaves_the_vrp_out(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(
        '[{"asn":1,"prefix":"192.0.2.0/24","maxLength":23},{"asn":1,"prefix":"192.0.2.0/24","maxLength":33}]'
    )

    found = read_vrps(path, (V4,))

    assert found.vrps == ()
    assert found.broken == (
        "entry 0: AS1 192.0.2.0/24 with a maximum length of 23",
        "entry 1: AS1 192.0.2.0/24 with a maximum length of 33",
    )


def test_an_end_beyond_all_calendars_is_no_end(tmp_path: Path) -> None:
    (found,) = read(tmp_path, '[{"asn":1,"prefix":"192.0.2.0/24","expires":%s}]' % 10**30)

    assert found.expires is None


@pytest.mark.parametrize(
    ("end", "expires"), [("1795300000.0", 1_795_300_000), ("null", None), ('""', None), ('"N/A"', None)]
)
def test_an_end_may_be_a_fraction_or_absent(end: str, expires: int | None, tmp_path: Path) -> None:
    (found,) = read(tmp_path, f'[{{"asn":1,"prefix":"192.0.2.0/24","expires":{end}}}]')

    assert found.expires == expires


def test_a_list_of_nothing_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    path.write_text('{"roas": []}')

    assert read_vrps(path, (V4,)).total == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        (" \n \n", "nothing but blanks"),
        ("junk\n", ":1: 'junk' is neither JSON nor CSV"),
        ("{", "cut off"),
        ('{"roas": [{"asn": 1, "prefix": "192.0.2.0/24"}', "cut off"),
        ('{"roas": [}', ":1: is not JSON"),
        ('{"vrps": []}', "no list `roas`"),
        (
            '{"slurmVersion": 1, "locallyAddedAssertions": {"prefixAssertions": [{"asn": 1}]}}',
            "SLURM",
        ),
        ('{"roas": [{"asn": 1}]}', "entry 0 (the first is 0) has no prefix"),
        (
            '{"roas": [{"asn": 1, "prefix": "192.0.2.0/24"}, 7]}',
            "entry 1 (the first is 0) has no asn and prefix",
        ),
        (
            '{"roas": [{"asn": 1, "prefix": "192.0.2.0/24"}, {"asn": 1, "prefix": "8.8.8/24"}]}',
            "entry 1 (the first",
        ),
        ('{"roas": [{"asn": 1, "prefix": "192.0.2.1/24"}]}', "bits set behind its length"),
        ('{"roas": [{"asn": 1, "prefix": "192.0.2.0/33"}]}', "is not a prefix"),
        ('{"roas": [{"asn": 1, "prefix": "192.0.2.0"}]}', "is not a prefix"),
        ('{"roas": [{"asn": 1, "prefix": "192.0.02.0/24"}]}', "is not a prefix"),
        ('{"roas": [{"asn": 1, "prefix": 7}]}', "the prefix is '7'"),
        ('{"roas": [{"asn": 4294967296, "prefix": "192.0.2.0/24"}]}', "is not an AS number"),
        ('{"roas": [{"asn": true, "prefix": "192.0.2.0/24"}]}', "is not an AS number"),
        ('{"roas": [{"asn": "AS", "prefix": "192.0.2.0/24"}]}', "is not an AS number"),
        ('{"roas": [{"asn": 1, "prefix": "192.0.2.0/24", "maxLength": "x"}]}', "the maximum length is 'x'"),
        ('{"roas": [], "other": [{"asn": 1, "prefix": "192.0.2.0/24"}]}', "outside of its list"),
        ('[{"asn": 1, "prefix": "192.0.2.0/24", "expires": "soon"}]', "it expires at 'soon', which is not"),
        ('[{"asn": 1, "prefix": "192.0.2.0/24", "expires": [1]}]', "it expires at '[1]'"),
        ('[{"asn": 1, "prefix": "192.0.2.0/24", "expires": true}]', "it expires at 'True'"),
        ('[{"asn": 1, "prefix": "192.0.2.0/24", "expires": NaN}]', "it expires at 'nan'"),
        ("ASN,IP Prefix,Expires\nAS1,192.0.2.0/24,someday\n", ":2: it expires at 'someday'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"roas": [], "x": ' + "9" * 5000 + "}", "a number that cannot be one"),
        ("<!DOCTYPE html><html>", "is a web page"),
        (
            "ASN,IP Prefix,Max Length\nAS1,192.0.2.0/24,24\nAS1,192.0.2/24,24\n",
            ":3: '192.0.2/24' is not a prefix",
        ),
        ("ASN,IP Prefix,Max Length\nAS1\n", ":2: 'AS1' has too few columns"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_text(text)

    with pytest.raises(DataError) as caught:
        read_vrps(path, (V4, V6))

    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_broken_entry_elsewhere_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="entry 0"):
        read(tmp_path, '{"roas": [{"asn": "x", "prefix": "8.8.8.0/24"}]}')


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(8, 32)), max_size=30), st.integers(8, 32))
def test_what_is_kept_is_what_overlaps(rows: list[tuple[int, int]], length: int) -> None:
    import tempfile

    about = ip_network(
        (int(ip_network("192.0.2.0/24").network_address) >> (32 - length) << (32 - length), length)
    )
    base = int(ip_network("192.0.0.0/16").network_address)
    listed = {ip_network(((base + (low << 4)) >> (32 - n) << (32 - n), n)) for low, n in rows}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vrps.json"
        path.write_text(json.dumps({"roas": [{"asn": 1, "prefix": str(p)} for p in sorted(listed)]}))
        found = read_vrps(path, (about,))

    assert {vrp.prefix for vrp in found.vrps} == {p for p in listed if p.overlaps(about)}
