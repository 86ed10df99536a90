"""An HTTP/1.1 request over TCP or TLS; its status, its body and the time it took. Redirects are answers."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import h11

from anyplane.design.operation import HttpProbe
from anyplane.measure.names import Target
from anyplane.measure.outcome import Outcome, Unhealthy, good, milliseconds
from anyplane.measure.shared import Shared
from anyplane.measure.streams import Stream, TlsStream, connect, connect_tls

BODY_MAX = 65_536
HEAD_MAX = 16_384
PORTS = {"http": 80, "https": 443}


class HttpProber:
    """Asks for one URL on a connection of its own."""

    doing = "connecting"

    def __init__(self, spec: HttpProbe, *, family: int, shared: Shared) -> None:
        url = urlsplit(spec.url)
        if url.scheme not in PORTS or not url.hostname:
            raise Unhealthy(f"{spec.url} is no http or https URL")
        self._spec, self._is_tls = spec, url.scheme == "https"
        port = url.port or PORTS[url.scheme]
        self._target = Target(spec.address or url.hostname, port, family=family, names=shared.names)
        authority = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        host = spec.host_header or (f"{authority}:{url.port}" if url.port else authority)
        self._server_name = _hostname(spec.host_header) or url.hostname
        self._request = h11.Request(
            method=spec.method,
            target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
            headers=[
                ("Host", host),
                ("User-Agent", "anyplane"),
                ("Accept", "*/*"),
                ("Connection", "close"),
                *([("Content-Length", "0")] if spec.method == "POST" else []),
            ],
        )
        self._body = spec.body.encode()
        self._trust = shared.trust

    async def probe(self) -> Outcome:
        """Good when status, body and time are as wanted."""
        began = time.monotonic()
        address = await self._target.address()
        self.doing = "connecting"
        stream: Stream | TlsStream
        if self._is_tls:
            context = self._trust.context(is_verified=self._spec.is_verified, alpn="http/1.1")
            stream = await connect_tls(address, context, self._server_name)
        else:
            stream = await connect(address)
        try:
            self.doing = "waiting for the response"
            status, body = await self._ask(stream)
        finally:
            stream.close()
        return self._judge(status, body, time.monotonic() - began)

    def close(self) -> None:
        """Nothing is held."""

    async def _ask(self, stream: Stream | TlsStream) -> tuple[int, bytes]:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)
        status, size, parts = 0, 0, []
        try:
            head = connection.send(self._request) or b""
            await stream.send(head + (connection.send(h11.EndOfMessage()) or b""))
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    data = await stream.receive()
                    if not data and not status:
                        raise Unhealthy("the connection ended before a response")
                    connection.receive_data(data)
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    self.doing = "reading the body"
                elif isinstance(event, h11.Data):
                    parts.append(bytes(event.data))
                    size += len(parts[-1])
                    if size >= BODY_MAX:
                        break
                elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
                    break
        except h11.RemoteProtocolError as error:
            raise Unhealthy(f"this is no HTTP response: {error}") from error
        return status, b"".join(parts)[:BODY_MAX]

    def _judge(self, status: int, body: bytes, took: float) -> Outcome:
        spec = self._spec
        if status not in spec.status:
            wanted = ", ".join(str(one) for one in sorted(spec.status))
            raise Unhealthy(f"status {status}, not {wanted}")
        if self._body not in body:
            start = body[:40].decode("utf-8", "replace")
            raise Unhealthy(f"status {status}, but {spec.body!r} is not in the body, which begins {start!r}")
        if spec.latency_s is not None and took > spec.latency_s:
            raise Unhealthy(f"took {milliseconds(took)}, more than {milliseconds(spec.latency_s)}")
        return good(f"status {status}", latency_s=took)


def _hostname(host: str) -> str:
    """The host of a Host header, without its port."""
    return (urlsplit(f"//{host}").hostname or "") if host else ""
