"""Netlink messages as bytes and back: headers, attributes, and what the kernel says when it refuses.

Formats: include/uapi/linux/netlink.h and rtnetlink.h; integers are in host order. Everything that comes in is
measured before it is read: bytes that are no netlink raise KernelError, never anything else.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from anyplane.model.errors import KernelError

Address = IPv4Address | IPv6Address

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP_INTR = 0x1, 0x2, 0x4, 0x10
NLM_F_DUMP = 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE = 1, 2, 3
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_NLMSGERR_ATTR_MSG = 1
_NLA_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

OUR_PROTOCOL = 97
"""What the addresses, routes and nexthops of ours carry as their origin (`proto 97` in iproute2), so that
those of a predecessor are recognised and those of others never touched. Unused in iproute2's rt_protos."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")
_U32 = struct.Struct("=I")

_HINTS = {
    errno.EPERM: "the process needs CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in its unit)",
    errno.EACCES: "is IPv6 disabled on the device? See net.ipv6.conf.*.disable_ipv6",
    errno.ENODEV: "the device is gone or has another name; see `ip link`",
    errno.ENETUNREACH: "no route leads there; see `ip route get`",
    errno.EHOSTUNREACH: "no route leads there; see `ip route get`",
    errno.EOPNOTSUPP: "this kernel was built without it, or is too old",
    errno.EAFNOSUPPORT: "this kernel has no IPv6, or it was switched off at boot (ipv6.disable=1)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing asked of the kernel. `what` names it for a person; `hints` say more than the usual ones."""

    kind: int
    body: bytes
    flags: int = 0
    what: str = ""
    hints: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One netlink message as it came in, without its header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


class Refused(KernelError):  # noqa: N818  # it reads as what it says
    """The kernel's no to one request; `errno` is the reason, the message has the kernel's own words."""

    def __init__(self, message: str, *, number: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errno = number


def render_message(request: Request, *, sequence: int, flags: int) -> bytes:
    """The request as the kernel reads it, padded to four bytes."""
    size = _HEADER.size + len(request.body)
    header = _HEADER.pack(size, request.kind, request.flags | flags | NLM_F_REQUEST, sequence, 0)
    return header + request.body + bytes(-size % 4)


def parse_messages(data: bytes) -> list[Message]:
    """The messages of one datagram; KernelError where the bytes are no netlink."""
    found = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _HEADER.size:
            raise _garbled(f"{len(data) - offset} bytes left, a header has {_HEADER.size}")
        size, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        if size < _HEADER.size or size > len(data) - offset:
            raise _garbled(f"a message of {size} bytes in {len(data) - offset}")
        body = data[offset + _HEADER.size : offset + size]
        found.append(Message(kind=kind, flags=flags, sequence=sequence, body=body))
        offset += size + (-size % 4)
    return found


def render_attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def render_u32(kind: int, value: int) -> bytes:
    """One attribute that holds a 32-bit number."""
    return render_attribute(kind, _U32.pack(value))


def parse_attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """Attributes by kind (of equal ones the last); KernelError where the bytes are none."""
    found: dict[int, bytes] = {}
    if offset > len(data):
        raise _garbled(f"a body of {len(data)} bytes, at least {offset} wanted")
    while offset < len(data):
        if len(data) - offset < _ATTRIBUTE.size:
            raise _garbled("an attribute is cut off")
        size, kind = _ATTRIBUTE.unpack_from(data, offset)
        if size < _ATTRIBUTE.size or size > len(data) - offset:
            raise _garbled(f"an attribute of {size} bytes in {len(data) - offset}")
        found[kind & _NLA_TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + size]
        offset += size + (-size % 4)
    return found


def parse_fixed(layout: struct.Struct, data: bytes, offset: int = 0) -> tuple[int, ...]:
    """The numbers of a fixed structure; KernelError where the bytes end before it does."""
    if len(data) - offset < layout.size:
        raise _garbled(f"{len(data) - offset} bytes where {layout.size} are wanted")
    return layout.unpack_from(data, offset)


def parse_u32(data: bytes) -> int:
    """The 32-bit number of an attribute."""
    return parse_fixed(_U32, data)[0]


def parse_address(data: bytes) -> Address:
    """An IPv4 or IPv6 address by its length."""
    if len(data) == 4:
        return IPv4Address(data)
    if len(data) == 16:
        return IPv6Address(data)
    raise _garbled(f"an address of {len(data)} bytes")


def refusal(reply: Message, request: Request) -> Refused | None:
    """What an NLMSG_ERROR says about the request: None is an acknowledgement."""
    number = -parse_fixed(_INT, reply.body)[0]
    if number == 0:
        return None
    words = os.strerror(number)
    own_words = _extended(reply)
    message = (
        f"{request.what or 'netlink'}: {own_words} ({words})" if own_words else f"{request.what}: {words}"
    )
    return Refused(message, number=number, hint=request.hints.get(number) or _HINTS.get(number, ""))


def _extended(reply: Message) -> str:
    """The kernel's own words (NETLINK_EXT_ACK), or nothing."""
    if not reply.flags & _NLM_F_ACK_TLVS:
        return ""
    offset = _INT.size
    size = parse_fixed(_HEADER, reply.body, offset)[0]
    # The offending message follows, whole or (NETLINK_CAP_ACK) its header alone.
    offset += _HEADER.size if reply.flags & _NLM_F_CAPPED else size + (-size % 4)
    words = parse_attributes(reply.body, offset).get(_NLMSGERR_ATTR_MSG, b"")
    return words.rstrip(b"\0").decode("utf-8", "replace")


def _garbled(detail: str) -> KernelError:
    return KernelError(f"the kernel's answer over netlink makes no sense: {detail}", hint="is this Linux?")
