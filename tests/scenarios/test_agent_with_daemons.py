"""The real agent over FRR and every daemon that follows no address of lo, in whatever an operator meets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from lone_site import LoneSite, case_named
from namespaces import needs_namespaces, needs_program, wait_until

HEALTH = """addresses: [198.51.100.53, "2001:db8:53::53"]
    checks: [{tcp: "127.0.0.1:8053"}]"""
HOST_TEXT = "198.51.100.77"
HOST = ip_network(HOST_TEXT)


@pytest.fixture(scope="module", params=["exabgp", "frr", "gobgp3", "openbgpd"])
def whole(request: pytest.FixtureRequest) -> Iterator[LoneSite]:
    needs_namespaces()
    case = case_named(request.param)
    needs_program("bird", *case.programs)
    case.needs()
    with LoneSite(case, health=HEALTH) as built:
        built.start_daemon()
        yield built


@pytest.fixture
def site(whole: LoneSite) -> LoneSite:
    """Everything runs, and all is announced."""
    if whole.service is None:
        start_service(whole)
    if whole.agent is None:
        whole.start_agent()
    whole.wait_announced(timeout=30)
    return whole


def start_service(site: LoneSite) -> None:
    site.service = site.host.start(sys.executable, "-m", "http.server", "8053", log="service.log")


def kill_service(site: LoneSite) -> None:
    assert site.service is not None
    site.host.stop(site.service)
    site.service = None


def sessions(site: LoneSite) -> dict[str, float]:
    """The upstream's established sessions, and the second of the day since which they are."""
    told = site.receiver.ask("show protocols")
    found = re.findall(r"(n\d+)\s+BGP\s.*?(\d+):(\d+):([\d.]+)\s+Established", told)
    return {name: int(h) * 3600 + int(m) * 60 + float(s) for name, h, m, s in found}


def test_the_service_dies_and_recovers(site: LoneSite) -> None:
    kill_service(site)
    gone = site.wait_empty(timeout=5)
    start_service(site)
    site.wait_announced(timeout=10)

    assert gone < 2


def test_a_drain_prepends_then_withdraws_and_is_undone(site: LoneSite) -> None:
    site.ask("drain", "dns", "--force", "--wait", "0", check=False)
    site.receiver.seconds_until(lambda held: not held, timeout=5)
    assert "DRAINED" in site.ask("status", check=False)

    site.ask("undrain", "dns", check=False)
    site.wait_announced(timeout=5)


def test_a_blackhole_comes_and_goes(site: LoneSite) -> None:
    site.ask("blackhole", "add", HOST_TEXT, "--for", "1 min")
    wait_until(lambda: HOST in site.receiver.prefixes(), timeout=5)
    assert "65535:666" in site.receiver.routes()[HOST].communities

    site.ask("blackhole", "del", HOST_TEXT)
    wait_until(lambda: HOST not in site.receiver.prefixes(), timeout=5)
    assert site.receiver.prefixes() == site.prefixes


def test_a_daemon_that_is_restarted_announces_again(site: LoneSite) -> None:
    if site.case.is_child:
        child = int(site.host.run("pgrep", "-P", str(site.agent_pid), "-f", "exabgp").split()[0])
        site.host.run("kill", "-9", str(child))
    else:
        site.case.stop(site.host)
    site.wait_empty(timeout=5)
    if not site.case.is_child:
        site.start_daemon()

    site.wait_announced(timeout=20)


def test_an_upgrade_in_place_loses_no_poll(site: LoneSite) -> None:
    wait_until(lambda: len(sessions(site)) == 2, timeout=15)
    up_since = sessions(site)
    before = site.log.count("agent started")

    site.ask("upgrade")
    lost = site.lost_polls(for_s=4)

    assert site.log.count("agent started") == before + 1
    assert lost == 0
    # BIRD's reckoning of the time wavers by a millisecond.
    assert sessions(site) == pytest.approx(up_since, abs=0.05)


def test_an_agent_killed_and_started_again_within_the_lease_loses_no_poll(site: LoneSite) -> None:
    if site.case.is_child:
        pytest.skip("ExaBGP ends with its agent")

    site.kill_agent()
    site.start_agent()

    assert site.lost_polls(for_s=6) == 0


def test_a_killed_agent_is_outlived_by_no_announcement(site: LoneSite) -> None:
    """After an upgrade: what ends the announcement has been handed over too."""
    site.kill_agent()

    assert site.wait_empty(timeout=6) < 4.5


def test_a_stopped_agent_withdraws_and_heals_when_it_goes_on(site: LoneSite) -> None:
    with site.agent_stopped():
        gone = site.wait_empty(timeout=7)
    site.wait_announced(timeout=20)

    assert gone < 5


def test_a_clean_stop_withdraws_and_says_so(site: LoneSite) -> None:
    assert site.stop_agent() == 0, site.log[-3000:]
    assert not site.receiver.prefixes()
