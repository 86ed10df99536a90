"""What the load of health checks is asked of: small servers on loopback, in a process of their own.

python -m bench.check_servers      prints its ports as JSON, serves until its input ends
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

ANSWER = bytes.fromhex("0004c0000207")
HTTP = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Dns(asyncio.DatagramProtocol):
    """Answers every question with one A record."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Remember where to answer."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """The question, then a pointer to its name, A, IN, 60 s."""
        end = data.index(b"\0", 12) + 5
        head = data[:2] + b"\x85\x00\0\1\0\1\0\0\0\0"
        self.transport.sendto(head + data[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c" + ANSWER, addr)


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One response."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HTTP)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def tcp(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing."""
    writer.close()


async def serve(pid: int) -> None:
    """Serve until the input ends."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Dns, local_addr=("127.0.0.1", 0))
    web = await asyncio.start_server(http, "127.0.0.1", 0, backlog=1024)
    plain = await asyncio.start_server(tcp, "127.0.0.1", 0, backlog=1024)
    ports = {
        "dns": transport.get_extra_info("sockname")[1],
        "http": web.sockets[0].getsockname()[1],
        "tcp": plain.sockets[0].getsockname()[1],
        "pid": pid,
    }
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve, beside a process that only lives."""
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            asyncio.run(serve(child.pid))
        finally:
            child.kill()


if __name__ == "__main__":
    main()
