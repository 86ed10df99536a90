"""Questions whose answer names the site, as bytes: DNS CHAOS TXT id.server (RFC 4892), and GET /trace.

Written by hand and not with a DNS library: the prober parses thousands of answers a second, all alike.
"""

from __future__ import annotations

import struct

from anyplane.lab.probes.queries import NO_SITE

ID_SERVER, HOSTNAME_BIND = "id.server", "hostname.bind"
_HEADER = struct.Struct("!6H")
_TXT, _CHAOS = 16, 3
_COLO = b"colo="


def question(identity: int, name: str = ID_SERVER) -> bytes:
    """The DNS message that asks for this name, CHAOS TXT."""
    return _HEADER.pack(identity & 0xFFFF, 0, 1, 0, 0, 0) + question_tail(name)


def question_tail(name: str = ID_SERVER) -> bytes:
    """The same without its header."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return labels + b"\0" + struct.pack("!2H", _TXT, _CHAOS)


def identity_of(data: bytes) -> int | None:
    """The ID of a DNS message, None where the bytes are too few."""
    return int.from_bytes(data[:2], "big") if len(data) >= _HEADER.size else None


def site_of(data: bytes) -> str:
    """The text of the first TXT answer; "" where the message is no answer or holds none."""
    if len(data) < _HEADER.size:
        return NO_SITE
    _, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    if not flags & 0x8000 or flags & 0x000F or not answers:
        return NO_SITE
    try:
        offset = _HEADER.size
        for _ in range(questions):
            offset = _after_name(data, offset) + 4
        for _ in range(answers):
            offset = _after_name(data, offset)
            kind, _, _, size = struct.unpack_from("!2HIH", data, offset)
            offset += 10
            if kind == _TXT and size > 1:
                length = data[offset]
                if length < size and offset + 1 + length <= len(data):
                    return data[offset + 1 : offset + 1 + length].decode("utf-8", "replace")
            offset += size
    except (IndexError, struct.error):
        return NO_SITE
    return NO_SITE


def http_request(address: str) -> bytes:
    """GET /trace from that address."""
    host = f"[{address}]" if ":" in address else address
    return (
        f"GET /trace HTTP/1.1\r\nHost: {host}\r\nUser-Agent: anyplane\r\nConnection: close\r\n\r\n".encode()
    )


def colo_of(data: bytes) -> str:
    """The site that a whole line `colo=SITE` names; "" where there is none yet."""
    start = data.find(_COLO)
    while start >= 0:
        if start == 0 or data[start - 1] in b"\r\n ":
            end = data.find(b"\n", start)
            return data[start + len(_COLO) : end].strip().decode("utf-8", "replace") if end >= 0 else NO_SITE
        start = data.find(_COLO, start + 1)
    return NO_SITE


def _after_name(data: bytes, offset: int) -> int:
    """Where a name ends; a compression pointer is the end of it."""
    while True:
        length = data[offset]
        if length & 0xC0:
            return offset + 2
        if length == 0:
            return offset + 1
        offset += length + 1
