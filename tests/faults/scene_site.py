"""Site: one site of a scene, with its namespace, its BGP daemon, its DNS server and its agent."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from case import Case
from namespaces import Host, frozen, wait_until

from anyplane.agent import client
from anyplane.agent.journal import Fact, history
from anyplane.bgp.router import RouterPlan, router_plan
from anyplane.design import parse
from anyplane.model.errors import AgentUnreachable

SOURCES = str(Path(__file__).parents[2] / "src")
QUERY = b"\x01\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02up\x07example\x00\x00\x01\x00\x01"
"""A question for up.example A."""


@dataclass
class Site:
    """One site; `number` gives its addresses. `daemon_extra` is appended to the rendered configuration."""

    name: str
    number: int
    host: Host
    case: Case
    daemon_extra: str = ""
    design: Path = Path()
    agent: subprocess.Popen[bytes] | None = None
    server: subprocess.Popen[bytes] | None = None
    program: tuple[str, ...] = (sys.executable, "-m", "anyplane")
    env: dict[str, str] = field(default_factory=dict)

    @property
    def v4(self) -> tuple[str, str]:
        """The link's addresses: ours, the upstream's."""
        return f"192.0.2.{2 * self.number + 1}", f"192.0.2.{2 * self.number}"

    @property
    def v6(self) -> tuple[str, str]:
        """The same for IPv6."""
        return f"2001:db8:ffff:{self.number:x}::1", f"2001:db8:ffff:{self.number:x}::"

    @property
    def run_dir(self) -> Path:
        """Where its agent keeps what a reboot forgets."""
        return self.host.directory / "run"

    @property
    def state_dir(self) -> Path:
        """Where its agent keeps what a reboot does not forget."""
        return self.host.directory / "state"

    @property
    def pidfile(self) -> Path:
        """Names the DNS server's process, as a service file would."""
        return self.host.directory / "server.pid"

    @property
    def plan(self) -> RouterPlan:
        """What its router is to do."""
        return router_plan(parse(self.design.read_text(), file=str(self.design)), self.name)

    def start_daemon(self) -> None:
        """The BGP daemon with the rendered configuration; ExaBGP is the agent's to start."""
        self.case.start(self.host, self.plan)
        if self.daemon_extra:
            conf = self.host.directory / "site.conf"
            conf.write_text(f"{conf.read_text()}\n{self.daemon_extra}\n")
            self.host.run("birdc", "-s", self.plan.daemon.control, "configure")

    def kill_daemon(self) -> None:
        """SIGKILL to the BGP daemon."""
        if self.case.is_child:
            os.kill(self._child, signal.SIGKILL)
        else:
            self.case.stop(self.host)

    @contextlib.contextmanager
    def hung_daemon(self) -> Iterator[float]:
        """The BGP daemon is stopped (SIGSTOP) inside the `with`; since when."""
        since = time.monotonic()
        stopped = frozen(self._child) if self.case.is_child else self.case.hung(None)  # type: ignore[arg-type]
        with stopped:
            yield since

    @property
    def _child(self) -> int:
        """ExaBGP's process, by the newest of the files that its speaker keeps for the dead man's order."""
        files = sorted(self.host.directory.glob("*/child"), key=lambda path: path.stat().st_mtime)
        return int(files[-1].read_text().split()[0])

    def start_server(self) -> None:
        """The DNS server, answering."""
        conf = self.host.directory / "unbound.conf"
        conf.write_text(
            'server:\n  username: ""\n  chroot: ""\n  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n'
            f'  directory: "{self.host.directory}"\n  interface: 0.0.0.0\n  interface: ::0\n'
            "  interface-automatic: yes\n  access-control: 0.0.0.0/0 allow\n  access-control: ::0/0 allow\n"
            f'  module-config: "iterator"\n  local-zone: "example." static\n'
            f'  local-data: "up.example. 1 A 192.0.2.7"\n'
            "remote-control:\n  control-enable: no\n"
        )
        self.server = self.host.start("unbound", "-d", "-c", str(conf), log="unbound.log")
        self.pidfile.write_text(f"{self.server.pid}\n")
        wait_until(lambda: self.host.call(_answers))

    def kill_server(self) -> float:
        """The service dies; the moment before."""
        assert self.server is not None
        when = time.monotonic()
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait(10)
        self.server = None
        return when

    def start_agent(self, *options: str) -> None:
        """The agent, in a process of its own."""
        self.agent = self.host.start(
            *self.program,
            "agent",
            *(str(self.design), "--site", self.name),
            *("--run-dir", str(self.run_dir), "--state-dir", str(self.state_dir), "--metrics", ""),
            *options,
            log="agent.log",
            env={"PYTHONPATH": SOURCES, **self.env},
        )

    @property
    def agent_pid(self) -> int:
        """The agent's own process id."""
        assert self.agent is not None
        return self.agent.pid

    def kill_agent(self) -> float:
        """SIGKILL to the agent alone, as the kernel does when memory runs out; the moment before."""
        assert self.agent is not None
        when = time.monotonic()
        self.agent.kill()
        self.agent.wait(10)
        self.agent = None
        return when

    def stop_agent(self) -> None:
        """SIGTERM, and its end."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(15)
            self.agent = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[float]:
        """The agent is stopped (SIGSTOP) inside the `with`; since when."""
        since = time.monotonic()
        with frozen(self.agent_pid):
            yield since

    def ask(self, what: str) -> dict[str, Any]:
        """The agent's answer on its socket, asked from here: a command would take half a second to start."""
        return client.ask(self.run_dir / f"{self.name}.sock", {"do": what})

    def status(self) -> dict[str, Any]:
        """All that it says of itself."""
        return self.ask("status")

    @property
    def state(self) -> str:
        """The state of its first service; empty while the agent does not answer yet."""
        try:
            return str(self.status()["services"][0]["state"])
        except AgentUnreachable:
            return ""

    @property
    def alarms(self) -> dict[str, str]:
        """The alarms that stand."""
        found: dict[str, str] = self.status()["alarms"]
        return found

    def facts(self) -> tuple[Fact, ...]:
        """The journal's."""
        return history(self.state_dir / f"{self.name}.journal.sqlite")

    @property
    def log(self) -> str:
        """All that the agent wrote."""
        path = self.host.directory / "agent.log"
        return path.read_text() if path.exists() else ""


def case_named(name: str) -> Case:
    """A daemon of tests/speaker_contract/cases, anew."""
    folder = Path(__file__).resolve().parent.parent / "speaker_contract" / "cases"
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"fault_case_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for case in module.CASES:
            if case.name == name:
                found: Case = case
                return found
    raise AssertionError(f"no daemon is called {name}")


def _answers() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        try:
            asking.sendto(QUERY, ("127.0.0.1", 53))
            return len(asking.recv(512)) > len(QUERY)
        except OSError:
            return False
