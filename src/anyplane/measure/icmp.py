"""Echo requests (RFC 792, RFC 4443), all checks of a family over one socket.

An unprivileged ping socket serves where net.ipv4.ping_group_range allows it (that setting is for IPv6 too),
else a raw one (CAP_NET_RAW). An answer belongs to a request when sequence number, source address and the
random bytes that it carries agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import socket
import struct

from anyplane.design.operation import IcmpProbe
from anyplane.measure.names import SocketAddress, Target
from anyplane.measure.outcome import Outcome, Unhealthy, good
from anyplane.measure.shared import Shared

_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
"""Family -> type of request and of reply."""
_SOL_RAW, _ICMP_FILTER = 255, 1
"""Of SOL_RAW and of SOL_ICMPV6: which types are not delivered."""
_HEADER = struct.Struct("!BBHHH")
_TOKEN = 16
_BURST = 64
_GOOD = good("echo reply")


class IcmpProber:
    """Pings one host."""

    doing = "waiting for the echo reply"

    def __init__(self, spec: IcmpProbe, *, family: int, shared: Shared) -> None:
        self._target = Target(spec.host, 0, family=family, names=shared.names)
        self._shared = shared

    async def probe(self) -> Outcome:
        """Good when the echo comes back."""
        address = await self._target.address()
        pinger = self._shared.kept(("icmp", address.family), lambda: Pinger(address.family))
        await pinger.ping(address)
        return _GOOD

    def close(self) -> None:
        """The socket is the runner's."""


class Pinger:
    """One socket for all echo requests of a family."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._loop = asyncio.get_running_loop()
        self._family = family
        self._request, self._reply = _ECHO[family]
        self._sock, self._is_raw = _open(family, self._reply)
        self._identity = secrets.randbelow(65_536)
        self._numbers = itertools.count(secrets.randbelow(65_536))
        self._waiting: dict[int, tuple[str, bytes, asyncio.Future[None]]] = {}
        self._loop.add_reader(self._sock.fileno(), self._readable)

    async def ping(self, address: SocketAddress) -> None:
        """Return when the reply is there. OSError: it cannot be sent."""
        number, token = next(self._numbers) % 65_536, secrets.token_bytes(_TOKEN)
        replied: asyncio.Future[None] = self._loop.create_future()
        self._waiting[number] = address.to[0].partition("%")[0], token, replied
        try:
            self._sock.sendto(self._message(number, token), address.to)
            await replied
        finally:
            if self._waiting.get(number, (None, None, None))[2] is replied:
                del self._waiting[number]

    def close(self) -> None:
        """Close the socket."""
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    def _message(self, number: int, token: bytes) -> bytes:
        # A ping socket replaces identity and checksum, ICMPv6 the checksum: raw ICMPv4 alone needs them.
        empty = _HEADER.pack(self._request, 0, 0, self._identity, number)
        return _HEADER.pack(self._request, 0, checksum(empty + token), self._identity, number) + token

    def _readable(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._sock.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about some earlier request, which misses its deadline
            parsed = parse(data, is_raw_v4=self._is_raw and self._family == socket.AF_INET)
            if parsed is None or parsed[0] != self._reply:
                continue
            host, token, replied = self._waiting.get(parsed[1], ("", b"", None))
            if replied is None or replied.done() or parsed[2] != token:
                continue
            if source[0].partition("%")[0] == host:
                replied.set_result(None)


def parse(data: bytes, *, is_raw_v4: bool) -> tuple[int, int, bytes] | None:
    """(type, sequence number, payload) of an ICMP message, None when it is too short to be one."""
    if is_raw_v4:
        data = data[(data[0] & 15) * 4 :] if data else data
    if len(data) < _HEADER.size:
        return None
    kind, _, _, _, number = _HEADER.unpack_from(data)
    return kind, number, data[_HEADER.size :]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _open(family: socket.AddressFamily, reply: int) -> tuple[socket.socket, bool]:
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        with contextlib.suppress(PermissionError):
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(0)
            if kind == socket.SOCK_RAW:
                _filter(sock, family, reply)
            return sock, kind == socket.SOCK_RAW
    raise Unhealthy(
        "no ICMP socket may be opened: put this group into net.ipv4.ping_group_range, or grant CAP_NET_RAW"
    )


def _filter(sock: socket.socket, family: socket.AddressFamily, reply: int) -> None:
    """Let echo replies alone through: a raw socket gets every ICMP message of the host."""
    if family == socket.AF_INET:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~(1 << reply) & 0xFFFFFFFF))
        return
    blocked = [0xFFFFFFFF] * 8
    blocked[reply >> 5] &= ~(1 << (reply & 31))
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP_FILTER, struct.pack("=8I", *blocked))
