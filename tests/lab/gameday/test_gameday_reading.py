"""Scenarios are read whole, faults are named where they stand, and what is shipped is sound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyplane.lab.gameday import parts, site_steps
from anyplane.lab.gameday.expectations import EXPECTATIONS
from anyplane.lab.gameday.lab_faults import DONE_BY_RUNNER, kinds_done
from anyplane.lab.gameday.reading import load, parse, shipped
from anyplane.lab.gameday.steps import STEPS
from anyplane.model.errors import DesignError, UsageError

GOLDEN = Path(__file__).resolve().parents[2] / "golden/gameday"
HEAD = "version: 1\nname: tried\nshows: what happens\n"


def test_every_fault_of_a_scenario_is_named_at_its_place() -> None:
    with pytest.raises(DesignError) as caught:
        parse((GOLDEN / "broken.yaml").read_text(), file="broken.yaml")

    said = f"{caught.value}\n"
    if os.environ.get("ANYPLANE_GOLDEN") == "write":
        (GOLDEN / "broken.txt").write_text(said)
    assert said == (GOLDEN / "broken.txt").read_text()


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_is_sound_and_bears_its_own_name(name: str) -> None:
    scenario = load(name)

    assert scenario.name == name
    assert scenario.first_fault is not None
    assert len(scenario.shows) < 110


def test_every_step_and_every_expectation_is_used_in_a_shipped_scenario() -> None:
    scenarios = [load(name) for name in shipped()]

    assert {type(one.step) for scenario in scenarios for one in scenario.steps} == set(STEPS.values())
    assert {type(one) for scenario in scenarios for one in scenario.expectations} == set(
        EXPECTATIONS.values()
    )


def test_the_lab_does_every_step_that_the_runner_does_not_do_itself() -> None:
    assert kinds_done() | DONE_BY_RUNNER == set(STEPS.values())
    assert not kinds_done() & DONE_BY_RUNNER


def test_all_shipped_scenarios_wait_for_less_than_four_minutes() -> None:
    scheduled = sum(
        2 * scenario.settle_s + sum(getattr(one.step, "time", 0.0) + one.after for one in scenario.steps)
        for scenario in map(load, shipped())
    )

    assert scheduled < 240


SAMPLES = {
    "SITE": "mad", "SITES": ["tyo", "chi"], "UPSTREAM": 174, "NETWORK": 64501, "TIME": "750 ms", "TIMES": 10,
    "COUNT": 150, "SHARE": "2.5 %", "FLAG": True, "ADDRESS": "198.51.100.53", "PREFIX": "198.51.100.0/25",
    "BACKEND": "web1", "GROUP": "dns", "STEP": "x", "CONTINENT": "EU", "COUNTRY": "ES",
    "CLIENTS": ["LIS", "AS64512"], "KIND": "tcp",
}  # fmt: skip


@pytest.mark.parametrize("kind", [*STEPS.values(), *EXPECTATIONS.values()], ids=parts.key_of)
def test_what_is_written_back_reads_as_the_same_value(kind: type) -> None:
    samples = {id(getattr(parts, name)): value for name, value in SAMPLES.items()}
    values = {field.name: field.part.read(samples[id(field.part)]) for field in parts.fields_of(kind)}
    value = kind(**values)

    again = parts.yaml_value(value)

    kept = again if isinstance(again, dict) else {}
    read = {
        field.name: field.part.read(kept[field.name]) for field in parts.fields_of(kind) if field.name in kept
    }
    assert kind(**read) == value
    assert "{" not in str(value)
    assert "[" not in str(value)


@given(st.floats(min_value=0.001, max_value=600.0))
def test_a_time_is_written_as_it_is_read(seconds: float) -> None:
    assert parts.TIME.read(parts.seconds_text(seconds)) == pytest.approx(seconds, rel=1e-4)


def test_a_lone_value_stands_for_the_one_field_that_must_be_given() -> None:
    scenario = parse(HEAD + "steps: [{kill_service: mad}, {wait: 2 s}]\nexpect: [{lost: 150}]\n")

    assert scenario.steps[0].step == site_steps.KillService(site="mad")
    assert str(scenario.expectations[0]) == "at most 150 queries lost (clients: all)"


def test_an_expectation_counts_only_from_a_step_that_is_there() -> None:
    with pytest.raises(DesignError, match="there is no step falt"):
        parse(
            HEAD
            + "steps: [{name: fault, kill_service: mad}]\n"
            + "expect: [{withdrawn: {site: mad, within: 1 s, after: falt}}]\n"
        )


def test_a_name_that_is_neither_file_nor_scenario_says_what_was_meant() -> None:
    with pytest.raises(UsageError, match="did you mean drain"):
        load("drian")


@pytest.mark.parametrize("text", ["", "- a\n", "a: ]", "\t"])
def test_what_is_no_scenario_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(DesignError, match=r"scenario\.yaml:1"):
        parse(text)
