"""Headless Chromium: shows a page in a frame of the width wanted, and says what a probe saw in it.

The probe page lies beside the report. Its script has `page` and `view`, the frame's document and window, and
`seen`, an object that it fills; `outside` are the elements that may be wider than the page. What it saw is
written into its own body, which Chromium then dumps.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--allow-file-access-from-files", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000", "--window-size=1400,1000",
)  # fmt: skip
PROBE = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" style="border:0;width:WIDTHpx;height:900px"></iframe><pre id="seen"></pre><script>
const frame = document.getElementById("frame");
frame.addEventListener("load", () => setTimeout(() => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const wide = [...page.querySelectorAll("body *")].filter((item) => {
    const b = item.getBoundingClientRect();
    return b.right > view.innerWidth + 1 && b.width > 0 && !item.closest("OUTSIDE");
  });
  const seen = {
    title: page.title,
    width: view.innerWidth,
    scroll: page.documentElement.scrollWidth,
    wide: wide.map((item) => item.tagName + "." + item.className),
    requests: view.performance.getEntriesByType("resource").map((entry) => entry.name),
  };
  SCRIPT
  document.getElementById("seen").textContent = JSON.stringify(seen);
}, 500));
frame.src = "report.html";
</script></body>"""


def needs_chromium() -> str:
    """Its program; the test is skipped where there is none, and fails for it in CI."""
    found = next((found for found in map(shutil.which, NAMES) if found), None)
    if found is None:
        reason = f"no browser: none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def look(folder: Path, page: str, *, width: int, outside: str, script: str) -> tuple[dict, list[str]]:
    """What the probe saw at this width, and what the browser's console said."""
    chromium = needs_chromium()
    (folder / "report.html").write_text(page, encoding="utf-8")
    probe = folder / "probe.html"
    text = PROBE.replace("WIDTH", str(width)).replace("OUTSIDE", outside).replace("SCRIPT", script)
    probe.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    assert found[1], done.stderr[-2000:]
    return json.loads(unescape(found[1])), [line for line in done.stderr.splitlines() if "CONSOLE" in line]
