"""The log of a prober, whole and torn; and the bytes of questions and answers."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.lab.probes.queries import Client, Failure, Kind, ProbePlan, ProbeTarget, Turn
from anyplane.lab.probes.query_log import LogWriter, read
from anyplane.lab.probes.questions import colo_of, identity_of, question, site_of
from anyplane.model.errors import DataError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written(tmp_path / "log")

    log = read(tmp_path / "log")

    assert [(one.sequence, one.site, one.error) for one in log.queries] == [
        (0, 'fra, "1"', None),
        (1, "", Failure.REFUSED),
        (2, "ams", None),  # an answer counts though an error came first
        (3, "", None),
    ]
    assert (log.queries[0].answered_at or 0) - log.queries[0].sent_at == pytest.approx(0.001)
    assert log.queries[1].failed_at == pytest.approx(1.012)
    assert [(stall.at, stall.for_s) for stall in log.stalls] == [(1.02, 0.007)]
    assert [(turn.what, turn.site, turn.for_s) for turn in log.turns] == [(Turn.SILENT, "ams", 0.4)]
    assert [(mark.at, mark.word) for mark in log.marks] == [(1.0, "started")]
    assert (log.ends_at, log.garbled) == (1.05, 0)


def test_a_log_cut_anywhere_says_what_was_written_before(tmp_path: Path) -> None:
    data = written(tmp_path / "log")
    first = data.index(b"\n") + 1
    whole = read(tmp_path / "log")

    for end in range(first, len(data)):
        (tmp_path / "log").write_bytes(data[:end])
        log = read(tmp_path / "log")
        assert log.garbled == 0
        assert len(log.queries) <= len(whole.queries)
        assert {one.sequence for one in log.queries} <= {0, 1, 2, 3}
        assert log.ends_at <= whole.ends_at


def test_rubbish_in_the_middle_costs_its_lines_only(tmp_path: Path) -> None:
    data = written(tmp_path / "log")
    lines = data.split(b"\n")
    lines[3:3] = [b"s,99,1,5", b"\0\0\0\0", b"a,0,x,1,0", b"s,0", b"zz", b"e,0,1,2,nonsense", b"p,\xff,2"]
    (tmp_path / "log").write_bytes(b"\n".join(lines))

    log = read(tmp_path / "log")

    assert len(log.queries) == 4
    assert log.garbled == 7


@pytest.mark.parametrize("data", [b"", b"H", b"H {}\n", b"something else\n"])
def test_what_is_no_log_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "log").write_bytes(data)

    with pytest.raises(DataError):
        read(tmp_path / "log")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "nothing")


def test_a_plan_survives_its_text() -> None:
    assert ProbePlan.from_text(PLAN.to_text()) == PLAN
    assert [(one.client.name, one.family) for one in PLAN.flows] == [("a", 4), ("b", 4), ("b", 6)]


def test_a_question_is_what_a_dns_library_reads() -> None:
    message = dns.message.from_wire(question(0x1234))

    assert message.id == identity_of(question(0x1234)) == 0x1234
    assert message.question[0].to_text() == "id.server. CH TXT"


@pytest.mark.parametrize("is_compressed", [True, False])
def test_the_site_of_an_answer_is_its_first_text(is_compressed: bool) -> None:
    query = dns.message.from_wire(question(7))
    reply = dns.message.make_response(query)
    data = reply.to_wire()
    name = b"\xc0\x0c" if is_compressed else b"\x02id\x06server\0"
    record = name + struct.pack("!2HIH", 16, 3, 0, 5) + b"\x04fra1"
    data = data[:6] + b"\0\1" + data[8:] + record

    assert site_of(data) == "fra1"
    assert dns.message.from_wire(data).answer[0][0].to_text() == '"fra1"'
    refused = data[:3] + bytes([data[3] | 5]) + data[4:]
    assert site_of(refused) == ""
    for end in range(len(data)):
        assert site_of(data[:end]) == ""


@given(st.binary(max_size=80))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    assert isinstance(site_of(data), str)
    assert isinstance(colo_of(data), str)
    draws = random.Random(data)
    assert isinstance(site_of(b"\0\1\x80\0\0\1\0\1\0\0\0\0" + draws.randbytes(40)), str)


def test_the_site_of_a_trace_is_a_whole_line() -> None:
    assert colo_of(b"HTTP/1.1 200 OK\r\n\r\nfl=1\ncolo=fra\nip=1\n") == "fra"
    assert colo_of(b"colo=fra") == ""
    assert colo_of(b"xcolo=ams\ncolo=fra\r\n") == "fra"


PLAN = ProbePlan(
    log="log",
    clients=(
        Client(name="a", namespace="/run/netns/a", source4="192.0.2.1"),
        Client(name="b", source4="192.0.2.2", source6="2001:db8::2", users=5),
    ),
    targets=(
        ProbeTarget(address="198.51.100.1", port=53, kind=Kind.UDP, rate=7),
        ProbeTarget(address="2001:db8:1::1", port=80, kind=Kind.HTTP, clients=("b",)),
    ),
)


def written(path: Path) -> bytes:
    """A log with one of everything."""
    plan = ProbePlan(log=str(path), clients=PLAN.clients, targets=PLAN.targets)
    with LogWriter(plan) as log:
        log.mark(1_000_000, "started")
        log.flush(1_000_000)
        for sequence in range(4):
            log.sent(0, sequence, 1_000_000 + 10_000 * sequence)
        log.answered(0, 0, 1_001_000, 'fra, "1"')
        log.failed(0, 1, 1_012_000, Failure.REFUSED)
        log.flush(1_015_000)
        log.failed(0, 2, 1_021_000, Failure.UNREACHABLE)
        log.answered(0, 2, 1_022_000, "ams")
        log.stalled(1_020_000, 7_000)
        log.turned(2, 1_030_000, Turn.SILENT, "ams", 400_000)
        log.flush(1_050_000)
    return path.read_bytes()
