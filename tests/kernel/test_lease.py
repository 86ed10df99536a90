"""The lease on a real kernel: anchors come, are renewed, run out, and the traps around them are seen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import anyio
import pytest
from loopback_place import Place, place, prefixes
from namespaces import needs_namespaces, wait_until

from anyplane.kernel.address_watch import AddressChange, AddressWatch
from anyplane.kernel.hazards import HazardKind
from anyplane.kernel.lease_test import self_test
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import KernelError

V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")
BOTH = frozenset((V4, V6))
HOST4, HOST6 = ip_network("192.0.2.53/32"), ip_network("2001:db8:1::53/128")


@pytest.fixture
def here() -> Iterator[Place]:
    needs_namespaces()
    with place() as found:
        yield found


def test_an_anchor_is_the_prefix_itself_with_a_lifetime(here: Place) -> None:
    holding = here.lease.hold(BOTH, lifetime_s=30)

    assert not holding.refused
    assert not holding.hazards
    assert here.lease.held().keys() == BOTH
    assert all(left is not None and 28 <= left <= 30 for left in here.lease.held().values())
    assert "198.51.100.0/24 scope global dynamic lo" in here.on_lo()


def test_a_release_removes_at_once_leaves_nothing_and_may_be_repeated(here: Place) -> None:
    here.lease.hold(BOTH, lifetime_s=30)

    here.lease.release(BOTH)
    here.lease.release(BOTH)

    assert here.lease.held() == {}
    assert "198.51.100" not in here.host.run("ip", "route", "show", "table", "all")
    assert "2001:db8:53" not in here.host.run("ip", "-6", "route", "show", "table", "all")


@pytest.mark.parametrize(("asked", "given"), [(2.2, 3), (3.0, 3), (0.1, 1)])
def test_a_lifetime_is_rounded_up_to_whole_seconds(here: Place, asked: float, given: int) -> None:
    here.lease.hold(BOTH, lifetime_s=asked)

    assert f"valid_lft {given}sec" in here.on_lo()


def test_a_lease_that_nobody_renews_runs_out_by_itself(here: Place) -> None:
    here.lease.hold(BOTH, lifetime_s=1)
    time.sleep(0.5)
    assert here.lease.held().keys() == BOTH

    wait_until(lambda: here.lease.held() == {}, timeout=4)


def test_a_lease_of_2_s_renewed_every_half_second_is_never_absent(here: Place) -> None:
    end = time.monotonic() + 6
    renewed_at = 0.0
    polls = 0
    while (now := time.monotonic()) < end:
        if now - renewed_at >= 0.5:
            here.lease.hold(BOTH, lifetime_s=2)
            renewed_at = now
        assert here.lease.held().keys() == BOTH
        polls += 1

    assert polls > 500


def test_prefixes_not_named_any_more_are_left_to_run_out(here: Place) -> None:
    here.lease.hold(BOTH, lifetime_s=1)
    time.sleep(0.5)

    here.lease.hold(frozenset((V4,)), lifetime_s=9)

    wait_until(lambda: here.lease.held().keys() == {V4}, timeout=4)


def test_a_static_anchor_is_reported_and_taken_over(here: Place) -> None:
    here.host.run("ip", "address", "add", str(V4), "dev", "lo")
    assert here.lease.held() == {V4: None}

    holding = here.lease.hold(BOTH, lifetime_s=3)

    assert [(one.prefix, one.kind) for one in holding.hazards] == [(V4, HazardKind.STATIC)]
    assert here.lease.held()[V4] == 3
    assert not here.lease.hold(BOTH, lifetime_s=3).hazards


def test_another_address_in_the_subnet_is_a_rival_and_outlives_the_anchor(here: Place) -> None:
    here.lease.hold(BOTH, lifetime_s=3)
    here.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "lo")
    assert [one.kind for one in here.lease.hazards(BOTH)] == [HazardKind.RIVAL]

    here.lease.release(BOTH)

    assert "198.51.100.1/24" in here.on_lo()
    assert "198.51.100.0/24" not in here.on_lo()


def test_a_secondary_anchor_survives_its_primary(here: Place) -> None:
    here.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "lo")
    here.lease.hold(BOTH, lifetime_s=30)

    here.host.run("ip", "address", "del", "198.51.100.1/24", "dev", "lo")

    assert here.lease.held().keys() == BOTH
    assert not here.lease.hazards(frozenset((V6,)))


def test_an_ipv6_prefix_that_begins_like_another_is_refused_and_touches_nothing(here: Place) -> None:
    here.host.run("ip", "address", "add", "2001:db8:53::/64", "dev", "lo")

    holding = here.lease.hold(BOTH, lifetime_s=3)

    assert holding.refused.keys() == {V6}
    assert "/64" in str(holding.refused[V6])
    assert here.lease.held()[ip_network("2001:db8:53::/64")] is None


def test_with_ipv6_disabled_the_ipv4_anchor_is_held_all_the_same(here: Place) -> None:
    here.host.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=1")

    holding = here.lease.hold(BOTH, lifetime_s=3)

    assert holding.refused.keys() == {V6}
    assert "disable_ipv6" in str(holding.refused[V6])
    assert here.lease.held().keys() == {V4}


def test_a_lo_that_is_down_is_an_error_with_the_fix(here: Place) -> None:
    here.host.run("ip", "link", "set", "lo", "down")

    with pytest.raises(KernelError, match="ip link set lo up"):
        here.lease.hold(BOTH, lifetime_s=3)


def test_without_the_capability_it_says_so(here: Place) -> None:
    script = (
        "from ipaddress import ip_network\n"
        "from anyplane.kernel.lease import Lease\n"
        "from anyplane.kernel.netlink import Netlink\n"
        "try: Lease(Netlink()).hold(frozenset([ip_network('198.51.100.0/24')]), lifetime_s=3)\n"
        "except Exception as error: print(type(error).__mro__[1].__name__, error)\n"
    )
    command = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", script)
    said = here.host.run(*command)

    assert said.startswith("KernelError")
    assert "CAP_NET_ADMIN" in said


def test_service_addresses_stay_and_only_ours_are_forgotten(here: Place) -> None:
    here.host.run("ip", "address", "add", "198.51.100.9/32", "dev", "lo")
    ours = [ip_address(text) for text in ("198.51.100.53", "198.51.100.9", "2001:db8:53::53")]

    here.service.ensure(ours, anchors=BOTH)
    here.service.ensure(ours, anchors=BOTH)
    before = here.on_lo()
    here.service.forget()

    assert all(f"{one}/" in before for one in ours)
    assert "198.51.100.9/32" in here.on_lo()
    assert "53" not in here.on_lo().replace("65536", "")


def test_a_service_address_that_is_its_own_anchor_answers_without_being_announced(here: Place) -> None:
    anchors = frozenset((HOST4, HOST6))
    addresses = [HOST4.network_address, HOST6.network_address]

    here.service.ensure(addresses, anchors=anchors)
    held_before = here.lease.held()
    here.lease.hold(anchors, lifetime_s=3)
    here.service.ensure(addresses, anchors=anchors)
    held = here.lease.held()
    here.lease.release(anchors)

    assert held_before == {}
    assert held == {HOST4: 3, HOST6: 3}
    assert here.lease.held() == {}
    for address in addresses:
        assert "local" in here.host.run("ip", "route", "get", str(address))


def test_a_blackholed_service_address_is_leased_and_afterwards_permanent_again(here: Place) -> None:
    anchors = frozenset((HOST4, HOST6))
    addresses = [HOST4.network_address, HOST6.network_address]
    here.service.ensure(addresses)
    assert set(here.lease.held().values()) == {None}

    here.service.ensure(addresses, anchors=anchors)
    holding = here.lease.hold(anchors, lifetime_s=3)
    leased = here.lease.held()
    here.lease.release(anchors)
    here.service.ensure(addresses)

    assert not holding.hazards
    assert leased == {HOST4: 3, HOST6: 3}
    assert here.lease.held() == {HOST4: None, HOST6: None}
    assert "proto 97" not in here.host.run("ip", "route", "show", "table", "local")


def test_the_kernel_passes_the_self_test_and_nothing_is_left(here: Place) -> None:
    result = anyio.run(self_test, here.netlink)

    for one in (result.v4, result.v6):
        assert one.is_ok, one.reason
        assert one.seconds is not None
        assert 0.9 <= one.seconds <= 2.5
    assert "65.78.89" not in here.on_lo()


def test_the_self_test_tells_why_a_family_cannot_be_leased(here: Place) -> None:
    here.host.run("sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=1")

    result = anyio.run(self_test, here.netlink)

    assert result.v4.is_ok
    assert not result.v6.is_ok
    assert "IPv6 is disabled" in result.v6.reason


def test_a_watch_tells_at_once_who_came_and_went_and_is_silent_about_renewals(here: Place) -> None:
    watch = here.host.call(AddressWatch)
    try:
        here.lease.hold(BOTH, lifetime_s=30)
        here.lease.hold(BOTH, lifetime_s=30)
        here.host.run("ip", "address", "del", str(V4), "dev", "lo")

        async def three() -> list[AddressChange]:
            with anyio.fail_after(2):
                return [await anext(watch) for _ in range(3)]

        seen = anyio.run(three)
    finally:
        watch.close()

    assert [(one.prefix, one.is_added) for one in seen] == [(V4, True), (V6, True), (V4, False)]


def test_a_watch_that_missed_news_reads_lo_anew(here: Place) -> None:
    many = frozenset(prefixes(*(f"10.{number >> 8}.{number & 255}.0/24" for number in range(1500))))
    watch = here.host.call(AddressWatch)
    try:
        here.lease.hold(many, lifetime_s=60)
        here.lease.release(many - prefixes("10.0.7.0/24"))

        async def settle() -> set[object]:
            there: set[object] = set()
            with anyio.move_on_after(1):
                async for change in watch:
                    (there.add if change.is_added else there.discard)(change.prefix)
            return there

        there = anyio.run(settle)
    finally:
        watch.close()

    assert there == prefixes("10.0.7.0/24")


def test_a_listing_longer_than_one_datagram_and_a_batch_longer_than_one_are_whole(here: Place) -> None:
    many = prefixes(*(f"10.{number >> 8}.{number & 255}.0/24" for number in range(400)))

    here.lease.hold(many, lifetime_s=60)

    assert here.lease.held().keys() == many


def test_a_closed_socket_is_an_error_of_ours() -> None:
    netlink = Netlink()
    netlink.close()
    netlink.close()

    with pytest.raises(KernelError):
        netlink.notifications()
