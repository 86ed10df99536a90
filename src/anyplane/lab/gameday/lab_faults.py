"""LabFaults: every step of a scenario as the lab does it, each fault with the way back.

A fault is remembered under a key until its counterpart, or `heal`, takes it back: so whatever a scenario
leaves broken is mended, in the reverse order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar, cast

from anyplane.lab.gameday import network_steps, site_steps
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.lab_routers import LabRouters
from anyplane.lab.gameday.network_faults import NetworkFaults
from anyplane.lab.gameday.site_faults import SiteFaults
from anyplane.lab.gameday.stage import Applied
from anyplane.lab.gameday.step import Step, Wait, WaitUntil
from anyplane.lab.gameday.undoing import Undoing

S = TypeVar("S", bound=Step)


class LabFaults:
    """Does steps, and takes back what is broken."""

    def __init__(self, ground: Ground, routers: LabRouters) -> None:
        self._undoing = Undoing()
        self.site = SiteFaults(ground.engine, self._undoing)
        self.network = NetworkFaults(ground.engine, routers, self._undoing)

    def do(self, step: Step) -> Applied:
        """Done, when this returns."""
        return Applied(at=_HOW[type(step)](self, step) or time.monotonic())

    def refusal(self, step: Step) -> str:
        """Why it cannot be done in this lab."""
        if isinstance(step, site_steps.Partition) and not self.site.has_words():
            return "the sites of this lab hear nothing of each other"
        if isinstance(step, site_steps.DependencyLost) and not self.site.has_dependencies():
            return "no check of the design asks anything elsewhere (scope: dependency)"
        return ""

    def heal(self) -> tuple[str, ...]:
        """All is taken back; what could not be."""
        return self._undoing.heal()


_HOW: dict[type[Step], Callable[[LabFaults, Step], float]] = {}


def _does(kind: type[S], how: Callable[[LabFaults, S], float]) -> None:
    _HOW[kind] = cast("Callable[[LabFaults, Step], float]", how)


_does(site_steps.KillService, lambda lab, step: lab.site.server(step, "kill"))
_does(site_steps.HangService, lambda lab, step: lab.site.server(step, "hang"))
_does(site_steps.SlowService, lambda lab, step: lab.site.server(step, "slow", pause_s=step.by))
_does(site_steps.WrongAnswers, lambda lab, step: lab.site.server(step, "wrong"))
_does(site_steps.RestoreService, lambda lab, step: lab.site.server_back(step.site))
_does(site_steps.KillDaemon, lambda lab, step: lab.site.daemon(step, "kill"))
_does(site_steps.HangDaemon, lambda lab, step: lab.site.daemon(step, "hang"))
_does(site_steps.MisconfigureDaemon, lambda lab, step: lab.site.daemon(step, "misconfigure"))
_does(site_steps.RestoreDaemon, lambda lab, step: lab.site.daemon_back(step.site))
_does(site_steps.KillAgent, lambda lab, step: lab.site.agent(step, "kill"))
_does(site_steps.HangAgent, lambda lab, step: lab.site.agent(step, "hang"))
_does(site_steps.RestartAgent, lambda lab, step: lab.site.agent_back(step.site))
_does(site_steps.Drain, lambda lab, step: lab.site.drain(step))
_does(site_steps.Undrain, lambda lab, step: lab.site.undrain(step))
_does(site_steps.BlackholeAddress, lambda lab, step: lab.site.blackhole(step))
_does(site_steps.BlackholeEnd, lambda lab, step: lab.site.blackhole_end(step))
_does(site_steps.RemoveBackend, lambda lab, step: lab.site.backend(step))
_does(site_steps.RestoreBackend, lambda lab, step: lab.site.backend_back(step))
_does(site_steps.DependencyLost, lambda lab, _step: lab.site.dependency())
_does(site_steps.DependencyBack, lambda lab, _step: lab.site.dependency_back())
_does(site_steps.Partition, lambda lab, step: lab.site.partition(step.site))
_does(site_steps.PartitionEnd, lambda lab, step: lab.site.partition_end(step.site))
_does(site_steps.HostDeath, lambda lab, step: lab.network.host(step))
_does(site_steps.HostReturn, lambda lab, step: lab.network.host_back(step))
_does(network_steps.LinkDown, lambda lab, step: lab.network.carrier(step))
_does(network_steps.SilentCut, lambda lab, step: lab.network.silence(step))
_does(network_steps.LinkRestore, lambda lab, step: lab.network.link_back(step))
_does(network_steps.SessionReset, lambda lab, step: lab.network.reset(step))
_does(network_steps.WithdrawRoute, lambda lab, step: lab.network.route(step))
_does(network_steps.RestoreRoute, lambda lab, step: lab.network.route_back(step))
_does(network_steps.UpstreamLost, lambda lab, step: lab.network.network(step))
_does(network_steps.UpstreamBack, lambda lab, step: lab.network.network_back(step))
_does(network_steps.UplinksLost, lambda lab, step: lab.network.silence(step))
_does(network_steps.UplinksBack, lambda lab, step: lab.network.silence_end(step))
_does(network_steps.RegionLost, lambda lab, step: lab.network.region(step))
_does(network_steps.RegionBack, lambda lab, step: lab.network.region_back(step))
_does(network_steps.Hijack, lambda lab, step: lab.network.hijack(step))
_does(network_steps.HijackEnd, lambda lab, _step: lab.network.hijack_end())
_does(network_steps.LeakNoExport, lambda lab, step: lab.network.leak(step))
_does(network_steps.LeakEnd, lambda lab, _step: lab.network.leak_end())

BREAK_SESSIONS = (
    site_steps.HostDeath, site_steps.HangDaemon, network_steps.LinkDown, network_steps.SilentCut,
    network_steps.UpstreamLost, network_steps.UplinksLost, network_steps.RegionLost,
)  # fmt: skip
"""After these the daemons of sites remember errors of their sessions, and wait longer after the next. A
session that its neighbour closes in good order is no error to BIRD."""

DONE_BY_RUNNER = frozenset((site_steps.FlapService, network_steps.FlapRoute, Wait, WaitUntil))
"""Made of other steps, or of waiting; every other step is in the table above (a test holds it so)."""


def kinds_done() -> frozenset[type[Step]]:
    """The steps that the lab itself can do."""
    return frozenset(_HOW)
