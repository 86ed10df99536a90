"""The BGP codec: round trips, the answers of RFC 4271 and RFC 7606 to what is wrong, and fuzz."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_messages import messages, opens, updates

from anyplane.bgp.wire import (
    Attributes,
    Capabilities,
    Family,
    Keepalive,
    Message,
    Notification,
    Open,
    Segment,
    SegmentKind,
    Update,
    WireError,
    parse,
    render,
)
from anyplane.bgp.wire.as_path import merged
from anyplane.bgp.wire.attributes import Multiprotocol, Origin, parse_attributes
from anyplane.bgp.wire.update import parse_update
from anyplane.model.errors import AnyplaneError
from anyplane.model.nouns import Asn

WIDE = 65535
NET = ip_network("198.51.100.0/24")


@given(messages)
def test_what_is_rendered_is_parsed_to_the_same(message: Message) -> None:
    assert parse(render(message), limit=WIDE) == message


@given(updates)
def test_a_peer_of_two_bytes_gets_the_same_path_by_as4_path(update: Update) -> None:
    kinds = (SegmentKind.SEQUENCE, SegmentKind.SET)
    if any(one.kind not in kinds for one in update.attributes.as_path or ()):
        return

    again = parse(render(update, is_as4=False), limit=WIDE, is_as4=False)

    assert isinstance(again, Update)
    assert again.attributes.path == update.attributes.path


def survives(data: bytes) -> None:
    for is_as4 in (True, False):
        with contextlib.suppress(WireError):
            message = parse(data, limit=WIDE, is_as4=is_as4)
            if isinstance(message, Update):
                # Routes with faults are withdrawn, and nothing is both of one field.
                assert not (message.announced and message.attributes.faults)
                assert len(message.withdrawn) >= len(message.withdrawn_v4)
            str(message)


def framed(kind: int, body: bytes) -> bytes:
    return b"\xff" * 16 + (19 + len(body)).to_bytes(2, "big") + bytes((kind,)) + body


@given(st.integers(0, 6), st.binary(max_size=400))
@example(1, bytes(10))
@example(3, b"\x06\x02\xffshort")
def test_random_bytes_raise_nothing_but_our_own_error(kind: int, body: bytes) -> None:
    survives(body)
    survives(framed(kind, body))


@given(messages, st.data())
def test_mutated_and_truncated_messages_raise_nothing_but_our_own_error(
    message: Message, data: st.DataObject
) -> None:
    whole = render(message)
    kind, body = whole[18], bytearray(whole[19:])
    for _ in range(data.draw(st.integers(1, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    survives(framed(kind, bytes(body)))
    survives(framed(kind, bytes(body[: data.draw(st.integers(0, len(body)))])))
    survives(whole[: data.draw(st.integers(0, len(whole)))])


@pytest.mark.parametrize(
    ("data", "code", "subcode", "said"),
    [
        (b"\0" * 19, 1, 1, "the marker is not all ones (RFC 4271 section 6.1"),
        (framed(9, b""), 1, 3, "message type 9 is unknown"),
        (framed(4, b"x"), 1, 2, "20 bytes long"),
        (framed(1, b"\3" + bytes(9)), 2, 1, "it speaks BGP-3 (RFC 4271 section 6.2"),
        (framed(1, b"\4\0\0\0\x5a\1\1\1\1\0"), 2, 2, "its AS number is 0 (RFC 7607"),
        (framed(1, b"\4\xfb\xf4\0\1\1\1\1\1\0"), 2, 6, "hold time of 1 s"),
        (framed(1, b"\4\xfb\xf4\0\x5a\0\0\0\0\0"), 2, 3, "identifier is 0.0.0.0"),
        (framed(1, b"\4\xfb\xf4\0\x5a\1\1\1\1\3\1\1\0"), 2, 4, "optional parameter 1 is unknown"),
        (framed(1, b"\4\xfb\xf4\0\x5a\1\1\1\1\4\2\2\1\4"), 2, 0, "capability 1 ends early"),
        (framed(2, b"\0\5\0\0"), 3, 1, "withdrawn routes overrun the message"),
        (framed(2, b"\0\0\0\5"), 3, 1, "path attributes overrun the message"),
        (
            framed(2, b"\0\0\0\0\x21\1\2\3\4\5"),
            3,
            10,
            "a prefix of IPv4 is 33 bits long (RFC 7606 section 5.3",
        ),
        (framed(2, b"\0\0\0\0\x18\1"), 3, 10, "a prefix of 24 bits ends after 1 bytes"),
        (framed(2, b"\0\0\0\3\x40\x63\0"), 3, 2, "attribute 99 is well-known, and unknown"),
        (framed(2, b"\0\0\0\7\x80\x0e\4\0\2\1\0"), 3, 9, "MP_REACH_NLRI is 4 bytes long"),
        (framed(5, b"\0"), 7, 1, "ROUTE-REFRESH of 1 bytes (RFC 7313"),
    ],
)
def test_what_ends_the_session_names_the_notification_and_the_rfc(
    data: bytes, code: int, subcode: int, said: str
) -> None:
    with pytest.raises(WireError) as caught:
        parse(data)

    assert (caught.value.code, caught.value.subcode) == (code, subcode)
    assert said in str(caught.value)
    assert isinstance(caught.value, AnyplaneError)


GOOD = b"\x40\1\1\0\x40\2\6\2\1\0\0\xfb\xf4\x40\3\4\1\1\1\1"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (b"\xc0\x08\3\0\0\0", "COMMUNITIES is 3 bytes long (RFC 7606 section 7.8: treat as withdraw)"),
        (b"\xc0\x20\1\0", "LARGE_COMMUNITY is 1 bytes long (RFC 8092 section 6: treat as withdraw)"),
        (b"\x80\4\1\0", "MULTI_EXIT_DISC is 1 bytes long (RFC 7606 section 7.4: treat as withdraw)"),
        (
            b"\x40\4\4\0\0\0\1",
            "MULTI_EXIT_DISC has the flags 0x40 (RFC 7606 section 3(c): treat as withdraw)",
        ),
        (b"\x80\4\x90\0", "MULTI_EXIT_DISC of 144 bytes overruns the attributes (RFC 7606 section 4"),
        (b"\x80", "an attribute's header is cut off"),
        (b"\xc0\x10\3\0\0\0", "EXTENDED COMMUNITIES is 3 bytes long (RFC 7606 section 7.14"),
    ],
)
def test_rfc_7606_treats_the_routes_as_withdrawn(extra: bytes, said: str) -> None:
    attributes = GOOD + extra
    body = b"\0\0" + len(attributes).to_bytes(2, "big") + attributes + b"\x18\xc6\x33\x64"

    update = parse_update(body)

    assert said in update.attributes.faults[0]
    assert update.announced == ()
    assert update.withdrawn == (NET,)


@pytest.mark.parametrize("missing", [0, 4, 13])
def test_a_missing_mandatory_attribute_is_a_withdrawal(missing: int) -> None:
    pieces = {0: GOOD[4:], 4: GOOD[:4] + GOOD[13:], 13: GOOD[:13]}
    attributes = pieces[missing]
    update = parse_update(b"\0\0" + len(attributes).to_bytes(2, "big") + attributes + b"\x18\xc6\x33\x64")

    assert "missing (RFC 7606 section 3(d)" in update.attributes.faults[0]
    assert update.withdrawn == (NET,)


def test_some_attributes_are_only_dropped() -> None:
    parsed = parse_attributes(GOOD + b"\x40\5\4\0\0\0\1" + b"\x40\6\1\0" + b"\xc0\7\1\0" + b"\x40\1\1\2")

    assert parsed.faults == ()
    assert [one.split(" (")[0] for one in parsed.discarded] == [
        "LOCAL_PREF came over an external session",
        "ATOMIC_AGGREGATE is 1 bytes long",
        "AGGREGATOR is 1 bytes long",
        "ORIGIN occurs again",
    ]
    assert parsed.origin is Origin.IGP
    assert parsed.local_pref is None


def test_mp_reach_twice_ends_the_session() -> None:
    one = b"\x80\x0f\3\0\2\1"

    with pytest.raises(WireError, match=r"MP_UNREACH_NLRI occurs twice \(RFC 7606 section 3\(g\)"):
        parse_attributes(one + one)


def test_the_end_of_rib_is_told_apart_by_family() -> None:
    six = Update(attributes=Attributes(unreach=Multiprotocol(family=Family.IPV6)))

    assert Update().end_of_rib is Family.IPV4
    assert parse(render(six)).end_of_rib is Family.IPV6  # type: ignore[union-attr]
    assert Update(withdrawn_v4=(NET,)).end_of_rib is None


def test_as4_path_replaces_the_tail_of_the_path() -> None:
    def path(*asns: int) -> tuple[Segment, ...]:
        return (Segment(kind=SegmentKind.SEQUENCE, asns=asns),)

    assert merged(path(64500, 23456, 23456), path(70000, 80000)) == path(64500, 70000, 80000)
    assert merged(path(23456), path(70000, 80000)) == path(23456)


def test_a_shutdown_communication_cannot_command_the_terminal() -> None:
    words = "bye \x1b[31m ok é".encode()
    one = Notification(code=6, subcode=2, data=bytes((len(words),)) + words)

    assert one.communication == "bye �[31m ok é"
    assert str(one) == 'Cease/Administrative Shutdown: "bye �[31m ok é"'
    assert Notification(code=6, subcode=2, data=b"\xff\x61").communication == ""
    assert str(Notification(code=3, subcode=99)) == "UPDATE Message Error/subcode 99"
    assert str(Notification(code=99)) == "code 99"


def test_a_message_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    many = tuple(ip_network((number << 8, 24)) for number in range(70_000 // 4))

    with pytest.raises(ValueError, match="too long"):
        render(Update(withdrawn_v4=many))


def test_graceful_restart_with_families_asks_that_routes_be_kept() -> None:
    asking = Capabilities(unknown=((64, bytes.fromhex("0078000101 00")),))
    helper = Capabilities(unknown=((64, bytes.fromhex("0078")),))

    assert (asking.restart_s, helper.restart_s, Capabilities().restart_s) == (120, None, None)


@given(opens)
def test_long_optional_parameters_take_the_form_of_rfc_9072(message: Open) -> None:
    unknown = tuple((100 + number, bytes(200)) for number in range(3))
    longer = replace(message, capabilities=replace(message.capabilities, unknown=unknown))
    data = render(longer)

    assert data[28:30] == b"\xff\xff"
    assert parse(data) == longer


# What BIRD 2.0.12 and FRR 8.4.4 (AS64500) sent to a witness as AS64520: a prefix prepended once, MED 50,
# two kinds of communities. FRR has the two-byte length on AS_PATH and ::1 as its next hop.
FRAME = "ff" * 16
BIRD_V4 = (
    "0050020000003540010100"
    "40020a02020000fbf40000fbf4"
    "4003047f000001"
    "80040400000032"
    "c00804ffff0000"
    "c0200c0000fbf40000000100000002"
    "18c63364"
)
FRR_V4 = (
    "0051020000003640010100"
    "5002000a02020000fbf40000fbf4"
    "4003047f000001"
    "80040400000032"
    "c00804ffff0000"
    "c0200c0000fbf40000000100000002"
    "18c63364"
)
BIRD_V6 = (
    "0065020000004e"
    "900e001c00020110fd5a6e79706c0000000000000000ffff003020010db80053"
    "40010100"
    "40020a02020000fbf40000fbf4"
    "80040400000032"
    "c00804ffff0000"
    "c0200c0000fbf40000000100000002"
)
FRR_V6 = (
    "0066020000004f"
    "900e001c0002011000000000000000000000000000000001003020010db80053"
    "40010100"
    "5002000a02020000fbf40000fbf4"
    "80040400000032"
    "c00804ffff0000"
    "c0200c0000fbf40000000100000002"
)
FRR_OPEN = (
    "004d0104fbf40009c000020130"
    "0206010400010001"
    "02028000"
    "02020200"
    "02024600"
    "020641040000fbf4"
    "02020600"
    "0206450400010101"
    "0206490402766d00"
)
STEERED = Attributes(
    origin=Origin.IGP,
    as_path=(Segment(kind=SegmentKind.SEQUENCE, asns=(64500, 64500)),),
    med=50,
    communities=("65535:0",),
    large_communities=("64500:1:2",),
)


def test_bytes_of_bird_and_of_frr_decode_alike_and_as_they_were_meant() -> None:
    def captured(text: str) -> Message:
        return parse(bytes.fromhex(FRAME + text))

    six = ip_network("2001:db8:53::/48")

    four = Update(attributes=replace(STEERED, next_hop=IPv4Address("127.0.0.1")), announced_v4=(NET,))
    assert captured(BIRD_V4) == captured(FRR_V4) == four
    assert render(four) == bytes.fromhex(FRAME + BIRD_V4)
    for text, hop in ((BIRD_V6, "fd5a:6e79:706c::ffff"), (FRR_V6, "::1")):
        reach = Multiprotocol(family=Family.IPV6, prefixes=(six,), next_hops=(IPv6Address(hop),))
        assert captured(text) == Update(attributes=replace(STEERED, reach=reach))
        assert captured(text).announced == (six,)  # type: ignore[union-attr]
    opened = captured(FRR_OPEN)
    assert isinstance(opened, Open)
    assert (opened.asn, opened.hold_s, str(opened.identifier)) == (64500, 9, "192.0.2.1")
    assert opened.capabilities.families == (Family.IPV4,)
    assert opened.capabilities.has_route_refresh
    assert opened.capabilities.has_extended_message
    assert dict(opened.capabilities.unknown)[73] == b"\x02vm\x00"


def test_exabgp_reads_what_we_render_as_we_mean_it() -> None:
    import os

    os.environ.setdefault("exabgp_log_enable", "false")
    decoder = pytest.importorskip("exabgp.bgp.message.open")
    message = Open(
        asn=Asn(4_200_000_001),
        hold_s=90,
        identifier=IPv4Address("192.0.2.1"),
        capabilities=Capabilities(families=tuple(Family), asn4=Asn(4_200_000_001), has_route_refresh=True),
    )

    theirs = decoder.Open.unpack_message(render(message)[19:], None)

    assert int(theirs.asn) == 23456
    assert int(theirs.hold_time) == 90
    assert str(theirs.router_id) == "192.0.2.1"
    shown = str(theirs.capabilities).lower()
    assert "4200000001" in shown
    assert "ipv6 unicast" in shown


def test_keepalives_are_nineteen_bytes() -> None:
    assert render(Keepalive()) == b"\xff" * 16 + b"\0\x13\4"
