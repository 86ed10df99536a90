"""`anyplane compare` as a command: what it prints and writes, and errors instead of tracebacks."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from anyplane import design
from anyplane.cli import compare
from anyplane.cli.planning_options import load_world
from anyplane.model.errors import AnyplaneError
from anyplane.planning.alternatives import text
from anyplane.planning.alternatives.compare import Question
from anyplane.planning.alternatives.compare import compare as reckon

AS_REL = "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
DESIGN = """\
version: 1
service: {name: three, origin: 64500, prefixes: [192.0.2.0/24, 2001:db8::/48]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174}]}
  ams: {metro: AMS, upstreams: [{asn: 1299}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356}]}
objectives: {p95_rtt: 40 ms}
residency:
  - {name: eu, users: [EU], sites: [fra, ams]}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n")
    Path("bands.csv").write_text("share,km\n0.8,0\n0.2,3000\n")
    Path("short.csv").write_text("0.8\n")
    Path("regions.txt").write_text("eu=fra,ams\nus=nyc\n")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    compare.register(app)
    given = ["a.yaml", *arguments, "--topology", "world.txt", "--users", "users.csv", "--seeds", "2"]
    result = CliRunner().invoke(app, given)
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_all_ways_are_printed_within_100_columns() -> None:
    code, text = run()

    assert code == 0
    for name in ("unicast from one site", "GeoDNS over unicast", "global anycast", "regional + global"):
        assert name in text
    assert "Region north-america is nyc alone" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_json_and_page_are_written_and_the_page_loads_nothing(files: Path) -> None:
    code, _ = run("--json", "a.json", "--html", "a.html")

    assert code == 0
    report = json.loads((files / "a.json").read_text())
    page = (files / "a.html").read_text()
    assert report["kind"] == "compare"
    assert [row["way"] for row in report["alternatives"]] == [
        "unicast",
        "geodns",
        "global",
        "regional",
        "both",
    ]
    assert page.count("<svg") == 2
    assert not re.findall(r"(?:src|href)=\"(?!#|data:)", page)
    assert "regional + global" in page


def test_defaults_are_marked_as_ours_and_what_is_given_is_not() -> None:
    _, text = run("--ttl", "20", "--geoip-error", "0.2")

    assert "* resolvers: 75.0 %" in text
    assert re.search(r"^  TTL: 20 s", text, re.MULTILINE)
    assert "20.0 % of addresses believed in another metro, 2.0 % in another country" in text


def test_regions_and_resolvers_come_from_files() -> None:
    _, text = run("--regions", "regions.txt", "--resolver-distance", "bands.csv", "--no-failover")

    assert "eu" in text
    assert "20.0 % ≤ 3,000 km" in text
    assert "dies" not in text


def test_a_terminal_without_utf8_gets_ascii_and_a_narrow_one_fewer_columns() -> None:
    parsed = design.parse(DESIGN, file="a.yaml")
    world = load_world("world.txt", seed=1, cache=None, metros=True, rov=True, users=Path("users.csv"))
    report = reckon(parsed, world, Question(seeds=1))
    console = Console(width=80, file=StringIO(), record=True)

    console.print(text.render(report, is_plain=True, width=80))

    printed = console.export_text()
    assert printed.isascii()
    assert not re.search(r"^when .* user-hours", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--geoip-error", "much"), "is not a number"),
        (("--geoip-error", "1.5"), "--geoip-error: 1.5 is not a share"),
        (("--geoip-error", "0.1:0.2"), "0.2 in another country is more than 0.1"),
        (("--ecs-share", "2"), "--ecs-share: 2"),
        (("--resolver-distance", "0.5:0"), "--resolver-distance: the shares must .* add up to 1"),
        (("--resolver-distance", "absent.csv"), "cannot be read"),
        (("--resolver-distance", "short.csv"), "short.csv:1"),
        (("--ttl", "-1"), "--ttl: -1"),
        (("--ttl-overrun", "0.1"), "is not SHARE:SECONDS"),
        (("--ttl-overrun", "0.9:1,0.9:2"), "at most 1 together"),
        (("--detect", "-5"), "--detect: -5"),
        (("--withdraw-after", "nan"), "--withdraw-after: nan"),
        (("--far", "-1"), "--far: -1"),
        (("--fail", "lon"), "no site 'lon'"),
        (("--regions", "eu=fra"), "no region has ams, nyc"),
        (("--regions", "absent.txt"), "cannot be read"),
        (("--group", "x"), "no group"),
        (("--json", "a.yaml"), "overwritten"),
        (("--json", "bands.csv", "--resolver-distance", "bands.csv"), "overwritten"),
        (("--json", "-", "--html", "-"), "both"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(AnyplaneError, match=words) as caught:
        run(*arguments)

    assert caught.value.exit_code == 2
