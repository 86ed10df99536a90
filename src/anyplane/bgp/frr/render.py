"""render: the whole frr.conf of a site's router; what it announces is left to the agent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anyplane.bgp.frr.steering import IN, out_map
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Role, Session

_ROLES = {
    Role.CUSTOMER: "customer",
    Role.PEER: "peer",
    Role.RS_CLIENT: "rs-client",
    Role.PROVIDER: "provider",
    Role.RS: "rs-server",
}


def render(plan: RouterPlan) -> str:
    """The configuration for `vtysh -C -f`, commented."""
    lines = [
        *_head(plan),
        *_rpki(plan),
        *_prefix_lists(plan),
        *_import_maps(plan),
        *_export_maps(plan),
        *_bgp(plan),
        *_bfd(plan),
    ]
    return "\n".join(lines) + "\n"


def _head(plan: RouterPlan) -> Iterator[str]:
    yield f"! FRR for site {_word(plan.site)}, AS{plan.asn}: zebra, bgpd" + (
        ", bfdd" if _has_bfd(plan) else ""
    )
    yield "! `vtysh -C -f FILE` checks it. It belongs in /etc/frr/frr.conf (mode 0640, frr:frr); reload FRR."
    yield "! /etc/frr/daemons needs: bgpd=yes" + (" bfdd=yes" if _has_bfd(plan) else "")
    if plan.daemon.rtr:
        yield '! and bgpd_options="... -M rpki" (Debian: package frr-rpki-rtrlib). Without it the rpki lines'
        yield "! are refused, and routes are accepted unvalidated."
    yield "! Nothing is announced by this file: the agent adds `network` lines, until bgpd ends. Do"
    yield "! not `write memory` while the agent runs; if it happens, the lease on lo still ends the dead."
    yield "frr defaults traditional"
    yield "log syslog informational"
    yield "!"


def _rpki(plan: RouterPlan) -> Iterator[str]:
    if plan.daemon.rtr:
        yield "! Origin validation (RFC 6811) from RPKI-to-Router caches (RFC 8210)."
        yield "rpki"
        for number, cache in enumerate(plan.daemon.rtr, start=1):
            yield f" rpki cache {cache.host} {cache.port} preference {number}"
        yield "exit"
        yield "!"


def _prefix_lists(plan: RouterPlan) -> Iterator[str]:
    yield "! Our own space, and everything else: the one is never accepted, the other never announced."
    for version, word, longest in ((4, "ip", 32), (6, "ipv6", 128)):
        own = [prefix for prefix in plan.prefixes if prefix.version == version]
        everything = "0.0.0.0/0" if version == 4 else "::/0"
        for number, prefix in enumerate(own, start=1):
            tail = f" le {longest}" if prefix.prefixlen < longest else ""
            yield f"{word} prefix-list ANYPLANE-OWN-V{version} seq {number * 5} permit {prefix}{tail}"
            yield f"{word} prefix-list ANYPLANE-FOREIGN-V{version} seq {number * 5} deny {prefix}{tail}"
        if not own:
            yield f"{word} prefix-list ANYPLANE-OWN-V{version} seq 5 deny any"
        last = (len(own) + 1) * 5
        yield f"{word} prefix-list ANYPLANE-FOREIGN-V{version} seq {last} permit {everything} le {longest}"
        yield f"{word} prefix-list ANYPLANE-DEFAULT-V{version} seq 5 permit {everything}"
        sane = 24 if version == 4 else 48
        yield f"{word} prefix-list ANYPLANE-SANE-V{version} seq 5 permit {everything} le {sane}"
    yield "!"


def _import_maps(plan: RouterPlan) -> Iterator[str]:
    yield "bgp community-list standard ANYPLANE-SHUTDOWN seq 5 permit graceful-shutdown"
    yield "!"
    for session in (*plan.sessions, *witness_sessions(plan)):
        name, word = in_map(session), "ip" if session.family == 4 else "ipv6"
        yield f"! What {session.name} may tell us: {_IMPORTS.get(session.imports, session.imports)}."
        if session.imports == "default":
            yield f"route-map {name} permit 10"
            yield f" match {word} address prefix-list ANYPLANE-DEFAULT-V{session.family}"
            yield "exit"
        elif session.imports == "all":
            yield from _import_all(plan, session)
        yield f"route-map {name} deny 65535"
        yield "exit"
        yield "!"


_IMPORTS = {
    "default": "the default route",
    "all": "everything sane that is not ours",
    "none": "nothing",
}


def _import_all(plan: RouterPlan, session: Session) -> Iterator[str]:
    name, word = in_map(session), "ip" if session.family == 4 else "ipv6"
    yield f"route-map {name} deny 10"
    yield f" match {word} address prefix-list ANYPLANE-OWN-V{session.family}"
    yield "exit"
    states = ("valid", "notfound") if plan.daemon.rtr else ("",)
    for number, state in enumerate(states):
        matches = [f" match {word} address prefix-list ANYPLANE-SANE-V{session.family}"]
        matches += [f" match rpki {state}"] if state else []
        yield "! RFC 8326: what is about to be withdrawn is used last."
        yield f"route-map {name} permit {20 + 20 * number}"
        yield from matches
        yield " match community ANYPLANE-SHUTDOWN"
        yield " set local-preference 0"
        yield "exit"
        yield f"route-map {name} permit {30 + 20 * number}"
        yield from matches
        yield "exit"


def _export_maps(plan: RouterPlan) -> Iterator[str]:
    yield "! What leaves: the agent adds entries 100 to 65099, each for a tag that its `network` lines carry,"
    yield "! with the prepends, MED and communities (GRACEFUL_SHUTDOWN, BLACKHOLE, NO_EXPORT, ...) of that"
    yield "! upstream. What no entry matches stays here."
    for session in plan.sessions:
        name, word = out_map(session), "ip" if session.family == 4 else "ipv6"
        yield f"route-map {name} deny 10"
        yield f" match {word} address prefix-list ANYPLANE-FOREIGN-V{session.family}"
        yield "exit"
        yield f"route-map {name} deny 65535"
        yield "exit"
    yield "!"


def _bgp(plan: RouterPlan) -> Iterator[str]:
    yield "! Changes of route-maps take no effect by themselves: the agent sends anew what it changes."
    yield "bgp route-map delay-timer 0"
    yield f"router bgp {plan.asn}"
    yield f" bgp router-id {plan.router_id}"
    yield " ! RFC 8212: nothing in or out of an eBGP session without a policy."
    yield " bgp ebgp-requires-policy"
    yield " no bgp default ipv4-unicast"
    yield " bgp log-neighbor-changes"
    yield " ! Graceful restart would keep a dead site's routes at the neighbours (RFC 4724): off."
    yield " bgp graceful-restart-disable"
    yield " ! A prefix is announced only while it is on lo with its length: the lease that the agent renews."
    yield " bgp network import-check"
    yield " ! The first routes leave with a session that just came up, not a second later."
    yield " coalesce-time 10"
    shown = tuple(zip(plan.sessions, witness_sessions(plan), strict=False))
    for session in plan.sessions:
        yield from _neighbor(session)
    for session, witness in shown:
        yield " !"
        yield f" ! The witness is sent what AS{session.upstream} is sent on {_word(session.name)}."
        yield from _neighbor(witness)
    for family, word in ((4, "ipv4"), (6, "ipv6")):
        sessions = [session for session in plan.sessions if session.family == family]
        if sessions:
            yield f" address-family {word} unicast"
            for session in sessions:
                yield from _activated(session, out_map(session))
            for session, witness in shown:
                if witness.family == family:
                    yield from _activated(witness, out_map(session))
            yield " exit-address-family"
    yield "exit"
    yield "!"


def _neighbor(session: Session) -> Iterator[str]:
    neighbor = f" neighbor {session.neighbor}"
    yield " !"
    yield f"{neighbor} remote-as {session.upstream}"
    yield f"{neighbor} description {_word(session.name)}"
    yield f"{neighbor} advertisement-interval 0"
    yield f"{neighbor} timers {session.hold_s // 3} {session.hold_s}"
    yield f"{neighbor} timers connect 5"
    if session.local is not None:
        yield f"{neighbor} update-source {session.local}"
    if session.port != 179:
        yield f"{neighbor} port {session.port}"
    if session.is_passive:
        yield f"{neighbor} passive"
    if session.is_gtsm:
        yield " ! RFC 5082: packets from further away are dropped."
        yield f"{neighbor} ttl-security hops {min(254, max(1, session.multihop))}"
    elif session.multihop:
        yield f"{neighbor} ebgp-multihop {session.multihop}"
    if session.role is not None:
        yield " ! RFC 9234: our role."
        yield f"{neighbor} local-role {_ROLES[session.role]}"
    if session.bfd is not None:
        yield f"{neighbor} bfd"
        yield f"{neighbor} bfd profile {_profile(session)}"
    if session.password_file:
        yield f" ! TCP MD5 (RFC 2385): the agent gives bgpd the key from {session.password_file}, which is no"
        yield f" ! part of this file. By hand: {neighbor.strip()} password KEY"


def _activated(session: Session, out: str) -> Iterator[str]:
    neighbor = f"  neighbor {session.neighbor}"
    yield f"{neighbor} activate"
    yield f"{neighbor} send-community all"
    yield f"{neighbor} route-map {in_map(session)} in"
    yield f"{neighbor} route-map {out} out"
    if session.max_prefix is not None:
        yield f"{neighbor} maximum-prefix {session.max_prefix}"


def _bfd(plan: RouterPlan) -> Iterator[str]:
    if not _has_bfd(plan):
        return
    yield "! RFC 5880: a neighbour that falls silent is noticed in interval x multiplier."
    yield "bfd"
    profiles = {_profile(one): one.bfd for one in plan.sessions if one.bfd is not None}
    for name, timers in profiles.items():
        yield f" profile {name}"
        yield f"  detect-multiplier {max(2, timers.multiplier)}"
        yield f"  receive-interval {timers.interval_ms}"
        yield f"  transmit-interval {timers.interval_ms}"
        yield " exit"
    yield "exit"
    yield "!"


def in_map(session: Session) -> str:
    """The name of the route-map that a session's routes come in through."""
    return IN + _word(session.name)


def _profile(session: Session) -> str:
    return f"anyplane-{session.bfd.interval_ms}x{session.bfd.multiplier}" if session.bfd is not None else ""


def _has_bfd(plan: RouterPlan) -> bool:
    return any(session.bfd is not None for session in plan.sessions)


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)
