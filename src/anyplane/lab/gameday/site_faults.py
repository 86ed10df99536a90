"""SiteFaults: what a game day does to the inside of a site: its servers, daemon, agent, orders, words."""

from __future__ import annotations

import time

from anyplane.lab.container.engine import Engine
from anyplane.lab.gameday import site_steps
from anyplane.lab.gameday.step import SiteStep
from anyplane.lab.gameday.undoing import Undoing
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

BLACKHOLED_S = 600.0


class SiteFaults:
    """Every method does one thing and returns when it was done (CLOCK_MONOTONIC)."""

    def __init__(self, engine: Engine, undoing: Undoing) -> None:
        self._engine = engine
        self._undoing = undoing

    def server(self, step: SiteStep, fault: str, **arguments: float) -> float:
        """A fault of all servers of a site at once: DNS, and whatever serves beside it."""
        place = self._place(step.site)
        servers = tuple(place.servers.values()) or (place.server,)

        def act() -> float:
            return min(float(getattr(server, fault)(**arguments)) for server in servers)

        def undo() -> None:
            for server in servers:
                server.restore()

        return self._undoing.broken(("service", step.site), act, undo)

    def server_back(self, site: str) -> float:
        """All of them serve again."""
        return self._undoing.mended(("service", site))

    def daemon(self, step: SiteStep, fault: str) -> float:
        """A fault of the BGP daemon."""
        daemon = self._place(step.site).daemon
        return self._undoing.broken(("daemon", step.site), getattr(daemon, fault), daemon.restore)

    def daemon_back(self, site: str) -> float:
        """It runs as before."""
        return self._undoing.mended(("daemon", site))

    def agent(self, step: SiteStep, fault: str) -> float:
        """A fault of the agent."""
        agent = self._place(step.site).agent
        return self._undoing.broken(("agent", step.site), getattr(agent, fault), agent.restore)

    def agent_back(self, site: str) -> float:
        """It runs again; one that nothing is wrong with begins anew."""
        return self._undoing.mended(("agent", site), self._place(site).agent.restart)

    def drain(self, step: site_steps.Drain) -> float:
        """The agent is asked; its guard may refuse, which is an error of the step."""
        group = step.group or ""
        return self._undoing.broken(
            ("drain", step.site, group),
            lambda: self._order(step.site, "drain", service=group, force=step.force),
            lambda: self._order(step.site, "undrain", service=group),
        )

    def undrain(self, step: site_steps.Undrain) -> float:
        """Of what was drained here."""
        return self._undoing.mended(("drain", step.site, step.group or ""))

    def blackhole(self, step: site_steps.BlackholeAddress) -> float:
        """Of one address, which may be the service's own."""
        host, force = step.address, True
        return self._undoing.broken(
            ("blackhole", step.site, host),
            lambda: self._order(
                step.site, "blackhole", action="add", host=host, for_s=BLACKHOLED_S, force=force
            ),
            lambda: self._order(step.site, "blackhole", action="del", host=host),
        )

    def blackhole_end(self, step: site_steps.BlackholeEnd) -> float:
        """Packets to it arrive again."""
        return self._undoing.mended(("blackhole", step.site, step.address))

    def backend(self, step: site_steps.RemoveBackend) -> float:
        """Its servers die."""
        servers = tuple(self._place(step.site).backends[step.backend].values())

        def act() -> float:
            return min(server.kill() for server in servers)

        def undo() -> None:
            for server in servers:
                server.restore()

        return self._undoing.broken(("backend", step.site, step.backend), act, undo)

    def backend_back(self, step: site_steps.RestoreBackend) -> float:
        """Its servers run again."""
        return self._undoing.mended(("backend", step.site, step.backend))

    def has_dependencies(self) -> bool:
        """Does a check of any site ask something elsewhere?"""
        return any(place.dependencies for place in self._engine.places.values())

    def dependency(self) -> float:
        """Everywhere at once."""
        places = [one for one in self._engine.places.values() if one.dependencies]

        def undo() -> None:
            for place in places:
                place.restore_dependencies()

        return self._undoing.broken(
            ("dependency",), lambda: min(one.fail_dependencies() for one in places), undo
        )

    def dependency_back(self) -> float:
        """What the checks ask elsewhere answers again."""
        return self._undoing.mended(("dependency",))

    def has_words(self) -> bool:
        """Do the sites of this lab hear of each other?"""
        return self._engine.words is not None

    def partition(self, site: str) -> float:
        """The words of a site go nowhere."""
        words = self._engine.words
        if words is None:
            raise LabError("the sites of this lab hear nothing of each other")
        return self._undoing.broken(
            ("partition", site), lambda: words.partition(site), lambda: words.heal(site)
        )

    def partition_end(self, site: str) -> float:
        """The site and the others hear each other again."""
        return self._undoing.mended(("partition", site))

    def _place(self, site: str) -> Place:
        return self._engine.places[site]

    def _order(self, site: str, name: str, **arguments: object) -> float:
        """An operator's order."""
        at = time.monotonic()
        self._place(site).agent.order(name, **arguments)
        return at
