"""Convergence: the kernel sends what the definition sends, and both end where routing says that they must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import metros, worlds

from anyplane.datasets import load
from anyplane.model.nouns import Asn, RouteClass
from anyplane.routing import NO_EXPORT, Seed, Seeds, reference
from anyplane.routing.converge import RFC_2439, RIPE_580, Change, Convergence, Lines, Start, Timing
from anyplane.routing.converge.definition import World
from anyplane.routing.converge.forwarding import BLACK_HOLE, DEAD, WORKING
from anyplane.routing.converge.timing import SECOND, routers
from anyplane.routing.state import OFF, lengths_of
from anyplane.topology import Topology, build

LONG = 100_000.0
AT_ONCE = Timing(mrai=((0.0, 1.0),), processing_s=0.0, processing_sigma=0.0, withdrawals_wait=0.0)
MIXED = Timing(
    mrai=((30.0, 0.4), (5.0, 0.3), (0.0, 0.3)), busy=0.5, withdrawals_wait=0.5, processing_sigma=1.5
)
timings = st.builds(
    replace,
    st.just(MIXED),
    mrai=st.sampled_from([((0.0, 1.0),), ((30.0, 1.0),), ((30.0, 0.4), (5.0, 0.3), (0.0, 0.3))]),
    busy=st.sampled_from([0.0, 0.5, 1.0]),
    withdrawals_wait=st.sampled_from([0.0, 0.5, 1.0]),
    processing_s=st.sampled_from([0.0, 0.05, 2.0]),
    damping=st.sampled_from([None, RFC_2439, RIPE_580]),
    damping_share=st.just(0.7),
)


def usable(seeds: Seeds) -> Seeds:
    """The same without what is not simulated in time (invalid) or has no single end (backups)."""
    return Seeds.of([replace(s, is_invalid=False, is_backup=False) for s in seeds.seeds], sites=seeds.sites)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Topology, Seeds, np.ndarray, Change]:
    topology, seeds = draw(worlds())
    seeds = usable(seeds)
    count = len(seeds.seeds)
    before = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    turned = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    row = np.where(before, lengths_of(seeds), OFF).astype(np.uint16)
    withdraw = tuple(k for k in range(count) if before[k] and turned[k])
    announce = tuple(k for k in range(count) if not before[k] and turned[k])
    return topology, seeds, row, Change(withdraw=withdraw, announce=announce)


@settings(max_examples=100, deadline=None)
@given(changes(), timings, st.integers(0, 5))
def test_every_run_ends_in_the_stable_state_of_routing(
    case: tuple[Topology, Seeds, np.ndarray, Change], timing: Timing, seed: int
) -> None:
    topology, seeds, before, change = case
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5), before)
    run = Convergence(start, change, timing, seed)
    assert run.agrees_with(start.engine.run(before))

    assert run.until(LONG)

    assert run.ends_as_predicted()


@settings(max_examples=40, deadline=None)
@given(changes(), timings, st.integers(0, 5))
def test_the_kernel_sends_what_the_definition_sends(
    case: tuple[Topology, Seeds, np.ndarray, Change], timing: Timing, seed: int
) -> None:
    """From nothing, through an announcement of some sessions, to the change: every RIB, message and clock."""
    topology, seeds, before, change = case
    lines = Lines.of(topology, inflation=1.5)
    up = tuple(np.flatnonzero(before != OFF).tolist())
    start = Start(topology, seeds, lines, np.full(len(before), OFF, np.uint16))
    run = Convergence(start, Change(announce=up), timing, seed)
    run.then(change, at_s=40.0)
    world = World(topology, seeds, lines, routers(timing, topology.networks, seed))
    for k in up:
        world.change(k, is_on=True, at=run.hearing(k))
    for k in change.withdraw + change.announce:
        world.change(k, is_on=k in change.announce, at=40 * SECOND + run.hearing(k))

    for stop in (0.1, 3.0, 41.0, LONG):
        run.until(stop)
        world.run(round(stop * SECOND))

        assert run.announcements + run.withdrawals == world.messages
        assert round(run.last_message_s * SECOND) == world.last_arrival
        for a, session in enumerate(world.sessions):
            assert run.heard(a) == tuple(n for n in session.heard if n >= 0)
        run.sample(stop)
        for network in range(topology.networks):
            exits = world.exits_of.get(network) or world.exits(network)
            for pop in range(int(topology.pop_start[network]), int(topology.pop_start[network + 1])):
                assert int(run.tables.next_hop[pop]) == exits.get(pop, np.iinfo(np.int32).min)


@settings(max_examples=40, deadline=None)
@given(changes())
def test_without_delays_the_end_is_that_of_the_readable_definition_of_routing(
    case: tuple[Topology, Seeds, np.ndarray, Change],
) -> None:
    topology, seeds, before, change = case
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5), before)
    run = Convergence(start, change, AT_ONCE, 1)
    run.until(LONG)

    assert run.agrees_with(reference._settled(topology, seeds, start.after(change)))


@settings(max_examples=40, deadline=None)
@given(changes())
def test_the_start_is_what_messages_would_have_made(
    case: tuple[Topology, Seeds, np.ndarray, Change],
) -> None:
    topology, seeds, before, _ = case
    lines = Lines.of(topology, inflation=1.5)
    made = Start(topology, seeds, lines, before)
    nothing = Start(topology, seeds, lines, np.full(len(before), OFF, np.uint16))
    grown = Convergence(nothing, Change(announce=tuple(np.flatnonzero(before != OFF))), MIXED, 3)
    grown.until(LONG)
    still = Convergence(made, Change(), MIXED, 3)

    assert [still.heard(a) for a in range(len(topology.adj))] == [
        grown.heard(a) for a in range(len(topology.adj))
    ]


def chain(*, second: bool = False) -> tuple[Topology, Seeds]:
    """AS1 - AS2 - AS3 - AS4, each the provider of the one before; a site at AS1, another at AS4's."""
    topology = build(
        asn=[1, 2, 3, 4],
        providers_customers=[(2, 1), (3, 2), (4, 3)],
        peers=[],
        presence=([1, 2, 3, 4], [0, 0, 0, 0]),
        metros=metros(np.zeros((1, 1))),
        users=[1, 1, 1, 1],
        rov=[False] * 4,
    )
    seeds = [Seed(pop=0, site=0, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500))]
    if second:
        seeds.append(Seed(pop=3, site=1, route_class=RouteClass.CUSTOMER, length=5, asn=Asn(64500)))
    return topology, Seeds.of(seeds, sites=2)


def test_a_withdrawal_walks_up_a_chain_one_processing_time_at_each_network() -> None:
    topology, seeds = chain()
    timing = replace(AT_ONCE, processing_s=1.0)
    run = Convergence(
        Start(topology, seeds, Lines.of(topology, inflation=1.5)), Change(withdraw=(0,)), timing, 1
    )

    fates = []
    for at in (0.5, 1.5, 2.5, 3.5, 4.5):
        run.until(at)
        fates.append(run.sample(at).fate.tolist())

    assert fates == [
        [DEAD] * 4,
        *([BLACK_HOLE] * 4 for _ in range(4)),  # all of them went through AS1
    ]
    assert run.changed_s == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=0.01)
    assert (run.announcements, run.withdrawals) == (0, 3)


def test_an_interval_holds_the_second_announcement_back_and_only_the_newest_is_sent() -> None:
    topology, seeds = chain()
    timing = replace(AT_ONCE, mrai=((30.0, 1.0),), jitter=(1.0, 1.0), busy=0.0, processing_s=0.1)
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5), np.array([OFF], np.uint16))
    run = Convergence(start, Change(announce=(0,)), timing, 1)
    for at in (2.0, 6.0, 8.0):
        run.then(Change(withdraw=(0,)), at_s=at)
        run.then(Change(announce=(0,)), at_s=at + 1.0)

    run.until(29.0)
    held_back = (run.announcements, run.withdrawals)
    run.until(LONG)

    # Three announcements at first, three withdrawals of them; AS1 speaks again 30 s after its first word.
    assert held_back == (3, 3)
    assert (run.announcements, run.withdrawals) == (6, 3)
    assert run.ends_as_predicted() or run.length.tolist() == [1, 2, 3, 4]


def test_fail_over_reaches_the_other_site_and_says_so() -> None:
    topology, seeds = chain(second=True)
    run = Convergence(
        Start(topology, seeds, Lines.of(topology, inflation=1.5)), Change(withdraw=(0,)), AT_ONCE, 1
    )
    assert run.sample(0.0).site.tolist() == [0, 0, 0, 0]

    run.until(LONG)
    end = run.sample(LONG)

    assert end.site.tolist() == [1, 1, 1, 1]
    assert set(end.fate.tolist()) == {WORKING}
    assert run.ends_as_predicted()


def test_damping_leaves_a_flapping_route_unused_until_its_penalty_has_decayed() -> None:
    topology, seeds = chain()
    timing = replace(AT_ONCE, damping=RFC_2439, damping_share=1.0)
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5))
    run = Convergence(start, Change(), timing, 1)
    for flap in range(3):
        run.then(Change(withdraw=(0,)), at_s=10.0 * flap)
        run.then(Change(announce=(0,)), at_s=10.0 * flap + 5.0)

    run.until(60.0)
    suppressed = run.length.tolist()
    run.until(LONG)

    # Three withdrawals: nearly 3,000, which takes two half-lives (30 min) to fall to 750.
    assert suppressed == [1, 65535, 65535, 65535]
    assert run.length.tolist() == [1, 2, 3, 4]
    assert 1700 < run.last_message_s < 1900


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    topology, seeds = chain(second=True)
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5))

    ends = []
    for seed in (1, 1, 2):
        run = Convergence(start, Change(withdraw=(0,)), MIXED, seed)
        run.until(LONG)
        ends.append(run.last_message_s)

    assert ends[0] == ends[1] != ends[2]


def test_stores_grow_while_a_run_goes_on() -> None:
    """Small ones are outgrown by a star of 3,000 customers; no message is lost."""
    count = 3000
    topology = build(
        asn=list(range(1, count + 2)),
        providers_customers=[(1, asn) for asn in range(2, count + 2)],
        peers=[],
        presence=(list(range(1, count + 2)), [0] * (count + 1)),
        metros=metros(np.zeros((1, 1))),
        users=[1] * (count + 1),
        rov=[False] * (count + 1),
    )
    seeds = Seeds.of(
        [
            Seed(pop=1, site=0, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500)),
            Seed(
                pop=2, site=0, route_class=RouteClass.CUSTOMER, length=1, asn=Asn(64500), filters=(NO_EXPORT,)
            ),
        ],
        sites=1,
    )
    off = np.full(2, OFF, np.uint16)
    start = Start(topology, seeds, Lines.of(topology, inflation=1.5), off)
    run = Convergence(start, Change(announce=(0, 1)), AT_ONCE, 1)
    run.until(LONG)

    assert len(run.stores.heap) > len(start.stores.heap)
    assert run.announcements == count
    assert run.ends_as_predicted()


def test_what_is_not_simulated_or_makes_no_sense_is_refused() -> None:
    topology, seeds = chain()
    invalid = Seeds.of([replace(seeds.seeds[0], is_invalid=True)], sites=1)
    with pytest.raises(ValueError, match="invalid"):
        Start(topology, invalid, Lines.of(topology, inflation=1.5))
    for wrong in ({"mrai": ((30.0, 0.5),)}, {"busy": 2.0}, {"jitter": (1.0, 0.5)}, {"processing_s": -1.0}):
        with pytest.raises(ValueError, match=r"share|jitter|processing"):
            routers(replace(Timing(), **wrong), 4, 1)  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_whole_internet_of_2025_ends_where_routing_says(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without delays, and with the usual ones: class, length and the site of every pop."""
    graph = shared_data / "as-rel" / "20250901.as-rel2.txt.bz2"
    topology = load(str(graph), cache=tmp_path_factory.mktemp("cache"))
    lines = Lines.of(topology, inflation=1.5)
    seeds = Seeds.of(
        [
            Seed(
                pop=int(topology.pop_start[topology.index_of(asn)]),
                site=site,
                route_class=RouteClass.CUSTOMER,
                length=1 + site,
                asn=Asn(64500),
            )
            for site, asn in enumerate((3320, 2914, 12956))
        ],
        sites=3,
    )
    all_on = lengths_of(seeds)
    off = np.full(3, OFF, np.uint16)

    for timing, before, change in (
        (AT_ONCE, all_on, Change(withdraw=(0,))),
        (AT_ONCE, np.array([OFF, 2, 3], np.uint16), Change(announce=(0,))),
        (AT_ONCE, off, Change(announce=(2,))),
        (Timing(), all_on, Change(withdraw=(1,))),
        (Timing(), all_on, Change(withdraw=(0, 1, 2))),
        (Timing(), off, Change(announce=(0, 1))),
    ):
        run = Convergence(Start(topology, seeds, lines, before), change, timing, 1)

        assert run.until(7200.0)
        assert run.ends_as_predicted()
