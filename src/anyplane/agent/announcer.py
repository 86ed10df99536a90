"""Announcer: makes the daemon announce what is wanted, and believes nothing but the daemon's own table.

Theory of operation. One task, level-triggered. Whenever the wanted set changes it is applied at once; ten
times a second (less often where asking is dear) the daemon's table is read and compared. What is refused,
unanswered or not healed is applied again after 50 ms, 100 ms, ... 0.8 s when refused, else 5 s. When
everything should be gone and the daemon has refused that twice, the fallback takes the announcements away by
the shortest path. So it does when one service of several should be gone, the daemon heeds no lease, and its
table has not shown the end for as long as a lease: then what is well goes with it, if the guard agrees, and
comes back with the first apply that succeeds. A daemon that hangs holds up this task only: the loop goes on,
and the anchors on lo are let go meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from anyplane.agent.record import Recorder
from anyplane.bgp.speaker import (
    Difference,
    Observation,
    Route,
    SessionState,
    Speaker,
    difference,
    routes_of,
)
from anyplane.design.operation import DaemonKind, Session
from anyplane.model.errors import AnyplaneError
from anyplane.model.nouns import Announcement, Prefix

APPLY_S = 2.0
LONGEST_APPLY_S = 16.0
"""A daemon that never ends within APPLY_S is given twice as much each time, unless a withdrawal is owed."""
OBSERVE_S = 2.0
PANIC_S = 2.0
GRACE_S = 0.05
"""What a call in flight is given when something newer is wanted; twice as much after each that was cut."""
FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 5.0
REFUSED_RETRY_S = 0.8
"""A daemon that refuses is asked again so often: all is right within a second of its file being repaired."""
REFUSALS_BEFORE_PANIC = 2
UNHEALED_BEFORE_ALARM_S = 0.5
OBSERVE_EVERY_S = {
    # Asking BIRD ten times a second also keeps its timers sharp.
    DaemonKind.BIRD: 0.1,
    DaemonKind.MEMORY: 0.1,
    DaemonKind.GOBGP: 0.25,
    DaemonKind.EXABGP: 0.25,
    DaemonKind.FRR: 0.5,
    DaemonKind.OPENBGPD: 0.5,
}


@dataclass(slots=True, kw_only=True)
class Farewell:
    """A withdrawal whose end the daemon's table has not shown yet; times are monotonic.

    `failed_at`: the first failure of the checks behind it; None: an operator drained the service.
    """

    service: str
    prefixes: frozenset[Prefix]
    reason: str
    failed_at: float | None
    decided_at: float


class Announcer:
    """`want` says what shall be announced; `run` makes it so. All else is for reading."""

    def __init__(
        self,
        speaker: Speaker,
        sessions: tuple[Session, ...],
        recorder: Recorder,
        *,
        now: Callable[[], float],
        every_s: float = 0.1,
        is_dry_run: bool = False,
        lease_s: float = 3.0,
        on_gone: Callable[[Farewell, float], None] | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self.wanted: frozenset[Announcement] | None = None
        self.expected: frozenset[Route] = frozenset()
        self.seen: Observation | None = None
        self.seen_at: float | None = None
        self.difference = Difference()
        self.refusals = 0
        self.trouble = ""
        self._speaker = speaker
        self._sessions = sessions
        self._recorder = recorder
        self._now = now
        self._every_s = every_s
        self._is_dry_run = is_dry_run
        self._on_gone = on_gone
        self._on_change = on_change
        self._wake = anyio.Event()
        self._is_applied = True
        self._retry_at: float | None = None
        self._tries = 0
        self._unhealed_since: float | None = None
        self._call: anyio.CancelScope | None = None
        self._farewells: list[Farewell] = []
        self.may_lose_all: Callable[[float], str] = lambda _since: ""
        """Why the fallback may not withdraw what is well, for a withdrawal owed since then; empty: it may."""
        self.is_watched: Callable[[], bool] = lambda: True
        """Would somebody withdraw if this process fell silent now? Nothing new is announced until then."""
        self._lease_s = lease_s
        self._owed: dict[Prefix, float] = {}
        """Prefixes that should be gone and that the table has not shown to be, and since when."""
        self._panicked_at: float | None = None
        self._cuts = 0
        self._timeouts = 0

    def want(self, wanted: frozenset[Announcement]) -> None:
        """Announce exactly this from now on; returns at once."""
        if wanted == self.wanted:
            return
        kept = {one.prefix for one in wanted}
        for one in self.wanted or ():
            self._owed.setdefault(one.prefix, self._now())
        self._owed = {prefix: since for prefix, since in self._owed.items() if prefix not in kept}
        self.wanted = wanted
        self.expected = routes_of(wanted, self._sessions)
        self._is_applied = False
        self._tries = 0
        self._unhealed_since = None
        self._retry_at = None
        if self._call is not None:
            grace_s = min(APPLY_S, GRACE_S * 2.0 ** min(self._cuts, 10))
            self._call.deadline = min(self._call.deadline, anyio.current_time() + grace_s)
        self._wake.set()

    def expect_gone(self, farewell: Farewell) -> None:
        """Say through `on_gone` when the daemon's table has none of these prefixes any more."""
        self._farewells.append(farewell)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.turn()
            wait_s = self._every_s
            if self._retry_at is not None:
                wait_s = min(wait_s, max(0.0, self._retry_at - self._now()))
            with anyio.move_on_after(wait_s):
                await self._wake.wait()

    async def turn(self) -> None:
        """Apply if that is due, and look."""
        self._wake = anyio.Event()
        is_blind = self.seen is None and bool(self.wanted) and not self.is_watched()
        if not self._is_dry_run and self.wanted is not None and self._is_due() and not is_blind:
            await self._apply(self.wanted)
            if self._wake.is_set():
                return
        # A daemon that is our own child would be started by the question; a dry run starts nothing.
        if not self._is_dry_run or self._speaker.capabilities.survives_agent:
            await self._observe()
        if not self._is_dry_run:
            await self._fall_back()

    async def is_gone(self, within_s: float) -> bool:
        """Does the daemon's table come to hold nothing of ours, within so many seconds?"""
        with anyio.move_on_after(within_s):
            while self.seen is None or self.seen.routes or not self._is_applied:  # noqa: ASYNC110  # `run` looks
                await anyio.sleep(0.02)
            return True
        return False

    async def panic(self) -> bool:
        """Withdraw all by the shortest path; says whether the daemon took it."""
        self._panicked_at = self._now()
        self._recorder.metrics.panics.inc()
        is_done = False
        try:
            with anyio.move_on_after(PANIC_S):
                await self._speaker.panic_withdraw()
                is_done = True
        except Exception as error:  # noqa: BLE001  # whatever a broken daemon or its backend does, we go on
            self._recorder.log.error("the fallback failed", reason=_said(error))
        done = "everything of ours was withdrawn by the fallback path"
        failed = "the fallback was tried, and failed too: only the lease ends what is still announced"
        self._recorder.alarm("fallback", done if is_done else failed, is_error=True)
        return is_done

    def _is_due(self) -> bool:
        if not self._is_applied:
            return self._retry_at is None or self._now() >= self._retry_at
        return self._retry_at is not None and self._now() >= self._retry_at

    async def _apply(self, wanted: frozenset[Announcement]) -> None:
        began = self._now()
        limit_s = APPLY_S if self._owed else min(LONGEST_APPLY_S, APPLY_S * 2.0 ** min(self._timeouts, 10))
        trouble = f"no answer within {limit_s:g} s"
        is_answered = False
        allowed = wanted
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + limit_s) as self._call:
                allowed = self._allowed(wanted)
                await self._speaker.apply(allowed)
                trouble, is_answered = "", True
        except Exception as error:  # noqa: BLE001  # a bug in one daemon's backend must not end its guard
            trouble, is_answered = _said(error), True
        finally:
            self._call = None
        if wanted is not self.wanted:
            self._cuts = 0 if is_answered else self._cuts + 1
            return
        self._cuts = 0
        self._timeouts = 0 if is_answered else self._timeouts + 1
        self._recorder.metrics.apply_seconds.observe(self._now() - began)
        self._is_applied = not trouble and allowed == wanted
        if not trouble:
            self.trouble = ""
            self._recorder.calm("daemon refuses")
            self._retry_at = None if self._is_applied else self._now() + FIRST_RETRY_S
            return
        self.refusals += 1
        # To start a child anew is dear; to have a file read that does not parse is not.
        self._retry(REFUSED_RETRY_S if self._speaker.capabilities.survives_agent else LONGEST_RETRY_S)
        self.trouble = trouble
        self._recorder.metrics.refusals.inc()
        self._recorder.alarm("daemon refuses", trouble, is_error=True)
        if not wanted and self._tries >= REFUSALS_BEFORE_PANIC and not self._is_known_empty(since=began):
            await self.panic()

    def _allowed(self, wanted: frozenset[Announcement]) -> frozenset[Announcement]:
        """All of it; while nobody watches over us, only what the daemon announces already."""
        if self.is_watched():
            return wanted
        shown = {one.prefix for one in self.seen.routes} if self.seen is not None else set()
        return frozenset(one for one in wanted if one.prefix in shown)

    async def _fall_back(self) -> None:
        """What is dead and does not go is taken away with all the rest, as late as a lease would."""
        now, wanted = self._now(), self.wanted
        late = [since for since in self._owed.values() if now - since > self._lease_s]
        if not late:
            self._recorder.calm("withdrawal owed")
            return
        # Where the kernel's lease is heeded it has ended what is dead, and nothing that is well need go too.
        if wanted and self._speaker.capabilities.has_lease:
            return
        if self._panicked_at is not None and now - self._panicked_at < self._lease_s:
            return
        if wanted and (why := self.may_lose_all(min(late))):
            self._recorder.alarm("withdrawal owed", why, is_error=True)
            return
        await self.panic()
        # What is well is to be announced again, and the daemon is asked for it at once.
        self._is_applied, self._retry_at = False, None

    def _retry(self, longest_s: float = LONGEST_RETRY_S) -> None:
        self._retry_at = self._now() + min(FIRST_RETRY_S * 2.0 ** min(self._tries, 10), longest_s)
        self._tries += 1

    def _is_known_empty(self, *, since: float) -> bool:
        """Has the daemon shown, after the first refusal, that nothing of ours is left?"""
        return self.seen is not None and not self.seen.routes and (self.seen_at or 0.0) >= since - 1.0

    async def _observe(self) -> None:
        found: Observation | None = None
        trouble = f"no answer within {OBSERVE_S:g} s"
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + OBSERVE_S) as self._call:
                found = await self._speaker.observe()
        except Exception as error:  # noqa: BLE001  # as above
            trouble = _said(error)
        finally:
            self._call = None
        if self._wake.is_set():
            # Something newer is wanted: what was seen meanwhile is compared next time.
            return
        if found is None:
            self._recorder.alarm("daemon unreachable", trouble)
            if self._is_applied:
                self.trouble = trouble
            return
        self._recorder.calm("daemon unreachable")
        if self._is_applied:
            self.trouble = ""
        self._take(found)

    def _take(self, found: Observation) -> None:
        now = self._now()
        before = self.seen
        self.seen, self.seen_at = found, now
        if before is None or before.routes != found.routes:
            self._recorder.seen(frozenset() if before is None else before.routes, found.routes)
        self._compare_sessions(before, found)
        self._say_gone(found, now)
        announced = {one.prefix for one in found.routes}
        self._owed = {prefix: since for prefix, since in self._owed.items() if prefix in announced}
        if self.wanted is None:
            return
        self.difference = difference(self.expected, found)
        self._report_dark(found)
        if self._is_dry_run:
            return
        if self.difference.is_healed:
            self._unhealed_since = None
            self._recorder.calm("not as wanted")
            if self._is_applied:
                self._retry_at = None
                self._tries = 0
                self._recorder.calm("fallback")
            return
        if self._unhealed_since is None:
            self._unhealed_since = now
        elif now - self._unhealed_since >= UNHEALED_BEFORE_ALARM_S:
            self._recorder.differs(self.difference)
        if self._is_applied and self._retry_at is None:
            self._retry()

    def _compare_sessions(self, before: Observation | None, found: Observation) -> None:
        known = {one.neighbor: one for one in before.sessions} if before is not None else {}
        has_changed = False
        for one in found.sessions:
            was = known.get(one.neighbor)
            if was is None or was.state is not one.state:
                has_changed = True
                self._recorder.session(one, was=None if was is None else was.state)
        if has_changed and self._on_change is not None:
            self._on_change()

    def _report_dark(self, found: Observation) -> None:
        down = [one for one in found.sessions if one.state is SessionState.DOWN]
        dark = {one.neighbor for one in self.difference.dark}
        said = "; ".join(
            f"AS{one.upstream} at {one.neighbor} is down ({one.reason or 'the daemon gives no reason'})"
            for one in down
            if one.neighbor in dark
        )
        if said:
            self._recorder.alarm("not on the wire", said)
        else:
            self._recorder.calm("not on the wire")

    def _say_gone(self, found: Observation, now: float) -> None:
        if not self._farewells:
            return
        announced = {one.prefix for one in found.routes}
        kept = []
        for one in self._farewells:
            if one.prefixes & announced:
                kept.append(one)
            elif self._on_gone is not None:
                self._on_gone(one, now)
        self._farewells = kept


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, AnyplaneError) else f"{type(error).__name__}: {error}"
