"""Netlink bytes: round trips, and whatever comes in, nothing but KernelError comes out."""

from __future__ import annotations

import contextlib
import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.kernel.addresses import parse_lo_address
from anyplane.kernel.links import parse_link
from anyplane.kernel.messages import (
    Message,
    Request,
    parse_attributes,
    parse_messages,
    refusal,
    render_attribute,
    render_message,
)
from anyplane.kernel.nexthop_messages import parse_nexthop
from anyplane.model.errors import KernelError

ANYTHING = st.binary(max_size=200)


@given(kind=st.integers(0, 65535), body=ANYTHING, sequence=st.integers(0, 2**32 - 1))
def test_a_rendered_message_is_read_back_whole(kind: int, body: bytes, sequence: int) -> None:
    data = render_message(Request(kind=kind, body=body), sequence=sequence, flags=4)

    (message,) = parse_messages(data)

    assert (message.kind, message.body, message.sequence, message.flags) == (kind, body, sequence, 5)


@given(attributes=st.dictionaries(st.integers(0, 0x3FFF), ANYTHING, max_size=5))
def test_attributes_are_read_back_whole(attributes: dict[int, bytes]) -> None:
    data = b"".join(render_attribute(kind, value) for kind, value in attributes.items())

    assert parse_attributes(data) == attributes


@given(data=ANYTHING, offset=st.integers(0, 64))
def test_random_bytes_raise_nothing_but_a_kernel_error(data: bytes, offset: int) -> None:
    reply = Message(kind=2, flags=0x200, sequence=1, body=data)
    for read in (
        lambda: parse_messages(data),
        lambda: parse_attributes(data, offset),
        lambda: parse_lo_address(data, 1),
        lambda: parse_lo_address(struct.pack("=BBBBI", 10, data[0] if data else 0, 0, 0, 1) + data, 1),
        lambda: parse_link(data),
        lambda: parse_nexthop(data),
        lambda: refusal(reply, Request(kind=20, body=b"")),
    ):
        with contextlib.suppress(KernelError):
            read()


@given(cut=st.integers(1, 40), body=st.binary(min_size=24, max_size=24))
def test_a_truncated_message_is_an_error_and_not_half_a_message(cut: int, body: bytes) -> None:
    data = render_message(Request(kind=20, body=body), sequence=1, flags=0)

    with pytest.raises(KernelError):
        parse_messages(data[:-cut] + b"" if cut < len(data) else data[:1])


def test_a_refusal_says_what_was_asked_why_not_and_what_to_do() -> None:
    words = render_attribute(1, b"Only root may\0")
    header = struct.pack("=IHHII", 16, 20, 0, 7, 0)
    body = struct.pack("=i", -errno.EPERM) + header + words
    reply = Message(kind=2, flags=0x300, sequence=7, body=body)

    refused = refusal(reply, Request(kind=20, body=b"", what="192.0.2.0/24 on lo"))

    assert refused is not None
    assert refused.errno == errno.EPERM
    assert "192.0.2.0/24 on lo: Only root may (Operation not permitted)" in str(refused)
    assert "CAP_NET_ADMIN" in refused.hint
