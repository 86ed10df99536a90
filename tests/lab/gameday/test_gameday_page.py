"""The page of a game day in a real browser: no error, no request, no overflow, every gap to be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import headless_browser
import pytest
from staged import ScriptedStage, day

from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.report_html import render_html

SCRIPT = """
  seen.gaps = [...page.querySelectorAll(".track .gap")].map((item) => item.getBoundingClientRect().width);
  seen.articles = page.querySelectorAll("article").length;
  const flags = page.querySelectorAll("article:first-of-type .flags b");
  seen.flags = [...flags].map((item) => item.textContent);
"""
STEPS = "[{name: fault, kill_service: mad}, {wait: 2 s}, {restore_service: mad}]"
GOOD = day(STEPS, "[{lost: 10}]")
BAD = day(STEPS, "[{lost: 1}]")
FAILED = day(STEPS, stage=ScriptedStage(fails_at="restore"))


def look(folder: Path, outcomes: list[Outcome], *, width: int) -> dict:
    """What the probe saw; the browser's console must have said nothing."""
    outside = ".scroll, .track, .unseen, .skip"
    page = render_html(outcomes)
    seen, console = headless_browser.look(folder, page, width=width, outside=outside, script=SCRIPT)
    assert console == []
    return seen


@pytest.mark.parametrize(
    ("outcomes", "width"),
    [([GOOD], 400), ([GOOD, BAD, FAILED], 400), ([GOOD, BAD, FAILED], 1240)],
    ids=["one-400px", "suite-400px", "suite-1240px"],
)
def test_the_page_fits_asks_for_nothing_and_shows_every_gap(
    tmp_path: Path, outcomes: list[Outcome], width: int
) -> None:
    seen = look(tmp_path, outcomes, width=width)

    assert seen["scroll"] <= width
    assert seen["wide"] == []
    assert seen["requests"] == []
    assert seen["articles"] == len(outcomes)
    assert len(seen["gaps"]) == len(outcomes)
    assert min(seen["gaps"]) >= 3
    assert seen["flags"] == ["1", "2"]


def test_a_hostile_name_runs_nothing(tmp_path: Path) -> None:
    hostile = (
        "\"'></title></script><script>console.error('ran')</script><img src=x onerror=console.error('ran')>"
    )
    client = replace(GOOD.clients[0], node=hostile)

    seen = look(tmp_path, [replace(GOOD, scenario=hostile, shows=hostile, clients=(client,))], width=400)

    assert hostile in seen["title"]
    assert seen["requests"] == []


def test_every_picture_has_its_table_and_the_bytes_are_the_same_each_time() -> None:
    page = render_html([GOOD])

    assert page == render_html([GOOD])
    for client in GOOD.clients:
        assert page.count(client.node) >= 2
    assert "tyo 1.110" in page.replace("\u00a0", " ")
