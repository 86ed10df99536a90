"""What we rely on in FRR: the lease, entries that are mended, the reasons of sessions, restarts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network

import anyio
import pytest
from frr import Frr
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

from anyplane.bgp.frr import FrrSpeaker, render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import SessionSeen, SessionState
from anyplane.design.operation import Daemon, DaemonKind, Safety, Session
from anyplane.model.errors import SpeakerRejected
from anyplane.model.nouns import Announcement, Asn, SiteName, UpstreamKind

V4 = ip_network("198.51.100.0/24")
ROUTE = Announcement(
    prefix=V4, site=SiteName("fra"), upstream=Asn(64510), kind=UpstreamKind.TRANSIT, origin=Asn(64500)
)
WANTED = frozenset({ROUTE})
PASSIVE = "passive on; error wait time 1, 2; "


@dataclass
class Rig:
    """A site with FRR, its upstream, and the speaker between them."""

    site: Host
    frr: Frr
    upstream: Receiver
    plan: RouterPlan

    @property
    def speaker(self) -> FrrSpeaker:
        return FrrSpeaker(self.plan)

    def apply(self, wanted: frozenset[Announcement]) -> None:
        anyio.run(self.speaker.apply, wanted)

    def seen(self) -> SessionSeen:
        return anyio.run(self.speaker.observe).sessions[0]

    def anchor(self, *lifetime: str) -> None:
        self.site.run("ip", "address", "replace", str(V4), "dev", "lo", *lifetime)

    def reconfigure(
        self, *, extra: str = PASSIVE, channel: str = "import all; export none;", more: str = ""
    ) -> None:
        self.upstream.write([Neighbor("192.0.2.0", "192.0.2.1", extra=extra, channel=channel)], extra=more)
        self.upstream.ask("configure")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    needs_namespaces()
    needs_program("bgpd", "zebra", "vtysh", "bird")
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def settled(network: Network) -> Iterator[Rig]:
    site, far = network.host("site"), network.host("upstream")
    network.link(site, "192.0.2.1/31", far, "192.0.2.0/31")
    upstream = Receiver(far, 64510, [Neighbor("192.0.2.0", "192.0.2.1", extra=PASSIVE)])
    key = site.directory / "as64510.key"
    session = Session(
        name="as64510_v4",
        upstream=Asn(64510),
        neighbor=IPv4Address("192.0.2.0"),
        local=IPv4Address("192.0.2.1"),
        hold_s=9,
        imports="all",
        max_prefix=3,
        password_file=str(key),
    )
    plan = RouterPlan(
        site=SiteName("fra"),
        asn=Asn(64500),
        router_id=IPv4Address("192.0.2.1"),
        daemon=Daemon(kind=DaemonKind.FRR, settings={"vty_directory": str(site.directory / "frr")}),
        sessions=(session,),
        kinds={Asn(64510): UpstreamKind.TRANSIT},
        prefixes=(V4,),
        announcements=(ROUTE,),
        safety=Safety(),
    )
    rig = Rig(site=site, frr=Frr(site, render(plan)), upstream=upstream, plan=plan)
    yield rig
    upstream.close()


@pytest.fixture
def rig(settled: Rig) -> Rig:
    """The session up, the prefix announced and held."""
    settled.anchor()
    settled.apply(WANTED)
    wait_until(lambda: settled.upstream.prefixes() == {V4}, timeout=20)
    return settled


def test_a_lease_that_ends_withdraws_and_one_that_is_renewed_does_not(rig: Rig) -> None:
    for _ in range(4):
        rig.anchor("valid_lft", "2", "preferred_lft", "2")
        time.sleep(0.5)
        assert rig.upstream.prefixes() == {V4}

    assert rig.upstream.seconds_until(lambda held: not held, timeout=5) < 3


def test_neither_a_host_address_nor_half_the_prefix_is_an_anchor(rig: Rig) -> None:
    rig.site.run("ip", "address", "flush", "dev", "lo")
    rig.upstream.seconds_until(lambda held: not held)

    rig.site.run("ip", "address", "add", "198.51.100.53/32", "dev", "lo")
    rig.site.run("ip", "address", "add", "198.51.100.128/25", "dev", "lo")
    time.sleep(0.3)

    assert not rig.upstream.prefixes()
    rig.site.run("ip", "address", "flush", "dev", "lo")


def test_an_entry_that_somebody_changed_is_mended_and_sent_anew(rig: Rig) -> None:
    dressed = frozenset({replace(ROUTE, med=50, communities=("65535:0",))})
    rig.apply(dressed)
    wait_until(lambda: rig.upstream.routes()[V4].med == 50)
    name = "ANYPLANE-OUT-as64510_v4"
    number = _tag(rig)
    rig.frr.vtysh(
        "-c",
        "configure",
        "-c",
        f"route-map {name} permit {number}",
        "-c",
        "set metric 9",
        "-c",
        "no set community",
    )
    rig.frr.vtysh("-c", "clear bgp ipv4 unicast * soft out")
    wait_until(lambda: rig.upstream.routes()[V4].med == 9)
    (seen,) = anyio.run(rig.speaker.observe).routes
    assert (seen.med, seen.communities) == (9, frozenset())

    rig.apply(dressed)

    wait_until(lambda: rig.upstream.routes()[V4].med == 50)
    assert rig.upstream.routes()[V4].communities == {"65535:0"}


def test_communities_that_leave_without_our_doing_are_seen_as_unknown(rig: Rig) -> None:
    name = "ANYPLANE-OUT-as64510_v4"
    number = _tag(rig)
    rig.frr.vtysh("-c", "configure", "-c", f"route-map {name} permit {number}", "-c", "set community 64510:1")
    rig.frr.vtysh("-c", "clear bgp ipv4 unicast * soft out")
    wait_until(lambda: rig.upstream.routes()[V4].communities == {"64510:1"})

    observation = anyio.run(rig.speaker.observe)

    assert observation.is_exact
    assert {one.communities for one in observation.routes} == {frozenset({"unknown"})}


def test_a_neighbor_with_another_policy_gets_nothing_new(rig: Rig) -> None:
    rig.apply(frozenset())
    neighbor = ("-c", "router bgp 64500", "-c", "address-family ipv4", "-c")
    rig.frr.vtysh("-c", "configure", *neighbor, "neighbor 192.0.2.0 route-map ELSE out")
    try:
        with pytest.raises(SpeakerRejected, match="does not send through"):
            rig.apply(WANTED)
        time.sleep(0.2)
        assert not rig.upstream.prefixes()
    finally:
        rig.frr.vtysh(
            "-c", "configure", *neighbor, "neighbor 192.0.2.0 route-map ANYPLANE-OUT-as64510_v4 out"
        )


def test_a_panic_that_shut_the_session_is_undone_by_the_next_apply(rig: Rig) -> None:
    line = "neighbor 192.0.2.0 shutdown message anyplane: panic withdrawal"
    rig.frr.vtysh("-c", "configure", "-c", "router bgp 64500", "-c", line)
    rig.upstream.seconds_until(lambda held: not held)

    rig.apply(WANTED)

    wait_until(lambda: rig.upstream.prefixes() == {V4}, timeout=15)


def test_bgpd_restarted_announces_nothing_of_its_own_accord(rig: Rig) -> None:
    rig.frr.restart_bgpd()
    wait_until(lambda: rig.upstream.has_sessions(1), timeout=20)
    time.sleep(0.3)

    assert not rig.upstream.prefixes()


def test_a_notification_is_reported_with_its_words(rig: Rig) -> None:
    rig.upstream.ask('disable n0 "go away"')

    wait_until(lambda: rig.seen().state is SessionState.DOWN, timeout=2)
    assert "Administrative Shutdown; go away" in rig.seen().reason

    rig.upstream.ask("enable n0")


def test_too_many_prefixes_end_the_session_and_are_named(rig: Rig) -> None:
    routes = "".join(f"route 10.{number}.0.0/24 blackhole; " for number in range(9))
    rig.reconfigure(
        channel="import all; export where source = RTS_STATIC;", more=f"protocol static {{ ipv4; {routes} }}"
    )
    rig.upstream.ask("restart n0")

    wait_until(lambda: "prefix" in rig.seen().reason.lower(), timeout=15)

    rig.reconfigure()
    rig.frr.vtysh("-c", "clear bgp 192.0.2.0")


def test_a_key_that_differs_is_reported_and_one_that_agrees_is_set_at_run_time(rig: Rig) -> None:
    key = rig.site.directory / "as64510.key"
    key.write_text("sesame\n")

    rig.apply(WANTED)
    wait_until(lambda: "MD5" in rig.seen().reason, timeout=8)

    rig.reconfigure(extra=PASSIVE + 'password "sesame"; ')
    wait_until(lambda: rig.upstream.prefixes() == {V4}, timeout=20)
    assert not anyio.run(rig.speaker.observe).warnings


def _tag(rig: Rig) -> str:
    """The number of the entry that the prefix leaves by."""
    match = re.search(rf"network {V4} route-map ANYPLANE-(\d+)", rig.frr.vtysh("-c", "show running-config"))
    assert match is not None
    return match[1]
