"""One design after another: what carries over, and what a new design may not take off the air in silence.

Cloudflare's BYOIP outage of 2026-02 began with an empty filter that meant "all": here a design that announces
less than the present one is refused, unless it says so in `safety: retire:`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from anyplane.control.health import CheckState, Verdict
from anyplane.control.site import ServiceState, SiteState
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import Level, Situation, State
from anyplane.design.operation import Check
from anyplane.model.nouns import Asn, Prefix


def missing(announced: Iterable[tuple[Prefix, Asn]], new: SitePlan) -> tuple[str, ...]:
    """The (prefix, upstream) pairs that `new` leaves out without a word for it, in words; empty: it may come.

    A prefix or an upstream is retired by `safety: retire: [192.0.2.0/24, AS64500]`. A disabled site says so
    itself, and announces nothing.
    """
    if new.site not in new.sites:
        return ()
    kept = {(one.prefix, one.upstream) for one in new.announcements}
    retired = new.safety.retired
    return tuple(
        f"{prefix} to AS{asn}"
        for prefix, asn in sorted(set(announced), key=lambda pair: (pair[0].version, *pair))
        if (prefix, asn) not in kept and str(prefix) not in retired and f"AS{asn}" not in retired
    )


def carry(old: SitePlan, new: SitePlan, state: SiteState, *, now: float) -> SiteState:
    """The state under the new plan: checks that are the same keep their history, services their level.

    What a check has against the service outlives its change: else reloads, one after another, could keep a
    dead service announced. A service is known by its prefixes, so that a group with a new name withdraws
    nothing. One whose v4 and v6 moved together before takes that level for each, and the lower of the two
    the other way round (see `parted`).
    """
    checks = {
        key: _remembered(old.checks.get(key), new.checks[key], state, key, now=now) for key in new.checks
    }
    services = {}
    for service in new.services:
        known = [state.services[before.key] for before in predecessors(old, service)]
        services[service.key] = min(known, key=_eagerness) if known else _fresh(now)
    return replace(state, services=services, checks=checks)


def predecessors(old: SitePlan, service: ServicePlan) -> tuple[ServicePlan, ...]:
    """The services of `old` that announced what `service` announces."""
    return tuple(one for one in old.services if set(one.prefixes) & set(service.prefixes))


def parted(old: SitePlan, new: SitePlan, state: SiteState) -> tuple[str, ...]:
    """Services of `new` that would join one that is announced with one that is not, in words.

    To join them takes off the air what is well, and no guard was asked, on every site that reloads.
    """
    told = []
    for service in new.services:
        levels = {one.key: state.services[one.key].level for one in predecessors(old, service)}
        silent = [key for key, level in levels.items() if level is Level.NONE]
        if silent and len(silent) < len(levels):
            told.append(
                f"{service.key} joins {', '.join(levels)}, of which {', '.join(silent)} is not announced"
            )
    return tuple(told)


def _remembered(before: Check | None, after: Check, state: SiteState, key: str, *, now: float) -> CheckState:
    known = state.checks.get(key)
    fresh = CheckState(listened_from=now)
    if known is None or before is None:
        return fresh
    is_same = replace(before, path="") == replace(after, path="")  # where it stands in the file is nothing
    if is_same or known.verdict is Verdict.FAIL or known.heard_at is None:
        return known
    return replace(known, verdict=Verdict.UNKNOWN) if known.streak < 0 else fresh


def _eagerness(one: ServiceState) -> int:
    return [Level.NONE, Level.DRAIN, Level.LOW, Level.FULL].index(one.level)


def _fresh(now: float) -> ServiceState:
    return ServiceState(state=State.INIT, situation=Situation.UNKNOWN, since=now, level_since=now)
