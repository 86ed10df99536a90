"""The tutorial of the lab, typed as it stands, shows what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from namespaces import needs_namespaces, needs_program

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial/break-your-network.md"
LEFT_OUT = "…"


def test_the_lab_is_broken_as_the_tutorial_says(tmp_path: Path) -> None:
    needs_namespaces()
    needs_program("bird", "birdc", "knotd", "nsenter")
    blocks = re.findall(r"^```console\n\$ (.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    typed = [one for block in blocks for one in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    assert len(typed) == 9

    try:
        for text in typed:
            command, *shown = text.splitlines()
            done = run(command, tmp_path)
            found = [alike(line) for line in done.stdout.splitlines()]
            lacking = [line for line in shown if line != LEFT_OUT and alike(line) not in found]
            assert lacking == [], f"$ {command}\n{done.stdout}\n{done.stderr}"
            # Speed is promised by a scenario of its own; a busy machine may break that, and nothing else.
            assert done.returncode in ((0, 1) if "service-killed" in command else (0,)), done.stderr
        assert (tmp_path / "day.html").stat().st_size > 20_000
        assert list((tmp_path / "labs").iterdir()) == []
    finally:
        run("anyplane lab down --all", tmp_path)


def run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """As typed in the source archive; what it writes goes to the directory, and labs live there."""
    words = [sys.executable, "-m", "anyplane", *shlex.split(command)[1:]]
    return subprocess.run(
        [str(directory / "day.html") if word == "day.html" else word for word in words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "ANYPLANE_LAB_DIR": str(directory / "labs"), "COLUMNS": "100"},
    )


def alike(line: str) -> str:
    """Names, prefixes, addresses and words stay; times, counts, gaps and how long a site answered do not."""
    line = line.removesuffix("other RTT")  # a busy machine's word, not the lab's
    line = re.sub(
        r"\b([MTC!|]+)\b|(?<= )[MTC!|]{20,}(?= )", lambda run: re.sub(r"(.)\1+", r"\1", run[0]), line
    )
    line = re.sub(r"\[\w+ [\d:.]+\]", "[session]", line)
    line = re.sub(r"(?<![\w.:/-])[+-]?\d[\d,.]*(?![\w.:/]*[.:/])(?= |\)|,|$)", "N", line)
    line = re.sub(r"N (?:ms|s|us)\b", "N s", line)
    return " ".join(line.replace("─", "").split())
