"""The announced prefix is the service address itself (a /32, a /128), and the check asks that address."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from lone_site import LoneSite, case_named
from namespaces import needs_namespaces, needs_program, wait_until

HOSTS = frozenset((ip_network("198.51.100.53/32"), ip_network("2001:db8:53::53/128")))
HEALTH = """addresses: [198.51.100.53, "2001:db8:53::53"]
    checks: [{tcp: "service:8053"}]"""
SERVER = """
import selectors, socket
picked = selectors.DefaultSelector()
for address in ("198.51.100.53", "2001:db8:53::53"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, 8053), family=family)
    picked.register(server, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in picked.select():
        key.fileobj.accept()[0].close()
"""


@pytest.fixture(scope="module", params=["bird2", "frr"])
def site(request: pytest.FixtureRequest) -> Iterator[LoneSite]:
    needs_namespaces()
    case = case_named(request.param)
    needs_program("bird", *case.programs)
    with LoneSite(case, health=HEALTH, prefixes=HOSTS) as built:
        built.start_daemon()
        built.start_agent()
        yield built


def start_server(site: LoneSite) -> None:
    """It binds to both addresses by name, and so cannot start where they are not there."""
    log = site.host.directory / "server.log"

    def listens() -> bool:
        log.write_text("")
        site.service = site.host.start(sys.executable, "-c", SERVER, log=log.name)
        wait_until(lambda: "listening" in log.read_text() or "Error" in log.read_text())
        return "listening" in log.read_text()

    # Its supervisor starts it again, as systemd does.
    wait_until(listens, timeout=10)


def test_it_is_announced_withdrawn_and_announced_again(site: LoneSite) -> None:
    start_server(site)
    site.wait_announced()

    for _ in range(2):
        assert site.service is not None
        site.host.stop(site.service)
        assert site.wait_empty(timeout=5) < 3
        start_server(site)
        site.wait_announced(timeout=5)


def test_a_dead_agent_is_outlived_by_the_lease_alone(site: LoneSite) -> None:
    if site.service is None:
        start_server(site)
    site.wait_announced()

    site.kill_agent()
    gone = site.wait_empty(timeout=6)
    site.start_agent()
    site.wait_announced(timeout=10)

    assert gone < 4.5


def test_an_upgrade_in_place_loses_no_poll(site: LoneSite) -> None:
    if site.service is None:
        start_server(site)
    site.wait_announced()

    site.ask("upgrade")
    assert site.lost_polls(for_s=4) == 0
