"""Capabilities of an OPEN (RFC 5492): which families, 4-byte AS numbers, roles, and what is unknown, kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum

from anyplane.bgp.wire.fault import OPEN, WireError
from anyplane.model.nouns import Asn

_MULTIPROTOCOL, _REFRESH, _EXTENDED_MESSAGE, _ROLE, _AS4 = 1, 2, 6, 9, 65
_GRACEFUL_RESTART = 64
_CAPABILITIES, _EXTENDED_LENGTH = 2, 255


class Family(Enum):
    """AFI and SAFI of what can be announced (RFC 4760)."""

    IPV4 = (1, 1)
    IPV6 = (2, 1)

    @property
    def version(self) -> int:
        """4 or 6."""
        return 4 if self is Family.IPV4 else 6


class WireRole(IntEnum):
    """RFC 9234 section 4.1."""

    PROVIDER = 0
    RS = 1
    RS_CLIENT = 2
    CUSTOMER = 3
    PEER = 4


PAIRS = frozenset(
    {
        (WireRole.PROVIDER, WireRole.CUSTOMER),
        (WireRole.CUSTOMER, WireRole.PROVIDER),
        (WireRole.RS, WireRole.RS_CLIENT),
        (WireRole.RS_CLIENT, WireRole.RS),
        (WireRole.PEER, WireRole.PEER),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one side of a session can do.

    `families` empty: none named, which means IPv4 unicast (RFC 4760 section 8). `asn4`: its own number as it
    stands in the 4-octet capability. `unknown`: (code, value) pairs as they came.
    """

    families: tuple[Family, ...] = ()
    asn4: Asn | None = None
    has_route_refresh: bool = False
    has_extended_message: bool = False
    role: WireRole | None = None
    unknown: tuple[tuple[int, bytes], ...] = ()

    @property
    def restart_s(self) -> int | None:
        """Seconds for which it asks that its routes be kept when it is gone (RFC 4724); None: it does not.

        A capability without families, as helpers send it, asks for nothing.
        """
        for code, value in self.unknown:
            if code == _GRACEFUL_RESTART and len(value) > 2:
                return int.from_bytes(value[:2], "big") & 0x0FFF
        return None


def parse_parameters(data: bytes) -> Capabilities:
    """The capabilities in the optional parameters of an OPEN, in both lengths (RFC 9072)."""
    pairs: list[tuple[int, bytes]] = []
    # RFC 9072: the length 255 and the type 255 announce two-byte lengths.
    is_wide = len(data) >= 4 and data[:2] == b"\xff\xff"
    size = 2 if is_wide else 1
    content = data[4:] if is_wide else data[1:]
    expected = int.from_bytes(data[2:4], "big") if is_wide else (data[0] if data else -1)
    if expected != len(content):
        raise _malformed(f"optional parameters of {expected} bytes are {len(content)} long")
    for kind, value in _pairs(content, size=size, what="optional parameter"):
        if kind != _CAPABILITIES:
            raise WireError(
                OPEN, 4, f"optional parameter {kind} is unknown", rfc="RFC 4271 section 6.2", data=b""
            )
        pairs += _pairs(value, size=1, what="capability")
    return _understood(pairs)


def render_parameters(one: Capabilities) -> bytes:
    """The optional parameters with their length, one capability in each as most implementations do."""
    pairs: list[tuple[int, bytes]] = []
    for family in one.families:
        pairs.append((_MULTIPROTOCOL, family.value[0].to_bytes(2, "big") + bytes((0, family.value[1]))))
    if one.has_route_refresh:
        pairs.append((_REFRESH, b""))
    if one.has_extended_message:
        pairs.append((_EXTENDED_MESSAGE, b""))
    if one.role is not None:
        pairs.append((_ROLE, bytes((one.role,))))
    if one.asn4 is not None:
        pairs.append((_AS4, one.asn4.to_bytes(4, "big")))
    pairs += one.unknown
    parts = [bytes((code, len(value))) + value for code, value in pairs]
    narrow = b"".join(bytes((_CAPABILITIES, len(part))) + part for part in parts if len(part) < 256)
    if len(narrow) < 255 and all(len(part) < 256 for part in parts):
        return bytes((len(narrow),)) + narrow
    wide = b"".join(bytes((_CAPABILITIES,)) + len(part).to_bytes(2, "big") + part for part in parts)
    return bytes((_EXTENDED_LENGTH, _EXTENDED_LENGTH)) + len(wide).to_bytes(2, "big") + wide


def _understood(pairs: Iterable[tuple[int, bytes]]) -> Capabilities:
    families: dict[Family, None] = {}
    asn4: Asn | None = None
    role: WireRole | None = None
    has_refresh = has_extended = False
    unknown: list[tuple[int, bytes]] = []
    for code, value in pairs:
        if code == _MULTIPROTOCOL and len(value) == 4:
            known = {family.value: family for family in Family}
            found = known.get((int.from_bytes(value[:2], "big"), value[3]))
            if found is None:
                unknown.append((code, value))
            else:
                families[found] = None
        elif code == _AS4 and len(value) == 4:
            asn4 = Asn(int.from_bytes(value, "big"))
        elif code == _REFRESH and not value:
            has_refresh = True
        elif code == _EXTENDED_MESSAGE and not value:
            has_extended = True
        elif code == _ROLE and len(value) == 1 and value[0] in WireRole.__members__.values():
            if role is not None and role != value[0]:
                # "If multiple BGP Role Capabilities with different values are received": RFC 9234, 4.2.
                raise WireError(OPEN, 11, "it names two roles", rfc="RFC 9234 section 4.2")
            role = WireRole(value[0])
        else:
            unknown.append((code, value))
    return Capabilities(
        families=tuple(families),
        asn4=asn4,
        has_route_refresh=has_refresh,
        has_extended_message=has_extended,
        role=role,
        unknown=tuple(unknown),
    )


def _pairs(data: bytes, *, size: int, what: str) -> list[tuple[int, bytes]]:
    """(type, value) of each: a type byte, a length of `size` bytes, the value."""
    found: list[tuple[int, bytes]] = []
    here = 0
    while here < len(data):
        begin = here + 1 + size
        length = int.from_bytes(data[here + 1 : begin], "big")
        if begin > len(data) or begin + length > len(data):
            raise _malformed(f"{what} {data[here]} ends early")
        found.append((data[here], data[begin : begin + length]))
        here = begin + length
    return found


def _malformed(message: str) -> WireError:
    # "If one of the Optional Parameters is malformed, the Error Subcode MUST be 0 (Unspecific)".
    return WireError(OPEN, 0, message, rfc="RFC 4271 section 6.2")
