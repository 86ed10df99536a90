"""A small HTTP server that says which site it is: the program that servers.web starts, standard library only.

GET /trace and /cdn-cgi/trace give lines of KEY=VALUE (colo=fra, ip=, ts=...), every other page what its
configuration says, or 404. /stream, and a connection to a port of "stream", is written a line `colo=SITE`
each 100 ms for as long as it lasts. SIGHUP: the configuration is read again. Wrong: status 500 and no site.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import time

EVERY_S = 0.1
READING_S = 5.0
HEAD_BYTES = 16_384
_FREEBIND = ((socket.IPPROTO_IP, 15), (socket.IPPROTO_IPV6, 78))
_WORDS = {200: "OK", 204: "No Content", 404: "Not Found", 500: "Internal Server Error"}

Configuration = dict[str, object]


async def main(path: str) -> None:
    """Serve until SIGTERM."""
    said: Configuration = _read(path)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def reload() -> None:
        with contextlib.suppress(OSError, ValueError):
            said.update(_read(path))

    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGTERM, done.set)
    servers = [
        await asyncio.start_server(lambda r, w: _attend(r, w, said), sock=_listener(*where), limit=HEAD_BYTES)
        for where in _places(said, "listen")
    ]
    servers += [
        await asyncio.start_server(lambda _, w: _guarded(_stream(w, said), w), sock=_listener(*where))
        for where in _places(said, "stream")
    ]
    await done.wait()
    for server in servers:
        server.close()


def _read(path: str) -> Configuration:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  # pathlib weighs a megabyte
        found: Configuration = json.load(file)
    return found


def _places(said: Configuration, key: str) -> list[tuple[str, int]]:
    listed = said[key]
    assert isinstance(listed, list)  # noqa: S101  # we wrote it
    return [(str(address), int(port)) for address, port in listed]


def _listener(address: str, port: int) -> socket.socket:
    """A socket that listens on an address which need not be there yet."""
    is_six = ":" in address
    listening = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(*_FREEBIND[is_six], 1)
    if is_six:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listening.bind((address, port))
    listening.listen(1024)
    return listening


async def _attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: Configuration) -> None:
    await _guarded(_serve(reader, writer, said), writer)


async def _guarded(serving, writer: asyncio.StreamWriter) -> None:  # type: ignore[no-untyped-def]  # a coroutine
    try:
        await serving
    except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError):
        pass  # the client went away, or spoke nonsense
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: Configuration) -> None:
    is_kept = True
    while is_kept:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), READING_S)).decode("latin-1")
        request, *lines = head.split("\r\n")
        method, target, _version = request.split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        is_kept = headers.get("connection", "").lower() != "close" and method in ("GET", "HEAD")
        if target == "/stream" and not said["is_wrong"]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
            await _stream(writer, said)
            return
        status, body = _answer(target, headers, writer, said)
        content = body.encode()
        writer.write(
            (
                f"HTTP/1.1 {status} {_WORDS.get(status, 'As Asked')}\r\nContent-Type: text/plain\r\n"
                f"Cache-Control: no-store\r\nContent-Length: {len(content)}\r\n"
                f"Connection: {'keep-alive' if is_kept else 'close'}\r\n\r\n"
            ).encode()
            + (b"" if method == "HEAD" else content)
        )
        await writer.drain()


def _answer(
    target: str, headers: dict[str, str], writer: asyncio.StreamWriter, said: Configuration
) -> tuple[int, str]:
    if said["is_wrong"]:
        return 500, "wrong\n"
    if target in ("/trace", "/cdn-cgi/trace"):
        peer = writer.get_extra_info("peername") or ("",)
        lines = {
            "h": headers.get("host", ""),
            "ip": peer[0],
            "ts": f"{time.time():.3f}",
            "visit_scheme": "http",
            "uag": headers.get("user-agent", ""),
            "colo": said["site"],
            "http": "http/1.1",
        }
        return 200, "".join(f"{key}={value}\n" for key, value in lines.items())
    pages = said["pages"]
    assert isinstance(pages, dict)  # noqa: S101  # we wrote it
    page = pages.get(target)
    if page is not None:
        return int(page["status"]), str(page["body"])
    return (200, f"{said['site']}\n") if target == "/" else (404, "there is no such page\n")


async def _stream(writer: asyncio.StreamWriter, said: Configuration) -> None:
    while True:
        writer.write(f"colo={'' if said['is_wrong'] else said['site']}\n".encode())
        await writer.drain()
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
