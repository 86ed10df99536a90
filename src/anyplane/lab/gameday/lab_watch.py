"""LabWatch: the prober and the FIB watch of one game day, started in the lab, and what they saw."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from anyplane.lab.blueprint import Blueprint, Link
from anyplane.lab.container.processes import Process
from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.measuring import flows_moved, measured
from anyplane.lab.gameday.scenario import ProbeKind, Probes
from anyplane.lab.gameday.stage import NO_SITE, Flows, Measured, Observation, Seen
from anyplane.lab.places.servers.serving import HTTP_PORT, STREAM_PORT
from anyplane.lab.probes import asking, fib_watch, queries, query_log
from anyplane.lab.probes.asking import Errand
from anyplane.lab.probes.fib_watch import FibLog, FibPlan
from anyplane.lab.probes.queries import Kind, ProbePlan, ProbeTarget
from anyplane.lab.wires.wiring import WIRE
from anyplane.model.errors import LabError

READY_S = 10.0
ENDING_S = 8.0
ASKING_S = 20.0
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
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._number += 1
        blueprint = self._engine.blueprint
        fib_log, log = self._file("fib.log"), self._file("queries.log")
        for file in (fib_log, log):
            file.unlink(missing_ok=True)
        nodes = [node.name for node in blueprint.nodes if node.name in self._engine.namespaces]
        fib = FibPlan(
            log=str(fib_log),
            nodes={name: self._door(name) for name in nodes},
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
        for process in (self._prober, self._fib):
            if process is not None:
                process.stop(ENDING_S)
        if self._prober is None:
            return Measured()
        self._prober = None
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
        asked = tuple(clients)
        family = 6 if ":" in self._addresses[0] else 4
        errands = [
            Errand(
                namespace=self._door(one.node),
                source=str(self._engine.blueprint.by_name[one.node].client_address(family)),
                server=self._addresses[0],
                tries=2,
                timeout_s=1.0,
            )
            for one in asked
        ]
        found = self._ask(errands)
        return {
            one.node: (said.texts[0].partition("/")[0] if said.texts else NO_SITE)
            for one, said in zip(asked, found, strict=True)
        }

    def _ask(self, errands: list[Errand]) -> list[asking.Outcome]:
        from anyplane.lab.container.operations_basic import run_in

        argv = (sys.executable, "-P", "-m", "anyplane.lab.probes.asking")
        stdin = json.dumps({"errands": [asdict(one) for one in errands]}).encode()
        namespace = self._engine.namespaces[WIRE]
        code, output, errors = self._ground.wait(
            lambda: run_in(namespace, argv, timeout_s=ASKING_S, stdin=stdin)
        )
        if code != 0:
            last = (errors.decode(errors="replace").strip().splitlines() or [f"exit code {code}"])[-1]
            raise LabError(f"nobody could ask from the clients: {last}")
        return [asking.outcome(one) for one in json.loads(output)]

    def _start(self, module: str, plan: str, log: Path) -> Process:
        file = self._file(f"{module}.json")
        file.write_text(plan, encoding="utf-8")
        argv = (sys.executable, "-P", "-m", f"anyplane.lab.probes.{module}", str(file))
        process = self._engine.processes.start(WIRE, argv, label=f"gameday-{module}-{self._number}")
        deadline = time.monotonic() + READY_S
        while not _says_started(log):
            if not process.is_alive or time.monotonic() > deadline:
                raise LabError(f"{module} did not start: {process.last_words or process.ended}")
            time.sleep(0.01)
        return process

    def _file(self, name: str) -> Path:
        return self._folder / f"{self._number}-{name}"

    def _door(self, node: str) -> str:
        return f"/proc/{os.getpid()}/fd/{self._engine.namespaces[node].fd}"

    def _client(self, client: Client) -> queries.Client:
        node = self._engine.blueprint.by_name[client.node]
        families = self._engine.blueprint.families
        return queries.Client(
            name=client.node,
            namespace=self._door(client.node),
            source4=str(node.client_address(4)) if 4 in families else "",
            source6=str(node.client_address(6)) if 6 in families else "",
            users=client.users,
        )


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


def _says_started(log: Path) -> bool:
    try:
        return b",started" in log.read_bytes()[:1_000_000]
    except OSError:
        return False
