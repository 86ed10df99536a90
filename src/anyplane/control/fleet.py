"""FleetView: what other sites say of themselves, as a plain value with ages, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """All that is known of the other sites now; this site's own report is not among them."""

    reports: tuple[SiteReport, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    load: float | None = None
    """This site's own load, if somebody measures it."""
