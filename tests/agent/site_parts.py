"""Parts for tests of the agent: a design of one site, a clock that is turned by hand, fakes of the world."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field

from anyplane import design as designs
from anyplane.agent.anchors import Anchors
from anyplane.agent.announcer import Announcer, Farewell
from anyplane.agent.designs import Accepted, narrowed
from anyplane.agent.logs import LineWriter, open_log
from anyplane.agent.loop import Loop, lease_of
from anyplane.agent.metrics import Metrics
from anyplane.agent.record import Recorder
from anyplane.agent.settings import LogFormat
from anyplane.agent.standing_orders import StandingOrders
from anyplane.agent.systemd import Supervisor
from anyplane.bgp.memory import MemorySpeaker
from anyplane.control.health import CheckResult
from anyplane.control.site import start
from anyplane.control.states import Level
from anyplane.kernel.lease import Holding
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Prefix

DESIGN = """\
version: 1
service: {name: one, origin: 64500, prefixes: {dns: [198.51.100.0/24], web: [203.0.113.0/24]}}
health:
  dns: {rise: 1, fall: 2, addresses: [198.51.100.53], checks: [{tcp: "127.0.0.1:53"}]}
  web: {rise: 1, fall: 2, checks: [{tcp: "127.0.0.1:80"}]}
sites:
  fra:
    metro: FRA
    daemon: {kind: memory, router_id: 192.0.2.1}
    upstreams:
      - {asn: 64510, session: {neighbor: 192.0.2.0, local: 192.0.2.1}}
"""


def accepted(text: str = DESIGN, site: str = "fra") -> Accepted:
    """The design as the agent of `site` has it."""
    return narrowed(designs.parse(text, file="design.yaml"), site=site)


class Clock:
    """Monotonic seconds that only move when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Lo:
    """lo with lifetimes; `fault` is raised by every call."""

    clock: Clock
    until: dict[Prefix, float] = field(default_factory=dict)
    fault: KernelError | None = None

    def hold(
        self, prefixes: frozenset[Prefix], *, lifetime_s: float, forwarded: frozenset[Prefix] = frozenset()
    ) -> Holding:
        self._fail()
        for one in prefixes:
            self.until[one] = self.clock.now + lifetime_s
        return Holding()

    def release(self, prefixes: Iterable[Prefix]) -> None:
        self._fail()
        for one in prefixes:
            self.until.pop(one, None)

    def held(self) -> dict[Prefix, float | None]:
        self._fail()
        return {one: end - self.clock.now for one, end in self.until.items() if end > self.clock.now}

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


class Stage:
    """A loop and an announcer on fakes; nothing moves but by `turn` and `announce`."""

    def __init__(
        self, text: str = DESIGN, *, adopted: dict[str, Level] | None = None, is_dry_run: bool = False
    ) -> None:
        self.clock = Clock()
        self.lo = Lo(self.clock)
        self.lines = io.StringIO()
        self._writer = LineWriter(self.lines)
        log = open_log(self._writer, LogFormat.TEXT, site="fra")
        self.recorder = Recorder(log=log, journal=None, metrics=Metrics(), wall=lambda: 1.7e9)
        self.accepted = accepted(text)
        self.speaker = MemorySpeaker(self.accepted.router)
        self.gone: list[Farewell] = []
        self.announcer = Announcer(
            self.speaker,
            self.accepted.router.sessions,
            self.recorder,
            now=self.clock,
            is_dry_run=is_dry_run,
            on_gone=lambda one, at: self.gone.append(one),
        )
        self.anchors = Anchors(
            None if is_dry_run else self.lo, self.recorder, now=self.clock, lease_s=lease_of(self.accepted)
        )
        self.loop = Loop(
            self.accepted,
            start(self.accepted.plan, now=self.clock.now, adopted=adopted),
            announcer=self.announcer,
            anchors=self.anchors,
            recorder=self.recorder,
            supervisor=Supervisor({}),
            now=self.clock,
            standing=StandingOrders(),
        )

    def hear(self, check: str, *, is_ok: bool, after_s: float = 1.0) -> None:
        """A result that comes `after_s` later, and the turn that takes it in."""
        self.clock.now += after_s
        self.loop.hear(CheckResult(check=check, is_ok=is_ok, at=self.clock.now))
        self.turn()

    def turn(self) -> None:
        """A turn and the lease."""
        self.loop.renew(self.loop.turn())

    def all_up(self) -> None:
        """Both services are up."""
        self.hear("dns/tcp", is_ok=True)
        self.hear("web/tcp", is_ok=True)

    def log(self) -> str:
        """All that was logged."""
        self._writer.close()
        return self.lines.getvalue()
