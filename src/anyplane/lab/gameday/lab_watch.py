"""LabWatch: the prober and the FIB watch of one game day, started in the lab, and what they saw."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from anyplane.lab.blueprint import Blueprint, Link
from anyplane.lab.container.namespaces import in_new_thread
from anyplane.lab.container.processes import Process
from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.measuring import flows_moved, measured
from anyplane.lab.gameday.scenario import ProbeKind, Probes
from anyplane.lab.gameday.stage import NO_SITE, Flows, Measured, Observation, Seen
from anyplane.lab.places.servers.serving import HTTP_PORT, STREAM_PORT
from anyplane.lab.probes import fib_watch, queries, query_log
from anyplane.lab.probes.asked_once import asked_once
from anyplane.lab.probes.fib_watch import FibLog, FibPlan
from anyplane.lab.probes.onlookers import begun, client_at, door
from anyplane.lab.probes.queries import Kind, ProbePlan, ProbeTarget

ENDING_S = 8.0
PORTS = {ProbeKind.UDP: 53, ProbeKind.TCP: 53, ProbeKind.HTTP: HTTP_PORT, ProbeKind.STREAM: STREAM_PORT}


class LabWatch:
    """Both run in the wires' namespace, where nothing is ever frozen."""

    def __init__(self, ground: Ground, addresses: tuple[str, ...]) -> None:
        self._ground = ground
        self._engine = ground.engine
        self._addresses = addresses
        self._folder = ground.engine.directory / "gameday"
        self._number = 0
        self._prober: Process | None = None
        self._fib: Process | None = None
        self._began = 0.0
        self.removed: dict[str, float] = {}
        """Backends that were taken away, and when: their own flows have to move."""

    def start(self, probes: Probes, clients: Iterable[Client]) -> None:
        """Both are at work."""
        self._number += 1
        blueprint = self._engine.blueprint
        fib_log, log = self._file("fib.log"), self._file("queries.log")
        nodes = [node.name for node in blueprint.nodes if node.name in self._engine.namespaces]
        fib = FibPlan(
            log=str(fib_log),
            nodes={name: door(self._engine.namespaces[name]) for name in nodes},
            prefixes=tuple(str(prefix) for prefix in blueprint.prefixes),
        )
        plan = ProbePlan(
            log=str(log),
            clients=tuple(self._client(one) for one in clients),
            targets=tuple(
                ProbeTarget(address=address, port=PORTS[kind], kind=Kind(kind.value), rate=probes.rate)
                for kind in probes.kinds
                for address in self._addresses[:1]
            ),
        )
        self.removed.clear()
        self._fib = self._start("fib_watch", fib.to_text(), fib_log)
        self._prober = self._start("prober", plan.to_text(), log)
        self._began = time.monotonic()

    def stop(self) -> Measured:
        """Both have ended; what the prober saw since it asked for the first time."""
        until = time.monotonic()
        was_probing = self._prober is not None
        for process in (self._prober, self._fib):
            if process is not None:
                process.stop(ENDING_S)
                self._engine.processes.forget(process)
        self._prober = self._fib = None
        if not was_probing:
            return Measured()
        log = query_log.read(self._file("queries.log"))
        found = measured(log, since=self._began, until=until)
        return Measured(
            probed=found.probed, stalls=found.stalls, notes=found.notes, flows=self._flows(log, until)
        )

    def _flows(self, log: queries.ProbeLog, until: float) -> Flows | None:
        if not self.removed:
            return None
        return flows_moved(log, since=min(self.removed.values()), until=until, removed=self.removed)

    def observations(self, since: float) -> tuple[Observation, ...]:
        """Sites withdrawn and announced as the kernels of their upstreams have it, and every change."""
        file = self._file("fib.log")
        if not file.exists():
            return ()
        return seen_in(fib_watch.read(file), self._engine.blueprint, since=since)

    def catchment(self, clients: Iterable[Client]) -> dict[str, str]:
        """Asked now, of every client at once."""
        asked = [self._client(one) for one in clients]
        found = self._sites_of(asked)
        # A datagram may be lost; whoever was answered needs no second one, which takes a round trip.
        silent = [one for one in asked if found[one.name] == NO_SITE]
        return found | self._sites_of(silent) if silent else found

    def _sites_of(self, clients: list[queries.Client]) -> dict[str, str]:
        found = in_new_thread(lambda: asked_once(clients, self._addresses[0], timeout_s=1.0))
        return {node: said.site.partition("/")[0] for node, said in found.items()}

    def _start(self, module: str, plan: str, log: Path) -> Process:
        label = f"gameday-{module}-{self._number}"
        return begun(self._engine.processes, module, plan, label=label, log=log)

    def _file(self, name: str) -> Path:
        return self._folder / f"{self._number}-{name}"

    def _client(self, client: Client) -> queries.Client:
        node = self._engine.node(client.node)
        return client_at(node, self._engine.blueprint, self._engine.namespace(client.node))


def seen_in(log: FibLog, blueprint: Blueprint, *, since: float) -> tuple[Observation, ...]:
    """A site is withdrawn when none of its upstreams sends anything to it, and announced when one does again.

    An upstream that merely prefers another way (a drain asks for that) has withdrawn it, too, as far as
    packets go: the tables of the kernels are what users feel.
    """
    ends = _ends(blueprint)
    ways: dict[tuple[str, str, str], bool] = {}
    found: list[Observation] = []
    standing: dict[str, bool] = {}
    for change in log.changes:
        if change.at >= since:
            found.append(Observation(at=change.at, what=Seen.FIB, where=change.node))
        for site, devices in ends.get(change.node, {}).items():
            ways[site, change.node, change.prefix] = bool(devices.intersection(change.devices))
            # A way that was never seen to change carries, as it did when the day began.
            total = sum(site in found_here for found_here in ends.values()) * len(blueprint.prefixes)
            gone = sum(not is_up for (of, _, _), is_up in ways.items() if of == site)
            is_up = gone < total
            if standing.get(site, True) != is_up and change.at >= since:
                what = Seen.ANNOUNCED if is_up else Seen.WITHDRAWN
                words = "is announced again" if is_up else "is withdrawn"
                found.append(Observation(at=change.at, what=what, where=site, text=f"{site} {words}"))
            standing[site] = is_up
    return tuple(found)


def _ends(blueprint: Blueprint) -> dict[str, dict[str, frozenset[str]]]:
    """By router, then by site: the devices that lead to the site."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for one in blueprint.sites:
        if one.link < 0:
            continue
        link: Link = blueprint.links[one.link]
        here = found.setdefault(link.far(one.node), {})
        here[one.site] = here.get(one.site, frozenset()) | {link.device}
    return found
