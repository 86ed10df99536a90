"""What figures of game days are taken from: scenarios in one lab, RTTs against the plan, flows over backends.

Each returns the figures of one repetition by the key of their row (`bench.gamedays.ROWS`).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anyplane.design.operation import Address
from anyplane.lab.blueprint import Node
from anyplane.lab.container.client import Lab
from anyplane.lab.faces.catchment import SAME_RTT_MS, SAME_RTT_PART
from anyplane.lab.faces.standing import Standing
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reading import load
from anyplane.lab.gameday.running import run_in_lab
from anyplane.model.errors import LabError

FLOWS = Path(__file__).resolve().with_name("flows.py")
FAULT_OF = {"service-killed": "mad", "service-killed-by-checks": "mad", "host-death-bfd": "tyo"}
BACKENDS = 4
LIVE_S = 20.0
STILL_S = 0.1
DISTURBED = "disturbed"
Figures = dict[str, float]


def day(lab: Standing, name: str) -> Figures:
    """One game day of a shipped scenario; LabError where it could not be carried out.

    DISTURBED is 1 where prober or relay stood still for so long that the figures are this machine's.
    """
    outcome = run_in_lab(lab.lab, load(name))
    if outcome.errors:
        raise LabError(f"{name}: {outcome.errors[0]}")
    return _of_day(outcome, lab)


def _of_day(outcome: Outcome, lab: Standing) -> Figures:
    """Queries lost: by all clients together, by the one that lost most, and by that beyond a round trip."""
    name = outcome.scenario
    planned = lab.expected(lab.targets[0].prefix)
    asked = [one for one in outcome.clients if one.kind == "udp"]
    rate = load(name).probes.rate
    beyond = [
        one.lost - rate * (planned[one.node].rtt_ms or 0.0) / 1000
        for one in asked
        if one.before == FAULT_OF.get(name) and one.lost
    ]
    figures = {
        f"{name}/lost": float(sum(one.lost for one in asked)),
        f"{name}/worst": float(max(one.lost for one in asked)),
        f"{name}/beyond": max([0.0, *beyond]),
    }
    has_stalled = any(one.for_s > STILL_S for one in outcome.events)
    figures[DISTURBED] = float(has_stalled or outcome.is_disturbed)
    if (withdrawn := outcome.faults[0].withdrawn_s) is not None:
        figures[f"{name}/withdrawn"] = withdrawn * 1000
    return figures


def rtt(lab: Standing) -> Figures:
    """The largest difference between a planned and a measured RTT, in ms and as part of what is allowed."""
    target = lab.targets[0]
    planned, answers = lab.expected(target.prefix), lab.answers(target)
    found = [
        (abs(answers[node.name].rtt_ms - one.rtt_ms), one.rtt_ms)
        for node in lab.blueprint.clients
        if (one := planned[node.name]).rtt_ms is not None and answers[node.name].rtt_ms is not None
    ]
    return {
        "rtt/ms": max(off for off, _ in found),
        "rtt/allowed": max(off / max(SAME_RTT_MS, SAME_RTT_PART * ms) for off, ms in found) * 100,
    }


class Backends:
    """The four servers of Madrid behind one address, and 2,000 flows of a client in Lisbon over them."""

    def __init__(self, lab: Standing) -> None:
        self._lab = lab
        self._turn = 0
        (self._address,) = [one.address for one in lab.targets if one.family == 4]
        self._client: Node = next(one for one in lab.blueprint.clients if one.location.metro == "LIS")
        site = next(one for one in lab.design.sites if str(one.name) == "mad")
        self._ways: Mapping[str, Address] = {
            one.name: one.address for health in site.health.values() for one in health.backends
        }
        self._site = lab.blueprint.site_nodes["mad"].name

    def measure(self) -> Figures:
        """Another backend is taken away and put back in each turn: first our group, then plain multipath."""
        name = [*self._ways][self._turn % len(self._ways)]
        self._turn += 1
        found = self._removed_and_put_back(
            "ecmp", name, remove=lambda: self._hurt(name, "kill"), restore=lambda: self._hurt(name, "restore")
        )
        self._plain(*self._ways)
        try:
            return found | self._removed_and_put_back(
                "plain",
                name,
                remove=lambda: self._plain(*(one for one in self._ways if one != name)),
                restore=lambda: self._plain(*self._ways),
            )
        finally:
            self._run("ip", "route", "delete", f"{self._address}/32", "table", "local", "metric", "1")

    def _removed_and_put_back(
        self, key: str, name: str, *, remove: Callable[[], None], restore: Callable[[], None]
    ) -> Figures:
        before = self._flows()
        remove()
        without = self._flows()
        restore()
        again = self._flows()
        others = {port: server for port, server in before.items() if server != f"mad/{name}"}
        return {f"{key}/removed": _moved(others, without), f"{key}/back": _moved(without, again)}

    def _flows(self) -> dict[str, str]:
        """Source port to server."""
        source = str(self._client.client_address(4))
        argv = (sys.executable, "-P", str(FLOWS), self._address, source)
        found: dict[str, str] = json.loads(self._lab.lab.run(self._client.name, *argv, timeout=60.0))
        return found

    def _plain(self, *names: str) -> None:
        """Multipath as BIRD and FRR install it; metric 1 goes before the agent's route, which stays."""
        ways = [word for name in names for word in ("nexthop", "via", str(self._ways[name]))]
        self._run("ip", "route", "replace", f"{self._address}/32", "table", "local", "metric", "1", *ways)

    def _run(self, *argv: str) -> None:
        self._lab.lab.run(self._site, *argv)

    def _hurt(self, name: str, action: str) -> None:
        lab: Lab = self._lab.lab
        lab.call("backend", site="mad", backend=name, action=action)
        wanted = BACKENDS - (action == "kill")
        deadline = time.monotonic() + LIVE_S
        while len(self._live()) != wanted:
            if time.monotonic() > deadline:
                raise LabError(f"{len(self._live())} backends are live, and not {wanted}, after {LIVE_S:g} s")
            time.sleep(0.1)
        time.sleep(0.3)  # the kernel is told after the turn

    def _live(self) -> Mapping[str, Any]:
        status = self._lab.lab.call("order", site="mad", order="status")
        found: Mapping[str, Any] = dict.fromkeys(status["services"][0]["backends"])
        return found


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> float:
    """Percent of the flows that both saw and that another server answers now."""
    both = [port for port in before if port in after]
    return 100 * sum(before[port] != after[port] for port in both) / len(both)
