"""MRT: every type of record that collectors write, and what damage does."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
from collections import Counter
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrt_bytes import (
    AT,
    as_path,
    attribute,
    communities,
    nlri,
    peer_index,
    reach,
    record,
    rib,
    segment,
    table_dump,
    unreach,
    update,
)

from anyplane.observe.mrt import DamagedMrt, Route, Skipped, What, routes

V4, V6 = "192.0.2.0/24", "2001:db8::/32"
PEERS = peer_index((64500, "198.51.100.1"), (4200000001, "2001:db8::9"))
TABLE = (
    PEERS
    + rib(V4, (0, as_path(64500, 1, 47065)), (1, as_path(4200000001, 47065)))
    + rib("10.0.0.0/8", (0, as_path(1)))
)


def read(content: bytes, prefix: str | None = None, skipped: Skipped | None = None) -> list[Route]:
    return list(routes(io.BytesIO(content), prefix=ip_network(prefix) if prefix else None, skipped=skipped))


def test_a_table_gives_the_route_of_each_peer_at_the_time_of_the_dump() -> None:
    found = read(TABLE, V4)

    assert [(one.peer_asn, str(one.peer), one.attributes.path, one.at) for one in found] == [
        (64500, "198.51.100.1", (64500, 1, 47065), AT),
        (4200000001, "2001:db8::9", (4200000001, 47065), AT),
    ]
    assert {one.what for one in found} == {What.IN_TABLE}


@pytest.mark.parametrize(("prefix", "path_id"), [(V6, None), (V4, 7), (V6, 7)])
def test_tables_of_both_families_with_and_without_path_identifiers(prefix: str, path_id: int | None) -> None:
    (route,) = read(PEERS + rib(prefix, (0, as_path(64500, 47065)), path_id=path_id), prefix)

    assert (str(route.prefix), route.path_id, route.attributes.path) == (prefix, path_id or 0, (64500, 47065))


def test_the_next_hop_that_tables_keep_of_mp_reach_is_no_prefix() -> None:
    short = attribute(14, bytes([16]) + bytes(16), 0x80)

    (route,) = read(PEERS + rib(V6, (0, short + as_path(1, 2))))

    assert route.attributes.path == (1, 2)


@pytest.mark.parametrize(("prefix", "peer"), [(V4, "198.51.100.1"), (V6, "2001:db8::9")])
def test_the_older_table_has_short_numbers(prefix: str, peer: str) -> None:
    content = table_dump(prefix, peer, 64500, as_path(64500, 47065, size=2))

    (route,) = read(content, prefix)

    assert (route.peer_asn, str(route.peer), route.attributes.path) == (64500, peer, (64500, 47065))


def test_an_update_announces_and_withdraws() -> None:
    attributes = as_path(64500, 47065) + reach(V6) + unreach("2001:db8:1::/48") + communities((47065, 1))

    found = read(
        update(64500, "198.51.100.1", announce=nlri(V4), withdraw=nlri("10.0.0.0/8"), attributes=attributes)
    )

    assert {
        (one.what, str(one.prefix), one.attributes.path, one.attributes.communities) for one in found
    } == {
        (What.WITHDRAWN, "10.0.0.0/8", (), ()),
        (What.WITHDRAWN, "2001:db8:1::/48", (), ()),
        (What.ANNOUNCED, V6, (64500, 47065), ("47065:1",)),
        (What.ANNOUNCED, V4, (64500, 47065), ("47065:1",)),
    }


def test_microseconds_belong_to_the_time() -> None:
    content = update(1, "198.51.100.1", announce=nlri(V4), attributes=as_path(1), microseconds=250_000)

    assert [one.at for one in read(content)] == [AT + 0.25]


def test_path_identifiers_stand_before_each_prefix() -> None:
    content = update(1, "::1", announce=nlri(V4, 5), attributes=as_path(1) + reach(V6, 6), subtype=9)

    assert {(str(one.prefix), one.path_id) for one in read(content)} == {(V4, 5), (V6, 6)}


def test_the_long_numbers_beside_a_short_path_replace_its_tail() -> None:
    newer = attribute(17, segment(2, (4200000001, 47065)), 0xC0)
    content = update(
        64500,
        "198.51.100.1",
        announce=nlri(V4),
        attributes=as_path(64500, 23456, 47065, size=2) + newer,
        size=2,
    )

    assert [one.attributes.path for one in read(content)] == [(64500, 4200000001, 47065)]


def test_sets_and_confederations_are_no_part_of_the_sequence() -> None:
    path = segment(3, (65001,)) + segment(2, (1, 1, 2)) + segment(1, (3, 4))

    (route,) = read(update(1, "::1", announce=nlri(V4), attributes=attribute(2, path)))

    assert (route.attributes.path, route.attributes.has_set) == ((1, 1, 2), True)


def test_large_communities_and_long_attributes_are_read() -> None:
    large = attribute(32, bytes(range(12)) * 30, 0xC0)

    (route,) = read(update(1, "::1", announce=nlri(V4), attributes=as_path(1) + large))

    assert route.attributes.communities[:1] == ("66051:67438087:134810123",)
    assert len(route.attributes.communities) == 30


def test_bits_beyond_the_length_of_a_prefix_do_not_count() -> None:
    found = read(update(1, "::1", announce=b"\x0d\x0b\x0d", attributes=as_path(1)))

    assert [str(one.prefix) for one in found] == ["11.8.0.0/13"]


def test_records_of_other_types_are_counted() -> None:
    skipped = Skipped()

    found = read(record(16, 5, b"state") + record(13, 6, b"generic") + TABLE, V4, skipped)

    assert len(found) == 2
    assert (skipped.kinds, skipped.records) == ({"type 16 subtype 5": 1, "type 13 subtype 6": 1}, 5)


@pytest.mark.parametrize(
    "damaged",
    [
        rib(V4, (7, as_path(1))),
        rib(V4, (0, as_path(1)[:-1])),
        record(13, 2, bytes(4) + b"\x21" + bytes(40)),
        record(16, 4, b"\0" * 8),
        record(17, 4, b"\0"),
        update(1, "::1", announce=b"\x18\x01", attributes=as_path(1)),
        update(1, "::1", announce=nlri(V4), attributes=attribute(2, b"\x09\x01\x00\x00\x00\x01")),
    ],
)
def test_a_damaged_record_is_left_out_whole_and_counted(damaged: bytes) -> None:
    skipped = Skipped()

    found = read(PEERS + damaged + TABLE, V4, skipped)

    assert [one.attributes.path for one in found] == [(64500, 1, 47065), (4200000001, 47065)]
    assert (skipped.damaged, skipped.first_damage[:5]) == (1, "type ")


def test_a_file_that_ends_within_a_record_is_an_error_at_every_byte() -> None:
    content = TABLE + update(1, "::1", announce=nlri(V4), attributes=as_path(1))
    ends = {0}
    at = 0
    while at < len(content):
        at += 12 + int.from_bytes(content[at + 8 : at + 12], "big")
        ends.add(at)

    for length in range(len(content)):
        if length in ends:
            read(content[:length])
        else:
            with pytest.raises(DamagedMrt, match="ends in the middle"):
                read(content[:length])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_changed_anywhere_give_routes_or_an_error_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(
        TABLE + update(1, "::1", announce=nlri(V4), attributes=as_path(1) + reach(V6), microseconds=1)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(DamagedMrt):
        read(bytes(content))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_in_a_body_never_escapes(noise: bytes) -> None:
    for kind, subtypes in ((12, (1, 2)), (13, (1, 2, 4, 8, 10)), (16, (1, 4, 8, 9)), (17, (4,))):
        for subtype in subtypes:
            read(PEERS + record(kind, subtype, noise))


def test_the_real_samples_give_what_bgpdump_printed() -> None:
    root = os.environ.get("ANYPLANE_DATA", "")
    if not root:
        pytest.skip("ANYPLANE_DATA names no directory of real data")
    letters = {What.IN_TABLE: "B", What.ANNOUNCED: "A", What.WITHDRAWN: "W"}
    for name in (
        "updates.20071015.1505",
        "updates.20020722.2238",
        "bview.64k_stream_overflow",
        "bview.ipv6_unicast_add_path",
    ):
        path = Path(root) / "mrt" / "bgpdump" / f"{name}.gz"
        expected: Counter[tuple[str, ...]] = Counter()
        for line in gzip.decompress(Path(f"{path}.bgp.gz").read_bytes()).decode().splitlines():
            fields = line.split("|")
            if fields[2] in "ABW":
                way = "" if fields[2] == "W" else fields[7 if "add_path" in name else 6]
                expected[(fields[2], fields[1].split(".")[0], fields[3], fields[4], fields[5], way)] += 1
        found: Counter[tuple[str, ...]] = Counter()
        for one in read(gzip.decompress(path.read_bytes())):
            key = (letters[one.what], str(int(one.at)), str(one.peer), str(one.peer_asn), str(one.prefix))
            found[(*key, " ".join(map(str, one.attributes.path)))] += 1

        assert found == expected
