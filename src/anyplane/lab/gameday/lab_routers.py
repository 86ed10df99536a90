"""LabRouters: what a game day does to the routers of a lab (sessions, hijacks, leaks) and asks of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio

from anyplane.bgp.bird.connection import Connection
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Node, NodeKind, RouterKind
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.places.servers import rtr
from anyplane.lab.places.servers.running import RunningServer
from anyplane.lab.places.servers.serving import RTR_PORT, program
from anyplane.lab.routers import Injection, configuration
from anyplane.lab.routers.tables import Table
from anyplane.model.errors import LabError, SpeakerRejected
from anyplane.model.nouns import Asn, Prefix

T = TypeVar("T")
CACHE = ("127.0.0.1", RTR_PORT)
ROAS_S = 15.0
_NO_EXPORT = "if (65535, 65281) ~ bgp_community"
_LEAKING = "bgp_community.delete([(65535, 65281)]);\n  " + _NO_EXPORT


class LabRouters:
    """All routers and route servers; every method returns when the daemons have answered."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._blueprint = ground.engine.blueprint
        self._changed: dict[str, tuple[Path, str]] = {}
        """BIRD's configuration as it was before we touched it, by node."""
        self._caches: list[RunningServer] = []
        self._leaking: list[Node] = []

    def of_site(self, site: str, upstream: int | None) -> tuple[Node, ...]:
        """The routers and route servers that a site has sessions with."""
        blueprint = self._blueprint
        found: list[Node] = []
        for link in blueprint.sites:
            if link.site != site or upstream not in (None, int(link.upstream)):
                continue
            if link.link >= 0:
                found.append(blueprint.by_name[blueprint.links[link.link].far(link.node)])
            elif link.exchange >= 0:
                found.append(blueprint.by_name[blueprint.exchanges[link.exchange].route_server])
        return tuple(dict.fromkeys(found))

    def session(self, site: str, upstream: int | None, *, verb: str) -> None:
        """`verb` is disable, enable or restart: of every session with that site, at the upstreams' ends."""
        home = self._blueprint.site_nodes[site].name
        for node in self.of_site(site, upstream):
            names = [one.name for one in self._table(node).neighbours if one.node == home]
            self._need_bird(node)
            self._ground.wait(lambda node=node, names=names: self._tell(node, names, verb))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults

    def announced(self) -> frozenset[str]:
        """The sites that some upstream has a route from."""
        return self._ground.wait(self._announced)

    def updates(self) -> int:
        """Sent by all routers since they came up, withdrawals too."""
        return self._ground.wait(self._updates)

    def hijack(self, network: int, prefix: Prefix, *, is_rov: bool, has_caches: bool) -> float:
        """Every pop of the network originates the prefix; is_rov: every network validates origins.

        has_caches: each router by an RPKI cache of its own, heard before the hijack begins. When it began.
        """
        pops = self._blueprint.by_asn[Asn(network)]
        injections = tuple(Injection(prefix=prefix, node=pop.name) for pop in pops)
        blueprint = self._blueprint
        touched: Iterable[Node] = pops
        if is_rov:
            nodes = tuple(replace(one, is_rov=True) if _routes(one) else one for one in blueprint.nodes)
            blueprint = replace(blueprint, nodes=nodes)
            # The hijacker does not check itself.
            touched = [one for one in blueprint.nodes if _routes(one)]
        if has_caches:
            if not program(rtr.PROGRAM):
                raise LabError(f"{rtr.PROGRAM} is missing", hint=f"apt install {rtr.PROGRAM}")
            for node in touched:
                self._start_cache(node)
                self._configure(blueprint, node, cache=CACHE)
            for node in touched:
                self._await_roas(node)
            touched = [one for one in touched if int(one.asn) == network]
        at = time.monotonic()
        for node in touched:
            self._configure(blueprint, node, injections=injections, cache=CACHE if has_caches else None)
        return at

    def leak(self, network: int) -> None:
        """The network forgets NO_EXPORT on hearing it."""
        for node in self._blueprint.by_asn[Asn(network)]:
            self._configure(self._blueprint, node, is_leaking=True)
            self._leaking.append(node)
            self._hear_again(node)

    def restore(self) -> None:
        """Every router has its own configuration again."""
        for name, (file, text) in [*self._changed.items()]:
            self._write(self._blueprint.by_name[name], file, text)
            del self._changed[name]
        while self._leaking:
            self._hear_again(self._leaking.pop())
        while self._caches:
            self._caches.pop().stop()

    def _hear_again(self, node: Node) -> None:
        """Routes that came in before go through the filter as it is now; by itself BIRD leaves them."""
        self._ground.wait(lambda: self._tell(node, ("all",), "reload in"))

    def _start_cache(self, node: Node) -> None:
        engine = self._ground.engine
        roas = rtr.roas_of(self._blueprint.prefixes, self._blueprint.origin)
        cache = RunningServer(
            rtr.serving(roas, directory=paths.run_of(node.name) / "rtr", address=CACHE[0], port=CACHE[1]),
            processes=engine.processes,
            namespace=engine.namespaces[node.name],
        )
        self._caches.append(cache)
        cache.start()

    def _await_roas(self, node: Node) -> None:
        """The router has heard its cache; LabError where it does not in time."""

        async def has_heard() -> bool:
            connection = Connection(str(paths.bird_control(node.name)), deadline_s=5.0)
            try:
                heard = [
                    await connection.ask(f"show route table rpki{family} count")
                    for family in self._blueprint.families
                ]
            finally:
                await connection.aclose()
            return all(re.search(r"\b[1-9]\d* of ", one.text) for one in heard)

        deadline = time.monotonic() + ROAS_S
        while not self._ground.wait(has_heard):
            if time.monotonic() > deadline:
                raise LabError(f"{node.name} hears nothing from its RPKI cache for {ROAS_S:g} s")
            time.sleep(0.05)

    def _configure(
        self,
        blueprint: Blueprint,
        node: Node,
        *,
        injections: Iterable[Injection] = (),
        cache: tuple[str, int] | None = None,
        is_leaking: bool = False,
    ) -> None:
        self._need_bird(node)
        ((name, text),) = configuration(blueprint, node, injections=injections, rtr=cache).items()
        file = self._ground.engine.directory / "nodes" / node.name / name
        self._changed.setdefault(node.name, (file, file.read_text(encoding="utf-8")))
        self._write(node, file, text.replace(_NO_EXPORT, _LEAKING) if is_leaking else text)

    def _write(self, node: Node, file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8")

        async def reconfigure() -> None:
            async with self._table(node) as table:
                await table.reconfigure()

        self._ground.wait(reconfigure)

    async def _tell(self, node: Node, names: Iterable[str], verb: str) -> None:
        connection = Connection(str(paths.bird_control(node.name)), deadline_s=5.0)
        try:
            for name in names:
                reply = await connection.ask(f"{verb} {name}")
                if reply.is_refusal:
                    raise SpeakerRejected("bird", f"{node.name} refuses", command=verb, reply=reply.text)
        finally:
            await connection.aclose()

    async def _announced(self) -> frozenset[str]:
        homes = {node.name: site for site, node in self._blueprint.site_nodes.items()}
        found: set[str] = set()

        async def look(node: Node) -> None:
            async with self._table(node) as table:
                for prefix in self._blueprint.prefixes:
                    found.update(homes[one.from_] for one in await table.routes(prefix) if one.from_ in homes)

        nodes = {node.name: node for site in homes.values() for node in self.of_site(site, None)}
        await self._all(nodes, look)
        return frozenset(found)

    async def _updates(self) -> int:
        total = 0

        async def count(node: Node) -> None:
            nonlocal total
            async with self._table(node) as table:
                sent = await table.updates()
                total += sent.updates_sent + sent.withdrawals_sent

        nodes = {
            node.name: node
            for node in self._blueprint.nodes
            if node.kind in (NodeKind.ROUTER, NodeKind.ROUTE_SERVER)
        }
        await self._all(nodes, count)
        return total

    async def _all(
        self, nodes: Mapping[str, Node], ask: Callable[[Node], Coroutine[object, object, None]]
    ) -> None:
        """Ask all at once; those that are frozen by the game day itself have nothing to say."""
        frozen = self._ground.engine.processes.frozen
        async with anyio.create_task_group() as tasks:
            for node in nodes.values():
                if node.name not in frozen:
                    tasks.start_soon(ask, node)

    def _table(self, node: Node) -> Table:
        return Table(blueprint=self._blueprint, node=node)

    def _need_bird(self, node: Node) -> None:
        if node.kind == NodeKind.ROUTER and node.daemon == RouterKind.FRR:
            raise LabError(
                f"{node.name} runs FRR, and this step needs BIRD there", hint="build the lab without --frr"
            )


def _routes(node: Node) -> bool:
    return node.kind == NodeKind.ROUTER and node.daemon == RouterKind.BIRD
