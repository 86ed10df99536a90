"""run: one agent from its first line to its last; the wiring of everything else in this folder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import anyio

from anyplane.agent import control_socket, designs, handover, metrics_page, standing_orders
from anyplane.agent.anchors import Anchors
from anyplane.agent.announcer import OBSERVE_EVERY_S, Announcer
from anyplane.agent.answers import Answers
from anyplane.agent.files import FileWriter, write_whole
from anyplane.agent.housekeeping import Housekeeping
from anyplane.agent.inside import Inside
from anyplane.agent.journal import Journal
from anyplane.agent.keeping import Keeping
from anyplane.agent.logs import LineWriter, open_log
from anyplane.agent.loop import End, Loop, lease_of
from anyplane.agent.metrics import Metrics
from anyplane.agent.proof import Proof
from anyplane.agent.record import Recorder
from anyplane.agent.settings import Settings
from anyplane.agent.standing_orders import StandingOrders
from anyplane.agent.status import Status
from anyplane.agent.systemd import Supervisor
from anyplane.agent.tracing import Tracer
from anyplane.bgp.speaker import Inheritable
from anyplane.bgp.speakers import open_speaker
from anyplane.control.site import Turn, start
from anyplane.design.operation import DaemonKind
from anyplane.measure.runner import Runner
from anyplane.model.errors import UsageError

VERIFIED_S = 2.0
CLOSING_S = 2.0
REPLYING_S = 0.05
REHEARSAL_S = 20.0
RESTARTED_S = 1.0
NOT_VERIFIED = 4
DESCRIPTORS = 65_536
INTERRUPTED = 130


def run(settings: Settings, environment: Mapping[str, str]) -> int:
    """Run until told to stop; the exit code. AnyplaneError where it cannot begin."""
    _raise_limits()
    if not settings.is_dry_run:
        _make_directories(settings)
    with _locked(settings):
        beginning = designs.begin(settings.design, settings.accepted_design, site=settings.site)
        writer = LineWriter(sys.stderr)
        agent = Agent(settings, beginning, writer, Supervisor(environment))
        try:
            end, code = anyio.run(agent.main)
        finally:
            agent.close()
            writer.close()
    if end is End.HANDOVER:
        # Until the successor listens, a second request must not end it.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command, again
        except OSError as error:
            raise UsageError(
                f"{sys.executable} cannot be run: {(error.strerror or str(error)).lower()}",
                hint="the lease ends what is announced; start the agent again",
            ) from None
    return code


def rehearse(settings: Settings) -> None:
    """Do all that comes before the first turn and touches nothing; AnyplaneError where it fails."""
    beginning = designs.begin(settings.design, settings.accepted_design, site=settings.site)
    open_speaker(beginning.accepted.router)


class Agent:
    """All parts of one agent, made at once so that what cannot work is said before anything is touched."""

    def __init__(
        self, settings: Settings, beginning: designs.Beginning, writer: LineWriter, supervisor: Supervisor
    ) -> None:
        accepted = beginning.accepted
        self.settings = settings
        self.beginning = beginning
        self.supervisor = supervisor
        self.now = time.monotonic
        self.log = open_log(writer, settings.log_format, site=settings.site)
        self.metrics = Metrics()
        is_real = not settings.is_dry_run
        self.speaker = open_speaker(accepted.router)
        gid = control_socket.prepare(settings.socket, group=settings.group) if is_real else None
        self.gid = gid
        self.page = metrics_page.address_of(settings.metrics) if settings.metrics else None
        self.files = FileWriter() if is_real else None
        self.journal = Journal(settings.journal) if is_real else None
        self.recorder = Recorder(log=self.log, journal=self.journal, metrics=self.metrics, wall=time.time)
        self.tracer = Tracer(is_wanted=settings.is_traced)

    def close(self) -> None:
        """Write what is queued."""
        if self.files is not None:
            self.files.close()
        if self.journal is not None:
            self.journal.close()

    async def main(self) -> tuple[End, int]:
        """Everything that runs, until the loop ends."""
        asyncio.get_running_loop().set_exception_handler(self._stray)
        recorder = self.recorder
        is_real = not self.settings.is_dry_run
        accepted = self.beginning.accepted
        is_memory = accepted.router.daemon.kind is DaemonKind.MEMORY
        inside = Inside(accepted, recorder, is_on=is_real and not is_memory)
        try:
            return await self._work(inside)
        finally:
            inside.close()

    async def _work(self, inside: Inside) -> tuple[End, int]:
        settings, recorder = self.settings, self.recorder
        is_real = not settings.is_dry_run
        accepted = self.beginning.accepted
        has_lease = self.speaker.capabilities.has_lease
        lease_s = lease_of(accepted)
        anchors = Anchors(inside.loopback if has_lease else None, recorder, now=self.now, lease_s=lease_s)
        anchors.forwarded = accepted.forwarded
        keeper = settings.run_dir / f"{settings.site}.keeper"
        keeping = Keeping(self.speaker, anchors, recorder, claim=keeper, now=self.now)
        legacy = None
        if is_real:
            legacy = handover.read(
                settings.state_file,
                boot=handover.boot_id(),
                now=self.now(),
                hold_s=accepted.plan.safety.death_hold_s,
            )
        if legacy is not None:
            anchors.confirmed_at = legacy.confirmed_at
        is_kept = await keeping.begin(None if legacy is None else legacy.keeper, is_on=is_real)
        held = anchors.adopt(accepted.owns)
        heirs = (
            handover.adopted(accepted.plan, legacy, held=held, has_lease=has_lease, is_kept=is_kept)
            if has_lease or is_kept
            else {}
        )
        if heirs:
            recorder.note("agent", "adopted", services=", ".join(sorted(heirs)))
        state = start(
            accepted.plan,
            now=self.now(),
            adopted=heirs,
            penalties=None
            if legacy is None
            else handover.penalties(legacy, now=self.now(), longest_s=accepted.plan.safety.flap_longest_s),
            draining=None if legacy is None else handover.draining(legacy, now=self.now()),
        )
        proof = Proof(
            recorder, self.tracer, site=settings.site, now=self.now, wall=time.time, witness=inside.witness
        )
        announcer = Announcer(
            self.speaker,
            accepted.router.sessions,
            recorder,
            now=self.now,
            every_s=OBSERVE_EVERY_S[accepted.router.daemon.kind],
            is_dry_run=settings.is_dry_run,
            lease_s=accepted.plan.safety.lease_s,
            on_gone=proof.gone,
        )
        announcer.is_watched = lambda: keeping.is_standing
        loop = Loop(
            accepted,
            state,
            announcer=announcer,
            anchors=anchors,
            recorder=recorder,
            supervisor=self.supervisor,
            now=self.now,
            standing=self._standing(accepted),
            on_turn=lambda turn: self._taken(turn, house, inside),
        )
        inside.on_lost = lambda prefix: loop.wake() if anchors.lost(prefix) else None
        status = Status(
            settings,
            loop=loop,
            announcer=announcer,
            anchors=anchors,
            recorder=recorder,
            witness=inside.witness,
            now=self.now,
            wall=time.time,
        )
        runner = Runner(accepted.plan.checks, loop.hear)

        def follow(new: designs.Accepted) -> None:
            runner.replace(new.plan.checks)
            inside.follow_design(new)
            anchors.forwarded = new.forwarded

        house = Housekeeping(
            settings,
            loop=loop,
            announcer=announcer,
            anchors=anchors,
            recorder=recorder,
            status=status,
            supervisor=self.supervisor,
            files=self.files,
            journal=self.journal,
            now=self.now,
            wall=time.time,
            on_design=follow,
            on_addresses=inside.keep_addresses,
            witness=inside.witness,
        )
        if self.beginning.refused:
            house.refuse(self.beginning.refused)
        else:
            self.metrics.reload_ok.set(1)
            if self.files is not None:
                self.files.put(settings.accepted_design, accepted.text)
        recorder.note(
            "agent", "agent started", daemon=self.speaker.name, pid=os.getpid(), dry_run=settings.is_dry_run
        )
        inside.keep_addresses()
        async with anyio.create_task_group() as group:
            proof.group = group
            group.start_soon(self._heed_signals, loop, house)
            group.start_soon(self._lasting, "checks", runner.run)
            group.start_soon(self._lasting, "announcer", announcer.run)
            group.start_soon(self._lasting, "housekeeping", house.run)
            group.start_soon(self._lasting, "inside", inside.run)
            group.start_soon(self._lasting, "keeper", keeping.run)
            group.start_soon(self._lasting, "upgrade", lambda: self._upgrades(loop))
            if self.page is not None:
                page = self.page
                group.start_soon(
                    self._lasting, "metrics", lambda: metrics_page.serve(page, self.metrics, self.log)
                )
            if self.files is not None:
                answers = Answers(
                    settings,
                    loop=loop,
                    status=status,
                    recorder=recorder,
                    files=self.files,
                    now=self.now,
                    wall=time.time,
                    survives_agent=self.speaker.capabilities.survives_agent
                    or isinstance(self.speaker, Inheritable),
                )
                group.start_soon(
                    self._lasting,
                    "control socket",
                    lambda: control_socket.serve(settings.socket, self.gid, answers.answer, self.log),
                )
            self.supervisor.say(READY="1")
            end = await loop.run()
            code = await self._part(end, loop, announcer, anchors, keeping)
            group.cancel_scope.cancel()
        return end, code

    async def _part(
        self, end: End, loop: Loop, announcer: Announcer, anchors: Anchors, keeping: Keeping
    ) -> int:
        """Leave: as an heir expects it, or with nothing announced."""
        if self.settings.is_dry_run:
            return 0
        self.recorder.note("agent", "agent stopping", why=str(end))
        # Whoever asked for it over the socket is answered first.
        await anyio.sleep(REPLYING_S if end is End.HANDOVER else 0)
        facts = await keeping.handover() if end is End.HANDOVER else None
        if facts is not None:
            self.supervisor.say(RELOADING="1", MONOTONIC_USEC=str(int(self.now() * 1e6)))
            taken = loop.turn_taken
            if taken is not None:
                anchors.prolong(
                    handover.PROLONGED_S, taken.leased, frozenset(one.prefix for one in taken.wanted)
                )
            legacy = handover.of(
                loop.accepted.plan,
                loop.state,
                boot=handover.boot_id(),
                now=self.now(),
                keeper=facts,
                confirmed_at=anchors.confirmed_at,
            )
            if self.files is not None:
                self.files.close()
            try:
                write_whole(self.settings.state_file, handover.to_text(legacy), is_synced=False)
            except OSError as error:
                self.log.error("the successor will not know our state", reason=(error.strerror or "").lower())
                keeping.forsake(facts)
            return 0
        self.supervisor.say(STOPPING="1")
        announcer.want(frozenset())
        anchors.follow(frozenset(), frozenset())
        is_gone = await announcer.is_gone(VERIFIED_S)
        if not is_gone:
            self.log.error(
                "the withdrawal was not seen at the daemon", within_s=VERIFIED_S, reason=announcer.trouble
            )
            await announcer.panic()
        else:
            await keeping.goodbye()
        with anyio.move_on_after(CLOSING_S):
            await self.speaker.aclose()
        if self.files is not None:
            self.files.flush()
        with contextlib.suppress(OSError):
            self.settings.state_file.unlink()
        self.recorder.note("agent", "agent stopped", verified=is_gone)
        return 0 if is_gone else NOT_VERIFIED

    async def _heed_signals(self, loop: Loop, house: Housekeeping) -> None:
        with anyio.open_signal_receiver(
            signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2
        ) as received:
            async for number in received:
                if number == signal.SIGHUP:
                    house.reload()
                elif number == signal.SIGUSR2:
                    loop.upgrade()
                elif loop.end is None:
                    loop.finish(End.STOP)
                else:
                    # The second one: now. What is left the lease or the keeper ends.
                    os._exit(INTERRUPTED)

    async def _upgrades(self, loop: Loop) -> None:
        """Give way to a new program when asked to, but to none that cannot even begin.

        A broken package that is rolled out everywhere would take every site off the air as the leases end.
        """
        asked = anyio.Event()

        def ask() -> None:
            self.recorder.calm("upgrade")
            asked.set()

        loop.on_upgrade = ask
        while True:
            await asked.wait()
            asked = anyio.Event()
            trouble = await _rehearsed()
            if trouble:
                self.recorder.alarm("upgrade", f"the new program cannot begin: {trouble}", is_error=True)
            else:
                loop.finish(End.HANDOVER)

    def _stray(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback raised, with nobody to hear it: a line of the log instead of a traceback."""
        error = context.get("exception")
        self.log.warning(
            "stray error", what=str(context.get("message")), error=f"{type(error).__name__}: {error}"
        )

    async def _lasting(self, name: str, serve: Callable[[], Awaitable[None]]) -> None:
        """Run a part; when it breaks it is said, and the part begins anew: the loop must not fall with it."""
        while True:
            try:
                await serve()
                return
            except Exception as error:  # noqa: BLE001  # the point is that no defect of a part ends the rest
                self.recorder.alarm(f"{name} broke", f"{type(error).__name__}: {error}", is_error=True)
            await anyio.sleep(RESTARTED_S)

    def _taken(self, turn: Turn, house: Housekeeping, inside: Inside) -> None:
        house.taken(turn)
        inside.taken(turn)

    def _standing(self, accepted: designs.Accepted) -> StandingOrders:
        settings, before = self.settings, self.beginning.before
        found, troubles = standing_orders.read(
            (settings.orders_file, settings.orders_copy), now=self.now(), wall=time.time()
        )
        if troubles:
            is_lost = found.orders.is_frozen and not found.orders.drained
            what = (
                "the site is frozen: drain again what was drained, then thaw" if is_lost else "a copy serves"
            )
            self.recorder.alarm("orders lost", f"{'; '.join(troubles)}; {what}", is_error=True)
        return standing_orders.fitted(found, accepted.plan, before=None if before is None else before.plan)


def _raise_limits() -> None:
    """As many descriptors as we may have: without one a check fails, and the service is not to blame."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, DESCRIPTORS)
    with contextlib.suppress(OSError, ValueError):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _make_directories(settings: Settings) -> None:
    for path, option in ((settings.run_dir, "--run-dir"), (settings.state_dir, "--state-dir")):
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o755)
            usable = os.access(path, os.W_OK | os.X_OK)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be made: {(error.strerror or str(error)).lower()}",
                hint=f"choose another with {option}, or let systemd make it (RuntimeDirectory=)",
            ) from None
        # A full or read-only state directory stops nobody; without a run directory nobody reaches us.
        if not usable and path == settings.run_dir:
            raise UsageError(f"{path} cannot be written", hint=f"choose another with {option}")


@contextlib.contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    if settings.is_dry_run:
        yield
        return
    try:
        handle = os.open(settings.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"{settings.lock} cannot be made: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"an agent of {settings.site} runs already on this machine",
                hint=f"anyplane site status --site {settings.site}",
            ) from None
        yield
    finally:
        os.close(handle)


async def _rehearsed() -> str:
    """Why our own command, begun anew, would come to nothing; empty where it would not."""
    command = [sys.executable, *sys.orig_argv[1:], "--rehearse"]
    try:
        with anyio.fail_after(REHEARSAL_S):
            done = await anyio.run_process(command, stdin=subprocess.DEVNULL, check=False)
    except TimeoutError:
        return f"its rehearsal took more than {REHEARSAL_S:g} s"
    except OSError as error:
        return str(error)
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else (words[-1] if words else f"it ended with {done.returncode}")
