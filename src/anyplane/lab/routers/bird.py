"""bird: the whole bird.conf of a router of the lab, for BIRD 2.0.12 and later; every filter from `policy`.

How the rules of the routing model are kept. Rule 1 is bgp_local_pref. Rule 2 is BIRD's own comparison of
path lengths. Rule 3 too: it compares MED between routes whose first ASN is the same, and MEDs do not outlive
a network, so that only the operator's sites are compared. Rule 4: a route of one's own pop wins as eBGP
against iBGP, and of the others that with the smallest igp_metric, which is the kilometres to the pop where
it leaves. Rule 5: the lowest router id, and router ids ascend as ASNs do; `prefer older off` is BIRD's
default, and stands there to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from anyplane.design.operation import Role
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, LinkKind, Node
from anyplane.lab.routers import policy
from anyplane.lab.routers.neighbours import Neighbour, SessionKind
from anyplane.lab.routers.policy import Injection
from anyplane.model.nouns import RouteClass

OURS = {
    Role.CUSTOMER: "provider",
    Role.PROVIDER: "customer",
    Role.PEER: "peer",
    Role.RS_CLIENT: "rs_server",
    Role.RS: "rs_client",
}
"""What the site says it is -> what we must say that we are (RFC 9234)."""
ANY = {4: "0.0.0.0/0", 6: "::/0"}
HOLD_S = 90
FILE = "bird.conf"


def configuration(
    blueprint: Blueprint,
    node: Node,
    sessions: Sequence[Neighbour],
    *,
    injections: Iterable[Injection] = (),
    rtr: tuple[str, int] | None = None,
) -> dict[str, str]:
    """File name -> text. rtr: an RPKI cache (RFC 8210) instead of the fixed ROAs, where the node does ROV."""
    parts = [
        *head(blueprint, node, sessions),
        *_roas(blueprint, node, rtr),
        *_routes(blueprint, node, sessions, injections),
        *(_session(node, one) for one in sessions),
    ]
    return {FILE: "\n".join(parts)}


def commands(
    node: Node, directory: Path, *, run: Path | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """BIRD, in the foreground, on the control socket where everybody looks for it."""
    control = paths.bird_control(node.name) if run is None else run / paths.bird_control(node.name).name
    return (("bird", ("bird", "-f", "-c", str(directory / FILE), "-s", str(control))),)


def head(blueprint: Blueprint, node: Node, sessions: Sequence[Neighbour]) -> Iterator[str]:
    """What stands above everything in the file of a router and of a route server."""
    has_sites = any(one.kind == SessionKind.SITE for one in sessions)
    yield f"""\
# {node.name}: AS{node.asn} in {node.location.metro}, a router of the lab {blueprint.name}.
log stderr all;
router id {node.router_id};
define OWN_AS = {node.asn};
define MARK = {policy.MARK};
timeformat protocol iso long ms;
"""
    if has_sites:
        yield (
            "# A quiet BIRD 2.0.12 sleeps up to 3 s past the end of a hold time; scans wake it.\n"
            "protocol device { scan time 1; }\n"
        )
    else:
        yield "protocol device { scan time 10; }\n"
    if any(one.session is not None and one.session.bfd for one in sessions):
        yield "protocol bfd { }\n"


def hear_site(one: Neighbour) -> str:
    """The statements by which a site's route is checked and marked; the rest of the filter follows."""
    heard = one.hearing
    assert heard is not None  # noqa: S101  # sessions with sites have it
    family = one.families[0]
    own = [prefix for prefix in heard.prefixes if prefix.version == family]
    hosts = ", ".join(f"{prefix}{{{prefix.max_prefixlen},{prefix.max_prefixlen}}}" for prefix in own)
    exact = ", ".join(map(str, own))
    lines = [
        f"if !(net ~ [ {exact} ]) && !(net ~ [ {hosts} ] && (65535, 666) ~ bgp_community) then reject;"
        if own
        else "reject;",
        "bgp_large_community.delete([(MARK, *, *)]);",
    ]
    for text, numbers in heard.communities.items():
        lines.append(f"if {_community(text)} then {{ {_marks(policy.RULE, numbers)} }}")
    for prefix, numbers in heard.rules.items():
        if prefix.version == family:
            lines.append(f"if net = {prefix} then {{ {_marks(policy.RULE, numbers)} }}")
    keep, drop = _marks(policy.KEEP, (0,)), _marks(policy.DISCARD, (0,))
    lines += [
        "# The model takes NO_ADVERTISE for NO_EXPORT: the whole network has the route.",
        f"if (65535, 65281) ~ bgp_community || (65535, 65282) ~ bgp_community then {{ {keep} }}",
        f"if (65535, 666) ~ bgp_community then {{ {keep} {drop} }}",
    ]
    return _indented(lines)


def transport(one: Neighbour) -> str:
    """The part of a session above its channels: addresses, timers, and what the other side asks for."""
    theirs = one.session
    local_port = f" port {theirs.port}" if theirs and theirs.port != 179 else ""
    lines = [f"local {one.local}{local_port} as OWN_AS;", f"neighbor {one.remote} as {one.asn};"]
    if one.kind == SessionKind.INTERNAL or (theirs and theirs.multihop):
        lines.append(f"multihop {theirs.multihop if theirs else 2};")
    else:
        lines.append("direct;")
    hold = theirs.hold_s if theirs else HOLD_S
    lines.append(f"hold time {hold}; connect delay time 1; connect retry time 1; error wait time 1, 2;")
    # BIRD 2.0.12 with deterministic MED may keep a wrong best route (docs/explanation/lab-routers.md).
    med = "deterministic med on;" if one.has_med else "deterministic med off;"
    lines.append(f"graceful restart off; interpret communities off; {med}")
    if theirs:
        lines += _mirrored(one)
    return _indented(lines)


def _mirrored(one: Neighbour) -> Iterator[str]:
    theirs = one.session
    assert theirs is not None  # noqa: S101
    if not theirs.is_passive:
        yield "passive on;   # the site connects"
    if theirs.password_file:
        yield f'include "{theirs.password_file}.bird";'
    if theirs.is_gtsm:
        yield "ttl security on;"
    if theirs.role:
        yield f"local role {OURS[theirs.role]};"
    if theirs.bfd:
        yield f"bfd {{ interval {theirs.bfd.interval_ms} ms; multiplier {theirs.bfd.multiplier}; }};"


def _roas(blueprint: Blueprint, node: Node, rtr: tuple[str, int] | None) -> Iterator[str]:
    if not node.is_rov:
        return
    yield "# RPKI (RFC 6811): what the origin would have signed.\n" + "\n".join(
        f"roa{family} table rpki{family};" for family in blueprint.families
    )
    if rtr is not None:
        channels = " ".join(f"roa{family} {{ table rpki{family}; }};" for family in blueprint.families)
        yield (
            f"protocol rpki cache {{ {channels} remote {rtr[0]} port {rtr[1]}; "
            "retry keep 5; refresh keep 30; expire keep 172800; }\n"
        )
        return
    for family in blueprint.families:
        listed = " ".join(
            f"route {prefix} max {longest} as {origin};"
            for prefix, longest, origin in policy.validity(blueprint)
            if prefix.version == family
        )
        yield f"protocol static roas{family} {{ roa{family} {{ table rpki{family}; }}; {listed} }}\n"


def _routes(
    blueprint: Blueprint, node: Node, sessions: Sequence[Neighbour], injections: Iterable[Injection]
) -> Iterator[str]:
    inside = [link for link in blueprint.links_of[node.name] if link.kind == LinkKind.INTERNAL]
    gives_default = any(one.kind in (SessionKind.SITE, SessionKind.SERVER) for one in sessions)
    injected = [one for one in injections if one.node == node.name]
    own = f"bgp_local_pref = {policy.LOCAL_PREF[RouteClass.ORIGIN]}; {_marks(policy.CLASS, (0,))}"
    for family in blueprint.families:
        if inside:
            interior = []
            for link in inside:
                far = blueprint.by_name[link.far(node.name)]
                loopback, via = (
                    (far.loopback4, link.v4(far.name).ip)
                    if family == 4
                    else (far.loopback6, link.v6(far.name).ip)
                )
                cost = policy.interior_cost(link.km)
                interior.append(
                    f"  route {loopback}/{loopback.max_prefixlen} via {via} {{ igp_metric = {cost}; }};"
                )
            yield f"# The other pops, at their distance.\nprotocol static interior{family} {{ ipv{family};"
            yield "\n".join([*interior, "}\n"])
        networks = [net for net in policy.own_networks(blueprint, node) if net.version == family]
        if networks:
            routes = " ".join(f"route {net} unreachable {{ {own} }};" for net in networks)
            yield f"protocol static users{family} {{ ipv{family}; {routes} }}\n"
        forged = []
        for one in injected:
            if one.prefix.version == family:
                path = " ".join(f"bgp_path.prepend({asn});" for asn in reversed(one.as_path))
                forged.append(f"route {one.prefix} blackhole {{ {path} {own} }};")
        yield f"protocol static injected{family} {{ ipv{family}; {' '.join(forged)} }}\n"
        if gives_default:
            yield (
                f"# All that a site is told.\nprotocol static default{family} {{ ipv{family}; "
                f"route {ANY[family]} unreachable; }}\n"
            )
        yield (
            f"protocol kernel kernel{family} {{ ipv{family} {{ import none; export where source = RTS_BGP || "
            f'proto = "interior{family}" || proto = "injected{family}"; }}; merge paths off; }}\n'
        )


def _session(node: Node, one: Neighbour) -> str:
    channels = "".join(_channel(node, one, family) for family in one.families)
    return f"protocol bgp {one.name} {{   # {one.node}\n{transport(one)}{channels}}}\n"


def _channel(node: Node, one: Neighbour, family: int) -> str:
    hop = one.hop4 if family == 4 else one.hop6
    lines = [f"next hop address {hop};"]
    match one.kind:
        case SessionKind.INTERNAL:
            mine = f'proto ~ "users{family}" || proto ~ "injected{family}"'
            if one.has_all_paths:
                lines.append("add paths on;")
            lines += [
                "next hop self ebgp;",
                # BIRD marks a route with no next hop reject on its own; a blackholed one is dropped here too.
                f"import filter {{ {_discard()} accept; }};",
            ]
            wanted = f"source = RTS_BGP || {mine}"
            if one.is_identified:
                lines.append(f"export where {wanted};")
            else:  # what a route behind a route server counts as is this pop's own affair
                lines.append(
                    f"export filter {{ if !({wanted}) then reject; unset(bgp_originator_id); accept; }};"
                )
        case SessionKind.EBGP:
            lines += ["next hop self;", f"import filter {{\n{_import(node, one, family)}    }};"]
            lines += [f"export filter {{\n{_export(one)}    }};"]
        case SessionKind.SERVER:
            lines += [f"import filter {{\n{_from_server(node, one, family)}    }};"]
            lines += ["next hop self;", f'export where proto = "default{family}";']
        case _:
            accepted = f"{hear_site(one)}{_class(one)}{_backup()}{_indented([_discard()])}"
            lines += ["next hop self;", f"import filter {{\n{accepted}      accept;\n    }};"]
            lines += [f'export where proto = "default{family}";']
    body = "".join(f"    {line}\n" for line in lines)
    return f"  ipv{family} {{\n{body}  }};\n"


def _import(node: Node, one: Neighbour, family: int) -> str:
    return f"{_rov(node, family)}{_class(one)}      accept;\n"


def _from_server(node: Node, one: Neighbour, family: int) -> str:
    """The route server has checked and marked it; NO_EXPORT and the like are among the marks."""
    site = f"if !(bgp_large_community ~ [ (MARK, {policy.FROM_SITE}, *) ]) then reject;"
    ties = [
        f"if (MARK, {policy.FROM_SITE}, {int(tie)}) ~ bgp_large_community then bgp_originator_id = {tie};"
        for tie in one.ties
    ]
    return (
        f"{_indented([site])}{_rov(node, family)}{_class(one)}{_indented(ties)}"
        f"{_backup()}{_indented([_discard()])}"
        "      accept;\n"
    )


def _rov(node: Node, family: int) -> str:
    if not node.is_rov:
        return ""
    blackholed = f"!((MARK, {policy.DISCARD}, 0) ~ bgp_large_community)"
    invalid = f"roa_check(rpki{family}, net, bgp_path.last) = ROA_INVALID"
    return _indented([f"if {blackholed} && {invalid} then reject;"])


def _class(one: Neighbour) -> str:
    return _indented(
        [
            f"bgp_local_pref = {policy.LOCAL_PREF[one.route_class]};",
            *((f"bgp_originator_id = {one.router_id};",) if one.is_identified else ()),
            _marks(policy.CLASS, (int(one.route_class),)),
        ]
    )


def _backup() -> str:
    return _indented([f"if (65535, 0) ~ bgp_community then bgp_local_pref = {policy.BACKUP_LOCAL_PREF};"])


def _discard() -> str:
    return f"if (MARK, {policy.DISCARD}, 0) ~ bgp_large_community then dest = RTD_BLACKHOLE;"


def _export(one: Neighbour) -> str:
    wanted = one.export
    own = {int(route_class) for route_class in wanted.classes}
    classes = ", ".join(f"(MARK, {policy.CLASS}, {number})" for number in sorted(own))
    lines = [
        f"if !(bgp_large_community ~ [ {classes} ]) then reject;",
        f"if (MARK, {policy.KEEP}, 0) ~ bgp_large_community then reject;",
    ]
    if wanted.blocked_by:
        lines.append(f"if bgp_large_community ~ [ {_listed(wanted.blocked_by)} ] then reject;")
    chain = [
        f"if bgp_large_community ~ [ {_listed(numbers)} ] then {{ {'bgp_path.prepend(OWN_AS); ' * times}}}"
        for times, numbers in wanted.prepends
    ]
    if chain:
        lines.append(" else ".join(chain))
    lines += [
        "bgp_community.empty; bgp_large_community.empty; unset(bgp_med); unset(bgp_originator_id);",
        "accept;",
    ]
    return _indented(lines)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(f"(MARK, {policy.RULE}, {number})" for number in numbers)


def _marks(kind: int, numbers: Iterable[int]) -> str:
    return " ".join(f"bgp_large_community.add((MARK, {kind}, {number}));" for number in numbers)


def _community(text: str) -> str:
    parts = ", ".join(text.split(":"))
    return f"({parts}) ~ " + ("bgp_community" if text.count(":") == 1 else "bgp_large_community")


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"      {line}\n" for line in lines)
