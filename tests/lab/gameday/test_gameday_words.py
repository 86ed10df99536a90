"""What a scenario says of the design for its own day: merged, checked, told at its line, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from staged import ScriptedStage

from anyplane import design
from anyplane.design.quantities import Unfit
from anyplane.lab.gameday.reading import load, parse, shipped
from anyplane.lab.gameday.runner import run
from anyplane.lab.gameday.words import worded
from anyplane.model.errors import DesignError

TEXT = (Path(__file__).resolve().parents[3] / "examples/dozen-cities.yaml").read_text()
HEAD = "version: 1\nname: tried\nshows: what happens\n"
REST = "steps: [{kill_service: mad}]\nexpect: [{lost: 150}]\n"


def test_keys_are_merged_and_what_is_not_named_stays() -> None:
    found = design.parse(worded(TEXT, {"safety": {"floor": 0}}), file="d.yaml")
    before = design.parse(TEXT, file="d.yaml")

    assert found.safety.floor == 0
    assert found.safety.drain_wait_s == before.safety.drain_wait_s
    assert found.sites == before.sites


def test_an_entry_of_a_list_is_changed_by_its_name_and_null_takes_it_away() -> None:
    words = {
        "health": {"dns": {"checks": {"alive": None}}},
        "sites": {"mad": {"upstreams": {"AS174": {"no_export": True}, "1299": None}}},
    }
    found = design.parse(worded(TEXT, words), file="d.yaml")

    mad = next(site for site in found.sites if site.name == "mad")
    kept = {int(one.asn): one.is_no_export for one in mad.upstreams}
    assert kept == {174: True, 48793: False}
    assert all("alive" not in check.name for check in found.health["dns"].checks)


def test_health_goes_for_every_site_that_has_its_own() -> None:
    text = "health: {dns: {fall: 2}}\nsites: {a: {health: {dns: {fall: 3}}}, b: {metro: MAD}}\n"

    found = worded(text, {"health": {"dns": {"fall": 1}}})

    assert found.count("'fall': 1") == 2
    assert "'fall': 3" not in found


def test_a_name_that_the_list_has_not_is_told_with_those_it_has() -> None:
    with pytest.raises(Unfit, match=r"sites\.mad\.upstreams of the design has no 3356") as told:
        worded(TEXT, {"sites": {"mad": {"upstreams": {"3356": {"no_export": True}}}}})

    assert told.value.hint == "it has 174, 1299, 48793"


def test_words_that_make_no_design_are_told_at_their_line_and_nothing_is_done() -> None:
    class Strict(ScriptedStage):
        def reword(self, words: object) -> None:
            design.parse(worded(TEXT, words), file="d.yaml")  # type: ignore[arg-type]  # as the stage is asked

    stage = Strict()
    scenario = parse(HEAD + "with: {safety: {flor: 0}}\n" + REST)

    with pytest.raises(DesignError, match=r"scenario\.yaml:4:1 .*safety\.flor of the design"):
        run(stage, scenario)
    assert stage.done == []


def test_the_stage_goes_by_the_words_before_anybody_asks() -> None:
    stage = ScriptedStage()

    run(stage, parse(HEAD + "with: {safety: {floor: 0}}\n" + REST))

    assert stage.calls[0] == "reword"
    assert stage.calls.index("reword") < stage.calls.index("start_probes")


@pytest.mark.parametrize("name", [name for name in shipped() if load(name).words])
def test_the_words_of_a_shipped_scenario_make_a_design(name: str) -> None:
    scenario = load(name)
    text = (Path(__file__).resolve().parents[3] / scenario.design).read_text()

    design.parse(worded(text, scenario.words), file=scenario.design)
