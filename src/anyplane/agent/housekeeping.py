"""Housekeeping: each second what the loop must not wait for: design, other sites, our report, metrics.

A site that failed waits for words of others that are newer than its failure (the guard), and so do they for
ours: words are spoken and heard five times as often.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
import anyio.to_thread

from anyplane.agent import designs, fleet, handover
from anyplane.agent.anchors import Anchors
from anyplane.agent.announcer import Announcer
from anyplane.agent.files import FileWriter
from anyplane.agent.journal import Journal
from anyplane.agent.loop import Loop
from anyplane.agent.record import Recorder
from anyplane.agent.settings import Settings
from anyplane.agent.status import Status
from anyplane.agent.systemd import Supervisor
from anyplane.agent.third_ring import ThirdRing, disagreement
from anyplane.control.fleet import Withdrawal
from anyplane.control.site import Turn, report
from anyplane.control.states import Level
from anyplane.model.errors import AnyplaneError

EVERY_S = 1.0
WORDS_EVERY_S = 0.2
SLOW_FILE_S = 5.0
ADDRESSES_EVERY = 5
DISAGREEMENTS = 3
DARKNESS = 60
"""Beats without a session to the witness until that is an alarm: GoBGP takes 12 s to call again."""


class Housekeeping:
    """`run` until cancelled; `reload` when somebody asks for it."""

    def __init__(
        self,
        settings: Settings,
        *,
        loop: Loop,
        announcer: Announcer,
        anchors: Anchors,
        recorder: Recorder,
        status: Status,
        supervisor: Supervisor,
        files: FileWriter | None,
        journal: Journal | None,
        now: Callable[[], float],
        wall: Callable[[], float],
        on_design: Callable[[designs.Accepted], None],
        on_addresses: Callable[[], None] | None = None,
        witness: ThirdRing | None = None,
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._announcer = announcer
        self._anchors = anchors
        self._recorder = recorder
        self._status = status
        self._supervisor = supervisor
        self._files = files
        self._journal = journal
        self._now = now
        self._wall = wall
        self._on_design = on_design
        self._on_addresses = on_addresses
        self._witness = witness
        self._disagreements = 0
        self._darkness = 0
        self._watch = designs.FileWatch(settings.design)
        self._boot = handover.boot_id()
        self._levels: dict[str, Level] | None = None
        self._reload = anyio.Event()
        self._beats = 0

    def reload(self) -> None:
        """Read the design now, changed or not."""
        self._reload.set()

    def taken(self, turn: Turn) -> None:
        """After each turn: a change of levels is noted at once, for a successor."""
        levels = {key: one.level for key, one in turn.state.services.items()}
        if levels != self._levels:
            self._levels = levels
            self._leave_legacy()

    async def run(self) -> None:
        """Every second, and when a reload is asked for."""
        while True:
            await self.beat()
            with anyio.move_on_after(EVERY_S):
                await self._talk()

    async def _talk(self) -> None:
        """Speak and hear in between, where there is somebody to talk to, until a reload is asked for."""
        while not self._reload.is_set():
            with anyio.move_on_after(WORDS_EVERY_S):
                await self._reload.wait()
            if self._loop.accepted.plan.safety.fleet_file:
                self._tell_others()
                await self._hear_fleet()

    async def beat(self) -> None:
        """One round."""
        is_asked = self._reload.is_set()
        self._reload = anyio.Event()
        with anyio.move_on_after(SLOW_FILE_S):
            if await anyio.to_thread.run_sync(self._watch.has_settled, abandon_on_cancel=True) or is_asked:
                await self._read_design()
            await self._hear_fleet()
        if self._beats % ADDRESSES_EVERY == 0 and self._on_addresses is not None:
            self._on_addresses()
        self._beats += 1
        self._tell_others()
        self._leave_legacy()
        self._measure()
        if self._witness is not None:
            self._hear_witness(self._witness)
        self._alarm()

    async def _read_design(self) -> None:
        self._supervisor.say(RELOADING="1", MONOTONIC_USEC=str(int(self._now() * 1e6)))
        try:
            found = await anyio.to_thread.run_sync(
                lambda: designs.read(self._settings.design, site=self._settings.site)
            )
            if found.text != self._loop.accepted.text:
                designs.succeed(self._loop.accepted, found, state=self._loop.state)
                self._loop.follow_design(found)
                self._on_design(found)
                if self._files is not None:
                    self._files.put(self._settings.accepted_design, found.text)
            self._status.design = {
                "path": str(self._settings.design),
                "refused": "",
                "accepted_at": self._wall(),
            }
            self._recorder.metrics.reload_ok.set(1)
            self._recorder.metrics.reloads.labels("accepted").inc()
            self._recorder.calm("design refused")
            self._recorder.note("reload", "design read", outcome="accepted", path=str(self._settings.design))
        except AnyplaneError as error:
            self.refuse(str(error))
        finally:
            self._supervisor.say(READY="1")

    def refuse(self, why: str) -> None:
        """The design file is no good: the one before goes on, and says so until the file is mended."""
        self._status.design = {"path": str(self._settings.design), "refused": why}
        self._recorder.metrics.reload_ok.set(0)
        self._recorder.metrics.reloads.labels("refused").inc()
        self._recorder.alarm("design refused", why, is_error=True)
        self._recorder.fact("reload", "design refused", error=why)

    async def _hear_fleet(self) -> None:
        plan = self._loop.accepted.plan
        path = plan.safety.fleet_file
        text = await anyio.to_thread.run_sync(fleet.text_of, path, abandon_on_cancel=True) if path else None
        view, warnings = fleet.view_of(plan, text, wall=self._wall(), now=self._now())
        if path and text is None:
            warnings = (f"{path} cannot be read", *warnings)
        self._loop.hear_fleet(view)
        self._recorder.metrics.fleet({one.site: one.age_s for one in view.reports})
        if warnings:
            self._recorder.alarm("fleet", "; ".join(warnings[:4]))
        else:
            self._recorder.calm("fleet")

    def _tell_others(self) -> None:
        if self._files is None:
            return
        now = self._now()
        said = report(self._loop.accepted.plan, self._loop.state, now=now)
        gone = [
            Withdrawal(site=said.site, service=service, age_s=now - at)
            for at, service in self._loop.withdrawals
        ]
        self._files.put(self._settings.report_file, fleet.to_text(said, gone, wall=self._wall()))

    def _leave_legacy(self) -> None:
        if self._files is not None:
            legacy = handover.of(
                self._loop.accepted.plan,
                self._loop.state,
                boot=self._boot,
                now=self._now(),
                confirmed_at=self._anchors.confirmed_at,
            )
            self._files.put(self._settings.state_file, handover.to_text(legacy))

    def _measure(self) -> None:
        metrics = self._recorder.metrics
        metrics.checks(self._loop.verdicts())
        upstreams = {str(one.neighbor): one.upstream for one in self._loop.accepted.router.sessions}
        metrics.routes(self._announcer.expected, self._announcer.seen, upstreams)
        if self._announcer.seen is not None:
            metrics.sessions(self._announcer.seen)
        if self._anchors.renewed_at is not None:
            metrics.lease_age.set(self._now() - self._anchors.renewed_at)
        states = ", ".join(f"{key} {one.state}" for key, one in self._loop.state.services.items())
        self._supervisor.say(STATUS=states[:200])

    def _hear_witness(self, witness: ThirdRing) -> None:
        """The third ring against the others; a moment's difference is only the way that an update takes."""
        witnessed = witness.observation()
        upstreams = {str(one.neighbor): one.upstream for one in self._loop.accepted.router.sessions}
        found = disagreement(self._announcer.expected, self._announcer.seen, witnessed)
        self._recorder.metrics.witnessed(witnessed, upstreams, disagreements=found.places)
        self._disagreements = self._disagreements + 1 if found else 0
        self._darkness = self._darkness + 1 if found.dark else 0
        if self._disagreements >= DISAGREEMENTS or self._darkness >= DARKNESS:
            self._recorder.alarm("witness disagrees", str(found))
        elif not self._disagreements:
            self._recorder.calm("witness disagrees")

    def _alarm(self) -> None:
        trouble = "" if self._journal is None else self._journal.trouble
        if trouble:
            self._recorder.alarm("journal", trouble)
        else:
            self._recorder.calm("journal")
        failed = {} if self._files is None else dict(self._files.troubles)
        if failed:
            self._recorder.alarm("files", "; ".join(f"{path}: {why}" for path, why in failed.items()))
        else:
            self._recorder.calm("files")
