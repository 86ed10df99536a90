"""The HTTP service of one host: our own process (web_process.py) and the file that says what it says."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from anyplane.lab.places.servers.needs import Asked
from anyplane.lab.places.servers.serving import (
    HTTP_PORT,
    STREAM_PORT,
    ServerKind,
    Serving,
    asked_at,
    sorted_addresses,
)

_PROCESS = Path(__file__).with_name("web_process.py")


def serving(asked: Asked, *, identity: str, directory: Path, label: str = "web") -> Serving:
    """A server that gives every page the body that is expected there; /trace says which site it is."""
    configuration = directory / "web.json"
    where = sorted_addresses(asked.addresses)
    ports = {HTTP_PORT, *asked.web_ports()}
    pages = {
        _path(one.url): {"status": min(one.status, default=200), "body": f"{one.body}\n"}
        for one in asked.http
    }
    plain: dict[str, object] = {
        "site": identity,
        "pages": pages,
        "listen": [[str(address), port] for address in where for port in sorted(ports)],
        "stream": [[str(address), STREAM_PORT] for address in where],
    }
    return Serving(
        kind=ServerKind.WEB,
        label=label,
        # Its own file as a program: it needs nothing but the standard library, and starts in 60 ms.
        argv=(
            sys.executable,
            "-S",
            "-E",
            str(_PROCESS),
            str(configuration),
        ),
        directory=directory,
        files={configuration: json.dumps({**plain, "is_wrong": False})},
        wrong={configuration: json.dumps({**plain, "is_wrong": True})},
        reload_signal=signal.SIGHUP,
        answers_at=asked_at(asked.addresses, HTTP_PORT),
    )


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
