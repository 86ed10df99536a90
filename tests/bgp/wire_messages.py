"""Hypothesis strategies of BGP messages, for the tests of the codec."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hypothesis import strategies as st

from anyplane.bgp.wire import (
    Attributes,
    Capabilities,
    Family,
    Keepalive,
    Notification,
    Open,
    RouteRefresh,
    Segment,
    SegmentKind,
    Unknown,
    Update,
    WireRole,
)
from anyplane.bgp.wire.attributes import Multiprotocol, Origin
from anyplane.model.nouns import Asn

U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
ASNS = st.integers(1, 0xFFFFFFFF)


def networks(version: int) -> st.SearchStrategy[IPv4Network | IPv6Network]:
    bits = 32 if version == 4 else 128
    kind = IPv4Network if version == 4 else IPv6Network

    def made(number: int, length: int) -> IPv4Network | IPv6Network:
        return kind((number >> (bits - length) << (bits - length), length))

    return st.builds(made, st.integers(0, 2**bits - 1), st.integers(0, bits))


def listed(version: int, least: int = 0) -> st.SearchStrategy[tuple[IPv4Network | IPv6Network, ...]]:
    return st.lists(networks(version), min_size=least, max_size=6).map(tuple)


capabilities = st.builds(
    Capabilities,
    families=st.lists(st.sampled_from(Family), unique=True).map(tuple),
    asn4=st.one_of(st.none(), ASNS.map(Asn)),
    has_route_refresh=st.booleans(),
    has_extended_message=st.booleans(),
    role=st.one_of(st.none(), st.sampled_from(WireRole)),
    unknown=st.lists(st.tuples(st.integers(66, 255), st.binary(max_size=120)), max_size=4).map(tuple),
)


def _opened(asn: int, hold: int, identifier: IPv4Address, can: Capabilities) -> Open:
    # Without the capability an AS number has two bytes.
    number = can.asn4 if can.asn4 is not None else Asn(min(asn, 0xFFFF))
    return Open(asn=number, hold_s=hold, identifier=identifier, capabilities=can)


opens = st.builds(
    _opened,
    ASNS,
    U16.filter(lambda hold: hold not in (1, 2)),
    st.integers(1, 0xFFFFFFFF).map(IPv4Address),
    capabilities,
)
segments = st.builds(
    Segment,
    kind=st.sampled_from(SegmentKind),
    asns=st.lists(U32, min_size=1, max_size=6).map(tuple),
)
reaches = st.builds(
    Multiprotocol,
    family=st.just(Family.IPV6),
    prefixes=listed(6, least=1),
    next_hops=st.lists(st.integers(0, 2**128 - 1).map(IPv6Address), min_size=1, max_size=2).map(tuple),
)
attributes = st.builds(
    Attributes,
    origin=st.sampled_from(Origin),
    as_path=st.lists(segments, max_size=4).map(tuple),
    next_hop=U32.map(IPv4Address),
    med=st.one_of(st.none(), U32),
    is_atomic_aggregate=st.booleans(),
    communities=st.lists(st.builds("{}:{}".format, U16, U16), max_size=80).map(tuple),
    large_communities=st.lists(st.builds("{}:{}:{}".format, U32, U32, U32), max_size=5, unique=True).map(
        tuple
    ),
    reach=st.one_of(st.none(), reaches),
    unreach=st.one_of(
        st.none(), st.builds(Multiprotocol, family=st.sampled_from([Family.IPV6]), prefixes=listed(6))
    ),
    unknown=st.lists(
        st.builds(
            Unknown,
            flags=st.sampled_from([0x80, 0xC0, 0xE0]),
            type=st.integers(40, 250),
            data=st.binary(max_size=300),
        ),
        max_size=3,
        unique_by=lambda one: one.type,
    ).map(tuple),
)
updates = st.builds(Update, withdrawn_v4=listed(4), attributes=attributes, announced_v4=listed(4))
notifications = st.builds(
    Notification, code=st.integers(0, 255), subcode=st.integers(0, 255), data=st.binary(max_size=200)
)
refreshes = st.builds(RouteRefresh, family=st.sampled_from(Family), subtype=st.integers(0, 2))
messages = st.one_of(opens, updates, notifications, refreshes, st.just(Keepalive()))
