"""Configurations of a real BIRD and a real FRR that peer with a witness, for the tests of the witness."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

from namespaces import Host

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.witness_sessions import NEXT_HOP, witness_sessions
from anyplane.design.operation import Daemon, DaemonKind, Endpoint, Safety, Session
from anyplane.model.nouns import Asn, SiteName

PREFIXES = (ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48"))
UPSTREAMS = (
    (64510, "192.0.2.0", "192.0.2.1"),
    (64510, "2001:db8:ffff::", "2001:db8:ffff::1"),
    (64520, "192.0.2.2", "192.0.2.3"),
    (64520, "2001:db8:ffff::2", "2001:db8:ffff::3"),
)


def plan_of(kind: DaemonKind, *, witness: str = "127.0.0.1", port: int = 1790) -> RouterPlan:
    """A site with two upstreams of both families and a witness."""
    sessions = tuple(
        Session(
            name=f"as{asn}_v{ip_address(neighbor).version}",
            upstream=Asn(asn),
            neighbor=ip_address(neighbor),
            local=ip_address(local),
            password_file="/etc/anyplane/md5",
            is_gtsm=True,
        )
        for asn, neighbor, local in UPSTREAMS
    )
    return RouterPlan(
        site=SiteName("fra"),
        asn=Asn(64500),
        router_id=IPv4Address("192.0.2.1"),
        daemon=Daemon(kind=kind, witness=Endpoint(host=witness, port=port)),
        sessions=sessions,
        kinds={},
        prefixes=PREFIXES,
        announcements=(),
        safety=Safety(),
    )


def bird(plan: RouterPlan, *, is_announced: bool = True, second: str = "bgp_path.prepend(64500);") -> str:
    """AS64510 gets the prefixes as they are, AS64520 gets them prepended, with a MED and communities."""
    routes = {4: "route 198.51.100.0/24 blackhole;", 6: "route 2001:db8:53::/48 blackhole;"}
    lines = [
        f"router id {plan.router_id};",
        "protocol device { }",
        "filter to64510 { if source = RTS_STATIC then accept; reject; }",
        (
            "filter to64520 { if source != RTS_STATIC then reject; "
            f"{second} bgp_med = 50; bgp_community.add((65535, 0)); "
            "bgp_large_community.add((64500, 1, 2)); accept; }"
        ),
    ]
    for version, route in routes.items():
        shown = route if is_announced else ""
        lines.append(f"protocol static s{version} {{ ipv{version}; {shown} }}")
    for session in witness_sessions(plan):
        hop = f"next hop address {NEXT_HOP};" if session.family == 6 else ""
        lines.append(
            f"protocol bgp {session.name} {{ local {session.local} as {plan.asn}; "
            f"neighbor {session.neighbor} port {session.port} as {session.upstream}; "
            f"multihop; hold time {session.hold_s}; connect delay time 1; connect retry time 1; "
            f"error wait time 1, 2; graceful restart off; "
            f"ipv{session.family} {{ {hop} import none; export filter to{session.upstream}; }}; }}"
        )
    return "\n".join(lines) + "\n"


def frr(plan: RouterPlan) -> str:
    """The same in FRR's words."""
    lines = [
        "bgp route-map delay-timer 0",
        f"router bgp {plan.asn}",
        f" bgp router-id {plan.router_id}",
        " bgp graceful-restart-disable",
        " no bgp network import-check",
        " no bgp default ipv4-unicast",
    ]
    shown = witness_sessions(plan)
    for session in shown:
        lines += [
            f" neighbor {session.neighbor} remote-as {session.upstream}",
            f" neighbor {session.neighbor} port {session.port}",
            f" neighbor {session.neighbor} update-source {session.local}",
            f" neighbor {session.neighbor} ebgp-multihop {session.multihop}",
            f" neighbor {session.neighbor} timers 3 {session.hold_s}",
            f" neighbor {session.neighbor} timers connect 1",
        ]
    for version, prefix in ((4, PREFIXES[0]), (6, PREFIXES[1])):
        lines += [f" address-family ipv{version} unicast", f"  network {prefix}"]
        for session in shown:
            if session.family == version:
                lines += [
                    f"  neighbor {session.neighbor} activate",
                    f"  neighbor {session.neighbor} route-map none in",
                    f"  neighbor {session.neighbor} route-map to{session.upstream} out",
                ]
        lines.append(" exit-address-family")
    lines += [
        "route-map none deny 10",
        "route-map to64510 permit 10",
        "route-map to64520 permit 10",
        " set as-path prepend 64500",
        " set metric 50",
        " set community graceful-shutdown additive",
        " set large-community 64500:1:2",
    ]
    return "\n".join(lines) + "\n"


def start_bird(host: Host, text: str) -> Path:
    """BIRD with this configuration; the path of its control socket."""
    conf, control = host.directory / "bird.conf", host.directory / "bird.ctl"
    conf.write_text(text)
    host.start("bird", "-f", "-c", str(conf), "-s", str(control))
    return control


def start_frr(host: Host, text: str) -> None:
    """bgpd with this configuration, without zebra."""
    conf = host.directory / "bgpd.conf"
    conf.write_text(text)
    host.directory.chmod(0o777)
    command = ("/usr/lib/frr/bgpd", "-f", str(conf), "-i", str(host.directory / "bgpd.pid"), "-Z", "-S")
    host.start(*command, "-p", "0", "--vty_socket", str(host.directory), "-l", "127.0.0.1")
