"""Cutting cables that have no delay: direct veths, silenced by wrong hardware addresses of neighbours.

All neighbours in a lab are permanent entries with addresses that begin with 02. Sending to 06 instead
reaches nobody: the far end drops what is not addressed to it, nothing is reported, the carrier stays, which
is what a black hole is. Healing puts 02 back, so nothing has to be remembered. On an exchange, `from_a` are
the entries of the port's node, and `from_b` the entries for that node in all others.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.wires.cables import Cable
from anyplane.lab.wires.schedule import Shape
from anyplane.model.errors import LabError

_DEADLINE_S = 10.0
_TRUE, _FALSE = "02:", "06:"


class DirectLinks:
    """The cables of a lab without delays; only cutting is possible."""

    def __init__(self, *, namespaces: Mapping[str, Namespace]) -> None:
        self._namespaces = namespaces
        self._cut: set[tuple[str, str]] = set()
        """(cable, direction)"""

    def start(self) -> None:
        """Nothing to do: the kernel forwards."""

    def apply(self, cable: Cable, direction: str, shape: Shape) -> None:
        """Cut or healed when this returns; LabError for anything else."""
        if shape != Shape(is_cut=shape.is_cut):
            raise LabError(
                f"{cable.name}: loss, rate and delay need a lab with delays",
                hint="bring the lab up with delays; without them cables can only be cut",
            )
        for each in ("from_a", "from_b") if direction == "both" else (direction,):
            (self._cut.add if shape.is_cut else self._cut.discard)((cable.name, each))
            for sender, receiver in _senders(cable, each):
                self._redirect(cable, sender, receiver)

    def stats(self, cables: Sequence[Cable], *, is_reset: bool) -> Mapping[str, Any]:
        """Nothing is counted."""
        del cables, is_reset
        return {"cables": {}}

    def close(self) -> None:
        """Nothing to give back."""

    def _redirect(self, cable: Cable, sender: str, receiver: str) -> None:
        """Put right the sender's entries for the receiver, or all of the device for ""."""
        device, lines = cable.device, []
        for entry in json.loads(
            self._ip(sender, ("-json", "neigh", "show", "dev", device, "nud", "permanent"))
        ):
            mac = entry.get("lladdr", "")
            if mac[:3] not in (_TRUE, _FALSE):
                continue
            if receiver and cable.exchange is not None and mac[3:] != cable.exchange.mac(receiver)[3:]:
                continue
            wanted = (_FALSE if self._is_silent(cable, sender, mac) else _TRUE) + mac[3:]
            if wanted != mac:
                lines.append(f"neigh replace {entry['dst']} lladdr {wanted} dev {device} nud permanent\n")
        if lines:
            self._ip(sender, ("-batch", "-"), "".join(lines))

    def _is_silent(self, cable: Cable, sender: str, mac: str) -> bool:
        if cable.exchange is None:
            return (cable.name, cable.direction(sender)) in self._cut
        exchange = cable.exchange
        out = (f"{exchange.device}p{exchange.port(sender).position}", "from_a")
        into = next(
            (
                f"{exchange.device}p{port.position}"
                for port in exchange.ports
                if exchange.mac(port.node)[3:] == mac[3:]
            ),
            "",
        )
        return out in self._cut or (into, "from_b") in self._cut

    def _ip(self, node: str, words: tuple[str, ...], batch: str = "") -> str:
        done = self._namespaces[node].call(
            lambda: subprocess.run(  # noqa: S603  # our own words
                ("ip", *words),  # noqa: S607  # wherever this system keeps it
                input=batch,
                capture_output=True,
                text=True,
                timeout=_DEADLINE_S,
                check=False,
            )
        )
        if done.returncode:
            raise LabError(f"{node}: ip refused: {done.stderr.strip()}", hint="does the cable exist?")
        return done.stdout


def _senders(cable: Cable, direction: str) -> tuple[tuple[str, str], ...]:
    """(sender, receiver or "" for all) whose entries a direction goes by."""
    if cable.exchange is None:
        return ((cable.a, ""),) if direction == "from_a" else ((cable.b, ""),)
    if direction == "from_a":
        return ((cable.a, ""),)
    return tuple((port.node, cable.a) for port in cable.exchange.ports if port.node != cable.a)
