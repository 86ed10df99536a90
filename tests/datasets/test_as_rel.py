"""AS relationships: what is read, what is dropped and counted, what is refused and where."""

from __future__ import annotations

import bz2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.datasets.as_rel import AsRel, parse_as_rel, read_as_rel, to_text
from anyplane.model.errors import DataError
from anyplane.model.nouns import ASN_MAX

FIXTURES = Path(__file__).parent / "fixtures"

asns = st.one_of(st.integers(1, 40), st.integers(0, ASN_MAX))
links = st.lists(
    st.tuples(asns, asns, st.booleans()), min_size=1, unique_by=lambda link: frozenset(link[:2])
).map(lambda rows: [row for row in rows if row[0] != row[1]])


def test_serial_1_is_read_with_its_header() -> None:
    graph = read_as_rel(FIXTURES / "small.as-rel.txt")

    assert graph.providers_customers.tolist() == [[10, 100], [20, 100], [10, 200], [20, 4200000000]]
    assert graph.peers.tolist() == [[10, 20], [100, 200]]
    assert graph.clique == (10, 20)
    assert graph.ixp_asns == (300,)
    assert graph.sources == ("topology|BGP|20250901|made|up",)
    assert graph.asns.tolist() == [10, 20, 100, 200, 4200000000]


def test_serial_2_compressed_is_the_same_graph(tmp_path: Path) -> None:
    rows = (FIXTURES / "small.as-rel.txt").read_text().splitlines()
    text = "".join(row + ("" if row.startswith("#") else "|bgp,mlp") + "\r\n" for row in rows)
    path = tmp_path / "small.as-rel2.txt"
    path.write_bytes(bz2.compress(text.encode()))

    graph = read_as_rel(path)

    assert to_text(graph) == to_text(read_as_rel(FIXTURES / "small.as-rel.txt"))


@given(rows=links, source=st.sampled_from(["", "bgp"]), clique=st.lists(asns, max_size=3))
def test_text_and_arrays_are_inverse(
    rows: list[tuple[int, int, bool]], source: str, clique: list[int]
) -> None:
    if not rows:
        return
    transit = [row[:2] for row in rows if row[2]]
    peering = [row[:2] for row in rows if not row[2]]
    graph = AsRel(
        providers_customers=np.array(transit, dtype=np.uint32).reshape(-1, 2),
        peers=np.array(peering, dtype=np.uint32).reshape(-1, 2),
        clique=tuple(clique),
    )

    again = parse_as_rel(to_text(graph, source=source).encode())

    assert again.providers_customers.tolist() == graph.providers_customers.tolist()
    assert again.peers.tolist() == graph.peers.tolist()
    assert again.clique == graph.clique
    assert (again.self_links, again.duplicates, again.contradictions) == (0, 0, 0)


def test_self_links_duplicates_and_contradictions_are_dropped_and_counted() -> None:
    text = b"1|2|-1\n2|1|0|bgp\n3|3|0\n\n2|1|-1\n1|2|-1\n5|4|0\n4|5|0\n"

    graph = parse_as_rel(text)

    assert graph.providers_customers.tolist() == [[1, 2]]
    assert graph.peers.tolist() == [[5, 4]]
    assert (graph.self_links, graph.duplicates, graph.contradictions) == (1, 2, 2)


def test_transit_wins_over_a_peering_that_was_read_first() -> None:
    graph = parse_as_rel(b"1|2|0\n2|1|-1\n")

    assert graph.providers_customers.tolist() == [[2, 1]]
    assert graph.links == 1


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"1|2|-1\n1|3\n", 2, "has 2 fields"),
        (b"1|2|-1|bgp|x\n", 1, "has 5 fields"),
        (b"# x\n\n1|2|-1\na|2|0\n", 4, "'a' is not an AS number"),
        (b"1|4294967296|0\n", 1, "'4294967296' is not an AS number"),
        (b"1|99999999999999999999999|0\n", 1, "is not an AS number"),
        (b"1||0\n", 1, "'' is not an AS number"),
        (b"1|-2|0\n", 1, "'-2' is not an AS number"),
        (b"1|2|1\n", 1, "siblings"),
        (b"1|2|7|bgp\n", 1, "unknown relationship '7'"),
        (b"1|2|-\n", 1, "unknown relationship"),
        (b"1|2|", 1, "unknown relationship ''"),
        (b"# input clique: 174 x\n1|2|0\n", 1, "'x' is not an AS number"),
        (b"# IXP ASes: " + b"9" * 5_000 + b"\n1|2|0\n", 1, "is not an AS number"),
        (b"\x00\x01\xff\xfe\n", 1, "has 1 fields"),
        (b"# nothing else\n", 0, "holds no link"),
        (b"\n\n", 0, "holds no link"),
        (b"7|7|0\n", 0, "to themselves"),
    ],
)
def test_a_bad_line_is_one_error_with_its_number(text: bytes, line: int, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        parse_as_rel(text)
    assert caught.value.line == line


@given(st.binary(max_size=200))
def test_no_input_makes_the_reader_fall_over(junk: bytes) -> None:
    try:
        graph = parse_as_rel(b"1|2|-1\n" + junk)
    except DataError:
        return
    assert graph.links >= 1


@given(st.text(alphabet="0129|-#\n\r ", max_size=60))
def test_near_misses_are_read_line_by_line_the_same(text: str) -> None:
    """The array parser and the plainest possible one agree on what is right."""
    plain: set[tuple[frozenset[int], str]] | None = set()
    for row in (row.removesuffix("\r") for row in text.split("\n")):
        fields = row.split("|")
        if row.startswith("#") or not row:
            continue
        is_right = len(fields) in {3, 4} and fields[2] in {"0", "-1"}
        if not is_right or not all(field.isdigit() and int(field) <= ASN_MAX for field in fields[:2]):
            plain = None
            break
        if plain is not None and int(fields[0]) != int(fields[1]):
            plain.add((frozenset(map(int, fields[:2])), fields[2]))
    pairs = {pair for pair, _ in plain} if plain else set()

    try:
        graph = parse_as_rel(text.encode())
    except DataError:
        assert not pairs or any(len(part) > 10 for row in text.split("\n") for part in row.split("|")[:2])
        return

    found = {frozenset(link) for link in [*graph.providers_customers.tolist(), *graph.peers.tolist()]}
    assert found == pairs


@pytest.mark.parametrize(
    ("name", "transit", "peering", "networks"),
    [
        ("20250901.as-rel2.txt.bz2", 161_166, 409_530, 78_643),
        ("20250901.as-rel.serial1.txt.bz2", 161_166, 332_184, 78_638),
        ("20191201.as-rel2.txt.bz2", 132_428, 299_983, 67_026),
        ("20170301.as-rel.serial1.txt.xz", 113_540, 131_747, 57_015),
    ],
)
def test_the_real_graphs_are_read_whole(
    name: str, transit: int, peering: int, networks: int, shared_data: Path
) -> None:
    graph = read_as_rel(shared_data / "as-rel" / name)

    assert (len(graph.providers_customers), len(graph.peers), len(graph.asns)) == (transit, peering, networks)
    assert {174, 1299, 3356} <= set(graph.clique)
    assert len(graph.ixp_asns) == 28
    assert (graph.self_links, graph.duplicates, graph.contradictions) == (0, 0, 0)
