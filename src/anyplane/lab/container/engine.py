"""Engine: a blueprint that runs: its namespaces, cables, routers, sites, until they agree on the routes.

It comes up in phases (PHASES), each waiting for the one before. What does not start is named, with the last
lines of its log. Nothing is undone when a phase fails: the process ends, and everything with it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Node, NodeKind, RouterKind
from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Process, Processes, refused
from anyplane.lab.wires.wiring import WIRE, Wiring, loopback_routes
from anyplane.model.errors import AnyplaneError, LabError

if TYPE_CHECKING:
    from anyplane.lab.container.zygote import Zygote
    from anyplane.lab.places.fleet_words import FleetWords
    from anyplane.lab.places.sites import Place
    from anyplane.lab.routers.tables import Table
    from anyplane.lab.wires.wires import Wires

PHASES = ("wiring", "routers", "wires", "sites", "converging")
TELLING_S = 0.25
QUIET_S = 0.3
"""Routes are there when none changed for so long."""
AT_ONCE = 20
"""Routers that are started between two words to whoever waits."""
_ROUTERS = (NodeKind.ROUTER, NodeKind.ROUTE_SERVER)

E = TypeVar("E", bound=Exception)
Progress = Callable[[Mapping[str, object]], Awaitable[None]]
"""Told {"phase", "done", "total"}."""


class Engine:
    """One lab. `over` is set when it is to end; `tasks` live as long as it does."""

    tasks: TaskGroup

    def __init__(self, blueprint: Blueprint, directory: Path) -> None:
        self.blueprint = blueprint
        self.directory = directory
        self.wiring = Wiring(blueprint)
        self.processes = Processes(self.wiring.namespaces, directory)
        self.places: dict[str, Place] = {}
        """By the site's name."""
        self.routers: dict[str, Table] = {}
        """By the node's name: what each router's daemon says of its routes."""
        self._tables: list[Table] = []
        """The same, from before the routers run."""
        self.over = anyio.Event()
        self.is_up = False
        self.took_s: dict[str, float] = {}
        """By phase, and "total"."""
        self._wires: Wires | None = None
        self.words: FleetWords | None = None
        """Carries the words of the sites to each other."""
        self._zygote: Zygote | None = None
        self._begun = 0.0
        self._deadline = 0.0
        self._doubt = "everything that was started runs"
        self._up_at = 0.0

    @property
    def namespaces(self) -> Mapping[str, Namespace]:
        """By the node's name, and WIRE."""
        return self.wiring.namespaces

    @property
    def wires(self) -> Wires:
        """What is between the nodes; LabError before the lab is wired."""
        if self._wires is None:
            raise LabError("the lab has no wires yet", hint="wait until it is up")
        return self._wires

    @property
    def up_for_s(self) -> float:
        """How long it has been up."""
        return round(time.monotonic() - self._up_at, 1) if self.is_up else 0.0

    def node(self, name: str) -> Node:
        """The node of that name; LabError when there is none."""
        try:
            return self.blueprint.by_name[name]
        except KeyError:
            raise LabError(f"the lab has no node {name!r}", hint="see `anyplane lab status`") from None

    def namespace(self, name: str) -> Namespace:
        """That of a node, or the wire namespace; LabError when there is none."""
        if name not in self.namespaces:
            self.node(name)
            raise LabError(f"{name} is not there yet", hint="wait until the lab is up")
        return self.namespaces[name]

    def directory_of(self, node: str) -> Path:
        """Where the node's logs and configurations are."""
        return self.directory / "nodes" / node

    async def up(self, on_progress: Progress, *, deadline_s: float = 120.0, until: str = PHASES[-1]) -> None:
        """Everything runs and has converged; LabError with what did not, or at the deadline.

        until: the last phase that is waited for; a rehearsal has its own sites to start before all converge.
        """
        if self._begun:
            raise LabError("the lab was brought up before", hint="take it down, and up again")
        self._begun = time.monotonic()
        self._deadline = self._begun + deadline_s
        doing: Mapping[str, Callable[[Progress], Awaitable[None]]] = {
            "wiring": self._wire,
            "wires": self._start_wires,
            "routers": self._start_routers,
            "sites": self._start_sites,
            "converging": self._converge,
        }
        phase = ""
        try:
            with anyio.fail_after(deadline_s):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch_routers)
                    for phase in PHASES[: PHASES.index(until) + 1]:
                        begin = time.monotonic()
                        await doing[phase](on_progress)
                        self.took_s[phase] = round(time.monotonic() - begin, 3)
                    tasks.cancel_scope.cancel()
        except ExceptionGroup as failures:
            # Several tasks may fail of one cause. A daemon that ended explains more than who missed it.
            await anyio.sleep(TELLING_S)
            if (known := failures.subgroup(AnyplaneError)) is not None:
                raise self._ended_router() or first_of(known) from None
            if (noes := failures.subgroup(OSError)) is not None:
                raise refused(phase, first_of(noes)) from failures
            raise
        except TimeoutError:
            raise self._too_late(phase, deadline_s) from None
        self._up_at = time.monotonic()
        self.took_s["total"] = round(self._up_at - self._begun, 3)
        self.is_up = True

    def _too_late(self, phase: str, deadline_s: float) -> LabError:
        return LabError(
            f"the lab is not up after {deadline_s:g} s: it was at {phase}; {self._doubt}",
            hint=f"{self.directory}/nodes has the logs; a slow machine may need a longer --timeout",
        )

    async def down(self) -> None:
        """No process of a node lives; wires and namespaces are given back."""
        await anyio.to_thread.run_sync(self._end)

    def _end(self) -> None:
        # No place is asked to end by itself: nobody is left who could be served meanwhile.
        self.processes.close()
        for thing in (self.words, self._zygote, self._wires):
            if thing is not None:
                thing.close()
        self.wiring.close()

    async def _wire(self, on_progress: Progress) -> None:
        nodes = self.blueprint.nodes
        if self.blueprint.site_nodes and self.blueprint.design_text:
            # It has a third of a second of imports before it, which wiring and routers cover.
            self._zygote = await anyio.to_thread.run_sync(_new_zygote)
        await on_progress({"phase": "wiring", "done": 0, "total": len(nodes)})
        paths.LAB_RUN.mkdir(parents=True, exist_ok=True)
        for node in nodes:
            self.directory_of(node.name).mkdir(parents=True, exist_ok=True)
            paths.run_of(node.name).mkdir(parents=True, exist_ok=True)

        def build() -> None:
            self.wiring.prepare()
            self.wiring.lay(is_relayed=self._choose_wires())
            for node in nodes:
                if node.kind == NodeKind.ROUTER and node.daemon == RouterKind.FRR:
                    self.wiring.add_routes(node.name, loopback_routes(self.blueprint, node.name))

        async with anyio.create_task_group() as tasks:
            # The kernel, which lays the cables, leaves the time for it.
            tasks.start_soon(anyio.to_thread.run_sync, self._write_configurations)
            await anyio.to_thread.run_sync(build)
        await on_progress({"phase": "wiring", "done": len(nodes), "total": len(nodes)})

    def _write_configurations(self) -> None:
        """What the routers will read lies in their directories."""
        from anyplane.lab import routers
        from anyplane.lab.routers.tables import Table

        for node in self.blueprint.nodes:
            if node.kind in _ROUTERS:
                table = Table(self.blueprint, node)
                made = routers.configuration(self.blueprint, node, sessions=table.neighbours)
                for name, text in made.items():
                    (self.directory_of(node.name) / name).write_text(text)
                self._tables.append(table)

    def _choose_wires(self) -> bool:
        """Do cables run through the wire namespace?"""
        from anyplane.lab.wires import wires

        way = wires.chosen_way(self.blueprint, self.namespaces[WIRE])
        self._wires = wires.Wires(
            self.blueprint,
            way=way,
            wiring=self.wiring,
            processes=self.processes,
            directory=self.directory,
        )
        return way == wires.Way.RELAY

    async def _start_wires(self, on_progress: Progress) -> None:
        await on_progress({"phase": "wires", "done": 0, "total": 1})
        if self._wires is not None:
            await anyio.to_thread.run_sync(self._wires.start)

    async def _start_routers(self, on_progress: Progress) -> None:
        from anyplane.lab import routers

        nodes = [table.node for table in self._tables]

        def start(node: Node) -> None:
            directory = self.directory_of(node.name)
            for label, argv in routers.commands(self.blueprint, node, directory):
                self.processes.start(node.name, argv, label=label)

        def start_some(some: Sequence[Node]) -> None:
            for node in some:
                start(node)

        for done in range(0, len(nodes), AT_ONCE):
            await on_progress({"phase": "routers", "done": done, "total": len(nodes)})
            await anyio.to_thread.run_sync(start_some, nodes[done : done + AT_ONCE])
        for table in self._tables:
            table.namespace = self.namespaces[table.node.name]
            self.routers[table.node.name] = table

    async def _start_sites(self, on_progress: Progress) -> None:
        nodes = tuple(self.blueprint.site_nodes.values())
        if not nodes or not self.blueprint.design_text:
            return
        from anyplane import design
        from anyplane.lab.places import sites
        from anyplane.lab.places.fleet_words import FleetWords
        from anyplane.lab.places.ground import Ground

        parsed = design.parse(self.blueprint.design_text, file="edition.yaml")
        ground = Ground(
            blueprint=self.blueprint,
            design=parsed,
            wiring=self.wiring,
            processes=self.processes,
            directory=self.directory,
            zygote=self._zygote,
        )
        for node in nodes:
            self.places[node.site] = await anyio.to_thread.run_sync(sites.Place, ground, node)
        self.words = FleetWords(self.places.values())
        self.words.start()
        done = 0
        await on_progress({"phase": "sites", "done": 0, "total": len(nodes)})
        for place in self.places.values():
            await anyio.to_thread.run_sync(place.start)
        async with anyio.create_task_group() as tasks:

            async def wait(place: Place) -> None:
                nonlocal done
                await anyio.to_thread.run_sync(place.wait_ready)
                done += 1
                await on_progress({"phase": "sites", "done": done, "total": len(nodes)})

            for place in self.places.values():
                tasks.start_soon(wait, place)

    async def _converge(self, on_progress: Progress) -> None:
        """Every session is up, and no router has changed a route for QUIET_S."""
        from anyplane.lab.routers import readiness

        tables, heard = tuple(self.routers.values()), {"done": 0, "total": 0}

        def hear(now: readiness.Readiness) -> None:
            heard.update(done=now.up, total=now.expected)

        async def tell() -> None:
            while True:
                await anyio.sleep(TELLING_S)
                await on_progress({"phase": "converging", **heard})

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tell)
            self._doubt = "some BGP session is not up"
            await readiness.wait_until_ready(
                tables, deadline_s=self._left_s(), with_sites=bool(self.places), on_progress=hear
            )
            self._doubt = "the routers still exchange updates"
            await readiness.wait_until_quiet(tables, quiet_s=QUIET_S, deadline_s=self._left_s())
            tasks.cancel_scope.cancel()
        await on_progress({"phase": "converging", **heard})

    def _left_s(self) -> float:
        """Until the deadline; a little less, so that whoever waits says what for."""
        return max(0.1, self._deadline - time.monotonic() - 0.5)

    async def _watch_routers(self) -> None:
        """LabError as soon as a router's daemon ends; of sites that is told by those who wait for them."""
        while True:
            await anyio.sleep(TELLING_S)
            if (ended := self._ended_router()) is not None:
                raise ended

    def _ended_router(self) -> LabError | None:
        for process in self.processes:
            if not process.is_alive and process.node in self.routers:
                return _did_not_start(process)
        return None


def _did_not_start(process: Process) -> LabError:
    words = process.last_words or "it wrote nothing"
    return LabError(
        f"{process.node}: {process.label} ended at the start ({process.ended}):\n{words}",
        hint=f"its log is {process.command.log}, its command: {' '.join(process.argv)}",
    )


def first_of(errors: BaseExceptionGroup[E]) -> E:
    """One of those that failed together."""
    first: E | BaseExceptionGroup[E] = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _new_zygote() -> Zygote:
    from anyplane.lab.container.zygote import Zygote

    return Zygote()
