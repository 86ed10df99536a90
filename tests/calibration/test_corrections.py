"""What the graph has wrong is found: a silent cut, a leak; and nothing where all is as seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_alone import heard_at, link, path, world
from worlds import busy_topology

from anyplane.calibration.alone import Bools, Entry, Ground, alone
from anyplane.calibration.alone_kernels import FAR
from anyplane.calibration.calibration import SiteFacts
from anyplane.calibration.corrections import Corrections, corrections
from anyplane.calibration.evidence import Evidence, evidence
from anyplane.calibration.site_facts import corrected, recalled, site_facts

ORIGIN = 64500


def nothing(ground: Ground) -> tuple[np.ndarray, Bools]:
    return np.zeros(len(ground.topology.adj), np.int32), np.zeros(ground.topology.networks, bool)


def corrected_by(ground: Ground, *paths: tuple[int, ...], entry: int = 10) -> Corrections:
    added, silent = nothing(ground)
    seen = evidence(ground.topology, [(*hops, ORIGIN) for hops in paths], origin=ORIGIN)
    return corrections(ground, seen, (heard_at(ground, entry),), silent=silent, added=added)


def facts_of(ground: Ground, *paths: tuple[int, ...]) -> SiteFacts:
    added, silent = nothing(ground)
    seen = evidence(ground.topology, [(*hops, ORIGIN) for hops in paths], origin=ORIGIN)
    return site_facts(ground, "fra", seen, (heard_at(ground, 10),), silent=silent, added=added)


CUT = [(1, 10), (2, 10), (2, 21), (2, 22), (1, 11)]
CUT_PATHS = ((21, 2, 1, 10), (22, 2, 1, 10), (11, 1, 10))


def test_the_link_that_is_silently_cut_is_the_one_found() -> None:
    ground = world(CUT, [(1, 2)])

    found = corrected_by(ground, *CUT_PATHS)

    assert set(found.refused) == {link(ground, 2, 10)}
    assert found.leaks == frozenset()
    assert found.unexplained == 0
    assert path(ground, found.routes, 21) == [21, 2, 1, 10]


def test_the_cut_near_the_site_answers_for_all_networks_behind_it() -> None:
    # 31, 32 and 33 would all take the short way by 2; seen is the long one by 3 and 1.
    ground = world([(2, 10), (1, 10), (3, 1), *((p, c) for c in (31, 32, 33) for p in (2, 3))])

    found = corrected_by(ground, *((c, 3, 1, 10) for c in (31, 32, 33)))

    assert found.refused == {link(ground, 2, 10): 3}


def test_a_leak_is_found() -> None:
    # By the rules AS2 would have the route from its provider AS3; it has it from its customer AS50.
    ground = world([(1, 10), (1, 50), (2, 50), (2, 60), (3, 2)], [(1, 3)])

    found = corrected_by(ground, (60, 2, 50, 1, 10))

    assert found.leaks == {link(ground, 2, 50)}
    assert not found.refused
    assert path(ground, found.routes, 60) == [60, 2, 50, 1, 10]


def test_a_leak_to_a_network_that_has_no_route_otherwise_is_found() -> None:
    # AS2 has no provider: by the rules it hears nothing; its customer AS50 hands it what AS1 sold it.
    ground = world([(1, 10), (1, 50), (2, 50), (2, 60)])

    found = corrected_by(ground, (60, 2, 50, 1, 10))

    assert found.leaks == {link(ground, 2, 50)}
    assert (found.refused, found.unexplained) == ({}, 0)
    assert path(ground, found.routes, 60) == [60, 2, 50, 1, 10]


def test_a_network_that_takes_no_part_hears_no_leak() -> None:
    ground = world([(1, 10), (1, 50), (2, 50)])
    added, silent = nothing(ground)
    silent[ground.topology.index_of(2)] = True
    seen = evidence(ground.topology, [(2, 50, 1, 10, ORIGIN)], origin=ORIGIN)

    found = corrections(ground, seen, (heard_at(ground, 10),), silent=silent, added=added)

    assert (found.leaks, found.refused) == (frozenset(), {})


def test_prepends_that_were_seen_are_added_and_are_no_refusal() -> None:
    ground = world([(1, 10), (2, 10), (1, 20), (2, 20)])

    found = corrected_by(ground, (20, 2, 10), (20, 1, 1, 1, 10))

    assert found.added[link(ground, 20, 1)] == 2
    assert not found.refused


@given(st.integers(0, 2**32 - 1))
def test_paths_that_the_graph_explains_correct_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground = Ground(busy_topology(rng, acyclic=True))
    t = ground.topology
    entry = Entry(pop=int(rng.integers(t.pops)), route_class=1, length=1)
    added, silent = nothing(ground)
    routes = alone(ground, (entry,), added=added, leaks=np.zeros(0, np.int64), silent=silent)
    paths = [
        (*(int(t.asn[hop]) for hop in routes.path(t, n)), ORIGIN)
        for n in range(t.networks)
        if routes.length[n] < FAR
    ]

    found = corrections(ground, evidence(t, paths, origin=ORIGIN), (entry,), silent=silent, added=added)

    assert (found.refused, found.leaks, found.unexplained) == ({}, frozenset(), 0)


def test_facts_say_what_was_found_by_asn() -> None:
    facts = facts_of(world(CUT, [(1, 2)]), *CUT_PATHS)

    assert [(item.asn, item.neighbour) for item in facts.refused] == [(2, 10)]
    assert [(item.asn, item.relation) for item in facts.heard] == [(10, "customer")]
    assert {(item.asn, item.neighbour) for item in facts.taken} == {
        (1, 10),
        (2, 1),
        (11, 1),
        (21, 2),
        (22, 2),
    }
    assert (facts.site, facts.paths, facts.unexplained) == ("fra", 3, 0)


def test_a_link_that_the_graph_lacks_is_said_to_be_missing() -> None:
    facts = facts_of(world([(1, 10), (2, 20)]), (20, 10))

    assert [(item.asn, item.neighbour, item.is_in_graph) for item in facts.taken] == [(20, 10, False)]


def test_facts_come_back_as_the_same_links_and_survive_a_graph_without_them() -> None:
    ground = world(CUT, [(1, 2)])
    facts = facts_of(ground, *CUT_PATHS)

    known = recalled(ground, facts)
    closed, open_added = corrected(nothing(ground)[0], ground, known)

    assert known.refused == (link(ground, 2, 10),)
    assert known.absent == 0
    assert closed[link(ground, 2, 10)] == FAR
    assert open_added[link(ground, 2, 10)] == 0
    smaller = recalled(world([(1, 10), (1, 11)]), facts)
    assert smaller.absent > 0
    assert smaller.refused == ()


@pytest.mark.parametrize("paths", [(), ((99, 98),)])
def test_no_paths_no_corrections(paths: tuple[tuple[int, ...], ...]) -> None:
    found = corrected_by(world(CUT, [(1, 2)]), *paths)

    assert (found.refused, found.leaks, found.unexplained) == ({}, frozenset(), 0)
    assert Evidence().taken == {}
