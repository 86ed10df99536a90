"""The runner does what the scenario says, and whatever happens the stage is healed and the report says so."""

from __future__ import annotations

import pytest
from staged import OUTAGE_S, ScriptedStage, day, scenario

from anyplane.lab.gameday.runner import run
from anyplane.model.errors import DesignError

KILL = "[{name: fault, kill_service: mad}, {wait: 2 s}, {restore_service: mad}]"
THREE = ("kill the service of mad", "wait", "restore the service of mad")


def test_a_killed_service_is_lost_for_as_long_as_the_stage_has_it() -> None:
    outcome = day(KILL)
    lisbon = next(one for one in outcome.clients if one.node == "as1-lis")

    assert outcome.exit_code == 0
    assert lisbon.lost == 10
    assert lisbon.outage_s == pytest.approx(OUTAGE_S)
    assert [span.site for span in lisbon.spans] == ["mad", "", "tyo", "mad"]
    assert outcome.outage_of_users_s == pytest.approx(OUTAGE_S * 0.3)
    assert outcome.updates == 14


def test_times_are_counted_from_the_fault_to_withdrawal_tables_and_the_first_answer_elsewhere() -> None:
    (fault,) = day(KILL).faults

    assert fault.at_s == pytest.approx(1.01)
    assert fault.withdrawn_s == pytest.approx(0.05)
    assert fault.last_fib_s == pytest.approx(0.07)
    assert fault.elsewhere_s == pytest.approx(OUTAGE_S)
    assert fault.lost == 10


def test_steps_keep_their_times() -> None:
    outcome = day("[{at: 3 s, kill_service: mad}, {after: 2 s, restore_service: mad}, {at: 9 s, wait: 1 s}]")

    at = [event.at_s for event in outcome.events if event.kind in ("step", "wait")]
    assert at == pytest.approx([4.01, 6.02, 10.0])
    assert outcome.took_s == pytest.approx(12.0)


def test_flapping_is_so_many_deaths_and_returns() -> None:
    stage = ScriptedStage()

    service = "{flap_service: {site: mad, times: 3, every: 1 s}}"
    route = "{flap_route: {site: tyo, times: 2, every: 1 s}}"
    day(f"[{service}, {route}]", stage=stage)

    assert stage.done == [
        *["kill the service of mad", "restore the service of mad"] * 3,
        *["take the route of tyo away", "give the route of tyo back"] * 2,
    ]


def test_a_wait_that_runs_out_is_a_broken_expectation_and_the_day_goes_on() -> None:
    outcome = day("[{kill_service: mad}, {wait_until: {serves: mad, within: 2 s}}, {restore_service: mad}]")

    assert outcome.exit_code == 1
    assert [one.key for one in outcome.verdicts if not one.is_kept] == ["wait_until"]
    assert outcome.events[-1].kind != "error"


def test_a_wait_ends_as_soon_as_it_is_true() -> None:
    outcome = day("[{kill_service: mad}, {wait_until: {serves_not: mad, within: 9 s}}]")

    assert outcome.took_s < 2.2
    assert outcome.exit_code == 0


@pytest.mark.parametrize("words", [THREE[0], THREE[2]])
def test_a_step_that_fails_ends_the_day_and_all_is_healed(words: str) -> None:
    stage = ScriptedStage(fails_at=words)

    outcome = day(KILL, stage=stage)

    assert stage.calls[-1] == "heal"
    assert not stage.is_probing
    assert not stage.gone
    assert outcome.exit_code == 4
    assert "on fire" in outcome.errors[0]
    assert all("not judged" in one.reason for one in outcome.verdicts)
    assert outcome.events[-1].kind == "error"


@pytest.mark.parametrize(
    "call", ["announced", "catchment", "updates", "start_probes", "stop_probes", "observations", "heal"]
)
def test_whatever_fails_the_stage_is_healed_and_the_report_says_what(call: str) -> None:
    stage = ScriptedStage(fails_in=call)

    outcome = day(KILL, stage=stage)

    assert stage.calls.count("heal") == 1
    assert outcome.exit_code == 4
    assert any(f"{call} is broken" in error for error in outcome.errors)


def test_what_could_not_be_healed_is_an_error() -> None:
    outcome = day(KILL, stage=ScriptedStage(unhealed=("mad does not serve",)))

    assert outcome.errors == ("not healed: mad does not serve",)
    assert outcome.exit_code == 4


def test_an_interrupt_heals_and_goes_on_up() -> None:
    class Interrupted(ScriptedStage):
        def sleep(self, seconds: float) -> None:
            if self.gone:
                raise KeyboardInterrupt
            super().sleep(seconds)

    stage = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        run(stage, scenario(KILL))

    assert stage.calls[-1] == "heal"
    assert not stage.is_probing


@pytest.mark.parametrize(
    ("steps", "expect", "said"),
    [
        ("[{kill_service: mda}]", "[{lost: 0}]", "did you mean mad?"),
        ("[{silent_cut: {site: tyo, upstream: 1299}}]", "[{lost: 0}]", "AS1299 is no upstream of tyo"),
        ("[{upstream_lost: 64999}]", "[{lost: 0}]", "AS64999 has no router here"),
        ("[{region_lost: {continent: AF}}]", "[{lost: 0}]", "no site is in AF"),
        ("[{remove_backend: {site: mad, backend: web9}}]", "[{lost: 0}]", "mad has no backend web9"),
        ("[{kill_service: mad}]", "[{lost: {at_most: 0, clients: [PAR]}}]", "no client is PAR"),
        ("[{kill_service: mad}]", "[{answered_by: {sites: [ty]}}]", "did you mean tyo?"),
        ("[{partition: mad}]", "[{lost: 0}]", "there is no fleet here"),
    ],
)
def test_names_that_the_lab_has_not_are_refused_before_anything_is_done(
    steps: str, expect: str, said: str
) -> None:
    stage = ScriptedStage()

    with pytest.raises(DesignError, match=r"tried|scenario\.yaml:\d+:\d+") as caught:
        day(steps, expect, stage=stage)

    assert said in str(caught.value)
    assert stage.calls == []


def test_events_are_streamed_as_they_happen() -> None:
    told: list[str] = []

    run(ScriptedStage(), scenario(KILL), on_event=lambda event: told.append(str(event["event"])))

    assert told == ["probing", *["step", "done"] * 3, "healed", "ended"]


def test_a_day_begins_when_the_clients_are_where_the_plan_has_them_and_not_later_than_ten_seconds() -> None:
    late, never = ScriptedStage(), ScriptedStage()
    late.gone["tyo"] = never.gone["tyo"] = 0.0

    def sleep(seconds: float) -> None:
        late.clock += seconds
        if late.clock > 1003:
            late.gone.clear()

    late.sleep = sleep  # type: ignore[method-assign]  # the clock of this stage brings the site back
    back, lost = (day("[{wait: 1 s}]", stage=stage) for stage in (late, never))

    assert {one.node: one.before for one in back.clients}["as2-tyo"] == "tyo"
    assert {one.node: one.before for one in lost.clients}["as2-tyo"] == "mad"
    assert 1013 <= never.clock < 1014
