"""Rehearsal: the sites of a lab with BIRD alone, no agents and no servers: what is announced is all.

The way from intent to the wire is the real one: each site's daemon runs the rendered configuration, and
`apply` of its Speaker gets the design's announcements. The anchors are addresses on lo without a lifetime.

Backups come last, one upstream after the other, as `routing.state.settle_backups` has it: a lowered
preference may have several stable states (RFC 4264), and this is the way to the intended one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_interface
from pathlib import Path

import anyio

from anyplane.bgp.router import router_plan
from anyplane.bgp.speaker import Speaker
from anyplane.bgp.speakers import open_speaker, render
from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.design.intent import blackholed
from anyplane.design.operation import DaemonKind
from anyplane.kernel.netlink import Netlink
from anyplane.lab.container.engine import Engine
from anyplane.lab.routers.readiness import wait_until_quiet, wait_until_ready
from anyplane.lab.wires import links_netlink as wanted
from anyplane.model.errors import LabError, UsageError
from anyplane.model.nouns import Announcement, Prefix

EDITION = "edition.yaml"
"""The lab's edition of the design, beside the blueprint: one in it would bring up agents."""
SOCKET_S = 10.0
QUIET_S = 0.2


class Rehearsal:
    """One lab whose routers run, converged or not. `start`, then `announce`; `aclose` hangs up."""

    def __init__(self, engine: Engine, design: Design) -> None:
        self._engine = engine
        self._design = design
        self._speakers: dict[str, Speaker] = {}

    async def start(self) -> None:
        """BIRD runs at every site."""
        async with anyio.create_task_group() as tasks:
            for site in self._engine.blueprint.site_nodes:
                tasks.start_soon(self._start_site, site)

    async def announce(self, hosts: Sequence[tuple[str, Prefix]] = (), *, deadline_s: float) -> None:
        """All that the design announces, in waves, each once the routers have come to rest.

        hosts: (site, address) that a site has its upstreams drop, from the first wave on.

        Nothing of the first wave depends on an order, so that the sessions may come up with it.
        """
        sent: frozenset[Announcement] = frozenset()
        told: dict[str, frozenset[Announcement]] = {}
        is_ready = False
        listed = announcements(self._design)
        for site, host in hosts:
            self._anchor(self._engine.blueprint.site_nodes[site].name, [host])
        sent |= {one for site, host in hosts for one in host_announcements(listed, site, host)}
        for wave in waves(listed):
            sent |= wave
            for site, speaker in self._speakers.items():
                mine = frozenset(one for one in sent if str(one.site) == site)
                if mine != told.get(site):
                    await speaker.apply(mine)
                    told[site] = mine
            tables = self._engine.routers.values()
            if not is_ready:
                await wait_until_ready(tables, deadline_s=deadline_s)
                is_ready = True
            await wait_until_quiet(tables, quiet_s=QUIET_S, deadline_s=deadline_s)

    async def aclose(self) -> None:
        """Hang up on every daemon; they run on."""
        for speaker in self._speakers.values():
            await speaker.aclose()

    async def _start_site(self, site: str) -> None:
        node = self._engine.blueprint.site_nodes[site].name
        try:
            plan = router_plan(self._design, site)
        except UsageError:
            return  # no upstream of it is in this world
        if plan.daemon.kind != DaemonKind.BIRD:
            raise LabError(f"site {site} runs {plan.daemon.kind}", hint="a rehearsal has BIRD at every site")
        configured = self._engine.directory_of(node) / "site.conf"
        await anyio.Path(configured).write_text(render(plan))
        self._anchor(node, plan.prefixes)
        argv = ("bird", "-f", "-c", str(configured), "-s", plan.daemon.control)
        process = self._engine.processes.start(node, argv, label="bird")
        with anyio.move_on_after(SOCKET_S):
            while not await anyio.Path(plan.daemon.control).exists():
                if not process.is_alive:
                    raise LabError(f"{node}: BIRD ended: {process.last_words}")
                await anyio.sleep(0.01)
        self._speakers[site] = open_speaker(plan)

    def _anchor(self, node: str, prefixes: Iterable[Prefix]) -> None:
        def add() -> None:
            with Netlink() as netlink:
                for prefix in prefixes:
                    netlink.request(wanted.address(wanted.LO, ip_interface(prefix)))

        self._engine.namespaces[node].call(add)


def host_announcements(listed: tuple[Announcement, ...], site: str, host: Prefix) -> list[Announcement]:
    """How a site announces that one address of its is to be dropped: wherever it announces the prefix."""
    return [
        blackholed(one, host)
        for one in listed
        if str(one.site) == site and one.prefix.version == host.version and host.network_address in one.prefix
    ]


def waves(listed: tuple[Announcement, ...]) -> tuple[frozenset[Announcement], ...]:
    """What is not a backup; then the backups, upstream by upstream: shortest path, then lowest ASN first."""
    backups = [one for one in listed if one.is_backup]
    lengths: dict[int, int] = {}
    for one in backups:
        upstream = int(one.upstream)
        lengths[upstream] = min(lengths.get(upstream, one.as_path_prepend), one.as_path_prepend)
    in_turn = sorted(lengths, key=lambda upstream: (lengths[upstream], upstream))
    return (
        frozenset(one for one in listed if not one.is_backup),
        *(frozenset(one for one in backups if one.upstream == upstream) for upstream in in_turn),
    )


def edition_beside(directory: Path) -> Path:
    """Where a rehearsal finds the design."""
    return directory / EDITION
