"""LabRouters: what a game day does to the routers of a lab (sessions, hijacks, leaks) and asks of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio

from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Node, NodeKind, RouterKind
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.routers import Injection, configuration
from anyplane.lab.routers.tables import Table
from anyplane.model.errors import LabError, SpeakerRejected
from anyplane.model.nouns import Asn, Prefix

T = TypeVar("T")
_NO_EXPORT = "if (65535, 65281) ~ bgp_community"
_LEAKING = "bgp_community.delete([(65535, 65281)]);\n  " + _NO_EXPORT


class LabRouters:
    """All routers and route servers; every method returns when the daemons have answered."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._blueprint = ground.engine.blueprint
        self._changed: dict[str, tuple[Path, str]] = {}
        """BIRD's configuration as it was before we touched it, by node."""

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

    def hijack(self, network: int, prefix: Prefix, *, is_rov: bool) -> None:
        """Every pop of the network originates the prefix; is_rov: every network validates origins."""
        pops = self._blueprint.by_asn[Asn(network)]
        injections = tuple(Injection(prefix=prefix, node=pop.name) for pop in pops)
        blueprint = self._blueprint
        touched: Iterable[Node] = pops
        if is_rov:
            nodes = tuple(replace(one, is_rov=True) if _routes(one) else one for one in blueprint.nodes)
            blueprint = replace(blueprint, nodes=nodes)
            # The hijacker does not check itself.
            touched = [one for one in blueprint.nodes if _routes(one)]
        for node in touched:
            self._configure(blueprint, node, injections=injections)

    def leak(self, network: int) -> None:
        """The network forgets NO_EXPORT on hearing it."""
        for node in self._blueprint.by_asn[Asn(network)]:
            self._configure(self._blueprint, node, is_leaking=True)

    def restore(self) -> None:
        """Every router has its own configuration again."""
        for name, (file, text) in [*self._changed.items()]:
            self._write(self._blueprint.by_name[name], file, text)
            del self._changed[name]

    def _configure(
        self,
        blueprint: Blueprint,
        node: Node,
        *,
        injections: Iterable[Injection] = (),
        is_leaking: bool = False,
    ) -> None:
        self._need_bird(node)
        ((name, text),) = configuration(blueprint, node, injections=injections).items()
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
        from anyplane.bgp.bird.connection import Connection

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
