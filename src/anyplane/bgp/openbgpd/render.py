"""render: the whole bgpd.conf of a site's router; what it announces is left to the agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import zip_longest

from anyplane.bgp.openbgpd.markers import ALONE, ANNOUNCE, MED_BITS, PREPEND_BITS, marker, named
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Role, Session

_ROLES = {
    Role.CUSTOMER: "customer",
    Role.PEER: "peer",
    Role.RS_CLIENT: "rs-client",
    Role.PROVIDER: "provider",
    Role.RS: "rs",
}


def render(plan: RouterPlan) -> str:
    """The configuration for `bgpd -n -f`, commented."""
    lines = [*_head(plan), *_own_space(plan)]
    for session in plan.sessions:
        lines += _neighbor(session)
    shown = witness_sessions(plan)
    for session, witness in zip(plan.sessions, shown, strict=False):
        lines.append(f"# The witness is sent what AS{session.upstream} is sent on {_word(session.name)}.")
        lines += _neighbor(witness)
    lines += _imports(plan)
    for session, one in zip_longest(plan.sessions, shown):
        lines += _exports(plan, session, one)
    lines += [
        "# No marker ever leaves.",
        "match to any set ext-community delete rt 65535:*",
    ]
    return "\n".join(lines) + "\n"


def _head(plan: RouterPlan) -> Iterator[str]:
    yield f"# OpenBGPD for site {_word(plan.site)}, AS{plan.asn}"
    yield "# Load: bgpd -n -f FILE checks it; install it as /etc/bgpd.conf (mode 0600, root); bgpctl reload."
    yield "# Nothing is announced by this file: the agent adds networks with bgpctl, until bgpd ends."
    for session in plan.sessions:
        if session.password_file:
            yield f"# The TCP MD5 key (RFC 2385) of {session.name} stands in a file of its own, made so:"
            yield f'#   umask 077; printf \'{_macro(session)}="%s"\\n\' "$(cat {session.password_file})" \\'
            yield f"#     > {session.password_file}.openbgpd"
            yield f'include "{session.password_file}.openbgpd"'
    yield f"AS {plan.asn}"
    yield f"router-id {plan.router_id}"
    yield "connect-retry 5"
    if plan.daemon.control:
        yield f'socket "{plan.daemon.control}"'
    for cache in {one.host: one for one in plan.daemon.rtr}.values():  # bgpd knows one cache an address
        yield "# Origin validation (RFC 6811) from an RPKI-to-Router cache (RFC 8210)."
        if not _is_address(cache.host):
            yield f"# bgpd takes addresses only: write that of {cache.host} port {cache.port}."
            continue
        yield f"rtr {cache.host} {{"
        yield f"\tport {cache.port}"
        yield "}"
    yield ""


def _own_space(plan: RouterPlan) -> Iterator[str]:
    yield "# Our own space: never accepted, and nothing else is ever announced."
    yield 'prefix-set "own" {'
    for prefix in plan.prefixes or ("255.255.255.255/32",):
        yield f"\t{prefix} or-longer"
    yield "}"
    yield ""


def _neighbor(session: Session) -> Iterator[str]:
    yield f"neighbor {session.neighbor} {{"
    yield f"\tremote-as {session.upstream}"
    yield f'\tdescr "{_word(session.name)}"'
    if session.local is not None:
        yield f"\tlocal-address {session.local}"
    if session.port != 179:
        yield f"\tport {session.port}"
    if session.is_passive:
        yield "\tpassive"
    if session.hold_s >= 3:
        yield f"\tholdtime {session.hold_s}"
    else:
        yield f"\t# OpenBGPD's hold time is 3 s or more: {session.hold_s} s is left out."
    yield "\tholdtime min 3"
    if session.multihop > 1:
        yield f"\tmultihop {session.multihop}"
    if session.is_gtsm:
        yield "\t# RFC 5082: packets from further away are dropped."
        yield "\tttl-security yes"
    if session.role is not None:
        yield "\t# RFC 9234: our role."
        yield f"\tannounce policy {_ROLES[session.role]}"
    yield "\t# Graceful restart would keep a dead site's routes at the neighbour (RFC 4724): off."
    yield "\tannounce restart no"
    if session.max_prefix is not None:
        yield f"\tmax-prefix {session.max_prefix}"
    if session.password_file:
        yield f"\ttcp md5sig password ${_macro(session)}"
    if session.bfd is not None:
        yield f"\t# OpenBGPD has no BFD: silence is noticed after the hold time, {session.hold_s} s."
    yield "}"
    yield ""


def _imports(plan: RouterPlan) -> Iterator[str]:
    yield "# Without a rule that allows it nothing comes in, and nothing goes out (RFC 8212)."
    yield "deny from any"
    yield "deny to any"
    yield 'deny quick from any prefix-set "own"'
    if plan.daemon.rtr:
        yield "deny quick from ebgp ovs invalid"
    for session in plan.sessions:
        default, sane = (
            ("0.0.0.0/0", "inet prefixlen 8 - 24")
            if session.family == 4
            else ("::/0", "inet6 prefixlen 16 - 48")
        )
        if session.imports in ("default", "all"):
            yield f"allow from {session.neighbor} prefix {default}"
        if session.imports == "all":
            yield f"allow from {session.neighbor} {sane}"
    yield "# RFC 8326: what is about to be withdrawn is used last."
    yield "match from any community GRACEFUL_SHUTDOWN set localpref 0"
    yield ""


def _exports(plan: RouterPlan, session: Session, witness: Session | None) -> Iterator[str]:
    # One rule for both: what the witness is sent cannot drift from what the upstream is.
    to = f"{{ {session.neighbor} {witness.neighbor} }}" if witness else f"{session.neighbor}"

    def when(meaning: str) -> str:
        return f"match to {to} ext-community rt {marker(session.upstream, meaning)} set"

    yield f"# What leaves to {session.name}: the agent marks its networks, and these rules read the marks."
    is_wanted = f"ext-community rt {marker(session.upstream, ANNOUNCE)}"
    yield f'allow to {to} prefix-set "own" {is_wanted}'
    for bit in range(PREPEND_BITS):
        yield f"{when(f'prepend {1 << bit}')} prepend-self {1 << bit}"
    for bit in range(MED_BITS):
        yield f"{when(f'med {1 << bit}')} metric +{1 << bit}"
    yield f"{when(ALONE)} {{ community delete *:* large-community delete *:*:* }}"
    for text in named(plan, session.upstream):
        kind = "community" if text.count(":") == 1 else "large-community"
        yield f"{when(f'community {text}')} {kind} {text}"
    yield ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _macro(session: Session) -> str:
    return "key_" + re.sub(r"[^A-Za-z0-9_]", "_", session.name)
