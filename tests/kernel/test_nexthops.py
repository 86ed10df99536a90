"""Resilient groups on a real kernel, with real flows: who moves when a backend leaves or comes back."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest
from namespaces import Network, needs_namespaces, wait_until

from anyplane.kernel.forwarding import forwarding_problems
from anyplane.kernel.lease import Lease
from anyplane.kernel.netlink import Netlink
from anyplane.kernel.nexthops import Group, Hop, NexthopGroups
from anyplane.model.errors import KernelError

FLOWS = 2000
SERVICE4, SERVICE6 = ip_network("198.51.100.53/32"), ip_network("2001:db8:53::53/128")
ANCHORS = frozenset((ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")))
HOPS4 = tuple(Hop(address=ip_address(f"10.0.{number}.2")) for number in range(4))
HOPS6 = tuple(Hop(address=ip_address(f"fd00:{number}::2")) for number in range(4))
SETTINGS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.fib_multipath_hash_policy=1",
)


class Site:
    """A client, a site's host that forwards, and four backends that note which flows they see."""

    def __init__(self, network: Network) -> None:
        self.host = network.host("site")
        self.client = network.host("client")
        self.host.run("sysctl", "-qw", *SETTINGS)
        network.link(
            self.host, ["192.0.2.1/24", "2001:db8:c::1/64"], self.client, ["192.0.2.2/24", "2001:db8:c::2/64"]
        )
        self.client.run("ip", "route", "add", "default", "via", "192.0.2.1")
        self.client.run("ip", "-6", "route", "add", "default", "via", "2001:db8:c::1")
        self.sockets: list[list[socket.socket]] = []
        for number in range(4):
            backend = network.host(f"backend{number}")
            network.link(
                self.host,
                [f"10.0.{number}.1/24", f"fd00:{number}::1/64"],
                backend,
                [f"10.0.{number}.2/24", f"fd00:{number}::2/64"],
            )
            backend.run("ip", "address", "add", str(SERVICE4), "dev", "lo")
            backend.run("ip", "address", "add", str(SERVICE6), "dev", "lo")
            backend.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
            self.sockets.append(backend.call(lambda: [_listen(SERVICE4), _listen(SERVICE6)]))
        for hop in (*HOPS4, *HOPS6):
            self._meet(str(hop.address))
        self.netlink = self.host.call(Netlink)

    def flows(self, service: object = SERVICE4) -> dict[int, int]:
        """Source port to backend, for one datagram of every flow."""
        index = 0 if service is SERVICE4 else 1
        sent = self.client.call(lambda: _send(service))
        found: dict[int, int] = {}

        def drain() -> bool:
            for number, pair in enumerate(self.sockets):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        found[pair[index].recvfrom(100)[1][1]] = number
            return len(found) == sent

        wait_until(drain)
        return found

    def _meet(self, address: str) -> None:
        """Resolve a neighbour, so that no first datagrams are lost in the queue of an unknown one."""
        self.host.call(lambda: _send_from(0, address))
        wait_until(lambda: "lladdr" in self.host.run("ip", "neighbor", "show", "to", address))

    def close(self) -> None:
        self.netlink.close()
        for pair in self.sockets:
            for one in pair:
                one.close()


def _listen(service: object) -> socket.socket:
    address = str(service).partition("/")[0]
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    listening.bind((address, 53))
    listening.setblocking(False)
    return listening


def _send(service: object) -> int:
    address = str(service).partition("/")[0]
    for port in range(20000, 20000 + FLOWS):
        _send_from(port, address)
    return FLOWS


def _send_from(port: int, address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.bind(("", port))
        flow.sendto(b"x", (address, 53))


def moved(before: dict[int, int], after: dict[int, int], *, except_of: int) -> float:
    """The share of the flows of other backends that are with another one now."""
    survivors = [port for port, backend in before.items() if backend != except_of]
    return sum(before[port] != after[port] for port in survivors) / len(survivors)


@pytest.fixture(scope="module")
def forwarding() -> Iterator[Site]:
    needs_namespaces()
    with Network() as network:
        site = Site(network)
        try:
            yield site
        finally:
            site.close()


@pytest.fixture
def site(forwarding: Site) -> Iterator[Site]:
    Lease(forwarding.netlink).hold(ANCHORS, lifetime_s=300)
    yield forwarding
    NexthopGroups(forwarding.netlink).apply([])
    forwarding.host.run("ip", "nexthop", "flush", check=False)
    Lease(forwarding.netlink).release(ANCHORS)


@pytest.mark.parametrize(("service", "hops"), [(SERVICE4, HOPS4), (SERVICE6, HOPS6)], ids=["v4", "v6"])
def test_a_dead_backend_moves_no_flow_of_the_others_and_neither_does_its_return(
    site: Site, service: object, hops: tuple[Hop, ...]
) -> None:
    groups = NexthopGroups(site.netlink)
    groups.apply([Group(prefix=service, hops=hops)])
    before = site.flows(service)

    groups.apply([Group(prefix=service, hops=hops[1:])])
    without = site.flows(service)
    groups.apply([Group(prefix=service, hops=hops)])
    again = site.flows(service)

    assert set(before.values()) == {0, 1, 2, 3}
    assert set(without.values()) == {1, 2, 3}
    assert moved(before, without, except_of=0) == 0
    assert moved(without, again, except_of=0) == 0


def test_plain_multipath_moves_flows_of_healthy_backends(site: Site) -> None:
    def replace(hops: tuple[Hop, ...]) -> None:
        ways = [word for hop in hops for word in ("nexthop", "via", str(hop.address))]
        site.host.run("ip", "route", "replace", str(SERVICE4), "metric", "97", "table", "local", *ways)

    replace(HOPS4)
    before = site.flows()
    replace(HOPS4[1:])
    without = site.flows()
    replace(HOPS4)
    again = site.flows()
    site.host.run("ip", "route", "del", str(SERVICE4), "metric", "97", "table", "local")

    removal, return_ = moved(before, without, except_of=0), moved(without, again, except_of=0)
    print(f"plain multipath moved {removal:.1%} on removal, {return_:.1%} on return")
    assert removal > 0.05
    assert return_ > 0.05


def test_a_backend_that_comes_back_is_given_idle_buckets(site: Site) -> None:
    groups = NexthopGroups(site.netlink)
    groups.apply([Group(prefix=SERVICE4, hops=HOPS4[1:], idle_s=0.5)])
    assert set(site.flows().values()) == {1, 2, 3}

    time.sleep(0.7)
    groups.apply([Group(prefix=SERVICE4, hops=HOPS4, idle_s=0.5)])
    time.sleep(0.7)

    share = list(site.flows().values()).count(0) / FLOWS
    assert 0.15 < share < 0.35


def test_weights_share_the_flows(site: Site) -> None:
    hops = (Hop(address=HOPS4[0].address, weight=3), HOPS4[1])

    groups = NexthopGroups(site.netlink)
    groups.apply([Group(prefix=SERVICE4, hops=hops)])

    assert 0.68 < list(site.flows().values()).count(0) / FLOWS < 0.82
    assert groups.observe()[SERVICE4].weights == {HOPS4[0].address: 3, HOPS4[1].address: 1}


def test_the_groups_of_a_predecessor_are_adopted_and_those_of_others_left_alone(site: Site) -> None:
    site.host.run("ip", "nexthop", "add", "id", "77", "via", "10.0.0.2", "dev", "eth1", "proto", "static")
    NexthopGroups(site.netlink).apply(
        [Group(prefix=SERVICE4, hops=HOPS4), Group(prefix=SERVICE6, hops=HOPS6)]
    )
    before = site.host.run("ip", "nexthop", "show", "id", "1096351748")

    successor = NexthopGroups(site.netlink)
    successor.apply([Group(prefix=SERVICE4, hops=HOPS4)])

    assert "resilient" in before
    assert site.host.run("ip", "nexthop", "show", "id", "1096351748") == before
    assert successor.observe().keys() == {SERVICE4}
    assert "id 77 via 10.0.0.2" in site.host.run("ip", "nexthop")


def test_no_live_backend_or_no_group_leaves_nothing_behind(site: Site) -> None:
    groups = NexthopGroups(site.netlink)
    groups.apply([Group(prefix=SERVICE4, hops=HOPS4), Group(prefix=SERVICE6, hops=HOPS6)])

    groups.apply([Group(prefix=SERVICE4, hops=())])

    assert groups.observe() == {}
    assert site.host.run("ip", "nexthop") == ""


def test_what_the_kernel_dropped_is_put_back(site: Site) -> None:
    wanted = [Group(prefix=SERVICE4, hops=HOPS4, idle_s=0.2), Group(prefix=SERVICE6, hops=HOPS6, idle_s=0.2)]
    groups = NexthopGroups(site.netlink)
    groups.apply(wanted)
    site.host.run("ip", "nexthop", "flush")
    assert groups.observe() == {}

    groups.apply(wanted)

    assert [len(one.weights) for one in groups.observe().values()] == [4, 4]


def test_a_backend_that_is_no_neighbour_is_reported_and_the_others_serve(site: Site) -> None:
    groups = NexthopGroups(site.netlink)
    far = Hop(address=ip_address("203.0.113.9"))

    with pytest.raises(KernelError, match=r"203\.0\.113\.9"):
        groups.apply([Group(prefix=SERVICE4, hops=(*HOPS4, far))])

    assert groups.observe()[SERVICE4].weights.keys() == {one.address for one in HOPS4}


def test_a_whole_prefix_goes_to_backends_when_its_anchor_is_forwarded(site: Site) -> None:
    whole = ip_network("203.0.113.0/24")
    lease = Lease(site.netlink)
    lease.hold(frozenset((whole,)), lifetime_s=30, forwarded=frozenset((whole,)))

    NexthopGroups(site.netlink).apply([Group(prefix=whole, hops=HOPS4)])

    found = site.host.run("ip", "route", "get", "203.0.113.77")
    lease.release((whole,))
    assert "via 10.0." in found


def test_settings_that_spoil_the_sharing_are_named(site: Site) -> None:
    assert site.host.call(forwarding_problems) == ()
    site.host.run("sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=0")

    problems = site.host.call(forwarding_problems)

    site.host.run("sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1")
    assert problems == ("net.ipv4.fib_multipath_hash_policy is 0; set it to 1 in sysctl.d",)
