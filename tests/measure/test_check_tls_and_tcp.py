"""TLS and TCP checks: certificates of every date and name, and ports that do not answer."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from certificates import Authority
from small_servers import ask, black_hole, free_ports, tcp_server

from anyplane.design.operation import Endpoint, TcpProbe, TlsProbe
from anyplane.measure.outcome import Unhealthy
from anyplane.measure.tls import judge, validity


def _linger(connection: socket.socket) -> None:
    connection.recv(1)


def _tls(authority: Authority, *names: str, begins: float = -1, ends: float = 90) -> ssl.SSLContext:
    signed = authority.sign(*names, begins=begins, ends=ends)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    return context


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("begins", "ends", "name", "days", "detail"),
    [
        (-1, 90, "a.example", 14, "the certificate is good for 90 days"),
        (-1, 90, "", 14, "the certificate is good for 90 days"),
        (-1, 9, "a.example", 14, "the certificate expires in 9.0 days, less than 14"),
        (-9, -2, "a.example", 0, "certificate: certificate has expired"),
        (-9, -2, "", 0, "the certificate expired 2.0 days ago"),
        (3, 90, "a.example", 0, "certificate: certificate is not yet valid"),
        (3, 90, "", 0, "the certificate is not valid before 3.0 days from now"),
        (-1, 90, "b.example", 0, "certificate: Hostname mismatch, certificate is not valid for 'b.example'."),
    ],
)
def test_dates_and_name_of_a_certificate_are_judged(
    tmp_path: Path, family: int, begins: float, ends: float, name: str, days: float, detail: str
) -> None:
    authority = Authority(tmp_path)
    context = _tls(authority, "a.example", begins=begins, ends=ends)

    with tcp_server(_linger, family=family, tls=context) as server:
        outcome = ask(TlsProbe(to=server, server_name=name, days=days), ca_file=str(authority.file))

    assert outcome.detail == detail
    assert outcome.is_ok is detail.startswith("the certificate is good")


def test_what_is_no_tls_fails() -> None:
    def shout(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example ESMTP\r\n" * 5)
        connection.recv(1000)

    with tcp_server(shout) as server:
        plain = ask(TlsProbe(to=server))
    with tcp_server(lambda connection: None) as server:
        hung_up = ask(TlsProbe(to=server))
    with black_hole() as server:
        silent = ask(TlsProbe(to=server), timeout_s=0.1)

    assert plain.detail == "TLS handshake: wrong version number"
    assert not hung_up.is_ok
    assert silent.detail == "no answer in 100 ms, in the TLS handshake"


def test_a_certificate_that_cannot_be_read_fails_and_dates_are_compared_with_now() -> None:
    with pytest.raises(Unhealthy, match="cannot be read"):
        validity(b"garbage")

    assert judge(0, 86_400, now=43_200, days=0.5).is_ok
    assert not judge(0, 86_400, now=43_201, days=0.5).is_ok


@pytest.mark.parametrize("family", [4, 6])
def test_a_tcp_handshake_passes_and_a_closed_port_is_refused(family: int) -> None:
    with tcp_server(_linger, family=family) as server:
        open_ = ask(TcpProbe(to=server))
    closed = ask(TcpProbe(to=Endpoint(host=server.host, port=server.port)))

    assert open_.is_ok
    assert closed.detail == "connection refused"


def test_names_are_resolved_in_the_family_of_the_check() -> None:
    with tcp_server(_linger, family=4) as server:
        found = ask(TcpProbe(to=Endpoint(host="localhost", port=server.port)), family=4)
    unknown = ask(TcpProbe(to=Endpoint(host="nowhere.invalid", port=1)))
    service = ask(TcpProbe(to=Endpoint(host="service", port=free_ports(1)[0])))

    assert found.is_ok, found.detail
    assert unknown.detail.startswith("nowhere.invalid cannot be resolved")
    assert service.detail == "the host is `service`, and no service address is known"
