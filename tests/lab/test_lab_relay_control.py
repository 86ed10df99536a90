"""The relay as a process: what it answers, and when it ends."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from namespaces import Host, Network, needs_namespaces, wait_until


class Relay:
    """A relay without cables and a connection to it."""

    def __init__(self, host: Host, directory: Path) -> None:
        self._path = directory / "relay.sock"
        plan = directory / "relay.json"
        plan.write_text(json.dumps({"control": str(self._path), "links": [], "exchanges": []}))
        self.process = host.start(sys.executable, "-m", "anyplane.lab.wires.relay", str(plan))
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(30)
        host.closing.callback(self.connection.close)
        wait_until(lambda: self.connection.connect_ex(str(self._path)) == 0)

    def ask(self, line: bytes) -> dict[str, Any]:
        """The answer to a line."""
        self.connection.sendall(line + b"\n")
        found = b""
        while not found.endswith(b"\n"):
            found += self.connection.recv(1 << 16)
        answer = json.loads(found)
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    needs_namespaces()
    with Network() as network:
        yield Relay(network.host("wire"), tmp_path)


def test_it_ends_when_the_connection_closes(relay: Relay) -> None:
    relay.connection.close()

    assert relay.process.wait(2) == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"what?", "a request is an object"),
        (b"[]", "a request is an object"),
        (b'{"do": "fly"}', "a request is an object"),
        (b"\xff\xfe", "a request is an object"),
        (b'{"do": "shape"}', "cable"),
        (b'{"do": "shape", "cable": "l9"}', "no cable is called l9"),
        (b'{"do": "stats", "cables": ["l9"]}', "no cable is called l9"),
        (b'{"do": "stats", "colour": "red"}', "colour"),
    ],
)
def test_a_request_that_makes_no_sense_is_answered_and_the_next_is_served(
    relay: Relay, line: bytes, text: str
) -> None:
    assert text in relay.ask(line)["error"]
    assert relay.ask(b'{"do": "stats"}')["result"]["on_the_way"] == 0


def test_requests_that_come_in_pieces_or_together_are_each_answered(relay: Relay) -> None:
    relay.connection.sendall(b'{"do": "st')
    time.sleep(0.05)
    relay.connection.sendall(b'ats"}\n{"do": "stats"}\n')
    found = b""
    while found.count(b"\n") < 2:
        found += relay.connection.recv(1 << 16)

    assert all("result" in json.loads(line) for line in found.splitlines())


def test_it_sleeps_when_nothing_comes(relay: Relay) -> None:
    relay.ask(b'{"do": "stats"}')
    begin = processor_time(relay.process)
    time.sleep(0.5)

    assert processor_time(relay.process) - begin <= 0.02


def test_a_plan_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "anyplane.lab.wires.relay", str(tmp_path / "plan.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("relay: ")
    assert done.stderr.count("\n") == 1


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, anyplane.lab.wires.relay; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()

    assert not {"numpy", "numba", "pydantic", "anyio", "asyncio", "anyplane.lab.blueprint"} & set(loaded)


def processor_time(process: subprocess.Popen[bytes]) -> float:
    """Seconds that the process has used; `ip netns exec` has become the relay."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
