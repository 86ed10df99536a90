"""Table: what a router really holds, asked of its daemon: routes, sessions, updates, kernel routes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from anyplane.bgp.bird.connection import Connection
from anyplane.bgp.bird.protocol import Reply
from anyplane.bgp.frr.vty import Vty
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Node, NodeKind, RouterKind
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.routers import read_bird, read_frr
from anyplane.lab.routers.neighbours import Neighbour, SessionKind, neighbours
from anyplane.lab.routers.policy import Injection
from anyplane.lab.routers.seen import SessionState, TableRoute, Updates
from anyplane.model.errors import LabError, SpeakerRejected
from anyplane.model.nouns import Prefix

ANSWER_S = 10.0
"""A router that shares two cores with 500 others may take its time."""

__all__ = ["SessionState", "Table", "TableRoute", "Updates"]


@dataclass(slots=True)
class Table:
    """One router or route server. `async with` closes the connection; each question has a deadline.

    namespace: needed by `fib` alone. run: where its sockets are, /run/<node> unless said otherwise.
    SpeakerUnreachable when the daemon does not answer.
    """

    blueprint: Blueprint
    node: Node
    namespace: Namespace | None = None
    run: Path | None = None
    rtr: tuple[str, int] | None = None
    """The RPKI cache that it was configured with, if any."""
    injected: tuple[Injection, ...] = ()
    """What it originates though it is not its own; `inject` sees to that."""
    _bird: Connection | None = None
    _neighbours: tuple[Neighbour, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self._neighbours = neighbours(self.blueprint, self.node)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up."""
        if self._bird is not None:
            await self._bird.aclose()
            self._bird = None

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """The sessions that the node is configured with."""
        return self._neighbours

    async def routes(self, prefix: Prefix) -> tuple[TableRoute, ...]:
        """All that the router knows for exactly this prefix, the best first."""
        if self._is_frr:
            command = f"show bgp ipv{prefix.version} unicast {prefix} json"
            async with self._vty() as vty:
                found = read_frr.routes(await vty.show(command), prefix, self._neighbours)
        else:
            reply = await self._ask(f"show route {prefix} table master{prefix.version} all", may_fail=True)
            found = read_bird.routes(reply, prefix, self._neighbours)
        return tuple(sorted(found, key=lambda route: not route.is_best))

    async def best(self, prefix: Prefix) -> TableRoute | None:
        """The one that is used, if any."""
        found = await self.routes(prefix)
        return found[0] if found and found[0].is_best else None

    async def sessions(self, *, with_sites: bool = True) -> tuple[SessionState, ...]:
        """Every session that the node is configured with, up or not."""
        wanted = [one for one in self._neighbours if with_sites or one.kind != SessionKind.SITE]
        if self._is_frr:
            async with self._vty() as vty:
                return read_frr.sessions(await vty.show("show bgp neighbors json"), wanted)
        return read_bird.sessions(await self._ask("show protocols all"), wanted)

    async def missing(self, *, with_sites: bool = True) -> tuple[SessionState, ...]:
        """Those of `sessions` that are not up; of BIRD a line for each is read, not all that it counts."""
        if self._is_frr:
            return tuple(one for one in await self.sessions(with_sites=with_sites) if not one.is_up)
        wanted = [one for one in self._neighbours if with_sites or one.kind != SessionKind.SITE]
        return read_bird.missing(await self._ask("show protocols"), wanted)

    async def updates(self) -> Updates:
        """Sent and received over all sessions since they came up; BIRD counts routes, FRR messages."""
        if self._is_frr:
            async with self._vty() as vty:
                return read_frr.updates(await vty.show("show bgp neighbors json"))
        return read_bird.updates(await self._ask("show protocols all"))

    async def fingerprint(self) -> str:
        """Changes whenever a route does: how readiness tells that nothing moves any more.

        A router of BIRD tells its kernel of every change of a best route, and that is counted; a route server
        has no kernel to tell, and all its sessions are read.
        """
        if self._is_frr:
            async with self._vty() as vty:
                return read_frr.fingerprint(await vty.show("show bgp neighbors json"))
        which = ' "kernel*"' if self.node.kind == NodeKind.ROUTER else ""
        return read_bird.fingerprint(await self._ask(f"show protocols all{which}"))

    def fib(self, prefix: Prefix) -> tuple[str, ...]:
        """The kernel's routes for exactly this prefix: "via 100.72.0.1 dev l3", "blackhole"; blocks."""
        if self.namespace is None:
            raise LabError(f"the namespace of {self.node.name} is not at hand", hint="ask inside the lab")
        family = f"-{prefix.version}"
        command = ("ip", family, "-j", "route", "show", "exact", str(prefix))

        def ask() -> str:
            done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)  # noqa: S603
            return done.stdout

        found: list[str] = []
        for one in json.loads(self.namespace.call(ask) or "[]"):
            if one.get("type", "unicast") != "unicast":
                found.append(str(one["type"]))
            else:
                gateway = one.get("gateway") or one.get("via", {}).get("host", "")
                found.append(f"via {gateway} dev {one.get('dev', '')}")
        return tuple(found)

    async def reconfigure(self) -> None:
        """BIRD reads its file again and keeps its sessions. LabError when it refuses the file."""
        reply = await self._ask("configure soft")
        if reply.is_refusal:
            raise LabError(f"{self.node.name}: BIRD refuses its configuration: {reply.text}")

    async def told(self, commands: tuple[str, ...]) -> None:
        """FRR does this in configuration mode."""
        async with self._vty() as vty:
            await vty.configure(commands)

    @property
    def _is_frr(self) -> bool:
        return self.node.kind == NodeKind.ROUTER and self.node.daemon == RouterKind.FRR

    def _vty(self) -> Vty:
        at = paths.frr_run(self.node.name) if self.run is None else self.run / "frr"
        return Vty(at / "bgpd.vty", deadline_s=ANSWER_S)

    async def _ask(self, command: str, *, may_fail: bool = False) -> Reply:
        if self._bird is None:
            usual = paths.bird_control(self.node.name)
            at = usual if self.run is None else self.run / usual.name
            self._bird = Connection(str(at), deadline_s=ANSWER_S)
        reply = await self._bird.ask(command)
        # "Network not found" is an answer, too.
        if reply.is_refusal and not (may_fail and reply.code == 8001):
            raise SpeakerRejected("bird", f"{self.node.name} refuses", command=command, reply=reply.text)
        return reply
