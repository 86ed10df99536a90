"""One agent, one real BIRD, one real service and an upstream: up, down, killed, upgraded, told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Self

import pytest
from namespaces import Host, Network, needs_namespaces, needs_program, wait_until
from receiver import Neighbor, Receiver

ANYPLANE = str(Path(sys.executable).parent / "anyplane")
PREFIX = ip_network("198.51.100.0/24")
DESIGN = """\
version: 1
service: {{name: one, origin: 64500, prefixes: {{dns: [198.51.100.0/24]}}}}
health:
  dns:
    addresses: [198.51.100.53]
    interval: 200 ms
    timeout: 100 ms
    rise: 2
    checks: [{{tcp: "service:8053"}}]
safety: {{lease: 3 s, quarantine: {{first: 1 s, longest: 10 s}}}}
sites:
  fra:
    metro: FRA
    daemon: {{kind: bird, router_id: 192.0.2.1, control: {run}/bird.ctl, include: {run}/bird-routes.conf}}
    upstreams:
      - {{asn: 64510, session: {{neighbor: 192.0.2.0, local: 192.0.2.1}}}}
"""


@dataclass
class Stage:
    """A site whose agent and service are started and ended by the tests."""

    site: Host
    receiver: Receiver
    design: Path
    service: subprocess.Popen[bytes] | None = None
    agent: subprocess.Popen[bytes] | None = None

    @property
    def run_dir(self) -> Path:
        return self.site.directory

    def start_service(self) -> None:
        self.service = self.site.start(sys.executable, "-m", "http.server", "8053", log="service.log")

    def end_service(self) -> None:
        assert self.service is not None
        self.site.stop(self.service)

    def start_agent(self) -> None:
        self.agent = self.site.start(
            ANYPLANE, "agent", str(self.design), "--site", "fra", "--run-dir", str(self.run_dir),
            "--state-dir", str(self.run_dir), "--metrics", "", log="agent.log",
        )  # fmt: skip

    def order(self, *words: str) -> str:
        done = subprocess.run(
            [ANYPLANE, "site", *words, "--run-dir", str(self.run_dir)],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.stdout

    def log(self) -> str:
        return (self.run_dir / "agent.log").read_text()

    def is_announced(self) -> bool:
        return PREFIX in self.receiver.prefixes()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    needs_namespaces()
    needs_program("bird")
    with Network() as network:
        site, upstream = network.host("site"), network.host("upstream")
        network.link(site, "192.0.2.1/31", upstream, "192.0.2.0/31")
        design = site.directory / "design.yaml"
        design.write_text(DESIGN.format(run=site.directory))
        config = site.directory / "bird.conf"
        rendered = subprocess.run(
            [ANYPLANE, "render", str(design), "--site", "fra", "-o", str(config)],
            capture_output=True,
            text=True,
        )
        assert rendered.returncode == 0, rendered.stderr
        include = site.directory / "bird-routes.conf"
        if not include.exists():
            include.touch()
        receiver = Receiver(upstream, 64510, [Neighbor(local="192.0.2.0", remote="192.0.2.1")])
        site.start("bird", "-f", "-c", str(config), "-s", str(site.directory / "bird.ctl"), log="bird.log")
        wait_until(lambda: receiver.has_sessions(1), timeout=15)
        yield Stage(site=site, receiver=receiver, design=design)
        receiver.close()


@pytest.fixture
def running(stage: Stage) -> Iterator[Stage]:
    """The service and the agent run, and the prefix is announced."""
    stage.start_service()
    stage.start_agent()
    try:
        wait_until(stage.is_announced)
        yield stage
    except AssertionError:
        print(stage.log())
        raise
    finally:
        assert stage.agent is not None
        if stage.agent.poll() is None:
            os.kill(stage.agent.pid, signal.SIGTERM)
            stage.agent.wait(6)
        stage.end_service()
        wait_until(lambda: not stage.is_announced(), timeout=12)


class Watch:
    """Counts how often the upstream was seen without the prefix, polled every few milliseconds."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.polls = self.missing = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.005):
            self.polls += 1
            self.missing += not self._stage.is_announced()


def agent_pid(stage: Stage) -> int:
    assert stage.agent is not None
    return stage.agent.pid


def test_a_dead_service_leaves_the_upstreams_table_and_a_living_one_comes_back(running: Stage) -> None:
    running.end_service()
    gone_s = running.receiver.seconds_until(lambda held: PREFIX not in held, timeout=5)
    running.start_service()
    wait_until(running.is_announced, timeout=15)

    assert gone_s < 2.5
    assert "withdrawal seen at the daemon" in running.log()


def test_an_upgrade_in_place_withdraws_nothing(running: Stage) -> None:
    with Watch(running) as watch:
        running.order("upgrade")
        time.sleep(2.5)

    assert watch.missing == 0
    assert watch.polls > 100
    assert "event=adopted" in running.log()


def test_a_killed_agent_withdraws_by_the_lease(running: Stage) -> None:
    os.kill(agent_pid(running), signal.SIGKILL)

    assert running.receiver.seconds_until(lambda held: PREFIX not in held, timeout=5) < 3.8


def test_an_agent_started_again_within_the_lease_withdraws_nothing(running: Stage) -> None:
    with Watch(running) as watch:
        os.kill(agent_pid(running), signal.SIGKILL)
        running.start_agent()
        time.sleep(3.8)

    assert watch.missing == 0
    assert "event=adopted" in running.log()


def test_an_anchor_that_somebody_deletes_is_put_back_at_once(running: Stage) -> None:
    running.site.run("ip", "address", "del", "198.51.100.0/24", "dev", "lo")

    wait_until(lambda: "198.51.100.0/24" in running.site.run("ip", "address", "show", "dev", "lo"), timeout=1)


def test_an_agent_that_slept_through_the_death_of_its_service_never_announces_it_again(
    running: Stage,
) -> None:
    os.kill(agent_pid(running), signal.SIGSTOP)
    running.end_service()
    wait_until(lambda: not running.is_announced(), timeout=5)
    os.kill(agent_pid(running), signal.SIGCONT)
    with Watch(running) as watch:
        time.sleep(1.5)
    running.start_service()
    wait_until(running.is_announced)

    assert watch.polls > 50
    assert watch.missing == watch.polls


def test_told_to_stop_it_withdraws_verifies_and_ends_with_0(running: Stage) -> None:
    assert running.agent is not None
    os.kill(agent_pid(running), signal.SIGTERM)

    assert running.agent.wait(5) == 0
    assert not running.is_announced()
    assert "verified=true" in running.log()


def test_the_panic_path_withdraws_without_an_agent(running: Stage) -> None:
    os.kill(agent_pid(running), signal.SIGKILL)
    before = time.monotonic()
    running.site.run(
        ANYPLANE, "agent", str(running.design), "--site", "fra", "--run-dir", str(running.run_dir),
        "--state-dir", str(running.run_dir), "--panic-withdraw",
    )  # fmt: skip

    assert not running.is_announced()
    assert time.monotonic() - before < 2.5
