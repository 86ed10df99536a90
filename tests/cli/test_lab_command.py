"""`anyplane lab` and `gameday` as a person runs them: wrong words, no lab, a dozen cities on real routers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from namespaces import needs_namespaces, needs_program

from anyplane.cli import main
from anyplane.lab.containerlab import export as containerlab
from anyplane.lab.faces import packages
from anyplane.lab.world.prepared import daemons_of
from anyplane.model.errors import LabError, UsageError

ROOT = Path(__file__).parents[2]
DOZEN = ("examples/dozen-cities.yaml", "--world", "examples/dozen-cities.world.yaml")
USERS_PATH = "/usr/local/bin:/usr/bin:/bin"
"""As Debian gives it to who is not root: daemons are not on it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ran."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, labs: Path) -> Ended:
    """The command, with a place of its own for labs, in this process: an interpreter costs more than most."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        for name, value in (("PATH", USERS_PATH), ("ANYPLANE_LAB_DIR", str(labs)), ("COLUMNS", "100")):
            patched.setenv(name, value)
        patched.setattr(sys, "argv", ["anyplane", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main._run()
    written = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return Ended(returncode=code, stdout=written[0], stderr=written[1])


def run_apart(*arguments: str, labs: Path) -> Ended:
    """The same in a process of its own, for what becomes another program."""
    done = subprocess.run(
        [sys.executable, "-m", "anyplane", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "PATH": USERS_PATH, "ANYPLANE_LAB_DIR": str(labs), "COLUMNS": "100"},
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a lab called dozen runs."""
    needs_namespaces()
    needs_program("bird", "knotd", "nsenter")
    place = tmp_path_factory.mktemp("labs")
    done = run("lab", "up", *DOZEN, "--name", "dozen", labs=place)
    try:
        assert done.returncode == 0, done.stderr
        assert "each reaches the site that the plan" in done.stdout
        yield place
    finally:
        run("lab", "down", "--all", labs=place)


def test_without_a_lab_every_command_says_how_to_get_one(tmp_path: Path) -> None:
    for words in (("status",), ("catchment",), ("dig", "lisbon"), ("shell", "mad"), ("down",)):
        done = run("lab", *words, labs=tmp_path)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == "no lab runs\nhint: anyplane lab up DESIGN brings one up\n"


def test_an_unknown_lab_is_named_and_the_list_is_empty(tmp_path: Path) -> None:
    unknown = run("lab", "status", "--lab", "nobody", labs=tmp_path)

    assert unknown.returncode == 4
    assert unknown.stderr.startswith("no lab called nobody runs")
    assert run("lab", "list", labs=tmp_path).stdout == "no lab runs\n"
    assert json.loads(run("lab", "list", "--json", labs=tmp_path).stdout) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--daemon", "mad=quagga"), "--daemon mad=quagga: that is no SITE=KIND"),
        (("--daemon", "xyz=bird"), "the design has no site xyz"),
        (("--name", "A B"), "is no name for a lab"),
        (("--routers", "3"), "routers"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    needs_namespaces()
    needs_program("bird", "knotd", "nsenter")
    done = run("lab", "up", *DOZEN, *words, labs=tmp_path)

    assert done.returncode in (2, 4)
    assert said in done.stderr
    assert "hint" in done.stderr or "routers" in done.stderr or "xyz" in done.stderr


def test_programs_that_are_missing_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packages.PACKAGES, "no-such-bird", "bird9")
    monkeypatch.setitem(packages.PACKAGES, "/no/such/bgpd", "frr9")

    with pytest.raises(LabError) as refused:
        packages.require(["no-such-bird", "/no/such/bgpd"])
    assert "lacks: no-such-bird, bgpd" in refused.value.message
    assert "apt-get install --no-install-recommends bird9 frr9" in refused.value.hint
    assert refused.value.exit_code == 4


def test_daemons_are_chosen_by_site() -> None:
    assert daemons_of(["mad=gobgp", "tyo=exabgp"]) == {"mad": "gobgp", "tyo": "exabgp"}
    with pytest.raises(UsageError):
        daemons_of(["mad"])


def test_an_export_of_a_real_lab_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "clab"

    done = run("lab", "export", *DOZEN, "--containerlab", "--out", str(out), labs=tmp_path)
    again = run("lab", "export", *DOZEN, "--containerlab", "--out", str(out), labs=tmp_path)

    assert done.returncode == 0, done.stderr
    found = containerlab.checked(out)
    assert {"site-mad", "as174-mad", "rs-mad", "lan-0"} <= set(found.topology.nodes)
    assert (out / "nodes/as174-mad/bird.conf").is_file()
    assert "anyplane agent /lab/design.yaml --site mad" in (out / "nodes/site-mad/start.sh").read_text()
    assert (again.returncode, "is there and not empty" in again.stderr) == (2, True)


def test_the_lab_says_that_it_stands(labs: Path) -> None:
    done = run("lab", "status", labs=labs)
    plain = json.loads(run("lab", "status", "--json", labs=labs).stdout)

    assert done.stdout.startswith("OK  dozen: all of it stands"), done.stdout
    assert done.returncode == 0
    assert {site["site"]: site["in_table"] for site in plain["sites"]} == dict.fromkeys(
        ("mad", "tyo", "chi"), True
    )
    assert plain["sessions"] == plain["sessions_up"] > 200
    assert plain["memory_mb"] > 50


@pytest.mark.parametrize("family", [(), ("-6",)], ids=["v4", "v6"])
def test_every_client_reaches_the_site_of_the_plan(family: tuple[str, ...], labs: Path) -> None:
    done = run("lab", "catchment", *family, "--json", labs=labs)

    plain = json.loads(done.stdout)
    assert (done.returncode, plain["differing"]) == (0, 0)
    assert {one["metro"]: one["answered"] for one in plain["clients"]}["LIS"] == "mad"


def test_nobody_moves_from_the_plan_to_the_lab(labs: Path) -> None:
    done = run("lab", "catchment", "--diff", labs=labs)
    plain = json.loads(run("lab", "catchment", "--diff", "--json", labs=labs).stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dozen, planned -> dozen, in the lab")
    assert "Nobody moves." in done.stdout
    (only,) = plain["scenarios"]
    assert (only["moved"], only["users"]) == (0, 243_200_000)


def test_a_question_from_a_city_is_answered_with_site_and_nsid(labs: Path) -> None:
    done = run("lab", "dig", "lisbon", labs=labs)
    named = json.loads(run("lab", "dig", "tokyo", "www.example.net", "A", "--json", labs=labs).stdout)

    assert done.returncode == 0
    assert "mad, NSID mad, in" in done.stdout
    assert "so it is" in done.stdout
    assert (named["nsid"], named["site"], named["rcode"]) == ("tyo", "tyo", "NOERROR")


def test_a_trace_takes_the_way_of_the_plan(labs: Path) -> None:
    plain = json.loads(run("lab", "trace", "lisbon", "--json", labs=labs).stdout)

    assert plain["site"] == "mad"
    assert plain["as_path"] == plain["planned"]["as_path"]
    assert plain["hops"][-1]["node"] == "site-mad"


def test_a_command_runs_in_a_node_and_its_exit_code_is_ours(labs: Path) -> None:
    done = run_apart("lab", "shell", "mad", "--", "ip", "-4", "address", "show", "dev", "lo", labs=labs)

    assert "203.0.113.53/32" in done.stdout
    assert run_apart("lab", "shell", "mad", "--", "false", labs=labs).returncode == 1


def test_wrong_words_to_a_lab_that_runs(labs: Path) -> None:
    node = run("lab", "dig", "lizbon", labs=labs)
    second = run("lab", "up", *DOZEN, "--name", "dozen", labs=labs)
    log = run("lab", "logs", "mad", "quagga", labs=labs)

    assert (node.returncode, node.stderr) == (
        2,
        "the lab dozen has no node lizbon\nhint: did you mean lisbon?\n",
    )
    assert second.returncode == 4
    assert second.stderr.startswith("a lab called dozen runs already")
    assert log.returncode == 2
    assert "has no log of quagga" in log.stderr


def test_a_server_that_ended_by_itself_is_a_problem_however_well_it_ended(labs: Path) -> None:
    ended = run_apart(
        "lab", "shell", "chi", "--", "sh", "-c", "kill $(cat /run/site-chi/server.pid)", labs=labs
    )
    assert ended.returncode == 0, ended.stderr

    until = time.monotonic() + 10
    while (done := run("lab", "status", labs=labs)).returncode == 0:
        assert time.monotonic() < until, done.stdout
        time.sleep(0.1)

    assert done.returncode == 1
    assert done.stdout.startswith("PROBLEM  dozen: 1 process died: site-chi dns\n")


def test_a_lab_that_died_is_no_lab_any_more(labs: Path) -> None:
    done = run("lab", "down", "dozen", labs=labs)

    assert (done.returncode, done.stdout) == (0, "dozen is down\n")
    assert run("lab", "status", "--lab", "dozen", labs=labs).returncode == 4


def test_game_days_are_listed_and_shown_and_an_unknown_one_is_answered_with_the_nearest(
    tmp_path: Path,
) -> None:
    listed = run("gameday", "list", labs=tmp_path).stdout
    shown = run("gameday", "show", "service-killed", labs=tmp_path).stdout
    unknown = run("gameday", "run", "service-kild", labs=tmp_path)
    both = run("gameday", "run", "drain", "--json", "-", "--html", "-", labs=tmp_path)

    assert "service-killed" in listed
    assert shown.startswith("version: 1\nname: service-killed\n")
    assert unknown.returncode == 2
    assert "service-killed" in unknown.stderr
    assert (both.returncode, "both go to standard output" in both.stderr) == (2, True)
