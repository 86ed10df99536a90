"""Rules AP07x: sessions that leave the wrong thing on the wire, nothing at all, or for too long.

They look only at designs that say something about running their sites.
"""

from __future__ import annotations

from collections.abc import Iterator

from anyplane.design.design import Design, Severity, Site, Upstream
from anyplane.design.finding import Hit, Rule, enabled, rule, sessions
from anyplane.design.operation import DaemonKind, Role, Session
from anyplane.design.reading_operation import ROLES
from anyplane.design.rules_health import is_run
from anyplane.model.nouns import UpstreamKind

SLOW_HOLD_S = 30
_WITHOUT_BFD = frozenset((DaemonKind.EXABGP, DaemonKind.GOBGP, DaemonKind.OPENBGPD))


@rule(
    "AP070",
    Severity.WARNING,
    title="Every announcement has a session",
    reason="A prefix goes out over sessions of its own address family only: without one it is not on "
    "the wire.",
)
def missing_session(design: Design) -> Iterator[Hit]:
    """Look for upstreams that are sent a family they have no session for; once a site has any session."""
    for site in enabled(design):
        if not any(upstream.sessions for upstream in site.upstreams):
            continue
        for upstream in site.upstreams:
            sent = {prefix.version for prefix in upstream.prefixes}
            lacking = sorted(sent - {session.family for session in upstream.sessions})
            if lacking:
                families = " and ".join(f"IPv{version}" for version in lacking)
                message = f"{site.name} has no session with AS{upstream.asn} for its {families} prefixes"
                yield Hit(path=upstream.path, message=message, hint="add session: [{neighbor: ...}]")


@rule(
    "AP071",
    Severity.WARNING,
    title="A silent neighbour is noticed",
    reason="Until the hold time ends a dead session keeps its routes, and packets go nowhere; BFD (RFC 5880) "
    "notices in a fraction of a second.",
)
def slow_session(design: Design) -> Iterator[Hit]:
    """Look for long hold times without BFD; one hit for the whole design."""
    slow = [one for _, _, one in _all(design) if one.bfd is None and one.hold_s > SLOW_HOLD_S]
    if slow:
        message = f"{_count(slow)} notice a silent neighbour after {max(one.hold_s for one in slow)} s only"
        yield Hit(path=slow[0].path, message=message, hint="add bfd: true, or hold: 9 s")


@rule(
    "AP072",
    Severity.NOTE,
    title="Direct sessions are protected",
    reason="Without GTSM (RFC 5082) or a TCP MD5 key (RFC 2385) anybody who can send packets to the router "
    "can try to reset the session.",
)
def open_session(design: Design) -> Iterator[Hit]:
    """Look for direct sessions with neither; one hit for the whole design."""
    bare = [one for _, _, one in _all(design) if not (one.multihop or one.is_gtsm or one.password_file)]
    if bare:
        message = f"{_count(bare)} with a direct neighbour have neither gtsm nor a password_file"
        yield Hit(path=bare[0].path, message=message, hint="add gtsm: true where the neighbour does it too")


@rule(
    "AP073",
    Severity.WARNING,
    title="Our role fits the upstream",
    reason="Two ends whose roles do not make a pair refuse the session (RFC 9234 section 4.2).",
)
def wrong_role(design: Design) -> Iterator[Hit]:
    """Compare roles with the kinds of upstreams."""
    for _, upstream, session in _all(design):
        expected = ROLES[upstream.kind]
        is_exchange = upstream.kind is UpstreamKind.ROUTE_SERVER and session.role is Role.PEER
        if session.role not in (None, expected) and not is_exchange:
            kind = upstream.kind.replace("_", " ")
            message = f"our role is {session.role}, but AS{upstream.asn} is a {kind}"
            yield Hit(path=f"{session.path}.role", message=message, hint=f"write role: {expected}")


@rule(
    "AP074",
    Severity.WARNING,
    title="BFD is asked of a daemon that has it",
    reason="ExaBGP, GoBGP and OpenBGPD do not speak BFD: a silent neighbour is noticed after the hold time "
    "only.",
)
def daemon_without_bfd(design: Design) -> Iterator[Hit]:
    """Compare BFD with the daemon."""
    for site, _, session in _all(design):
        daemon = site.daemon.kind if site.daemon else DaemonKind.EXABGP
        if session.bfd and daemon in _WITHOUT_BFD:
            yield Hit(
                path=f"{session.path}.bfd",
                message=f"{daemon} has no BFD",
                hint="use bird or frr, or hold: 9 s",
            )


@rule(
    "AP075",
    Severity.WARNING,
    title="Transit networks may pass the service on",
    reason="With NO_EXPORT a transit network keeps the route from its customers: those that have no other "
    "provider lose the service.",
)
def hidden_from_customers(design: Design) -> Iterator[Hit]:
    """Look for NO_EXPORT to transit, where it is not the whole site's (AP016)."""
    for site, upstream in sessions(design):
        is_hidden = upstream.is_no_export and upstream.kind is UpstreamKind.TRANSIT
        if is_run(design) and is_hidden and not all(one.is_no_export for one in site.upstreams):
            message = f"NO_EXPORT to AS{upstream.asn} at {site.name} hides the service from its customers"
            hint = "use an action community of the network"
            yield Hit(path=f"{upstream.path}.no_export", message=message, hint=hint)


@rule(
    "AP076",
    Severity.WARNING,
    title="A full table has a limit",
    reason="A neighbour that leaks can fill the router's memory and end all of its sessions.",
)
def unlimited_table(design: Design) -> Iterator[Hit]:
    """Look for imports: all without max_prefix."""
    for _, upstream, session in _all(design):
        if session.imports == "all" and session.max_prefix is None:
            message = f"AS{upstream.asn} may send any number of prefixes"
            yield Hit(path=f"{session.path}.imports", message=message, hint="add max_prefix: 1500000, say")


@rule(
    "AP077",
    Severity.WARNING,
    title="Sessions run outside of the service's prefixes",
    reason="A neighbour whose address is inside an announced prefix is at another site as soon as the prefix "
    "is heard from there.",
)
def neighbor_inside(design: Design) -> Iterator[Hit]:
    """Look for neighbours inside our prefixes."""
    prefixes = [prefix for group in design.groups for prefix in group.prefixes]
    for _, _, session in _all(design):
        if any(session.neighbor in prefix for prefix in prefixes):
            message = f"{session.neighbor} is inside a prefix of this service"
            yield Hit(path=f"{session.path}.neighbor", message=message, hint="use an address of the link")


@rule(
    "AP078",
    Severity.WARNING,
    title="Routes do not outlive a reboot",
    reason="After a reboot nothing is checked yet: routes in a file that stays would be announced at once.",
)
def lasting_include(design: Design) -> Iterator[Hit]:
    """Look for include files outside of /run."""
    for site in enabled(design):
        include = site.daemon.include if site.daemon else ""
        if include and not include.startswith(("/run/", "/var/run/")):
            path = f"sites.{site.name}.daemon.include"
            yield Hit(path=path, message=f"{include} outlives a reboot", hint="put it under /run")


def _all(design: Design) -> tuple[tuple[Site, Upstream, Session], ...]:
    return tuple((site, upstream, one) for site, upstream in sessions(design) for one in upstream.sessions)


def _count(listed: list[Session]) -> str:
    return f"{len(listed)} sessions" if len(listed) > 1 else "one session"


RULES: tuple[Rule, ...] = (
    missing_session,
    slow_session,
    open_session,
    wrong_role,
    daemon_without_bfd,
    hidden_from_customers,
    unlimited_table,
    neighbor_inside,
    lasting_include,
)
