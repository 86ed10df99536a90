"""Delay, loss and rate by the kernel's netem, where it has it: one qdisc at each end of each direct veth.

What leaves a node by `l7` waits in the qdisc there; so `from_a` is the qdisc in node a. On an exchange, a
bridge, `from_a` is the qdisc in the node and `from_b` the one on the bridge's port `x0p3` in the wire
namespace. A cut is a loss of 100 %: silent, the carrier stays.

The texts are for `tc -batch`. Never run on a kernel that has netem: tests pin the texts and let tc itself
parse them, but nobody has seen frames pass.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from anyplane.lab.blueprint import Blueprint
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.wires.cables import Cable, cables_of
from anyplane.lab.wires.schedule import Shape
from anyplane.lab.wires.wiring import WIRE
from anyplane.model.errors import LabError

_DEADLINE_S = 30.0
_QUEUE_FRAMES = 100_000
"""netem's own limit of 1,000 frames would drop at 10,000 frames/s and 100 ms."""


def is_available(namespace: Namespace) -> bool:
    """Whether this kernel has netem and we may use it; `namespace` is a spare one, whose lo is tried on."""
    if shutil.which("tc") is None:
        return False
    try:
        namespace.call(lambda: _tc("qdisc add dev lo root netem delay 1ms\nqdisc del dev lo root\n"))
    except LabError:
        return False
    return True


def qdisc(device: str, delay_ms: float, shape: Shape) -> str:
    """The line that gives a device this delay and shape, whatever it had before."""
    words = ["qdisc replace dev", device, "root handle 1: netem limit", str(_QUEUE_FRAMES)]
    words += ["delay", f"{round((delay_ms + shape.extra_delay_ms) * 1e3)}us"]
    words += ["loss", "100%" if shape.is_cut else f"{shape.loss * 100:g}%"]
    # Without the word a rate would stay as it was; 0 takes it away.
    words += ["rate", f"{round(shape.rate_bps or 0)}bit"]
    return " ".join(words)


def batches(blueprint: Blueprint) -> Mapping[str, str]:
    """By node, what `tc -batch` is to read there when the lab comes up."""
    lines: dict[str, list[str]] = {}
    for cable in cables_of(blueprint).values():
        for node, device in _ends(cable, "both"):
            lines.setdefault(node, []).append(qdisc(device, cable.delay_ms, Shape()))
    return {node: "\n".join(texts) + "\n" for node, texts in lines.items()}


class Netem:
    """The qdiscs of a lab."""

    def __init__(self, blueprint: Blueprint, *, namespaces: Mapping[str, Namespace]) -> None:
        self._batches = batches(blueprint)
        self._namespaces = namespaces

    def start(self) -> None:
        """Every end has its delay when this returns."""
        for node, text in self._batches.items():
            self._run(node, text)

    def apply(self, cable: Cable, direction: str, shape: Shape) -> None:
        """That direction has that shape when this returns."""
        for node, device in _ends(cable, direction):
            self._run(node, qdisc(device, cable.delay_ms, shape) + "\n")

    def stats(self, cables: Sequence[Cable], *, is_reset: bool) -> Mapping[str, Any]:
        """The kernel's own counts, by cable and end; netem does not say how late it was."""
        del is_reset
        return {
            "cables": {
                cable.name: {
                    direction: self._counts(node, device)
                    for direction in ("from_a", "from_b")
                    for node, device in _ends(cable, direction)
                }
                for cable in cables
            }
        }

    def close(self) -> None:
        """The qdiscs go with their devices."""

    def _run(self, node: str, text: str) -> None:
        self._namespaces[node].call(lambda: _tc(text))

    def _counts(self, node: str, device: str) -> str:
        return self._namespaces[node].call(lambda: _tc(f"-s qdisc show dev {device}\n")).strip()


def _ends(cable: Cable, direction: str) -> tuple[tuple[str, str], ...]:
    """(node, device) of the qdiscs that make a direction."""
    a = (cable.a, cable.device)
    b = (cable.b, cable.device) if cable.b else (WIRE, cable.name)
    return {"from_a": (a,), "from_b": (b,)}.get(direction, (a, b))


def _tc(batch: str) -> str:
    done = subprocess.run(
        ("tc", "-batch", "-"),  # noqa: S607  # wherever this system keeps it
        input=batch,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    if done.returncode:
        raise LabError(
            f"tc refused: {done.stderr.strip()}", hint="bring the lab up with the relay instead of netem"
        )
    return done.stdout
