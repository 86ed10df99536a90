"""Counts by announcement set, method and site; and how far two methods say the same."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from anyplane.measure.observations.formats import Format, format_of
from anyplane.measure.observations.summary import agreements, counts
from anyplane.model.errors import DataError
from anyplane.model.observations import Announced, Method, Observations

SITES = ("ams", "fra")


def seen(method: Method, *rows: tuple[int, int, float], sites: tuple[str, ...] = SITES) -> Observations:
    asns, index, weights = zip(*rows, strict=True)
    return Observations.of(
        asns, index, sites=sites, method=method, announced=Announced(sites=sites), source="f", weight=weights
    )


def test_shares_are_of_what_is_known() -> None:
    table = seen(Method.PING, (1, 0, 1.0), (2, 0, 0.5), (2, 1, 0.5), (3, -1, 1.0))

    found = [(one.site, one.networks, one.rows, one.share) for one in counts(table)]

    assert found[:2] == [("ams", 2, 2, 0.75), ("fra", 1, 1, 0.25)]
    assert found[2][:3] == ("", 1, 1)
    assert math.isnan(found[2][3])


def test_agreement_is_what_both_shares_have_in_common() -> None:
    pings = seen(Method.PING, (1, 0, 1.0), (2, 0, 0.5), (2, 1, 0.5), (3, 0, 1.0), (4, 0, 1.0))
    atlas = seen(Method.ATLAS, (1, 0, 7.0), (2, 0, 1.0), (3, 1, 1.0), (5, 1, 1.0), (4, -1, 1.0))

    (pair,) = agreements(Observations.merge(pings, atlas))

    assert (pair.one, pair.other, pair.networks) == (Method.PING, Method.ATLAS, 3)
    assert pair.agreement == pytest.approx((1 + 0.5 + 0) / 3)


def test_one_site_alone_says_nothing_about_agreement() -> None:
    alone = [seen(method, (1, 0, 1.0), sites=("ams",)) for method in (Method.PING, Method.ATLAS)]

    assert agreements(Observations.merge(*alone)) == ()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a", b"asn,site\n", Format.CSV),
        ("a", b"# x\nSite;ASN;weight\n", Format.CSV),
        ("a", b'[{"prb_id"', Format.ATLAS_DNS),
        ("a", b"prb_id\tnsid\n", Format.ATLAS_DNS),
        ("a", b"# y\nrx,rx_time,addr\n", Format.MANYCASTR),
        ("a", b"task_id,client_id,source_address\n", Format.VERFPLOETER),
        ("a", b"PAR1....", Format.MANYCASTR),
        ("a", bytes.fromhex("5f000000 000d 0001 00000100"), Format.MRT),
        ("uw01_bgpstream_paths.csv", b"", Format.PEERING),
        ("dp_pings_est_as_to_mux_catchment.json.gz", b"", Format.PEERING),
    ],
)
def test_the_format_is_told_by_the_content(
    tmp_path: Path, name: str, content: bytes, expected: Format
) -> None:
    (tmp_path / name).write_bytes(content)

    assert format_of(tmp_path / name) is expected


@pytest.mark.parametrize("content", [b"", b"hello world\n", b"asn,pop\n1,2\n", b"\x00" * 50])
def test_what_is_no_format_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)

    with pytest.raises(DataError, match="no format known here"):
        format_of(tmp_path / "a")
