"""The reports say what the outcome says: text in 100 columns, JSON that reads back, JUnit for CI."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from staged import RATE, ScriptedStage, day

from anyplane.lab.gameday.figures import folded, letters
from anyplane.lab.gameday.outcome import ClientOutcome, Event, FaultOutcome, LoadShift, Outcome
from anyplane.lab.gameday.report_json import exit_code, from_json, to_json
from anyplane.lab.gameday.report_junit import to_junit
from anyplane.lab.gameday.report_text import render_suite, render_text
from anyplane.lab.probes.losses import outage_interval
from anyplane.model.errors import DataError

STEPS = "[{name: fault, kill_service: mad}, {wait: 2 s}, {restore_service: mad}]"
KEPT = day(STEPS, "[{lost: 10}, {answered_by: {sites: mad, clients: [LIS]}}]")
BROKEN = day(STEPS, "[{lost: 3}, {outage: 1 s}]")
FAILED = day(STEPS, stage=ScriptedStage(fails_at="restore"))
REFERENCE = Path(__file__).resolve().parents[3] / "docs/reference/gameday.md"


def printed(renderable: object) -> str:
    file = io.StringIO()
    Console(file=file, width=100).print(renderable)
    return file.getvalue()


@pytest.mark.parametrize("outcome", [KEPT, BROKEN, FAILED])
def test_the_text_fits_100_columns_and_says_the_conclusion_last(outcome: Outcome) -> None:
    text = printed(render_text(outcome))

    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "\x1b" not in text
    assert text.strip().splitlines()[-1].startswith("tried: ") or outcome.errors


def test_the_text_shows_the_gap_of_a_client_in_its_strip() -> None:
    (line,) = [line for line in printed(render_text(KEPT)).splitlines() if line.startswith("as1-lis udp")]

    assert re.search("M!+T", line)
    assert line.rstrip().endswith("100 ms")


def test_the_steps_are_marked_under_the_timelines() -> None:
    lines = printed(render_text(KEPT)).splitlines()
    (ruler,) = [line for line in lines if line.strip() and set(line.strip()) <= {"|", " "}]
    strip = next(line for line in lines if line.startswith("as1-lis udp"))

    first = strip.index("!")
    assert ruler.count("|") == 2
    assert abs(ruler.index("|") - first) <= 1


def test_the_longest_outage_comes_with_what_one_query_a_hundredth_can_tell() -> None:
    (lost,) = [one.lost for one in KEPT.clients if one.lost]
    low, high = KEPT.worst_outage_between_s

    assert (low, high) == outage_interval(lost, RATE)
    assert low < KEPT.worst_outage_s < high
    assert "100 ms (92 ms to 108 ms) at worst" in " ".join(printed(render_text(KEPT)).split())


def test_where_nothing_is_lost_it_says_how_long_an_outage_may_have_been() -> None:
    quiet = day("[{wait: 1 s}]", "[{lost: 0}]")

    assert "no outage of 9.5 ms or more at worst" in " ".join(printed(render_text(quiet)).split())


def test_stalls_in_a_row_are_one_line_and_what_comes_between_is_not_lost() -> None:
    def stall(at: float, for_s: float) -> Event:
        return Event(at_s=at, kind="stall", text="the prober stood still", for_s=for_s)

    step = Event(at_s=2.0, kind="step", text="kill")

    first, kept, last = folded([stall(0.5, 0.03), stall(1.0, 0.05), step, stall(3.0, 0.02)])

    assert (first.at_s, first.for_s) == (0.5, 0.08)
    assert first.text == "2 stalls until 1.000 s, 80 ms in all, the longest 50 ms"
    assert kept is step
    assert last == stall(3.0, 0.02)


def test_a_suite_is_a_line_each() -> None:
    text = printed(render_suite([KEPT, BROKEN, FAILED]))

    assert "1 of 3 game days kept all they promise" in text
    assert "1 of 2 expectations broken" in text
    assert "could not be carried out" in text


def test_json_reads_back_as_the_same_outcomes() -> None:
    text = to_json([KEPT, BROKEN, FAILED])

    assert from_json(text) == (KEPT, BROKEN, FAILED)
    assert json.loads(text)["exit_code"] == 4
    assert [day["exit_code"] for day in json.loads(text)["gamedays"]] == [0, 1, 4]
    assert exit_code([KEPT, BROKEN]) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "gamedays": []}', '{"version": 1, "gamedays": [{}]}']
)
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        from_json(text)


@pytest.mark.parametrize("kind", [Outcome, ClientOutcome, FaultOutcome, LoadShift, Event])
def test_the_reference_explains_every_key_of_the_json(kind: type) -> None:
    text = REFERENCE.read_text()

    assert [field.name for field in fields(kind) if f"`{field.name}`" not in text] == []


def test_junit_has_a_case_for_each_expectation_and_counts_that_agree() -> None:
    """The rules are those of the schema that Jenkins and GitLab read (junit-10.xsd)."""
    root = ET.fromstring(to_junit([KEPT, BROKEN, FAILED]))

    assert root.tag == "testsuites"
    for suite in root:
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == ["properties", *["testcase"] * len(cases), "system-out"]
        assert int(suite.attrib["tests"]) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{tag}"))
        assert all(case.attrib.keys() == {"classname", "name", "time"} for case in cases)
        assert float(suite.attrib["time"]) > 0
    assert [root.attrib[key] for key in ("tests", "failures", "errors")] == ["6", "1", "1"]
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.attrib["message"] == "10 of 1206 queries lost, most by as1-lis (10)"


def test_junit_survives_characters_that_xml_has_not() -> None:
    hostile = replace(BROKEN, scenario='<a>&"\x00\x1b\ufffe')

    (suite,) = ET.fromstring(to_junit([hostile]))

    assert suite.attrib["name"] == '<a>&"???'


def test_marks_of_sites_are_short_and_apart() -> None:
    assert letters(["mad", "mia", "tyo"]) == {"mad": "MA", "mia": "MI", "tyo": "T"}
