"""The report page in a real browser: no error, no request, no overflow on a phone, no name upon another."""

from __future__ import annotations

from pathlib import Path

import headless_browser
import pytest
from invented_report import invented

from anyplane.planning.html import render_html

SCRIPT = """
  const shown = (item) => item.getClientRects().length > 0;
  const box = (item) => {
    const b = item.getBoundingClientRect();
    return [b.left, b.top, b.right, b.bottom];
  };
  const names = [...page.querySelectorAll("svg.map .labels text")].filter(shown);
  seen.labels = names.map((item) => [item.textContent, ...box(item)]);
  seen.map = page.querySelector("svg.map") ? box(page.querySelector("svg.map")) : [];
  seen.tips = page.querySelectorAll("svg.map [data-tip]").length;
  seen.choosers = [...page.querySelectorAll(".chooser")].filter(shown).length;
  seen.open = page.querySelectorAll(".failures > details[open]").length;
"""


def look(folder: Path, page: str, *, width: int) -> tuple[dict, list[str]]:
    """What the probe saw at this width, and what the browser's console said."""
    return headless_browser.look(
        folder, page, width=width, outside=".scroll, svg, .unseen, .skip", script=SCRIPT
    )


CASES = [(sites, width) for sites in (2, 12, 300) for width in (400, 1240)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-sites-{case[1]}px")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, int, dict, list[str]]:
    sites, width = request.param
    page = render_html(invented(sites, metros=400 if sites > 100 else 96))
    return sites, width, *look(tmp_path_factory.mktemp("page"), page, width=width)


def test_the_page_fits_asks_for_nothing_and_makes_no_error(case: tuple[int, int, dict, list[str]]) -> None:
    _, width, seen, console = case

    assert seen["title"] == "Example resolver: who reaches which site"
    assert seen["width"] == width
    assert seen["scroll"] <= width
    assert seen["wide"] == []
    assert seen["requests"] == []
    assert console == []


def test_no_name_on_the_map_lies_upon_another(case: tuple[int, int, dict, list[str]]) -> None:
    sites, width, seen, _ = case
    labels, (left, _, right, _) = seen["labels"], seen["map"]

    assert len(labels) >= (sites if sites < 20 else 30 if width > 640 else 8)
    for number, (name, *box) in enumerate(labels):
        assert left - 1 <= box[0]
        assert box[2] <= right + 1
        for other, *away in labels[:number]:
            # Boxes are as tall as the font's line; letters are not, so a little overlap in height is none.
            slack = (box[3] - box[1]) * 0.3
            apart = (
                box[0] >= away[2]
                or away[0] >= box[2]
                or box[1] >= away[3] - slack
                or away[1] >= box[3] - slack
            )
            assert apart, (name, other)


def test_the_script_runs_under_the_policy(tmp_path: Path) -> None:
    seen, console = look(tmp_path, render_html(invented(12)), width=1240)

    assert seen["tips"] > 90
    assert seen["choosers"] == 1
    assert seen["open"] == 1
    assert console == []


def test_a_hostile_name_runs_nothing(tmp_path: Path) -> None:
    hostile = (
        "\"'></title></script><script>console.error('ran')</script><img src=x onerror=console.error('ran')>"
    )

    seen, console = look(tmp_path, render_html(invented(12, suffix=hostile)), width=400)

    assert hostile in seen["title"]
    assert seen["scroll"] <= 400
    assert console == []


def test_the_probe_sees_errors_requests_and_overflow_where_there_are_some(tmp_path: Path) -> None:
    broken = (
        "<!doctype html><title>broken</title><div style='width:2000px'>wide</div>"
        "<img src='http://127.0.0.1:9/x.png'><script>console.error('ran')</script>"
    )

    seen, console = look(tmp_path, broken, width=400)

    assert seen["scroll"] == 2000 + 8
    assert "DIV." in seen["wide"]
    assert seen["requests"] == ["http://127.0.0.1:9/x.png"]
    assert any("ran" in line for line in console)
