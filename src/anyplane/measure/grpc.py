"""grpc.health.v1.Health/Check over HTTP/2, without a gRPC library: its two messages have one field each."""

from __future__ import annotations

import struct
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from anyplane.design.operation import GrpcProbe
from anyplane.measure.names import Target
from anyplane.measure.outcome import Outcome, Unhealthy, good
from anyplane.measure.shared import Shared
from anyplane.measure.streams import Stream, TlsStream, connect, connect_tls

MESSAGE_MAX = 4096
STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
CODES = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]
_CONFIG = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")


class GrpcProber:
    """Asks on a connection of its own."""

    doing = "connecting"

    def __init__(self, spec: GrpcProbe, *, family: int, shared: Shared) -> None:
        self._spec = spec
        self._target = Target(spec.to.host, spec.to.port, family=family, names=shared.names)
        self._trust = shared.trust
        self._message = request(spec.service)
        self._headers = (
            (":method", "POST"),
            (":scheme", "https" if spec.is_tls else "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", str(self._target)),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "anyplane"),
        )

    async def probe(self) -> Outcome:
        """Good when the server says SERVING."""
        address = await self._target.address()
        self.doing = "connecting"
        stream: Stream | TlsStream
        if self._spec.is_tls:
            context = self._trust.context(is_verified=True, alpn="h2")
            stream = await connect_tls(address, context, self._target.host)
        else:
            stream = await connect(address)
        try:
            self.doing = "waiting for the answer"
            return judge(*await self._ask(stream))
        except h2.exceptions.H2Error as error:
            raise Unhealthy(f"this is no HTTP/2: {error or type(error).__name__}") from error
        finally:
            stream.close()

    def close(self) -> None:
        """Nothing is held."""

    async def _ask(self, stream: Stream | TlsStream) -> tuple[dict[str, str], bytes]:
        """Headers with trailers, and the body."""
        connection = h2.connection.H2Connection(config=_CONFIG)
        connection.initiate_connection()
        number = connection.get_next_available_stream_id()
        connection.send_headers(number, self._headers)
        connection.send_data(number, self._message, end_stream=True)
        await stream.send(connection.data_to_send())
        headers: dict[str, str] = {}
        body = b""
        while data := await stream.receive():
            if data.startswith(b"HTTP/1"):
                raise Unhealthy("this is no HTTP/2: the server speaks HTTP/1")
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    headers |= {str(name): str(value) for name, value in event.headers or ()}
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data or b""
                    if len(body) > MESSAGE_MAX:
                        raise Unhealthy("the answer is too long for a health check")
                elif isinstance(event, h2.events.StreamEnded):
                    return headers, body
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise Unhealthy(f"the server ended it with HTTP/2 error {int(event.error_code or 0)}")
            if answer := connection.data_to_send():
                await stream.send(answer)
        raise Unhealthy("the connection ended before an answer")


def request(service: str) -> bytes:
    """A HealthCheckRequest in its frame: field 1, the service."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return struct.pack("!BI", 0, len(message)) + message


def judge(headers: dict[str, str], body: bytes) -> Outcome:
    """What an answer says; Unhealthy when it is not SERVING."""
    if (status := headers.get(":status")) != "200":
        raise Unhealthy(f"HTTP status {status}, not 200")
    code = headers.get("grpc-status", "")
    if code != "0":
        name = CODES[int(code)] if code.isascii() and code.isdigit() and int(code) < len(CODES) else code
        raise Unhealthy(f"gRPC status {name or 'missing'}: {unquote(headers.get('grpc-message', ''))}")
    if len(body) < 5 or body[0] != 0 or len(body) != 5 + int.from_bytes(body[1:5], "big"):
        raise Unhealthy("the answer is no gRPC message")
    serving = serving_status(body[5:])
    if serving != 1:
        raise Unhealthy(f"the server says {STATUS.get(serving, serving)}")
    return good("SERVING")


def serving_status(message: bytes) -> int:
    """Field 1 of a HealthCheckResponse; 0 when it is left out; other fields are skipped."""
    status, at = 0, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _read_varint(message, at)
            if key >> 3 == 1:
                status = value
        elif wire == 2:
            length, at = _read_varint(message, at)
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise Unhealthy("the answer is no HealthCheckResponse")
    if at != len(message):
        raise Unhealthy("the answer is cut short")
    return status


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Unhealthy("the answer is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Unhealthy("the answer is no HealthCheckResponse")
