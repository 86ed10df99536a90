"""judge: all that is known of a service now -> one Situation, with the words for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyplane.control.fleet import FleetView
from anyplane.control.guard import Answer, Ruling, may_withdraw
from anyplane.control.health import CheckState, Verdict
from anyplane.control.orders import Orders
from anyplane.control.service_health import ServiceHealth
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import Level, Situation

if TYPE_CHECKING:
    from anyplane.control.site import ServiceState

_DEAD = {
    Ruling.ALLOW: Situation.DEAD,
    Ruling.WAIT: Situation.DEAD_WAITING,
    Ruling.HOLD: Situation.DEAD_HELD,
    Ruling.ISOLATED: Situation.DEAD_ISOLATED,
    Ruling.FREEZE: Situation.DEAD_FROZEN,
}
_ALLOWED = Answer(ruling=Ruling.ALLOW, reason="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A situation, why, and the timers that go with it. `is_unheard`: the checks have no verdict yet."""

    situation: Situation
    reason: str
    failed_at: float | None = None
    draining_since: float | None = None
    drain_asked_at: float | None = None
    refused: str = ""
    is_unheard: bool = False


def judge(
    plan: SitePlan,
    service: ServicePlan,
    before: ServiceState,
    health: ServiceHealth,
    checks: Mapping[str, CheckState],
    fleet: FleetView,
    orders: Orders,
    *,
    now: float,
) -> Judgement:
    """The situation of `service` at `now`: operators first, then the local checks, then the rest."""
    is_dead = health.verdict is Verdict.FAIL
    failed_at = None if not is_dead else now if before.failed_at is None else before.failed_at
    is_unheard = health.verdict is Verdict.UNKNOWN
    if orders.is_frozen:
        return Judgement(
            situation=Situation.STOPPED,
            reason="an operator froze the site",
            failed_at=failed_at,
            draining_since=before.draining_since,
            drain_asked_at=before.drain_asked_at,
            is_unheard=is_unheard,
        )
    onsets = {one: since for one in health.failing if (since := checks[one].failing_since) is not None}

    def guard(since: float, failing: Mapping[str, float]) -> Answer:
        return may_withdraw(plan, service, fleet, failing=failing, failed_at=since, now=now)

    asked_at, refused = None, ""
    if service.key in orders.drained:
        asked_at = now if before.drain_asked_at is None else before.drain_asked_at
        answer = _ALLOWED
        if before.level is not Level.NONE and service.key not in orders.forced:
            answer = _may_drain(plan, before, guard, onsets if is_dead else {}, failed_at, asked_at, now=now)
        is_refused = answer.ruling is not Ruling.ALLOW
        refused = answer.reason if is_refused and answer.ruling is not Ruling.WAIT else ""
        if not is_refused or before.draining_since is not None:
            since = now if before.draining_since is None else before.draining_since
            wait = plan.safety.drain_wait_s
            is_over = before.level is Level.NONE or is_dead or now - since >= wait
            words = (
                "an operator drained it" if is_over else f"an operator drains it, {wait:g} s from the start"
            )
            if is_refused:
                words = f"an operator drains it, and it stays announced: {answer.reason}"
            return Judgement(
                situation=Situation.DRAIN_OVER if is_over and not is_refused else Situation.DRAIN,
                reason=words,
                failed_at=failed_at,
                draining_since=since,
                drain_asked_at=asked_at,
                refused=refused,
                is_unheard=is_unheard,
            )
    since = now if failed_at is None else failed_at
    found = _found(before, health, checks, lambda: guard(since, onsets), now=now)
    return Judgement(
        situation=found[0],
        reason=found[1],
        failed_at=failed_at,
        drain_asked_at=asked_at,
        refused=refused,
        is_unheard=is_unheard,
    )


def _may_drain(
    plan: SitePlan,
    before: ServiceState,
    guard: Callable[[float, Mapping[str, float]], Answer],
    onsets: Mapping[str, float],
    failed_at: float | None,
    asked_at: float,
    *,
    now: float,
) -> Answer:
    """The guard's answer to a drain: before it begins, and again before it ends in a withdrawal.

    Two operators may drain two sites at once, and neither site's word can have told the other in time; by the
    end of the wait it has. Words count from the order, from the failure, from the end of the wait.
    """
    if failed_at is not None:
        return guard(failed_at, onsets)
    if before.draining_since is None:
        return guard(asked_at, {})
    end = before.draining_since + plan.safety.drain_wait_s
    return _ALLOWED if now < end else guard(end, {})


def _found(
    before: ServiceState,
    health: ServiceHealth,
    checks: Mapping[str, CheckState],
    guard: Callable[[], Answer],
    *,
    now: float,
) -> tuple[Situation, str]:
    is_silent = before.level is Level.NONE
    if health.verdict is Verdict.FAIL:
        what = _told(health.failing, checks)
        if is_silent and health.is_climbing:
            return Situation.CLIMBING, f"recovering: {', '.join(health.failing)}"
        if is_silent:
            return Situation.DEAD, what
        answer = guard()
        return _DEAD[answer.ruling], f"{what}; {answer.reason}"
    if health.verdict is Verdict.UNKNOWN:
        if is_silent and not health.unheard and not health.failing and health.is_climbing:
            return Situation.CLIMBING, "passing, but not often enough yet"
        heard = f"not heard yet: {', '.join(health.unheard)}" if health.unheard else "no verdict yet"
        return Situation.UNKNOWN, heard
    if is_silent and health.shaky:
        return Situation.CLIMBING, _told(health.shaky, checks)
    if before.level in (Level.NONE, Level.LOW) and now < before.penalty_until and not _is_low(before, health):
        times = f"{before.strikes} time{'' if before.strikes == 1 else 's'}"
        wait = before.penalty_until - now
        return Situation.PENALISED, f"healthy, but it fell {times} lately; it waits {wait:.0f} s more"
    if health.impairing:
        return Situation.IMPAIRED, _told(health.impairing, checks)
    if health.shaky:
        return Situation.SHAKY, _told(health.shaky, checks)
    return Situation.HEALTHY, "all checks pass"


def _is_low(before: ServiceState, health: ServiceHealth) -> bool:
    # Announced low for a reason that still holds: that is no penalty.
    return before.level is Level.LOW and bool(health.impairing)


def _told(ids: tuple[str, ...], checks: Mapping[str, CheckState]) -> str:
    parts = []
    for one in ids[:3]:
        state = checks[one]
        times = f"{-state.streak} time{'' if state.streak == -1 else 's'}" if state.streak < 0 else "before"
        parts.append(f"{one} failed {times}: {state.detail}" if state.detail else f"{one} failed {times}")
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return "; ".join(parts) + more
