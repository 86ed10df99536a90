"""The page of a game day in a real browser: no error, no request, no overflow, every gap to be seen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from staged import ScriptedStage, day

from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.report_html import render_html

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((found for found in map(shutil.which, NAMES) if found), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--allow-file-access-from-files", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000", "--window-size=1400,1000",
)  # fmt: skip
PROBE = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" style="border:0;width:WIDTHpx;height:900px"></iframe><pre id="seen"></pre><script>
const frame = document.getElementById("frame");
frame.addEventListener("load", () => setTimeout(() => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const wide = [...page.querySelectorAll("body *")].filter((item) => {
    const b = item.getBoundingClientRect();
    return b.right > view.innerWidth + 1 && b.width > 0 && !item.closest(".scroll, .track, .unseen, .skip");
  });
  document.getElementById("seen").textContent = JSON.stringify({
    title: page.title,
    scroll: page.documentElement.scrollWidth,
    wide: wide.map((item) => item.tagName + "." + item.className),
    requests: view.performance.getEntriesByType("resource").map((entry) => entry.name),
    gaps: [...page.querySelectorAll(".track .gap")].map((item) => item.getBoundingClientRect().width),
    lanes: page.querySelectorAll(".lane .track").length,
    articles: page.querySelectorAll("article").length,
    flags: [...page.querySelectorAll("article:first-of-type .flags b")].map((item) => item.textContent),
  });
}, 300));
frame.src = "report.html";
</script></body>"""
STEPS = "[{name: fault, kill_service: mad}, {wait: 2 s}, {restore_service: mad}]"
GOOD = day(STEPS, "[{lost: 10}]")
BAD = day(STEPS, "[{lost: 1}]")
FAILED = day(STEPS, stage=ScriptedStage(fails_at="restore"))


@pytest.fixture(scope="module", autouse=True)
def chromium() -> str:
    if CHROMIUM is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return CHROMIUM


def look(folder: Path, outcomes: list[Outcome], *, width: int) -> dict:
    """What the probe saw; the browser's console must have said nothing."""
    assert CHROMIUM is not None
    (folder / "report.html").write_text(render_html(outcomes), encoding="utf-8")
    probe = folder / "probe.html"
    probe.write_text(PROBE.replace("WIDTH", str(width)), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    return json.loads(unescape(found[1]))


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
