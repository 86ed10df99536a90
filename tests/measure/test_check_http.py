"""HTTP checks against nginx, and against servers that do it wrong."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from certificates import Authority
from small_servers import ask, black_hole, daemon, free_ports, needs_daemon, tcp_server

from anyplane.design.operation import HttpProbe


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, str]]:
    """(port, https port, authority's file) of an nginx on 127.0.0.1 and ::1."""
    program = needs_daemon("nginx")
    directory: Path = tmp_path_factory.mktemp("nginx")
    authority = Authority(directory)
    signed = authority.sign("www.example.net", "127.0.0.1")
    port, tls_port = free_ports(2)
    config = directory / "nginx.conf"
    config.write_text(
        f"""daemon off; master_process off; pid {directory}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {directory}/1; proxy_temp_path {directory}/2;
  fastcgi_temp_path {directory}/3; uwsgi_temp_path {directory}/4; scgi_temp_path {directory}/5;
  server {{
    listen 127.0.0.1:{port}; listen [::1]:{port};
    listen 127.0.0.1:{tls_port} ssl; listen [::1]:{tls_port} ssl;
    ssl_certificate {signed.certificate}; ssl_certificate_key {signed.key};
    location = /health {{ return 200 "ok $host"; }}
    location = /moved {{ return 302 /health; }}
    location = /gone {{ return 503; }}
  }}
}}
"""
    )
    with daemon(program, "-c", str(config), "-p", str(directory), "-e", "stderr", port=port):
        yield port, tls_port, str(authority.file)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_page_with_the_right_status_and_body_passes(nginx: tuple[int, int, str], host: str) -> None:
    outcome = ask(HttpProbe(url=f"http://{host}:{nginx[0]}/health?x=1", body="ok "))

    assert outcome.is_ok, outcome.detail
    assert outcome.detail == "status 200"
    assert 0 < outcome.latency_s < 1


def test_https_verifies_the_name_that_is_asked_for(nginx: tuple[int, int, str]) -> None:
    _, port, ca_file = nginx
    probe = HttpProbe(url=f"https://www.example.net:{port}/health", address="::1", body="www.example.net")
    other = replace(probe, url=f"https://other.example:{port}/health", body="")

    assert ask(probe, ca_file=ca_file).is_ok
    assert ask(HttpProbe(url=f"https://127.0.0.1:{port}/health"), ca_file=ca_file).is_ok
    assert "Hostname mismatch" in ask(other, ca_file=ca_file).detail
    assert ask(replace(other, host_header="www.example.net"), ca_file=ca_file).is_ok
    assert ask(replace(other, is_verified=False), ca_file=ca_file).is_ok
    assert ask(probe).detail == "certificate: unable to get local issuer certificate"


def test_what_is_wrong_is_said(nginx: tuple[int, int, str]) -> None:
    url = f"http://127.0.0.1:{nginx[0]}"

    assert ask(HttpProbe(url=f"{url}/gone")).detail == "status 503, not 200"
    assert ask(HttpProbe(url=f"{url}/moved")).detail == "status 302, not 200"
    assert ask(HttpProbe(url=f"{url}/moved", status=frozenset((200, 302)))).is_ok
    assert ask(HttpProbe(url=f"{url}/health", method="HEAD")).is_ok
    assert (
        "'no' is not in the body, which begins 'ok 127"
        in ask(HttpProbe(url=f"{url}/health", body="no")).detail
    )
    assert "more than 0.001 ms" in ask(HttpProbe(url=f"{url}/health", latency_s=1e-6)).detail
    assert ask(HttpProbe(url="gopher://127.0.0.1/")).detail == "gopher://127.0.0.1/ is no http or https URL"


def _read(connection: socket.socket) -> None:
    while b"\r\n\r\n" not in connection.recv(4096):
        pass


def test_a_giant_body_is_read_no_further_than_needed() -> None:
    sent = [0]

    def giant(connection: socket.socket) -> None:
        _read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while sent[0] < 500_000_000:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent[0] += 65536

    with tcp_server(giant) as server:
        outcome = ask(HttpProbe(url=f"http://127.0.0.1:{server.port}/"))

    assert outcome.is_ok
    assert sent[0] < 100_000_000


def test_a_slow_drip_meets_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        _read(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.02)

    began = time.monotonic()
    with tcp_server(drip, family=6) as server:
        outcome = ask(HttpProbe(url=f"http://[::1]:{server.port}/"), timeout_s=0.2)

    assert outcome.detail == "no answer in 200 ms, reading the body"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"", "connection ended before a response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no HTTP response"),
        (b"\xff\x00" * 50 + b"\r\n\r\n", "no HTTP response"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000, "no HTTP response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "no HTTP response"),
    ],
)
def test_what_is_no_response_fails(said: bytes, detail: str) -> None:
    def serve(connection: socket.socket) -> None:
        _read(connection)
        connection.sendall(said)

    with tcp_server(serve) as server:
        outcome = ask(HttpProbe(url=f"http://127.0.0.1:{server.port}/"))

    assert not outcome.is_ok
    assert detail in outcome.detail


def test_a_black_hole_meets_the_deadline_and_a_closed_port_is_told_at_once() -> None:
    with black_hole() as server:
        silent = ask(HttpProbe(url=f"http://127.0.0.1:{server.port}/"), timeout_s=0.1)
        unsafe = ask(HttpProbe(url=f"https://127.0.0.1:{server.port}/"), timeout_s=0.1)
    closed = ask(HttpProbe(url=f"http://127.0.0.1:{free_ports(1)[0]}/"))

    assert silent.detail == "no answer in 100 ms, waiting for the response"
    assert unsafe.detail == "no answer in 100 ms, connecting"
    assert closed.detail == "connection refused"
    assert closed.latency_s < 0.5


def test_a_url_that_no_request_can_carry_is_an_answer() -> None:
    outcome = ask(HttpProbe(url="http://127.0.0.1:9/a b"))

    assert not outcome.is_ok
    assert "LocalProtocolError" in outcome.detail
