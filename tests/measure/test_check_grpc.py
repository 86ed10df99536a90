"""gRPC health checks against grpcio's server, and against what is none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent import futures
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from certificates import Authority
from small_servers import ask, black_hole, free_ports, tcp_server

from anyplane.design.operation import Endpoint, GrpcProbe


def _serve(credentials: grpc.ServerCredentials | None = None) -> Iterator[Endpoint]:
    # Messages by hand: field 1 of the request is the service, field 1 of the response its status.
    states = {"": 1, "resolver": 1, "sick": 2}

    def check(request: bytes, context: grpc.ServicerContext) -> bytes:
        name = request[2:].decode()
        if name not in states:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes([0x08, states[name]])

    handler = grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
    host = "[::]:0"
    port = server.add_secure_port(host, credentials) if credentials else server.add_insecure_port(host)
    server.start()
    yield Endpoint(host="127.0.0.1", port=port)
    server.stop(None).wait()


@pytest.fixture(scope="module")
def health() -> Iterator[Endpoint]:
    """A health server without TLS."""
    yield from _serve()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_serving_server_passes(health: Endpoint, host: str) -> None:
    outcome = ask(GrpcProbe(to=replace(health, host=host), service="resolver"))

    assert outcome.is_ok, outcome.detail
    assert outcome.detail == "SERVING"
    assert ask(GrpcProbe(to=health)).is_ok


def test_what_is_wrong_is_said(health: Endpoint) -> None:
    assert ask(GrpcProbe(to=health, service="sick")).detail == "the server says NOT_SERVING"
    assert ask(GrpcProbe(to=health, service="other")).detail == "gRPC status NOT_FOUND: unknown service"


def test_tls_is_verified_for_the_host(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    signed = authority.sign("127.0.0.1")
    pair = signed.key.read_bytes(), signed.certificate.read_bytes()

    for server in _serve(grpc.ssl_server_credentials([pair])):
        good = ask(GrpcProbe(to=server, is_tls=True), ca_file=str(authority.file))
        other = ask(GrpcProbe(to=replace(server, host="::1"), is_tls=True), ca_file=str(authority.file))
        plain = ask(GrpcProbe(to=server))

    assert good.is_ok, good.detail
    assert "IP address mismatch" in other.detail
    assert not plain.is_ok


def test_what_is_no_grpc_fails_in_time() -> None:
    def http1(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with tcp_server(http1) as server:
        other = ask(GrpcProbe(to=server))
    with tcp_server(lambda connection: None) as server:
        ended = ask(GrpcProbe(to=server))
    with black_hole() as server:
        silent = ask(GrpcProbe(to=server), timeout_s=0.1)
    closed = ask(GrpcProbe(to=Endpoint(host="127.0.0.1", port=free_ports(1)[0])))

    assert other.detail.startswith("this is no HTTP/2")
    assert not ended.is_ok
    assert silent.detail == "no answer in 100 ms, waiting for the answer"
    assert closed.detail == "connection refused"
