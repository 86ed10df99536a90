"""LabStage: the stage of a game day in a lab; runs inside, in a thread beside the engine's loop."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing

from anyplane.lab import paths
from anyplane.lab.gameday import steps
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.lab_facts import facts_of
from anyplane.lab.gameday.lab_faults import DONE_BY_RUNNER, LabFaults, kinds_done
from anyplane.lab.gameday.lab_routers import LabRouters
from anyplane.lab.gameday.lab_watch import LabWatch
from anyplane.lab.gameday.scenario import Probes
from anyplane.lab.gameday.stage import Applied, Facts, Measured, Observation, Seen
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

MENDED_S = 20.0
POLL_S = 0.1


class LabStage:
    """Implements gameday.stage.Stage."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._engine = ground.engine
        self._routers = LabRouters(ground)
        self._faults = LabFaults(ground, self._routers)
        self._watch = LabWatch(ground, _addresses(ground))
        self._wall = time.time() - time.monotonic()
        self._harmed = False

    def now(self) -> float:
        """CLOCK_MONOTONIC, as all processes of the lab have it."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """In this thread; the lab goes on."""
        time.sleep(seconds)

    def facts(self) -> Facts:
        """From the blueprint and the design."""
        return facts_of(self._engine.blueprint, self._ground.design)

    def refusal(self, step: steps.Step) -> str:
        """Why it cannot be done in this lab."""
        if type(step) not in kinds_done() | DONE_BY_RUNNER:
            return "the lab cannot do this"
        return self._faults.refusal(step)

    def start_probes(self, probes: Probes) -> None:
        """Prober and FIB watch run."""
        self._watch.start(probes, probes.clients.among(self.facts().clients))

    def stop_probes(self) -> Measured:
        """They have ended."""
        found = self._watch.stop()
        notes = (*found.notes, *_of_relay(self._engine.wires.stats()))
        return Measured(probed=found.probed, stalls=found.stalls, flows=found.flows, notes=notes)

    def apply(self, step: steps.Step) -> Applied:
        """Done, when this returns."""
        self._harmed = True
        if isinstance(step, steps.RemoveBackend):
            self._watch.removed[f"{step.site}/{step.backend}"] = self.now()
        return self._faults.do(step)

    def heal(self) -> tuple[str, ...]:
        """All faults are taken back, and every site serves again; what could not be."""
        if not self._harmed:
            return ()
        failed = [*self._faults.heal()]
        self._engine.wires.clear()
        for place in self._engine.places.values():
            _forget(place)
        deadline = self.now() + MENDED_S
        for name, place in self._engine.places.items():
            while not place.is_ready():
                if self.now() > deadline:
                    failed.append(f"{name} does not serve again {MENDED_S:g} s after everything was undone")
                    break
                self.sleep(POLL_S)
        self._harmed = bool(failed)
        return tuple(failed)

    def announced(self) -> frozenset[str]:
        """As the routers that hear the sites have it."""
        return self._routers.announced()

    def catchment(self) -> Mapping[str, str]:
        """Asked of every client."""
        return self._watch.catchment(self.facts().clients)

    def updates(self) -> int:
        """Of all routers."""
        return self._routers.updates()

    def observations(self, since: float) -> tuple[Observation, ...]:
        """Kernels and journals."""
        found = [*self._watch.observations(since)]
        for name, place in self._engine.places.items():
            found += self._journal(name, place.node.name, since)
        return tuple(sorted(found, key=lambda one: one.at))

    def prediction(self, without: frozenset[str]) -> Mapping[str, frozenset[str]] | None:
        """What the outside computed before the day."""
        plans = self._ground.plans or {}
        plan = plans.get(",".join(sorted(without)))
        return None if plan is None else {client: frozenset(sites) for client, sites in plan.items()}

    def _journal(self, site: str, node: str, since: float) -> list[Observation]:
        """The agent's decisions; its times are wall-clock ones."""
        file = paths.agent_state(node) / f"{site}.journal.sqlite"
        if not file.exists():
            return []
        question = (
            "SELECT at, service, after, reason FROM facts WHERE kind = 'decision' AND at >= ? ORDER BY at"
        )
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=1.0)) as journal:
                rows = journal.execute(question, (since + self._wall,)).fetchall()
        except sqlite3.Error as error:
            raise LabError(f"the journal of {site} cannot be read: {error}") from error
        return [
            Observation(
                at=at - self._wall,
                what=Seen.NOTE,
                where=site,
                text=f"{site} {service}: {after}" + (f" ({reason})" if reason else ""),
            )
            for at, service, after, reason in rows
        ]


def _addresses(ground: Ground) -> tuple[str, ...]:
    found = [
        str(address)
        for health in (ground.design.health, *(site.health for site in ground.design.sites))
        for one in health.values()
        for address in one.addresses
    ]
    if not found:
        raise LabError("the design has no service address", hint="give `health:` its addresses")
    return tuple(dict.fromkeys(found))


def _forget(place: Place) -> None:
    """An agent without a past: one that remembers falls would quarantine its service the next day."""
    place.agent.stop()
    state = paths.agent_state(place.node.name)
    if state.exists():
        shutil.rmtree(state)
    place.agent.start()


def _of_relay(stats: Mapping[str, object]) -> tuple[str, ...]:
    late, missed, said = stats.get("lateness_us") or stats.get("lateness"), stats.get("missed"), []
    if isinstance(late, dict) and late.get("frames"):
        said.append(
            f"the relay carried {late['frames']:,} frames, late by {late['p50_us']:.0f} us (median), "
            f"{late['p99_us']:.0f} us (99 of 100) and {late['max_us'] / 1000:.1f} ms at worst"
        )
    if missed:
        said.append(f"the relay lost {missed} frames of its own")
    return tuple(said)
