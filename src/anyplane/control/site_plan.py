"""SitePlan: a design, narrowed to what one site decides about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.design.operation import Backend, Check, Degradation, Health, Safety
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Announcement, Prefix, SiteName


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """One service: its key ("dns", or "dns/v4" and "dns/v6"), what it announces, what judges it.

    `checks` are check ids. `need` None: every local check must pass, else so many of them. `backends` maps
    the name of each to the ids of its checks; fewer than `need_backends` live ones of an address family fail
    the service. `backend_families` says of which each is; one that it leaves out is IPv4.
    """

    key: str
    group: str
    prefixes: tuple[Prefix, ...]
    announcements: tuple[Announcement, ...]
    checks: tuple[str, ...]
    degraded: Degradation
    need: int | None = None
    backends: Mapping[str, tuple[str, ...]]
    need_backends: int = 1
    backend_families: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """All services of one site. `checks`: every check to run, by id ("dns/answers", "dns/web1/answers")."""

    site: SiteName
    services: tuple[ServicePlan, ...]
    checks: Mapping[str, Check]
    safety: Safety
    capacity: float | None
    sites: frozenset[SiteName]
    """Every enabled site of the design, this one included."""

    @property
    def announcements(self) -> tuple[Announcement, ...]:
        """All that the site announces when everything is well."""
        return tuple(one for service in self.services for one in service.announcements)


def site_plan(design: Design, site: str) -> SitePlan:
    """What `site` runs; UsageError where the design has no such site or a group of it has no checks."""
    listed = announcements(design, site=site)
    here = next(one for one in design.sites if one.name == site)
    checks: dict[str, Check] = {}
    services: list[ServicePlan] = []
    for group in design.groups:
        announced = tuple(one for one in listed if one.prefix in group.prefixes)
        if not announced:
            continue
        health = here.health.get(group.name) or design.health.get(group.name)
        if health is None or not (health.checks or health.backends):
            raise UsageError(
                f"nothing checks the group {group.name}, so nothing could ever be announced at {site}",
                hint=f"give it checks under health: {group.name}:",
            )
        services += _services(group.name, health, announced, checks)
    return SitePlan(
        site=here.name,
        services=tuple(services),
        checks=checks,
        safety=design.safety,
        capacity=here.capacity,
        sites=frozenset(one.name for one in design.sites if one.is_enabled),
    )


def _services(
    group: str, health: Health, announced: tuple[Announcement, ...], checks: dict[str, Check]
) -> list[ServicePlan]:
    for check in health.checks:
        checks[f"{group}/{check.name}"] = check
    for backend in health.backends:
        for check in backend.checks:
            checks[f"{group}/{backend.name}/{check.name}"] = check
    families = sorted({one.prefix.version for one in announced})
    parts = [(0, group)] if health.is_together else [(family, f"{group}/v{family}") for family in families]
    return [
        ServicePlan(
            key=key,
            group=group,
            prefixes=tuple(dict.fromkeys(one.prefix for one in announced if _is_of(one, family))),
            announcements=tuple(one for one in announced if _is_of(one, family)),
            checks=tuple(f"{group}/{one.name}" for one in health.checks if _speaks_for(one, family)),
            degraded=health.degraded,
            need=health.need,
            backends={
                one.name: tuple(f"{group}/{one.name}/{check.name}" for check in one.checks)
                for one in health.backends
                if _reaches(one, family)
            },
            need_backends=health.need_backends,
            backend_families={one.name: one.address.version for one in health.backends},
        )
        for family, key in parts
    ]


def _is_of(announcement: Announcement, family: int) -> bool:
    return family in (0, announcement.prefix.version)


def _speaks_for(check: Check, family: int) -> bool:
    return family == 0 or check.family in (0, family)


def _reaches(backend: Backend, family: int) -> bool:
    return family in (0, backend.address.version)
