"""`anyplane converge` as a command: exit codes, files to go on from, and errors instead of tracebacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from kept_files import runs_in, shorten
from typer.testing import CliRunner

from anyplane.cli import converge
from anyplane.model.errors import AnyplaneError

AS_REL = "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
DESIGN = """\
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356}]}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("junk.txt").write_text("junk")
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    converge.register(app)
    given = ["a.yaml", *arguments, "--topology", "world.txt", "--users", "users.csv", "--seeds", "2"]
    result = CliRunner().invoke(app, given)
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_both_regimes_are_printed_within_100_columns() -> None:
    code, text = run("--withdraw", "fra")

    assert code == 0
    assert "fra is withdrawn, 1 other stays" in text
    assert "all sites are withdrawn" in text
    assert "TCP" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_json_and_page_are_written(files: Path) -> None:
    code, _ = run("--withdraw", "fra", "--json", "a.json", "--html", "a.html", "--no-last")

    assert code == 0
    assert len(json.loads((files / "a.json").read_text())["situations"]) == 1
    assert (files / "a.html").read_text().startswith("<!doctype html>")


def test_a_resumed_command_goes_on_from_what_is_kept(files: Path) -> None:
    whole = run("--withdraw", "fra", "--json", "-")
    first = run("--withdraw", "fra", "--json", "-", "--resume", "runs.json")
    shorten(files / "runs.json", 1)

    again = run("--withdraw", "fra", "--json", "-", "--resume", "runs.json")

    assert whole == first == again
    assert len(runs_in(files / "runs.json")) == 4


def test_services_of_ones_own_are_counted(files: Path) -> None:
    (files / "s.csv").write_text(
        "service,quic_share,per_user_hour,median_s,sigma,lengths\ngame,1,2,,,0.5:60 1:3600\n"
    )

    code, text = run("--withdraw", "fra", "--services", "s.csv")

    assert code == 0
    assert "game" in text
    assert "WebSocket" not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say what changes"),
        (("--withdraw", "ams"), "no site 'ams'"),
        (("--withdraw", "fra", "--mrai", "30:0.5"), "add up to 1"),
        (("--withdraw", "fra", "--mrai", "soon"), "is not SECONDS:SHARE"),
        (("--withdraw", "fra", "--mrai", "nan"), "0 to 600"),
        (("--withdraw", "fra", "--busy", "2"), "busy is a share"),
        (("--withdraw", "fra", "--processing-ms", "-1"), "processing takes"),
        (("--withdraw", "fra", "--horizon", "0"), "horizon"),
        (("--withdraw", "fra", "--damping", "hard"), "no such kind"),
        (("--withdraw", "fra", "--services", "absent.csv"), "cannot be read"),
        (("--withdraw", "fra", "--services", "a.yaml"), "a.yaml:1"),
        (("--withdraw", "fra", "--resume", "junk.txt"), "not JSON"),
        (("--withdraw", "fra", "--group", "x"), "no group"),
        (("--withdraw", "fra", "--json", "a.yaml"), "overwritten"),
        (("--withdraw", "fra", "--json", "-", "--html", "-"), "both"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(AnyplaneError, match=words) as caught:
        run(*arguments)

    assert caught.value.exit_code == 2


def test_an_interrupted_command_shows_what_is_done_and_ends_with_130(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyplane.planning import convergence

    true = convergence.simulate

    def interrupted(*arguments: object, **named: object) -> object:
        if arguments[4] == 2:
            raise KeyboardInterrupt
        return true(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(convergence, "simulate", interrupted)
    code, text = run("--withdraw", "fra", "--resume", "runs.json", "--threads", "1")

    assert code == 130
    assert "Interrupted" in text
    assert len(runs_in(files / "runs.json")) == 1
