"""Whoever is killed, and when: no process, namespace, mount or directory of a lab is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_here import Traces, needs_lab, parent_of, traces
from lab_worlds import line, lonely
from namespaces import wait_until

from anyplane.lab.container import client
from anyplane.lab.container.client import Lab
from anyplane.model.errors import LabError

STARTER = """
import json, sys, time
from lab_worlds import line, lonely
from anyplane.lab.container.client import Lab

def tell(event):
    print(json.dumps(event), flush=True)

lab = Lab.up(line("held") if "slow" in sys.argv else lonely("held"), on_progress=tell)
print(json.dumps({"pid": lab.pid}), flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labs of a test live in a directory of its own, whose name is longer than a socket's may be."""
    needs_lab()
    place = tmp_path / ("labs" + "x" * 120)
    monkeypatch.setenv("ANYPLANE_LAB_DIR", str(place))
    return place


@pytest.fixture
def starter() -> Iterator[subprocess.Popen[str]]:
    """A command that has a lab called "held" up, and waits."""
    yield from _starter()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_lab_dies_with_the_command_that_started_it(starter: subprocess.Popen[str], number: int) -> None:
    left = _traces_of(starter)

    starter.send_signal(number)

    starter.wait(60)
    wait_until(lambda: left.left() == [])


@pytest.mark.parametrize("victim", ["stub", "number one", "engine"])
def test_whichever_of_its_processes_is_killed_the_rest_of_the_lab_goes_too(victim: str) -> None:
    lab = Lab.up(lonely("felled"))
    left = traces(lab)
    number_one = parent_of(lab.pid)
    pid = {"stub": parent_of(number_one), "number one": number_one, "engine": lab.pid}[victim]

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: not Path(f"/proc/{lab.pid}").exists())
    with pytest.raises(LabError, match="the lab is gone"):
        lab.call("status")
    lab.close()
    assert "felled" not in client.running()  # which takes away what a killed stub could not
    wait_until(lambda: left.left() == [])


def test_ctrl_c_while_a_lab_comes_up_leaves_nothing(root: Path) -> None:
    for starter in _starter("slow"):
        assert starter.stdout is not None
        while json.loads(starter.stdout.readline())["phase"] != "converging":
            pass
        with Lab.attach("held") as lab:
            left = traces(lab)

        starter.send_signal(signal.SIGINT)

        assert starter.wait(60) != 0
        # A starter that was through already has no hand in it: then the stub ends the lab, a little later.
        wait_until(lambda left=left: left.left() == [])  # type: ignore[misc]
        wait_until(lambda: list(root.iterdir()) == [])


def test_a_detached_lab_outlives_its_starter_and_is_taken_down_by_another(root: Path) -> None:
    Lab.up(lonely("alone"), is_detached=True).close()

    with Lab.attach("alone") as lab:
        left = traces(lab)
        assert lab.call("status")["is_up"]
        assert client.running() == ("alone",)
        assert len(left.left()) > 3
        with pytest.raises(LabError, match="a lab called alone runs already"):
            Lab.up(lonely("alone"))
        lab.down()

    wait_until(lambda: left.left() == [])
    assert client.running() == ()
    with pytest.raises(LabError, match="no lab called alone runs"):
        Lab.attach("alone")


def test_a_detached_lab_ends_cleanly_when_its_stub_is_told_to() -> None:
    with Lab.up(lonely("told"), is_detached=True) as lab:
        left = traces(lab)

        os.kill(parent_of(parent_of(lab.pid)), signal.SIGTERM)

        wait_until(lambda: left.left() == [])


def test_orphans_of_a_node_are_taken_in_and_reaped() -> None:
    with Lab.up(lonely("orphans")) as lab:
        lab.run("as100-lis", "sh", "-c", "(sleep 0.2 &) ; true")

        def zombies() -> str:
            return lab.run("as100-lis", "sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status || true")

        wait_until(lambda: "sleep" not in lab.run("as100-lis", "ps", "-e"))
        assert zombies() == ""


def test_a_directory_of_ones_own_keeps_the_logs(tmp_path: Path) -> None:
    with Lab.up(line("kept"), directory=tmp_path / "kept") as lab:
        assert lab.directory == tmp_path / "kept"

    assert (tmp_path / "kept" / "nodes" / "as100-lis" / "bird.conf").is_file()


def _starter(*words: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _traces_of(starter: subprocess.Popen[str]) -> Traces:
    assert starter.stdout is not None
    for text in starter.stdout:
        if "pid" in json.loads(text):
            break
    with Lab.attach("held") as lab:
        return traces(lab)


def test_a_router_that_ends_at_the_start_is_named_with_its_last_words(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "bird"
    failing.write_text("#!/bin/sh\necho I cannot bear it >&2\nexit 7\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    words = r"as100-lis: bird ended at the start \(exit code 7\):\nI cannot bear"
    with pytest.raises(LabError, match=words) as told:
        Lab.up(lonely("broken"))

    # The log that the message names is there, until a lab of that name comes up.
    log = Path(str(told.value).partition("its log is ")[2].partition(",")[0])
    assert "I cannot bear it" in log.read_text()
    assert client.running() == ()
    assert "I cannot bear it" in (root / "broken" / "failed").read_text()
    assert (root / "broken").stat().st_mode & 0o077 == 0
    monkeypatch.undo()
    monkeypatch.setenv("ANYPLANE_LAB_DIR", str(root))
    with Lab.up(lonely("broken")):
        assert "I cannot bear it" not in log.read_text()
    assert list(root.iterdir()) == []


BRINGING = """
import sys
from lab_worlds import line
from anyplane.lab.container.client import Lab
from anyplane.model.errors import LabError
try:
    Lab.up(line("starved")).close()
except LabError as error:
    print(error)
    sys.exit(4)
"""


def test_a_full_disk_is_named_and_nothing_runs(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()

    done = _starved(f"mount -t tmpfs -o size=4k,mode=700 none {small}", place=small)

    assert done.returncode == 4, done.stderr
    assert "No space left on device" in done.stdout
    assert "ANYPLANE_LAB_DIR" in done.stdout


@pytest.mark.parametrize(("limits", "code"), [("ulimit -n 24", 4), ("ulimit -Sn 24", 0)])
def test_few_descriptors_are_named_and_a_soft_limit_is_raised(root: Path, limits: str, code: int) -> None:
    done = _starved(limits, place=root)

    assert done.returncode == code, done.stderr
    assert not code or "ulimit -Hn" in done.stdout
    assert client.running() == ()


def _starved(limits: str, *, place: Path) -> subprocess.CompletedProcess[str]:
    """Somebody brings up a lab after that command of a shell."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    shell = ["sh", "-c", f'{limits} && exec "$@"', "sh", sys.executable, "-c", BRINGING]
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", *shell],
        env={**env, "ANYPLANE_LAB_DIR": str(place)},
        capture_output=True,
        text=True,
        timeout=120,
    )
