"""`anyplane paths` as a command: exit codes, faces, files to go on from, and errors instead of tracebacks."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
import typer
from kept_files import runs_in, shorten
from rich.console import Console
from tiny_world import LATENCY, design, site, topology, upstream
from typer.testing import CliRunner

from anyplane.cli import paths
from anyplane.model.errors import AnyplaneError
from anyplane.planning.both_ways.html import section
from anyplane.planning.both_ways.paths import of_clients, of_users
from anyplane.planning.both_ways.report import PathsReport
from anyplane.planning.both_ways.text import render
from anyplane.planning.explain import pops_from
from anyplane.planning.page.answers import page

AS_REL = (
    "174|3356|0\n174|1299|0\n3356|1299|0\n174|64|-1\n3356|64|-1\n1299|65|-1\n3356|66|-1\n"
    "1299|67|-1\n64|68|-1\n3356|64500|-1\n"
)
DESIGN = """\
version: 1
service: {name: two, origin: 64500, prefixes: [192.0.2.0/24]}
sites:
  fra: {metro: FRA, upstreams: [{asn: 174, prepend: 2}, {asn: 1299}]}
  nyc: {metro: NYC, upstreams: [{asn: 3356}]}
  off: {metro: LON, enabled: false, upstreams: [{asn: 3356}]}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYPLANE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("world.txt").write_text(AS_REL)
    Path("a.yaml").write_text(DESIGN)
    Path("junk.txt").write_text("junk")
    Path("users.csv").write_text("asn,users\n64,100\nAS65,300\n66,200\n68,50\n")
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    paths.register(app)
    given = ["a.yaml", *arguments, "--topology", "world.txt", "--users", "users.csv"]
    result = CliRunner().invoke(app, given)
    if isinstance(result.exception, AnyplaneError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_one_client_is_shown_both_ways_within_100_columns() -> None:
    code, text = run("--client", "AS68")

    assert code == 0
    assert "way in" in text
    assert "way back" in text
    assert "AS path back 64500" in text
    assert "Stateful firewalls that see one half" in text
    assert max(map(len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_without_a_client_users_are_summed_within_100_columns() -> None:
    code, text = run()

    assert code == 0
    assert "Both ways of 3 networks" in text
    assert "Uplinks: in by, out by" in text
    assert max(map(len, text.splitlines())) <= 100


def test_json_and_page_are_written(files: Path) -> None:
    for arguments, key in ((("--client", "64"), "rounds"), ((), "summaries")):
        code, _ = run(*arguments, "--json", "out.json", "--html", "out.html")

        assert code == 0
        told = json.loads((files / "out.json").read_text())
        assert (told["kind"], told["version"], len(told[key])) == ("paths", 1, 1)
        assert (files / "out.html").read_text().startswith("<!doctype html>")


def test_a_resumed_command_goes_on_from_what_is_kept(files: Path) -> None:
    _, whole = run("--json")
    _, first = run("--json", "--resume", "kept.json")
    assert len(runs_in(files / "kept.json")) >= 3
    shorten(files / "kept.json", 1)
    _, again = run("--json", "--resume", "kept.json")

    assert whole == first == again
    assert len(runs_in(files / "kept.json")) >= 3


def test_preference_is_said_and_kept_apart(files: Path) -> None:
    run("--resume", "kept.json")

    with pytest.raises(AnyplaneError, match="another question"):
        run("--resume", "kept.json", "--prefer", "transit")
    assert json.loads(run("--json", "--prefer", "shortest")[1])["prefer"] == "shortest"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--client", "AS69"), "AS69 is not in this topology"),
        (("--client", "AS64@QQQ"), "'QQQ' is not a metro"),
        (("--client", "64@SYD"), "is not known to be in SYD"),
        (("--client", "Telekom"), "not an AS number"),
        (("--client", "64500"), "own origin"),
        (("--client", "64", "--site", "fro"), "no site 'fro'"),
        (("--client", "64", "--site", "off"), "off is not enabled"),
        (("--client", "64", "--group", "x"), "no group"),
        (("--client", "64", "--networks", "5"), "for the summary"),
        (("--client", "64", "--resume", "r.json"), "for the summary"),
        (("--site", "fra"), "name a client"),
        (("--prefer", "cheapest"), "no such preference"),
        (("--resume", "junk.txt"), "not JSON"),
        (("--resume", "absent/r.json"), "cannot be written"),
        (("--resume", "r.json", "--json", "r.json"), "names the file of an answer"),
        (("--json", "a.yaml"), "overwritten"),
        (("--json", "-", "--html", "-"), "both"),
        (("--calibration", "junk.txt"), "junk.txt"),
    ],
)
def test_bad_input_is_named(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(AnyplaneError, match=words) as caught:
        run(*arguments)

    assert caught.value.exit_code == 2


def test_an_interrupted_command_shows_what_is_done_and_ends_with_130(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyplane.planning.both_ways import sweep

    true = sweep.ways_back
    calls = []

    def interrupted(*arguments: object, **named: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return true(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "ways_back", interrupted)
    code, text = run("--resume", "kept.json", "--threads", "1")

    assert code == 130
    assert "Interrupted" in text
    assert len({way["asn"] for way in runs_in(files / "kept.json")}) == 2


def reports() -> list[PathsReport]:
    world = topology()
    lopsided = design(sites=(site("a", 0, upstream(10, prepend=2), upstream(20)), site("c", 2, upstream(20))))
    one = of_clients(lopsided, world, pops_from(world, "@CCC")[:1], site="a", latency=LATENCY)
    return [one, of_users(lopsided, world, latency=LATENCY, networks=10)]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("is_plain", [True, False])
def test_text_fits_its_width_and_plain_text_is_ascii(width: int, is_plain: bool) -> None:
    for report in reports():
        out = StringIO()
        Console(file=out, width=width, highlight=False).print(render(report, is_plain=is_plain, width=width))
        text = out.getvalue()

        assert max(len(line) for line in text.splitlines()) <= width
        assert "…" not in text
        if is_plain:
            assert text.replace("–", "-").isascii()


def test_the_page_names_every_network_and_escapes_what_a_topology_says() -> None:
    world = topology(names=("Ten", "<b>Twenty</b>", "A-Net", "B-Net", "C-Net", "Island"))
    lopsided = design(sites=(site("a", 0, upstream(10, prepend=2), upstream(20)),))
    report = of_clients(lopsided, world, pops_from(world, "AS103"), latency=LATENCY)
    text = page([section(report)])

    assert "<b>Twenty" not in text
    assert "&lt;b&gt;Twenty" in text
    assert "AS103 C-Net" in text
    assert text == page([section(report)])


def test_ids_of_a_page_are_one_of_a_kind_and_begin_with_that_of_the_section() -> None:
    for report in reports():
        found = section(report)
        ids = re.findall(r'\bid="([^"]+)"', found.body)
        assert len(ids) == len(set(ids))
        assert all(one.startswith(found.id) for one in ids)
        assert ids[0] == found.id


def test_a_group_that_nobody_announces_is_named_and_the_others_are_answered(files: Path) -> None:
    silent = DESIGN.replace("[192.0.2.0/24]", "{on: [192.0.2.0/24], off: [198.51.100.0/24]}")
    Path("a.yaml").write_text(
        silent.replace("fra: {", "fra: {announce: [on], ").replace("nyc: {", "nyc: {announce: [on], ")
    )

    code, text = run("--json", "-")

    found = json.loads(text)
    assert code == 0
    assert [item["scenario"] for item in found["summaries"]] == ["on"]
    assert found["warnings"] == ["no site announces 198.51.100.0/24: nobody has a way in"]
    for asked in ((), ("--client", "64")):
        with pytest.raises(AnyplaneError, match="no site announces") as caught:
            run("--group", "off", *asked)
        assert caught.value.exit_code == 2
