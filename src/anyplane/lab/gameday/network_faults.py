"""NetworkFaults: what a game day does around the sites: cables, hosts, networks, sessions, routes."""

from __future__ import annotations

import time
from collections.abc import Iterable

from anyplane.lab.blueprint import SiteLink
from anyplane.lab.container.engine import Engine
from anyplane.lab.gameday import network_steps
from anyplane.lab.gameday.lab_routers import LabRouters
from anyplane.lab.gameday.step import SiteStep, UplinkStep
from anyplane.lab.gameday.undoing import Undoing
from anyplane.model.nouns import Asn

Cable = int | tuple[int, int]
"""A link by its number; or a port on an exchange: the exchange's number and the port's position."""


class NetworkFaults:
    """Every method does one thing and returns when it was done (CLOCK_MONOTONIC)."""

    def __init__(self, engine: Engine, routers: LabRouters, undoing: Undoing) -> None:
        self._engine = engine
        self._routers = routers
        self._undoing = undoing

    # Cables of a site.

    def carrier(self, step: UplinkStep) -> float:
        """The cables of a site are pulled."""
        cables, wires = self._cables(step.site, step.upstream), self._engine.wires

        def act() -> None:
            for cable in cables:
                wires.unplug(cable)

        def undo() -> None:
            for cable in cables:
                wires.plug(cable)

        return self._undoing.broken(("carrier", step.site, str(step.upstream)), act, undo)

    def silence(self, step: UplinkStep | network_steps.UplinksLost) -> float:
        """The cables of a site drop everything."""
        upstream = step.upstream if isinstance(step, UplinkStep) else None
        cables = self._cables(step.site, upstream)
        key = ("silence", step.site, str(upstream))
        return self._undoing.broken(key, lambda: self._cut(cables), lambda: self._uncut(cables))

    def silence_end(self, step: network_steps.UplinksBack) -> float:
        """All cables of a site carry again."""
        return self._undoing.mended(("silence", step.site, str(None)))

    def link_back(self, step: network_steps.LinkRestore) -> float:
        """Whatever was done to it."""
        self._undoing.mended(("silence", step.site, str(step.upstream)))
        return self._undoing.mended(("carrier", step.site, str(step.upstream)))

    # Whole machines.

    def host(self, step: SiteStep) -> float:
        """A site's host is dead."""
        node = self._node(step.site)
        return self._undoing.broken(
            ("host", step.site), lambda: self._die([node]), lambda: self._live([node])
        )

    def host_back(self, step: SiteStep) -> float:
        """It goes on where it was stopped."""
        return self._undoing.mended(("host", step.site))

    def region(self, step: network_steps.RegionLost) -> float:
        """All hosts of a region at once."""
        nodes = [self._node(site) for site in self._inhabitants(step)]
        return self._undoing.broken(_region(step), lambda: self._die(nodes), lambda: self._live(nodes))

    def region_back(self, step: network_steps.RegionBack) -> float:
        """They go on where they were stopped."""
        return self._undoing.mended(_region(step))

    def network(self, step: network_steps.UpstreamLost) -> float:
        """All routers of a network are dead."""
        nodes = [node.name for node in self._engine.blueprint.by_asn[Asn(step.upstream)]]
        key = ("network", str(step.upstream))
        return self._undoing.broken(key, lambda: self._die(nodes), lambda: self._live(nodes))

    def network_back(self, step: network_steps.UpstreamBack) -> float:
        """They go on where they were stopped."""
        return self._undoing.mended(("network", str(step.upstream)))

    # What routers say.

    def route(self, step: network_steps.WithdrawRoute) -> float:
        """The upstreams close their sessions with the site."""
        return self._undoing.broken(
            ("route", step.site),
            lambda: self._routers.session(step.site, None, verb="disable"),
            lambda: self._routers.session(step.site, None, verb="enable"),
        )

    def route_back(self, step: network_steps.RestoreRoute) -> float:
        """They open them again."""
        return self._undoing.mended(("route", step.site))

    def reset(self, step: network_steps.SessionReset) -> float:
        """It comes back by itself."""
        at = time.monotonic()
        self._routers.session(step.site, step.upstream, verb="restart")
        return at

    def hijack(self, step: network_steps.Hijack) -> float:
        """By every pop of the network."""
        return self._undoing.broken(
            ("hijack",),
            lambda: self._routers.hijack(
                step.network, step.prefix, is_rov=step.rov or step.rtr, has_caches=step.rtr
            ),
            self._routers.restore,
        )

    def hijack_end(self) -> float:
        """The routers are configured as before."""
        return self._undoing.mended(("hijack",))

    def leak(self, step: network_steps.LeakNoExport) -> float:
        """By every pop of the network."""
        return self._undoing.broken(
            ("leak",), lambda: self._routers.leak(step.upstream), self._routers.restore
        )

    def leak_end(self) -> float:
        """The routers are configured as before."""
        return self._undoing.mended(("leak",))

    # What is where.

    def _cables(self, site: str, upstream: int | None) -> tuple[Cable, ...]:
        """What a site's links run over; its port on an exchange is a cable too."""
        blueprint = self._engine.blueprint
        return tuple(
            dict.fromkeys(
                one.link
                if one.link >= 0
                else (one.exchange, blueprint.exchanges[one.exchange].port(one.node).position)
                for one in self._uplinks(site, upstream)
            )
        )

    def _uplinks(self, site: str, upstream: int | None) -> tuple[SiteLink, ...]:
        """The links of a site, or that to one upstream."""
        return tuple(
            one
            for one in self._engine.blueprint.sites
            if one.site == site and upstream in (None, int(one.upstream))
        )

    def _cut(self, cables: Iterable[Cable]) -> float:
        """Silently."""
        at = time.monotonic()
        for cable in cables:
            self._engine.wires.cut(cable)
        return at

    def _uncut(self, cables: Iterable[Cable]) -> None:
        """They carry again, whatever was done to them."""
        for cable in cables:
            self._engine.wires.heal(cable)

    def _die(self, nodes: Iterable[str]) -> float:
        """Nodes are dead in silence: nothing leaves them, nothing reaches them, nothing runs."""
        at = time.monotonic()
        names = tuple(nodes)
        for name in names:
            self._cut(self._around(name))
        for name in names:
            self._engine.processes.freeze(name)
        return at

    def _live(self, nodes: Iterable[str]) -> None:
        """They go on."""
        for name in nodes:
            self._engine.processes.thaw(name)
            self._uncut(self._around(name))

    def _around(self, node: str) -> tuple[Cable, ...]:
        blueprint = self._engine.blueprint
        links: list[Cable] = [link.index for link in blueprint.links_of[node]]
        links += [(one.index, one.port(node).position) for one in blueprint.exchanges_of[node]]
        return tuple(links)

    def _node(self, site: str) -> str:
        return self._engine.blueprint.site_nodes[site].name

    def _inhabitants(self, step: network_steps.RegionLost) -> tuple[str, ...]:
        """The sites of a region."""
        return tuple(
            site
            for site, node in self._engine.blueprint.site_nodes.items()
            if step.continent in (None, node.location.continent)
            and step.country in (None, node.location.country)
        )


def _region(step: network_steps.RegionLost | network_steps.RegionBack) -> tuple[str, str, str]:
    return ("region", str(step.continent), str(step.country))
