"""converge: questions to situations, runs to figures, figures to three faces; by hand on a tiny world."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_world
from rich.console import Console

from anyplane.model.errors import UsageError
from anyplane.planning import convergence_kept
from anyplane.planning.convergence import converge
from anyplane.planning.convergence_html import section
from anyplane.planning.convergence_question import Question, situations
from anyplane.planning.convergence_report import SAMPLE_TIMES, ConvergenceReport, Regime, Run, to_json
from anyplane.planning.convergence_text import render
from anyplane.planning.page.answers import page
from anyplane.routing.converge import Timing

ONE_SECOND = Timing(mrai=((0.0, 1.0),), processing_s=1.0, processing_sigma=0.0, withdrawals_wait=0.0)


def report(question: Question, *, seeds: int = 2, threads: int = 1, **changes: object) -> ConvergenceReport:
    world, design = tiny_world.topology(), tiny_world.design()
    arguments = {"timing": ONE_SECOND, "seeds": seeds, "threads": threads} | changes
    return converge(design, world, situations(design, world, question), **arguments)  # type: ignore[arg-type]


def text(value: ConvergenceReport, *, is_plain: bool = False, width: int = 100) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(render(value, is_plain=is_plain, width=width))
    return capture.get()


def test_a_withdrawal_asks_about_fail_over_and_about_the_last_route() -> None:
    found = situations(tiny_world.design(), tiny_world.topology(), Question(withdraw="a"))

    assert [item.regime for item in found] == [Regime.FAIL_OVER, Regime.LAST]
    assert [item.name for item in found] == ["a is withdrawn, 1 other stays", "all sites are withdrawn"]
    assert found[0].change.withdraw == (0,)
    assert found[1].change.withdraw == (0, 1)


def test_fail_over_by_hand() -> None:
    """AS10 hears of it after 1 s and takes the peer's route at once; AS101 only hears a path."""
    (item,) = report(Question(withdraw="a", with_last=False)).situations

    # 600 users of AS101, and the 100 of AS103 who preferred AS10 by its lower ASN.
    assert item.affected_users == 700
    assert item.unserved_users == 50
    assert item.t50_s is not None
    assert 1.0 <= item.t50_s.median <= 1.09
    assert item.t50_s.low == item.t50_s.high
    # The dead site is asked for until then; nobody else is disturbed.
    assert item.dead_user_s.median == pytest.approx(700 * item.t50_s.median, abs=1.0)
    assert item.black_hole_user_s.median == item.loop_user_s.median == item.disturbed_users.median == 0
    # AS10 withdraws the customer route that AS20 had, and tells both its customers the longer path.
    assert item.messages.median == 3
    assert item.withdrawals.median == 1
    assert item.stable == item.seeds == 2


def test_when_the_last_route_goes_nobody_is_served_and_the_networks_learn_it() -> None:
    item = report(Question(withdraw="all")).situations[0]

    assert item.regime is Regime.LAST
    assert item.affected_users == 950
    assert item.t50_s is None
    assert item.n50_s is not None
    assert item.s99_s is not None
    assert item.unserved_users == 1000
    assert item.curve.settled[-1] == 1
    assert item.curve.working[-1] == 0


def test_a_new_prefix_reaches_everybody_who_can_be_reached() -> None:
    (item,) = report(Question(announce="all")).situations

    assert item.regime is Regime.NEW
    assert item.affected_users == 950
    assert item.curve.working[0] == 0
    assert item.curve.working[-1] == 1
    assert "announced anew" in item.words


def test_a_site_that_comes_back_disturbs_nobody_and_takes_its_users() -> None:
    (item,) = report(Question(announce="a")).situations

    assert item.regime is Regime.JOIN
    assert item.affected_users == 700
    assert item.black_hole_user_s.median == item.dead_user_s.median == 0
    assert item.curve.working[0] == 1
    assert item.curve.settled[0] < 1


def test_others_may_only_stand_by_on_longer_paths() -> None:
    """Three prepends at c: AS102 and AS103 prefer a's network where class allows it."""
    found = situations(
        tiny_world.design(), tiny_world.topology(), Question(withdraw="a", others_prepend=3, with_last=False)
    )

    assert [seed.length for seed in found[0].scenario.seeds.seeds] == [1, 4]
    assert found[0].name.endswith("3 AS longer")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question(), "say what changes"),
        (Question(withdraw="a", announce="c"), "are two questions"),
        (Question(withdraw="nyc"), "no site 'nyc'"),
    ],
)
def test_a_question_about_nothing_is_refused(question: Question, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        situations(tiny_world.design(), tiny_world.topology(), question)


def test_a_site_that_announces_nothing_cannot_be_withdrawn() -> None:
    design = tiny_world.design()
    off = replace(design, sites=(replace(design.sites[0], is_enabled=False), design.sites[1]))
    with pytest.raises(UsageError, match="announces nothing"):
        situations(off, tiny_world.topology(), Question(withdraw="a"))


def test_threads_and_kept_runs_change_nothing(tmp_path: object) -> None:
    question = Question(withdraw="a")
    world, design = tiny_world.topology(), tiny_world.design()
    asked = situations(design, world, question)
    prints = {item.name: item.fingerprint(world, Timing()) for item in asked}
    runs: list[Run] = []
    whole = report(question, seeds=6, timing=Timing(), finished=lambda run, *_: runs.append(run))

    kept = convergence_kept.from_text(convergence_kept.to_text(runs[:5], prints), prints, file="kept")
    again = report(question, seeds=6, threads=3, timing=Timing(), known=kept)

    assert to_json(again) == to_json(whole)
    assert len(kept) == 5


@pytest.mark.parametrize(
    "content",
    ["{}", "[1]", "{", '{"kind": "anyplane converge: runs", "version": 2}'],
)
def test_a_file_of_something_else_is_no_file_of_runs(content: str) -> None:
    with pytest.raises(UsageError):
        convergence_kept.from_text(content, {}, file="kept.json")


def test_runs_of_another_question_are_refused() -> None:
    world, design = tiny_world.topology(), tiny_world.design()
    asked = situations(design, world, Question(withdraw="a"))
    prints = {item.name: item.fingerprint(world, Timing()) for item in asked}
    others = {item.name: item.fingerprint(world, ONE_SECOND) for item in asked}

    with pytest.raises(UsageError, match="another question"):
        convergence_kept.from_text(convergence_kept.to_text([], others), prints, file="kept.json")


def test_an_interrupted_report_is_made_of_what_is_done() -> None:
    def interrupt(_run: Run, done: int, _wanted: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    partial = report(Question(withdraw="a"), seeds=5, finished=interrupt)

    assert partial.is_partial
    assert sum(item.seeds for item in partial.situations) == 2
    assert "Interrupted" in text(partial)
    assert "interrupted: this is of the runs that were done" in page([section(partial)])


def test_the_three_faces_say_the_same_and_fit() -> None:
    value = report(Question(withdraw="a"), timing=Timing())
    shown, plain, html, data = text(value), text(value, is_plain=True), page([section(value)]), to_json(value)

    assert max(map(len, shown.splitlines())) <= 100
    plain.encode("ascii", "ignore")
    assert "a is withdrawn, 1 other stays" in shown
    assert "a is withdrawn, 1 other stays" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert html == page([section(report(Question(withdraw="a"), timing=Timing()))])
    parsed = json.loads(data)
    assert parsed["version"] == 1
    assert len(parsed["situations"][0]["runs"]) == 2


def test_names_of_a_design_cannot_become_markup() -> None:
    value = replace(report(Question(withdraw="a")), service="<script>alert(1)</script>")

    assert "<script>alert(1)" not in page([section(value)])


def test_a_run_that_is_cut_off_is_said_to_be() -> None:
    value = report(Question(withdraw="a", with_last=False), timing=replace(ONE_SECOND, horizon_s=1.2))

    assert value.situations[0].unsettled == 2
    assert any("horizon" in warning for warning in value.warnings)


def test_sample_times_rise_by_eight_percent() -> None:
    times = np.array(SAMPLE_TIMES[1:])

    assert np.all(np.diff(times) > 0)
    assert np.all(times[1:] / times[:-1] < 1.09)


def test_on_eighty_columns_every_table_keeps_its_names_and_figures() -> None:
    value = report(Question(withdraw="a"))

    wide, narrow = text(value), text(value, width=80)

    assert "…" not in narrow
    assert max(map(len, narrow.splitlines())) <= 80
    assert set(wide.split()) <= set(narrow.split())


def test_where_the_last_route_goes_nothing_can_be_opened() -> None:
    fails_over, last = (
        [line.split() for line in part.splitlines() if line.startswith(("HTTP", "WebSocket", "upload"))]
        for part in text(report(Question(withdraw="a"))).split("all sites are withdrawn")
    )

    assert [cells[7] for cells in last] == ["all"] * 3
    assert not any("all" in cells for cells in fails_over)
