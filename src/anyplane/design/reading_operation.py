"""`safety:`, `daemon:` and `session:` as shapes -> Safety, Daemon and Session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from anyplane.design.naming import names
from anyplane.design.operation import Bfd, Daemon, Role, Rtr, Safety, Session
from anyplane.model.nouns import Asn, SiteName, UpstreamKind

if TYPE_CHECKING:
    from anyplane.design.shape_daemon import DaemonShape, SessionShape
    from anyplane.design.shape_safety import SafetyShape

ROLES = {
    UpstreamKind.TRANSIT: Role.CUSTOMER,
    UpstreamKind.PEER: Role.PEER,
    UpstreamKind.ROUTE_SERVER: Role.RS_CLIENT,
}


def safety(shape: SafetyShape) -> Safety:
    """The guards and the timers."""
    return Safety(
        floor=shape.floor,
        headroom=shape.headroom,
        budget=shape.budget.sites,
        budget_per_s=shape.budget.per,
        same_check=shape.same_check.share,
        same_check_within_s=shape.same_check.within,
        fresh_s=shape.fresh,
        patience_s=shape.patience,
        isolated=shape.isolated,
        lease_s=shape.lease,
        death_hold_s=shape.on_agent_death.hold,
        flap_first_s=shape.quarantine.first,
        flap_longest_s=shape.quarantine.longest,
        drain_prepend=shape.drain.prepend,
        drain_wait_s=shape.drain.wait,
        retired=frozenset(shape.retire),
        fleet_file=shape.fleet.file if shape.fleet else "",
        fleet_sites=frozenset(SiteName(name) for name in shape.fleet.static) if shape.fleet else frozenset(),
    )


def daemon(shape: DaemonShape | None, *, path: str) -> Daemon | None:
    """The daemon of a site, or None where nothing is said of it."""
    if shape is None:
        return None
    return Daemon(
        kind=shape.kind,
        router_id=shape.router_id,
        control=shape.control,
        include=shape.include,
        rtr=tuple(Rtr(host=one.host, port=one.port) for one in shape.rpki),
        witness=shape.witness,
        settings=dict(shape.settings),
        path=path,
    )


def session_names(written: Iterable[tuple[str, Asn, int]]) -> Iterator[str]:
    """The names of a site's sessions, of which (name or "", upstream, 4 or 6) is known, in order."""
    return names(((name, f"as{asn}_v{version}") for name, asn, version in written), joint="_")


def session(shape: SessionShape, *, name: str, upstream: Asn, kind: UpstreamKind, path: str) -> Session:
    """One session; its role only where one is written."""
    role = shape.role if isinstance(shape.role, Role) else None
    if role is None and shape.role:
        role = ROLES[kind]
    bfd = shape.bfd
    return Session(
        name=name,
        upstream=upstream,
        neighbor=shape.neighbor,
        local=shape.local,
        port=shape.port,
        password_file=shape.password_file,
        is_gtsm=shape.gtsm,
        multihop=shape.multihop,
        bfd=Bfd(interval_ms=round(bfd.interval * 1000), multiplier=bfd.multiplier) if bfd else None,
        role=role,
        max_prefix=shape.max_prefix,
        hold_s=shape.hold,
        is_passive=shape.passive,
        imports=shape.imports,
        path=path,
    )
