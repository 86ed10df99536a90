"""What we rely on in OpenBGPD: markers never leave, networks end with it, sessions say why."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import anyio
import pytest
from namespaces import Network, needs_namespaces, needs_program, wait_until
from openbgpd import Openbgpd, socket_of
from receiver import Neighbor, Receiver

from anyplane.bgp.openbgpd import OpenbgpdSpeaker, render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import SessionState
from anyplane.design.operation import Daemon, DaemonKind, Safety, Session
from anyplane.model.nouns import Announcement, Asn, SiteName, UpstreamKind

V4 = ip_network("198.51.100.0/24")
ROUTE = Announcement(
    prefix=V4, site=SiteName("fra"), upstream=Asn(64510), kind=UpstreamKind.TRANSIT, origin=Asn(64500)
)
Rig = tuple[Openbgpd, Receiver, OpenbgpdSpeaker]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    needs_namespaces()
    needs_program("bgpctl", "bird")
    with Network() as network:
        site, far = network.host("site"), network.host("upstream")
        network.link(site, "192.0.2.1/31", far, "192.0.2.0/31")
        extra = "passive on; error wait time 1, 2;"
        upstream = Receiver(far, 64510, [Neighbor("192.0.2.0", "192.0.2.1", extra=extra)])
        session = Session(
            name="as64510_v4",
            upstream=Asn(64510),
            neighbor=IPv4Address("192.0.2.0"),
            local=IPv4Address("192.0.2.1"),
            hold_s=9,
        )
        plan = RouterPlan(
            site=SiteName("fra"),
            asn=Asn(64500),
            router_id=IPv4Address("192.0.2.1"),
            daemon=Daemon(kind=DaemonKind.OPENBGPD, control=str(socket_of(site))),
            sessions=(session,),
            kinds={Asn(64510): UpstreamKind.TRANSIT},
            prefixes=(V4,),
            announcements=(ROUTE,),
            safety=Safety(),
        )
        yield Openbgpd(site, render(plan)), upstream, OpenbgpdSpeaker(plan)
        upstream.close()


def _announced(rig: Rig, route: Announcement = ROUTE) -> None:
    anyio.run(rig[2].apply, frozenset({route}))
    # An idle session is woken by who observes, as the agent does all the time.
    wait_until(lambda: anyio.run(rig[2].observe) and rig[1].prefixes() == {V4}, timeout=20, every=0.2)


def test_no_marker_leaves_and_any_number_is_made_of_bits(rig: Rig) -> None:
    _announced(rig)
    wanted = replace(ROUTE, as_path_prepend=31, med=(1 << 31) - 1, communities=("64510:7", "65535:0"))

    anyio.run(rig[2].apply, frozenset({wanted}))

    wait_until(lambda: rig[1].routes()[V4].med == (1 << 31) - 1)
    held = rig[1].routes()[V4]
    assert held.as_path == (64500,) * 32
    assert held.communities == {"64510:7", "65535:0"}
    assert "ext_community" not in rig[1].ask("show route all")


def test_the_dead_mans_orders_withdraw_without_the_speaker(rig: Rig) -> None:
    _announced(rig)

    for order in rig[2].dead_mans_orders():
        subprocess.run(order, check=True, capture_output=True, timeout=5)

    assert rig[1].seconds_until(lambda held: not held, timeout=2) < 1


def test_a_reload_of_the_file_keeps_what_is_announced(rig: Rig) -> None:
    _announced(rig)

    rig[0].bgpctl("reload")
    time.sleep(0.5)

    assert rig[1].prefixes() == {V4}
    assert {one.prefix for one in anyio.run(rig[2].observe).routes} == {V4}


def test_a_bgpd_restarted_announces_nothing_of_its_own_accord(rig: Rig) -> None:
    _announced(rig)

    rig[0].restart()
    wait_until(lambda: rig[1].has_sessions(1), timeout=20)
    time.sleep(0.3)

    assert not rig[1].prefixes()


def test_a_notification_is_reported_in_words(rig: Rig) -> None:
    _announced(rig)

    rig[1].ask('disable n0 "go away"')
    wait_until(lambda: anyio.run(rig[2].observe).sessions[0].state is SessionState.DOWN, timeout=2)
    reason = anyio.run(rig[2].observe).sessions[0].reason
    rig[1].ask("enable n0")

    assert "go away" in reason
    assert "administratively down" in reason


def test_bgpd_calls_a_neighbour_that_hung_up_again_when_observe_wakes_it(rig: Rig) -> None:
    """Left alone it stays idle for 30 s, and no setting shortens that."""
    _announced(rig)
    rig[1].ask("restart n0")
    wait_until(lambda: not rig[1].has_sessions(1), timeout=5)

    waited = wait_until(lambda: anyio.run(rig[2].observe) and rig[1].has_sessions(1), timeout=15, every=0.3)

    assert waited < 10


def test_a_session_that_the_operator_shut_down_stays_so(rig: Rig) -> None:
    _announced(rig)
    rig[0].bgpctl("neighbor", "192.0.2.0", "down")
    wait_until(lambda: not rig[1].has_sessions(1), timeout=5)

    end = time.monotonic() + 6
    while time.monotonic() < end:
        assert anyio.run(rig[2].observe).sessions[0].state is SessionState.DOWN
        time.sleep(0.5)
    rig[0].bgpctl("neighbor", "192.0.2.0", "up")
    wait_until(lambda: rig[1].has_sessions(1), timeout=15)
