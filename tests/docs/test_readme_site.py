"""The README's site is run: examples/one-vm.yaml as it stands, with a real router, resolver and upstream."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import pytest
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/one-vm.yaml"
PREFIXES = {ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")}
UNBOUND = """\
server:
  directory: "{directory}"
  pidfile: ""
  username: ""
  chroot: ""
  do-daemonize: no
  use-syslog: no
  interface: 0.0.0.0
  interface: ::0
  interface-automatic: yes
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  local-zone: "example." static
  local-data: "{name} A 192.0.2.7"
remote-control:
  control-enable: no
"""


class Site(NamedTuple):
    """The machine, its provider's router, and its resolver."""

    here: Host
    receiver: Receiver
    unbound: subprocess.Popen[bytes]


def anyplane(host: Host, *words: str) -> str:
    return host.run(sys.executable, "-m", "anyplane", *words, timeout=60)


def resolver(host: Host, name: str) -> subprocess.Popen[bytes]:
    conf = host.directory / "unbound.conf"
    conf.write_text(UNBOUND.format(directory=host.directory, name=name))
    return host.start("unbound", "-d", "-c", str(conf), env={"PATH": os.environ["PATH"] + ":/usr/sbin"})


@pytest.fixture
def site() -> Iterator[Site]:
    """The machine, its provider, the agent running; of the design only paths and an interval are other."""
    needs_namespaces()
    needs_program("bird", "unbound")
    with Network() as network:
        here, provider = network.host("ams"), network.host("provider")
        ours, theirs = ["192.0.2.1/31", "2001:db8:ff::1/127"], ["192.0.2.0/31", "2001:db8:ff::/127"]
        network.link(here, ours, provider, theirs)
        provider.run("ip", "address", "add", "192.0.2.53/32", "dev", "lo")
        here.run("ip", "route", "add", "192.0.2.53/32", "via", "192.0.2.0")
        unbound = resolver(here, "www.example.net")
        resolver(provider, "example.com")
        run_dir, control = here.directory / "run", here.directory / "bird.ctl"
        run_dir.mkdir()
        design = here.directory / "one-vm.yaml"
        paths = f'control: "{control}", include: "{run_dir}/bird.conf", '
        text = EXAMPLE.read_text().replace("{kind: bird, ", "{kind: bird, " + paths)
        # Its slowest check, which passes at the third turn, would hold the test up for ten seconds.
        design.write_text(text.replace("interval: 5 s", "interval: 500 ms"))
        conf = here.directory / "bird.conf"
        anyplane(here, "render", str(design), "--site", "ams", "-o", str(conf))
        here.start("bird", "-f", "-c", str(conf), "-s", str(control))
        sessions = [
            Neighbor(mine.partition("/")[0], yours.partition("/")[0], extra="bfd on; ttl security on;")
            for mine, yours in zip(theirs, ours, strict=True)
        ]
        receiver = Receiver(provider, 174, sessions, extra="protocol bfd { }")
        options = ("--run-dir", str(run_dir), "--state-dir", str(here.directory / "state"), "--metrics", "")
        agent = (sys.executable, "-m", "anyplane", "agent", str(design), "--site", "ams")
        here.start(*agent, *options, log="agent.log")
        yield Site(here, receiver, unbound)


def plain(line: str) -> str:
    """A line of a status without what differs from run to run: times, counts, places, their widths."""
    line = re.sub(r"[0-9.]+ (ms|s|min)\b", "TIME", line)
    line = re.sub(r"\b(\d+ ok|pid \d+)", "COUNT", line)
    line = re.sub(r"process \d+", "process PID", line)
    line = re.sub(r"\S*/one-vm\.yaml", "DESIGN", line)
    return re.sub(r"─+", "─", re.sub(r" +", " ", line)).strip()


def test_the_readme_shows_what_the_status_of_its_site_really_is(site: Site) -> None:
    here, receiver, _ = site
    shown = re.search(
        r"```console\n\$ anyplane site status\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert shown is not None

    wait_until(lambda: receiver.prefixes() >= PREFIXES, timeout=30)
    status = ("site", "status", "--run-dir", str(here.directory / "run"))
    wait_until(lambda: "unknown" not in anyplane(here, *status), timeout=20)
    printed = anyplane(here, *status)

    assert [plain(line) for line in shown[1].splitlines()] == [
        plain(line) for line in printed.splitlines()
    ], printed


def test_its_example_withdraws_when_the_resolver_dies(site: Site) -> None:
    here, receiver, unbound = site
    wait_until(lambda: receiver.prefixes() >= PREFIXES, timeout=30)

    here.stop(unbound)

    assert receiver.seconds_until(lambda held: not held, timeout=5) < 4
