"""One door to a topology: a word, a topology file or AS relationships, and what is kept for the next time."""

from __future__ import annotations

import bz2
import time
from pathlib import Path

import numpy as np
import pytest
from small_internet import assert_same, small_internet

from anyplane.datasets import cache as stored
from anyplane.datasets import load
from anyplane.datasets.load import load_stored
from anyplane.model.errors import AnyplaneError, DataError, UsageError

FIXTURES = Path(__file__).parent / "fixtures"
GRAPH = FIXTURES / "small.as-rel.txt"


def kept(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.exists() else []


def test_a_topology_file_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    stored.write(path, small_internet())

    assert_same(load(path, cache=tmp_path / "cache"), small_internet())
    assert kept(tmp_path / "cache") == []


def test_as_relationships_are_built_once_and_then_kept(tmp_path: Path) -> None:
    said: list[str] = []

    first = load(str(GRAPH), cache=tmp_path, step=said.append)
    count = len(said)
    second = load(GRAPH, cache=tmp_path, step=said.append)

    assert count > 0
    assert len(said) == count
    assert len(kept(tmp_path)) == 1
    assert_same(first, second)


def test_other_content_and_other_extras_are_other_topologies(tmp_path: Path) -> None:
    changed = tmp_path / "small.as-rel.txt"
    changed.write_bytes(bz2.compress(GRAPH.read_bytes() + b"10|300|-1\n"))
    cache = tmp_path / "cache"

    assert load(GRAPH, cache=cache).networks == 5
    assert load(changed, cache=cache).networks == 6
    named = load(GRAPH, cache=cache, as_names=(FIXTURES / "small.asnames.txt",))

    assert named.country.tolist() != load(GRAPH, cache=cache).country.tolist()
    assert len(kept(cache)) == 3


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    whole, cache = load(GRAPH, cache=tmp_path / "other"), tmp_path / "cache"
    load(GRAPH, cache=cache)
    (path,) = kept(cache)
    path.write_bytes(path.read_bytes()[:-64])

    assert_same(load(GRAPH, cache=cache), whole)
    assert stored.open_stored(path, verify=True).size == path.stat().st_size


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = load_stored(GRAPH, cache=tmp_path / "file" / "cache")

    assert (found.topology.networks, found.size) == (5, 0)


def test_a_synthetic_internet_is_the_default_and_kept(tmp_path: Path) -> None:
    first = load(None, cache=tmp_path, synthetic=1_000, seed=7)
    second = load("synthetic-1000", cache=tmp_path, seed=7)

    assert first.networks == 1_000
    assert first.index_of(1299) >= 0
    assert_same(first, second)
    assert len(kept(tmp_path)) == 1
    (tmp_path / "synthetic-1000-7-ofanearlierversion.anyplane").write_text("")
    load("synthetic-1000", cache=tmp_path, seed=7)
    assert len(kept(tmp_path)) == 1
    other = load("synthetic-1000", cache=tmp_path, seed=8)
    assert not np.array_equal(other.adj, first.adj)


def test_2k_means_two_thousand(tmp_path: Path) -> None:
    assert load("synthetic-2k", cache=tmp_path).networks == 2_000


@pytest.mark.parametrize("word", ["synthetic-5", "synthetic-0k", "synthetic-900k"])
def test_a_size_that_cannot_be_made_is_said(word: str, tmp_path: Path) -> None:
    with pytest.raises(AnyplaneError, match=r"synthetic Internet has \d+ to \d+ networks"):
        load(word, cache=tmp_path)


def test_files_cannot_be_added_to_what_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x.anyplane"
    stored.write(path, small_internet())

    with pytest.raises(UsageError, match="already built"):
        load(path, cache=tmp_path, rov=GRAPH)
    with pytest.raises(UsageError, match="takes no data files"):
        load(None, cache=tmp_path, rov=GRAPH)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.txt: there is no such file"):
        load("nothing.txt", cache=tmp_path)
    with pytest.raises(DataError, match="synthetic-2k, synthetic-10k and synthetic-80k"):
        load("synthetic-tiny", cache=tmp_path)


def test_the_real_graph_opens_in_a_moment_the_second_time(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "as-rel" / "20250901.as-rel2.txt.bz2"
    load(path, cache=tmp_path)

    took: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        topology = load(path, cache=tmp_path)
        took.append(time.perf_counter() - start)

    assert topology.networks == 78_643
    assert min(took) < 0.3
