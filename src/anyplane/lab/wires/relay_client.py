"""The engine's side of the relay: write its plan, start it in the wire namespace, tell it what to do."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyplane.lab.blueprint import Blueprint
from anyplane.lab.container.processes import Process, Processes
from anyplane.lab.wires.cables import Cable, port_name
from anyplane.lab.wires.schedule import Shape
from anyplane.lab.wires.wiring import WIRE
from anyplane.model.errors import LabError

_START_S = 30.0
_ANSWER_S = 20.0
_SOCKET = "relay.sock"


class RelayClient:
    """The relay, from before its start until after its end. Any thread may call it; an answer takes 1 ms."""

    def __init__(self, blueprint: Blueprint, *, processes: Processes, directory: Path, seed: int) -> None:
        self._plan = directory / "relay.json"
        self._directory = directory
        self._log = directory / "relay.log"
        self._text = json.dumps(plan(blueprint, seed=seed))
        self._processes = processes
        self._process: Process | None = None
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Frames pass when this returns."""
        self._plan.write_text(self._text, encoding="utf-8")
        (self._directory / _SOCKET).unlink(missing_ok=True)
        # The socket is named from within the directory, whose path may be longer than a socket's may be.
        argv = (sys.executable, "-P", "-m", "anyplane.lab.wires.relay", str(self._plan))
        self._process = self._processes.start(WIRE, argv, label="relay", log=self._log, cwd=self._directory)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_ANSWER_S)
        if not self._is_reached(connection, self._process):
            connection.close()
            raise self._broken("did not start")
        self._connection = connection

    def apply(self, cable: Cable, direction: str, shape: Shape) -> None:
        """That direction has that shape when this returns."""
        self._ask({"do": "shape", "cable": cable.name, "direction": direction, **asdict(shape)})

    def stats(self, cables: Sequence[Cable], *, is_reset: bool) -> Mapping[str, Any]:
        """How late the relay was, what it dropped, and the counts of those cables."""
        names = [cable.name for cable in cables]
        result: Mapping[str, Any] = self._ask({"do": "stats", "cables": names, "is_reset": is_reset})
        return result

    def close(self) -> None:
        """The relay has ended; twice is fine."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.stop(2.0)
            self._process = None

    def _is_reached(self, connection: socket.socket, process: Process) -> bool:
        deadline = time.monotonic() + _START_S
        directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        try:
            while process.is_alive and time.monotonic() < deadline:
                try:
                    connection.connect(f"/proc/self/fd/{directory}/{_SOCKET}")
                except OSError:
                    time.sleep(0.005)
                else:
                    return True
        finally:
            os.close(directory)
        return False

    def _ask(self, request: Mapping[str, object]) -> Any:
        with self._lock:
            if self._connection is None:
                raise LabError("the relay does not run", hint="the lab is not up, or is going down")
            received = b""
            try:
                self._connection.sendall(json.dumps(request).encode() + b"\n")
                while not received.endswith(b"\n"):
                    piece = self._connection.recv(1 << 16)
                    if not piece:
                        raise self._broken("ended")
                    received += piece
            except OSError as error:
                # A late answer would be taken for the next request's: this connection is of no more use.
                self._connection.close()
                self._connection = None
                raise self._broken(f"does not answer ({error})") from error
        answer = json.loads(received)
        if "error" in answer:
            raise LabError(f"the relay refused: {answer['error']}", hint="docs/explanation/lab-delays.md")
        return answer["result"]

    def _broken(self, what: str) -> LabError:
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        said = next((line for line in reversed(lines) if line.strip()), "nothing in its log")
        return LabError(
            f"the relay {what}: {said}",
            hint="it needs AF_PACKET sockets (CAP_NET_RAW inside the lab) and the interfaces of its plan",
        )


def plan(blueprint: Blueprint, *, seed: int) -> dict[str, Any]:
    """What the relay reads (`wires.relay` says the form)."""
    return {
        "control": _SOCKET,
        "seed": seed,
        "links": [
            {
                "name": link.device,
                "a": f"{link.device}a",
                "b": f"{link.device}b",
                "delay_ms": link.delay_ms,
            }
            for link in blueprint.links
        ],
        "exchanges": [
            {
                "name": exchange.device,
                "ports": [
                    {
                        "name": port_name(exchange.index, port.position),
                        "mac": exchange.mac(port.node),
                        "delay_ms": port.delay_ms,
                    }
                    for port in exchange.ports
                ],
            }
            for exchange in blueprint.exchanges
        ],
    }
