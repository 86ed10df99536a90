"""The search finds what counting all choices finds, with a fifth of the work; nothing worse than today."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import search_worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.design.design import Objectives
from anyplane.planning.search.climb import best_known, climb
from anyplane.planning.search.evaluated import BASE, Evaluated
from anyplane.planning.search.marks import CHANGES, OVERLOAD, RTT, SAFETY, Ground, levels
from anyplane.planning.search.order import Order, Worth
from anyplane.planning.search.space import Limits, Space, Turn

EVERYTHING = 4096
BUDGET = 800
"""A fifth of counting."""
EASY = Objectives(worst_failure_load=50.0)
"""No failure breaks it, so that counting needs no failures."""


def counted(ground: Ground, space: Space, order: Order) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The best of all choices, by looking at every one: (what it is worth, the choice)."""
    choices = space.all()
    marks = ground.marks(choices)
    cost = np.round(marks[:, RTT] + order.change_cost * marks[:, CHANGES], 6)
    keys = np.column_stack([marks[:, :SAFETY], cost, marks[:, CHANGES], choices])
    best = int(np.lexsort(keys.T[::-1])[0])
    return tuple(keys[best, : SAFETY + 1].tolist()), tuple(choices[best].tolist())


def found(ground: Ground, space: Space, order: Order, *, budget: int = BUDGET) -> tuple[Worth, Evaluated]:
    evaluated = Evaluated(ground, budget=budget)
    return climb(evaluated, space, order, np.random.default_rng(1)), evaluated


@pytest.mark.parametrize(
    ("sites", "turn"),
    [(12, Turn.WITHDRAW), (6, Turn.PREPEND)],
    ids=["12 sites on or off", "6 uplinks with 0 to 3 prepends"],
)
def test_the_optimum_is_found_in_95_of_100_designs(sites: int, turn: Turn) -> None:
    hits = 0
    for seed in range(100 if turn is Turn.WITHDRAW else 20):
        design, topology = search_worlds.world(seed, sites=sites, networks=30, objectives=EASY)
        ground, space, order = search_worlds.ground(design, topology, Limits(turns=(turn,), min_sites=1))
        assert space.size == EVERYTHING

        best, evaluated = found(ground, space, order)

        value, choice = counted(ground, space, order)
        assert evaluated.spent < EVERYTHING / 4
        assert (*best.safety, best.cost) >= value
        hits += best.choice == choice
    assert hits >= (95 if turn is Turn.WITHDRAW else 19)


@given(st.integers(0, 10_000), st.sampled_from([None, 0.8, 1.5]))
@settings(max_examples=25, deadline=None)
def test_counting_with_failures_looks_at_few_of_them_and_misses_none(seed: int, bound: float | None) -> None:
    design, topology = search_worlds.world(
        seed,
        sites=5,
        networks=40,
        objectives=Objectives(worst_failure_load=bound, worst_failure_p95_rtt_ms=400.0, largest_share=0.6),
        residency=True,
    )
    ground, space, order = search_worlds.ground(design, topology, Limits(turns=(Turn.WITHDRAW,), min_sites=1))

    best, evaluated = found(ground, space, order, budget=100_000)

    everything = []
    for choice in space.all():
        whole = Evaluated(ground, budget=100_000)
        everything.append(order.worth(whole, choice))
    assert best == min(everything)
    assert evaluated.spent <= 32 + 32 * 5


@given(st.integers(0, 10_000), st.integers(20, 300))
@settings(max_examples=25, deadline=None)
def test_it_is_never_worse_than_today(seed: int, budget: int) -> None:
    design, topology = search_worlds.world(
        seed, sites=5, uplinks=3, networks=40, objectives=Objectives(p95_rtt_ms=300.0), residency=True
    )
    limits = Limits(turns=(Turn.PREPEND, Turn.WITHDRAW, Turn.NO_EXPORT, Turn.MED, Turn.COMMUNITIES))
    ground, space, order = search_worlds.ground(design, topology, limits)

    best, evaluated = found(ground, space, order, budget=budget)

    evaluated.is_metered = False
    today = order.worth(evaluated, space.today()[0])
    assert best <= today
    (now,), then = ground.tables(space.today()), ground.tables(np.array([best.choice], np.int16))[0]
    assert then.unserved[0] <= now.unserved[0] + 0.05
    assert best.safety[0] == 0
    for rule in range(now.astray.shape[1]):
        assert then.astray[0, rule, 0] <= now.astray[0, rule, 0] + 0.05
        if now.astray[0, rule, 2] == 0:
            assert then.astray[0, rule, 2] == 0


def test_the_same_seed_gives_the_same_answer_whatever_the_threads() -> None:
    design, topology = search_worlds.world(7, sites=6, uplinks=3, networks=120)
    limits = Limits(turns=(Turn.PREPEND, Turn.WITHDRAW))
    answers = []
    for threads in (1, 3):
        ground, space, order = search_worlds.ground(design, topology, limits)
        for reader in ground.assessors:
            reader.threads = threads
        best, evaluated = found(ground, space, order, budget=900)
        answers.append((best, evaluated.sets))

    assert answers[0] == answers[1]


def test_what_is_known_is_not_reckoned_again_and_changes_nothing() -> None:
    design, topology = search_worlds.world(11, sites=6, uplinks=2)
    ground, space, order = search_worlds.ground(design, topology, Limits(turns=(Turn.PREPEND,)))
    whole, evaluated = found(ground, space, order, budget=500)
    half = dict(itertools.islice(evaluated.sets.items(), evaluated.spent // 2))

    again = Evaluated(ground, budget=500, known=half)
    best = climb(again, space, order, np.random.default_rng(1))

    assert best == whole
    assert list(again.sets) == list(evaluated.sets)
    assert again.routed == evaluated.routed - len(half)


def test_limits_hold() -> None:
    design, topology = search_worlds.world(3, sites=5, uplinks=2)
    limits = Limits(turns=(Turn.WITHDRAW,), keep=("s1", f"s2/{int(design.sites[2].upstreams[0].asn)}"))
    ground, space, _ = search_worlds.ground(
        design, topology, Limits(turns=limits.turns, keep=limits.keep, min_sites=4, most_changes=2)
    )

    choices = space.all()

    kept = [u for u, uplink in enumerate(space.uplinks) if uplink.site == 1]
    assert (choices[:, kept] == 0).all()
    assert ((choices != 0).sum(axis=1) <= 2).all()
    assert (ground.announcing(choices).sum(axis=1) >= 4).all()
    assert len(choices) > 1


def test_the_budget_is_kept() -> None:
    design, topology = search_worlds.world(5, sites=8, uplinks=3)
    ground, space, order = search_worlds.ground(design, topology, Limits())

    best, evaluated = found(ground, space, order, budget=100)

    bases = sum(failed == BASE for _, failed in evaluated.sets)
    assert bases <= 100
    assert evaluated.spent <= 100 + 8, "today's failures may come on top"
    assert best.choice is not None


def test_the_end_of_a_search_evaluates_nothing_more() -> None:
    design, topology = search_worlds.world(5, sites=8, uplinks=3)
    ground, space, order = search_worlds.ground(design, topology, Limits())
    best, evaluated = found(ground, space, order, budget=300)
    spent = evaluated.spent

    assert spent == 300
    assert best_known(evaluated, order) == best
    assert evaluated.spent == spent


@given(st.floats(0, 40), st.floats(0, 40))
@settings(deadline=None)
def test_more_overload_than_today_counts_and_less_than_a_step_less_does_not(
    over: float, today: float
) -> None:
    level, now = levels(np.array([over, today]), today)
    step = max(0.01, today / 100)

    assert now == pytest.approx(today if today > 5e-7 else 0, abs=0.01)
    if over > today + step / 1000:
        assert level > now
    elif over > 5e-7 and today - step < over <= today:
        assert level == pytest.approx(now)
    elif over < today - step:
        assert level < now
    assert (level == 0) == (over <= 5e-7)


def test_where_every_site_is_over_capacity_moving_users_about_is_no_less_overload() -> None:
    design, topology = search_worlds.world(2, sites=4, uplinks=2, networks=60)
    everybody = float(topology.users.sum())
    sites = tuple(replace(site, capacity=everybody / 3000) for site in design.sites)
    design = replace(design, sites=sites)
    ground, space, _ = search_worlds.ground(design, topology, Limits(turns=(Turn.PREPEND,)))
    choices = space.moved(space.today()[0], space.moves())

    (marks,), tables = ground.marks(space.today()), ground.tables(choices)
    loaded = (ground.utilisation(tables) > 1).all(axis=1) & (tables[0].unserved == 0)

    assert (ground.utilisation(ground.today) > 1).all()
    assert loaded.sum() > 3
    assert len(np.unique(ground.utilisation(tables)[loaded], axis=0)) > 3
    assert (ground.marks(choices)[loaded, OVERLOAD] == marks[OVERLOAD]).all()
