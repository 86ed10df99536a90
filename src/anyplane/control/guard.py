"""The guard: may this site take a service off the air? One dead site must go; one cause must not take all.

Asked in this order, and the first refusal is the answer:

1. No fleet is declared: the site decides alone.
2. Nobody else is heard: it waits `patience_s` for a word, then does what `isolated` says.
3. The same check fails on many sites since about the same time: that is a bad check, a bad rollout or a
   common cause, and withdrawing everywhere would make it an outage. FROZEN, and somebody is paged.
4. Fewer than `floor` others are healthy, counting only words spoken since this site's check began to fail
   (what was said before cannot know of a common cause).
5. Too many other sites withdrew within the budget's time.
6. The others have no room for this site's load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from anyplane.control.fleet import FleetView, SiteReport, aged
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import State
from anyplane.design.operation import Isolation

HEALTHY = frozenset((State.UP, State.DEGRADED))


class Ruling(StrEnum):
    """What the guard says; all but ALLOW keep the announcement."""

    ALLOW = "allow"
    WAIT = "wait"
    HOLD = "hold"
    ISOLATED = "isolated"
    FREEZE = "freeze"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ruling and the words for it."""

    ruling: Ruling
    reason: str


def may_withdraw(
    plan: SitePlan,
    service: ServicePlan,
    fleet: FleetView,
    *,
    failing: Mapping[str, float],
    failed_at: float,
    now: float,
) -> Answer:
    """The guard's answer at `now` for a service that failed at `failed_at`.

    `failing` maps the failing local checks to the time of their first failure; empty for a drain.
    """
    safety = plan.safety
    fleet = aged(fleet, now=now)
    others = plan.sites - {plan.site}
    if not safety.has_fleet:
        return Answer(ruling=Ruling.ALLOW, reason="no fleet is declared, so the site decides alone")
    if not others:
        return Answer(ruling=Ruling.ALLOW, reason="it is the only site")
    reports = _reports(plan, service, fleet)
    fresh = [one for one in reports if one.site in others and one.age_s <= safety.fresh_s]
    is_patient = now - failed_at < safety.patience_s
    if not fresh:
        if is_patient:
            return Answer(ruling=Ruling.WAIT, reason="waiting for a word of another site")
        heard = min((one.age_s for one in reports if one.site in others), default=None)
        last = "no other site was ever heard"
        if heard is not None:
            last = f"the last word of another site is {heard:.0f} s old"
        if safety.isolated is Isolation.WITHDRAW:
            return Answer(ruling=Ruling.ALLOW, reason=f"{last}; isolated: withdraw")
        return Answer(ruling=Ruling.ISOLATED, reason=last)
    if frozen := _common_cause(plan, fresh, failing, now=now):
        return Answer(ruling=Ruling.FREEZE, reason=frozen)
    # Of several failing checks the last one counts: those that k of n forgives may have failed for hours.
    onset = min(failed_at, max(failing.values(), default=failed_at))
    healthy = [one for one in fresh if _is_healthy(one, service)]
    confirmed = [one for one in healthy if one.age_s <= now - onset]
    if len(confirmed) < safety.floor:
        if len(healthy) >= safety.floor and is_patient:
            return Answer(ruling=Ruling.WAIT, reason="waiting for words newer than the failure")
        count = f"{len(confirmed)} other site{'' if len(confirmed) == 1 else 's'} fresh and healthy"
        return Answer(ruling=Ruling.HOLD, reason=f"{count}, the floor is {safety.floor}")
    gone = {one.site for one in fleet.withdrawals if one.age_s <= safety.budget_per_s} & others
    if len(gone) >= safety.budget:
        names = ", ".join(sorted(gone))
        per = f"{safety.budget_per_s / 60:.3g} min"
        return Answer(
            ruling=Ruling.HOLD, reason=f"{names} withdrew in the last {per}, the budget is {safety.budget}"
        )
    if lacking := _lacks_room(plan, confirmed, fleet):
        return Answer(ruling=Ruling.HOLD, reason=lacking)
    names = ", ".join(sorted(one.site for one in confirmed))
    return Answer(ruling=Ruling.ALLOW, reason=f"healthy elsewhere: {names}")


def _reports(plan: SitePlan, service: ServicePlan, fleet: FleetView) -> list[SiteReport]:
    """One word of each site: its youngest; the design's static one where the site itself says nothing."""
    said = {
        site: SiteReport(site=site, age_s=0.0, services={service.key: State.UP})
        for site in sorted(plan.safety.fleet_sites)
    }
    said |= {one.site: one for one in sorted(fleet.reports, key=lambda one: -one.age_s)}
    return list(said.values())


def _is_healthy(report: SiteReport, service: ServicePlan) -> bool:
    """Is `service` announced and well there? A site may move its families together where we do not.

    Then its one word holds for each family, and the other way round each family must be well.
    """
    if service.key in report.services:
        return report.services[service.key] in HEALTHY
    if service.key != service.group:
        return report.services.get(service.group) in HEALTHY
    families = {f"{service.group}/v{prefix.version}" for prefix in service.prefixes}
    return bool(families) and all(report.services.get(key) in HEALTHY for key in families)


def _common_cause(
    plan: SitePlan, fresh: list[SiteReport], failing: Mapping[str, float], *, now: float
) -> str:
    safety = plan.safety
    for check, since in failing.items():
        alike = [
            one.site
            for one in fresh
            if check in one.failing
            and abs((now - since) - (one.age_s + one.failing[check])) <= safety.same_check_within_s
        ]
        share = (len(alike) + 1) / (len(fresh) + 1)
        if alike and share >= safety.same_check:
            return f"{check} fails on {len(alike) + 1} of {len(fresh) + 1} sites since about the same time"
    return ""


def _lacks_room(plan: SitePlan, healthy: list[SiteReport], fleet: FleetView) -> str:
    known = [(one.load, one.capacity) for one in healthy if one.load is not None and one.capacity is not None]
    if fleet.load is None or not known:
        return ""
    room = sum(max(0.0, capacity * plan.safety.headroom - load) for load, capacity in known)
    if room >= fleet.load:
        return ""
    return f"the others have room for {room:.4g}, this site carries {fleet.load:.4g}"
