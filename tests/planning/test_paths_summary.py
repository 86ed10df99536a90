"""The ways of many users: the same as one by one, the same users and RTT as plan, however they are run."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import design as random_design
from random_worlds import topology as random_topology
from tiny_world import LATENCY, design, site, topology, upstream

from anyplane.calibration.calibration import NOTHING
from anyplane.design.design import Design
from anyplane.model.errors import TopologyError, UsageError
from anyplane.planning import jsonform
from anyplane.planning.both_ways import paths as module
from anyplane.planning.both_ways.asking import Question, ask
from anyplane.planning.both_ways.paths import of_users
from anyplane.planning.both_ways.report import Part, PathsReport, Relation, Summary, to_json
from anyplane.planning.both_ways.returning import Prefer
from anyplane.planning.both_ways.summary import summary
from anyplane.planning.both_ways.sweep import Back, fingerprint, from_text, sweep, to_text
from anyplane.planning.both_ways.uplinks import uplinks_of, uplinks_of_seeds
from anyplane.planning.both_ways.users import asked_users, beside, largest_networks, wanted_sites
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.plan import plan
from anyplane.topology import Topology

ALL = 10_000


def summed(plan_of: Design, world: Topology, **changes: object) -> Summary:
    return of_users(plan_of, world, latency=LATENCY, **({"networks": ALL} | changes)).summaries[0]  # type: ignore[arg-type]


def lopsided() -> Design:
    """AS103 (100 users) comes in by AS20 and is answered by AS10; AS101 and AS102 go and come alike."""
    return design(sites=(site("a", 0, upstream(10, prepend=2), upstream(20)),))


def test_users_are_counted_by_what_differs() -> None:
    found = summed(lopsided(), topology())

    # Of 1,000 users 50 (AS104) have no route at all.
    assert (found.users, found.covered_users, found.unserved_users) == (1000.0, 1000.0, 50.0)
    assert found.answered_users == 950.0
    share = pytest.approx(100 / 950, abs=1e-6)
    assert found.parts.other_networks == Part(certain=0.0, chosen=share, possible=share)
    assert found.parts.other_uplink == Part(certain=0.0, chosen=share, possible=share)
    assert found.parts.same.certain == pytest.approx(850 / 950, abs=1e-6)
    assert {(p.way_in, p.way_out, p.users, p.is_one_half) for p in found.pairs} == {
        ("AS10 Ten", "AS10 Ten", 600.0, False),
        ("AS20 Twenty", "AS20 Twenty", 250.0, False),
        ("AS20 Twenty", "AS10 Ten", 100.0, True),
    }
    (group,) = found.groups
    assert (group.asn, group.users, group.path_in, group.path_back) == (103, 100.0, (103, 20), (10, 103))
    assert not group.is_certain


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(Prefer))
def test_a_summary_is_the_sum_of_the_rounds(seed: int, prefer: Prefer) -> None:
    rng = np.random.default_rng(seed)
    world = random_topology(rng, networks=16, places=5)
    plan_of = random_design(rng, world, sites=3)
    uplinks = uplinks_of(plan_of, world)
    report = of_users(plan_of, world, networks=ALL, latency=LATENCY, prefer=prefer)
    for scenario, found in zip(compile_design(plan_of, world), report.summaries, strict=True):
        users: dict[str, float] = defaultdict(float)
        pairs: dict[tuple[str, str, str], float] = defaultdict(float)
        waits = 0.0
        for pop in np.flatnonzero(world.users > 0).tolist():
            try:
                question = Question(pop=pop)
                one = ask(plan_of, world, scenario, uplinks, question, prefer=prefer, latency=LATENCY)
            except (UsageError, TopologyError):
                continue
            weight = float(world.users[pop])
            is_sure = one.way_in.is_certain and one.way_back.is_certain
            differs = {
                "other_networks": not one.has_same_networks,
                "other_metros": one.has_same_networks and not one.has_same_metros,
                "same": one.has_same_networks and one.has_same_metros,
                "other_uplink": one.uplink_in != one.uplink_out,
            }
            assert differs["same"] == all(rung.relation is Relation.SAME for rung in one.ladder)
            users["all"] += weight
            waits += weight * one.rtt_ms
            for name, is_so in differs.items():
                users[name] += weight * is_so
                users[f"{name} certain"] += weight * (is_so and is_sure)
                users[f"{name} possible"] += weight * (is_so or not is_sure)
            pairs[one.site, one.uplink_in, one.uplink_out] += weight

        assert found.answered_users == pytest.approx(users["all"], abs=0.1)
        if not users["all"]:
            continue
        assert found.rtt.mean == pytest.approx(waits / users["all"], abs=0.02)
        for name in ("other_networks", "other_metros", "same", "other_uplink"):
            part = getattr(found.parts, name)
            assert part.chosen == pytest.approx(users[name] / users["all"], abs=1e-5)
            assert part.certain == pytest.approx(users[f"{name} certain"] / users["all"], abs=1e-5)
            assert part.possible == pytest.approx(users[f"{name} possible"] / users["all"], abs=1e-5)
        assert {(p.site, p.way_in, p.way_out): p.users for p in found.pairs} == pytest.approx(
            dict(pairs), abs=0.1
        )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_users_of_each_site_and_the_rtt_of_the_way_in_are_those_of_plan(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = random_topology(rng, networks=16, places=5)
    plan_of = random_design(rng, world, sites=3)
    told = plan(plan_of, world, latency=LATENCY, failures=False)
    for said, found in zip(
        told.scenarios, of_users(plan_of, world, networks=ALL, latency=LATENCY).summaries, strict=True
    ):
        assert found.plan_rtt == said.rtt
        mine = {row.site: row.users for row in found.sites}
        for row in said.sites:
            if not row.site.startswith("("):
                assert mine.get(row.site, 0.0) == pytest.approx(row.share.chosen * said.users, abs=0.2)


def test_the_networks_with_most_users_come_first_and_cover_nine_tenths() -> None:
    world = topology()
    scenarios = compile_design(design(), world)

    assert world.asn[largest_networks(world, scenarios, 2)].tolist() == [101, 102]
    # 600 + 250 of 1,000 users are 85 %, so the third is needed too.
    assert world.asn[largest_networks(world, scenarios, None)].tolist() == [101, 102, 103]


def test_threads_and_a_kept_part_change_nothing() -> None:
    rng = np.random.default_rng(5)
    world = random_topology(rng, networks=30)
    plan_of = random_design(rng, world)
    kept: list[Back] = []
    whole = of_users(plan_of, world, networks=ALL, finished=lambda found, _done, _wanted: kept.extend(found))
    counts: list[tuple[int, int]] = []

    half = kept[: len(kept) // 2]
    again = of_users(
        plan_of, world, networks=ALL, threads=3, known=half, finished=lambda _f, *n: counts.append(n)
    )

    assert to_json(again) == to_json(whole)
    assert counts[-1][0] == counts[-1][1]
    assert 0 < len(counts) < counts[-1][1]


def test_ways_back_come_back_from_their_file_and_from_no_other() -> None:
    world = topology()
    uplinks = uplinks_of(lopsided(), world)
    backs, _ = sweep(world, uplinks, {2: (0,), 4: (0,)}, origin=64500)
    mark = fingerprint(world, uplinks, origin=64500, prefer=Prefer.PEER)

    text = to_text(list(backs.values()), mark)
    assert {(item.asn, item.site): item for item in from_text(text, mark, file="x")} == backs
    other = fingerprint(world, uplinks, origin=64500, prefer=Prefer.TRANSIT)
    with pytest.raises(UsageError, match="another question"):
        from_text(text, other, file="x")
    session = f'"session":{next(iter(backs.values())).session}'
    assert session in text
    far = text.replace(session, '"session":99', 1)
    none = text.replace(session, '"session":-1', 1)
    damaged = ((far, "checksum"), (none, "checksum"))
    for broken, words in (("{}", "does not hold"), ("[", "not JSON"), *damaged):
        with pytest.raises(UsageError, match=words):
            from_text(broken, mark, file="x")


def test_an_interrupted_sweep_reports_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(found: object, done: int, wanted: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    report = of_users(lopsided(), topology(), networks=ALL, latency=LATENCY, finished=stop)

    assert report.is_partial
    assert report.asked_networks == 2
    assert report.summaries[0].covered_users < 1000.0


def test_a_calibration_gives_each_site_its_weight() -> None:
    world = topology()
    (scenario,) = compile_design(design(), world)
    # AS103's users are for a with 0.25 and for c with 0.75; all others as the rules say.
    probability = np.zeros((world.pops, 2))
    probability[:, 0] = 1.0
    probability[6] = (0.0, 1.0)
    probability[7] = (0.25, 0.75)
    probability[8] = (0.0, 0.0)
    networks = largest_networks(world, (scenario,), ALL)
    asked = asked_users(world, scenario, networks, probability)
    uplinks = uplinks_of(design(), world)
    backs, _ = sweep(world, uplinks, wanted_sites(world, [asked]), origin=64500)
    owners = uplinks_of_seeds(design(), scenario, uplinks)
    columns = beside(world, asked, backs, uplinks, owners, latency=LATENCY)
    found = summary(world, columns, uplinks, networks=len(networks))

    assert {row.site: row.users for row in found.sites} == {"a": 625.0, "c": 325.0}
    # AS103 reaches c only if it is alone, by AS20: 0 km; and a by AS10, 4,000 km.
    assert columns.is_open[[int(asked.pop[row]) == 7 for row in columns.rows]].all()
    assert found.unserved_users == 50.0


def test_no_calibration_and_an_empty_one_differ_only_in_weights() -> None:
    world = topology()
    report = of_users(design(), world, networks=ALL, latency=LATENCY, calibration=NOTHING)
    plain = of_users(design(), world, networks=ALL, latency=LATENCY)

    assert any("calibration" in text for text in report.assumed)
    assert not any("calibration" in text for text in plain.assumed)
    assert report.summaries[0].answered_users == pytest.approx(plain.summaries[0].answered_users, abs=0.2)


def test_the_summary_comes_back_from_its_json() -> None:
    report = of_users(lopsided(), topology(), networks=ALL, latency=LATENCY)

    plain = jsonform.parse(to_json(report), file="x")
    assert jsonform.from_plain(PathsReport, plain, where="x") == report


def test_what_is_assumed_is_said() -> None:
    text = " ".join(of_users(lopsided(), topology(), prefer=Prefer.SHORTEST).assumed)

    for words in ("shortest AS path", "--prefer peer", "island", "Prepends", "more-specifics"):
        assert words in text
    assert module.BACKUP.split("(")[0] not in text
