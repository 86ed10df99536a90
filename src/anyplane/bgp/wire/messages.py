"""The five messages of BGP-4 and their header: `parse` and `render` (RFC 4271 section 4, RFC 2918)."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from anyplane.bgp.wire.as_path import AS_TRANS
from anyplane.bgp.wire.capabilities import Capabilities, Family, parse_parameters, render_parameters
from anyplane.bgp.wire.fault import CEASE, HEADER, OPEN, REFRESH, WireError, code_name
from anyplane.bgp.wire.update import Update, parse_update, render_update
from anyplane.model.nouns import Asn

MARKER = b"\xff" * 16
HEADER_SIZE = 19
LIMIT = 4096
EXTENDED_LIMIT = 65535
_OPEN, _UPDATE, _NOTIFICATION, _KEEPALIVE, _REFRESH = 1, 2, 3, 4, 5
# RFC 4271 section 6.1: the shortest message of each type.
_SHORTEST = {_OPEN: 29, _UPDATE: 23, _NOTIFICATION: 21, _KEEPALIVE: 19, _REFRESH: 19}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """RFC 4271 section 4.2. `asn` is the real one, from the 4-octet capability where there is one."""

    asn: Asn
    hold_s: int
    identifier: IPv4Address
    capabilities: Capabilities = field(default_factory=Capabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepalive:
    """RFC 4271 section 4.4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """RFC 4271 section 4.5."""

    code: int
    subcode: int = 0
    data: bytes = b""

    @property
    def communication(self) -> str:
        """What the operator wrote when shutting down (RFC 8203, RFC 9003); "" when nothing or nonsense."""
        if self.code != CEASE or self.subcode not in (2, 4) or not self.data:
            return ""
        text = self.data[1 : 1 + self.data[0]]
        if len(text) != self.data[0]:
            return ""
        shown = text.decode("utf-8", "replace")
        # It goes to logs and terminals: "control characters" must not act there (RFC 9003 section 4).
        return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in shown)

    def __str__(self) -> str:
        words = self.communication
        return code_name(self.code, self.subcode) + (f': "{words}"' if words else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRefresh:
    """RFC 2918; `subtype` 1 and 2 frame a refresh (RFC 7313). `family` None: one we do not speak."""

    family: Family | None
    subtype: int = 0


Message = Open | Keepalive | Notification | Update | RouteRefresh


def size_of(header: bytes, *, limit: int = LIMIT) -> int:
    """The length of the message that begins with these 19 bytes; WireError as in RFC 4271 section 6.1."""
    if header[:16] != MARKER:
        raise WireError(HEADER, 1, "the marker is not all ones", rfc="RFC 4271 section 6.1")
    size, kind = int.from_bytes(header[16:18], "big"), header[18]
    if kind not in _SHORTEST:
        raise WireError(
            HEADER, 3, f"message type {kind} is unknown", rfc="RFC 4271 section 6.1", data=header[18:19]
        )
    # OPEN and KEEPALIVE never grow (RFC 8654 section 4).
    longest = LIMIT if kind in (_OPEN, _KEEPALIVE) else limit
    if not _SHORTEST[kind] <= size <= longest or (kind == _KEEPALIVE and size != HEADER_SIZE):
        raise WireError(
            HEADER,
            2,
            f"a message of type {kind} is {size} bytes long",
            rfc="RFC 4271 section 6.1",
            data=header[16:18],
        )
    return size


def parse(data: bytes, *, limit: int = LIMIT, is_as4: bool = True, is_external: bool = True) -> Message:
    """The one message that `data` is, header included; WireError where it ends the session."""
    if len(data) < HEADER_SIZE or size_of(data[:HEADER_SIZE], limit=limit) != len(data):
        raise WireError(HEADER, 2, f"{len(data)} bytes are no whole message", rfc="RFC 4271 section 4.1")
    kind, body = data[18], data[HEADER_SIZE:]
    if kind == _OPEN:
        return _parse_open(body)
    if kind == _UPDATE:
        return parse_update(body, is_as4=is_as4, is_external=is_external)
    if kind == _NOTIFICATION:
        return Notification(code=body[0], subcode=body[1], data=body[2:])
    if kind == _REFRESH:
        if len(body) != 4:
            raise WireError(REFRESH, 1, f"ROUTE-REFRESH of {len(body)} bytes", rfc="RFC 7313 section 5")
        known = {family.value: family for family in Family}
        return RouteRefresh(family=known.get((int.from_bytes(body[:2], "big"), body[3])), subtype=body[2])
    return Keepalive()


def render(message: Message, *, is_as4: bool = True) -> bytes:
    """The message with its header; ValueError where it does not fit into one."""
    try:
        kind, body = _body(message, is_as4=is_as4)
    except OverflowError:
        raise ValueError("a field of the message is too long") from None
    size = HEADER_SIZE + len(body)
    if size > (LIMIT if kind in (_OPEN, _KEEPALIVE) else EXTENDED_LIMIT):
        raise ValueError(f"a message of {size} bytes is too long")
    return MARKER + size.to_bytes(2, "big") + bytes((kind,)) + body


def _body(message: Message, *, is_as4: bool) -> tuple[int, bytes]:
    """The type and what follows the header."""
    match message:
        case Open():
            return _OPEN, _render_open(message)
        case Update():
            return _UPDATE, render_update(message, is_as4=is_as4)
        case Notification():
            return _NOTIFICATION, bytes((message.code, message.subcode)) + message.data
        case RouteRefresh():
            afi, safi = message.family.value if message.family else (0, 0)
            return _REFRESH, afi.to_bytes(2, "big") + bytes((message.subtype, safi))
        case Keepalive():
            return _KEEPALIVE, b""


def _parse_open(body: bytes) -> Open:
    version, short, hold = body[0], int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if version != 4:
        raise WireError(OPEN, 1, f"it speaks BGP-{version}", rfc="RFC 4271 section 6.2", data=b"\0\4")
    capabilities = parse_parameters(body[9:])
    asn = capabilities.asn4 if capabilities.asn4 is not None else Asn(short)
    if asn == 0:
        raise WireError(OPEN, 2, "its AS number is 0", rfc="RFC 7607 section 2")
    if hold in (1, 2):
        raise WireError(OPEN, 6, f"it asks for a hold time of {hold} s", rfc="RFC 4271 section 6.2")
    identifier = IPv4Address(body[5:9])
    if int(identifier) == 0:
        raise WireError(OPEN, 3, "its BGP identifier is 0.0.0.0", rfc="RFC 6286 section 2.2")
    return Open(asn=asn, hold_s=hold, identifier=identifier, capabilities=capabilities)


def _render_open(message: Open) -> bytes:
    short = message.asn if message.asn <= 0xFFFF else AS_TRANS
    return (
        b"\4"
        + short.to_bytes(2, "big")
        + message.hold_s.to_bytes(2, "big")
        + message.identifier.packed
        + render_parameters(message.capabilities)
    )
