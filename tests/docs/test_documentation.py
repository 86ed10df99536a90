"""The documents tell the truth: their commands run, their links lead somewhere, their designs are valid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from anyplane import design

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted(path for path in ROOT.glob("examples/*.yaml") if not path.name.endswith(".world.yaml"))


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())

    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert missing == []


def test_the_index_of_the_documents_names_every_one() -> None:
    index = (ROOT / "docs/README.md").read_text()

    pages = {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")} - {"README.md"}

    assert pages - set(re.findall(r"\]\(([^)#\s]+)", index)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_whole_design_in_a_document_is_valid(page: Path) -> None:
    for text in re.findall(r"```yaml\n(version: 1\n.*?)```", page.read_text(), re.DOTALL):
        design.parse(text, file=page.name)


@pytest.mark.parametrize("command", ["plan", "render"])
def test_the_readme_shows_what_the_command_really_prints(command: str) -> None:
    readme = (ROOT / "README.md").read_text()
    block = re.search(rf"```console\n\$ (anyplane {command} [^\n]+)\n(.*?)```", readme, re.DOTALL)
    assert block is not None

    result = run(*block[1].split())

    printed = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    # Where the README leaves something out it says so with a line "…".
    shown = [part.strip("\n") for part in f"\n{block[2]}".split("\n…\n")]
    assert printed.startswith(shown[0])
    for part in shown[1:]:
        assert part in printed


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if path.stem != "broken"], ids=lambda path: path.stem
)
def test_every_example_is_checked_and_planned(example: Path) -> None:
    checked = run("anyplane", "check", str(example))
    planned = run("anyplane", "plan", str(example), "--topology", "synthetic-2k")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert planned.returncode in (0, 1), planned.stderr
    assert "Traceback" not in planned.stderr
    assert "RTT of all users" in planned.stdout or "RTT of" in planned.stdout


def test_the_broken_example_ends_with_2_and_says_all_that_is_wrong() -> None:
    result = run("anyplane", "plan", "examples/broken.yaml")

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.rstrip().endswith("errors")
    assert "Traceback" not in result.stderr


def test_the_tutorial_runs_from_its_first_design_to_the_diff(tmp_path: Path) -> None:
    tutorial = (ROOT / "docs/tutorial/first-plan.md").read_text()
    mine = re.search(r"```yaml\n(version: 1\n.*?)```", tutorial, re.DOTALL)
    assert mine is not None
    (tmp_path / "mine.yaml").write_text(mine[1])
    better = mine[1].replace("[{asn: 1299}, {asn: 6939}]", "[{asn: 1299}, {asn: 6939}, {asn: 3356}]")
    assert better != mine[1]
    (tmp_path / "better.yaml").write_text(better)
    schema = run("anyplane", "schema", "-o", "anyplane.schema.json", cwd=tmp_path)
    assert schema.returncode == 0, schema.stderr

    commands = re.findall(r"^    (anyplane (?:check|plan|explain|diff) .*)$", tutorial, re.MULTILINE)
    commands = [command for command in commands if "internet.anyplane" not in command]

    assert len(commands) == 4
    for command in commands:
        result = run(*command.split(), cwd=tmp_path)
        expected = (1,) if " check " in f"{command} " else (0,)
        assert result.returncode in expected, f"{command}: {result.stdout}{result.stderr}"
    assert (tmp_path / "mine.html").stat().st_size > 50_000


def test_help_is_there_for_every_command() -> None:
    top = run("anyplane", "--help").stdout

    commands = re.findall(r"^│ ([a-z][a-z-]*)  ", top, re.MULTILINE)
    assert len(commands) == 24
    for command in commands:
        result = run("anyplane", command, "--help")
        assert result.returncode == 0
        assert "Usage" in result.stdout
