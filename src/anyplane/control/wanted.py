"""wanted: the levels of a site's services -> the whole set of announcements, blackholes included."""

from __future__ import annotations

from collections.abc import Mapping

from anyplane.control.orders import Orders
from anyplane.control.site_plan import ServicePlan, SitePlan
from anyplane.control.states import Level
from anyplane.design.intent import blackholed, drained, lowered
from anyplane.model.nouns import Announcement


def wanted(
    plan: SitePlan, levels: Mapping[str, Level], orders: Orders, *, now: float
) -> frozenset[Announcement]:
    """All that the site should announce at `now`.

    A blackholed host is announced only beside its covering prefix: a site that is withdrawn attracts nothing.
    One that lies in no prefix of the site is not announced (another site may have taken the same order).
    """
    services = [service for service in plan.services if levels[service.key] is not Level.NONE]
    listed = {
        announcement for service in services for announcement in _at(plan, service, levels[service.key])
    }
    for order in orders.blackholes:
        if order.expires_at > now:
            listed |= {
                blackholed(one, order.host)
                for service in services
                for one in service.announcements
                if one.prefix.version == order.host.version
                and one.prefix != order.host
                and order.host.network_address in one.prefix
            }
    return frozenset(listed)


def _at(plan: SitePlan, service: ServicePlan, level: Level) -> tuple[Announcement, ...]:
    if level is Level.LOW:
        return tuple(lowered(one, service.degraded) for one in service.announcements)
    if level is Level.DRAIN:
        prepend = plan.safety.drain_prepend
        return tuple(drained(one, prepend=prepend) for one in service.announcements)
    return service.announcements
