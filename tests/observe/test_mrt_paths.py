"""Paths of one prefix: the last word of each peer, and the site that a path tells."""

from __future__ import annotations

import bz2
import gzip
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pytest
from mrt_bytes import AT, as_path, attribute, communities, nlri, peer_index, rib, segment, update

from anyplane.datasets.prefix_origins import top_of
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method
from anyplane.model.reading import Reading
from anyplane.observe import SiteOfPath, read_mrt_paths, read_rib_origins

PREFIX = "192.0.2.0/24"
BOTH = Announced(sites=("ams", "uw"))
UPSTREAMS = SiteOfPath(
    origin=47065,
    upstreams={"ams": frozenset({8283, 1299}), "uw": frozenset({101, 1299}), "isi": frozenset({226})},
)


def read(
    folder: Path, content: bytes, sites: SiteOfPath = UPSTREAMS, announced: Announced | None = BOTH
) -> Reading:
    path = folder / "rib.mrt"
    path.write_bytes(content)
    return read_mrt_paths(path, ip_network(PREFIX), sites=sites, announced=announced)


def table(*attributes: bytes) -> bytes:
    peers = peer_index(*((64500 + number, f"198.51.100.{number}") for number in range(len(attributes))))
    return peers + rib(PREFIX, *enumerate(attributes))


def seen(reading: Reading) -> list[tuple[tuple[int, ...], str]]:
    observations = reading.observations
    return [(observations.path_of(row), observations.site_of(row)) for row in range(len(observations))]


def test_the_upstream_tells_the_site_where_it_is_one_sites_alone(tmp_path: Path) -> None:
    paths = [(1, 8283, 47065, 47065), (2, 3, 101, 47065), (3, 1299, 47065), (4, 226, 47065), (47065,)]

    reading = read(tmp_path, table(*(as_path(*path) for path in paths)))

    assert seen(reading) == list(zip(paths, ["ams", "uw", "", "", ""], strict=True))
    assert [str(one) for one in reading.notes] == ["3 path that does not tell its site"]
    assert set(reading.observations.method.tolist()) == {tuple(Method).index(Method.PATHS)}
    assert set(reading.observations.at.tolist()) == {float(AT)}


def test_a_marker_wins_over_a_community_and_both_over_the_upstream(tmp_path: Path) -> None:
    sites = SiteOfPath(
        upstreams=UPSTREAMS.upstreams, markers={61574: "ams", 61575: "uw"}, communities={"47065:2": "uw"}
    )
    content = table(
        as_path(1, 101, 47065, 61574, 47065) + communities((47065, 2)),
        as_path(2, 8283, 47065) + communities((47065, 1), (47065, 2)),
        as_path(3, 8283, 47065, 61574, 61575, 47065),
    )

    assert [site for _, site in seen(read(tmp_path, content, sites))] == ["ams", "uw", ""]


def test_one_announced_site_is_the_site_of_every_path(tmp_path: Path) -> None:
    content = table(as_path(1, 9, 47065))

    assert seen(read(tmp_path, content, SiteOfPath(), Announced(sites=("isi",)))) == [((1, 9, 47065), "isi")]


def test_paths_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    content = table(
        as_path(1, 101, 47065),
        as_path(2, 666),
        as_path(),
        attribute(2, segment(2, (4,)) + segment(1, (5, 47065))),
    )

    reading = read(tmp_path, content)

    assert (reading.rows, len(reading.observations)) == (4, 1)
    assert {one.reason for one in reading.unusable} == {
        "the origin is AS666, not AS47065",
        "empty AS path",
        "AS set in the path",
    }


def test_of_updates_the_last_word_of_each_peer_stands(tmp_path: Path) -> None:
    def said(peer: int, *path: int, at: int = AT) -> bytes:
        return update(peer, f"198.51.100.{peer}", announce=nlri(PREFIX), attributes=as_path(*path), at=at)

    gone = update(2, "198.51.100.2", withdraw=nlri(PREFIX))
    content = said(1, 1, 101, 47065) + said(2, 2, 101, 47065) + gone + said(1, 1, 8283, 47065, at=AT + 5)

    reading = read(tmp_path, content)

    assert seen(reading) == [((1, 8283, 47065), "ams")]
    assert reading.observations.at.tolist() == [AT + 5.0]
    assert {(one.reason, one.rows) for one in reading.unusable} == {
        ("route replaced by a later one of its peer", 1),
        ("route withdrawn later", 1),
        ("withdrawal", 1),
    }
    assert reading.rows == len(reading.observations) + sum(one.rows for one in reading.unusable)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_files_are_read_and_cut_ones_refused(tmp_path: Path, pack: type[bytes]) -> None:
    packed = pack(table(as_path(1, 101, 47065)) * 50)

    assert len(read(tmp_path, packed).observations) == 1
    for length in (len(packed) // 2, len(packed) - 3):
        with pytest.raises(DataError, match=r"truncated|damaged|ends in the middle"):
            read(tmp_path, packed[:length])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no MRT file of routes: nothing in it"),
        (b"asn,site\n1,fra\n", r"a record claims|ends in the middle"),
        (peer_index((1, "::1")) + rib("192.0.0.0/16", (0, as_path(1))), "has no route to 192.0.2.0/24"),
        (table(as_path(1, 101, 47065))[:-1], "ends in the middle of a record"),
    ],
)
def test_a_file_without_the_prefix_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_the_prefix_that_is_nearly_meant_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(
            tmp_path,
            peer_index((1, "::1"))
            + rib("192.0.0.0/16", (0, as_path(1)))
            + rib("10.0.0.0/8", (0, as_path(1))),
        )

    assert caught.value.hint == "it has 192.0.0.0/16"


def test_a_table_says_whose_the_prefixes_are(tmp_path: Path) -> None:
    path = tmp_path / "rib"
    path.write_bytes(
        table(as_path(1, 9), as_path(2, 8), as_path(3, 8)) + rib("192.0.0.0/16", (0, as_path(1, 7)))
    )

    origins = read_rib_origins(path)

    places = [top_of(address) for address in ("192.0.2.9", "192.0.3.9", "10.0.0.1")]
    tops = np.array([place[0] for place in places if place], np.uint64)
    assert origins.find(tops, 4)[0].tolist() == [8, 7, -1]
    assert origins.several == 1
