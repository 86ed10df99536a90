"""Loop: check results and orders in, decisions out, the lease renewed; one turn never waits for anything.

Theory of operation. A turn is a plain function of what came in and of the time: it asks control what to
announce, lets go of the anchors on lo of all else, hands the whole set to the announcer if it changed, and,
last, renews the other anchors, so that the kernel's lease says "the checks were evaluated a moment ago" and
nothing less. Files, sockets and the daemon are the business of other tasks and threads; if this one stops,
for whatever reason, the lease runs out and the kernel withdraws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

import anyio
import anyio.lowlevel

from anyplane.agent import standing_orders
from anyplane.agent.anchors import Anchors
from anyplane.agent.announcer import Announcer, Farewell
from anyplane.agent.designs import Accepted
from anyplane.agent.record import Recorder
from anyplane.agent.standing_orders import StandingOrders
from anyplane.agent.systemd import Supervisor
from anyplane.control.fleet import FleetView
from anyplane.control.guard import Ruling, may_withdraw
from anyplane.control.health import CheckResult, Verdict
from anyplane.control.site import Decision, Inputs, SiteState, Turn, step
from anyplane.control.states import Level
from anyplane.control.succession import carry

AT_LEAST_EVERY_S = 0.25
PAUSE_IN_TURNS = 4
LONGEST_PAUSE_S = 0.02
REMEMBERED_S = 3600.0


class End(StrEnum):
    """Why the loop stopped."""

    STOP = "stop"
    HANDOVER = "handover"


class Loop:
    """One site. The methods that change something take effect with the next turn, which they wake."""

    def __init__(
        self,
        accepted: Accepted,
        state: SiteState,
        *,
        announcer: Announcer,
        anchors: Anchors,
        recorder: Recorder,
        supervisor: Supervisor,
        now: Callable[[], float],
        standing: StandingOrders,
        on_turn: Callable[[Turn], None] | None = None,
    ) -> None:
        self.accepted = accepted
        self.state = state
        self.turn_taken: Turn | None = None
        self.standing = standing
        self.fleet = FleetView()
        self.withdrawals: list[tuple[float, str]] = []
        """(monotonic time, service) of what our checks took off the air in the last hour."""
        self.end: End | None = None
        self.on_upgrade: Callable[[], None] | None = None
        self.turns = 0
        self._announcer = announcer
        announcer.may_lose_all = self._may_lose_all
        self._anchors = anchors
        self._recorder = recorder
        self._supervisor = supervisor
        self._now = now
        self._on_turn = on_turn
        self._results: list[CheckResult] = []
        self._wake = anyio.Event()
        self._has_new_services = True
        self._spent_s = 0.0

    def hear(self, result: CheckResult) -> None:
        """Take in a check result. One more success of a check that passes can wait for the next turn."""
        self._results.append(result)
        known = self.state.checks.get(result.check)
        if not (result.is_ok and known is not None and known.verdict is Verdict.PASS and known.streak > 0):
            self._wake.set()

    def order(self, standing: StandingOrders) -> None:
        """Go by these orders."""
        self.standing = standing
        self._wake.set()

    def hear_fleet(self, view: FleetView) -> None:
        """Go by this view of the other sites; at once, where a failed service waits for their words."""
        self.fleet = view
        services = self.state.services.values()
        if any(one.failed_at is not None and one.level is not Level.NONE for one in services):
            self._wake.set()

    def wake(self) -> None:
        """Take a turn soon."""
        self._wake.set()

    def follow_design(self, accepted: Accepted) -> None:
        """Go by this design; services and checks that are the same keep their state."""
        before = self.accepted.plan
        self.state = carry(before, accepted.plan, self.state, now=self._now())
        self.accepted = accepted
        self.standing = standing_orders.fitted(self.standing, accepted.plan, before=before)
        self._anchors.lease_s = lease_of(accepted)
        self._has_new_services = True
        self._wake.set()

    def upgrade(self) -> None:
        """Give way to a new program, once it was seen to be able to begin."""
        if self.on_upgrade is None:
            self.finish(End.HANDOVER)
        else:
            self.on_upgrade()

    def finish(self, end: End) -> None:
        """Stop after the present turn."""
        self.end = self.end or end
        self._wake.set()

    async def run(self) -> End:
        """Turn until `finish`: when something came in, when a timer is due, and four times a second."""
        while self.end is None:
            self._wake = anyio.Event()
            taken = self.turn()
            # The announcer sends what it has to send before new anchors come: both at the same moment.
            await anyio.lowlevel.checkpoint()
            self.renew(taken)
            rested_at = self._now() + min(LONGEST_PAUSE_S, PAUSE_IN_TURNS * self._spent_s)
            wait_s = AT_LEAST_EVERY_S
            if taken.wake_at is not None:
                wait_s = min(wait_s, max(0.001, taken.wake_at - self._now()))
            with anyio.move_on_after(wait_s):
                await self._wake.wait()
                # Hundreds of results at once are a few turns, not hundreds; the first waits for nothing.
                await anyio.sleep(max(0.0, rested_at - self._now()))
        return self.end

    def turn(self) -> Turn:
        """One turn, but for the lease."""
        began = time.perf_counter()
        now = self._now()
        results, self._results = self._results, []
        self.standing = self.standing.current(now=now)
        inputs = Inputs(results=tuple(results), fleet=self.fleet, orders=self.standing.orders)
        taken = self._step(inputs, now=now)
        self.state = taken.state
        self._anchors.let_go(taken.leased, frozenset(one.prefix for one in taken.wanted))
        earlier = self._announcer.wanted
        if taken.wanted != earlier:
            self._announcer.want(taken.wanted)
            self._recorder.wanted(earlier or frozenset(), taken.wanted)
        metrics = self._recorder.metrics
        metrics.heard(results)
        for decision in taken.decisions:
            self._decided(decision, now)
        if taken.decisions or self._has_new_services:
            metrics.services(taken.state, is_whole=self._has_new_services)
            self._has_new_services = False
        self.turn_taken = taken
        self.turns += 1
        self._supervisor.beat(now)
        if self._on_turn is not None:
            self._on_turn(taken)
        self._spent_s = time.perf_counter() - began
        metrics.turn_seconds.observe(self._spent_s)
        return taken

    def renew(self, taken: Turn) -> None:
        """The lease, at the end of a turn that has just evaluated the checks."""
        self._anchors.follow(taken.leased, frozenset(one.prefix for one in taken.wanted))

    def verdicts(self) -> Mapping[str, int]:
        """1 passes, 0 fails, -1 unknown, by check."""
        known = {Verdict.PASS: 1, Verdict.FAIL: 0, Verdict.UNKNOWN: -1}
        return {
            check: known[self.state.checks[check].verdict] if check in self.state.checks else -1
            for check in self.accepted.plan.checks
        }

    def _step(self, inputs: Inputs, *, now: float) -> Turn:
        """One step; without the others' words where those break it: no word of theirs may end every agent."""
        try:
            return step(self.accepted.plan, self.state, inputs, now=now)
        except Exception as error:  # noqa: BLE001  # the second try is outside, and what it raises ends us
            why = f"{type(error).__name__}: {error}"
        taken = step(self.accepted.plan, self.state, replace(inputs, fleet=FleetView()), now=now)
        self._recorder.alarm("words refused", f"the others' words break our step: {why}", is_error=True)
        return taken

    def _may_lose_all(self, since: float) -> str:
        """Why the fallback, which withdraws what is well with what is dead, may not run; empty: it may.

        The guard is asked for each service that would go with the dead ones.
        """
        plan, now = self.accepted.plan, self._now()
        for service in plan.services:
            one = self.state.services[service.key]
            if one.level is Level.NONE:
                continue
            if self.standing.orders.is_frozen:
                return "the site is frozen"
            answer = may_withdraw(plan, service, self.fleet, failing={}, failed_at=since, now=now)
            if answer.ruling is not Ruling.ALLOW:
                return f"{service.key} is well and would go too: {answer.reason}"
        return ""

    def _decided(self, decision: Decision, now: float) -> None:
        service = next(one for one in self.accepted.plan.services if one.key == decision.service)
        after = self.state.services[decision.service]
        watched = [*service.checks, *(check for checks in service.backends.values() for check in checks)]
        failing = {
            check: state
            for check in watched
            if (state := self.state.checks.get(check)) is not None and state.streak < 0
        }
        self._recorder.decided(decision, after, failing)
        if decision.level is not Level.NONE or decision.level_before is Level.NONE:
            return
        onsets = [state.failing_since for state in failing.values() if state.failing_since is not None]
        is_by_check = after.failed_at is not None
        self._announcer.expect_gone(
            Farewell(
                service=decision.service,
                prefixes=frozenset(service.prefixes),
                reason=decision.reason,
                failed_at=min(onsets, default=now) if is_by_check else None,
                decided_at=now,
            )
        )
        if is_by_check:
            self.withdrawals = [one for one in self.withdrawals if now - one[0] <= REMEMBERED_S]
            self.withdrawals.append((now, decision.service))


def lease_of(accepted: Accepted) -> float:
    """Seconds that an announcement outlives a silent agent (`on_agent_death: hold` lengthens it)."""
    safety = accepted.plan.safety
    return max(safety.lease_s, safety.death_hold_s)
