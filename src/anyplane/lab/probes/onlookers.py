"""Onlookers: probers and FIB watches as processes of a lab: started, waited for, and forgotten when they end.

They run in the wires' namespace, where no fault of a node reaches them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process, Processes
from anyplane.lab.probes.queries import Client
from anyplane.lab.wires.wiring import WIRE
from anyplane.model.errors import LabError

START_S = 10.0
POLL_S = 0.005


def begun(processes: Processes, module: str, plan: str, *, label: str, log: Path) -> Process:
    """`module` of this package is at work with that plan, and says so in its log. Blocks."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    path = log.with_suffix(".json")
    path.write_text(plan, encoding="utf-8")
    argv = (sys.executable, "-P", "-m", f"anyplane.lab.probes.{module}", path)
    process = processes.start(WIRE, argv, label=label, log=log.with_suffix(".err"))
    wait_until(lambda: log.exists() and b",started\n" in log.read_bytes(), process, START_S)
    return process


def wait_until(condition: Callable[[], bool], process: Process, timeout_s: float) -> None:
    """Blocks; LabError where the process ends first, or it takes too long."""
    until = time.monotonic() + timeout_s
    while not condition() and process.is_alive and time.monotonic() < until:
        time.sleep(POLL_S)
    if not condition():
        raise LabError(
            f"{process.label} {'does not answer' if process.is_alive else f'ended: {process.ended}'}",
            hint=process.last_words,
        )


def client_at(node: Node, blueprint: Blueprint, namespace: Namespace) -> Client:
    """The users at a node, as a prober asks for them; LabError where none are."""
    if not node.is_client:
        raise LabError(f"no users sit at {node.name}", hint="`lab status` lists the clients")
    return Client(
        name=node.name,
        namespace=door(namespace),
        source4=str(node.client_address(4)) if 4 in blueprint.families else "",
        source6=str(node.client_address(6)) if 6 in blueprint.families else "",
        users=node.users,
    )


def door(namespace: Namespace) -> str:
    """A path by which another process of the lab enters it."""
    return f"/proc/{os.getpid()}/fd/{namespace.fd}"
