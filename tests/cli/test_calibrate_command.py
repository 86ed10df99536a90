"""`anyplane calibrate` as an operator runs it: a small world, a Parquet file, and what it makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anyplane.cli import calibrate
from anyplane.datasets.calibration_file import read_calibration
from anyplane.measure.observations import write_observations
from anyplane.model.errors import AnyplaneError
from anyplane.model.observations import Announced, Method, Observations

ORIGIN = 64500
STUBS = range(101, 141)
DESIGN = """version: 1
service: {name: dns, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  ams: {metro: AMS, upstreams: [{asn: 12}]}
  fra: {metro: FRA, upstreams: [{asn: 11}]}
  par: {metro: PAR, upstreams: [{asn: 13}]}
"""
WORLD = """world: a tier-1
version: 1
networks:
  - {asn: 1, metros: [AMS, FRA, PAR], peers: [2]}
  - {asn: 2, metros: [AMS]}
  - {asn: 11, metros: [FRA], providers: [1, 2]}
  - {asn: 12, metros: [AMS], providers: [1]}
  - {asn: 13, metros: [PAR], providers: [1]}
""" + "".join(f"  - {{asn: {asn}, users: {{FRA: 1k}}, providers: [1]}}\n" for asn in STUBS)
BOTH = Announced(sites=("ams", "fra"))
ELSEWHERE = Announced(sites=("fra", "tokyo"))
ALONE = Announced(sites=("fra",))
GIVEN = ("design.yaml", "--observations", "seen.parquet", "--topology", "tier.world.yaml")
INTO = ("--into", "learned.json.gz")


def pings(announced: Announced, site: int) -> Observations:
    return Observations.of(
        list(STUBS),
        [site] * len(STUBS),
        sites=announced.sites,
        method=Method.PING,
        announced=announced,
        source="pings",
    )


def mixed(announced: Announced) -> Observations:
    """One in ten answered by the second site, nearly all others by the first."""
    return Observations.of(
        list(STUBS),
        [int(asn % 10 == 0) for asn in STUBS],
        sites=announced.sites,
        method=Method.PING,
        announced=announced,
        source="pings",
    )


def paths() -> Observations:
    """AS2 is seen to reach fra through its peer AS1, though AS11 is its customer."""
    seen = [(101, 1, 11, ORIGIN), (102, 1, 11, ORIGIN), (2, 1, 11, ORIGIN)]
    return Observations.of(
        [path[0] for path in seen],
        [0] * len(seen),
        sites=("fra",),
        method=Method.PATHS,
        announced=ALONE,
        source="a collector",
        paths=seen,
    )


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("design.yaml").write_text(DESIGN)
    Path("tier.world.yaml").write_text(WORLD)
    write_observations(Path("seen.parquet"), Observations.merge(mixed(BOTH), mixed(ELSEWHERE), paths()))
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    calibrate.register(app)
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_what_was_learned_is_printed_and_kept() -> None:
    code, text = run(*GIVEN, *INTO)

    assert code == 0
    assert max(map(len, text.splitlines())) <= 100
    assert re.search(r"^ams \+ fra +ping +40  yes$", text, re.MULTILINE)
    assert "no: the design has no site tokyo" in text
    assert "never seen alone by a collector: ams, par" in text
    assert "AS1 prefers AS12 over AS11" in text
    kept = read_calibration(Path("learned.json.gz"))
    assert [(item.asn, item.neighbour) for item in kept.sites[0].refused] == [(2, 11)]
    assert {item.policy: item.is_used for item in kept.used} == {
        BOTH.policy(): True,
        ELSEWHERE.policy(): False,
    }


def test_what_was_learned_changes_the_forecast_towards_what_was_seen() -> None:
    run(*GIVEN, *INTO)
    from anyplane import design
    from anyplane.datasets import load
    from anyplane.planning.forecasting import forecast_of

    parsed = design.parse(DESIGN, file="design.yaml")
    world = load("tier.world.yaml", cache=Path("cache"))
    before = forecast_of(parsed, world)
    after = forecast_of(parsed, world, read_calibration(Path("learned.json.gz")))

    stub = before.asn.tolist().index(101)
    ams, fra = before.sites.index("ams"), before.sites.index("fra")
    assert before.probability[stub, fra] > before.probability[stub, ams]  # the nearest exit
    assert after.probability[stub, ams] > after.probability[stub, fra]


def test_the_same_observations_give_the_same_bytes_whether_in_one_file_or_two() -> None:
    run(*GIVEN, *INTO)
    write_observations(Path("one.parquet"), mixed(BOTH))
    write_observations(Path("two.parquet"), Observations.merge(mixed(ELSEWHERE), paths()))
    run(
        "design.yaml",
        *("--observations", "one.parquet", "--observations", "two.parquet", "--observations", "one.parquet"),
        *("--topology", "tier.world.yaml", "--into", "again.json.gz"),
    )

    assert Path("again.json.gz").read_bytes() == Path("learned.json.gz").read_bytes()


def test_what_is_excluded_is_not_learned_from_and_said() -> None:
    code, text = run(*GIVEN, *INTO, "--exclude", BOTH.policy()[:6])

    assert code == 0
    assert "no: left out by --exclude" in text
    kept = read_calibration(Path("learned.json.gz"))
    assert kept.preferences == ()
    assert kept.sites[0].site == "fra"
    assert "no preference was learned" in text


def test_json_holds_the_report(files: Path) -> None:
    code, text = run(*GIVEN, *INTO, "--json")

    plain = json.loads(text)
    assert code == 0
    assert plain["version"] == 1
    assert [item["is_used"] for item in plain["used"]] == [True, False]
    assert plain["sites"][0]["refused"] == 1
    assert (files / "learned.json.gz").exists()


def test_show_prints_the_file_again_and_all_about_one_network() -> None:
    _, learned = run(*GIVEN, *INTO)

    shown = run("--show", "learned.json.gz")[1]
    of_2 = run("--show", "learned.json.gz", "--asn", "2")[1].splitlines()
    of_nobody = run("--show", "learned.json.gz", "--asn", "4242")[1]

    assert shown.splitlines()[:4] == learned.splitlines()[:4]
    assert "AS2 gets fra from AS1: seen on 1 path" in of_2
    assert "AS2 does not get fra from AS11: the path of 1 network says so" in of_2
    assert of_nobody == "nothing was learned about AS4242\n"
    assert json.loads(run("--show", "learned.json.gz", "--asn", "2", "--json")[1])["facts"] == of_2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (GIVEN, "a file to write"),
        ((*GIVEN[:1], *INTO), "a design, observations"),
        ((*GIVEN[1:], *INTO), "a design, observations"),
        ((*GIVEN, "--into", "seen.parquet"), "would be overwritten"),
        ((*GIVEN, *INTO, "--json", "learned.json.gz"), "both name"),
        ((*GIVEN, *INTO, "--json", "design.yaml"), "would be overwritten"),
        ((*GIVEN, *INTO, "--exclude", "nope"), "nothing was seen under such a policy"),
        ((*GIVEN, *INTO, "--exclude", ""), "nothing was seen under such a policy"),
        ((*GIVEN, *INTO, "--asn", "1"), "--asn goes with --show"),
        ((*GIVEN, "--show", "learned.json.gz"), "--show learns nothing"),
        (("--show", "absent.json"), "absent.json"),
        (("--show", "design.yaml"), "design.yaml:1: is not JSON"),
        (("design.yaml", "--observations", "absent.parquet", *GIVEN[3:], *INTO), "there is no such file"),
        (("design.yaml", "--observations", "design.yaml", *GIVEN[3:], *INTO), "cannot be read"),
        (("absent.yaml", *GIVEN[1:], *INTO), "there is no such file"),
        ((*GIVEN[:3], "--topology", "absent.yaml", *INTO), "absent.yaml"),
        ((*GIVEN, *INTO, "--group", "none"), "none"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(AnyplaneError) as caught:
        run(*arguments)

    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert not Path("learned.json.gz").exists()


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (pings(BOTH, 0), "ams + fra: ams answered 100.0%: nothing to prefer"),
        (mixed(ELSEWHERE), "the design has no site tokyo"),
        (Observations.none(), "teach nothing about this design"),
    ],
)
def test_observations_that_teach_nothing_say_why(seen: Observations, words: str) -> None:
    write_observations(Path("seen.parquet"), seen)

    with pytest.raises(AnyplaneError, match="teach nothing about this design") as caught:
        run(*GIVEN, *INTO)

    assert words in str(caught.value)
