"""FleetView: what other sites say of themselves, as a plain value with ages, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from anyplane.control.states import State
from anyplane.model.nouns import SiteName


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteReport:
    """One site's word, `age_s` seconds old.

    `services`: the state of each, by its key ("dns", "dns/v4"). `failing`: local checks that fail now, by
    check id, with the seconds since the first failure of that run. `load` and `capacity` are in the design's
    unit; None: not known.
    """

    site: SiteName
    age_s: float
    services: Mapping[str, State]
    failing: Mapping[str, float] = field(default_factory=dict)
    load: float | None = None
    capacity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A site took a service off the air `age_s` seconds ago because of a check (a drain is none)."""

    site: SiteName
    service: str
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """All that is known of the other sites; this site's own report is not among them.

    `at`: the moment (monotonic) that the ages are reckoned to; None: now. Who looks later uses `aged`, so
    that a view nobody renews grows old by itself.
    """

    reports: tuple[SiteReport, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    load: float | None = None
    """This site's own load, if somebody measures it."""
    at: float | None = None


def aged(view: FleetView, *, now: float) -> FleetView:
    """The same words at `now`."""
    if view.at is None or now <= view.at:
        return view
    older = now - view.at
    return FleetView(
        reports=tuple(replace(one, age_s=one.age_s + older) for one in view.reports),
        withdrawals=tuple(replace(one, age_s=one.age_s + older) for one in view.withdrawals),
        load=view.load,
        at=now,
    )
