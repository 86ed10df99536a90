"""RIPE Atlas DNS: the name of the server out of the answer as it came over the wire."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.measure.observations.atlas_dns import read_atlas_dns
from anyplane.measure.observations.atlas_probes import read_probes
from anyplane.measure.observations.naming import SiteNames
from anyplane.model.errors import DataError
from anyplane.model.reading import Reading

PROBES = {1: (64500, 64506), 2: (64501, None), 3: (None, 64503)}
NAMES = SiteNames.of(["^fra=fra", "^ams=ams"])


def nsid(name: bytes) -> bytes:
    query = dns.message.make_query("example.", "SOA", use_edns=0)
    answer = dns.message.make_response(query)
    answer.use_edns(0, options=[dns.edns.GenericOption(dns.edns.NSID, name)])
    return answer.to_wire()


def chaos(qname: str, text: str | None, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> bytes:
    answer = dns.message.make_response(dns.message.make_query(qname, "TXT", "CH"))
    answer.set_rcode(rcode)
    if text is not None:
        answer.answer.append(dns.rrset.from_text(qname, 0, "CH", "TXT", text))
    return answer.to_wire()


def result(probe: int, wire: bytes, **more: object) -> dict[str, object]:
    answer = {"abuf": base64.b64encode(wire).decode(), "rt": 7.5}
    return {"prb_id": probe, "timestamp": 1700000000, "type": "dns", "result": answer, **more}


def read(folder: Path, results: object, **options: str) -> Reading:
    path = folder / "results.json"
    path.write_text(results if isinstance(results, str) else json.dumps(results))
    return read_atlas_dns(path, names=NAMES, probes=PROBES, **options)  # type: ignore[arg-type]


def test_nsid_and_chaos_name_the_site(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        [
            result(1, nsid(b"FRA1.ns.example")),
            result(2, chaos("hostname.bind.", "ams7")),
            result(3, chaos("ID.server.", "ams8"), af=6),
        ],
    )

    seen = reading.observations
    assert [(int(seen.asn[i]), seen.site_of(i)) for i in range(3)] == [
        (64500, "fra"),
        (64501, "ams"),
        (64503, "ams"),
    ]
    assert (set(seen.at.tolist()), set(seen.rtt_ms.tolist())) == ({1.7e9}, {7.5})
    assert (reading.rows, reading.unusable, reading.notes) == (3, (), ())


def test_a_result_with_several_answers_is_several_rows(tmp_path: Path) -> None:
    part = result(0, nsid(b"fra1"))
    results = [{"prb_id": 1, "type": "dns", "resultset": [part, {"error": {"timeout": 5000}}, 7]}]

    reading = read(tmp_path, results)

    assert (reading.rows, len(reading.observations)) == (3, 1)
    assert {one.reason for one in reading.unusable} == {"timeout", "not a result of RIPE Atlas"}


def test_what_gives_no_site_is_lost_or_unknown_and_counted(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        [
            result(1, chaos("hostname.bind.", None)),
            result(1, nsid(b"some-resolver")),
            result(1, nsid(b"\x00\xff")),
            result(1, chaos("version.bind.", "fra1")),
            result(1, chaos("hostname.bind.", None, dns.rcode.REFUSED)),
            result(9, nsid(b"fra1")),
            {"prb_id": 1, "type": "dns", "result": {"rt": 1.0}},
            result(1, b"\x00\x01"),
            "nonsense",
        ],
    )

    assert [reading.observations.site_of(row) for row in range(4)] == [""] * 4
    assert {(one.reason, one.rows) for one in reading.unusable} == {
        ("the server said REFUSED", 1),
        ("probe of an unknown network", 1),
        ("no abuf in the result", 1),
        ("abuf is not a DNS message", 1),
        ("not a result of RIPE Atlas", 1),
    }
    assert {(one.reason, one.rows) for one in reading.notes} == {
        ("answer without a name: site unknown", 2),
        ("the name 'some-resolver' fits no site", 1),
        ("the name '00ff' fits no site", 1),
    }


def test_only_answers_from_the_target_count(tmp_path: Path) -> None:
    results = [result(1, nsid(b"fra"), dst_addr="192.0.2.1"), result(2, nsid(b"fra"), dst_addr="192.0.2.2")]

    reading = read(tmp_path, results, target="192.0.2.1")

    assert reading.observations.asn.tolist() == [64500]


def test_a_line_may_hold_a_result_and_a_table_an_answer(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(result(probe, nsid(b"fra"))) for probe in (1, 2))
    table = tmp_path / "t.tsv"
    table.write_text("probe_id\tnsid_raw\trcode\trtt_ms\n1\tfra1\tNOERROR\t3.5\n2\t\tREFUSED\t\nx\t\t\t\n")

    by_line = read(tmp_path, lines)
    by_table = read_atlas_dns(table, names=NAMES, probes=PROBES)

    assert by_line.observations.asn.tolist() == [64500, 64501]
    assert (by_table.observations.asn.tolist(), by_table.rows) == ([64500], 3)
    assert {(one.reason, one.first_line) for one in by_table.unusable} == {
        ("the server said 'REFUSED'", 3),
        ("not a probe", 4),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"prb_id": 1},\n {"prb', ":2: is not JSON"),
        ('{"prb_id": 1}\n{"prb', ":2: is not JSON"),
        ('[{"prb_id": 1, "type": "ping"}]', "result 1 is a 'ping'"),
    ],
)
def test_a_damaged_or_other_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_no_answer_however_damaged_ends_the_reading(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("noise")

    reading = read(folder, [result(1, nsid(b"fra1")[:cut] + noise), result(2, nsid(b"ams"))])

    assert reading.rows == 2
    assert len(reading.observations) + sum(one.rows for one in reading.unusable) == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"objects": [{"id": 1, "asn_v4": 64500, "asn_v6": null}, {"id": 2, "asn_v4": null}]}',
        '[{"id": 1, "asn_v4": 64500}]',
        "probe_id\tcountry\tasn_v4\n1\tDE\t64500\n2\tNL\t\n",
        "1 64500\n2 None\n",
        "1,AS64500\n",
    ],
)
def test_probes_are_read_in_every_usual_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "probes").write_text(text)

    assert read_probes(tmp_path / "probes") == {1: (64500, None)}


@pytest.mark.parametrize(
    "text", ["one 64500\n", "1 64500 7\n", '{"objects": 7}', "[{}]", "[", "probe_id,asn_v4\nx,1\n"]
)
def test_what_names_no_probes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "probes").write_text(text)

    with pytest.raises(DataError):
        read_probes(tmp_path / "probes")
