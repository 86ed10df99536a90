"""Without metros we are BGPy: every network, path and origin, on the real Internet and on a small one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bgpy_case import FIXTURES, SMALL_CASES, SMALL_GRAPH, Case, graph, read, ribs

from anyplane.routing import reference
from anyplane.routing.levels import LevelEngine, can_run

REAL_CASES = (
    "anycast2_coloclue_uwash",
    "anycast3_prepend_ladder",
    "anycast3_tier1",
    "anycast5_peering_upstreams",
    "cse3150_prefix",
)


@pytest.fixture(params=SMALL_CASES)
def small_case(request: pytest.FixtureRequest) -> Case:
    return read(FIXTURES / request.param, graph(SMALL_GRAPH))


@pytest.fixture(params=REAL_CASES)
def real_case(request: pytest.FixtureRequest, shared_data: Path) -> Case:
    links = graph(shared_data / "as-rel" / "20250901.as-rel2.txt.bz2")
    return read(shared_data / "bgpy-truth" / request.param, links)


def mismatches(case: Case) -> list[tuple[str, int]]:
    """(prefix, ASN) of each network whose path is not BGPy's, or that only one of the two has reached."""
    expected = case.paths()
    wrong = []
    for prefix, routes in case.routes().items():
        for index, asn in enumerate(case.topology.asn.tolist()):
            if routes.as_path(index) != expected[prefix].get(asn, ()):
                wrong.append((prefix, asn))
    return wrong


def assert_levels_agree(case: Case) -> int:
    """Class and length of the levels are those of BGPy's paths, and BGPy's origin is a possible site."""
    checked = 0
    expected = case.paths()
    for prefix, seeds in case.seeds.items():
        if not can_run(seeds):
            continue
        levels = LevelEngine(case.topology, seeds).run()
        routes = case.routes()[prefix]
        site_of = {int(seed.asn): seed.site for seed in seeds.seeds}

        assert np.array_equal(levels.route_class, routes.route_class)
        assert np.array_equal(levels.length, routes.length)
        assert np.array_equal(levels.possible, routes.possible)
        indices = np.array([case.topology.index_of(asn) for asn in expected[prefix]])
        paths = list(expected[prefix].values())
        sites = np.array([site_of[path[-1]] for path in paths], np.uint64)
        assert np.array_equal(levels.length[indices], [len(path) - 1 for path in paths])
        assert np.all((levels.possible[indices, 0] >> sites) & np.uint64(1))
        assert np.count_nonzero(levels.length != 65535) == len(paths)
        checked += len(paths)
    return checked


def test_every_path_on_the_small_internet_is_that_of_bgpy(small_case: Case) -> None:
    assert mismatches(small_case) == []


def test_the_text_on_the_small_internet_is_that_of_bgpy(small_case: Case) -> None:
    assert ribs(small_case) == small_case.expected


def test_the_definition_itself_is_bgpy_on_the_small_internet(small_case: Case) -> None:
    expected = small_case.paths()

    for prefix, seeds in small_case.seeds.items():
        routes = reference.propagate(small_case.topology, seeds)
        found = {asn: routes.as_path(index) for index, asn in enumerate(small_case.topology.asn.tolist())}
        assert {asn: path for asn, path in found.items() if path} == expected[prefix]


def test_levels_on_the_small_internet_are_those_of_bgpys_paths(small_case: Case) -> None:
    is_plain = any(can_run(seeds) for seeds in small_case.seeds.values())

    assert (assert_levels_agree(small_case) > 0) == is_plain


def test_the_small_internet_is_worth_comparing() -> None:
    topology = graph(SMALL_GRAPH)
    paths = {name: read(FIXTURES / name, topology).paths() for name in SMALL_CASES}
    longest = max(len(path) for by_asn in paths["chain"].values() for path in by_asn.values())
    origins = {path[-1] for path in paths["anycast"]["192.0.2.0/24"].values()}
    hijacked = [path[-1] for path in paths["hijack"]["192.0.2.0/24"].values()]

    assert topology.networks == 300
    assert int(topology.asn.max()) > 4_200_000_000
    assert longest > 16
    assert len(origins) == 3
    assert all(hijacked.count(origin) > 20 for origin in set(hijacked))
    assert len(paths["hijack"]["192.0.2.0/24"]) < 300, "somebody validates himself out of every route"
    assert len(paths["prefixes"]) == 4


def test_the_text_on_the_real_internet_is_that_of_bgpy(real_case: Case) -> None:
    # Each row is compared as text: ASN, prefix, whole path with prepends, origin.
    ours, theirs = ribs(real_case).split(b"\n"), real_case.expected.split(b"\n")
    wrong = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]

    assert (len(ours), len(wrong), wrong[:3]) == (len(theirs), 0, [])
    assert len(theirs) > 78_000


@pytest.mark.slow
def test_levels_on_the_real_internet_are_those_of_bgpys_paths(real_case: Case) -> None:
    is_plain = all(can_run(seeds) for seeds in real_case.seeds.values())

    assert (assert_levels_agree(real_case) > 78_000) == is_plain
