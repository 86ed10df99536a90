"""`anyplane score` as an operator runs it: text, JSON and page; bad input ends with 2 and a way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anyplane.cli import score
from anyplane.measure.observations import append_observations
from anyplane.model.errors import AnyplaneError
from anyplane.model.observations import Announced, Method, Observations

DESIGN = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 1299}]}
  ams: {metro: AMS, upstreams: [{asn: 6939}]}
"""
GIVEN = ("design.yaml", "--predicted", "forecast.csv", "--observed", "seen.parquet")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("design.yaml").write_text(DESIGN)
    odds = {1: "fra,0.9", 2: "fra,0.8", 3: "ams,0.7", 4: "ams,0.6"}
    lines = [f"{asn},{text},{asn * 1000}" for asn, text in odds.items()]
    Path("forecast.csv").write_text("asn,site,probability,users\n" + "\n".join(lines) + "\n")
    seen = Observations.of(
        [1, 2, 3, 4],
        [0, 0, 1, 0],
        sites=["fra", "ams"],
        method=Method.PING,
        announced=Announced(sites=("ams", "fra")),
        source="made up",
    )
    append_observations(Path("seen.parquet"), seen)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    score.register(app)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_the_score_is_printed_within_100_columns() -> None:
    code, text = run(*GIVEN)

    assert code == 0
    assert text.startswith("dns  forecast.csv against seen.parquet: ams + fra\n")
    assert "Right for 75.0 % of the networks" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_by_users_the_tables_count_users() -> None:
    code, text = run(*GIVEN, "--by", "users")

    assert code == 0
    assert "Right for 60.0 % of the users" in text


def test_json_and_page_are_written(files: Path) -> None:
    code, text = run(*GIVEN, "--json", "score.json", "--html", "score.html", "--method", "ping")

    plain = json.loads((files / "score.json").read_text())
    assert (code, text) == (0, "")
    assert plain["by_networks"]["accuracy"] == 0.75
    assert plain["by_users"]["accuracy"] == 0.6
    assert plain["methods"] == ["ping"]
    assert (files / "score.html").read_text().startswith("<!doctype html>")


def test_a_bare_json_goes_to_standard_output() -> None:
    code, text = run(*GIVEN, "--policy", Announced(sites=("ams", "fra")).policy(), "--json")

    assert code == 0
    assert json.loads(text)["networks"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (GIVEN[:1] + GIVEN[3:], "--predicted FILE"),
        ((*GIVEN, "--method", "pong"), "the methods are ping, atlas"),
        ((*GIVEN, "--method", "dns"), "no observation by dns"),
        ((*GIVEN, "--policy", "abc"), "no announcement set"),
        ((*GIVEN, "--by", "sites"), "neither networks nor users"),
        ((*GIVEN, "--json", "forecast.csv"), "would be overwritten"),
        ((*GIVEN, "--json", "-", "--html", "-"), "cannot both go"),
        ((*GIVEN[:2], "absent.csv", *GIVEN[3:]), "absent.csv"),
        ((*GIVEN[:4], "absent.parquet"), "there is no such file"),
        ((*GIVEN[:4], "forecast.csv"), "cannot be read as observations"),
        (("absent.yaml", *GIVEN[1:]), "there is no such file"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(AnyplaneError) as caught:
        run(*arguments)

    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_by_users_needs_users(files: Path) -> None:
    (files / "forecast.csv").write_text("asn,site\n1,fra\n2,ams\n")

    with pytest.raises(AnyplaneError, match="says of no network how many users it has"):
        run(*GIVEN, "--by", "users")
