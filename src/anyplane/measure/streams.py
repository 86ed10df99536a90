"""Stream: one TCP connection, plain or TLS, as a check uses it: connect, send, receive, close.

Sockets are driven by the event loop directly and TLS through ssl.MemoryBIO. Transports and stream readers
cost twice as much for a connection that carries one question, and may outlive a cancelled task.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct

from anyplane.measure.names import SocketAddress
from anyplane.measure.outcome import Unhealthy

CHUNK = 16_384
_RESET = struct.pack("ii", 1, 0)


class Stream:
    """A connected TCP socket; `close` must be called."""

    __slots__ = ("_loop", "_sock")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock, self._loop = sock, loop

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await self._loop.sock_sendall(self._sock, data)

    async def receive(self) -> bytes:
        """What came, at most CHUNK bytes; empty at the end."""
        return await self._loop.sock_recv(self._sock, CHUNK)

    def close(self) -> None:
        """Close it; no TIME_WAIT is left, so that a check every second uses up no ports."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._sock.close()


class TlsStream:
    """The same with TLS over it."""

    __slots__ = ("_incoming", "_outgoing", "_stream", "tls")

    def __init__(self, stream: Stream, context: ssl.SSLContext, server_name: str | None) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    async def handshake(self) -> None:
        """Agree on keys, and verify the certificate if the context says so; Unhealthy when it is not good."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
            except ssl.SSLCertVerificationError as error:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert says why we leave
                raise Unhealthy(f"certificate: {error.verify_message}") from error
            except ssl.SSLError as error:
                raise Unhealthy(f"TLS handshake: {_reason(error)}") from error
            else:
                return await self._flush()

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        self.tls.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        """What came, at most CHUNK bytes; empty at the end."""
        while True:
            try:
                return self.tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                if error.reason == "UNEXPECTED_EOF_WHILE_READING":
                    return b""
                raise Unhealthy(f"TLS: {_reason(error)}") from error

    def close(self) -> None:
        """Close the connection below."""
        self._stream.close()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._stream.send(self._outgoing.read())

    async def _more(self) -> None:
        if data := await self._stream.receive():
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


async def connect(address: SocketAddress) -> Stream:
    """A TCP connection; OSError when there is none."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, address.to)
    except BaseException:
        sock.close()
        raise
    return Stream(sock, loop)


async def connect_tls(address: SocketAddress, context: ssl.SSLContext, server_name: str | None) -> TlsStream:
    """A TLS connection; Unhealthy or OSError when there is none."""
    plain = await connect(address)
    try:
        stream = TlsStream(plain, context, server_name)
        await stream.handshake()
    except BaseException:
        plain.close()
        raise
    return stream


class Trust:
    """TLS contexts, made once: each holds all certificates of the authorities, about a megabyte.

    `ca_file` names the authorities to trust; empty: those of the system (SSL_CERT_FILE is honoured).
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._made: dict[tuple[bool, str], ssl.SSLContext] = {}

    def context(self, *, is_verified: bool, alpn: str = "") -> ssl.SSLContext:
        """A client's context."""
        key = is_verified, alpn
        if key not in self._made:
            self._made[key] = self._make(is_verified=is_verified, alpn=alpn)
        return self._made[key]

    def _make(self, *, is_verified: bool, alpn: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if is_verified:
            if self._ca_file:
                context.load_verify_locations(self._ca_file)
            else:
                context.load_default_certs()
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols([alpn])
        return context


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
