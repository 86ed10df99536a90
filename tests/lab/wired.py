"""A small lab of bare nodes for tests of wires: two links and an exchange of four ports, no daemons."""

from __future__ import annotations

import contextlib
import math
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

from anyplane.lab.blueprint import Blueprint, Exchange, Link, LinkKind, Location, Node, NodeKind, Port
from anyplane.lab.container.processes import Processes
from anyplane.lab.wires.wires import Way, Wires
from anyplane.lab.wires.wiring import Wiring
from anyplane.model.nouns import Asn

NAMES = ("as1-ams", "as2-ber", "as3-cph", "as4-dub")
A, B, C, D = NAMES
SO_RCVBUFFORCE = 33


def blueprint(*, has_delays: bool = True) -> Blueprint:
    """l0 joins A and B with 10 ms, l1 B and C with none; on x0 node n is n ms away, A at 1 and D at 4."""
    nodes = tuple(
        Node(
            name=name,
            index=index,
            kind=NodeKind.ROUTER,
            asn=Asn(index + 1),
            location=Location(metro=name[-3:]),
            router_id=IPv4Address("10.0.0.1") + index,
        )
        for index, name in enumerate(NAMES)
    )
    return Blueprint(
        name="wires",
        origin=Asn(64500),
        prefixes=(),
        communities={},
        nodes=nodes,
        links=(
            Link(index=0, kind=LinkKind.PEER, a=A, b=B, km=1000, delay_ms=10.0),
            Link(index=1, kind=LinkKind.PEER, a=B, b=C, km=0, delay_ms=0.0),
        ),
        exchanges=(
            Exchange(
                index=0,
                name="ix",
                asn=Asn(64600),
                route_server=A,
                ports=tuple(
                    Port(node=name, position=position, delay_ms=position)
                    for position, name in enumerate(NAMES, 1)
                ),
            ),
        ),
        sites=(),
        has_delays=has_delays,
    )


@dataclass(frozen=True)
class Wired:
    """The running lab."""

    plan: Blueprint
    wiring: Wiring
    wires: Wires
    processes: Processes

    def run(self, node: str, *command: str) -> str:
        """The output of a command in a node, whatever its exit code."""
        return self.wiring.namespaces[node].call(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
        )

    def round_trips(self, node: str, address: object, count: int = 40) -> list[float]:
        """Milliseconds, sorted; one for each ping that was answered."""
        text = self.run(node, "ping", "-n", "-c", str(count), "-i", "0.01", "-W", "0.3", str(address))
        return sorted(
            float(line.split("time=")[1].split()[0]) for line in text.splitlines() if "time=" in line
        )

    def quickest(self, node: str, address: object, wanted: float, count: int = 20) -> float:
        """The shortest round trip (ms), in as many tries as it takes to come near to what is wanted.

        A busy machine is late, but never early: so a delay that is too short is seen in the first try, and
        one that is too long in all of them.
        """
        times: list[float] = []
        for _ in range(20):
            times = self.round_trips(node, address, count)
            if times and times[0] < wanted + 0.5:
                break
        return times[0] if times else math.inf

    def bound(
        self, node: str, address: object, kind: int = socket.SOCK_DGRAM, port: int = 7000
    ) -> socket.socket:
        """A socket in the node at that address, with a deadline and a large buffer."""
        family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
        made = self.wiring.namespaces[node].call(lambda: socket.socket(family, kind))
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((str(address), port))
        made.settimeout(30)
        return made

    def raw(self, node: str, device: str) -> socket.socket:
        """All frames of a device."""
        made = self.wiring.namespaces[node].call(
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        )
        made.bind((device, 3))
        made.settimeout(0.5)
        return made


@contextlib.contextmanager
def wired(directory: Path, way: Way = Way.RELAY) -> Iterator[Wired]:
    """It is up inside the `with`."""
    plan = blueprint()
    wiring = Wiring(replace(plan, has_delays=way is Way.RELAY))
    processes = Processes(wiring.namespaces, directory)
    wires = Wires(plan, way=way, wiring=wiring, processes=processes, directory=directory, seed=1)
    try:
        wiring.build()
        wires.start()
        yield Wired(plan, wiring, wires, processes)
    finally:
        wires.close()
        processes.close()
        wiring.close()


def drained(receiver: socket.socket, quiet_s: float = 0.3, *, enough: int = 1 << 30) -> list[bytes]:
    """All datagrams until none has come for that long, or there are enough."""
    receiver.settimeout(quiet_s)
    found: list[bytes] = []
    with contextlib.suppress(TimeoutError):
        while len(found) < enough:
            found.append(receiver.recv(65535))
    return found
