"""frr: FRR 8.4 as a router of the lab: zebra, bgpd and, towards sites, bfdd; the same policy as route-maps.

How the rules of the routing model are kept: as in `bird`. Rule 4: the way to the other pops are kernel routes
whose metric is the distance; FRR reads a kernel metric's high byte as the administrative distance, so they
stay below 2^24. Rule 5: `bestpath compare-routerid`, or FRR would keep the oldest of equal routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from anyplane.design.operation import Role
from anyplane.lab import paths
from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.routers import policy
from anyplane.lab.routers.frr_maps import DISCARD4, DISCARD6, lists, maps
from anyplane.lab.routers.neighbours import Neighbour, SessionKind, neighbours
from anyplane.lab.routers.policy import MARK, Injection
from anyplane.model.errors import LabError
from anyplane.model.nouns import RouteClass

PROGRAMS = Path("/usr/lib/frr")
MODULES = Path("/usr/lib")
HOLD_S = 90
_OURS = {
    Role.CUSTOMER: "provider",
    Role.PROVIDER: "customer",
    Role.PEER: "peer",
    Role.RS_CLIENT: "rs-server",
    Role.RS: "rs-client",
}


def configuration(
    blueprint: Blueprint,
    node: Node,
    sessions: Sequence[Neighbour],
    *,
    injections: Iterable[Injection] = (),
    rtr: tuple[str, int] | None = None,
) -> dict[str, str]:
    """File name -> text: a configuration for each daemon."""
    elsewhere = next((one for one in sessions if one.session and one.session.port != 179), None)
    if elsewhere is not None:
        raise LabError(
            f"{node.name} runs FRR, which listens on one port for all, and {elsewhere.node} wants another",
            hint=f"let {node.name} run BIRD, or leave the port out of the session with {elsewhere.node}",
        )
    secret = next((one for one in sessions if one.session and one.session.password_file), None)
    if secret is not None:
        raise LabError(
            f"{node.name} runs FRR, which takes a TCP MD5 key from its configuration alone",
            hint=f"let {node.name} run BIRD, or leave the password out of the session with {secret.node}",
        )
    files = {
        "zebra.conf": f"hostname {node.name}\nlog stdout warnings\n",
        "bgpd.conf": "\n".join(_bgpd(blueprint, node, sessions, tuple(injections), rtr)) + "\n",
    }
    if _has_bfd(sessions):
        files["bfdd.conf"] = "\n".join(_bfdd(sessions)) + "\n"
    return files


def commands(
    blueprint: Blueprint, node: Node, directory: Path, *, run: Path | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """zebra, bgpd, and bfdd where it is needed; the kernel has the way to the other pops (wires.wiring)."""
    at = paths.frr_run(node.name) if run is None else run / "frr"
    zserv = at / "zserv.api"

    def daemon(name: str, before: str, *options: str) -> tuple[str, ...]:
        return (
            *("sh", "-c", f'mkdir -p {at}; {before}exec "$@"', name, str(PROGRAMS / name)),
            *("-f", str(directory / f"{name}.conf"), "-u", "root", "-g", "frrvty", "-P", "0"),
            *("-z", str(zserv), "--vty_socket", str(at), "-i", str(at / f"{name}.pid")),
            *("--log", "stdout", *options),
        )

    # One that does not find zebra tries again after 10 s.
    wait = f"n=0; until [ -S {zserv} ] || [ $n = 500 ]; do n=$((n+1)); sleep 0.02; done; "
    # Static routes are staticd's, which nothing else needs: zebra takes these from the kernel.
    discard = "".join(
        f"ip {family} route replace blackhole {hop}; " for family, hop in (("-4", DISCARD4), ("-6", DISCARD6))
    )
    found = [
        ("zebra", daemon("zebra", f"rm -f {zserv}; {discard}")),
        ("bgpd", daemon("bgpd", wait, *(("-M", "rpki") if _has_rpki(node) else ()))),
    ]
    if _has_bfd(neighbours(blueprint, node)):
        found.append(("bfdd", daemon("bfdd", wait, "--bfdctl", str(at / "bfdd.sock"))))
    return tuple(found)


def originated(injection: Injection, *, is_withdrawn: bool = False) -> tuple[str, ...]:
    """What bgpd is told, in `configure terminal`, to originate an injection, or to stop it."""
    family, name = injection.prefix.version, _injected(injection)
    path = " ".join(str(asn) for asn in injection.as_path)
    marks = (
        f"route-map {name} permit 10",
        f"set large-community {MARK}:{policy.CLASS}:0",
        f"set local-preference {policy.LOCAL_PREF[RouteClass.ORIGIN]}",
        *((f"set as-path prepend {path}",) if path else ()),
        "exit",
    )
    network = f"network {injection.prefix} route-map {name}"
    steer = (
        "router bgp",
        f"address-family ipv{family} unicast",
        f"no {network}" if is_withdrawn else network,
        "exit-address-family",
        "exit",
    )
    return steer if is_withdrawn else (*marks, *steer)


def _has_rpki(node: Node) -> bool:
    """Can it be told of an RPKI cache? Debian has the module in a package of its own, frr-rpki-tools."""
    return node.is_rov and any(MODULES.glob("*/frr/modules/bgpd_rpki.so"))


def _has_bfd(sessions: Sequence[Neighbour]) -> bool:
    return any(one.session is not None and one.session.bfd for one in sessions)


def _bgpd(
    blueprint: Blueprint,
    node: Node,
    sessions: Sequence[Neighbour],
    injections: Sequence[Injection],
    rtr: tuple[str, int] | None,
) -> Iterator[str]:
    injected = [one for one in injections if one.node == node.name]
    yield f"! {node.name}: AS{node.asn} in {node.location.metro}, a router of the lab {blueprint.name}."
    yield f"hostname {node.name}"
    yield "log stdout warnings"
    # Route-maps first: for one that it does not know yet, bgpd denies everything for 5 s.
    yield from lists(blueprint, sessions)
    yield from maps(node, sessions, is_told_by_cache=rtr is not None)
    for forged in injected:
        yield from originated(forged)[:-5]
    if rtr is not None and node.is_rov:
        yield from ("rpki", f" rpki cache {rtr[0]} {rtr[1]} preference 1", "exit")
    yield f"router bgp {node.asn}"
    yield " bgp route-map delay-timer 0"
    yield f" bgp router-id {node.router_id}"
    yield " no bgp ebgp-requires-policy"
    yield " no bgp default ipv4-unicast"
    yield " no bgp network import-check"
    yield " bgp bestpath compare-routerid"
    yield " bgp deterministic-med"
    yield " coalesce-time 50"
    for one in sessions:
        yield from _session(node, one)
    for family in blueprint.families:
        yield f" address-family ipv{family} unicast"
        yield "  maximum-paths 1"
        yield "  maximum-paths ibgp 1"
        for network in policy.own_networks(blueprint, node):
            if network.version == family:
                yield f"  network {network} route-map OWN"
        for forged in injected:
            if forged.prefix.version == family:
                yield f"  network {forged.prefix} route-map {_injected(forged)}"
        for one in sessions:
            if family in one.families:
                yield from _activated(one)
        yield " exit-address-family"
    yield "exit"


def _session(node: Node, one: Neighbour) -> Iterator[str]:
    theirs, remote = one.session, one.remote
    yield f" neighbor {remote} remote-as {one.asn}"
    yield f" neighbor {remote} description {one.name}"
    if one.kind == SessionKind.INTERNAL or (theirs and theirs.local):
        yield f" neighbor {remote} update-source {one.local}"
    hold = theirs.hold_s if theirs else HOLD_S
    yield f" neighbor {remote} timers {max(1, hold // 3) if hold else 0} {hold}"
    yield f" neighbor {remote} timers connect 1"
    mrai = node.mrai_s if one.kind == SessionKind.EBGP else 0
    yield f" neighbor {remote} advertisement-interval {mrai}"
    if one.kind in (SessionKind.SITE, SessionKind.SERVER):
        # The next hop of what is discarded is no neighbour's.
        yield f" neighbor {remote} disable-connected-check"
    if theirs is None:
        return
    if not theirs.is_passive:
        yield f" neighbor {remote} passive"
    if theirs.multihop:
        yield f" neighbor {remote} ebgp-multihop {theirs.multihop}"
    if theirs.is_gtsm:
        yield f" neighbor {remote} ttl-security hops 1"
    if theirs.role:
        yield f" neighbor {remote} local-role {_OURS[theirs.role]}"
    if theirs.bfd:
        yield f" neighbor {remote} bfd"
        yield f" neighbor {remote} bfd profile {one.name}"


def _activated(one: Neighbour) -> Iterator[str]:
    yield f"  neighbor {one.remote} activate"
    yield f"  neighbor {one.remote} send-community all"
    yield f"  neighbor {one.remote} route-map {one.name}_in in"
    yield f"  neighbor {one.remote} route-map {one.name}_out out"
    if one.kind == SessionKind.INTERNAL:
        yield f"  neighbor {one.remote} next-hop-self"
    elif one.kind != SessionKind.EBGP:
        yield f"  neighbor {one.remote} default-originate"


def _bfdd(sessions: Sequence[Neighbour]) -> Iterator[str]:
    yield "bfd"
    for one in sessions:
        if one.session is not None and one.session.bfd:
            yield f" profile {one.name}"
            yield f"  detect-multiplier {one.session.bfd.multiplier}"
            yield f"  receive-interval {one.session.bfd.interval_ms}"
            yield f"  transmit-interval {one.session.bfd.interval_ms}"
            yield " exit"
    yield "exit"


def _injected(injection: Injection) -> str:
    return f"INJECTED_{injection.prefix.version}_{int(injection.prefix.network_address):x}"
