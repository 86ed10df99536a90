"""Faults of the router: its configuration broken, the daemon killed, restarted, rebooted, hung."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator

from fleet_faults import ORIGIN, Dependency
from namespaces import wait_until
from scene import ANSWERS, BOTH, Scene
from scene_site import Site
from table import EVERY, Group, fault

CONFIGURED = ("bird2", "bird3", "frr", "openbgpd")
"""Daemons whose file others may break: GoBGP reads its own once, ExaBGP's is the agent's."""
HARD = "hold: 9 s, bfd: {interval: 100 ms, multiplier: 3}"
BFD = 'protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }'


@contextlib.contextmanager
def _broken(site: Site) -> Iterator[None]:
    """Inside the `with`, the daemon's configuration file does not parse."""
    assert site.case.break_config(site.host, site.plan)
    try:
        yield
    finally:
        site.case.mend_config(site.host, site.plan)


@fault(
    "configuration broken, then service dies -> peer empty",
    group=Group.ROUTER,
    median=2.5,
    worst=3.0,
    others="never",
    daemons=CONFIGURED,
    in_ci=("bird2",),
)
def configuration_broken(daemon: str, n: int) -> list[float]:
    """Somebody else leaves a syntax error in the daemon's configuration file."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            with _broken(stage.fra):
                figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
    return figures


@fault(
    "... service back and degraded meanwhile, repaired -> right",
    group=Group.ROUTER,
    median=1.0,
    worst=1.5,
    others="never",
    daemons=CONFIGURED,
    in_ci=("bird2",),
)
def configuration_repaired(daemon: str, n: int) -> list[float]:
    """While the file is broken the service dies and comes back, and its dependency fails: prepends are due.

    From just before the repair until the peer has them and no alarm stands.
    """
    figures = []
    with Scene(daemon, checks=ANSWERS + ORIGIN) as stage:
        dependency = Dependency([stage.fra.host])
        dependency.open()
        stage.start()
        for _ in range(n):
            stage.again()
            with _broken(stage.fra):
                stage.seconds_to_empty(stage.fra.kill_server())
                stage.fra.start_server()
                dependency.close()
                wait_until(lambda: stage.fra.state == "degraded", timeout=20)
                time.sleep(3 + random.uniform(0, 2))
                since = time.monotonic()
            wait_until(lambda: _is_prepended(stage) and not stage.fra.alarms, timeout=30, every=0.002)
            figures.append(time.monotonic() - since)
            dependency.open()
            wait_until(lambda: stage.fra.state == "up", timeout=30)
        dependency.close()
    return figures


def _is_prepended(stage: Scene) -> bool:
    held = stage.receiver.routes()
    return held.keys() >= BOTH and all(len(held[one].as_path) == 4 for one in BOTH)


@fault(
    "router killed, service up -> announced after the session",
    group=Group.ROUTER,
    median=1.0,
    worst=2.0,
    others="0.72 s; never",
    daemons=EVERY,
    in_ci=("bird2", "frr"),
)
def router_killed(daemon: str, n: int) -> list[float]:
    """SIGKILL to the daemon, started again; from the moment that both its sessions are up."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            stage.fra.kill_daemon()
            stage.watch(lambda held: not held)
            stage.fra.start_daemon()
            wait_until(lambda: stage.receiver.has_sessions(2), timeout=90, every=0.001)
            figures.append(stage.seconds_to_both(time.monotonic()))
    return figures


def _polls_until_up(stage: Scene, after_s: float) -> float:
    """Polls that saw a route, until so long after the sessions are up."""
    seen = 0
    up_at: float | None = None
    end = time.monotonic() + 120
    while up_at is None or time.monotonic() - up_at < after_s:
        assert time.monotonic() < end, "the sessions do not come up"
        seen += bool(stage.receiver.prefixes())
        if up_at is None and stage.receiver.has_sessions(2):
            up_at = time.monotonic()
        time.sleep(0.0005)
    return float(seen)


@fault(
    "router restarted, service down -> announced",
    group=Group.ROUTER,
    median=0,
    worst=0,
    unit="polls",
    others="announced",
    daemons=EVERY,
    in_ci=("bird2",),
)
def router_restarted_while_down(daemon: str, n: int) -> list[float]:
    """The peer's table is polled until 3 s after its sessions are up, and its own count of updates read."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            stage.seconds_to_empty(stage.fra.kill_server())
            stage.fra.kill_daemon()
            wait_until(lambda: not stage.receiver.has_sessions(1))
            stage.fra.start_daemon()
            figures.append(_polls_until_up(stage, 3) + stage.updates())
    return figures


@fault(
    "reboot (/run and lo empty), service down -> announced",
    group=Group.ROUTER,
    median=0,
    worst=0,
    unit="polls",
    others="announced",
    daemons=EVERY,
    in_ci=("gobgp3",),
)
def reboot_while_down(daemon: str, n: int) -> list[float]:
    """Agent and router are killed, /run and lo are empty, both start; the service does not."""
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            stage.again()
            stage.fra.kill_server()
            if not stage.fra.case.is_child:
                stage.fra.kill_daemon()
            stage.fra.kill_agent()
            stage.fra.host.run("ip", "address", "flush", "dev", "lo", "scope", "global")
            subprocess.run(["rm", "-rf", str(stage.fra.run_dir)], check=True)
            wait_until(lambda: not stage.receiver.has_sessions(1))
            assert not stage.receiver.prefixes()
            stage.fra.start_daemon()
            stage.fra.start_agent()
            figures.append(_polls_until_up(stage, 4) + stage.updates())
    return figures


@fault(
    "router hangs (SIGSTOP), BFD 100 ms x 3 -> peer empty",
    group=Group.ROUTER,
    median=0.35,
    worst=0.5,
    others="hold time",
    daemons=("bird2", "bird3"),
    in_ci=("bird2",),
)
def router_hangs(daemon: str, n: int) -> list[float]:
    """BFD notices what BGP's hold time would not."""
    figures = []
    with Scene(daemon, session=HARD, peer="bfd on;", upstream_extra=BFD).start() as stage:
        for _ in range(n):
            stage.again()
            time.sleep(1)  # BFD begins at a slow rate
            with stage.fra.hung_daemon() as since:
                figures.append(stage.seconds_to_empty(since))
    return figures


@fault(
    "router hangs, no BFD, hold time 9 s -> peer empty",
    group=Group.ROUTER,
    median=9.5,
    worst=12.0,
    others="hold time",
    daemons=EVERY,
)
def router_hangs_without_bfd(daemon: str, n: int) -> list[float]:
    """What a session without BFD costs."""
    figures = []
    with Scene(daemon, session="hold: 9 s", peer="hold time 9;").start() as stage:
        for _ in range(n):
            stage.again()
            with stage.fra.hung_daemon() as since:
                figures.append(stage.seconds_to_empty(since, timeout=30))
    return figures
