"""plan, explain and diff as commands: exit codes, files, and errors instead of tracebacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anyplane.cli import diff, explain, plan
from anyplane.model.errors import AnyplaneError, DataError, TopologyError, UsageError

AS_REL = (
    "# a small world\n174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
)
DESIGN = """\
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356}]}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("b.yaml").write_text(DESIGN.replace("{asn: 3356}", "{asn: 1299}"))
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,0\n")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    for module in (plan, explain, diff):
        module.register(app)
    result = CliRunner().invoke(app, [*arguments, "--topology", "world.txt", "--users", "users.csv"])
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_plan_prints_a_report_and_ends_well(files: Path) -> None:
    code, text = run("plan", "a.yaml")

    assert code == 0
    assert "400 users" in text


def test_what_goes_into_a_pipe_has_no_trailing_spaces(files: Path) -> None:
    texts = [run("plan", "a.yaml"), run("explain", "a.yaml", "--from", "65"), run("diff", "a.yaml", "b.yaml")]

    assert not [line for _, text in texts for line in text.splitlines() if line != line.rstrip()]


def test_plan_writes_json_to_a_file_or_to_standard_output(files: Path) -> None:
    _, printed = run("plan", "a.yaml", "--json")
    code, text = run("plan", "a.yaml", "--json", "a.json")

    assert (code, text) == (0, "")
    assert printed == Path("a.json").read_text()
    assert json.loads(printed)["world"]["users"] == 400


def test_a_broken_objective_is_exit_code_one(files: Path) -> None:
    Path("a.yaml").write_text(DESIGN + "objectives: {p50_rtt: 1 ms}\n")

    code, text = run("plan", "a.yaml")

    assert code == 1
    assert "BROKEN" in text


def test_the_inflation_can_be_said(files: Path) -> None:
    _, text = run("plan", "a.yaml", "--json", "--inflation", "2")

    assert json.loads(text)["latency"]["inflation"] == 2.0


def test_plan_without_metros_and_failures_is_smaller(files: Path) -> None:
    _, text = run("plan", "a.yaml", "--json", "--no-metros", "--no-failures")

    (scenario,) = json.loads(text)["scenarios"]
    assert (scenario["metros"], scenario["failures"], scenario["has_failures"]) == ([], [], False)


def test_explain_prints_the_way_or_json(files: Path) -> None:
    code, text = run("explain", "a.yaml", "--from", "AS65")
    _, plain = run("explain", "a.yaml", "--from", "65", "--json")

    assert code == 0
    assert "1. AS65" in text
    (found,) = json.loads(plain)["explanations"]
    assert found["as_path"][0] == 65


def test_explain_shows_the_way_after_a_failure(files: Path) -> None:
    _, before = run("explain", "a.yaml", "--from", "64", "--json")
    code, after = run("explain", "a.yaml", "--from", "64", "--without", "fra", "--json")
    _, text = run("explain", "a.yaml", "--from", "64", "--without", "fra")

    assert code == 0
    assert json.loads(before)["explanations"][0]["site"] == "fra"
    assert json.loads(after)["explanations"][0]["site"] == "nyc"
    assert json.loads(after)["explanations"][0]["without"] == ["fra"]
    assert "without fra" in text


def test_explain_of_an_unknown_network_says_so(files: Path) -> None:
    with pytest.raises(TopologyError, match="AS67 is not in this topology"):
        run("explain", "a.yaml", "--from", "AS67")


def test_diff_of_designs_and_of_reports(files: Path) -> None:
    run("plan", "a.yaml", "--json", "a.json")
    run("plan", "b.yaml", "--json", "b.json")

    code, text = run("diff", "a.yaml", "b.yaml", "--json")
    with_code, _ = run("diff", "a.yaml", "b.yaml", "--exit-code")
    of_reports, loose = run("diff", "a.json", "b.json")

    assert (code, with_code, of_reports) == (0, 1, 0)
    assert json.loads(text)["scenarios"][0]["is_exact"] is True
    assert "a.yaml -> b.yaml" in loose


def test_diff_of_a_design_with_itself_moves_nobody(files: Path) -> None:
    assert run("diff", "a.yaml", "a.yaml", "--exit-code")[0] == 0


def test_a_design_cannot_be_compared_with_a_report(files: Path) -> None:
    run("plan", "a.yaml", "--json", "a.json")

    with pytest.raises(UsageError, match="one of the two is a design, the other a report"):
        run("diff", "a.yaml", "a.json")


def test_a_bad_line_of_users_is_named(files: Path) -> None:
    Path("users.csv").write_text("asn,users\n64,many\n")

    with pytest.raises(DataError, match=r"users\.csv"):
        run("plan", "a.yaml")


def test_a_report_that_cannot_be_written_is_one_clear_line(files: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere/a.json cannot be written"):
        run("plan", "a.yaml", "--json", "nowhere/a.json")
