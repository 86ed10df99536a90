"""The whole loop in virtual time, under every order of mishaps: what must never happen does not happen.

Real are the loop, the announcer, the anchors and control; fakes are the clock, lo, the keeper, and a daemon
that refuses, is away, lies or loses its routes. After each step the wire is held against the truth.
"""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from site_parts import DESIGN, Lo, Stage

from anyplane.agent import handover
from anyplane.agent.anchors import Anchors
from anyplane.agent.standing_orders import StandingOrders
from anyplane.bgp.memory import MemorySpeaker
from anyplane.bgp.speaker import Observation
from anyplane.control.health import CheckResult
from anyplane.control.site import start
from anyplane.model.errors import KernelError, SpeakerRejected, SpeakerUnreachable
from anyplane.model.nouns import Announcement

QUICK = DESIGN.replace(
    "sites:\n", "safety: {quarantine: {first: 1 s, longest: 2 s}, drain: {wait: 5 s}}\nsites:\n", 1
)
OTHER = QUICK.replace("127.0.0.1:53", "127.0.0.1:5353")
RENAMED = QUICK.replace("dns:", "resolver:")
SERVICES = {"198.51.100.0/24": ("dns/tcp", "resolver/tcp"), "203.0.113.0/24": ("web/tcp",)}
TICK_S = 0.25
GONE_S = 12.0
"""Two failures, a lease's length of refusal, the fallback, and what a restart in between costs."""
BACK_S = 20.0


class Daemon(MemorySpeaker):
    """`mood`: well, refusing, away, or deaf (says yes and does nothing). Its panic always works."""

    mood = "well"

    async def apply(self, wanted: frozenset[Announcement]) -> None:
        if self.mood == "refusing":
            raise SpeakerRejected("memory", "no")
        if self.mood == "away":
            raise SpeakerUnreachable("memory", "nobody there")
        if self.mood != "deaf":
            await super().apply(wanted)

    async def observe(self) -> Observation:
        if self.mood == "away":
            raise SpeakerUnreachable("memory", "nobody there")
        return await super().observe()


class Keeper:
    """Withdraws when its deadline has passed."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.now = 0.0

    def renew(self, deadline_s: float) -> bool:
        self.deadline = self.now + deadline_s
        return True


class Site(RuleBasedStateMachine):
    """One site. `alive`: what is true of each service, by prefix."""

    @initialize(has_lease=st.booleans())
    def begin(self, has_lease: bool) -> None:
        self.has_lease = has_lease
        self.aio = asyncio.new_event_loop()
        self.text = QUICK
        self.alive = dict.fromkeys(SERVICES, True)
        self.since = dict.fromkeys(SERVICES, 1000.0)
        self.calm_since = 1000.0
        """Since when neither daemon, kernel, operator nor a pause has been in the way."""
        self.proven: set[str] = set()
        """Whose checks have passed in this process, since the last pause beyond the lease."""
        self.was_on: set[str] = set()
        self.standing = StandingOrders()
        self.keeper = Keeper()
        self.lo: Lo | None = None
        self.daemon: Daemon | None = None
        self.stage: Stage | None = None
        self.now = 1000.0
        self._start(None)

    def _start(self, legacy: handover.Legacy | None) -> None:
        stage = Stage(self.text)
        stage.clock.now = self.now
        if self.stage is not None:
            self.stage.log()
        if self.lo is not None:
            stage.lo = self.lo
            stage.lo.clock = stage.clock
        self.lo = stage.lo
        daemon = Daemon(stage.accepted.router)
        daemon.capabilities = Daemon.capabilities.__class__(
            has_lease=self.has_lease, has_bfd=False, has_roles=False, has_rtr=False, survives_agent=True
        )
        if self.daemon is not None:
            daemon.routes, daemon.mood = self.daemon.routes, self.daemon.mood
        self.daemon = stage.speaker = daemon
        stage.announcer._speaker = daemon
        stage.anchors = Anchors(
            stage.lo if self.has_lease else None, stage.recorder, now=stage.clock, lease_s=3.0
        )
        stage.loop._anchors = stage.anchors
        held = (
            stage.anchors.adopt(lambda prefix: True) if self.has_lease and not stage.lo.fault else frozenset()
        )
        if not self.has_lease:
            stage.anchors.keeper = self.keeper
            legacy = None  # the keeper of one that crashed has acted
        adopted = handover.adopted(stage.accepted.plan, legacy, held=held, has_lease=self.has_lease)
        stage.loop.state = start(stage.accepted.plan, now=self.now, adopted=adopted)
        stage.loop.standing = self.standing
        self.stage = stage
        self.proven = set()
        self.calm_since = self.now

    def _pass(self, seconds: float, *, is_running: bool) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.stage.clock.now = self.keeper.now = self.now
            if not self.has_lease and self.keeper.deadline is not None and self.now > self.keeper.deadline:
                self.daemon.routes, self.keeper.deadline = frozenset(), None
            if is_running:
                self._turn()
                self.look()

    def _turn(self) -> None:
        if self.now % 1.0 == 0:
            for prefix, checks in SERVICES.items():
                for check in checks:
                    if check in self.stage.loop.accepted.plan.checks:
                        result = CheckResult(check=check, is_ok=self.alive[prefix], at=self.now)
                        self.stage.loop.hear(result)
        before = self.stage.loop.state.stepped_at
        self.stage.turn()
        if before is None or self.now - before < 3.0:
            if self.now % 1.0 == 0:
                self.proven |= {prefix for prefix, is_alive in self.alive.items() if is_alive}
        else:
            self.proven = set()
        self.aio.run_until_complete(self.stage.announcer.turn())

    def _on(self) -> set[str]:
        on = {str(one.prefix) for one in self.daemon.routes}
        if not self.has_lease:
            return on
        return on & {str(one) for one, end in self.lo.until.items() if end > self.now}

    @rule(seconds=st.sampled_from((1.0, 3.0, 10.0, 25.0)))
    def live(self, seconds: float) -> None:
        self._pass(seconds, is_running=True)

    @rule(prefix=st.sampled_from(sorted(SERVICES)))
    def die_or_recover(self, prefix: str) -> None:
        self.alive[prefix] = not self.alive[prefix]
        self.since[prefix] = self.now

    @rule(mood=st.sampled_from(("well", "well", "refusing", "away", "deaf")))
    def change_the_daemon(self, mood: str) -> None:
        self.daemon.mood = mood
        self.calm_since = self.now

    @rule(prefix=st.sampled_from(sorted(SERVICES)), mood=st.sampled_from(("refusing", "away", "deaf")))
    def die_while_the_daemon_does_not_listen(self, prefix: str, mood: str) -> None:
        self.change_the_daemon(mood)
        self.alive[prefix], self.since[prefix] = False, self.now
        self._pass(15.0, is_running=True)

    @rule()
    def restart_the_daemon(self) -> None:
        self.daemon.routes = frozenset()
        self.calm_since = self.now

    @rule(is_broken=st.booleans())
    def break_or_mend_lo(self, is_broken: bool) -> None:
        self.lo.fault = KernelError("no") if is_broken else None
        self.calm_since = self.now

    @rule(seconds=st.sampled_from((0.75, 2.0, 4.0, 10.0)))
    def pause(self, seconds: float) -> None:
        self._pass(seconds, is_running=False)
        self.calm_since = self.now
        self.was_on &= self._on()

    @rule(seconds=st.sampled_from((0.5, 2.0, 5.0)))
    def crash(self, seconds: float) -> None:
        legacy = handover.of(self.stage.accepted.plan, self.stage.loop.state, boot="b", now=self.now)
        if not self.has_lease:
            self.daemon.routes, self.keeper.deadline = frozenset(), None
        self._pass(seconds, is_running=False)
        self.was_on &= self._on()
        self._start(legacy)

    @rule(text=st.sampled_from((QUICK, OTHER, RENAMED)))
    def reload(self, text: str) -> None:
        self.text = text
        self.stage.loop.follow_design(Stage(text).accepted)
        self.standing = self.stage.loop.standing
        self.calm_since = self.now

    @rule(what=st.sampled_from(("drain", "undrain", "freeze", "thaw")))
    def order(self, what: str) -> None:
        keys = frozenset(one.key for one in self.stage.loop.accepted.plan.services[:1])
        orders = {
            "drain": lambda: self.standing.drained(keys, is_forced=False),
            "undrain": lambda: self.standing.undrained(keys),
            "freeze": lambda: self.standing.frozen(is_frozen=True),
            "thaw": lambda: self.standing.frozen(is_frozen=False),
        }
        self.standing = orders[what]()
        self.stage.loop.order(self.standing)
        self.calm_since = self.now

    def _drained(self) -> set[str]:
        return {
            str(prefix)
            for one in self.stage.loop.accepted.plan.services
            if one.key in self.standing.orders.drained
            for prefix in one.prefixes
        }

    @invariant()
    def look(self) -> None:
        if getattr(self, "stage", None) is None:
            return
        on, orders = self._on(), self.standing.orders
        wanted = {str(one.prefix) for one in self.stage.announcer.wanted or ()}
        for prefix in on - self.was_on:
            # What appears was asked for, and its checks passed in this process, unless it never went away.
            assert prefix in SERVICES
            assert prefix in self.proven or orders.is_frozen or self._is_heir(prefix), f"{prefix} unproven"
            assert prefix in wanted
        self.was_on = on
        if orders.is_frozen:
            return
        for prefix, is_alive in self.alive.items():
            still_s = self.now - max(self.since[prefix], self.calm_since)
            if not is_alive and still_s > GONE_S:
                assert prefix not in on, f"{prefix} is dead and announced"
            is_wanted = is_alive and prefix not in self._drained() and not self.lo.fault
            if is_wanted and still_s > BACK_S and self.daemon.mood == "well":
                assert prefix in on, f"{prefix} is well and not announced"
            if prefix in self._drained() and still_s > BACK_S:
                assert prefix not in on, f"{prefix} is drained and announced"

    def _is_heir(self, prefix: str) -> bool:
        plan, state = self.stage.loop.accepted.plan, self.stage.loop.state
        return any(
            state.services[one.key].is_heir for one in plan.services if prefix in map(str, one.prefixes)
        )

    def teardown(self) -> None:
        if getattr(self, "stage", None) is not None:
            self.stage.log()
            self.aio.close()


TestSite = Site.TestCase
TestSite.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
