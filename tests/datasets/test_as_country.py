"""Names and countries: three formats told apart by content, merged in a stated order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.datasets.as_country import merge, parse_registry, read_registry
from anyplane.model.errors import DataError

FIXTURES = Path(__file__).parent / "fixtures"


def test_as_org_joins_networks_to_the_country_of_their_organisation() -> None:
    registry = read_registry(FIXTURES / "small.as-org2info.txt")

    assert registry.country == {10: "DE", 20: "US"}
    assert registry.name == {
        10: "Alpha Transit",
        20: "Beta Carrier, Inc.",
        100: "Registry of a region",
        200: "DELTA",
    }


def test_as_org_as_json_lines_says_the_same() -> None:
    text = (
        '{"organizationId":"ORG-A","name":"Alpha Transit","country":"DE","type":"Organization"}\n'
        '{"asn":"10","organizationId":"ORG-A","name":"ALPHA","type":"ASN"}\n'
    )

    registry = parse_registry(text)

    assert (registry.country, registry.name) == ({10: "DE"}, {10: "Alpha Transit"})


def test_asnames_are_read_with_and_without_organisation_and_country() -> None:
    registry = read_registry(FIXTURES / "small.asnames.txt")

    assert registry.country == {10: "FR", 100: "NL", 200: "JP"}
    assert registry.name[100] == "Gamma, Ltd."
    assert registry.name[200] == "DELTA Delta without a dash"
    assert registry.name[4200000000] == "PRIVATE; reserved by RFC6996"
    assert 0 not in registry.name


@pytest.mark.parametrize(
    "text",
    [
        "3320,DE\n",
        "asn,country\n3320,DE\n",
        "ASN,AS_Name,Organization_Name,Country\n3320,DTAG,Deutsche Telekom,DE\n",
        'AS3320,"Deutsche Telekom, AG",DE,700\n',
        "# a comment\r\n\r\nAS3320,de\r\n",
    ],
)
def test_csv_with_and_without_header_is_read(text: str) -> None:
    assert parse_registry(text).country == {3320: "DE"}


def test_of_two_registries_the_earlier_wins_for_each_network() -> None:
    org, names = (read_registry(FIXTURES / f"small.{kind}.txt") for kind in ("as-org2info", "asnames"))

    merged = merge([org, names])

    assert merged.country == {10: "DE", 20: "US", 100: "NL", 200: "JP"}
    assert merged.name[10] == "Alpha Transit"
    assert merge([names, org]).country[10] == "FR"


def test_regions_and_reserved_codes_are_no_countries() -> None:
    assert parse_registry("1,EU\n2,ZZ\n3,AP\n4,NO\n").country == {4: "NO"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 0, "holds no entry"),
        ("# only comments\n", 0, "holds no entry"),
        ("what is this\n", 1, "in no known format"),
        ("1 A - B, US\nhello\n", 2, "is not `ASN NAME"),
        ("4294967296 A - B, US\n", 1, "is not an AS number"),
        ("1,US\n2,Germany\n", 2, "not a country code"),
        ("1,US\n2\n", 2, "too few columns"),
        ("1,US\nx,US\n", 2, "'x' is not an AS number"),
        ("# format:org_id|changed|org_name|country|source\nA|1|B|DE\n", 2, "has 4 fields; expected 5"),
        ("# format:a|b\nA|B\n", 2, "unknown section"),
        ("# format:aut|changed|aut_name|org_id|opaque_id|source\nx|1|A|B|C|D\n", 2, "is not an AS number"),
        ('{"organizationId":"A"}\n{"asn":\n', 2, "is not JSON"),
        ('{"asn":"1"}\n', 1, "no organizationId"),
        ("asn,population\n1,2\n", 1, "names no column country"),
        ("1,ZZ\n", 0, "names no network"),
    ],
)
def test_a_bad_line_is_one_error_with_its_number(text: str, line: int, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        parse_registry(text)
    assert caught.value.line == line


@given(st.text(max_size=120), st.sampled_from(["1,US\n", "1 A - B, US\n", "# format:a|b\n", "{", ""]))
def test_no_input_makes_the_reader_fall_over(junk: str, start: str) -> None:
    try:
        registry = parse_registry(start + junk)
    except DataError:
        return
    assert all(len(code) == 2 for code in registry.country.values())


def test_real_registries_know_most_of_the_real_graph(shared_data: Path) -> None:
    info = shared_data / "as-info"
    org = read_registry(info / "20200701.as-org2info.txt.gz")
    names = read_registry(info / "ripe_asnames_asn.20180706.txt.xz")
    listed = read_registry(info / "country_as_list.csv.xz")

    merged = merge([org, names, listed])

    assert (len(org.country), len(names.country), len(listed.country)) == (96_247, 85_253, 18_177)
    assert (merged.country[3320], merged.name[3320]) == ("DE", "Deutsche Telekom AG")
