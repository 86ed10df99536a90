"""RFC 6811: the state of a route against a definition that reads like the RFC, and its reasons."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trust_definition import state_by_the_book, vrp

from anyplane.model.nouns import Asn, Prefix
from anyplane.model.rpki import Vrp
from anyplane.planning.trust.validity import Reason, State, living, validate


@st.composite
def prefixes(draw: st.DrawFn) -> Prefix:
    """Prefixes of few bits, so that they lie in each other often; both families, 0.0.0.0/0 and hosts too."""
    is_v6 = draw(st.booleans())
    width, start = (128, "2001:db8::") if is_v6 else (32, "192.0.0.0")
    length = draw(
        st.sampled_from([0, 1, 8, 15, 16, 17, 18, 23, 24, 25, 31, 32] + ([48, 127, 128] if is_v6 else []))
    )
    base = int(ip_network(f"{start}/{width}").network_address)
    flipped = base ^ (draw(st.integers(0, 7)) << draw(st.integers(0, width - 3)))
    kept = flipped >> (width - length) << (width - length)
    return ip_network((kept.to_bytes(width // 8, "big"), length))


@st.composite
def vrps(draw: st.DrawFn) -> Vrp:
    """Any VRP, with a maximum length that may be nonsense."""
    prefix = draw(prefixes())
    longest = draw(st.one_of(st.just(prefix.prefixlen), st.integers(0, prefix.max_prefixlen)))
    return Vrp(prefix=prefix, max_length=longest, asn=Asn(draw(st.integers(0, 3))))


@given(prefixes(), st.integers(0, 3), st.lists(vrps(), max_size=6))
def test_the_state_is_that_of_the_rfc(route: Prefix, origin: int, some: list[Vrp]) -> None:
    verdict = validate(route, origin, some)

    assert verdict.state == state_by_the_book(route, origin, some)
    assert bool(verdict.matching) == (verdict.state is State.VALID)
    assert bool(verdict.reason) == (verdict.state is State.INVALID)


@pytest.mark.parametrize(
    ("route", "origin", "some", "state", "reason"),
    [
        ("192.0.2.0/24", 1, [], State.NOT_FOUND, Reason.NONE),
        ("192.0.2.0/24", 1, [vrp("192.0.2.0/25", 1)], State.NOT_FOUND, Reason.NONE),
        ("192.0.2.0/24", 1, [vrp("2001:db8::/32", 1)], State.NOT_FOUND, Reason.NONE),
        ("192.0.2.0/24", 1, [vrp("192.0.0.0/16", 1, 24)], State.VALID, Reason.NONE),
        ("192.0.2.0/24", 1, [vrp("192.0.0.0/16", 1, 23)], State.INVALID, Reason.MAX_LENGTH),
        ("192.0.2.0/24", 1, [vrp("192.0.0.0/16", 2, 24)], State.INVALID, Reason.ORIGIN),
        ("192.0.2.0/24", 1, [vrp("192.0.2.0/24", 0)], State.INVALID, Reason.AS0),
        ("192.0.2.0/24", 1, [vrp("192.0.2.0/24", 0), vrp("192.0.2.0/24", 1)], State.VALID, Reason.NONE),
        ("192.0.2.0/24", 1, [vrp("192.0.2.0/24", 0), vrp("192.0.2.0/24", 2)], State.INVALID, Reason.ORIGIN),
        ("192.0.2.0/24", 0, [vrp("192.0.2.0/24", 0)], State.INVALID, Reason.AS0),
        ("2001:db8:1::/48", 1, [vrp("2001:db8::/32", 1, 48)], State.VALID, Reason.NONE),
        ("2001:db8:1::/48", 1, [vrp("2001:db8::/32", 1)], State.INVALID, Reason.MAX_LENGTH),
        ("192.0.2.0/24", 1, [vrp("0.0.0.0/0", 0)], State.INVALID, Reason.AS0),
    ],
)
def test_known_routes_have_known_states(
    route: str, origin: int, some: list[Vrp], state: State, reason: Reason
) -> None:
    verdict = validate(ip_network(route), origin, some)

    assert (verdict.state, verdict.reason) == (state, reason)


def test_a_vrp_lives_until_the_second_it_names() -> None:
    some = [vrp("192.0.2.0/24", 1, expires=100), vrp("192.0.2.0/24", 2)]

    assert len(living(some, 99)) == 2
    assert living(some, 100) == (some[1],)
