"""One design after another: what carries over, and what a new design may not take off the air in silence.

Cloudflare's BYOIP outage of 2026-02 began with an empty filter that meant "all": here a design that announces
less than the present one is refused, unless it says so in `safety: retire:`.
"""

from __future__ import annotations

from collections.abc import Iterable

from anyplane.control.site import ServiceState, SiteState
from anyplane.control.site_plan import SitePlan
from anyplane.control.states import Level, Situation, State
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

    A service whose v4 and v6 moved together before takes that level for each, and the lower of the two the
    other way round.
    """
    checks = {
        key: history
        for key, history in state.checks.items()
        if key in new.checks and new.checks[key] == old.checks.get(key)
    }
    services = {}
    for service in new.services:
        known = [
            state.services[before.key]
            for before in old.services
            if before.group == service.group and set(before.prefixes) & set(service.prefixes)
        ]
        services[service.key] = min(known, key=_eagerness) if known else _fresh(now)
    return SiteState(services=services, checks=checks, began=now)


def _eagerness(one: ServiceState) -> int:
    return [Level.NONE, Level.DRAIN, Level.LOW, Level.FULL].index(one.level)


def _fresh(now: float) -> ServiceState:
    return ServiceState(state=State.INIT, situation=Situation.UNKNOWN, since=now, level_since=now)
