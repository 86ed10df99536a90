"""Verfploeter and MAnycastR: addresses become networks, answers become weights."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.datasets.prefix_origins import PrefixOrigins, prefix_text, read_pfx2as, top_of
from anyplane.measure.observations.naming import SiteNames
from anyplane.measure.observations.probed_addresses import Prober, read_probed
from anyplane.model.errors import DataError, UsageError
from anyplane.model.observations import Announced, Observations
from anyplane.model.reading import Reading

ORIGINS = PrefixOrigins.of(
    [
        (ip_network("192.0.2.0/24"), 64500),
        (ip_network("192.0.0.0/16"), 64501),
        (ip_network("2001:db8::/32"), 64502),
    ]
)
MANYCASTR = """# Measurement of two workers
# \t * ID: 1, hostname: nl-ams
# \t * ID: 2, hostname: de-fra
rx,rx_time,addr,ttl,tx_time,tx
1,1700000000000000000,192.0.2.1,60,1699999999990000000,1
2,1700000000000000000,192.0.2.2,60,1699999999000000000,1
1,1700000000000000000,192.0.2.2,60,1699999999000000000,2
1,1700000001000000000,192.0.2.1,60,1699999999990000000,1
1,1700000000000000000,192.0.9.9,60,1699999999000000000,2
1,1700000000000000000,198.51.100.1,60,1699999999000000000,2
1,1700000000000000000,nowhere,60,1699999999000000000,2
2,1700000000000000000,2001:db8::1,60,1699999999000000000,2
"""
VERFPLOETER = """task_id,client_id,transmit_time,receive_time,source_address,source_address_asn
1,de-fra-anycast01,1,1700000000,192.0.2.7,64999
1,nl-ams-anycast01,1,1700000000,3221225993,
"""


def rows(observations: Observations) -> list[tuple[int, str, str, float]]:
    return [
        (
            int(observations.asn[i]),
            observations.prefix[i],
            observations.site_of(i),
            float(observations.weight[i]),
        )
        for i in range(len(observations))
    ]


def read(folder: Path, text: str, prober: Prober, origins: PrefixOrigins | None = ORIGINS) -> Reading:
    path = folder / "answers.csv"
    path.write_text(text)
    return read_probed(path, prober, names=SiteNames.of(["ams=ams", "fra=fra"]), origins=origins)


def test_an_address_counts_once_and_is_shared_between_the_sites_that_it_reached(tmp_path: Path) -> None:
    reading = read(tmp_path, MANYCASTR, Prober.MANYCASTR)

    assert rows(reading.observations) == [
        (64500, "192.0.2.0/24", "ams", 1.5),
        (64500, "192.0.2.0/24", "fra", 0.5),
        (64501, "192.0.0.0/16", "ams", 1.0),
        (64502, "2001:db8::/32", "fra", 1.0),
    ]
    assert reading.rows == 8
    assert {(one.reason, one.rows, one.first_line) for one in reading.unusable} == {
        ("address in no announced prefix", 1, 10),
        ("not an address", 1, 11),
    }
    assert [(one.reason, one.first_line) for one in reading.notes] == [
        ("answer repeated by one address at one site: counted once", 8)
    ]


def test_a_round_trip_is_believed_only_of_one_clock(tmp_path: Path) -> None:
    seen = read(tmp_path, MANYCASTR, Prober.MANYCASTR).observations

    known = seen.only(seen.rtt_ms >= 0)
    assert [(int(asn), round(float(rtt))) for asn, rtt in zip(known.asn, known.rtt_ms, strict=True)] == [
        (64500, 10),
        (64502, 1000),
    ]


def test_a_file_may_name_the_networks_itself(tmp_path: Path) -> None:
    reading = read(tmp_path, VERFPLOETER, Prober.VERFPLOETER)

    assert rows(reading.observations) == [
        (64500, "192.0.2.0/24", "ams", 1.0),
        (64999, "192.0.2.0/24", "fra", 1.0),
    ]
    with pytest.raises(UsageError, match="does not say whose"):
        read(tmp_path, VERFPLOETER, Prober.VERFPLOETER, origins=None)


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    duckdb.sql(f"COPY (SELECT 'nl-ams' AS rx, '192.0.2.1' AS addr, 5 AS rtt) TO '{path}'")

    reading = read_probed(path, Prober.MANYCASTR, names=SiteNames.of(["ams=ams"]), origins=ORIGINS)

    assert rows(reading.observations) == [(64500, "192.0.2.0/24", "ams", 1.0)]
    assert reading.observations.rtt_ms.tolist() == [5.0]


def test_a_receiver_without_a_site_is_kept_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("rx,addr\nmars,192.0.2.1\n")
    announced = Announced(sites=("ams",))

    reading = read_probed(
        path, Prober.MANYCASTR, names=SiteNames.of([], known=["ams"]), origins=ORIGINS, announced=announced
    )

    assert [row[2] for row in rows(reading.observations)] == [""]
    assert [str(one) for one in reading.notes] == ["1 the receiver 'mars' fits no site (first: line 2)"]


PREFIXES = st.one_of(
    st.tuples(st.sampled_from([0, 1, 2**31, 2**31 + 256, 2**32 - 1]), st.integers(0, 32)).map(
        lambda one: ip_network((one[0], one[1]), strict=False)
    ),
    st.tuples(st.sampled_from([0, 2**96, 2**96 + 2**64, 2**128 - 1]), st.integers(0, 64)).map(
        lambda one: ip_network(
            (ip_address(one[0]) if one[0] > 2**32 else ip_address("::"), one[1]), strict=False
        )
    ),
)


@given(
    st.dictionaries(PREFIXES, st.integers(1, 9), max_size=12),
    st.lists(
        st.sampled_from(["0.0.0.1", "128.0.0.9", "128.0.1.0", "255.255.255.255", "::1", "::1:0:0:0:5", "1::"])
    ),
)
@settings(max_examples=150, deadline=None)
def test_the_longest_prefix_wins(table: dict[object, int], addresses: list[str]) -> None:
    origins = PrefixOrigins.of(table.items())  # type: ignore[arg-type]

    for text in addresses:
        address = ip_address(text)
        covering = [one for one in table if one.version == address.version and address in one]  # type: ignore[attr-defined]
        best = max(covering, key=lambda one: one.prefixlen, default=None)  # type: ignore[attr-defined]
        place = top_of(text)
        assert place is not None
        asn, length = origins.find(np.array([place[0]], np.uint64), place[1])
        expected = (-1, -1) if best is None else (table[best], best.prefixlen)  # type: ignore[attr-defined]
        assert (int(asn[0]), int(length[0])) == expected


def test_pfx2as_takes_the_first_of_several_origins(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(
        "192.0.2.0\t24\t64500_64501\n2001:db8::\t32\t64502,64503\n198.51.100.0\t24\t7\n"
    )

    origins = read_pfx2as(tmp_path / "p")

    assert (len(origins), origins.several) == (3, 2)


@pytest.mark.parametrize(
    "row", ["192.0.2.0 24", "192.0.2.1\t24\t1", "192.0.2.0\t24\tx", "192.0.2.0\t33\t1", "192.0.2.0\t24\t-1"]
)
def test_a_bad_row_of_pfx2as_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    (tmp_path / "p").write_text(f"# comment\n{row}\n")

    with pytest.raises(DataError, match="p:2: "):
        read_pfx2as(tmp_path / "p")


def test_rules_decide_in_their_order_and_bad_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("# mine\n^fra[0-9]=fra\nfra=old\n")

    names = SiteNames.of([str(tmp_path / "rules"), "AMS=ams"])

    assert [names.site_of(name) for name in ("FRA1.x", "xfra", "my-ams-2", "lhr")] == [
        "fra",
        "old",
        "ams",
        "",
    ]
    with pytest.raises(UsageError, match="is neither PATTERN=SITE nor a file"):
        SiteNames.of(["nothing"])
    with pytest.raises(UsageError, match="is not a regular expression"):
        SiteNames.of(["(=fra"])
    (tmp_path / "rules").write_text("\n(=fra\n")
    with pytest.raises(DataError, match="rules:2: "):
        SiteNames.of([str(tmp_path / "rules")])


@given(st.one_of(st.ip_addresses(), st.integers(0, 2**128 - 1).map(ip_address)), st.integers(0, 64))
def test_addresses_and_prefixes_are_those_of_the_standard_library(address: object, length: int) -> None:
    place = top_of(str(address))

    assert place is not None
    length = min(length, 32) if place[1] == 4 else length
    assert prefix_text(place[0], length, place[1]) == str(ip_network((address, length), strict=False))
    if place[1] == 4 or int(address) >= 2**32:  # type: ignore[call-overload]
        assert top_of(str(int(address))) == place  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "text", ["", "nowhere", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":", "-1", "9" * 50, "1.2.3.4 "]
)
def test_what_is_no_address_has_no_place(text: str) -> None:
    assert top_of(text) is None
