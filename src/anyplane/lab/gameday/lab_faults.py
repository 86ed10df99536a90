"""LabFaults: every step of a scenario as the lab does it, each fault with the way back.

A fault is remembered under a key until its counterpart, or `heal`, takes it back: so whatever a scenario
leaves broken is mended, in the reverse order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from anyplane.lab.blueprint import SiteLink
from anyplane.lab.gameday import network_steps, site_steps
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.lab_routers import LabRouters
from anyplane.lab.gameday.stage import Applied
from anyplane.lab.gameday.step import SiteStep, Step, UplinkStep, Wait, WaitUntil
from anyplane.lab.places.sites import Place
from anyplane.model.errors import AnyplaneError, LabError
from anyplane.model.nouns import Asn

BLACKHOLED_S = 600.0
S = TypeVar("S", bound=Step)
Undo = Callable[[], object]


class LabFaults:
    """What is broken just now, and who broke it."""

    def __init__(self, ground: Ground, routers: LabRouters) -> None:
        self._ground = ground
        self._engine = ground.engine
        self._routers = routers
        self._undo: dict[tuple[str, ...], Undo] = {}

    def do(self, step: Step) -> Applied:
        """Done, when this returns."""
        return Applied(at=_HOW[type(step)](self, step) or time.monotonic())

    def refusal(self, step: Step) -> str:
        """Why it cannot be done in this lab."""
        if isinstance(step, site_steps.Partition) and self._engine.words is None:
            return "the sites of this lab hear nothing of each other"
        if isinstance(step, site_steps.DependencyLost) and not any(
            place.dependencies for place in self._engine.places.values()
        ):
            return "no check of the design asks anything elsewhere (scope: dependency)"
        return ""

    def heal(self) -> tuple[str, ...]:
        """All is taken back; what could not be."""
        failed = []
        for key, undo in reversed([*self._undo.items()]):
            try:
                undo()
            except AnyplaneError as error:
                failed.append(f"{' '.join(key)}: {error}")
            del self._undo[key]
        return tuple(failed)

    def place(self, site: str) -> Place:
        """Of that name."""
        return self._engine.places[site]

    def broken(self, key: tuple[str, ...], act: Callable[[], float | None], undo: Undo) -> float:
        """Do it, and remember the way back (also where it fails half way)."""
        self._undo.setdefault(key, undo)
        at = time.monotonic()
        return act() or at

    def mended(self, key: tuple[str, ...], fallback: Undo | None = None) -> float:
        """Take one fault back; nothing where it is not there."""
        undo = self._undo.pop(key, fallback)
        at = time.monotonic()
        if undo is not None:
            undo()
        return at

    def uplinks(self, site: str, upstream: int | None) -> tuple[SiteLink, ...]:
        """The links of a site, or that to one upstream."""
        return tuple(
            one
            for one in self._engine.blueprint.sites
            if one.site == site and upstream in (None, int(one.upstream))
        )

    def cables(self, site: str, upstream: int | None) -> tuple[int | tuple[int, int], ...]:
        """What they run over; a site's port on an exchange is a cable too."""
        blueprint = self._engine.blueprint
        return tuple(
            dict.fromkeys(
                one.link
                if one.link >= 0
                else (one.exchange, blueprint.exchanges[one.exchange].port(one.node).position)
                for one in self.uplinks(site, upstream)
            )
        )

    def cut(self, cables: Iterable[int | tuple[int, int]]) -> float:
        """Silently."""
        at = time.monotonic()
        for cable in cables:
            self._engine.wires.cut(cable)
        return at

    def uncut(self, cables: Iterable[int | tuple[int, int]]) -> None:
        """They carry again, whatever was done to them."""
        for cable in cables:
            self._engine.wires.heal(cable)

    def die(self, nodes: Iterable[str]) -> float:
        """Nodes are dead in silence: nothing leaves them, nothing reaches them, nothing runs."""
        at = time.monotonic()
        names = tuple(nodes)
        for name in names:
            self.cut(self._around(name))
        for name in names:
            self._engine.processes.freeze(name)
        return at

    def live(self, nodes: Iterable[str]) -> None:
        """They go on."""
        for name in nodes:
            self._engine.processes.thaw(name)
            self.uncut(self._around(name))

    def _around(self, node: str) -> tuple[int | tuple[int, int], ...]:
        blueprint = self._engine.blueprint
        links: list[int | tuple[int, int]] = [link.index for link in blueprint.links_of[node]]
        links += [(one.index, one.port(node).position) for one in blueprint.exchanges_of[node]]
        return tuple(links)

    def node(self, site: str) -> str:
        """Of a site."""
        return self._engine.blueprint.site_nodes[site].name

    def inhabitants(self, step: network_steps.RegionLost | network_steps.RegionBack) -> tuple[str, ...]:
        """The sites of a region."""
        return tuple(
            site
            for site, node in self._engine.blueprint.site_nodes.items()
            if step.continent in (None, node.location.continent)
            and step.country in (None, node.location.country)
        )

    def server(self, step: SiteStep, fault: str, **arguments: float) -> float:
        """A fault of all servers of a site at once: DNS, and whatever serves beside it."""
        place = self.place(step.site)
        servers = tuple(place.servers.values()) or (place.server,)

        def act() -> float:
            return min(float(getattr(server, fault)(**arguments)) for server in servers)

        def undo() -> None:
            for server in servers:
                server.restore()

        return self.broken(("service", step.site), act, undo)

    def daemon(self, step: SiteStep, fault: str) -> float:
        """A fault of the BGP daemon."""
        daemon = self.place(step.site).daemon
        return self.broken(("daemon", step.site), getattr(daemon, fault), daemon.restore)

    def agent(self, step: SiteStep, fault: str) -> float:
        """A fault of the agent."""
        agent = self.place(step.site).agent
        return self.broken(("agent", step.site), getattr(agent, fault), agent.restore)

    def order(self, site: str, name: str, **arguments: object) -> float:
        """An operator's order."""
        at = time.monotonic()
        self.place(site).agent.order(name, **arguments)
        return at

    def carrier(self, step: UplinkStep) -> float:
        """The cables of a site are pulled."""
        cables, wires = self.cables(step.site, step.upstream), self._engine.wires

        def act() -> None:
            for cable in cables:
                wires.unplug(cable)

        def undo() -> None:
            for cable in cables:
                wires.plug(cable)

        return self.broken(("carrier", step.site, str(step.upstream)), act, undo)

    def silence(self, step: UplinkStep | network_steps.UplinksLost) -> float:
        """The cables of a site drop everything."""
        upstream = step.upstream if isinstance(step, UplinkStep) else None
        cables = self.cables(step.site, upstream)
        key = ("silence", step.site, str(upstream))
        return self.broken(key, lambda: self.cut(cables), lambda: self.uncut(cables))

    def network(self, step: network_steps.UpstreamLost) -> float:
        """All routers of a network are dead."""
        nodes = [node.name for node in self._engine.blueprint.by_asn[Asn(step.upstream)]]
        key = ("network", str(step.upstream))
        return self.broken(key, lambda: self.die(nodes), lambda: self.live(nodes))

    def host(self, site: str) -> float:
        """A site's host is dead."""
        node = self.node(site)
        return self.broken(("host", site), lambda: self.die([node]), lambda: self.live([node]))

    def region(self, step: network_steps.RegionLost) -> float:
        """All hosts of a region at once."""
        nodes = [self.node(site) for site in self.inhabitants(step)]
        key = ("region", str(step.continent), str(step.country))
        return self.broken(key, lambda: self.die(nodes), lambda: self.live(nodes))

    def drain(self, step: site_steps.Drain) -> float:
        """The agent is asked; its guard may refuse, which is an error of the step."""
        group = step.group or ""
        return self.broken(
            ("drain", step.site, group),
            lambda: self.order(step.site, "drain", service=group, force=step.force),
            lambda: self.order(step.site, "undrain", service=group),
        )

    def blackhole(self, step: site_steps.BlackholeAddress) -> float:
        """Of one address, which may be the service's own."""
        host, force = step.address, True
        return self.broken(
            ("blackhole", step.site, host),
            lambda: self.order(
                step.site, "blackhole", action="add", host=host, for_s=BLACKHOLED_S, force=force
            ),
            lambda: self.order(step.site, "blackhole", action="del", host=host),
        )

    def route(self, step: network_steps.WithdrawRoute) -> float:
        """The upstreams close their sessions with the site."""
        return self.broken(
            ("route", step.site),
            lambda: self._routers.session(step.site, None, verb="disable"),
            lambda: self._routers.session(step.site, None, verb="enable"),
        )

    def reset(self, step: network_steps.SessionReset) -> float:
        """It comes back by itself."""
        at = time.monotonic()
        self._routers.session(step.site, step.upstream, verb="restart")
        return at

    def hijack(self, step: network_steps.Hijack) -> float:
        """By every pop of the network."""
        return self.broken(
            ("hijack",),
            lambda: self._routers.hijack(
                step.network, step.prefix, is_rov=step.rov or step.rtr, has_caches=step.rtr
            ),
            self._routers.restore,
        )

    def leak(self, step: network_steps.LeakNoExport) -> float:
        """By every pop of the network."""
        return self.broken(("leak",), lambda: self._routers.leak(step.upstream), self._routers.restore)

    def dependency(self) -> float:
        """Everywhere at once."""
        places = [one for one in self._engine.places.values() if one.dependencies]

        def undo() -> None:
            for place in places:
                place.restore_dependencies()

        return self.broken(("dependency",), lambda: min(one.fail_dependencies() for one in places), undo)

    def partition(self, site: str) -> float:
        """The words of a site go nowhere."""
        words = self._engine.words
        if words is None:
            raise LabError("the sites of this lab hear nothing of each other")
        return self.broken(("partition", site), lambda: words.partition(site), lambda: words.heal(site))

    def backend(self, step: site_steps.RemoveBackend) -> float:
        """Its servers die."""
        servers = tuple(self.place(step.site).backends[step.backend].values())

        def act() -> float:
            return min(server.kill() for server in servers)

        def undo() -> None:
            for server in servers:
                server.restore()

        return self.broken(("backend", step.site, step.backend), act, undo)

    def link_back(self, step: network_steps.LinkRestore) -> float:
        """Whatever was done to it."""
        self.mended(("silence", step.site, str(step.upstream)))
        return self.mended(("carrier", step.site, str(step.upstream)))


_HOW: dict[type[Step], Callable[[LabFaults, Step], float | None]] = {}


def _does(kind: type[S], how: Callable[[LabFaults, S], float | None]) -> None:
    _HOW[kind] = cast("Callable[[LabFaults, Step], float | None]", how)


_does(site_steps.KillService, lambda lab, step: lab.server(step, "kill"))
_does(site_steps.HangService, lambda lab, step: lab.server(step, "hang"))
_does(site_steps.SlowService, lambda lab, step: lab.server(step, "slow", pause_s=step.by))
_does(site_steps.WrongAnswers, lambda lab, step: lab.server(step, "wrong"))
_does(site_steps.RestoreService, lambda lab, step: lab.mended(("service", step.site)))
_does(site_steps.HostDeath, lambda lab, step: lab.host(step.site))
_does(site_steps.HostReturn, lambda lab, step: lab.mended(("host", step.site)))
_does(network_steps.LinkDown, lambda lab, step: lab.carrier(step))
_does(network_steps.SilentCut, lambda lab, step: lab.silence(step))
_does(network_steps.LinkRestore, lambda lab, step: lab.link_back(step))
_does(network_steps.SessionReset, lambda lab, step: lab.reset(step))
_does(site_steps.KillDaemon, lambda lab, step: lab.daemon(step, "kill"))
_does(site_steps.HangDaemon, lambda lab, step: lab.daemon(step, "hang"))
_does(site_steps.MisconfigureDaemon, lambda lab, step: lab.daemon(step, "misconfigure"))
_does(site_steps.RestoreDaemon, lambda lab, step: lab.mended(("daemon", step.site)))
_does(site_steps.KillAgent, lambda lab, step: lab.agent(step, "kill"))
_does(site_steps.HangAgent, lambda lab, step: lab.agent(step, "hang"))
_does(
    site_steps.RestartAgent,
    lambda lab, step: lab.mended(("agent", step.site), lab.place(step.site).agent.restart),
)
_does(network_steps.WithdrawRoute, lambda lab, step: lab.route(step))
_does(network_steps.RestoreRoute, lambda lab, step: lab.mended(("route", step.site)))
_does(network_steps.UpstreamLost, lambda lab, step: lab.network(step))
_does(network_steps.UpstreamBack, lambda lab, step: lab.mended(("network", str(step.upstream))))
_does(network_steps.UplinksLost, lambda lab, step: lab.silence(step))
_does(network_steps.UplinksBack, lambda lab, step: lab.mended(("silence", step.site, "None")))
_does(network_steps.RegionLost, lambda lab, step: lab.region(step))
_does(
    network_steps.RegionBack, lambda lab, step: lab.mended(("region", str(step.continent), str(step.country)))
)
_does(site_steps.Drain, lambda lab, step: lab.drain(step))
_does(site_steps.Undrain, lambda lab, step: lab.mended(("drain", step.site, step.group or "")))
_does(site_steps.BlackholeAddress, lambda lab, step: lab.blackhole(step))
_does(site_steps.BlackholeEnd, lambda lab, step: lab.mended(("blackhole", step.site, step.address)))
_does(network_steps.Hijack, lambda lab, step: lab.hijack(step))
_does(network_steps.HijackEnd, lambda lab, _step: lab.mended(("hijack",)))
_does(network_steps.LeakNoExport, lambda lab, step: lab.leak(step))
_does(network_steps.LeakEnd, lambda lab, _step: lab.mended(("leak",)))
_does(site_steps.DependencyLost, lambda lab, _step: lab.dependency())
_does(site_steps.DependencyBack, lambda lab, _step: lab.mended(("dependency",)))
_does(site_steps.Partition, lambda lab, step: lab.partition(step.site))
_does(site_steps.PartitionEnd, lambda lab, step: lab.mended(("partition", step.site)))
_does(site_steps.RemoveBackend, lambda lab, step: lab.backend(step))
_does(site_steps.RestoreBackend, lambda lab, step: lab.mended(("backend", step.site, step.backend)))

DONE_BY_RUNNER = frozenset((site_steps.FlapService, network_steps.FlapRoute, Wait, WaitUntil))
"""Made of other steps, or of waiting; every other step is in the table above (a test holds it so)."""


def kinds_done() -> frozenset[type[Step]]:
    """The steps that the lab itself can do."""
    return frozenset(_HOW)
