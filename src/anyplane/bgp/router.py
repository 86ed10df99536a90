"""RouterPlan: a design, narrowed to what one site's router must do; backends render and drive from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from anyplane.design import announcements
from anyplane.design.design import Design
from anyplane.design.operation import Daemon, Safety, Session
from anyplane.model.errors import SpeakerRejected, UsageError
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


def refuse_foreign(plan: RouterPlan, wanted: Iterable[Announcement]) -> None:
    """SpeakerRejected when something is not ours to announce; every `apply` asks before it sends anything.

    Ours is a prefix of the design as it stands, or a blackholed host inside one. An Announcement that is a
    blackhole may be either.
    """
    for one in wanted:
        if one.prefix in plan.prefixes:
            continue
        is_host = one.is_blackhole and one.prefix.prefixlen == one.prefix.max_prefixlen
        family = one.prefix.version
        mine = (ours for ours in plan.prefixes if ours.version == family)
        if is_host and any(one.prefix.network_address in ours for ours in mine):
            continue
        raise SpeakerRejected(
            str(plan.daemon.kind),
            f"{one.prefix} is not a prefix of this design, so nothing was sent to the daemon",
            command=f"announce {one.prefix} to AS{one.upstream}",
            hint="service: prefixes: lists all that may be announced; of hosts inside, only blackholes",
        )
