"""The fleet file: ages by the wall clock, garbage and the future are no reports, our own word round-trips."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_parts import DESIGN, accepted

from anyplane.agent import fleet
from anyplane.control.fleet import SiteReport, Withdrawal
from anyplane.control.states import State
from anyplane.model.nouns import SiteName

WALL = 1_700_000_000.0
PLAN = accepted().plan


def text(**sites: object) -> str:
    return json.dumps({"sites": sites})


def test_a_report_has_its_age_and_our_own_is_left_out() -> None:
    said = {"at": WALL - 5, "services": {"dns/v4": "up"}, "failing": {"web/tcp": WALL - 9}, "load": 10}
    view, warnings = fleet.view_of(PLAN, text(nyc=said, fra={**said, "load": 77}), wall=WALL)

    (report,) = view.reports
    assert (report.site, report.age_s, report.services) == ("nyc", 5.0, {"dns/v4": State.UP})
    assert report.failing == {"web/tcp": 4.0}
    assert (report.load, view.load) == (10.0, 77.0)
    assert warnings == ()


@pytest.mark.parametrize(
    "said",
    [
        {"at": WALL + 60, "services": {}},
        {"at": "now", "services": {}},
        {"at": True, "services": {}},
        {"at": WALL, "services": {"dns": "excellent"}},
        {"at": WALL},
        {"services": {}},
        [],
        None,
        {"at": float("nan"), "services": {}},
        {"at": WALL, "services": {}, "capacity": "much"},
    ],
)
def test_a_report_that_makes_no_sense_is_none_and_is_warned_about(said: object) -> None:
    good = {"at": WALL, "services": {"dns/v4": "up"}}
    view, warnings = fleet.view_of(PLAN, text(nyc=said, lon=good), wall=WALL)

    assert [one.site for one in view.reports] == ["lon"]
    assert len(warnings) == 1
    assert "nyc" in warnings[0]


@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_no_text_at_all_makes_the_reader_fall(content: str) -> None:
    view, _ = fleet.read(content, wall=WALL)

    assert view.reports == ()


def test_a_static_site_is_fresh_and_healthy_until_it_speaks_for_itself() -> None:
    design = DESIGN.replace("sites:\n", "safety: {fleet: {static: [nyc]}}\nsites:\n", 1) + (
        "  nyc: {metro: NYC, upstreams: [{asn: 64510}]}\n"
    )
    plan = accepted(design).plan
    silent, _ = fleet.view_of(plan, None, wall=WALL)
    spoken, _ = fleet.view_of(plan, text(nyc={"at": WALL - 1, "services": {"dns/v4": "down"}}), wall=WALL)

    assert silent.reports[0].services["dns/v4"] is State.UP
    assert [one.services["dns/v4"] for one in spoken.reports] == [State.DOWN]


def test_our_own_word_is_what_others_read_and_merging_keeps_the_newer_one() -> None:
    def own(at: float, state: State) -> str:
        report = SiteReport(
            site=SiteName("nyc"), age_s=0, services={"dns/v4": state}, failing={"dns/tcp": 4.0}, capacity=5.0
        )
        gone = Withdrawal(site=SiteName("nyc"), service="dns/v4", age_s=3.0)
        return fleet.to_text(report, [gone], wall=at)

    merged = fleet.merge([own(WALL, State.DOWN), own(WALL - 10, State.UP)])
    view, warnings = fleet.view_of(PLAN, merged, wall=WALL + 1)

    assert warnings == ()
    assert view.reports[0].services == {"dns/v4": State.DOWN}
    assert view.reports[0].failing == {"dns/tcp": 4.0}
    assert view.reports[0].capacity == 5.0
    assert {one.age_s for one in view.withdrawals} == {4.0, 14.0}


@pytest.mark.parametrize("at", ["1" + "0" * 400, "1" + "0" * 5000, "1e999", "NaN", "true", "[]", '"now"'])
def test_a_number_out_of_all_bounds_is_no_report_and_no_error(at: str) -> None:
    said = f'{{"sites": {{"nyc": {{"at": {at}, "services": {{}}}}}}, "withdrawals": [{{"at": {at}}}]}}'
    view, warnings = fleet.view_of(PLAN, said, wall=WALL)

    assert view.reports == view.withdrawals == ()
    assert warnings


def test_a_fifo_and_a_huge_file_are_no_fleet_file_and_block_nobody(tmp_path: Path) -> None:
    fifo, huge = tmp_path / "fifo", tmp_path / "huge"
    os.mkfifo(fifo)
    with huge.open("wb") as file:
        file.truncate(100_000_000)

    assert fleet.text_of(str(fifo)) is fleet.text_of(str(huge)) is fleet.text_of(str(tmp_path)) is None
