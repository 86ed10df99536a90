"""Anchors as BIRD's `protocol direct` sees them: announced, and withdrawn at release or at their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

from anyplane.kernel.lease import Lease
from anyplane.kernel.netlink import Netlink

V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")
HOST6 = ip_network("2001:db8:1::53/128")
ALL = frozenset((V4, V6, HOST6))
SITE = """
router id 10.255.0.2;
protocol device {}
protocol direct { ipv4; ipv6; interface "lo"; }
protocol bgp v4 { local 192.0.2.1 as 64500; neighbor 192.0.2.0 as 64510; hold time 9;
  ipv4 { import none; export where net ~ [198.51.100.0/24]; next hop self; }; }
protocol bgp v6 { local 2001:db8:ff::1 as 64500; neighbor 2001:db8:ff:: as 64510; hold time 9;
  ipv6 { import none; export where net ~ [2001:db8:53::/48, 2001:db8:1::53/128]; next hop self; }; }
"""


@dataclass(frozen=True)
class Pair:
    """A site with BIRD, its upstream, and the lease of the site."""

    site: Host
    receiver: Receiver
    lease: Lease


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    needs_namespaces()
    needs_program("bird")
    with Network() as network:
        site, upstream = network.host("site"), network.host("upstream")
        network.link(
            site, ["192.0.2.1/31", "2001:db8:ff::1/127"], upstream, ["192.0.2.0/31", "2001:db8:ff::/127"]
        )
        neighbors = [
            Neighbor(local="192.0.2.0", remote="192.0.2.1", extra="passive;"),
            Neighbor(local="2001:db8:ff::", remote="2001:db8:ff::1", extra="passive;"),
        ]
        receiver = Receiver(upstream, 64510, neighbors)
        conf = site.directory / "bird.conf"
        conf.write_text(SITE)
        site.start("bird", "-f", "-c", str(conf), "-s", str(site.directory / "bird.ctl"))
        wait_until(lambda: receiver.has_sessions(2), timeout=15)
        with site.call(Netlink) as netlink:
            yield Pair(site, receiver, Lease(netlink))
        receiver.close()


@pytest.mark.parametrize("forwarded", [frozenset(), ALL], ids=["sink", "forwarded"])
def test_a_release_empties_the_upstreams_table_in_milliseconds(pair: Pair, forwarded: frozenset) -> None:
    samples = []
    for _ in range(5):
        pair.lease.hold(ALL, lifetime_s=30, forwarded=forwarded)
        pair.receiver.seconds_until(lambda held: held == ALL)

        began = time.monotonic()
        pair.lease.release(ALL)
        pair.receiver.seconds_until(lambda held: not held)
        samples.append(time.monotonic() - began)

    assert sorted(samples)[2] < 0.1


def test_silence_empties_the_upstreams_table_when_the_lease_ends(pair: Pair) -> None:
    began = time.monotonic()
    pair.lease.hold(ALL, lifetime_s=2)
    pair.receiver.seconds_until(lambda held: held == ALL)

    pair.receiver.seconds_until(lambda held: not held)

    assert 1.9 <= time.monotonic() - began <= 2.7


def test_renewal_sends_the_upstream_nothing(pair: Pair) -> None:
    pair.lease.hold(ALL, lifetime_s=3)
    pair.receiver.seconds_until(lambda held: held == ALL)
    before = [
        line for line in pair.receiver.ask("show protocols all").splitlines() if "Import updates" in line
    ]

    for _ in range(20):
        time.sleep(0.05)
        pair.lease.hold(ALL, lifetime_s=3)

    after = [
        line for line in pair.receiver.ask("show protocols all").splitlines() if "Import updates" in line
    ]
    assert before == after
    assert pair.receiver.prefixes() == ALL
