"""One question and its answer over UDP, from a port that the kernel draws anew each time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from anyplane.measure.names import SocketAddress

LARGEST = 4096


async def exchange(address: SocketAddress, message: bytes, is_answer: Callable[[bytes], bool]) -> bytes:
    """The first datagram from that address that `is_answer`; others are ignored. OSError: it is refused."""
    loop = asyncio.get_running_loop()
    # Connected: the kernel drops what comes from elsewhere and tells of ICMP errors.
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0)
        sock.connect(address.to)
        sock.send(message)
        while True:
            answer = await loop.sock_recv(sock, LARGEST)
            if is_answer(answer):
                return answer
