"""`anyplane trust` as a command: exit codes, files to go on from, and errors instead of tracebacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from anyplane.cli import trust
from anyplane.cli.answers import deliver
from anyplane.model.errors import AnyplaneError
from anyplane.planning.trust import trust as reckoning

AS_REL = "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
DESIGN = """\
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/23]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356}]}
"""
ENTRY = '{"asn": %s, "prefix": "192.0.2.0/23", "maxLength": %s, "ta": "x", "expires": %s}'
NOW = "2026-11-21T18:00Z"
END = 1_800_000_000


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("junk.txt").write_text("junk")
    Path("rov.csv").write_text("asn\n1299\n")
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n")
    vrps()
    return tmp_path


def vrps(asn: int = 64500, longest: int = 23, end: int = END) -> None:
    """The file of VRPs, with one in it."""
    Path("vrps.json").write_text('{"roas": [' + ENTRY % (asn, longest, end) + "]}")


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    trust.register(app)
    given = ["a.yaml", "--vrps", "vrps.json", "--now", NOW, "--topology", "world.txt", "--users", "users.csv"]
    result = CliRunner().invoke(app, [*given, *arguments])
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_routes_and_hijacks_are_printed_within_100_columns() -> None:
    code, text = run("--rov-list", "rov.csv")

    assert code == 0
    assert "1 of 1 route is valid" in text
    assert "Hijack of 192.0.2.0/23" in text
    assert "rov.csv" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize(
    ("asn", "end", "options", "code"),
    [
        (64500, END, (), 0),
        (64501, END, (), 1),
        (0, END, (), 1),
        (64500, 1_795_284_000, (), 1),
        (64500, 1_795_284_001, (), 0),
        (64500, END, ("--scrubber", "AS64501"), 1),
        (64500, END, ("--more-specific", "192.0.3.0/24"), 1),
    ],
)
def test_what_is_broken_ends_with_1(asn: int, end: int, options: tuple[str, ...], code: int) -> None:
    vrps(asn, end=end)

    assert run("--no-exposure", *options)[0] == code


def test_a_missing_roa_is_a_failure_only_where_it_was_asked_for() -> None:
    Path("vrps.json").write_text('{"roas": [{"asn": 1, "prefix": "8.8.8.0/24"}]}')

    assert run("--no-exposure")[0] == 0
    assert run("--no-exposure", "--require-roa")[0] == 1


def test_without_exposure_no_topology_is_read() -> None:
    Path("world.txt").unlink()

    assert run("--no-exposure")[0] == 0


def test_json_page_and_slurm_are_written(files: Path) -> None:
    vrps(64501)
    code, text = run("--json", "a.json", "--html", "a.html", "--slurm", "slurm.json", "--no-alone")

    assert (code, text) == (1, "")
    assert json.loads(Path("a.json").read_text())["broken"] == 1
    assert "trust-plot" in Path("a.html").read_text()
    assert json.loads(Path("slurm.json").read_text())["locallyAddedAssertions"]["prefixAssertions"]


def test_slurm_on_standard_output_stands_there_alone() -> None:
    vrps(64501)

    assert json.loads(run("--no-exposure", "--slurm", "-")[1])["slurmVersion"] == 1


def test_an_interrupted_sweep_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("--json", "-")[1]
    sweep = reckoning.run

    def cut(work: reckoning.Work, **kinds: object) -> None:
        def stop(_done: int, _planned: int) -> None:
            raise KeyboardInterrupt

        sweep(work, progress=stop)

    monkeypatch.setattr(reckoning, "run", cut)
    code, text = run("--json", "-", "--resume", "runs.json")
    assert code == 130
    assert json.loads(text)["is_partial"]
    monkeypatch.setattr(reckoning, "run", sweep)

    assert run("--json", "-", "--resume", "runs.json") == (0, whole)
    assert run("--json", "-", "--resume", "runs.json") == (0, whole), "and once more out of the file alone"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--now", "soon"), "--now soon"),
        (("--now", "20261121"), "a day, or Unix time"),
        (("--expires-within", "7"), "--expires-within 7"),
        (("--attacker", "x"), "--attacker x"),
        (("--attacker", "7"), "is not in this topology"),
        (("--attacker", "64500"), "own origin"),
        (("--scrubber", "0"), "--scrubber 0"),
        (("--more-specific", "192.0.2.1/24"), "--more-specific 192.0.2.1/24"),
        (("--more-specific", "8.8.8.0/24"), "not inside"),
        (("--group", "no"), "has no group"),
        (("--rov-list", "none.csv"), "no such file"),
        (("--vrps", "junk.txt"), "neither JSON nor CSV"),
        (("--resume", "junk.txt"), "is not JSON"),
        (("--resume", "a.yaml"), "is read here"),
        (("--json", "-", "--html", "-"), "cannot both go"),
        (("--json", "x", "--slurm", "x"), "a file of its own"),
    ],
)
def test_bad_input_is_an_error_in_words(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(AnyplaneError, match=says) as caught:
        run(*arguments)

    assert caught.value.exit_code == 2


def test_names_with_brackets_and_colons_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("network")
    table.add_row("AS64 [/b] [red]Net :smile:")

    deliver(
        text=lambda _plain, _width: table,
        json_text=lambda: "{}",
        section=lambda: pytest.fail("nobody asked for a page"),
        json_file=None,
        html=None,
    )

    assert "AS64 [/b] [red]Net :smile:" in capsys.readouterr().out
