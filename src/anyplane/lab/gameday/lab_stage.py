"""LabStage: the stage of a game day in a lab; runs inside, in a thread beside the engine's loop."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

from anyplane import design as designs
from anyplane.bgp.speaker import SessionState
from anyplane.lab import paths
from anyplane.lab.gameday import site_steps
from anyplane.lab.gameday.ground import Ground
from anyplane.lab.gameday.lab_facts import facts_of
from anyplane.lab.gameday.lab_faults import BREAK_SESSIONS, DONE_BY_RUNNER, LabFaults, kinds_done
from anyplane.lab.gameday.lab_routers import LabRouters
from anyplane.lab.gameday.lab_watch import LabWatch
from anyplane.lab.gameday.outcome import DISTURBED
from anyplane.lab.gameday.scenario import Probes
from anyplane.lab.gameday.stage import Applied, Facts, Measured, Observation, Seen
from anyplane.lab.gameday.step import Step
from anyplane.lab.gameday.words import Words, worded
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

MENDED_S, SESSIONS_S = 20.0, 10.0
POLL_S = 0.02
DISTURBED_US = 150_000.0
RELAY_LOSSES = {
    "missed": "came too fast for the relay and were lost",
    "cut_short": "were cut short by the relay and dropped",
    "refused": "were refused by the kernel when the relay sent them",
}


class LabStage:
    """Implements gameday.stage.Stage."""

    def __init__(self, ground: Ground, *, is_over: threading.Event | None = None) -> None:
        self._ground = ground
        self._is_over = is_over or threading.Event()
        """Whoever asked for the day has hung up."""
        self._engine = ground.engine
        self._routers = LabRouters(ground)
        self._faults = LabFaults(ground, self._routers)
        self._watch = LabWatch(ground, _addresses(ground))
        self._relay: Mapping[str, Any] = {}
        self._wall = time.time() - time.monotonic()
        self._harmed = False
        self._sessions_fell = False

    def now(self) -> float:
        """CLOCK_MONOTONIC, as all processes of the lab have it."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """In this thread; the lab goes on. LabError where nobody waits for the day any more."""
        if self._is_over.wait(seconds):
            raise LabError("nobody waits for this game day any more")

    def facts(self) -> Facts:
        """From the blueprint and the design."""
        return facts_of(self._engine.blueprint, self._ground.design)

    def refusal(self, step: Step) -> str:
        """Why it cannot be done in this lab."""
        if type(step) not in kinds_done() | DONE_BY_RUNNER:
            return "the lab cannot do this"
        return self._faults.refusal(step)

    def reword(self, words: Words) -> None:
        """Every agent begins anew with the design so changed, and announces all that it should."""
        blueprint = self._engine.blueprint
        text = worded(blueprint.design_text, words)
        found = designs.parse(text, file=f"{blueprint.name}.yaml")
        self._harmed = True
        self._ground = replace(self._ground, design=found)
        if failed := self._begin_anew(text):
            raise LabError("; ".join(failed), hint="the words under `with:` leave it nothing to announce?")

    def start_probes(self, probes: Probes) -> None:
        """Prober and FIB watch run."""
        self._relay = self._engine.wires.stats(is_reset=True)
        self._watch.start(probes, probes.clients.among(self.facts().clients))

    def stop_probes(self) -> Measured:
        """They have ended."""
        found = self._watch.stop()
        notes = (*found.notes, *relay_notes(self._engine.wires.stats(), before=self._relay))
        return Measured(probed=found.probed, stalls=found.stalls, flows=found.flows, notes=notes)

    def apply(self, step: Step) -> Applied:
        """Done, when this returns."""
        self._harmed = True
        self._sessions_fell |= isinstance(step, BREAK_SESSIONS)
        if isinstance(step, site_steps.RemoveBackend):
            self._watch.removed[f"{step.site}/{step.backend}"] = self.now()
        return self._faults.do(step)

    def heal(self) -> tuple[str, ...]:
        """All faults are taken back, and every site serves again; what could not be."""
        if not self._harmed:
            return ()
        failed = [*self._faults.heal()]
        self._engine.wires.clear()
        failed += self._begin_anew(self._engine.blueprint.design_text)
        self._sessions_fell = False
        self._harmed = bool(failed)
        return tuple(failed)

    def _begin_anew(self, text: str) -> list[str]:
        """Every agent runs by the design in `text` and has no past; those that do not serve in time."""
        places = self._engine.places
        with ThreadPoolExecutor(max_workers=max(1, len(places)), thread_name_prefix="anew") as threads:
            fell = self._sessions_fell
            for done in [threads.submit(_forget, place, text, fell) for place in places.values()]:
                done.result()
        deadline = self.now() + MENDED_S
        late = []
        for name, place in places.items():
            while not place.is_ready():
                if self.now() > deadline:
                    late.append(f"{name} does not serve {MENDED_S:g} s after its agent began anew")
                    break
                time.sleep(POLL_S)
        # A site serves with one session; the next day should find all of them, as this one did.
        deadline = min(deadline, self.now() + SESSIONS_S)
        while self.now() < deadline and not all(_has_all_sessions(place) for place in places.values()):
            time.sleep(POLL_S)
        return late

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


def _has_all_sessions(place: Place) -> bool:
    status = place.agent.status()
    return status is not None and all(one["state"] == SessionState.UP for one in status["sessions"])


def _forget(place: Place, text: str, sessions_fell: bool) -> None:
    """An agent without a past: one that remembers falls would quarantine its service the next day.

    So would a daemon be back later than the next day allows, if it remembered how often its sessions fell.
    """
    place.agent.stop()
    if sessions_fell:
        place.daemon.begin_sessions_anew()
    place.write_design(text)
    state = paths.agent_state(place.node.name)
    if state.exists():
        shutil.rmtree(state)
    place.agent.start()


def relay_notes(stats: Mapping[str, Any], *, before: Mapping[str, Any]) -> tuple[str, ...]:
    """The relay's own error since `before`, in words; nothing where the kernel makes the delays."""
    late, said = stats.get("lateness"), []
    if isinstance(late, dict) and late.get("frames"):
        said.append(
            f"the relay carried {late['frames']:,} frames, late by {late['p50_us']:.0f} us (median), "
            f"{late['p99_us']:.0f} us (99 of 100) and {late['max_us'] / 1000:.1f} ms at worst"
        )
        if late["max_us"] > DISTURBED_US:
            said.append(
                f"{DISTURBED} for {late['max_us'] / 1000:.0f} ms: BFD (100 ms x 3) may take it for "
                "a dead link; what was lost then is this machine's doing, so run it again on a quiet one"
            )
    for key, words in RELAY_LOSSES.items():
        if (many := int(stats.get(key, 0)) - int(before.get(key, 0))) > 0:
            said.append(f"{many:,} frames {words}")
    return tuple(said)
