"""Faults of several sites: a common cause, deaths one by one, a drain under load; and of many prefixes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from namespaces import Host, wait_until
from scene import ANSWERS, BOTH, Scene
from table import fault

from anyplane.agent.fleet import merge

ORIGIN = """
      - {name: origin, tcp: "127.0.0.1:5999", scope: dependency, fall: 2}"""
FLEET = """\
  fleet: {file: FLEET}
  floor: 2
  budget: {sites: 9, per: 10 min}
  same_check: {share: 50 %, within: 3 s}"""
# What every transit that honours RFC 8326 does.
SHUTDOWN = "import filter { if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }; export none;"
SHUT = "show route where (65535, 0) ~ bgp_community count"
KERNEL = "protocol kernel { ipv4 { export all; }; merge paths off; scan time 1; }"


class Transport:
    """Carries the sites' reports to each other through the fleet file, every 200 ms."""

    def __init__(self, stage: Scene) -> None:
        self.stage = stage
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(5)

    def _carry(self) -> None:
        while not self._end.wait(0.2):
            words: list[str] = []
            for site in self.stage.sites.values():
                path = site.run_dir / f"{site.name}.report.json"
                try:
                    words.append(path.read_text())
                except (OSError, ValueError):
                    continue
            part = self.stage.fleet_file.with_suffix(".part")
            part.write_text(merge(words))
            part.replace(self.stage.fleet_file)


def _states(stage: Scene) -> dict[str, str]:
    return {name: site.status()["services"][0]["state"] for name, site in stage.sites.items()}


class _Listener:
    """The dependency: a TCP port in every site."""

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = hosts
        self.sockets: list[socket.socket] = []

    def open(self) -> None:
        for host in self.hosts:
            self.sockets.append(host.call(lambda: socket.create_server(("127.0.0.1", 5999))))

    def close(self) -> None:
        for one in self.sockets:
            one.close()
        self.sockets.clear()


@fault(
    "every site fails one dependency check -> withdrawals",
    median=0,
    worst=0,
    unit="withdrawals",
    others="all",
    in_ci=True,
)
def dependency_fails_everywhere(n: int) -> list[float]:
    """Four sites; within 10 s all are degraded or frozen, and none is gone in any poll."""
    figures = []
    with Scene(count=4, checks=ANSWERS + ORIGIN, safety=FLEET) as stage:
        dependency = _Listener([site.host for site in stage.sites.values()])
        dependency.open()
        with Transport(stage):
            stage.start()
            for _ in range(n):
                wait_until(lambda: set(_states(stage).values()) == {"up"}, timeout=40)
                dependency.close()
                gone = 0
                end = time.monotonic() + 10
                while time.monotonic() < end:
                    gone += sum(stage.gone(site) for site in stage.sites.values())
                    time.sleep(0.005)
                assert set(_states(stage).values()) <= {"degraded", "frozen"}, _states(stage)
                figures.append(float(gone))
                dependency.open()
        dependency.close()
    return figures


@fault(
    "sites die one by one -> sites left (floor 2 of 4)",
    median=2,
    worst=2,
    unit="withdrawals",
    others="0",
    in_ci=True,
)
def sites_die_one_by_one(n: int) -> list[float]:
    """The last two keep announcing and say HELD; the figure is how many sites withdrew."""
    figures = []
    for _ in range(min(n, 3)):
        with Scene(count=4, safety=FLEET) as stage, Transport(stage):
            stage.start()
            wait_until(lambda: set(_states(stage).values()) == {"up"}, timeout=20)
            time.sleep(2)
            for site in stage.sites.values():
                site.kill_server()
                time.sleep(5)
            states = _states(stage)
            gone = [name for name, site in stage.sites.items() if stage.gone(site)]
            assert sorted(states.values()) == ["down", "down", "held", "held"], states
            figures.append(float(len(gone)))
    return figures


@fault("drain of 100 prefixes under 500 queries/s -> lost", median=0, worst=0, unit="probes", in_ci=True)
def drain_of_100_prefixes(n: int) -> list[float]:
    """Two sites; one drains: GRACEFUL_SHUTDOWN is seen first, then the withdrawal; no probe is lost."""
    figures = []
    prefixes = ", ".join(f"198.51.{number}.0/24" for number in range(100))
    every = frozenset(ip_network(f"198.51.{number}.0/24") for number in range(100))
    safety = "  drain: {wait: 3 s}\n  fleet: {static: [fra, nyc]}"
    with Scene(
        prefixes=prefixes, safety=safety, count=2, upstream_channel=SHUTDOWN, upstream_extra=KERNEL
    ) as stage:
        for site in stage.sites.values():
            text = site.design.read_text().replace('198.51.100.53, "2001:db8:53::53"', "198.51.7.53")
            site.design.write_text(text)
        for site in stage.sites.values():
            site.start_daemon()
            site.start_server()
            site.start_agent()
        stage.wait_announced(every, timeout=40)
        wait_until(lambda: not any(stage.gone(site) for site in stage.sites.values()), timeout=20)
        for _ in range(n):
            with Prober(stage.upstream, "198.51.7.53") as prober:
                time.sleep(0.5)
                before = prober.sent
                order = threading.Thread(target=stage.fra.ask, args=("drain",))
                order.start()
                wait_until(lambda: stage.receiver.ask(SHUT).startswith("1007-100 of"), timeout=10)
                assert not stage.gone(stage.fra)
                wait_until(lambda: stage.gone(stage.fra), timeout=15)
                time.sleep(0.5)
                order.join(20)
                assert prober.sent > before + 500
            figures.append(float(prober.lost))
            stage.fra.ask("undrain")
            wait_until(lambda: not stage.gone(stage.fra), timeout=20)
            time.sleep(1)
    return figures


class Prober:
    """500 DNS queries a second from the upstream's namespace; `lost` counts those without an answer in 1 s.

    Its own stalls are not the network's: a query is sent by the clock, an answer counted when it arrives.
    """

    def __init__(self, host: Host, address: str, *, rate: int = 500) -> None:
        self.sent = 0
        self.lost = 0
        self._gap = 1 / rate
        self._address = (address, 53)
        self._socket = host.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.setblocking(False)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._open: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)
        self._socket.close()

    def _probe(self) -> None:
        question = b"\x02up\x07example\x00\x00\x01\x00\x01"
        following = time.monotonic()
        while not self._end.is_set():
            now = time.monotonic()
            if now >= following:
                number = self.sent % 65536
                self._open[number] = now
                with contextlib.suppress(OSError):
                    self._socket.sendto(
                        struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question, self._address
                    )
                self.sent += 1
                following += self._gap
            self._receive()
            time.sleep(min(0.001, max(0.0, following - time.monotonic())))
        end = time.monotonic() + 1
        while self._open and time.monotonic() < end:
            self._receive()
            time.sleep(0.001)
        self.lost += len(self._open)

    def _receive(self) -> None:
        while True:
            try:
                answer = self._socket.recv(512)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._open.pop(struct.unpack("!H", answer[:2])[0], None)


@fault("200 prefixes change at once -> first to last at the peer", median=50, worst=80, unit="ms", in_ci=True)
def two_hundred_prefixes(n: int) -> list[float]:
    """The service dies; the time from the first prefix that leaves the peer's table to the last."""
    figures = []
    every = frozenset(ip_network(f"10.53.{number}.0/24") for number in range(200))
    with Scene(prefixes=", ".join(map(str, sorted(every)))) as stage:
        text = stage.fra.design.read_text().replace('198.51.100.53, "2001:db8:53::53"', "10.53.0.53")
        stage.fra.design.write_text(text)
        stage.fra.start_daemon()
        stage.fra.start_server()
        stage.fra.start_agent()
        for _ in range(n):
            stage.wait_announced(every)
            time.sleep(0.5)
            stage.fra.kill_server()
            stage.receiver.seconds_until(lambda held: len(held) < 200)
            first = time.monotonic()
            stage.receiver.seconds_until(lambda held: not held)
            figures.append((time.monotonic() - first) * 1000)
            stage.fra.start_server()
    return figures


@fault(
    "the clock jumps by an hour, both ways -> withdrawals", median=0, worst=0, unit="withdrawals", in_ci=True
)
def clock_jumps(n: int) -> list[float]:
    """The wall clock of the agent's process (and of nothing else) jumps, while the peer is polled."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    figures = []
    with Scene() as stage:
        clock = stage.network.directory / "clock"
        clock.write_text("+0\n")
        stage.fra.env = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        stage.start()
        for number in range(n):
            part = clock.with_suffix(".part")
            part.write_text("+3600\n" if number % 2 == 0 else "-3600\n")
            part.replace(clock)
            figures.append(float(_polls_without(stage, 5)))
    return figures


@fault("agent upgraded in place -> withdrawals", median=0, worst=0, unit="withdrawals", in_ci=True)
def agent_upgraded(n: int) -> list[float]:
    """The agent runs itself anew under the same process id, while the peer is polled."""
    figures = []
    with Scene().start() as stage:
        pid = stage.fra.agent_pid
        for _ in range(n):
            os.kill(pid, signal.SIGUSR2)
            figures.append(float(_polls_without(stage, 5)))
            assert stage.fra.agent_pid == pid
            assert stage.fra.agent is not None
            assert stage.fra.agent.poll() is None
            assert stage.fra.status()["services"][0]["state"] == "up"
    return figures


@fault(
    "agent crashes and is started again at once -> withdrawals",
    median=0,
    worst=0,
    unit="withdrawals",
    in_ci=True,
)
def agent_restarted(n: int) -> list[float]:
    """SIGKILL and a new process within the lease, as systemd does: what is still leased is adopted."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            stage.fra.kill_agent()
            stage.fra.start_agent()
            figures.append(float(_polls_without(stage, 6)))
    return figures


def _polls_without(stage: Scene, seconds: float) -> int:
    end = time.monotonic() + seconds
    missed = 0
    while time.monotonic() < end:
        missed += not stage.receiver.prefixes() >= BOTH
        time.sleep(0.001)
    return missed


@fault(
    "full table of 800,000 routes: service dies -> peer empty",
    median=1.7,
    worst=2.2,
    others="13 to 89 ms more",
)
def full_table(n: int) -> list[float]:
    """The site's BIRD holds a full table beside its own two routes."""
    figures = []
    with Scene() as stage:
        table = stage.fra.host.directory / "full-table.conf"
        with table.open("w") as file:
            file.write("ipv4 table full; protocol static full_table { ipv4 { import all; };\n")
            for number in range(800_000):
                high, low = divmod(number, 256)
                file.write(f"route {20 + high // 256}.{high % 256}.{low}.0/24 blackhole;\n")
            file.write("}\n")
        stage.fra.start_daemon()
        stage.fra.case.include(stage.fra.host, table)  # type: ignore[attr-defined]
        stage.fra.start_server()
        stage.fra.start_agent()
        for _ in range(n):
            stage.wait_announced(timeout=120)
            if stage.fra.server is None:
                stage.fra.start_server()
            time.sleep(0.3 + (time.monotonic() * 7) % 1)
            figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
            stage.fra.start_server()
    return figures
