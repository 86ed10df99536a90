"""AS paths become next hops: prepends, loops, unknown networks, and what stands behind the origin."""

from __future__ import annotations

import numpy as np
from worlds import metros

from anyplane.calibration.evidence import THE_SITE, Evidence, evidence
from anyplane.topology import Topology, build

ORIGIN = 64500
WORLD: Topology = build(
    asn=[1, 2, 3],
    providers_customers=[(1, 2), (2, 3)],
    peers=[],
    presence=([1, 2, 3], [0, 0, 0]),
    metros=metros(np.zeros((1, 1))),
)
ONE, TWO, THREE = range(3)


def of(*paths: tuple[int, ...]) -> Evidence:
    return evidence(WORLD, paths, origin=ORIGIN)


def test_a_path_says_whom_each_network_has_its_route_from() -> None:
    found = of((1, 2, 3, ORIGIN))

    assert found.taken == {ONE: {TWO: 1}, TWO: {THREE: 1}, THREE: {THE_SITE: 1}}
    assert found.length == {(ONE, TWO): 3, (TWO, THREE): 2, (THREE, THE_SITE): 1}
    assert found.hears_the_site(THREE)
    assert not found.hears_the_site(ONE)


def test_a_prepended_neighbour_is_one_hop_and_so_many_copies() -> None:
    found = of((1, 2, 2, 2, 3, ORIGIN))

    assert found.prepends == {(ONE, TWO): 2, (TWO, THREE): 0}
    assert found.length[ONE, TWO] == 5


def test_the_prepends_of_the_origin_count_once() -> None:
    assert of((2, 3, ORIGIN, ORIGIN, ORIGIN)).length[TWO, THREE] == of((2, 3, ORIGIN)).length[TWO, THREE]


def test_behind_the_first_origin_stands_only_what_the_announcement_put_there() -> None:
    assert of((1, 2, ORIGIN, 3, ORIGIN)).taken == {ONE: {TWO: 1}, TWO: {THE_SITE: 1}}


def test_equal_paths_count_once_and_the_most_seen_next_hop_is_the_main_one() -> None:
    found = of((1, 2, ORIGIN), (1, 2, ORIGIN), (1, 2, 2, ORIGIN), (1, 3, ORIGIN))

    assert found.paths == 3
    assert found.taken[ONE] == {TWO: 2, THREE: 1}
    assert found.main(ONE) == TWO


def test_a_loop_is_left_out_and_counted() -> None:
    found = of((1, 2, 1, 3, ORIGIN))

    assert (found.paths, found.looped, found.taken) == (0, 1, {})


def test_a_path_is_cut_behind_the_last_network_that_nobody_knows() -> None:
    found = of((1, 999, 2, 3, ORIGIN))

    assert found.cut == 1
    assert found.taken == {TWO: {THREE: 1}, THREE: {THE_SITE: 1}}


def test_paths_without_the_origin_or_with_nothing_before_it_say_nothing() -> None:
    assert of((1, 2, 3), (ORIGIN,), (ORIGIN, 1), (999, ORIGIN)).taken == {}
