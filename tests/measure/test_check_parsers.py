"""Whatever arrives, a parser answers or says Unhealthy; it raises nothing else and hangs on nothing."""

from __future__ import annotations

import contextlib
import socket

from hypothesis import given, settings
from hypothesis import strategies as st
from small_servers import ask, tcp_server

from anyplane.design.operation import DnsProbe, Endpoint, GrpcProbe, HttpProbe, NtpProbe
from anyplane.measure import Outcome, grpc, icmp, ntp
from anyplane.measure.dns import Judge
from anyplane.measure.outcome import DETAIL_MAX, Unhealthy, tidy

NOWHERE = Endpoint(host="127.0.0.1", port=1)
DNS = Judge(DnsProbe(server=NOWHERE, name="www.example.net", expect=("192.0.2.7",)))
ANSWERED = b"ID\x85\x80\0\1\0\1\0\0\0\0" + DNS.query[10:31] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_dns_answer_or_none(data: bytes) -> None:
    DNS.is_answer(data, b"ID")
    with contextlib.suppress(Unhealthy):
        assert isinstance(DNS.outcome(data), Outcome)


@given(st.integers(2, len(ANSWERED) - 1), st.integers(0, 255))
def test_a_dns_answer_with_one_byte_changed_is_read_or_refused(at: int, byte: int) -> None:
    data = ANSWERED[:at] + bytes([byte]) + ANSWERED[at + 1 :]

    DNS.is_answer(data, b"ID")
    with contextlib.suppress(Unhealthy):
        assert DNS.outcome(data).is_ok


def test_the_dns_answer_that_is_changed_is_good_unchanged() -> None:
    assert DNS.is_answer(ANSWERED, b"ID")
    assert DNS.outcome(ANSWERED).is_ok


@given(st.binary(min_size=48, max_size=80), st.floats(0, 2e10), st.floats(0, 2e10))
def test_any_48_bytes_are_an_ntp_answer_or_none(data: bytes, sent: float, received: float) -> None:
    with contextlib.suppress(Unhealthy):
        assert ntp.judge(NtpProbe(server=NOWHERE, offset_s=1.0), data, sent=sent, received=received).is_ok


@given(st.binary(max_size=60))
def test_any_bytes_are_a_health_response_or_none(data: bytes) -> None:
    for body in (data, b"\0" + len(data).to_bytes(4, "big") + data):
        with contextlib.suppress(Unhealthy):
            assert grpc.judge({":status": "200", "grpc-status": "0"}, body).is_ok


@given(st.dictionaries(st.sampled_from([":status", "grpc-status", "grpc-message"]), st.text()))
def test_any_grpc_headers_are_judged(headers: dict[str, str]) -> None:
    with contextlib.suppress(Unhealthy):
        grpc.judge(headers, b"")


@given(st.integers(0, 2**40))
def test_a_health_request_frames_the_service(length: int) -> None:
    name = "s" * (length % 400)
    message = grpc.request(name)

    assert int.from_bytes(message[1:5], "big") == len(message) - 5
    assert name.encode() in message


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_an_icmp_message_or_none(data: bytes, is_raw_v4: bool) -> None:
    icmp.parse(data, is_raw_v4=is_raw_v4)


@given(st.text())
def test_a_detail_is_one_short_printable_line(text: str) -> None:
    line = tidy(text)

    assert len(line) <= DETAIL_MAX
    assert line.isprintable()


@settings(max_examples=25)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_from_a_server_end_http_and_grpc_checks_as_answers(data: bytes, is_http: bool) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall((b"HTTP/1.1 200 OK\r\n" if is_http else b"") + data)

    with tcp_server(serve) as server:
        web = ask(HttpProbe(url=f"http://127.0.0.1:{server.port}/", body="never there"), timeout_s=1)
        rpc = ask(GrpcProbe(to=server), timeout_s=1)

    assert not web.is_ok
    assert not rpc.is_ok
