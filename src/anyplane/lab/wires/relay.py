"""The relay: the process that is every cable and exchange of a lab: `python -m anyplane.lab.wires.relay`.

It lives in the wire namespace, where each cable has its two ends: what comes in by one leaves by the other
after the cable's delay. An exchange's ports are switched by destination address, from a table that is known
beforehand; what has no entry (multicast, broadcast, strangers) goes to all other ports.

One loop: take what the ring holds, put it on the schedule, send what is due, sleep until the next is due or
something comes in. It reads no packet further than its destination address, and it keeps count of how late
it was, so that a report can say so. The counting begins with the kernel's receive stamp: being woken late
costs nothing as long as the frame's delay is longer than that.

PLAN is JSON: {"control": path of a Unix socket, "seed": 1,
  "links": [{"name": "l7", "a": "l7a", "b": "l7b", "delay_ms": 3.2}, ...],
  "exchanges": [{"name": "x0", "ports": [{"name": "x0p3", "mac": "02:bb:...", "delay_ms": 0.4}, ...]}, ...]}
`lab.relay_client` holds the one connection to the socket; when that closes, or never comes, the relay ends.
Requests and replies are JSON lines: `lab.relay_control`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

from anyplane.lab.wires.packet_ring import VNET_HEADER, PacketRing, Sender
from anyplane.lab.wires.relay_control import PipePair, RelayControl
from anyplane.lab.wires.schedule import DROPPED, Lateness, Pipe, Schedule

_BATCH = 64
_CONTROL_EVERY_NS = 2_000_000
_PR_SET_TIMERSLACK = 29
_DESTINATION = slice(VNET_HEADER, VNET_HEADER + 6)


def main(argv: list[str]) -> int:
    """Run until the engine goes away; 1 with a line on stderr when it cannot even begin."""
    try:
        plan = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
        _favour_self()
        relay = Relay(plan)
    except (OSError, ValueError, KeyError, IndexError) as error:
        sys.stderr.write(f"relay: {error}\n")
        return 1
    try:
        relay.run()
    finally:
        relay.close()
    return 0


class Switch:
    """One exchange: which port a destination address sits behind, and all ports for those without entry."""

    def __init__(self) -> None:
        self.ports: dict[bytes, tuple[Pipe, bytes]] = {}
        """By hardware address: the way out, and the address of the interface that it ends at."""

    def ways(self, frame: bytes) -> tuple[tuple[Pipe, bytes], ...]:
        """Out of which ports a frame goes: never back out of the one its sender sits at."""
        way = self.ports.get(frame[_DESTINATION])
        if way is not None:
            return (way,)
        source = frame[VNET_HEADER + 6 : VNET_HEADER + 12]
        return tuple(way for mac, way in self.ports.items() if mac != source)


class Relay:
    """All cables, the frames on their way, and the loop."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._schedule: Schedule[bytes | Switch] = Schedule()
        self._lateness = Lateness()
        self._entrances: dict[int, tuple[Pipe, bytes | Switch]] = {}
        cables = self._lay(plan)
        self._ring = PacketRing()
        self._sender = Sender()
        self._control = RelayControl(plan["control"], cables, self.totals)

    def run(self) -> None:
        """Until the control connection closes."""
        gc.disable()  # nothing here makes cycles, and a collection is a stall
        ring, control = self._ring, self._control
        looked = time.monotonic_ns()
        while not control.is_over:
            received = ring.receive(_BATCH, self._take)
            due = self._deliver()
            now = time.monotonic_ns()
            if received and now - looked < _CONTROL_EVERY_NS:
                continue
            looked = now
            pause = 0.0 if received else control.patience_s if due is None else max(0.0, (due - now) / 1e9)
            readable, writable, _ = select.select(
                [ring.fileno(), control.descriptor], control.writers, [], pause
            )
            if writable or not control.is_connected or control.descriptor in readable:
                control.turn()

    def totals(self, *, is_reset: bool) -> dict[str, Any]:
        """How late it was, and what it had to drop on its own account; `is_reset` begins lateness anew."""
        lateness = self._lateness.summary()
        if is_reset:
            self._lateness = Lateness()
        return {
            "lateness": lateness,
            "on_the_way": len(self._schedule),
            "missed": self._ring.missed(),
            "cut_short": self._ring.cut_short,
            "refused": self._sender.refused,
        }

    def close(self) -> None:
        """Give everything back."""
        self._control.close()
        self._ring.close()
        self._sender.close()

    def _take(self, interface: int, stamp_ns: int, frame: bytes) -> None:
        entrance = self._entrances.get(interface)
        if entrance is None:
            return
        pipe, target = entrance
        due = pipe.admit(stamp_ns, len(frame) - VNET_HEADER)
        if due != DROPPED:
            self._schedule.put(due, target, frame)

    def _deliver(self) -> int | None:
        """Send what is due; when the next will be."""
        schedule, send, note = self._schedule, self._sender.send, self._lateness.note
        now = time.monotonic_ns()
        for _ in range(2 * _BATCH):
            taken = schedule.take(now)
            if taken is None:
                break
            due, target, frame = taken
            if isinstance(target, bytes):
                now = time.monotonic_ns()
                note(now - due)
                send(target, frame)
                continue
            for pipe, address in target.ways(frame):
                # The second half begins when the first was due, so that lateness does not add up.
                leaves = pipe.admit(due, len(frame) - VNET_HEADER)
                if leaves != DROPPED:
                    schedule.put(leaves, address, frame)
        return schedule.next_due()

    def _lay(self, plan: dict[str, Any]) -> dict[str, PipePair]:
        seed = plan.get("seed", 0)
        cables: dict[str, PipePair] = {}
        for link in plan["links"]:
            cable = _cable(link, seed)
            a, b = (socket.if_nametoindex(link[end]) for end in "ab")
            self._entrances[a] = (cable.from_a, Sender.address(b))
            self._entrances[b] = (cable.from_b, Sender.address(a))
            cables[cable.name] = cable
        for exchange in plan["exchanges"]:
            switch = Switch()
            for port in exchange["ports"]:
                cable = _cable(port, seed)
                interface = socket.if_nametoindex(port["name"])
                self._entrances[interface] = (cable.from_a, switch)
                way = (cable.from_b, Sender.address(interface))
                switch.ports[bytes.fromhex(port["mac"].replace(":", ""))] = way
                cables[cable.name] = cable
        return cables


def _cable(entry: dict[str, Any], seed: int) -> PipePair:
    delay_ns, name = round(entry["delay_ms"] * 1e6), entry["name"]
    from_a, from_b = (Pipe(delay_ns, seed=f"{seed} {name} {end}") for end in "ab")
    return PipePair(name, from_a, from_b)


def _favour_self() -> None:
    """Wake on time: exact timers, and precedence over everything else where we may have it."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
