"""DNS checks against unbound over UDP, TCP and TLS, and against servers that lie."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.rrset
import pytest
from certificates import Authority
from small_servers import ask, black_hole, daemon, free_ports, needs_daemon, tcp_server, udp_server

from anyplane.design.operation import DnsProbe, Endpoint, Transport

NAME = "www.example.net"


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, str]]:
    """(port, TLS port, authority's file) of an unbound on 127.0.0.1 and ::1."""
    program = needs_daemon("unbound")
    directory: Path = tmp_path_factory.mktemp("unbound")
    authority = Authority(directory)
    signed = authority.sign("dns.example.net")
    port, tls_port = free_ports(2)
    records = "".join(f'  local-data: "big.example.net. 60 A 192.0.2.{i}"\n' for i in range(1, 201))
    config = directory / "unbound.conf"
    config.write_text(
        f"""server:
  interface: 127.0.0.1@{port}
  interface: ::1@{port}
  interface: 127.0.0.1@{tls_port}
  interface: ::1@{tls_port}
  tls-port: {tls_port}
  tls-service-key: "{signed.key}"
  tls-service-pem: "{signed.certificate}"
  directory: "{directory}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  local-zone: "example.net." static
  local-data: "{NAME}. 60 A 192.0.2.7"
  local-data: "{NAME}. 60 AAAA 2001:db8::7"
  local-data: '{NAME}. 60 TXT "all is well"'
{records}remote-control:
  control-enable: no
"""
    )
    with daemon(program, "-d", "-c", str(config), port=port):
        yield port, tls_port, str(authority.file)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", list(Transport))
def test_a_resolver_that_answers_as_wanted_passes(
    unbound: tuple[int, int, str], host: str, transport: Transport
) -> None:
    port, tls_port, ca_file = unbound
    server = Endpoint(host=host, port=tls_port if transport is Transport.TLS else port)
    probe = DnsProbe(
        server=server,
        name=NAME,
        expect=("192.0.2.7",),
        transport=transport,
        tls_name="dns.example.net" if transport is Transport.TLS else "",
    )

    outcome = ask(probe, ca_file=ca_file)

    assert outcome.is_ok, outcome.detail
    assert outcome.detail == "NOERROR, 192.0.2.7"


def test_what_is_wrong_is_said(unbound: tuple[int, int, str]) -> None:
    port, tls_port, ca_file = unbound
    probe = DnsProbe(server=Endpoint(host="127.0.0.1", port=port), name=NAME, expect=("192.0.2.8",))
    over_tls = replace(
        probe,
        transport=Transport.TLS,
        server=Endpoint(host="127.0.0.1", port=tls_port),
        tls_name="other.example",
    )

    assert ask(probe).detail == "answered 192.0.2.7, not 192.0.2.8"
    assert ask(replace(probe, name="no.example.net")).detail == "answered NXDOMAIN, not NOERROR"
    assert ask(replace(probe, name="no.example.net", expect=(), rcode="NXDOMAIN")).is_ok
    assert ask(replace(probe, type="MX")).detail == "answered nothing, not 192.0.2.8"
    assert (
        "no question" in ask(replace(probe, type="NONSENSE")).detail
        or not ask(replace(probe, type="NONSENSE")).is_ok
    )
    assert "Hostname mismatch" in ask(over_tls, ca_file=ca_file).detail
    assert "certificate" in ask(replace(over_tls, tls_name="dns.example.net")).detail
    assert ask(replace(over_tls, tls_name="", expect=())).is_ok


def test_expected_answers_are_compared_as_values(unbound: tuple[int, int, str]) -> None:
    server = Endpoint(host="127.0.0.1", port=unbound[0])

    assert ask(DnsProbe(server=server, name=NAME, type="AAAA", expect=("2001:DB8:0::7",))).is_ok
    assert ask(DnsProbe(server=server, name="WWW.example.NET.", type="TXT", expect=('"all is well"',))).is_ok


def test_an_answer_too_large_for_udp_is_fetched_over_tcp(unbound: tuple[int, int, str]) -> None:
    server = Endpoint(host="::1", port=unbound[0])

    outcome = ask(DnsProbe(server=server, name="big.example.net", expect=("192.0.2.1", "192.0.2.200")))

    assert outcome.is_ok, outcome.detail


def _answer(query: bytes, **changes: object) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "A", "192.0.2.7"))
    for name, value in changes.items():
        setattr(response, name, value)
    return response.to_wire()


def test_only_the_answer_to_our_question_counts() -> None:
    def forge(query: bytes) -> list[bytes]:
        other = dns.message.make_query("www.example.org", "A")
        other.id = int.from_bytes(query[:2], "big")
        wrong_id = bytes([query[0] ^ 1]) + _answer(query)[1:]
        return [b"", b"garbage", wrong_id, _answer(other.to_wire()), query]

    with udp_server(forge) as server:
        probe = DnsProbe(server=server, name=NAME, expect=("192.0.2.7",))
        refused = ask(probe, timeout_s=0.3)
    with udp_server(lambda query: [*forge(query), _answer(query)]) as server:
        found = ask(replace(probe, server=server))

    assert refused.detail == "no answer in 300 ms, waiting for the answer over UDP"
    assert found.is_ok


def test_each_query_has_an_id_and_a_port_of_its_own() -> None:
    seen = []
    with udp_server(lambda query: [seen.append(query[:2]) or _answer(query)]) as server:  # type: ignore[func-returns-value]
        for _ in range(8):
            assert ask(DnsProbe(server=server, name=NAME)).is_ok

    assert len(set(seen)) > 4


def test_faults_end_as_answers_and_in_time() -> None:
    def cut(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"\0\x40only this")

    with udp_server(
        lambda query: [query[:2] + b"\x81\x80" + query[4:6] + b"\xff" * 6 + query[12:-11]]
    ) as server:
        broken = ask(DnsProbe(server=server, name=NAME))
    with udp_server(lambda query: [query[:2] + b"\x81\x01" + bytes(8)]) as server:
        formerr = ask(DnsProbe(server=server, name=NAME))
    with tcp_server(cut) as server:
        short = ask(DnsProbe(server=server, name=NAME, transport=Transport.TCP))
    with black_hole(family=6) as server:
        silent = [
            ask(DnsProbe(server=server, name=NAME, transport=transport), timeout_s=0.1)
            for transport in Transport
        ]
    closed = ask(DnsProbe(server=Endpoint(host="127.0.0.1", port=free_ports(1)[0]), name=NAME))

    assert "cannot be read" in broken.detail
    assert formerr.detail == "answered FORMERR, not NOERROR"
    assert short.detail == "the connection ended after 11 bytes of the answer"
    assert [one.detail.startswith("no answer in 100 ms") for one in silent] == [True] * 3
    assert closed.detail == "connection refused"
