"""What optimize reports is what `plan` says of the turned design; files of evaluated sets; text and page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import search_worlds
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from anyplane.calibration.calibration import Calibration
from anyplane.calibration.chance import Terrain
from anyplane.design.design import Audience, Design, Objectives, PrefixGroup
from anyplane.design.setting import with_settings
from anyplane.model.errors import UsageError
from anyplane.planning import jsonform
from anyplane.planning.catchment import Clients
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.forecasting import chances
from anyplane.planning.page.answers import page
from anyplane.planning.plan import plan
from anyplane.planning.report import Report, State
from anyplane.planning.search import html, kept, text, wording
from anyplane.planning.search.climb import best_known
from anyplane.planning.search.optimize import Question, Search
from anyplane.planning.search.report import Choice, SearchReport, to_json
from anyplane.planning.search.space import Limits, Turn
from anyplane.topology import Topology

PROMISES = Objectives(
    p50_rtt_ms=150.0,
    p95_rtt_ms=320.0,
    largest_share=0.5,
    smallest_share=0.02,
    worst_failure_load=1.2,
    worst_failure_p95_rtt_ms=400.0,
)
QUESTION = Question(budget=400, limits=Limits(turns=(Turn.PREPEND, Turn.WITHDRAW, Turn.NO_EXPORT)))


def case(seed: int, *, groups: int = 1) -> tuple[Design, Topology]:
    """Five sites; with two groups, one is for users in Germany alone and weighs three times as much."""
    design, topology = search_worlds.world(
        seed, sites=5, uplinks=2, networks=50, objectives=PROMISES, residency=True
    )
    if groups == 1:
        return design, topology
    first, second = design.groups[0].prefixes
    return (
        replace(
            design,
            groups=(
                PrefixGroup(name="all", prefixes=(first,), load_per_user=0.3),
                PrefixGroup(
                    name="de",
                    prefixes=(second,),
                    load_per_user=0.9,
                    audience=Audience(countries=frozenset({"DE"})),
                ),
            ),
        ),
        topology,
    )


@given(st.integers(0, 10_000), st.integers(1, 2))
@settings(max_examples=8, deadline=None)
def test_every_row_says_what_plan_says_of_the_turned_design(seed: int, groups: int) -> None:
    design, topology = case(seed, groups=groups)
    search = Search(design, topology, QUESTION)

    report = search.run()

    assert report.choices[0].names[0] == "today"
    for choice in report.choices:
        agrees(choice, plan(with_settings(design, search.turned(choice.name)), topology))


def agrees(choice: Choice, planned: Report) -> None:
    assert [item.scenario for item in choice.scenarios] == [one.name for one in planned.scenarios]
    for mine, its in zip(choice.scenarios, planned.scenarios, strict=True):
        assert mine.rtt == its.rtt
        assert mine.users == its.users
        assert mine.unserved == pytest.approx(its.unreached, abs=0.11)
    facts = {site.site: site for site in choice.sites}
    for name, site in facts.items():
        rows = [row for one in planned.scenarios for row in one.sites if row.site == name]
        assert site.is_announced == any(row.is_announced for row in rows)
        assert site.users == pytest.approx(sum(row.users for row in rows), abs=0.11 * len(rows))
        assert site.utilisation == pytest.approx(max(row.utilisation or 0 for row in rows), abs=2e-6)
    worst = max((f.worst_utilisation or 0) for one in planned.scenarios for f in one.failures)
    assert choice.worst is not None
    assert choice.worst.utilisation == pytest.approx(worst, abs=2e-6)
    its_promises = {(item.name, one.name): item for one in planned.scenarios for item in one.objectives}
    for mine in choice.promises:
        if mine.name.startswith("residency"):
            (rule,) = [
                item
                for one in planned.scenarios
                if one.name == mine.scenario
                for item in one.residency
                if mine.name == f"residency {item.name}"
            ]
            assert (mine.actual, mine.possible, mine.state) == (rule.certain, rule.possible, rule.state)
            continue
        found = [
            item
            for (name, one), item in its_promises.items()
            if name == mine.name and mine.scenario in ("", one)
        ]
        actual = max((item.actual for item in found if item.actual is not None), default=None)
        assert mine.actual == (None if actual is None else pytest.approx(actual, abs=2e-6))
        assert (mine.state.value == "broken") == any(item.state.value == "broken" for item in found)


@given(st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_what_the_edits_bring_adds_up(seed: int) -> None:
    design, topology = case(seed)

    report = Search(design, topology, QUESTION).run()

    for choice in report.choices:
        gains = sum(edit.gain_ms for edit in choice.edits)
        assert gains == pytest.approx(report.today.rtt_ms - choice.rtt_ms, abs=0.01)
        assert len(choice.edits) == choice.changes
        for shift in choice.scenarios:
            assert shift.moved_certain <= (shift.moved_expected or 0) + 0.11 <= shift.moved_possible + 0.22
    assert not any(shift.moved_certain for shift in report.today.scenarios)
    assert len(report.choices) <= 6


def test_the_same_question_gives_the_same_bytes_and_they_come_back() -> None:
    design, topology = case(5)
    first, second = (Search(design, topology, QUESTION, threads=n).run() for n in (1, 2))

    assert to_json(first) == to_json(second)
    plain = jsonform.parse(to_json(first), file="a.json")
    assert jsonform.from_plain(SearchReport, plain, where="a.json") == first


def test_an_interrupted_search_goes_on_to_the_same_report() -> None:
    design, topology = case(6)
    whole = Search(design, topology, QUESTION).run()
    cut = Search(design, topology, QUESTION)
    calls = 0

    def interrupt() -> bool:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise KeyboardInterrupt
        return False

    partial = cut.run(stop=interrupt)
    assert partial.stopped == "interrupt"
    assert partial.evaluated < whole.evaluated
    assert cut.evaluated is not None
    file = kept.to_text(cut.evaluated.kept(), cut.fingerprint)

    again = Search(design, topology, QUESTION)
    known = kept.from_text(file, again.fingerprint, file="sets.txt")

    assert again.run(known=known) == whole


def test_a_calibration_judges_the_choices_once_more_but_does_not_choose_them() -> None:
    design, topology = case(6)
    learned = Calibration(origin="made up", graph=topology.origin, certainty=0.7)
    search = Search(design, topology, QUESTION)
    plain = search.run()

    report = search.run(calibration=learned)

    assert report.calibration == "made up"
    assert [replace(choice, calibrated=None) for choice in report.choices] == list(plain.choices)
    terrain, clients = Terrain(topology), Clients.of(topology)
    for choice in report.choices:
        turned = with_settings(design, search.turned(choice.name))
        (scenario,) = compile_design(turned, topology)
        users = chances(turned, scenario, terrain, learned).probability[clients.pop].T @ clients.users
        used = [float(users[s]) / float(site.capacity or 1) for s, site in enumerate(turned.sites)]
        assert choice.calibrated is not None
        assert choice.calibrated.utilisation == pytest.approx(max(used), abs=2e-6)
        assert choice.calibrated.rtt_ms is not None


def test_the_time_limit_gives_the_best_so_far() -> None:
    design, topology = case(6)

    report = Search(design, topology, QUESTION).run(stop=lambda: True)

    assert report.stopped == "time"
    assert report.picked.names[0] == "today"


def test_sets_of_another_question_are_refused() -> None:
    design, topology = case(6)
    search = Search(design, topology, QUESTION)
    search.run()
    assert search.evaluated is not None
    good = kept.to_text(search.evaluated.kept(), search.fingerprint)

    other = Search(design, topology, replace(QUESTION, limits=Limits(turns=(Turn.WITHDRAW,))))
    with pytest.raises(UsageError, match="another question"):
        kept.from_text(good, other.fingerprint, file="sets.txt")
    with pytest.raises(UsageError, match="damaged"):
        kept.from_text(good[: len(good) // 2], search.fingerprint, file="sets.txt")
    head, first, *rest = good.splitlines()
    for bad in (first[: first.rindex(",")] + ",NaN]", first[: first.rindex(",")] + "]"):
        with pytest.raises(UsageError, match="damaged"):
            kept.from_text("\n".join([head, bad, *rest, ""]), search.fingerprint, file="sets.txt")
    with pytest.raises(UsageError, match="does not hold"):
        kept.from_text("{}\n", search.fingerprint, file="sets.txt")
    with pytest.raises(UsageError, match="is not JSON"):
        kept.from_text("a,b\n", search.fingerprint, file="sets.txt")


def test_nothing_is_better_than_a_choice_that_was_looked_at() -> None:
    design, topology = case(21)
    search = Search(design, topology, QUESTION)
    report = search.run()
    assert search.evaluated is not None

    best = best_known(search.evaluated, search.order)

    assert search.order.cost(search.evaluated.marks(np.array([best.choice], np.int16)))[0] == pytest.approx(
        report.picked.rtt_ms + 0.05 * report.picked.changes, abs=0.001
    )


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("groups", [1, 2])
def test_the_terminal_text_fits(width: int, groups: int) -> None:
    design, topology = case(8, groups=groups)
    report = Search(design, topology, QUESTION).run()
    console = Console(width=width, force_terminal=False)

    with console.capture() as capture:
        console.print(text.render(report, is_plain=False, width=width))

    lines = capture.get().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert any(report.pick in line for line in lines)
    assert not any("…" in line for line in lines)


def test_the_page_has_a_picture_and_its_tables() -> None:
    design, topology = case(5)
    design = replace(design, name="<b>x</b>")
    report = Search(design, topology, QUESTION).run()

    made = page([html.section(report)])

    assert "<svg" in made
    assert "<b>x</b>" not in made
    for choice in report.choices:
        assert choice.name in made


def test_without_users_there_is_nothing_to_seek() -> None:
    design, topology = case(5)

    with pytest.raises(UsageError, match="knows no users"):
        Search(design, replace(topology, users=np.zeros_like(topology.users)), QUESTION)


def test_a_name_that_means_nothing_is_refused() -> None:
    design, topology = case(5)

    with pytest.raises(UsageError, match="--keep paris"):
        Search(design, topology, Question(limits=Limits(keep=("paris",))))


def test_the_first_sentence_names_what_gets_worse() -> None:
    design, topology = case(5)
    report = Search(design, topology, QUESTION).run()
    today = report.today
    first = replace(today.sites[0], is_announced=False, utilisation=None, users=0.0)
    second = replace(today.sites[1], is_announced=True, utilisation=9.0)
    kept_now = replace(today, promises=tuple(replace(item, state=State.KEPT) for item in today.promises))
    today = replace(kept_now, names=("today",), strain=0.1)
    broken = (replace(today.promises[0], state=State.BROKEN), *today.promises[1:])
    picked = replace(
        today,
        names=("best",),
        changes=2,
        strain=0.2,
        promises=broken,
        sites=(first, second, *today.sites[2:]),
    )

    said = wording.verdict(replace(report, choices=(today, picked), pick="best"))

    assert f"breaks {broken[0].name}" in said
    assert f"withdraws {first.site} altogether" in said
    assert "fills the fullest site to 900 %" in said
    assert "makes the worst failure worse" in said


def test_a_loss_is_not_called_a_gain() -> None:
    design, topology = case(5)
    scenario = Search(design, topology, QUESTION).run().today.scenarios[0]

    said = wording.gained(replace(scenario, gain_ms=-23.9, gain_certain_ms=-7.4))

    assert said.startswith("of 23.9 ms lost in the mean, 7.4 ms are lost")
    mixed = wording.gained(replace(scenario, gain_ms=-23.9, gain_certain_ms=1.0))
    assert mixed.startswith("23.9 ms are lost in the mean, but 1.0 ms gained")
    assert wording.gained(replace(scenario, gain_ms=2.0, gain_certain_ms=-1.0)).startswith("of 2.0 ms gained")


def test_many_names_of_a_choice_do_not_cut_its_figures() -> None:
    design, topology = case(8)
    report = Search(design, topology, QUESTION).run()
    names = ("best", "3 changes", "nearest", "safest")
    report = replace(
        report, choices=tuple(replace(one, names=names) for one in report.choices), pick=names[0]
    )
    console = Console(width=100, force_terminal=False)

    with console.capture() as capture:
        console.print(text.render(report, is_plain=False, width=100))

    assert "…" not in capture.get()
    assert "worst failure" in capture.get()


def test_an_interrupt_while_the_report_is_made_still_gives_one() -> None:
    design, topology = case(6)
    search = Search(design, topology, QUESTION)
    calls = 0

    def interrupt(_done: int, _of: int) -> None:
        nonlocal calls
        assert search.evaluated is not None
        calls += not search.evaluated.is_metered
        if calls == 2:
            calls += 1
            raise KeyboardInterrupt

    report = search.run(progress=interrupt)

    assert calls > 2
    assert report.stopped == "interrupt"
    assert report.picked.rtt_ms <= report.today.rtt_ms or report.picked.broken < report.today.broken


def test_after_an_interrupt_no_failure_is_reckoned_any_more() -> None:
    design, topology = case(6)
    search = Search(design, topology, QUESTION)
    done = 0

    def seen(count: int, _of: int) -> None:
        nonlocal done
        done = count

    def interrupt() -> bool:
        if done > 200:
            raise KeyboardInterrupt
        return False

    report = search.run(stop=interrupt, progress=seen)

    assert search.evaluated is not None
    asked = list(search.evaluated.sets)[report.evaluated :]
    assert report.picked.edits
    assert all(failed == -1 for _, failed in asked)


def test_users_without_a_site_are_named_where_they_make_the_mean() -> None:
    design, topology = case(5)
    report = Search(design, topology, QUESTION).run()
    today = report.today
    without = replace(today.scenarios[0], unserved=today.scenarios[0].users * 0.02)
    then = replace(today.scenarios[0], unserved=today.scenarios[0].users * 0.01)
    rows = (
        replace(today, names=("today",), scenarios=(without,)),
        replace(today, names=("best",), scenarios=(then,), changes=1),
    )
    none = replace(today, names=("today", "best"), scenarios=(replace(without, unserved=0.0),))

    report = replace(report, choices=rows, pick="best")

    assert "serves 1.0 % of users who reach no site today" in wording.verdict(report)
    assert "counts 1,000 ms" in wording.counting(report)
    assert wording.counting(replace(report, choices=(none,), pick="today")) == ""


@given(st.integers(0, 10_000))
@example(1105)
@settings(max_examples=8, deadline=None)
def test_no_row_stands_failures_better_than_the_one_called_safest(seed: int) -> None:
    design, topology = case(seed)

    report = Search(design, topology, replace(QUESTION, budget=200)).run()

    (safest,) = [choice for choice in report.choices if "safest" in choice.names] or [report.picked]
    before = (report.picked.harmed, report.picked.astray, report.picked.overload)
    for choice in report.choices:
        if (choice.harmed, choice.astray, choice.overload) <= before:
            assert choice.worst is not None
            assert safest.worst is not None
            assert (safest.worst.utilisation or 0) <= (choice.worst.utilisation or 0)
        key = (choice.harmed, choice.astray, choice.overload, choice.broken, choice.strain)
        picked = report.picked
        assert key >= (picked.harmed, picked.astray, picked.overload, picked.broken, picked.strain)
