"""An HTTP server on the loopback that misbehaves as told: truncates, stalls, ignores Range, changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(kw_only=True)
class Resource:
    """One path and how it answers; each entry of `faults` is used for one request, then it behaves well."""

    content: bytes
    etag: str = '"v1"'
    last_modified: str = ""
    content_type: str = "application/octet-stream"
    has_length: bool = True
    honours_range: bool = True
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    send: int = -1
    """Break the connection after so many bytes of the body."""
    stall_s: float = 0.0
    """Fall silent in the middle of the body instead, at most so long."""
    wrong_range: bool = False
    location: str = ""


@dataclass(kw_only=True)
class UnreliableServer:
    """`resources` by path; `requests` is the log of (path, headers)."""

    base: str
    resources: dict[str, Resource] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def listing(self, path: str, *names: str) -> None:
        """Add a directory page with these files."""
        rows = "".join(f'<tr><td><a href="{name}">{name}</a></td></tr>' for name in names)
        self.resources[path] = Resource(content=f"<html>{rows}</html>".encode(), content_type="text/html")


@contextmanager
def unreliable_server() -> Iterator[UnreliableServer]:
    """Run one on a free port of 127.0.0.1."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    state = UnreliableServer(base=f"http://127.0.0.1:{http.server_port}/")
    http.state = state  # type: ignore[attr-defined]  # the handler reads it
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing."""

    def do_GET(self) -> None:
        state: UnreliableServer = self.server.state  # type: ignore[attr-defined]
        state.requests.append((self.path, dict(self.headers)))
        self.close_connection = True
        resource = state.resources.get(self.path)
        if resource is None:
            self._answer(404, {}, b"not here")
            return
        fault = resource.faults.pop(0) if resource.faults else Fault()
        if fault.status:
            moved = {"Location": fault.location} if fault.location else {}
            self._answer(fault.status, {**fault.headers, **moved}, b"<html>no</html>")
            return
        if resource.etag and self.headers.get("If-None-Match") == resource.etag:
            self._answer(304, {}, b"")
            return
        self._send(resource, fault, state)

    def _send(self, resource: Resource, fault: Fault, state: UnreliableServer) -> None:
        body, status, headers = resource.content, 200, dict[str, str]()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        is_same = self.headers.get("If-Range") in {resource.etag, resource.last_modified}
        if asked and resource.honours_range and is_same:
            start = int(asked[1])
            if start >= len(body):
                self._answer(416, {}, b"")
                return
            claimed = start + 1 if fault.wrong_range else start
            headers["Content-Range"] = f"bytes {claimed}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        headers["Content-Type"] = resource.content_type
        if resource.etag:
            headers["ETag"] = resource.etag
        if resource.last_modified:
            headers["Last-Modified"] = resource.last_modified
        if resource.has_length:
            headers["Content-Length"] = str(len(body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if fault.send < 0 else body[: fault.send])
        self.wfile.flush()
        if fault.stall_s:
            state.released.wait(fault.stall_s)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "text/html"}.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)
