"""A site for probers to ask: DNS over UDP and TCP, HTTP and a long stream; faults come by signals.

    python lab_responder.py SITE ADDRESS...

SIGUSR1: it drops what it hears from now on. SIGUSR2: it answers again. SIGHUP: it resets its connections.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import struct
import sys
import time

DNS, HTTP, STREAM = 53, 80, 8081


def main() -> None:
    site, *addresses = sys.argv[1:]
    text = site.encode()
    answer = b"\xc0\x0c\0\x10\0\x03\0\0\0\0" + struct.pack("!HB", len(text) + 1, len(text)) + text
    chosen = selectors.DefaultSelector()
    state = {"is_dropping": False}
    streams: list[socket.socket] = []

    def reset(*_: object) -> None:
        for one in streams:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        streams.clear()

    signal.signal(signal.SIGUSR1, lambda *_: state.update(is_dropping=True))
    signal.signal(signal.SIGUSR2, lambda *_: state.update(is_dropping=False))
    signal.signal(signal.SIGHUP, reset)
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for kind, port in (
            (socket.SOCK_DGRAM, DNS),
            (socket.SOCK_STREAM, DNS),
            (socket.SOCK_STREAM, HTTP),
            (socket.SOCK_STREAM, STREAM),
        ):
            made = socket.socket(family, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM:
                made.listen(128)
            chosen.register(made, selectors.EVENT_READ, (kind, port))

    def dns(query: bytes) -> bytes:
        return query[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + query[12:] + answer

    print("ready", flush=True)
    written = 0.0
    while True:
        for key, _ in chosen.select(0.02):
            kind, port = key.data
            if kind == socket.SOCK_DGRAM:
                query, client = key.fileobj.recvfrom(2048)
                if not state["is_dropping"]:
                    key.fileobj.sendto(dns(query), client)
                continue
            connection, _ = key.fileobj.accept()
            if port == STREAM:
                connection.send(b"colo=" + text + b"\n")
                streams.append(connection)
                continue
            with contextlib.suppress(OSError), connection:
                if state["is_dropping"]:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    continue
                query = connection.recv(4096)
                if port == DNS:
                    message = dns(query[2:])
                    connection.send(struct.pack("!H", len(message)) + message)
                else:
                    body = b"fl=1\ncolo=" + text + b"\n"
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                    connection.send(head + body)
        if time.monotonic() - written > 0.1:
            written = time.monotonic()
            for one in list(streams):
                try:
                    one.send(b"colo=" + text + b"\n")
                except OSError:
                    streams.remove(one)
                    one.close()


if __name__ == "__main__":
    main()
