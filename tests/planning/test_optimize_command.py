"""`anyplane optimize` as a command: exit codes, files to go on from, designs that are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anyplane import design
from anyplane.cli import optimize
from anyplane.cli.optimize_write import write_design
from anyplane.design.setting import setting_of
from anyplane.model.errors import AnyplaneError

AS_REL = "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n1299|66|-1\n"
DESIGN = """\
# What we announce.
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}, {asn: 1299}]}  # the first
  nyc: {metro: NYC, upstreams: [{asn: 3356, prepend: 3}]}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n")
    return tmp_path


def run(*arguments: str, given: str = "a.yaml", stdin: str = "") -> tuple[int, str]:
    app = typer.Typer()
    optimize.register(app)
    world = ["--topology", "world.txt", "--users", "users.csv", "--min-sites", "1"]
    result = CliRunner().invoke(app, [given, *world, *arguments], input=stdin)
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_an_answer_is_printed_within_100_columns() -> None:
    code, text = run()

    assert code == 0
    assert "today" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_json_and_page_are_written(files: Path) -> None:
    code, _ = run("--html", "a.html", "--json", "a.json")

    assert code == 0
    report = json.loads((files / "a.json").read_text())
    assert report["kind"] == "search"
    assert (files / "a.html").read_text().startswith("<!doctype html>")


def test_the_design_is_written_back_with_its_comments(files: Path) -> None:
    code, text = run("--write", "--turn", "prepend,withdraw")

    assert code == 0
    written = (files / "a.yaml").read_text()
    assert written != DESIGN
    assert "# What we announce." in written
    assert "--- a.yaml" in text
    before, after = design.parse(DESIGN, file="a"), design.parse(written, file="a")
    assert before.sites[1].upstreams[0].prepend == 3
    turned = [setting_of(after, upstream) for site in after.sites for upstream in site.upstreams]
    assert turned != [setting_of(before, upstream) for site in before.sites for upstream in site.upstreams]

    again, _ = run("--json", "b.json")

    assert again == 0
    report = json.loads((files / "b.json").read_text())
    assert report["pick"] == "today"


def test_a_row_by_name_is_written_to_a_file_of_its_own(files: Path) -> None:
    code, _ = run("--write", "new.yaml", "--pick", "best", "--json", "-")

    assert code == 0
    assert (files / "a.yaml").read_text() == DESIGN
    assert design.parse((files / "new.yaml").read_text(), file="new.yaml").name == "two"
    with pytest.raises(AnyplaneError, match="there is no choice '17 changes'"):
        run("--write", "--pick", "17 changes", "--json", "a.json")
    assert (files / "a.json").exists(), "the table comes first"
    with pytest.raises(AnyplaneError, match="ever called that"):
        run("--pick", "fastest")


def test_today_changes_nothing(files: Path) -> None:
    code, _ = run("--write", "--pick", "today")

    assert code == 0
    assert (files / "a.yaml").read_text() == DESIGN


def test_a_design_from_standard_input_needs_a_file_to_go_to(files: Path) -> None:
    with pytest.raises(AnyplaneError, match="has no file"):
        run("--write", given="-", stdin=DESIGN)

    code, _ = run("--write", "new.yaml", given="-", stdin=DESIGN)

    assert code == 0
    assert (files / "new.yaml").exists()


def test_a_broken_promise_is_exit_code_1(files: Path) -> None:
    (files / "a.yaml").write_text(DESIGN + "objectives: {p50_rtt: 1 ms}\n")

    code, text = run()

    assert code == 1
    assert "promised 1.0 ms" in text


def test_a_resumed_command_gives_the_same(files: Path) -> None:
    whole = run("--json", "-", "--budget", "30")
    first = run("--json", "-", "--budget", "30", "--resume", "sets.txt")
    again = run("--json", "-", "--budget", "30", "--resume", "sets.txt")

    assert whole == first == again
    with pytest.raises(AnyplaneError, match="another question"):
        run("--resume", "sets.txt", "--turn", "withdraw")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--goal", "fast"), "no such goal"),
        (("--goal", "load"), "is for new sites"),
        (("--only-used",), "about new sites"),
        (("--turn", ","), "names no kind"),
        (("--change-cost", "inf"), "not a number of milliseconds"),
        (("--turn", "poison"), "no such kind"),
        (("--prepends", "many"), "not a list of numbers"),
        (("--keep", "ams"), "no enabled site"),
        (("--time", "soon"), "not a time"),
        (("--write", "world.txt"), "would be overwritten"),
        (("--write", "-"), "needs a file"),
        (("--json", "-", "--html", "-"), "cannot both"),
        (("--group", "none"), "no group"),
    ],
)
def test_bad_input_says_what_is_wrong(options: tuple[str, ...], why: str) -> None:
    with pytest.raises(AnyplaneError, match=why) as caught:
        run(*options)

    assert caught.value.exit_code == 2


def test_kept_sites_stay_as_they_are(files: Path) -> None:
    run("--keep", "nyc", "--keep", "fra/174", "--json", "a.json")

    report = json.loads((files / "a.json").read_text())
    assert report["open_uplinks"] == 1
    touched = {edit["uplink"] for choice in report["choices"] for edit in choice["edits"]}
    assert touched <= {"fra/AS1299"}


def test_new_sites_are_proposed_by_the_same_command() -> None:
    code, text = run("--add-site", "1", "--only-used")

    assert code == 0
    assert text


def test_what_new_sites_have_no_use_for_is_said(files: Path) -> None:
    app = typer.Typer()
    optimize.register(app)
    options = ["--topology", "world.txt", "--users", "users.csv", "--add-site", "1", "--only-used"]

    result = CliRunner().invoke(app, ["a.yaml", *options, "--resume", "sets.txt"])

    assert "--resume plays no part in --add-site" in result.stderr


def test_a_design_that_was_changed_meanwhile_is_left_alone(files: Path) -> None:
    parsed = design.parse(DESIGN, file="a.yaml")
    (files / "a.yaml").write_text(DESIGN + "# somebody else\n")

    with pytest.raises(AnyplaneError, match="changed meanwhile"):
        write_design("a.yaml", parsed, DESIGN.replace("prepend: 3", "prepend: 1"), "", aside=False)

    assert (files / "a.yaml").read_text() == DESIGN + "# somebody else\n"
