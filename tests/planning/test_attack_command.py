"""`anyplane attack` and `anyplane playbook` as commands: exit codes, files, errors instead of tracebacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from kept_files import runs_in, shorten
from typer.testing import CliRunner

from anyplane.cli import attack, playbook
from anyplane.model.errors import AnyplaneError

AS_REL = "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
DESIGN = """\
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24], load: 1 Mbps per user}
sites:
  fra: {metro: FRA, capacity: 10 Gbps, upstreams: [{asn: 174}, {asn: 1299}]}
  nyc: {metro: NYC, capacity: 10 Gbps, upstreams: [{asn: 3356}]}
"""
APART = DESIGN.replace("[192.0.2.0/24]", "{dns: [192.0.2.0/24], api: [198.51.100.0/24]}").replace(
    "{asn: 3356}", "{asn: 3356, announce: [dns]}"
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("apart.yaml").write_text(APART)
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n")
    Path("flows.csv").write_text("asn,gbps\n65,30\n64999,10\n")
    Path("bad.csv").write_text("asn,gbps\n65,30\n66,lots\n")
    return tmp_path


def run(command: str, *arguments: str, design: str = "a.yaml") -> tuple[int, str]:
    app = typer.Typer()
    attack.register(app)
    playbook.register(app)
    given = [command, design, *arguments, "--topology", "world.txt", "--users", "users.csv"]
    result = CliRunner().invoke(app, given)
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_a_site_that_drowns_is_exit_code_1_and_the_text_fits() -> None:
    code, text = run("attack", "--sources", "flows.csv")

    assert code == 1
    assert "AS65" in text
    assert "10 Gbps is left out" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_a_file_is_scaled_and_room_for_all_is_exit_code_0() -> None:
    code, text = run("attack", "--sources", "flows.csv", "--gbps", "4", "--json", "-")

    found = json.loads(text)
    assert code == 0
    assert (found["asked"]["gbps"], found["landed_gbps"], found["unknown_gbps"]) == (4.0, 3.0, 1.0)


def test_json_and_pages_are_written(files: Path) -> None:
    code, _ = run(
        "attack", "--sources", "botnet:global", "--gbps", "100", "--json", "a.json", "--html", "a.html"
    )
    other, _ = run("playbook", "--json", "p.json", "--html", "p.html")

    assert (code, other) == (1, 0)
    assert json.loads((files / "a.json").read_text())["kind"] == "attack"
    assert json.loads((files / "p.json").read_text())["kind"] == "playbook"
    assert (files / "a.html").read_text().startswith("<!doctype html>")
    assert (files / "p.html").read_text().startswith("<!doctype html>")


def test_capacities_of_the_command_line_win() -> None:
    more = ("--capacity-gbps", "fra=100", "--capacity-gbps", "50", "--json", "-")
    _, text = run("attack", "--sources", "flows.csv", *more)

    assert {one["site"]: one["capacity_gbps"] for one in json.loads(text)["sites"]} == {"fra": 100, "nyc": 50}


def test_a_resumed_command_goes_on_from_what_is_kept(files: Path) -> None:
    asked = ("attack", "--sources", "flows.csv", "--pairs", "--json", "-")
    whole = run(*asked)
    first = run(*asked, "--resume", "kept.json")
    count = len(runs_in(files / "kept.json"))
    shorten(files / "kept.json", 3)

    again = run(*asked, "--resume", "kept.json")

    assert whole == first == again
    assert len(runs_in(files / "kept.json")) == count
    book = run("playbook", "--json", "-", "--resume", "book.json")
    assert book == run("playbook", "--json", "-", "--resume", "book.json") == run("playbook", "--json", "-")
    with pytest.raises(AnyplaneError, match="of another question"):
        run("attack", "--sources", "flows.csv", "--gbps", "1", "--resume", "kept.json")
    with pytest.raises(AnyplaneError, match="does not hold responses"):
        run("attack", "--sources", "flows.csv", "--resume", str(_written(files, '{"kind": "x"}')))


def _written(files: Path, text: str) -> Path:
    path = files / "other.json"
    path.write_text(text)
    return path


def test_an_interrupted_sweep_leaves_what_is_done(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyplane.planning.attack import sweep

    true = sweep.Sweep._some
    done: list[int] = []

    def interrupted(self: sweep.Sweep, responses: object, threads: int) -> object:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return true(self, responses, threads)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "CHUNK", 5)
    monkeypatch.setattr(sweep.Sweep, "_some", interrupted)
    app = typer.Typer()
    attack.register(app)
    given = ["a.yaml", "--sources", "flows.csv", "--topology", "world.txt", "--users", "users.csv"]
    result = CliRunner().invoke(app, [*given, "--resume", "kept.json", "--html", "a.html"])

    assert result.exit_code == 130
    assert len(runs_in(files / "kept.json")) == 5
    assert not (files / "a.html").exists()


def test_a_site_of_the_playbook_says_what_to_type() -> None:
    code, text = run("playbook", "--site", "fra", "--sources", "flows.csv")

    assert code == 0
    assert "fra is overloaded" in text
    assert "nyc is overloaded" not in text
    assert "sites.fra: enabled: false" in text


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("attack", "--sources", "botnet:global"), "needs a volume"),
        (("attack", "--sources", "botnet:mirai", "--gbps", "5"), "there is no botnet"),
        (("attack", "--sources", "nowhere.csv"), "nowhere.csv"),
        (("attack", "--sources", "global", "--gbps", "5"), "there is no such file"),
        (("attack", "--sources", "bad.csv"), r"bad\.csv:3: 'lots' is not a volume"),
        (("attack", "--sources", "flows.csv", "--gbps", "-1"), "not a volume of"),
        (("attack", "--sources", "flows.csv", "--gbps", "nan"), "not a volume of"),
        (("attack", "--sources", "flows.csv", "--gbps", "1e300"), "not a volume of"),
        (("attack", "--sources", "flows.csv", "--gbps", "1e-9"), "not a volume of"),
        (("attack", "--sources", "flows.csv", "--capacity-gbps", "fra"), "not SITE=N"),
        (("attack", "--sources", "flows.csv", "--capacity-gbps", "ber=5"), "no site 'ber'"),
        (("attack", "--sources", "flows.csv", "--bits-per-query", "0"), "not above 0"),
        (("attack", "--sources", "flows.csv", "--poison", "x"), "is not an AS number"),
        (("attack", "--sources", "flows.csv", "--json", "-", "--html", "-"), "both go to standard output"),
        (("attack", "--sources", "flows.csv", "--json", "flows.csv"), "would be overwritten"),
        (("playbook", "--site", "ber"), "not in the design"),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(arguments: tuple[str, ...], what: str) -> None:
    with pytest.raises(AnyplaneError, match=what) as caught:
        run(*arguments)

    assert caught.value.exit_code == 2


def test_a_design_that_announces_apart_needs_a_group() -> None:
    with pytest.raises(AnyplaneError, match="announces 2 sets of prefixes apart"):
        run("playbook", design="apart.yaml")

    code, text = run("attack", "--group", "api", "--sources", "flows.csv", "--json", "-", design="apart.yaml")

    assert code == 1
    assert json.loads(text)["prefixes"] == ["198.51.100.0/24"]


@pytest.mark.parametrize("what", ["moved", "unreached"])
def test_a_kept_file_with_numbers_that_cannot_be_is_refused(files: Path, what: str) -> None:
    asked = ("attack", "--sources", "flows.csv", "--resume", "kept.json")
    run(*asked)
    *lines, last = (files / "kept.json").read_text().splitlines()
    one = json.loads(last)
    one[what] = float("inf") if what == "moved" else [float("nan")] * len(one[what])
    (files / "kept.json").write_text("\n".join([*lines, json.dumps(one), ""]))

    with pytest.raises(AnyplaneError, match="is damaged"):
        run(*asked)
