"""The lab's socket: what it answers to nonsense, to bad arguments, and to those who hang up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab_here import needs_lab
from lab_worlds import line, lonely
from namespaces import wait_until

from anyplane.lab.blueprint_file import read_blueprint, write_blueprint
from anyplane.lab.container.client import Lab, place_of
from anyplane.lab.container.control import reachable
from anyplane.model.errors import LabError


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    needs_lab()
    with Lab.up(lonely("asked"), directory=tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def asked(lab: Lab, text: bytes) -> dict[str, object]:
    """The first reply to raw bytes."""
    with reachable(lab.directory) as path, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.settimeout(60)
        connection.sendall(text)
        with connection.makefile() as replies:
            return dict(json.loads(replies.readline()))


@pytest.mark.parametrize(
    "text", [b"\n", b"hello\n", b"[]\n", b'{"do": 7}\n', b"[" * 10_000 + b"\n", b"\xff\xfe\n"]
)
def test_nonsense_is_answered_and_ends_nothing(lab: Lab, text: bytes) -> None:
    reply = asked(lab, text)

    assert "JSON" in str(reply["error"]) or "object" in str(reply["error"])
    assert lab.call("status")["is_up"]


def test_an_unknown_operation_is_answered_with_those_that_are_known(lab: Lab) -> None:
    with pytest.raises(LabError, match="no operation 'dance'") as caught:
        lab.call("dance")

    assert "status" in caught.value.hint


@pytest.mark.parametrize(
    ("do", "arguments", "message"),
    [
        ("run", {}, "node is missing"),
        ("run", {"node": "as100-lis"}, "argv is missing"),
        ("run", {"node": "as100-lis", "argv": "ls"}, "argv is a list of texts"),
        ("run", {"node": "as100-lis", "argv": ["ls"], "timeout_s": "long"}, "timeout_s is a number"),
        ("run", {"node": "as100-lis", "argv": ["no-such-program"]}, "no-such-program: No such file"),
        ("run", {"node": ["x"], "argv": ["ls"]}, "node is a text"),
        ("freeze", {"node": "nowhere"}, "no node 'nowhere'"),
        ("link_down", {"device": "l77"}, "no cable l77"),
        ("restart", {"node": "as100-lis", "label": "frr"}, "as100-lis runs no frr"),
        ("up", {}, "brought up before"),
    ],
)
def test_bad_arguments_are_named(lab: Lab, do: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(LabError, match=message):
        lab.call(do, **arguments)


def test_a_command_in_a_node_gives_output_errors_and_exit_code(lab: Lab) -> None:
    done = lab.call("run", node="as100-lis", argv=["sh", "-c", "cat; echo no >&2; exit 3"], stdin="yes")

    assert (done["exit_code"], done["output"], done["errors"]) == (3, "yes", "no\n")


def test_a_command_that_takes_too_long_is_killed_and_its_output_kept(lab: Lab) -> None:
    begin = time.monotonic()

    done = lab.call("run", node="as100-lis", argv=["sh", "-c", "echo early; sleep 77"], timeout_s=0.3)

    assert (done["exit_code"], done["output"]) == (None, "early\n")
    assert time.monotonic() - begin < 60
    assert "sleep 77" not in lab.run("as100-lis", "ps", "-ef")


def test_what_a_client_asked_for_ends_when_it_hangs_up(lab: Lab) -> None:
    request = {"do": "run", "node": "as100-lis", "argv": ["sleep", "78"], "timeout_s": 60}
    with reachable(lab.directory) as path, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        wait_until(lambda: "sleep 78" in lab.run("as100-lis", "ps", "-ef"))

    wait_until(lambda: "sleep 78" not in lab.run("as100-lis", "ps", "-ef"))


def test_clients_do_not_wait_for_each_other(lab: Lab) -> None:
    with Lab.attach(str(lab.directory)) as other:
        slow = threading.Thread(target=other.run, args=("as100-lis", "sleep", "2"))
        slow.start()

        lab.call("status")

        assert slow.is_alive()
        slow.join()


def test_a_frozen_node_stands_still_and_goes_on(lab: Lab) -> None:
    (bird,) = lab.call("processes", node="as100-lis")

    def state() -> str:
        return lab.run("as200-mad", "ps", "-o", "stat=", "-p", str(bird["pid"]))[0]

    lab.call("freeze", node="as100-lis")
    assert state() == "T"
    assert lab.call("status")["nodes"]["as100-lis"]["is_frozen"]
    lab.call("thaw", node="as100-lis")

    assert state() == "S"


def test_a_killed_process_says_how_it_ended_and_can_be_started_again(lab: Lab) -> None:
    lab.call("kill", node="as200-mad", label="bird")
    assert lab.call("status")["nodes"]["as200-mad"]["processes"] == {"bird": "SIGKILL"}

    lab.call("restart", node="as200-mad", label="bird")

    assert lab.call("status")["nodes"]["as200-mad"]["processes"] == {"bird": ""}


def test_a_blueprint_is_read_as_it_was_written(tmp_path: Path) -> None:
    blueprint = line()

    write_blueprint(tmp_path, blueprint)

    assert read_blueprint(tmp_path) == blueprint
    (tmp_path / "blueprint.json").write_text('{"name": "x"}')
    with pytest.raises(LabError, match="is no blueprint of this version: origin"):
        read_blueprint(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "ü", "x" * 25])
def test_a_lab_has_a_name_that_is_fit_for_a_directory(name: str) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        place_of(name)


def test_a_place_that_others_may_write_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv("ANYPLANE_LAB_DIR", str(tmp_path))

    with pytest.raises(LabError, match="is not a directory of this user alone"):
        Lab.up(replace(line(), name="shared"))
