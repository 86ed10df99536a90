"""One session without a socket: two connections in memory, time as a number."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.bgp.wire import (
    Closed,
    Connection,
    Established,
    Event,
    Family,
    Keepalive,
    Local,
    Opened,
    Received,
    State,
    Update,
    WireRole,
    render,
)
from anyplane.model.nouns import Asn

OURS = Local(asn=Asn(64510), identifier=IPv4Address("192.0.2.1"), peer_asn=Asn(64500), hold_s=9)
THEIRS = Local(asn=Asn(64500), identifier=IPv4Address("192.0.2.2"), hold_s=30)
WITHDRAWAL = Update(withdrawn_v4=(ip_network("198.51.100.0/24"),))


def pair(
    ours: Local = OURS, theirs: Local = THEIRS
) -> tuple[Connection, Connection, list[Event], list[Event]]:
    one, other = Connection(ours, 0.0), Connection(theirs, 0.0)
    heard: tuple[list[Event], list[Event]] = ([], [])
    for _ in range(4):
        to_other, to_one = one.data_to_send(), other.data_to_send()
        if to_one:
            heard[0].extend(one.feed(to_one, now=0.0))
        if to_other:
            heard[1].extend(other.feed(to_other, now=0.0))
    return one, other, *heard


def test_two_connections_come_up_with_the_lesser_hold_time() -> None:
    one, other, heard, _ = pair()

    assert one.state is other.state is State.ESTABLISHED
    opened, established = heard
    assert isinstance(opened, Opened)
    assert isinstance(established, Established)
    assert established.hold_s == 9
    assert established.families == (Family.IPV4, Family.IPV6)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_however_the_bytes_are_cut_the_events_are_the_same(cuts: list[int]) -> None:
    one, other, _, _ = pair()
    data = render(WITHDRAWAL) + render(Keepalive()) + render(WITHDRAWAL)
    events: list[Event] = []
    for cut in [*cuts, len(data)]:
        if data[:cut]:
            events += one.feed(data[:cut], now=1.0)
        data = data[cut:]

    assert events == [Received(message=WITHDRAWAL)] * 2
    assert other.state is State.ESTABLISHED


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5))
def test_garbage_closes_with_a_notification_and_never_raises(parts: list[bytes]) -> None:
    for connection in (Connection(OURS, 0.0), pair()[0]):
        for part in parts:
            for event in connection.feed(part, now=1.0):
                assert isinstance(event, Closed)
                assert event.sent is not None
        assert connection.feed(b"", now=2.0) == [] or connection.is_over


def test_keepalives_are_sent_at_a_third_of_the_hold_time() -> None:
    one, _, _, _ = pair()

    assert one.wake_at == 3.0
    assert one.tick(now=2.9) == []
    assert one.data_to_send() == b""
    assert one.tick(now=3.0) == []
    assert one.data_to_send() == render(Keepalive())


def test_the_hold_timer_ends_a_silent_session_and_any_message_restarts_it() -> None:
    one, _, _, _ = pair()
    one.feed(render(Keepalive()), now=8.0)

    assert one.tick(now=16.9) == []
    (closed,) = one.tick(now=17.0)
    assert isinstance(closed, Closed)
    assert closed.sent is not None
    assert closed.sent.code == 4
    assert one.wake_at is None


def test_a_hold_time_of_zero_means_no_timers() -> None:
    one, _, heard, _ = pair(replace(OURS, hold_s=0))

    assert isinstance(heard[1], Established)
    assert one.wake_at is None
    assert one.tick(now=1e9) == []


def test_a_peer_that_never_says_open_is_given_up() -> None:
    one = Connection(OURS, 5.0)

    assert one.wake_at == 15.0
    (closed,) = one.tick(now=15.0)
    assert isinstance(closed, Closed)
    assert closed.reason == "the session was not up within 10 s"


@pytest.mark.parametrize(
    ("ours", "theirs", "code", "said"),
    [
        (OURS, replace(THEIRS, asn=Asn(64999)), (2, 2), "the peer is AS64999, not AS64500"),
        (
            replace(OURS, role=WireRole.PROVIDER),
            replace(THEIRS, role=WireRole.PEER),
            (2, 11),
            "our role PROVIDER does not fit PEER (RFC 9234 section 4.2",
        ),
    ],
)
def test_an_open_that_does_not_fit_is_refused(
    ours: Local, theirs: Local, code: tuple[int, int], said: str
) -> None:
    _, _, heard, _ = pair(ours, theirs)

    (closed,) = heard
    assert isinstance(closed, Closed)
    assert closed.sent is not None
    assert (closed.sent.code, closed.sent.subcode) == code
    assert said in closed.reason


def test_roles_that_fit_come_up() -> None:
    one, _, _, _ = pair(replace(OURS, role=WireRole.PROVIDER), replace(THEIRS, role=WireRole.CUSTOMER))

    assert one.state is State.ESTABLISHED


@pytest.mark.parametrize(("is_up", "subcode"), [(False, 1), (True, 3)])
def test_a_message_in_the_wrong_state_is_told_which(is_up: bool, subcode: int) -> None:
    one = pair()[0] if is_up else Connection(OURS, 0.0)
    wrong = Connection(THEIRS, 0.0).data_to_send() if is_up else render(WITHDRAWAL)

    (closed,) = one.feed(wrong, now=1.0)

    assert isinstance(closed, Closed)
    assert closed.sent is not None
    assert (closed.sent.code, closed.sent.subcode) == (5, subcode)
    assert "does not belong in" in closed.reason


def test_what_the_peer_says_at_its_end_is_the_reason() -> None:
    one, other, _, _ = pair()
    other.close(2, "enough")

    (closed,) = one.feed(other.data_to_send(), now=1.0)

    assert isinstance(closed, Closed)
    assert closed.reason == "the peer sent Cease/Administrative Shutdown"
    assert one.data_to_send() == b""
