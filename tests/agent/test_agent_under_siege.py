"""The agent in a hostile place: a log that nobody reads, clients by the hundred, FIFOs for files."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import wait_until

ANYPLANE = str(Path(sys.executable).parent / "anyplane")
DESIGN = """\
version: 1
service: {{name: one, origin: 64500, prefixes: {{dns: [198.51.100.0/24]}}}}
health:
  dns: {{interval: 100 ms, timeout: 50 ms, rise: 2, checks: [{{tcp: "127.0.0.1:{port}"}}]}}
safety: {{fleet: {{file: {fleet}}}}}
sites:
  nyc: {{metro: NYC, upstreams: [{{asn: 64510}}]}}
  fra:
    metro: FRA
    daemon: {{kind: memory, router_id: 192.0.2.1}}
    upstreams:
      - {{asn: 64510, session: {{neighbor: 192.0.2.0, local: 192.0.2.1}}}}
"""


class Site:
    """One agent on the daemon that announces to nobody, and the server that it checks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = socket.create_server(("127.0.0.1", 0), backlog=512)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.metrics: int = free.getsockname()[1]
        self.design = directory / "design.yaml"
        port = self.server.getsockname()[1]
        self.design.write_text(DESIGN.format(port=port, fleet=directory / "fleet.json"))
        self.agent: subprocess.Popen[bytes] | None = None

    def start(self, **keywords: object) -> None:
        self.agent = subprocess.Popen(
            [
                ANYPLANE, "agent", str(self.design), "--site", "fra", "--run-dir", str(self.directory),
                "--state-dir", str(self.directory), "--metrics", f"127.0.0.1:{self.metrics}",
            ],
            **{"stderr": subprocess.DEVNULL, **keywords},
        )  # type: ignore[call-overload]  # fmt: skip
        wait_until(lambda: self.state() in ("up", "frozen"), timeout=15)

    def ask(self, what: str) -> dict[str, object]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self.directory / "fra.sock"))
            client.sendall(json.dumps({"v": 1, "do": what}).encode() + b"\n")
            answer: dict[str, object] = json.loads(client.makefile().readline())
            return answer

    def state(self) -> str:
        with contextlib.suppress(OSError, ValueError, KeyError):
            states = json.loads((self.directory / "fra.report.json").read_text())["sites"]["fra"]["services"]
            return str(states["dns/v4"])
        return ""

    def stays_up(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.state() != "up" or self.agent is None or self.agent.poll() is not None:
                return False
            time.sleep(0.02)
        return True

    def spoke_at(self) -> float:
        at: float = json.loads((self.directory / "fra.report.json").read_text())["sites"]["fra"]["at"]
        return at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    if one.agent is not None and one.agent.poll() is None:
        one.agent.send_signal(signal.SIGTERM)
        try:
            one.agent.wait(8)
        except subprocess.TimeoutExpired:
            one.agent.kill()
            one.agent.wait()
    one.server.close()


def test_a_log_that_nobody_reads_stops_neither_the_loop_nor_the_end(site: Site) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    site.start(stderr=writer)
    is_up = site.stays_up(1.0)
    assert site.agent is not None
    site.agent.send_signal(signal.SIGTERM)
    code = site.agent.wait(8)
    os.close(writer)
    os.close(reader)

    assert is_up
    assert code == 0


def test_clients_by_the_hundred_that_say_nothing_take_no_descriptor_from_the_checks(site: Site) -> None:
    site.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160)))
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection(("127.0.0.1", site.metrics), timeout=0.5))
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(0.2)
            with contextlib.suppress(OSError):
                client.connect(str(site.directory / "fra.sock"))
        is_up = site.stays_up(2.0)

    assert is_up
    wait_until(lambda: site.ask("status")["ok"] is True, timeout=10)


def test_it_takes_as_many_descriptors_as_it_may(site: Site) -> None:
    site.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096)))
    assert site.agent is not None
    soft, _ = resource.prlimit(site.agent.pid, resource.RLIMIT_NOFILE)

    assert soft == 4096


def test_fifos_in_place_of_the_fleet_file_and_the_design_hold_up_nothing(site: Site) -> None:
    os.mkfifo(site.directory / "fleet.json")
    site.start()
    site.design.unlink()
    os.mkfifo(site.design)
    assert site.agent is not None
    site.agent.send_signal(signal.SIGHUP)
    time.sleep(2.2)

    assert site.stays_up(0.5)
    assert time.time() - site.spoke_at() < 2.0
    site.agent.send_signal(signal.SIGTERM)
    assert site.agent.wait(8) == 0


def test_two_broken_copies_of_the_orders_freeze_the_site_until_somebody_thaws_it(site: Site) -> None:
    for name in ("fra.orders.json", "fra.orders.copy.json"):
        (site.directory / name).write_text("{")
    site.start()
    assert site.state() == "frozen"
    site.ask("thaw")

    wait_until(lambda: site.state() == "up", timeout=5)
    assert json.loads((site.directory / "fra.orders.copy.json").read_text())["is_frozen"] is False
