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
time.sleep(60)
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

    starter.wait(10)
    wait_until(lambda: left.left() == [], timeout=10)


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
    wait_until(lambda: left.left() == [], timeout=10)


def test_ctrl_c_while_a_lab_comes_up_leaves_nothing(root: Path) -> None:
    for starter in _starter("slow"):
        assert starter.stdout is not None
        while json.loads(starter.stdout.readline())["phase"] != "converging":
            pass
        with Lab.attach("held") as lab:
            left = traces(lab)

        starter.send_signal(signal.SIGINT)

        assert starter.wait(10) != 0
        assert left.left() == []
        assert list(root.iterdir()) == []


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

    wait_until(lambda: left.left() == [], timeout=5)
    assert client.running() == ()
    with pytest.raises(LabError, match="no lab called alone runs"):
        Lab.attach("alone")


def test_a_detached_lab_ends_cleanly_when_its_stub_is_told_to() -> None:
    with Lab.up(lonely("told"), is_detached=True) as lab:
        left = traces(lab)

        os.kill(parent_of(parent_of(lab.pid)), signal.SIGTERM)

        wait_until(lambda: left.left() == [], timeout=10)


def test_a_lab_that_cannot_come_up_says_why_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(LabError, match=r"bird is missing"):
        Lab.up(lonely("broken"))

    assert list(root.iterdir()) == []


def test_orphans_of_a_node_are_taken_in_and_reaped() -> None:
    with Lab.up(lonely("orphans")) as lab:
        lab.run("as100-lis", "sh", "-c", "(sleep 0.2 &) ; true")

        def zombies() -> str:
            return lab.run("as100-lis", "sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status || true")

        wait_until(lambda: "sleep" not in lab.run("as100-lis", "ps", "-e"), timeout=5)
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

    with pytest.raises(LabError, match=r"as100-lis: bird ended at the start \(exit code 7\):\nI cannot bear"):
        Lab.up(lonely("broken"))

    assert list(root.iterdir()) == []
