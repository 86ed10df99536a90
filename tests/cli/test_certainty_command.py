"""--calibration, --certainty and --forecast as an operator gives them to plan, explain, diff and score."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from anyplane.calibration.calibration import Calibration, Preference, SiteFacts
from anyplane.cli import diff, explain, plan, score
from anyplane.datasets.calibration_file import write_calibration
from anyplane.datasets.forecast_file import read_forecast
from anyplane.measure.observations import append_observations
from anyplane.model.errors import AnyplaneError
from anyplane.model.observations import Announced, Method, Observations

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
GROUPS = """\
version: 1
service:
  name: two
  origin: 64500
  prefixes: {one: [192.0.2.0/24], two: [198.51.100.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356, announce: [one]}]}
"""
WORLD = ("--topology", "world.txt", "--users", "users.csv")
LEARNED = Calibration(
    origin="200 answers of May",
    graph="world.txt",
    sites=(SiteFacts(site="fra", paths=12), SiteFacts(site="nyc", paths=12)),
    preferences=(Preference(asn=64, neighbour=174, region="", log_odds=4.0, evidence=30.0),),
    spread=0.4,
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("b.yaml").write_text(DESIGN.replace("{asn: 3356}", "{asn: 1299}"))
    Path("groups.yaml").write_text(GROUPS)
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,0\n")
    write_calibration(Path("may.json"), LEARNED)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    for module in (plan, explain, diff, score):
        module.register(app)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_a_calibration_adds_how_sure_the_plan_is() -> None:
    _, plain = run("plan", "a.yaml", *WORLD)
    code, text = run("plan", "a.yaml", *WORLD, "--calibration", "may.json")

    assert code == 0
    assert "How sure that is  200 answers of May" in text
    assert text.startswith(plain)
    assert max(len(line) for line in text.splitlines()) <= 100


def test_certainty_needs_no_calibration_and_can_be_left_out_with_one() -> None:
    assert "no measurement: only chances" in run("plan", "a.yaml", *WORLD, "--certainty")[1]
    assert "How sure" not in run("plan", "a.yaml", *WORLD)[1]
    without = run("plan", "a.yaml", *WORLD, "--calibration", "may.json", "--no-certainty")
    assert without == run("plan", "a.yaml", *WORLD)


def test_the_json_has_the_certainty_of_each_scenario() -> None:
    _, text = run("plan", "groups.yaml", *WORLD, "--certainty", "--json")

    scenarios = json.loads(text)["scenarios"]
    assert [one["certainty"]["spread"] for one in scenarios] == [1.2, 1.2]
    assert set(scenarios[0]["certainty"]["sites"][0]) == {"site", "share", "low", "high"}


def test_a_calibration_of_another_graph_is_used_with_a_warning() -> None:
    write_calibration(Path("old.json"), replace(LEARNED, graph="20191201.as-rel2.txt.bz2"))

    code, text = run("plan", "a.yaml", *WORLD, "--calibration", "old.json")

    assert code == 0
    assert "learned on 20191201.as-rel2.txt.bz2, this plan is made on" in text


def test_a_forecast_is_written_and_is_what_the_report_says() -> None:
    _, text = run("plan", "a.yaml", *WORLD, "--forecast", "f.csv", "--json")

    found = read_forecast(Path("f.csv"))
    (scenario,) = json.loads(text)["scenarios"]
    stated = {row["site"]: row["share"] for row in scenario["certainty"]["sites"]}
    shares = found.users @ found.probability / found.users.sum()
    assert found.sites == ("fra", "nyc")
    assert len(found) == 6
    assert dict(zip(found.sites, shares, strict=True)) == pytest.approx(stated, abs=1e-4)


def test_the_forecast_of_a_group() -> None:
    run("plan", "groups.yaml", *WORLD, "--group", "two", "--forecast", "f.parquet")

    found = read_forecast(Path("f.parquet"))
    assert np.flatnonzero(found.probability.sum(axis=0)).tolist() == [0]


def test_explain_adds_probabilities_and_what_was_learned() -> None:
    plain = run("explain", "a.yaml", *WORLD, "--from", "AS64")[1]
    code, text = run("explain", "a.yaml", *WORLD, "--from", "AS64", "--calibration", "may.json")

    assert code == 0
    assert text.startswith(plain)
    assert "How sure that is  fra 9" in text
    assert "AS64 prefers AS174" in text
    _, text = run("explain", "a.yaml", *WORLD, "--from", "AS64", "--calibration", "may.json", "--json")
    (stated,) = json.loads(text)["certainty"]
    assert stated["probabilities"][0]["site"] == "fra"
    assert "certainty" not in json.loads(run("explain", "a.yaml", *WORLD, "--from", "AS64", "--json")[1])


def test_explain_knows_that_a_site_has_failed() -> None:
    _, text = run(
        "explain", "a.yaml", *WORLD, "--from", "AS64", "--without", "fra", "--calibration", "may.json"
    )

    assert "How sure that is  nyc 100 %" in text


def test_diff_adds_the_stated_shares_of_both() -> None:
    plain = run("diff", "a.yaml", "b.yaml", *WORLD)[1]
    code, text = run("diff", "a.yaml", "b.yaml", *WORLD, "--calibration", "may.json")

    assert code == 0
    assert text.startswith(plain)
    assert "all: stated shares  200 answers of May" in text or "stated shares" in text
    _, text = run("diff", "a.yaml", "b.yaml", *WORLD, "--calibration", "may.json", "--json")
    (item,) = json.loads(text)["certainty"]
    assert [row["site"] for row in item["shares"]] == ["fra", "nyc"]
    assert item["moved"] > 0
    assert "certainty" not in json.loads(run("diff", "a.yaml", "b.yaml", *WORLD, "--json")[1])


def test_score_without_a_forecast_scores_the_plan() -> None:
    seen = Observations.of(
        [64, 65, 66],
        [0, 1, 1],
        sites=["fra", "nyc"],
        method=Method.PING,
        announced=Announced(sites=("fra", "nyc")),
        source="made up",
    )
    append_observations(Path("seen.parquet"), seen)
    given = ("score", "a.yaml", "--observed", "seen.parquet", *WORLD)

    code, text = run(*given, "--calibration", "may.json", "--json")
    assert code == 0
    assert json.loads(text)["networks"] == 3
    run("plan", "a.yaml", *WORLD, "--calibration", "may.json", "--forecast", "f.csv")
    _, of_file = run("score", "a.yaml", "--observed", "seen.parquet", "--predicted", "f.csv", "--json")
    assert json.loads(text)["by_networks"] == json.loads(of_file)["by_networks"]
    with pytest.raises(AnyplaneError, match="--topology and --predicted exclude each other"):
        run(*given, "--predicted", "f.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "a.yaml", *WORLD, "--calibration", "absent.json"), "absent.json"),
        (("plan", "a.yaml", *WORLD, "--calibration", "a.yaml"), "a.yaml"),
        (("plan", "a.yaml", *WORLD, "--calibration", "other.json"), "knows none of the sites of two"),
        (("explain", "a.yaml", *WORLD, "--from", "64", "--calibration", "other.json"), "knows none of"),
        (("diff", "a.yaml", "b.yaml", *WORLD, "--calibration", "other.json"), "knows none of"),
        (("plan", "groups.yaml", *WORLD, "--forecast", "f.csv"), "this design has 2: "),
        (("plan", "a.yaml", *WORLD, "--forecast", "users.csv"), "would be overwritten"),
        (("plan", "a.yaml", *WORLD, "--forecast", "-"), "a file of its own"),
        (("plan", "a.yaml", *WORLD, "--forecast", "x", "--json", "x"), "a file of its own"),
        (("plan", "a.yaml", *WORLD, "--calibration", "may.json", "--json", "may.json"), "overwritten"),
        (("diff", "r.json", "r.json", "--calibration", "may.json"), "--calibration needs two designs"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    write_calibration(
        Path("other.json"), replace(LEARNED, sites=(SiteFacts(site="uw01", paths=3),), preferences=())
    )
    run("plan", "a.yaml", *WORLD, "--json", "r.json")

    with pytest.raises(AnyplaneError) as caught:
        run(*arguments)

    assert words in str(caught.value)
    assert caught.value.exit_code == 2
