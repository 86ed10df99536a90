"""Backends with everything real: the agent, BIRD, four DNS servers, 2,000 flows a family that ask them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from backend_site import FLOWS, SERVICE, SETTINGS, BackendSite, address, moved
from namespaces import needs_namespaces, needs_program, wait_until

FAMILIES = (4, 6)


@pytest.fixture(scope="module")
def whole() -> Iterator[BackendSite]:
    needs_namespaces()
    needs_program("bird", "unbound", "kdig")
    with BackendSite() as built:
        yield built


@pytest.fixture
def site(whole: BackendSite) -> BackendSite:
    whole.router.host.run("sysctl", "-qw", *SETTINGS)
    whole.make_whole()
    return whole


def test_a_backend_dies_and_returns_and_no_flow_of_the_others_notices(site: BackendSite) -> None:
    before = {family: site.flows(family) for family in FAMILIES}
    assert all(len(one) == FLOWS and set(one.values()) == {"b0", "b1", "b2", "b3"} for one in before.values())

    site.kill_server(1)
    site.wait_live(3)
    service = site.router.status()["services"][0]
    without = {family: site.flows(family) for family in FAMILIES}
    site.start_server(1)
    site.wait_live(4)
    again = {family: site.flows(family) for family in FAMILIES}

    for family in FAMILIES:
        assert moved(before[family], without[family], but="b1") == 0
        assert len(without[family]) == FLOWS
        assert moved(without[family], again[family]) == 0
    assert service["dead_backends"] == ["b1v4", "b1v6"]
    assert service["need_backends"] == 2


def test_too_few_backends_withdraw_the_site(site: BackendSite) -> None:
    for number in (0, 1):
        site.kill_server(number)
    site.wait_live(2)
    assert len(site.router.receiver.prefixes()) == 2
    site.kill_server(2)
    site.router.wait_empty(timeout=5)

    site.start_server(0)
    site.router.wait_announced(timeout=10)


def test_the_groups_outlive_the_agent_and_a_restart_moves_no_flow(site: BackendSite) -> None:
    before = {family: site.flows(family) for family in FAMILIES}

    site.router.kill_agent()
    site.router.wait_empty(timeout=6)
    orphaned = {family: site.flows(family) for family in FAMILIES}
    site.router.start_agent()
    site.router.wait_announced()
    site.wait_live(4)
    after = {family: site.flows(family) for family in FAMILIES}

    for family in FAMILIES:
        assert moved(before[family], orphaned[family]) == 0
        assert moved(before[family], after[family]) == 0


def test_plain_multipath_moves_flows_of_the_same_servers(site: BackendSite) -> None:
    def balance(*numbers: int) -> None:
        for family in FAMILIES:
            ways = [word for one in numbers for word in ("nexthop", "via", address(one, family))]
            # Metric 1 goes before the agent's route, which stays.
            prefix = f"{SERVICE[family]}/{32 if family == 4 else 128}"
            words = ("route", "replace", prefix, "table", "local", "metric", "1", *ways)
            site.router.host.run("ip", f"-{family}", *words)

    balance(0, 1, 2, 3)
    before = {family: site.flows(family) for family in FAMILIES}
    balance(0, 2, 3)
    without = {family: site.flows(family) for family in FAMILIES}
    for family in FAMILIES:
        site.router.host.run(
            "ip", f"-{family}", "route", "flush", "table", "local", "metric", "1", SERVICE[family]
        )

    for family in FAMILIES:
        others = sum(server != "b1" for server in before[family].values())
        share = moved(before[family], without[family], but="b1") / others
        print(f"plain multipath, IPv{family}: {share:.1%} of the flows of healthy backends moved")
        assert share > 0.05


@pytest.mark.parametrize("setting", SETTINGS[1:3])
def test_a_setting_that_keeps_the_backends_from_serving_is_an_alarm(site: BackendSite, setting: str) -> None:
    name = setting.partition("=")[0]
    site.router.host.run("sysctl", "-qw", f"{name}=0")

    wait_until(lambda: f"{name} is 0" in site.alarm(), timeout=10, every=0.2)

    assert f"{name} is 0; set it to 1 in sysctl.d" in " ".join(site.router.ask("status", check=False).split())
    site.router.host.run("sysctl", "-qw", setting)
    wait_until(lambda: not site.alarm(), timeout=10, every=0.2)
