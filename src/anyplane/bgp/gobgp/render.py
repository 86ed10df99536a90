"""render: RouterPlan -> gobgpd.conf (TOML), for GoBGP 3 and 4 alike.

Theory of operation. GoBGP sends each neighbour the best path of a prefix, so one table cannot tell two
upstreams different things. Here each upstream has a VRF of its own: what the agent puts into `as64510` goes
to the sessions of AS64510 and nobody else, as plain unicast, without the VRF's route target. The policies
admit nothing but our own prefixes on the way out, and at most the default route on the way in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from anyplane.bgp.gobgp.client import vrf
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Session

_OWN, _DEFAULT = "own-space", "default-route"


def render(plan: RouterPlan, *, keys: Mapping[str, str] | None = None) -> str:
    """The configuration. `keys`: password file -> TCP MD5 key; None: a comment where each key belongs."""
    lines = [
        f"# {plan.site}: AS{plan.asn}, router id {plan.router_id}. GoBGP 3 or 4.",
        "# No route is written here: the agent announces over gRPC after its checks have passed, and a",
        "# restart forgets them all. Start it with:",
        f"#   gobgpd -f THIS_FILE --api-hosts {plan.daemon.control or '127.0.0.1:50051'} --pprof-disable",
        "",
        "[global.config]",
        f"  as = {plan.asn}",
        f'  router-id = "{plan.router_id}"',
        f"  port = {_port(plan)}  # where it listens; -1: nowhere, it connects itself",
        "",
        "[global.apply-policy.config]",
        '  import-policy-list = ["import"]',
        '  default-import-policy = "reject-route"',
        '  export-policy-list = ["export"]',
        '  default-export-policy = "reject-route"',
        "",
    ]
    for one in plan.daemon.rtr:
        lines += ["[[rpki-servers]]", "  [rpki-servers.config]", f"    address = {json.dumps(one.host)}"]
        lines += [f"    port = {one.port}", ""]
    for number, asn in enumerate(dict.fromkeys(one.upstream for one in plan.sessions), start=1):
        lines += [
            f"# AS{asn} is our {plan.kinds.get(asn, 'neighbour')}; what it is told is told to nobody else.",
            "[[vrfs]]",
            "  [vrfs.config]",
            f'    name = "{vrf(asn)}"',
            f"    id = {number}",
            f'    rd = "{plan.router_id}:{number}"',
            f'    both-rt-list = ["{plan.router_id}:{number}"]',
            "",
        ]
    for session in plan.sessions:
        lines += _neighbor(session, keys)
    for session, shown in zip(plan.sessions, witness_sessions(plan), strict=False):
        lines += [f"# The witness is in the VRF of AS{session.upstream}: it is sent what {session.name} is."]
        lines += _neighbor(shown, keys)
    return "\n".join([*lines, *_policies(plan), ""])


def _neighbor(session: Session, keys: Mapping[str, str] | None) -> list[str]:
    lines = [f"# Not in GoBGP: {lack}" for lack in _lacking(session)]
    lines += [
        "[[neighbors]]",
        "  [neighbors.config]",
        f'    neighbor-address = "{session.neighbor}"',
        f"    peer-as = {session.upstream}",
        f'    description = "{session.name}"',
        f'    vrf = "{vrf(session.upstream)}"',
    ]
    if session.password_file and keys is None:
        lines.append(f'    # auth-password = "..."  # put the key of {session.password_file} here')
    elif session.password_file and keys is not None:
        lines.append(f"    auth-password = {json.dumps(keys[session.password_file])}")
    lines += [
        "  [neighbors.timers.config]",
        f"    hold-time = {session.hold_s}",
        f"    keepalive-interval = {max(1, session.hold_s // 3)}",
        "    connect-retry = 5  # GoBGP's least",
        "    idle-hold-time-after-reset = 1",
        "  [neighbors.transport.config]",
        f"    remote-port = {session.port}",
    ]
    if session.local is not None:
        lines.append(f'    local-address = "{session.local}"')
    if session.is_passive:
        lines.append("    passive-mode = true")
    if session.is_gtsm:
        lines += ["  [neighbors.ttl-security.config]  # RFC 5082: only a direct neighbour can send 255"]
        lines += ["    enabled = true", "    ttl-min = 255"]
    elif session.multihop:
        lines += ["  [neighbors.ebgp-multihop.config]", "    enabled = true"]
        lines += [f"    multihop-ttl = {session.multihop}"]
    lines += [
        "  [neighbors.graceful-restart.config]  # a dead site must be forgotten at once",
        "    enabled = false",
        "  [[neighbors.afi-safis]]",
        "    [neighbors.afi-safis.config]",
        f'      afi-safi-name = "ipv{session.family}-unicast"',
    ]
    if session.max_prefix is not None:
        lines += [
            "    [neighbors.afi-safis.prefix-limit.config]",
            f"      max-prefixes = {session.max_prefix}",
        ]
    return [*lines, ""]


def _policies(plan: RouterPlan) -> list[str]:
    """What may pass: our own space out (host routes too, for blackholes), the default route in."""
    lines = ["# Our own space, down to single addresses, so that a blackhole (RFC 7999) may pass."]
    for version, longest in ((4, 32), (6, 128)):
        own = [one for one in plan.prefixes if one.version == version]
        if own:
            lines += _prefix_set(f"{_OWN}-v{version}", [(str(one), one.prefixlen, longest) for one in own])
        default = "0.0.0.0/0" if version == 4 else "::/0"
        lines += _prefix_set(f"{_DEFAULT}-v{version}", [(default, 0, 0)])
    lines += ["[[policy-definitions]]", '  name = "export"']
    for version in sorted({one.version for one in plan.prefixes}):
        lines += _statement(f"export-own-v{version}", f"{_OWN}-v{version}", "accept-route")
    # An import policy judges what we announce ourselves too, hence our own space first.
    lines += ["", "[[policy-definitions]]", '  name = "import"']
    for version in sorted({one.version for one in plan.prefixes}):
        lines += _statement(f"import-own-v{version}", f"{_OWN}-v{version}", "accept-route")
    if any(one.imports != "none" for one in plan.sessions):
        for version in (4, 6):
            lines += _statement(f"import-default-v{version}", f"{_DEFAULT}-v{version}", "accept-route")
    return lines


def _prefix_set(name: str, listed: list[tuple[str, int, int]]) -> list[str]:
    lines = ["[[defined-sets.prefix-sets]]", f'  prefix-set-name = "{name}"']
    for prefix, shortest, longest in listed:
        lines += ["  [[defined-sets.prefix-sets.prefix-list]]", f'    ip-prefix = "{prefix}"']
        lines += [f'    masklength-range = "{shortest}..{longest}"']
    return [*lines, ""]


def _statement(name: str, prefix_set: str, disposition: str) -> list[str]:
    return [
        "  [[policy-definitions.statements]]",
        f'    name = "{name}"',
        "    [policy-definitions.statements.conditions.match-prefix-set]",
        f'      prefix-set = "{prefix_set}"',
        '      match-set-options = "any"',
        "    [policy-definitions.statements.actions]",
        f'      route-disposition = "{disposition}"',
    ]


def _port(plan: RouterPlan) -> int:
    passive = [one.port for one in plan.sessions if one.is_passive]
    return passive[0] if passive else -1


def _lacking(session: Session) -> list[str]:
    """What the plan asks of this session in vain."""
    lacks = []
    if session.bfd is not None:
        lacks.append(
            f"BFD (before 4.x). A silent failure is noticed after the hold time of {session.hold_s} s."
        )
    if session.role is not None:
        lacks.append(f"BGP roles (RFC 9234); ours would be {session.role}. The policies below stop leaks.")
    if session.imports == "all":
        lacks.append("a use for imported routes without zebra; only the default route is kept.")
    return lacks
