"""Faults of the service: it dies, it flaps, it has many prefixes, it stands beside a full table."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from functools import cache
from ipaddress import ip_network

from namespaces import Host, wait_until
from scene import ANSWERS, Scene
from sites import Sim, check, plan
from table import EVERY, Group, fault

from anyplane.control.states import State

PROCESS = "      - {name: server, fall: 1, process: {pidfile: PIDFILE}}"
ONCE = ANSWERS.replace("- {", "- {rise: 1, fall: 1, ")
FLAPPING_S = 60
MANY = frozenset(ip_network(f"10.53.{number}.0/24") for number in range(200))
ROUTES = 800_000
FULL = """
      - asn: 64520
        session: [{neighbor: 192.0.2.201, local: 192.0.2.200, imports: all}]"""


@cache
def _deaths(daemon: str, n: int) -> tuple[list[float], list[float]]:
    """Seconds from SIGKILL to the empty table, and milliseconds from the journal's decision to it."""
    dead, decided = [], []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            since, wall = stage.fra.kill_server(), time.time()
            dead.append(stage.seconds_to_empty(since))
            emptied = time.time()
            decided.append((emptied - _decision(stage, wall)) * 1000)
    return dead, decided


def _decision(stage: Scene, since: float) -> float:
    """When (unix seconds) the agent decided to withdraw, by its journal, which is written a moment later."""
    found: list[float] = []

    def is_written() -> bool:
        found[:] = [
            one.at
            for one in stage.fra.facts()
            if one.kind == "decision" and one.after.startswith("down") and one.at > since
        ]
        return bool(found)

    wait_until(is_written)
    return max(found)


@fault(
    "service dies -> peer empty",
    group=Group.SERVICE,
    median=1.7,
    worst=2.2,
    daemons=EVERY,
    limits={"frr": (1.75, 2.3)},
    others="1.14 s; 0.69 s without fall",
    in_ci=("bird2", "openbgpd"),
)
def service_dies(daemon: str, n: int) -> list[float]:
    """SIGKILL to the DNS server, which a DNS query every second notices."""
    return _deaths(daemon, n)[0]


@fault(
    "decision -> peer empty",
    group=Group.SERVICE,
    median=5,
    worst=20,
    unit="ms",
    daemons=EVERY,
    limits={"frr": (60, 80), "openbgpd": (60, 120)},
)
def decision(daemon: str, n: int) -> list[float]:
    """Of the same deaths: from the decision, as the journal has it, to the peer's table."""
    return _deaths(daemon, n)[1]


@fault(
    "service dies, watched by pidfd -> peer empty",
    group=Group.SERVICE,
    median=15,
    worst=50,
    unit="ms",
    daemons=EVERY,
    limits={
        "frr": (75, 120),
        # A look at the daemon's table that is under way is given 50 ms before it is broken off.
        "exabgp": (30, 80),
        "gobgp3": (60, 100),
        "gobgp4": (60, 100),
        "openbgpd": (120, 200),
    },
    in_ci=("bird2",),
)
def process_dies(daemon: str, n: int) -> list[float]:
    """SIGKILL to the DNS server, whose process is watched."""
    figures = []
    with Scene(daemon, checks=PROCESS).start() as stage:
        for _ in range(n):
            stage.again()
            figures.append(stage.seconds_to_empty(stage.fra.kill_server()) * 1000)
    return figures


@fault(
    "service flaps at 0.5 Hz for 10 min (virtual time) -> per prefix",
    group=Group.SERVICE,
    median=12,
    worst=12,
    unit="updates",
    others="about one a check",
    in_ci=("bird2",),
)
def flapping_in_virtual_time(_: str, n: int) -> list[float]:
    """rise 1, fall 1, one check a second; it was well for a minute, and it ends in quarantine."""
    figures = []
    for _turn in range(n):
        late = random.random()
        sim = Sim(
            plan("fra", check("answers", rise=1, fall=1)),
            answers={"dns/answers": lambda now, late=late: now < 60 or int(now + late) % 2 == 0},
            phase=random.random(),
        )
        sim.run(660)
        assert State.QUARANTINE in {one.after for one in sim.decisions[-3:]}
        figures.append(float(len([when for when, _ in sim.updates if when >= 60])))
    return figures


@fault(
    "service flaps at 0.5 Hz for 60 s -> per prefix",
    group=Group.SERVICE,
    median=8,
    worst=8,
    unit="updates",
    others="about one a check",
)
def flapping(daemon: str, n: int) -> list[float]:
    """The DNS server stops and goes on every second; the updates that the peer counts. At most 3 turns."""
    figures = []
    for _ in range(min(n, 3)):
        with Scene(daemon, checks=ONCE, quarantine="{first: 10 s, longest: 10 min}").start() as stage:
            stage.again()
            before = stage.updates()
            assert stage.fra.server is not None
            end = time.monotonic() + FLAPPING_S
            while time.monotonic() < end:
                for word in (signal.SIGSTOP, signal.SIGCONT):
                    os.killpg(stage.fra.server.pid, word)
                    time.sleep(1)
            figures.append((stage.updates() - before) / 2)
            assert "quarantine" in stage.fra.log
    return figures


@cache
def _many(daemon: str, n: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the first prefix that leaves the peer's table to the last; reloads of the daemon."""
    figures, reloads = [], []
    with Scene(
        daemon,
        prefixes=", ".join(map(str, sorted(MANY))),
        addresses="10.53.0.53",
        daemon_extra='log "LOG" all;',
    ) as stage:
        log = stage.fra.host.directory / "bird.log"
        stage.fra.daemon_extra = f'log "{log}" all;'
        stage.start(prefixes=MANY)
        for _ in range(n):
            stage.wait_announced(MANY)
            time.sleep(0.5 + random.uniform(0, 1))
            before = _reloads(log.read_text())
            stage.fra.kill_server()
            first = stage.watch(lambda held: len(held) < len(MANY))
            figures.append((stage.watch(lambda held: not held) - first) * 1000)
            time.sleep(1)
            reloads.append(float(_reloads(log.read_text()) - before))
            stage.fra.start_server()
    return figures, reloads


def _reloads(log: str) -> int:
    return len(re.findall(r"Reconfiguring", log))


@fault(
    "200 prefixes withdrawn at once -> first to last",
    group=Group.SERVICE,
    median=50,
    worst=80,
    unit="ms",
    daemons=("bird2", "bird3"),
    in_ci=("bird2",),
)
def two_hundred_prefixes(daemon: str, n: int) -> list[float]:
    """The service dies; from the first prefix that leaves the peer's table to the last."""
    return _many(daemon, n)[0]


@fault(
    "... -> the router's configuration is read",
    group=Group.SERVICE,
    median=1,
    worst=1,
    unit="reloads",
    daemons=("bird2", "bird3"),
)
def reloads_of_200_prefixes(daemon: str, n: int) -> list[float]:
    """Of the same deaths: how often BIRD's log says that it reads its configuration, within a second."""
    return _many(daemon, n)[1]


@fault(
    "full table of 800,000 routes: service dies -> peer empty",
    group=Group.SERVICE,
    median=1.7,
    worst=2.2,
    daemons=("bird2", "bird3"),
    others="13 to 89 ms more",
)
def full_table(daemon: str, n: int) -> list[float]:
    """A second upstream sends the site's router a full table."""
    figures = []
    with Scene(daemon, upstreams=FULL) as stage:
        feeder = stage.network.host("feeder")
        stage.network.link(stage.fra.host, "192.0.2.200/31", feeder, "192.0.2.201/31")
        _feed(feeder)
        stage.start()
        control = stage.fra.plan.daemon.control
        wait_until(
            lambda: f"{ROUTES // 1000}" in stage.fra.host.run("birdc", "-s", control, "show route count"),
            timeout=120,
            every=0.5,
        )
        for _ in range(n):
            stage.again()
            figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
    return figures


def _feed(host: Host) -> None:
    """A BIRD that announces 800,000 routes."""
    conf = host.directory / "feeder.conf"
    with conf.open("w") as file:
        file.write(
            "router id 10.255.0.2;\nprotocol device {}\nprotocol bgp site { local 192.0.2.201 as 64520; "
            "neighbor 192.0.2.200 as 64500; ipv4 { import all; export all; }; }\n"
            "protocol static full { ipv4 { import all; };\n"
        )
        for number in range(ROUTES):
            high, low = divmod(number, 256)
            file.write(f"route {20 + high // 256}.{high % 256}.{low}.0/24 blackhole;\n")
        file.write("}\n")
    host.start("bird", "-f", "-c", str(conf), "-s", str(host.directory / "feeder.ctl"))
