"""Place: one PoP of the lab: its BGP daemon, its servers (or the backends behind it) and its agent.

Everything is made from the lab's edition of the design: the daemon's configuration is what `anyplane render`
gives, the servers answer what the design's checks ask, and the agent is the real one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from anyplane.bgp.router import router_plan
from anyplane.design.operation import Address
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.service_addresses import ServiceAddresses
from anyplane.lab import paths
from anyplane.lab.blueprint import Node, NodeKind
from anyplane.lab.places import place_servers
from anyplane.lab.places.ground import Ground
from anyplane.lab.places.servers import rtr
from anyplane.lab.places.servers.needs import UNMET_HINT, needs
from anyplane.lab.places.servers.running import RunningServer
from anyplane.lab.places.servers.serving import ServerKind
from anyplane.lab.places.site_agents import SiteAgent
from anyplane.lab.places.site_daemons import daemon_of
from anyplane.lab.wires.wiring import default_routes, default_routes_at
from anyplane.model.errors import LabError
from anyplane.model.nouns import UpstreamKind

READY_S = 60.0
FLEET = "fleet.json"


class Place:
    """One site: `start`, `wait_ready`, faults through `server`, `daemon`, `agent` and `backends`, `stop`.

    servers         those at the site itself, by what they speak; none where backends serve it
    backends        by the name of the backend in the design: its servers
    dependencies    stand-ins for what the design's checks ask elsewhere, at this site alone
    unmet           checks of the design that cannot pass in a lab, with the reason
    """

    def __init__(self, ground: Ground, node: Node) -> None:
        self.node = node
        self.site = node.site
        self._ground = ground
        self._namespace = ground.namespace(node.name)
        self._run = paths.run_of(node.name)
        plan = router_plan(ground.design, node.site)
        asked = needs(ground.design, node.site)
        self.unmet = asked.unmet
        self.daemon = daemon_of(plan, processes=ground.processes, namespace=self._namespace)
        self.servers: dict[ServerKind, RunningServer] = {}
        if asked.own.addresses:
            self.servers = place_servers.servers(ground, asked.own, node.name, identity=node.site)
        self.backends: dict[str, dict[ServerKind, RunningServer]] = {}
        self._addresses_of: dict[str, frozenset[Address]] = {}
        for one in place_servers.hosts_behind(ground, node.name, asked):
            identity = f"{node.site}/{one.names[0]}"
            servers = place_servers.servers(ground, one.asked, one.host, identity=identity)
            self.backends |= dict.fromkeys(one.names, servers)
            self._addresses_of[one.host] = one.service
        self._elsewhere = asked.dependencies.addresses
        self.dependencies = place_servers.stand_ins(ground, asked.dependencies, node.name)
        caches = [one for one in plan.daemon.rtr if _is_literal(one.host)]
        self._caches = [
            place_servers.running(
                ground,
                rtr.serving(
                    rtr.roas_of(ground.blueprint.prefixes, ground.blueprint.origin),
                    directory=self._run / f"rtr{number}",
                    address=one.host,
                    port=one.port,
                    label=f"rtr{number}",
                ),
                node.name,
            )
            for number, one in enumerate(caches, start=1)
        ]
        self._elsewhere |= {ip_address(one.host) for one in caches if not ip_address(one.host).is_loopback}
        self.design_file = self._run / "design.yaml"
        self.agent = SiteAgent(
            site=node.site,
            design=self.design_file,
            processes=ground.processes,
            namespace=self._namespace,
            log=ground.directory / "nodes" / node.name / "agent.log",
            zygote=ground.zygote,
            env=ground.agent_env,
        )

    @property
    def server(self) -> RunningServer:
        """The one that users are served by first of all; LabError where backends do that."""
        for kind in (ServerKind.DNS, ServerKind.WEB, ServerKind.NTP):
            if kind in self.servers:
                return self.servers[kind]
        raise LabError(
            f"no server runs at {self.site} itself",
            hint=f"its backends serve: {', '.join(self.backends) or 'it has none'}",
        )

    @property
    def fleet_file(self) -> Path:
        """Where its agent reads the words of the others."""
        return self._run / FLEET

    def backend(self, name: str) -> RunningServer:
        """The server of that backend; LabError where there is none."""
        if name not in self.backends:
            known = ", ".join(self.backends) or "it has none"
            raise LabError(f"{self.site} has no backend {name}", hint=f"its backends: {known}")
        return next(iter(self.backends[name].values()))

    def start(self) -> None:
        """Everything is started; `wait_ready` waits until it serves and is announced."""
        self.start_surroundings()
        self.start_servers()
        self.daemon.start()
        self.agent.start()

    def write_design(self, text: str) -> None:
        """What the agent reads when it starts: the edition, with a fleet file of this site's own.

        So one site may be cut off from the words of the others.
        """
        own = text.replace(str(paths.FLEET_FILE), str(self.fleet_file))
        self.design_file.write_text(own, encoding="utf-8")

    def start_surroundings(self) -> None:
        """Folders, the agent's design, routes and addresses: what a host has before any daemon starts."""
        place = self.daemon.plan.daemon.settings.get("directory", "")
        folders = [self._run, self._ground.directory / "nodes" / self.node.name]
        for folder in [*folders, *([Path(place)] if place else [])]:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.write_design(self._ground.blueprint.design_text)
        if not self.daemon.has_fib:
            self._add_default_routes()
        self._put_on_lo(self.node.name, self._elsewhere)
        for host, addresses in self._addresses_of.items():
            self._put_on_lo(host, addresses)

    def start_servers(self) -> None:
        """Servers, backends and stand-ins."""
        for server in self._all_servers():
            server.start()

    def is_ready(self) -> bool:
        """Do the servers answer, and is every service announced? LabError where a server has ended."""
        return all(one.is_ready() for one in self._all_servers()) and self.is_announced()

    def is_announced(self) -> bool:
        """Does the agent announce all that the design wants, and does the daemon's own table say so?"""
        status = self.agent.status()
        return (
            status is not None
            and all(one["level"] == "full" for one in status["services"])
            and bool(status["daemon"]["is_as_wanted"])
        )

    def wait_ready(self, timeout: float = READY_S) -> None:
        """Ready; LabError with what is missing where it takes longer."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.site} is not ready after {timeout:g} s: {self._trouble()}",
                    hint=UNMET_HINT if self.unmet else "",
                )
            time.sleep(0.02)

    def fail_dependencies(self) -> float:
        """What all sites lean on is dead for this one."""
        at = time.monotonic()
        if not self.dependencies:
            raise LabError(
                f"no check of {self.site} asks anything elsewhere",
                hint="a dependency is a check of scope dependency that asks an address of somebody else",
            )
        for one in self.dependencies:
            one.kill()
        return at

    def restore_dependencies(self) -> float:
        """It is back."""
        at = time.monotonic()
        for one in self.dependencies:
            one.restore()
        return at

    def processes(self) -> tuple[int, ...]:
        """Every process at the site itself, whoever started it."""
        return self._ground.processes.pids(self.node.name)

    def stop(self) -> None:
        """The agent withdraws and ends; then the rest ends."""
        self.agent.stop()
        self.agent.close()
        self.daemon.stop()
        for server in self._all_servers():
            server.stop()

    def _all_servers(self) -> Iterator[RunningServer]:
        yield from self.servers.values()
        for listed in {id(one): one for one in self.backends.values()}.values():
            yield from listed.values()
        yield from self.dependencies
        yield from self._caches

    def _add_default_routes(self) -> None:
        """Through each upstream, transits first: daemons without a table in the kernel leave that to us.

        A site with route servers alone goes by that member whose default route they would hand on.
        """
        blueprint = self._ground.blueprint
        mine = [one for one in blueprint.sites if one.node == self.node.name and one.link >= 0]
        mine.sort(key=lambda one: one.kind is not UpstreamKind.TRANSIT)
        for exchange in blueprint.exchanges_of[self.node.name] if not mine else ():
            members = [blueprint.by_name[port.node] for port in exchange.ports]
            members = [one for one in members if one.kind == NodeKind.ROUTER]
            if members:
                first = min(members, key=lambda one: one.router_id)
                routes = default_routes_at(exchange, via=first.name)
                self._ground.wiring.add_routes(self.node.name, routes)
                break
        for metric, one in enumerate(mine, start=1):
            routes = default_routes(blueprint.links[one.link], self.node.name)
            self._ground.wiring.add_routes(
                self.node.name, [replace(route, metric=metric) for route in routes]
            )

    def _put_on_lo(self, host: str, addresses: Iterable[Address]) -> None:
        listed = frozenset(addresses)
        if not listed:
            return

        def put() -> None:
            with Netlink() as netlink:
                ServiceAddresses(netlink).ensure(listed)

        self._ground.namespace(host).call(put)

    def _trouble(self) -> str:
        """Why it is not ready, in a few words."""
        for server in self._all_servers():
            if not server.is_ready():
                return f"{server.serving.label} gives no answer"
        status = self.agent.status()
        if status is None:
            return "its agent does not answer"
        if self.unmet:
            return f"no lab can answer {'; '.join(self.unmet)}"
        said = [f"{one['service']} {one['state']}: {one['reason']}" for one in status["services"]]
        return "; ".join([*said, str(status["daemon"]["trouble"]), *status["alarms"].values()])[:600]


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
