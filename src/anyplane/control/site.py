"""step: what a site knows -> what it announces, with the reason of every change. Level-triggered and pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from anyplane.control.fleet import FleetView, SiteReport
from anyplane.control.health import (
    CheckResult,
    CheckState,
    Verdict,
    excuse,
    hear,
    listen,
    patience,
    silent_since,
)
from anyplane.control.orders import Orders
from anyplane.control.service_health import service_health
from anyplane.control.site_plan import SitePlan
from anyplane.control.situation import Judgement, judge
from anyplane.control.states import Level, Situation, State, follow
from anyplane.control.wanted import wanted
from anyplane.design.operation import Scope
from anyplane.model.nouns import Announcement, Prefix

PAUSE_S = 1.0
"""A gap between two steps that the checks are not blamed for: the loop turns four times a second."""

ADOPTION_S = 10.0
"""How long a predecessor's announcement is kept without evidence of our own; its lease ends sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What came in since the last step, and what holds now."""

    results: tuple[CheckResult, ...] = ()
    fleet: FleetView = field(default_factory=FleetView)
    orders: Orders = field(default_factory=Orders)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One service between two steps.

    `since`: when `state` was entered, `level_since` when `level` was. `strikes`: times the level fell by a
    check, forgotten after a long calm; before `penalty_until` it does not rise again. `failed_at`,
    `draining_since`, `drain_asked_at`: None when it is not so. `is_heir`: a predecessor announced it, and no
    check of ours has confirmed that yet. `refused`: why a drain that was asked for is not done.
    """

    state: State = State.INIT
    level: Level = Level.NONE
    situation: Situation = Situation.UNKNOWN
    since: float = 0.0
    level_since: float = 0.0
    reason: str = "no check has spoken yet"
    strikes: int = 0
    penalty_until: float = float("-inf")
    failed_at: float | None = None
    draining_since: float | None = None
    drain_asked_at: float | None = None
    is_heir: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """What a service that flapped still owes: the count, and the seconds before it may rise."""

    strikes: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """All that a site remembers.

    `began`: when this process did. `stepped_at`: the last step.
    """

    services: Mapping[str, ServiceState]
    checks: Mapping[str, CheckState]
    began: float
    stepped_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A service entered another state (and, perhaps, another level)."""

    at: float
    service: str
    before: State
    after: State
    level_before: Level
    level: Level
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one step came to.

    `leased`: anchors of announced prefixes, to be renewed now. `standing`: prefixes of one address that are
    not announced now: their address is a service's own, so that the checks may need it on lo all the same.
    `backends`: the live ones of each service. `wake_at`: when time alone will change something.
    """

    state: SiteState
    decisions: tuple[Decision, ...]
    wanted: frozenset[Announcement]
    leased: frozenset[Prefix]
    standing: frozenset[Prefix]
    backends: Mapping[str, tuple[str, ...]]
    wake_at: float | None


def start(
    plan: SitePlan,
    *,
    now: float,
    adopted: Mapping[str, Level] | None = None,
    penalties: Mapping[str, Penalty] | None = None,
    draining: Mapping[str, float] | None = None,
) -> SiteState:
    """The state of a process that just began.

    `adopted`: services that a predecessor's live lease still announces, and how. `penalties`: what it had
    against services that flap, so that a restart is no pardon. `draining`: of adopted services, since when
    an operator has been draining them, so that a restart makes no drain longer.
    """
    drains = draining or {}
    heirs = {key: level for key, level in (adopted or {}).items() if level is not Level.NONE}
    owed = penalties or {}
    services = {
        service.key: ServiceState(
            level=heirs.get(service.key, Level.NONE),
            since=now,
            level_since=now,
            is_heir=service.key in heirs,
            draining_since=drains.get(service.key) if heirs.get(service.key) is Level.DRAIN else None,
            strikes=owed[service.key].strikes if service.key in owed else 0,
            penalty_until=now + owed[service.key].wait_s if service.key in owed else float("-inf"),
        )
        for service in plan.services
    }
    return SiteState(services=services, checks={}, began=now)


def step(plan: SitePlan, state: SiteState, inputs: Inputs, *, now: float) -> Turn:
    """One turn at `now` (monotonic seconds, never earlier than the last)."""
    was, results = state, inputs.results
    if state.stepped_at is not None and now - state.stepped_at > PAUSE_S:
        has_lapsed = now - state.stepped_at >= _lease_s(plan) and not inputs.orders.is_frozen
        state = _awake(plan, state, has_lapsed=has_lapsed, now=now)
        # An answer that lay in a socket for the whole pause says nothing of now.
        results = () if has_lapsed else results
    checks = _heard(plan, state, results, now=now)
    services: dict[str, ServiceState] = {}
    backends: dict[str, tuple[str, ...]] = {}
    decisions: list[Decision] = []
    for service in plan.services:
        before = state.services[service.key]
        if before.is_heir and now - state.began > ADOPTION_S:
            before = replace(before, is_heir=False, level=Level.NONE)
        health = service_health(
            plan,
            service,
            checks,
            is_trusted=before.level is not Level.NONE and not before.is_heir,
            is_heir=before.is_heir,
        )
        judgement = judge(plan, service, before, health, checks, inputs.fleet, inputs.orders, now=now)
        after = _follow(plan, before, judgement, now=now)
        if service.backends:
            backends[service.key] = health.live_backends
        known = was.services[service.key]
        if after.state is not known.state or after.level is not known.level:
            decisions.append(
                Decision(
                    at=now,
                    service=service.key,
                    before=known.state,
                    after=after.state,
                    level_before=known.level,
                    level=after.level,
                    reason=after.reason,
                )
            )
        services[service.key] = after
    levels = {key: one.level for key, one in services.items()}
    announced = wanted(plan, levels, inputs.orders, now=now)
    unconfirmed = {
        prefix for service in plan.services if services[service.key].is_heir for prefix in service.prefixes
    }
    leased = frozenset(one.prefix for one in announced) - unconfirmed
    after_all = SiteState(services=services, checks=checks, began=state.began, stepped_at=now)
    return Turn(
        state=after_all,
        decisions=tuple(decisions),
        wanted=announced,
        leased=leased,
        standing=_standing(plan) - leased - unconfirmed,
        backends=backends,
        wake_at=_next_timer(plan, after_all, inputs.orders, now=now),
    )


def report(plan: SitePlan, state: SiteState, *, now: float) -> SiteReport:
    """This site's own word for the others: what each service is, and which local checks fail since when."""
    return SiteReport(
        site=plan.site,
        age_s=0.0,
        services={key: one.state for key, one in state.services.items()},
        failing={
            one: now - since
            for one, check in state.checks.items()
            if one in plan.checks
            and plan.checks[one].scope is Scope.LOCAL
            and (since := check.failing_since) is not None
        },
        capacity=plan.capacity,
    )


def _lease_s(plan: SitePlan) -> float:
    return max(plan.safety.lease_s, plan.safety.death_hold_s)


def _awake(plan: SitePlan, state: SiteState, *, has_lapsed: bool, now: float) -> SiteState:
    """The state after a pause (SIGSTOP, a virtual machine that was moved), which no check is blamed for.

    One that was longer than the lease withdrew everything: kernel and keeper saw to that. What is announced
    now is announced on new evidence, as if the process had begun again, unless an operator froze the site.
    """
    if not has_lapsed:
        checks = {one: excuse(state.checks.get(one) or CheckState(), now=now) for one in plan.checks}
        return replace(state, checks=checks)
    services = {
        key: replace(one, level=Level.NONE, level_since=now, is_heir=False, draining_since=None)
        if one.level is not Level.NONE
        else one
        for key, one in state.services.items()
    }
    failed = {key: one for key, one in state.checks.items() if one.verdict is Verdict.FAIL}
    checks = {one: excuse(failed.get(one) or CheckState(), now=now) for one in plan.checks}
    return replace(state, services=services, checks=checks)


def _heard(
    plan: SitePlan, state: SiteState, results: tuple[CheckResult, ...], *, now: float
) -> Mapping[str, CheckState]:
    checks = dict(state.checks)
    for result in results:
        if result.check in plan.checks:
            before = checks.get(result.check) or CheckState()
            checks[result.check] = hear(plan.checks[result.check], before, result)
    for one, check in plan.checks.items():
        before = checks.get(one) or CheckState()
        after = listen(check, before, now=now, began=state.began)
        if after is not before:
            checks[one] = after
    return checks


def _follow(plan: SitePlan, before: ServiceState, judgement: Judgement, *, now: float) -> ServiceState:
    state, level = follow(before.level, judgement.situation)
    is_by_check = judgement.situation in (Situation.DEAD, Situation.IMPAIRED)
    is_worse = is_by_check and _RANK[level] < _RANK[before.level]
    strikes, penalty_until = before.strikes, before.penalty_until
    if is_worse:
        is_calm = now - before.level_since >= plan.safety.flap_longest_s
        strikes = 1 if is_calm else before.strikes + 1
    # Half a rise is paid for too: from NONE to LOW now, to FULL after the same wait again.
    if is_worse or (strikes and before.level is Level.NONE and level is Level.LOW):
        # 2.0 ** 1100 overflows, and the longest is reached long before.
        wait = plan.safety.flap_first_s * 2.0 ** min(strikes - 1, 60)
        penalty_until = now + min(wait, plan.safety.flap_longest_s)
    return ServiceState(
        state=state,
        level=level,
        situation=judgement.situation,
        since=before.since if state is before.state else now,
        level_since=before.level_since if level is before.level else now,
        reason=judgement.reason,
        strikes=strikes,
        penalty_until=penalty_until,
        failed_at=judgement.failed_at,
        draining_since=judgement.draining_since,
        drain_asked_at=judgement.drain_asked_at,
        is_heir=before.is_heir
        and level is not Level.NONE
        and (state is State.INIT or (state is State.DRAINING and judgement.is_unheard)),
        refused=judgement.refused,
    )


def _standing(plan: SitePlan) -> frozenset[Prefix]:
    return frozenset(
        prefix
        for service in plan.services
        for prefix in service.prefixes
        if prefix.prefixlen == prefix.max_prefixlen
    )


def _next_timer(plan: SitePlan, state: SiteState, orders: Orders, *, now: float) -> float | None:
    times = [one.expires_at for one in orders.blackholes]
    for one in state.services.values():
        times.append(one.penalty_until)
        if one.is_heir:
            times.append(state.began + ADOPTION_S)
        if one.failed_at is not None:
            times.append(one.failed_at + plan.safety.patience_s)
        if one.draining_since is not None:
            times.append(one.draining_since + plan.safety.drain_wait_s)
    for key, check in plan.checks.items():
        heard = state.checks.get(key)
        if heard is None or not heard.is_silent:
            times.append(silent_since(heard or CheckState(), began=state.began) + patience(check))
    return min((time for time in times if time > now), default=None)


_RANK = {Level.NONE: 0, Level.DRAIN: 1, Level.LOW: 1, Level.FULL: 2}
