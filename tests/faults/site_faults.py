"""Faults of one site: its service, its agent, its router and the router's configuration."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from namespaces import frozen, wait_until
from scene import BOTH, Scene, Site
from table import fault

HANG = Path(__file__).parent / "agent_that_hangs.py"
HARD = "hold: 9 s, bfd: {interval: 100 ms, multiplier: 3}"
PEER = "bfd { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };"
BFD = 'protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; }; }'


def _again(stage: Scene) -> None:
    """The service comes back and is announced: ready for the next turn."""
    if stage.fra.server is None:
        stage.fra.start_server()
    if stage.fra.agent is None:
        stage.fra.start_agent()
    stage.wait_announced()
    # The next failure is not to hit the same phase of the check's second.
    time.sleep(0.3 + (time.monotonic() * 7) % 1)


def _service_dies(daemon: str, n: int) -> list[float]:
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            _again(stage)
            figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
    return figures


def _decision_to_peer(daemon: str, n: int) -> list[float]:
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            _again(stage)
            stage.fra.kill_server()
            stage.receiver.seconds_until(lambda held: not held)
            emptied = time.time()
            # The journal is written a moment later.
            time.sleep(1)
            figures.append((emptied - _decided(stage.fra)) * 1000)
    return figures


def _decided(site: Site) -> float:
    """When (unix seconds) the agent last decided to withdraw, by its journal."""
    facts = site.history()
    return max(one["at"] for one in facts if one["kind"] == "decision" and one["after"].startswith("down"))


@fault(
    "service dies -> peer empty (BIRD)",
    median=1.7,
    worst=2.2,
    others="1.14 s; 0.69 s without fall",
    in_ci=True,
)
def service_dies_bird(n: int) -> list[float]:
    """SIGKILL to the DNS server."""
    return _service_dies("bird2", n)


@fault("service dies -> peer empty (FRR)", median=1.75, worst=2.3)
def service_dies_frr(n: int) -> list[float]:
    """The same with FRR."""
    return _service_dies("frr", n)


@fault("service dies -> peer empty (ExaBGP)", median=1.7, worst=2.2)
def service_dies_exabgp(n: int) -> list[float]:
    """The same with ExaBGP as the agent's child."""
    return _service_dies("exabgp", n)


@fault("service dies -> peer empty (GoBGP)", median=1.7, worst=2.2)
def service_dies_gobgp(n: int) -> list[float]:
    """The same with GoBGP."""
    return _service_dies("gobgp3", n)


@fault("service dies -> peer empty (OpenBGPD)", median=1.7, worst=2.2)
def service_dies_openbgpd(n: int) -> list[float]:
    """The same with OpenBGPD."""
    return _service_dies("openbgpd", n)


@fault("decision -> peer empty (BIRD)", median=5, worst=10, unit="ms")
def decision_bird(n: int) -> list[float]:
    """From the journal's decision to the peer's table."""
    return _decision_to_peer("bird2", n)


@fault("decision -> peer empty (ExaBGP)", median=5, worst=20, unit="ms")
def decision_exabgp(n: int) -> list[float]:
    """The same with ExaBGP."""
    return _decision_to_peer("exabgp", n)


@fault("decision -> peer empty (GoBGP)", median=5, worst=20, unit="ms")
def decision_gobgp(n: int) -> list[float]:
    """The same with GoBGP."""
    return _decision_to_peer("gobgp3", n)


@fault("decision -> peer empty (FRR)", median=60, worst=80, unit="ms")
def decision_frr(n: int) -> list[float]:
    """The same with FRR."""
    return _decision_to_peer("frr", n)


def _agent_killed(daemon: str, n: int) -> list[float]:
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            _again(stage)
            figures.append(stage.seconds_to_empty(stage.fra.kill_agent()))
    return figures


@fault("agent SIGKILL -> peer empty (BIRD)", median=3.1, worst=3.5, others="never", in_ci=True)
def agent_killed_bird(n: int) -> list[float]:
    """The kernel's lease ends the announcement."""
    return _agent_killed("bird2", n)


@fault("agent SIGKILL -> peer empty (FRR)", median=3.1, worst=3.5, others="never")
def agent_killed_frr(n: int) -> list[float]:
    """The kernel's lease, through FRR's import check."""
    return _agent_killed("frr", n)


@fault("agent SIGKILL -> peer empty (ExaBGP)", median=3.1, worst=3.5, others="never")
def agent_killed_exabgp(n: int) -> list[float]:
    """The child dies with its parent."""
    return _agent_killed("exabgp", n)


@fault("agent SIGKILL -> peer empty (GoBGP)", median=3.1, worst=3.5, others="never")
def agent_killed_gobgp(n: int) -> list[float]:
    """The keeper's orders."""
    return _agent_killed("gobgp3", n)


@fault("agent SIGKILL -> peer empty (OpenBGPD)", median=3.1, worst=3.5, others="never")
def agent_killed_openbgpd(n: int) -> list[float]:
    """The keeper's orders."""
    return _agent_killed("openbgpd", n)


def _agent_stopped(daemon: str, n: int) -> list[float]:
    figures = []
    with Scene(daemon).start() as stage:
        for _ in range(n):
            _again(stage)
            with stage.fra.stopped() as since:
                figures.append(stage.seconds_to_empty(since))
    return figures


@fault("agent SIGSTOP -> peer empty (BIRD)", median=3.1, worst=3.5, others="never", in_ci=True)
def agent_stopped_bird(n: int) -> list[float]:
    """It lives, but renews nothing."""
    return _agent_stopped("bird2", n)


@fault("agent SIGSTOP -> peer empty (ExaBGP)", median=3.1, worst=3.5, others="never")
def agent_stopped_exabgp(n: int) -> list[float]:
    """The keeper kills the child."""
    return _agent_stopped("exabgp", n)


@fault("agent SIGSTOP -> peer empty (GoBGP)", median=3.1, worst=3.5, others="never")
def agent_stopped_gobgp(n: int) -> list[float]:
    """The keeper's orders."""
    return _agent_stopped("gobgp3", n)


@fault("check loop hangs -> peer empty", median=3.1, worst=3.5, others="never", in_ci=True)
def check_loop_hangs(n: int) -> list[float]:
    """The process lives and answers signals, but its loop does not turn for 8 seconds."""
    figures = []
    with Scene() as stage:
        stage.fra.program = (os.sys.executable, str(HANG))  # type: ignore[attr-defined]
        stage.start()
        for _ in range(n):
            _again(stage)
            os.kill(stage.fra.agent_pid, signal.SIGRTMIN)
            figures.append(stage.seconds_to_empty(time.monotonic()))
            wait_until(lambda: stage.receiver.prefixes() >= BOTH, timeout=30)
    return figures


@fault("disk full, then service dies -> peer empty", median=3.1, worst=3.5, others="never", in_ci=True)
def disk_full(n: int) -> list[float]:
    """State and run directories on a file system without a free block."""
    figures = []
    with Scene() as stage:
        disk = stage.fra.host.directory / "disk"
        disk.mkdir()
        stage.fra.run_dir.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
        try:
            for name in ("state",):
                (disk / name).mkdir()
                (stage.fra.host.directory / name).symlink_to(disk / name)
            stage.start()
            for _ in range(n):
                _again(stage)
                filler = disk / "filler"
                subprocess.run(
                    ["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], capture_output=True, check=False
                )
                figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
                filler.unlink()
        finally:
            stage.fra.stop_agent()
            subprocess.run(["umount", "-l", str(disk)], check=False)
    return figures


@fault(
    "router's configuration broken, then service dies -> empty",
    median=2.5,
    worst=3.0,
    others="never",
    in_ci=True,
)
def configuration_broken(n: int) -> list[float]:
    """Somebody else leaves a syntax error in the daemon's configuration file."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            with Broken(stage.fra):
                figures.append(stage.seconds_to_empty(stage.fra.kill_server()))
    return figures


@fault("... repaired -> announced as it should be", median=1.0, worst=2.0)
def configuration_repaired(n: int) -> list[float]:
    """The service is back while the file is broken; after the repair the routes are right."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            with Broken(stage.fra):
                stage.seconds_to_empty(stage.fra.kill_server())
                stage.fra.start_server()
                time.sleep(4)
            begin = time.monotonic()
            stage.receiver.seconds_until(lambda held: held >= BOTH, timeout=20)
            figures.append(time.monotonic() - begin)
    return figures


class Broken:
    """Inside the `with`, the daemon's configuration file does not parse."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def __enter__(self) -> None:
        assert self.site.case.break_config(self.site.host, self.site.plan)

    def __exit__(self, *_: object) -> None:
        self.site.case.mend_config(self.site.host, self.site.plan)


@fault(
    "router killed, service up -> announced after the session",
    median=1.0,
    worst=2.0,
    others="0.72 s; never",
    in_ci=True,
)
def router_killed(n: int) -> list[float]:
    """SIGKILL to BIRD, started again."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            stage.fra.case.stop(stage.fra.host)
            stage.receiver.seconds_until(lambda held: not held)
            stage.fra.start_daemon()
            wait_until(lambda: stage.receiver.has_sessions(2), timeout=30, every=0.002)
            begin = time.monotonic()
            stage.receiver.seconds_until(lambda held: held >= BOTH, timeout=20)
            figures.append(time.monotonic() - begin)
    return figures


@fault(
    "router restarted, service down -> polls that saw it",
    median=0,
    worst=0,
    unit="probes",
    others="announced",
    in_ci=True,
)
def router_restarted_while_down(n: int) -> list[float]:
    """Each turn polls the peer's table every millisecond until 3 s after its sessions are up."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            stage.seconds_to_empty(stage.fra.kill_server())
            stage.fra.case.stop(stage.fra.host)
            stage.fra.start_daemon()
            seen = 0
            up_at: float | None = None
            while up_at is None or time.monotonic() - up_at < 3:
                seen += bool(stage.receiver.prefixes())
                if up_at is None and stage.receiver.has_sessions(2):
                    up_at = time.monotonic()
                time.sleep(0.001)
            figures.append(float(seen))
    return figures


@fault(
    "reboot (nothing in /run, no address), service down -> polls",
    median=0,
    worst=0,
    unit="probes",
    others="announced",
)
def reboot_while_down(n: int) -> list[float]:
    """Agent and router are killed, /run and lo are empty, both start; the service does not."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            stage.fra.kill_server()
            stage.fra.kill_agent()
            stage.fra.case.stop(stage.fra.host)
            stage.fra.host.run("ip", "address", "flush", "dev", "lo", "scope", "global")
            subprocess.run(["rm", "-rf", str(stage.fra.run_dir)], check=True)
            wait_until(lambda: not stage.receiver.prefixes())
            stage.fra.start_daemon()
            stage.fra.start_agent()
            seen = 0
            up_at: float | None = None
            while up_at is None or time.monotonic() - up_at < 4:
                seen += bool(stage.receiver.prefixes())
                if up_at is None and stage.receiver.has_sessions(2):
                    up_at = time.monotonic()
                time.sleep(0.001)
            figures.append(float(seen))
    return figures


@fault(
    "router hangs (SIGSTOP) -> peer empty, BFD 100 ms x 3",
    median=0.35,
    worst=0.5,
    others="hold time",
    in_ci=True,
)
def router_hangs(n: int) -> list[float]:
    """BFD notices what BGP's hold time would not."""
    figures = []
    with Scene(session=HARD, peer="bfd on;", upstream_extra=BFD).start() as stage:
        for _ in range(n):
            _again(stage)
            process = stage.fra.case.process
            assert process is not None
            with frozen(process.pid):
                begin = time.monotonic()
                stage.seconds_to_empty(begin)
                figures.append(time.monotonic() - begin)
            stage.wait_announced()
    return figures


@fault("the same without BFD, hold time 9 s", median=9.5, worst=12.0, others="hold time")
def router_hangs_without_bfd(n: int) -> list[float]:
    """What a session without BFD costs."""
    figures = []
    with Scene(session="hold: 9 s", peer="hold time 9;").start() as stage:
        for _ in range(n):
            _again(stage)
            process = stage.fra.case.process
            assert process is not None
            with frozen(process.pid):
                figures.append(stage.seconds_to_empty(time.monotonic(), timeout=20))
            stage.wait_announced()
    return figures


def _dark(site: Site, text: str) -> Callable[[], bool]:
    def told() -> bool:
        status = site.ask("status", "--json", check=False)
        return "not on the wire" in status and text in status

    return told


@fault("NOTIFICATION from the peer -> reported", median=2.0, worst=2.5, others="never", in_ci=True)
def notification(n: int) -> list[float]:
    """The peer shuts the sessions; the site says that it is not on the wire."""
    figures = []
    with Scene().start() as stage:
        for _ in range(n):
            _again(stage)
            stage.receiver.ask("disable n0")
            stage.receiver.ask("disable n1")
            begin = time.monotonic()
            wait_until(_dark(stage.fra, ""), timeout=10)
            figures.append(time.monotonic() - begin)
            stage.receiver.ask("enable n0")
            stage.receiver.ask("enable n1")
            stage.wait_announced()
    return figures


@fault("wrong MD5 key at the peer -> reported", median=2.0, worst=2.5, others="never")
def wrong_md5(n: int) -> list[float]:
    """The session is reset and does not come back, for the peer has another key."""
    figures = []
    with Scene().start() as stage:
        plain = stage.receiver.conf.read_text()
        for _ in range(n):
            _again(stage)
            stage.receiver.conf.write_text(plain.replace("neighbor ", 'password "wrong"; neighbor '))
            stage.receiver.ask("configure")
            begin = time.monotonic()
            wait_until(_dark(stage.fra, ""), timeout=10)
            figures.append(time.monotonic() - begin)
            stage.receiver.conf.write_text(plain)
            stage.receiver.ask("configure")
            stage.wait_announced()
    return figures


@fault("the peer's prefix limit -> reported", median=2.0, worst=2.5, others="never")
def prefix_limit(n: int) -> list[float]:
    """The peer takes fewer prefixes than the site announces, and ends the session."""
    figures = []
    with Scene().start() as stage:
        plain = stage.receiver.conf.read_text()
        for _ in range(n):
            _again(stage)
            limited = plain.replace("import all;", "import none; import limit 0 action disable;")
            limited = limited.replace("import none; ", "import all; ")
            stage.receiver.conf.write_text(limited)
            stage.receiver.ask("configure")
            stage.receiver.ask("restart n0")
            stage.receiver.ask("restart n1")
            begin = time.monotonic()
            wait_until(_dark(stage.fra, ""), timeout=10)
            figures.append(time.monotonic() - begin)
            stage.receiver.conf.write_text(plain)
            stage.receiver.ask("configure")
            stage.receiver.ask("enable n0")
            stage.receiver.ask("enable n1")
            stage.wait_announced()
    return figures
