"""render: RouterPlan -> ExaBGP's whole configuration.

There is no route in it: ExaBGP announces what the agent tells it after the first complete check, and nothing
before. What the plan asks for and ExaBGP lacks is said in a comment at the session that lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import witness_sessions
from anyplane.design.operation import Session
from anyplane.model.errors import UsageError

PROCESS = "agent"
_KEY_BYTES = 80  # RFC 2385's limit on Linux, and ExaBGP's


def render(
    plan: RouterPlan,
    *,
    helper: tuple[str, ...] = ("/bin/cat",),
    keys: Mapping[str, str] | None = None,
) -> str:
    """The configuration. `helper` is what ExaBGP runs as its API process (the agent puts its own there).

    `keys` maps each password file to the TCP MD5 key in it; None leaves a comment in place of each key, so
    that what is printed can be shown to anybody.
    """
    lines = _head(plan, helper)
    for one in plan.sessions:
        role = f"AS{one.upstream} is our {plan.kinds.get(one.upstream, 'neighbour')}"
        lines += [f"# {one.name}: {role}", *_neighbor(plan, one, keys)]
    for one, shown in zip(plan.sessions, witness_sessions(plan), strict=False):
        lines += [f"# The witness is told what AS{one.upstream} is told on {one.name}."]
        lines += _neighbor(plan, shown, keys)
    return "\n".join(lines)


def read_keys(plan: RouterPlan) -> dict[str, str]:
    """The TCP MD5 key in each password file; UsageError where one cannot be read or used."""
    keys: dict[str, str] = {}
    for session in plan.sessions:
        name = session.password_file
        if not name or name in keys:
            continue
        try:
            key = Path(name).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{name}: the key of session {session.name} cannot be read ({error})",
                hint="the file holds the TCP MD5 key alone, in ASCII, readable by the agent",
            ) from None
        if not 0 < len(key) <= _KEY_BYTES or not key.isprintable() or '"' in key or "\\" in key:
            raise UsageError(
                f"{name}: not usable as the key of session {session.name}",
                hint=f"a TCP MD5 key for ExaBGP has 1 to {_KEY_BYTES} printable characters without quotes",
            )
        keys[name] = key
    return keys


def _head(plan: RouterPlan, helper: tuple[str, ...]) -> list[str]:
    lines = [
        f"# {plan.site}: AS{plan.asn}, router id {plan.router_id}. ExaBGP 5.",
        "# No route is written here: the agent announces over the process API, after its checks have passed.",
        "# ExaBGP installs nothing in the kernel and ignores every route that it is sent.",
    ]
    if plan.daemon.rtr:
        lines.append("# Not in ExaBGP: RPKI-to-Router; it accepts no route, so there is nothing to validate.")
    lines += ["", f"process {PROCESS} {{", f"    run {' '.join(helper)};", "    encoder json;"]
    lines += ["    respawn false;  # without the agent there is nothing to announce", "}", ""]
    return lines


def _neighbor(plan: RouterPlan, session: Session, keys: Mapping[str, str] | None) -> list[str]:
    family = "ipv4" if session.family == 4 else "ipv6"
    lines = [f"# Not in ExaBGP: {lack}" for lack in _lacking(session)]
    lines += [
        f"neighbor {session.neighbor} {{",
        f"    router-id {plan.router_id};",
        f"    local-address {session.local or 'auto'};",
        f"    local-as {plan.asn};",
        f"    peer-as {session.upstream};",
        f"    hold-time {session.hold_s};",
    ]
    if session.is_passive and session.local is None:
        raise UsageError(
            f"session {session.name} is passive, and nothing says at which address ExaBGP is to listen",
            hint="give the session its local: address",
        )
    if session.is_passive:
        lines += ["    passive true;", f"    listen {session.port};"]
    elif session.port != 179:
        lines.append(f"    connect {session.port};")
    if session.is_gtsm:
        lines.append(
            "    outgoing-ttl 255; incoming-ttl 255;  # RFC 5082: only a direct neighbour can send 255"
        )
    elif session.multihop:
        lines.append(f"    outgoing-ttl {session.multihop};")
    if session.password_file and keys is None:
        lines.append(f"    # md5-password: the agent reads it from {session.password_file}")
    elif session.password_file and keys is not None:
        lines.append(f'    md5-password "{keys[session.password_file]}";')
    return [
        *lines,
        "    adj-rib-out true;  # kept, so that a session that comes back is told everything again",
        f"    family {{ {family} unicast; }}",
        "    capability {",
        "        asn4 enable;",
        "        route-refresh enable;",
        "        graceful-restart disable;  # a dead site must be forgotten at once",
        "    }",
        "    api {",
        f"        processes [ {PROCESS} ];",
        "        neighbor-changes;",
        "        receive { parsed; notification; }",
        "        send { parsed; notification; }",
        "    }",
        "}",
        "",
    ]


def _lacking(session: Session) -> list[str]:
    """What the plan asks of this session in vain."""
    lacks = []
    if session.bfd is not None:
        lacks.append(f"BFD. A silent failure is noticed after the hold time of {session.hold_s} s.")
    if session.role is not None:
        lacks.append(
            f"BGP roles (RFC 9234); ours would be {session.role}. Nothing is ever passed on, so none leaks."
        )
    if session.max_prefix is not None:
        lacks.append(f"a limit of {session.max_prefix} prefixes. What is received is dropped anyway.")
    if session.imports != "none":
        lacks.append(
            f"importing routes ({session.imports}). Have the upstream send none, or only the default."
        )
    return lacks
