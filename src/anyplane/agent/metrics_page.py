"""A tiny HTTP server for the metrics: GET /metrics and GET /healthz, one request a connection."""

from __future__ import annotations

import anyio
from anyio.abc import SocketAttribute, SocketStream

from anyplane.agent.logs import Log
from anyplane.agent.metrics import Metrics
from anyplane.model.errors import UsageError

REQUEST_BYTES = 8192
DEADLINE_S = 5.0
CONNECTIONS = 16


def address_of(text: str) -> tuple[str, int]:
    """ADDRESS:PORT, [ADDRESS]:PORT or :PORT (this machine only)."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise UsageError(f"--metrics {text}: write ADDRESS:PORT, such as 127.0.0.1:9179")
    return host.strip("[]") or "127.0.0.1", int(port)


async def serve(address: tuple[str, int], metrics: Metrics, log: Log) -> None:
    """Serve until cancelled. An address that is taken is a warning: metrics are no reason not to announce."""
    try:
        listener = await anyio.create_tcp_listener(local_host=address[0], local_port=address[1])
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        log.warning("no metrics are served", address=f"{address[0]}:{address[1]}", reason=str(why).lower())
        return
    slots = anyio.CapacityLimiter(CONNECTIONS)
    async with listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's
        log.info("metrics served", address=f"{address[0]}:{port}", path="/metrics")

        async def answer(stream: SocketStream) -> None:
            if slots.available_tokens < 1:
                # Each connection costs a descriptor, and the checks need theirs.
                await anyio.aclose_forcefully(stream)
                return
            async with stream, slots:
                with anyio.move_on_after(DEADLINE_S):
                    await _answer(stream, metrics)

        await listener.serve(answer)


async def _answer(stream: SocketStream, metrics: Metrics) -> None:
    received = b""
    try:
        while b"\r\n\r\n" not in received and b"\n\n" not in received:
            received += await stream.receive(REQUEST_BYTES)
            if len(received) > REQUEST_BYTES:
                await _send(stream, "431 Request Header Fields Too Large", b"")
                return
        words = received.split(b"\n", 1)[0].split()
        path = words[1].split(b"?")[0] if len(words) > 1 else b""
        if not words or words[0] not in (b"GET", b"HEAD"):
            await _send(stream, "405 Method Not Allowed", b"")
        elif path in (b"/metrics", b"/"):
            await _send(stream, "200 OK", metrics.text(), has_body=words[0] == b"GET")
        elif path == b"/healthz":
            await _send(stream, "200 OK", b"ok\n")
        else:
            await _send(stream, "404 Not Found", b"see /metrics\n")
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


async def _send(stream: SocketStream, status: str, body: bytes, *, has_body: bool = True) -> None:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    await stream.send(head.encode() + (body if has_body else b""))
