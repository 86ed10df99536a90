"""Faults of several sites: a common cause, deaths one by one, a drain under load."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from ipaddress import ip_network
from typing import Self

from namespaces import Host, wait_until
from scene import ANSWERS, Scene
from table import Group, fault

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
    return {name: site.state for name, site in stage.sites.items()}


class Dependency:
    """What ORIGIN checks: a TCP port in every site."""

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
    "every site of 4 fails one dependency check -> lost",
    group=Group.FLEET,
    median=0,
    worst=0,
    unit="withdrawals",
    others="all withdraw",
    in_ci=("bird2",),
)
def dependency_fails_everywhere(daemon: str, n: int) -> list[float]:
    """Within 10 s all are degraded or frozen; and the peer was sent no withdrawal, by its own counters."""
    figures = []
    with Scene(daemon, count=4, checks=ANSWERS + ORIGIN, safety=FLEET) as stage:
        dependency = Dependency([site.host for site in stage.sites.values()])
        dependency.open()
        with Transport(stage):
            stage.start()
            for _ in range(n):
                wait_until(lambda: set(_states(stage).values()) == {"up"}, timeout=40)
                before, sessions = stage.withdrawals(), stage.sessions()
                dependency.close()
                time.sleep(10)
                assert set(_states(stage).values()) <= {"degraded", "frozen"}, _states(stage)
                assert len(sessions) == 8
                assert not stage.sessions_lost(sessions)
                figures.append(float(stage.withdrawals() - before))
                assert not any(stage.gone(site) for site in stage.sites.values())
                dependency.open()
        dependency.close()
    return figures


@fault(
    "4 sites die one by one, floor 2 -> withdrawn",
    group=Group.FLEET,
    median=2,
    worst=2,
    unit="withdrawals",
    others="all withdraw",
    in_ci=("bird2",),
)
def sites_die_one_by_one(daemon: str, n: int) -> list[float]:
    """The last two keep announcing and say HELD; the figure is how many sites withdrew."""
    figures = []
    for _ in range(n):
        with Scene(daemon, count=4, safety=FLEET) as stage, Transport(stage):
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


@fault(
    "drain of 100 prefixes under 500 queries/s -> lost",
    group=Group.FLEET,
    median=0,
    worst=0,
    unit="probes",
    in_ci=("bird2",),
)
def drain_of_100_prefixes(daemon: str, n: int) -> list[float]:
    """Two sites; one drains: GRACEFUL_SHUTDOWN is seen first, then the withdrawal; no probe is lost."""
    figures = []
    every = frozenset(ip_network(f"198.51.{number}.0/24") for number in range(100))
    with Scene(
        daemon,
        count=2,
        prefixes=", ".join(map(str, sorted(every))),
        addresses="198.51.7.53",
        safety="  drain: {wait: 3 s}\n  fleet: {static: [fra, nyc]}",
        upstream_channel=SHUTDOWN,
        upstream_extra=KERNEL,
    ) as stage:
        stage.start(prefixes=every)
        wait_until(lambda: not any(stage.gone(site) for site in stage.sites.values()), timeout=20)
        for _ in range(n):
            with Prober(stage.upstream, "198.51.7.53") as prober:
                time.sleep(0.5)
                before = prober.sent
                stage.fra.ask("drain")
                wait_until(lambda: stage.receiver.ask(SHUT).startswith("1007-100 of"), timeout=10)
                assert not stage.gone(stage.fra)
                wait_until(lambda: stage.gone(stage.fra), timeout=15)
                time.sleep(0.5)
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
