"""render: the whole bird.conf of a site, for BIRD 2.0.12 and later and for BIRD 3, each line explained.

It is written once and stays: what changes from second to second is in the include (bgp/bird/include.py says
how the two work together).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from anyplane.bgp.bird import names
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import NEXT_HOP, witness_sessions
from anyplane.design.operation import Role, Rtr, Session
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Prefix, UpstreamKind

_ROLES = {
    Role.CUSTOMER: "customer",
    Role.PEER: "peer",
    Role.RS_CLIENT: "rs_client",
    Role.PROVIDER: "provider",
    Role.RS: "rs_server",
}
_BOGONS = {  # the special-purpose registries of RFC 6890 and multicast; never on the Internet
    4: "0.0.0.0/8+ 10.0.0.0/8+ 100.64.0.0/10+ 127.0.0.0/8+ 169.254.0.0/16+ 172.16.0.0/12+ 192.0.0.0/24+ "
    "192.0.2.0/24+ 192.168.0.0/16+ 198.18.0.0/15+ 198.51.100.0/24+ 203.0.113.0/24+ 224.0.0.0/3+",
    6: "::/8+ 64:ff9b::/96+ 100::/64+ 2001::/23+ 2001:db8::/32+ 2002::/16+ 3fff::/20+ 5f00::/16+ "
    "fc00::/7+ fe80::/10+ ff00::/8+",
}
_DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
_LONGEST = {4: 24, 6: 48}
_PATH_MAX = 64


def render(plan: RouterPlan) -> str:
    """The text of bird.conf; `bird -p` accepts it once the password snippets exist that it includes.

    UsageError where BIRD could not do what a session asks for.
    """
    for one in plan.sessions:
        if one.bfd and one.multihop and one.local is None:
            raise UsageError(
                f"session {one.name}: BIRD runs BFD over several hops from an address that it is told",
                hint="say session: local: the router's own address on that session",
            )
    families = sorted({one.family for one in plan.sessions})
    parts = [_head(plan), _tables(plan, families), *_rpki(plan, families), *_filters(plan, families)]
    parts += [_session(plan, one) for one in plan.sessions]
    parts += _witnesses(plan)
    parts += [*_kernel(plan, families), _tail(plan)]
    return "\n".join(parts)


def _head(plan: RouterPlan) -> str:
    directory = names.include_of(plan).rpartition("/")[0] or "."
    secrets = [one for one in plan.sessions if one.password_file]
    keys = "".join(
        f"#     sed 's/.*/password \"&\";/' {path} > {path}.bird\n"
        for path in dict.fromkeys(_comment(one.password_file) for one in secrets)
    )
    secret_text = (
        "#  - the TCP MD5 keys, which are not in this text; BIRD reads each from a snippet of its own:\n"
        f"{keys}#     chown root:bird and chmod 640 them\n"
        if secrets
        else ""
    )
    return f"""\
# bird.conf of site {_comment(plan.site)}, AS{plan.asn}, by `anyplane render`: BIRD from 2.0.12, BIRD 3.
# It needs, outside of this file:
#  - the directory of the include, made at boot by a line in /etc/tmpfiles.d/anyplane.conf:
#     d {_comment(directory)} 0755 anyplane bird -
{secret_text}#  - the agent's user in the group of BIRD's socket: usermod -aG bird anyplane
# Without the agent's include every session comes up and announces nothing.

log syslog all;
router id {plan.router_id};
# Lets the agent tell how long a session is up, over midnight too.
timeformat protocol iso long ms;
# The MED that the agent wants; the export filters make a BGP attribute of it.
attribute int {names.MED};
define OWN_AS = {plan.asn};

# Learns the interfaces; changes come from the kernel at once anyway.
protocol device {{ scan time 10; }}
"""


def _tables(plan: RouterPlan, families: list[int]) -> str:
    lines = ["# The anchors: our prefixes as addresses on lo, whose lifetime the agent renews."]
    lines += [f"ipv{family} table {names.anchors(family)};" for family in families]
    channels = " ".join(f"ipv{family} {{ table {names.anchors(family)}; }};" for family in families)
    lines.append(f'protocol direct {names.DIRECT} {{ interface "lo"; {channels} }}')
    lines.append("")
    lines.append("# A table for each session: the same prefix may carry other attributes to each neighbour.")
    lines += [f"ipv{one.family} table {names.table(one)};" for one in plan.sessions]
    return "\n".join(lines) + "\n"


def _rpki(plan: RouterPlan, families: list[int]) -> Iterator[str]:
    if not plan.daemon.rtr:
        return
    lines = ["# RPKI (RFC 8210): validated origins from the caches, kept for routes that are received."]
    lines += [f"roa{family} table rpki{family};" for family in families]
    channels = " ".join(f"roa{family} {{ table rpki{family}; }};" for family in families)
    for number, cache in enumerate(plan.daemon.rtr, start=1):
        lines.append(f"protocol rpki rtr{number} {{")
        lines.append(f"  {channels}")
        lines.append(f"  remote {_host(cache)} port {cache.port};")
        lines.append("  retry keep 90; refresh keep 900; expire keep 172800;   # seconds")
        lines.append("}")
    yield "\n".join(lines) + "\n"


def _filters(plan: RouterPlan, families: list[int]) -> Iterator[str]:
    for family in families:
        own = [one for one in plan.prefixes if one.version == family]
        exact, hosts = _own(own)
        importing = [one for one in plan.sessions if one.family == family and one.imports == "all"]
        if importing:
            yield _import_all(plan, family, own)
        yield (
            f"# What may leave at all, whatever the include says: anchors, of our prefixes only.\n"
            f"filter anyplane_out{family} {{\n"
            f'  if source != RTS_DEVICE || proto != "{names.DIRECT}" then reject;\n'
            f"{exact}{hosts}"
            f"  reject;\n}}\n"
        )


def _own(own: list[Prefix]) -> tuple[str, str]:
    if not own:
        return "", ""
    # A MED counts for eBGP only when it is set here, in the export filter.
    send = f"{{ if defined({names.MED}) then bgp_med = {names.MED}; accept; }}"
    listed = ", ".join(map(str, own))
    longer = ", ".join(f"{one}{{{one.max_prefixlen},{one.max_prefixlen}}}" for one in own)
    exact = f"  if net ~ [ {listed} ] then {send}\n"
    hosts = (
        f"  # Hosts inside leave only as blackholes (RFC 7999).\n"
        f"  if net ~ [ {longer} ] && (65535, 666) ~ bgp_community then {send}\n"
    )
    return exact, hosts


def _import_all(plan: RouterPlan, family: int, own: list[Prefix]) -> str:
    rejects = [
        (f"net ~ [ {', '.join(_BOGONS[family].split())} ]", "bogons"),
        (f"net.len > {_LONGEST[family]}", "longer than the Internet carries"),
        (f"bgp_path.len > {_PATH_MAX}", "absurdly long paths"),
        ("bgp_path ~ [= * OWN_AS * =]", "loops"),
    ]
    if own:
        rejects.insert(1, (f"net ~ [ {', '.join(f'{one}+' for one in own)} ]", "our own space, from outside"))
    if plan.daemon.rtr:
        rejects.append((f"roa_check(rpki{family}, net, bgp_path.last) = ROA_INVALID", "RPKI (RFC 6811)"))
    lines = "".join(f"  if {test} then reject;   # {why}\n" for test, why in rejects)
    return (
        f"# What is accepted of a full table.\nfilter anyplane_in{family} {{\n"
        f"  if net = {_DEFAULT[family]} then reject;\n{lines}"
        "  # GRACEFUL_SHUTDOWN (RFC 8326): this path goes away soon, so any other is better.\n"
        "  if (65535, 0) ~ bgp_community then bgp_local_pref = 0;\n"
        "  accept;\n}\n"
    )


def _session(plan: RouterPlan, one: Session) -> str:
    kind = plan.kinds.get(one.upstream, UpstreamKind.TRANSIT)
    local = f"local {one.local}" if one.local else "local"
    lines = [
        f"# AS{one.upstream}, {kind.replace('_', ' ')}.",
        f"protocol bgp {names.session(one)} {{",
        f"  {local} as OWN_AS;",
        f"  neighbor {one.neighbor} port {one.port} as {one.upstream};",
        *(f"  {text:<34} # {why}" for text, why in _options(one, kind)),
        "  # A router that restarts gracefully keeps dead routes announced: never on an anycast session.",
        "  graceful restart off; long lived graceful restart off;",
        f"  ipv{one.family} {{",
        f"    table {names.table(one)};",
    ]
    if one.multihop:
        lines.append(f"    igp table master{one.family};")
    lines += [
        f"    import {_imported(one)};",
        "    # There is no `export table` here, for BIRD 2.0.12 forgets the MED of every route in it.",
        f"    export filter anyplane_out{one.family};",
    ]
    if one.max_prefix is not None:
        lines += [
            "    # A leak ends the session until `birdc enable`, or until the next `configure`. What is",
            "    # refused by the filter counts too, and must be kept for that.",
            f"    import keep filtered on; receive limit {one.max_prefix} action disable;",
        ]
    return "\n".join([*lines, "  };", "}"]) + "\n"


def _witnesses(plan: RouterPlan) -> Iterator[str]:
    for one, witness in zip(plan.sessions, witness_sessions(plan), strict=False):
        # ::1 at both ends may not be the next hop too (RFC 4271 section 5.1.3).
        hop = f" next hop address {NEXT_HOP};" if one.family == 6 else ""
        lines = [
            f"# The witness is sent what AS{one.upstream} is sent on {names.session(one)}.",
            f"protocol bgp {names.session(witness)} {{",
            f"  local {witness.local} as OWN_AS;",
            f"  neighbor {witness.neighbor} port {witness.port} as {witness.upstream};",
            f"  multihop {witness.multihop}; hold time {witness.hold_s}; graceful restart off;",
            "  connect delay time 1; connect retry time 5; error wait time 1, 10;",
            f"  ipv{one.family} {{",
            f"    table {names.table(one)};{hop}",
            f"    import none; export filter anyplane_out{one.family};",
            "  };",
            "}",
        ]
        yield "\n".join(lines) + "\n"


def _options(one: Session, kind: UpstreamKind) -> Iterator[tuple[str, str]]:
    if one.password_file:
        yield f"include {_text(one.password_file + '.bird')};", "TCP MD5 (RFC 2385)"
    if one.multihop:
        yield f"multihop {one.multihop};", "the neighbour is not on a link of ours"
    else:
        yield "direct;", "on the link: a lost link ends the session at once"
    if one.is_gtsm:
        yield "ttl security on;", "GTSM (RFC 5082): nobody farther away can speak to us"
    if one.role:
        yield f"local role {_ROLES[one.role]};", "RFC 9234: leaks are refused by both sides"
    if one.bfd:
        timers = f"interval {one.bfd.interval_ms} ms; multiplier {one.bfd.multiplier};"
        yield f"bfd {{ {timers} }};", "RFC 5880: silence is noticed long before the hold time"
    if one.is_passive:
        yield "passive on;", "the neighbour connects"
    if kind is not UpstreamKind.ROUTE_SERVER:
        yield "enforce first as on;", "a neighbour speaks for itself; only a route server does not"
    if one.hold_s:
        keepalive = f"keepalive time {max(1, one.hold_s // 3)};"
        yield f"hold time {one.hold_s}; {keepalive}", "a silent neighbour is given up after that"
    else:
        yield "hold time 0;", "no keepalives: only BFD or the link can tell that it is gone"
    yield "connect delay time 1; connect retry time 5; error wait time 1, 10;", "back soon after a fault"


def _imported(one: Session) -> str:
    match one.imports:
        case "all":
            return f"filter anyplane_in{one.family}"
        case "default":
            return (
                f"filter {{ if net != {_DEFAULT[one.family]} then reject; "
                "if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }"
            )
        case _:
            return "none"


def _kernel(plan: RouterPlan, families: list[int]) -> Iterator[str]:
    if any(one.bfd for one in plan.sessions):
        yield "# BFD runs for the sessions that ask for it.\nprotocol bfd { }\n"
    if any(one.multihop for one in plan.sessions):
        channels = " ".join(f"ipv{family};" for family in families)
        yield (
            "# The links, so that the next hops of multihop sessions can be resolved.\n"
            f'protocol direct links {{ interface "-lo", "*"; {channels} }}\n'
        )
    importing = [one for one in plan.sessions if one.imports != "none"]
    for one in importing:
        yield (
            f"protocol pipe {names.inward(one)} {{\n"
            f"  table master{one.family}; peer table {names.table(one)};\n"
            "  import where source = RTS_BGP; export none;\n}\n"
        )
    if importing:
        protocols = "".join(
            f"protocol kernel {{ ipv{family} {{ import none; export where source = RTS_BGP; }}; }}\n"
            for family in sorted({one.family for one in importing})
        )
        yield (
            "# What was received goes to the kernel, so that answers find the way out; at metric 32 your\n"
            f"# own routes come first.\n{protocols}"
        )


def _tail(plan: RouterPlan) -> str:
    return (
        "# What is announced now: written by the agent. It is in /run, so a reboot announces nothing before\n"
        "# the checks have passed; and it is a pattern, since BIRD refuses an absent file, but no pattern.\n"
        f"include {_text(names.include_pattern(plan))};\n"
    )


def _host(cache: Rtr) -> str:
    try:
        return str(ip_address(cache.host))
    except ValueError:
        return _text(cache.host)


def _text(text: str) -> str:
    """A string of BIRD's language, which has no way to write a quote inside one."""
    return '"' + re.sub(r'["\x00-\x1f]', "_", text) + '"'


def _comment(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)
