"""PeeringDB: presence, exchanges and route servers, from answers, pages and dumps."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_internet import METROS

from anyplane.datasets.metro_match import MetroIndex
from anyplane.datasets.peeringdb import TABLES, Location, read_peeringdb
from anyplane.model.errors import DataError

FRANKFURT = Location(city="Frankfurt", country="DE", lat=50.1, lon=8.6)
Rows = dict[str, list[dict[str, object]]]


def made_up() -> Rows:
    ok: dict[str, object] = {"status": "ok"}
    return {
        "net": [
            {"id": 1, "asn": 10, "name": "Alpha", "info_type": "NSP", **ok},
            {"id": 2, "asn": 100, "name": "Gamma", "info_type": "Cable/DSL/ISP", **ok},
            {"id": 3, "asn": 6695, "name": "DE-CIX RS", "info_type": "Route Server", **ok},
            {"id": 4, "asn": 666, "name": "Gone", "info_type": "NSP", "status": "deleted"},
        ],
        "fac": [
            {
                "id": 7,
                "city": "Frankfurt",
                "country": "DE",
                "latitude": 50.1,
                "longitude": 8.6,
                "clli": "",
                **ok,
            },
            {
                "id": 8,
                "city": "Nowhere",
                "country": "SG",
                "latitude": None,
                "longitude": None,
                "clli": "",
                **ok,
            },
        ],
        "ix": [
            {"id": 5, "name": "DE-CIX", "city": "Frankfurt", "country": "de", "proto_unicast": True, **ok}
        ],
        "ixlan": [{"id": 55, "ix_id": 5, "rs_asn": 0, **ok}],
        "netfac": [
            {"id": 1, "net_id": 1, "fac_id": 7, "local_asn": 10, "city": "Frankfurt", "country": "DE", **ok},
            {"id": 2, "net_id": 1, "fac_id": 8, "local_asn": 10, "city": "Nowhere", "country": "SG", **ok},
        ],
        "netixlan": [
            {"id": 1, "net_id": 1, "ix_id": 5, "ixlan_id": 55, "asn": 10, "is_rs_peer": False, **ok},
            {"id": 2, "net_id": 2, "ixlan_id": 55, "asn": 100, "is_rs_peer": True, **ok},
            {"id": 3, "net_id": 3, "ix_id": 5, "ixlan_id": 55, "asn": 6695, "is_rs_peer": True, **ok},
            {"id": 4, "net_id": 2, "ix_id": 5, "ixlan_id": 55, "asn": 20, "operational": False, **ok},
        ],
    }


def write_answers(directory: Path, rows: Rows) -> None:
    for table in TABLES:
        (directory / f"{table}.json").write_text(json.dumps({"meta": {}, "data": rows[table]}))


def test_answers_of_the_api_are_joined(tmp_path: Path) -> None:
    write_answers(tmp_path, made_up())

    found = read_peeringdb([tmp_path])

    assert found.name == {10: "Alpha", 100: "Gamma", 6695: "DE-CIX RS"}
    assert [(asn, place.city, place.lat) for asn, place in found.presence] == [
        (10, "Frankfurt", None),
        (10, "Frankfurt", 50.1),
        (10, "Nowhere", None),
        (100, "Frankfurt", None),
    ]
    (exchange,) = found.exchanges
    assert (exchange.name, exchange.route_server, exchange.members) == ("DE-CIX", 6695, (10, 100))
    assert exchange.route_server_peers == (100,)


def test_a_dump_and_compressed_pages_say_the_same(tmp_path: Path) -> None:
    rows = made_up()
    answers, pages = tmp_path / "answers", tmp_path / "pages"
    answers.mkdir()
    pages.mkdir()
    write_answers(answers, rows)
    dump = tmp_path / "dump.json.gz"
    dump.write_bytes(gzip.compress(json.dumps({table: {"data": rows[table]} for table in TABLES}).encode()))
    for table in TABLES:
        for page, part in enumerate((rows[table][:1], rows[table][1:])):
            packed = lzma.compress(json.dumps({"data": part}).encode())
            (pages / f"{table}.page{page}.json.xz").write_bytes(packed)

    assert read_peeringdb([answers]) == read_peeringdb([dump]) == read_peeringdb([pages])


def test_the_declared_route_server_wins_over_the_one_found(tmp_path: Path) -> None:
    rows = made_up()
    rows["ixlan"][0]["rs_asn"] = 64500
    write_answers(tmp_path, rows)

    assert read_peeringdb([tmp_path]).exchanges[0].route_server == 64500


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "is no object"),
        ("{}", "no table"),
        ('{"data": 5}', "not a list of objects"),
        ('{"data": [5]}', "not a list of objects"),
        ('{"data": [{"hello": 1}]}', "of no table"),
        ('{"data": [{"asn": 1, "info_type": ""}]}', "has no id"),
        ('{"data": [{"id": 1, "asn": 4294967296, "info_type": ""}]}', "not an AS number"),
        ('{"data": [{"id": 1, "asn": "x", "info_type": ""}]}', "not an AS number"),
        ('{"net": {}}', "net has no data"),
        ('{"data": []}', "holds no table"),
        ('{"data": [\n{"id": 1', "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"data": [{"id": ' + "9" * 5_000 + "}]}", "is not JSON"),
        ("<html>", "web page"),
    ],
)
def test_what_is_no_peeringdb_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(text)

    with pytest.raises(DataError, match=says):
        read_peeringdb([path])


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text('{"data": [\n{"id": 1,\n oops')

    with pytest.raises(DataError) as caught:
        read_peeringdb([path])
    assert caught.value.line == 3


def test_a_directory_without_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.json.part").write_text("{")
    (tmp_path / "manifest.json").write_text("{}")

    with pytest.raises(DataError, match="holds no JSON file"):
        read_peeringdb([tmp_path])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
)
fields = st.sampled_from(
    ["id", "asn", "net_id", "ix_id", "ixlan_id", "fac_id", "city", "country", "latitude"]
)


@given(
    table=st.sampled_from(TABLES),
    rows=st.lists(st.dictionaries(fields, json_values, max_size=6), max_size=3),
)
def test_no_rows_make_the_reader_fall_over(
    table: str, rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = {name: {"data": list[dict[str, object]](part)} for name, part in made_up().items()}
    document[table]["data"] += rows
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))

    try:
        found = read_peeringdb([path])
    except DataError:
        return
    assert found.exchanges


@pytest.mark.parametrize(
    ("location", "code"),
    [
        (Location(city="", country="", lat=48.9, lon=2.3), "FRA"),
        (Location(city="Frankfurt", country="DE"), "FRA"),
        (Location(city="New", country="US"), "NYC"),
        (Location(city="Newark", country="SG"), "SIN"),
        (Location(city="FRANKFURT am Main, Hessen", country="DE"), "FRA"),
        (Location(city="New York (Manhattan)", country="US"), "NYC"),
        (Location(city="Ashburn", country="US"), "NYC"),
        (Location(city="Eschborn", country="CH"), "FRA"),
        (Location(city="Frankfurt", country="PL"), ""),
    ],
)
def test_a_city_finds_its_metro(location: Location, code: str) -> None:
    index = MetroIndex(METROS, known=[Location(city="Eschborn", country="CH", lat=50.1, lon=8.5)])

    metro = index.metro_of(location)

    assert (METROS.code[metro] if metro >= 0 else "") == code


def test_the_real_sample_is_read(shared_data: Path) -> None:
    found = read_peeringdb([shared_data / "peeringdb-sample"])

    assert (len(found.name), len(found.presence), len(found.exchanges)) == (500, 909, 500)
    frankfurt = next(exchange for exchange in found.exchanges if exchange.name == "DE-CIX Frankfurt")
    assert frankfurt.route_server == 6695
    assert set(frankfurt.route_server_peers) < set(frankfurt.members)
