"""RouterPlan: a design, narrowed to what one site's router must do; backends render and drive from it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.design.operation import Daemon, Safety, Session
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Announcement, Asn, Prefix, SiteName, UpstreamKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlan:
    """One site's router.

    `prefixes`: all that the design owns, announced here or not: blackholes and observations stay inside.
    `announcements`: what the site announces when all is well. `kinds`: what each upstream is to us.
    """

    site: SiteName
    asn: Asn
    router_id: IPv4Address
    daemon: Daemon
    sessions: tuple[Session, ...]
    kinds: dict[Asn, UpstreamKind]
    prefixes: tuple[Prefix, ...]
    announcements: tuple[Announcement, ...]
    safety: Safety


def router_plan(design: Design, site: str) -> RouterPlan:
    """The router of `site`; UsageError where the design lacks the site or its sessions."""
    listed = announcements(design, site=site)
    here = next(one for one in design.sites if one.name == site)
    sessions = tuple(session for upstream in here.upstreams for session in upstream.sessions)
    if not sessions:
        raise UsageError(
            f"the design names no BGP session of {site}",
            hint=f"say under sites: {site}: upstreams: which address each neighbour has (session:)",
        )
    daemon = here.daemon or Daemon()
    local = next((one.local for one in sessions if isinstance(one.local, IPv4Address)), None)
    router_id = daemon.router_id or local
    if router_id is None:
        raise UsageError(
            f"nothing gives the router of {site} an id, for it has no local IPv4 address",
            hint=f"say sites: {site}: daemon: router_id: 192.0.2.1",
        )
    return RouterPlan(
        site=here.name,
        asn=design.origin,
        router_id=router_id,
        daemon=daemon,
        sessions=sessions,
        kinds={one.asn: one.kind for one in here.upstreams},
        prefixes=tuple(prefix for group in design.groups for prefix in group.prefixes),
        announcements=listed,
        safety=design.safety,
    )
