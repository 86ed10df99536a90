"""Scene: sites as they run in production, in namespaces: a DNS server, a BGP daemon, the agent, an upstream.

Everything is real: the configuration is what `anyplane render` prints, the agent is the program itself in a
process of its own, and the upstream is a BIRD whose table is polled every millisecond.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from case import Case
from namespaces import Host, Network, wait_until
from receiver import Neighbor, Receiver

from anyplane.bgp.router import RouterPlan, router_plan
from anyplane.design import parse
from anyplane.model.nouns import Prefix

V4 = ip_network("198.51.100.0/24")
V6 = ip_network("2001:db8:53::/48")
BOTH = frozenset((V4, V6))
ASN = 64500
UPSTREAM = 64510
NAME = "up.example."
DESIGN = """\
version: 1
service:
  name: faults
  origin: {asn}
  prefixes:
    dns: [{prefixes}]
health:
  dns:
    addresses: [198.51.100.53, "2001:db8:53::53"]
    together: true
    interval: {interval}
    timeout: 500 ms
    rise: 1
    fall: 2
    checks:
{checks}
safety:
  lease: 3 s
  quarantine: {{first: 100 ms, longest: 200 ms}}
{safety}
sites:
{sites}
check:
  silence:
    AP002: documentation prefixes
    AP003: documentation ASN
"""
ANSWERS = "      - {name: answers, dns: {name: up.example, type: A, expect: [192.0.2.7], server: 127.0.0.1}}"


@dataclass
class Site:
    """One site: its namespace, its daemon, its DNS server and its agent; `number` gives its addresses."""

    name: str
    number: int
    host: Host
    case: Case
    stage: Scene
    design: Path = Path()
    agent: subprocess.Popen[bytes] | None = None
    server: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()
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
    def plan(self) -> RouterPlan:
        """What its router is to do."""
        return router_plan(parse(self.design.read_text(), file=str(self.design)), self.name)

    def start_daemon(self) -> None:
        """The BGP daemon with the rendered configuration."""
        self.case.start(self.host, self.plan)

    def start_server(self) -> None:
        """The DNS server, answering."""
        conf = self.host.directory / "unbound.conf"
        conf.write_text(
            'server:\n  username: ""\n  chroot: ""\n  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n'
            f'  directory: "{self.host.directory}"\n  interface: 0.0.0.0\n  interface: ::0\n'
            "  interface-automatic: yes\n  access-control: 0.0.0.0/0 allow\n  access-control: ::0/0 allow\n"
            f'  module-config: "iterator"\n  local-zone: "example." static\n'
            f'  local-data: "{NAME} 1 A 192.0.2.7"\n  local-data: "id.{NAME} 1 TXT {self.name}"\n'
            "remote-control:\n  control-enable: no\n"
        )
        self.server = self.host.start("unbound", "-d", "-c", str(conf), log="unbound.log")
        wait_until(lambda: "192.0.2.7" in self.ask_server())

    def ask_server(self) -> str:
        """What the DNS server says."""
        return self.host.run("kdig", "@127.0.0.1", "+short", "+timeout=1", "+retry=0", NAME, "A", check=False)

    def kill_server(self) -> float:
        """The service dies; when."""
        assert self.server is not None
        os.killpg(self.server.pid, signal.SIGKILL)
        when = time.monotonic()
        self.server.wait(10)
        self.server = None
        return when

    def start_agent(self, *options: str) -> None:
        """The agent, in a process of its own."""
        self.agent = self.host.start(
            *self.program,
            "agent",
            str(self.design),
            "--site",
            self.name,
            "--run-dir",
            str(self.run_dir),
            "--state-dir",
            str(self.state_dir),
            "--metrics",
            "",
            *self.options,
            *options,
            log="agent.log",
            env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), **self.env},
        )

    @property
    def agent_pid(self) -> int:
        """The agent's own process id."""
        assert self.agent is not None
        return self.agent.pid

    def kill_agent(self) -> float:
        """SIGKILL to the agent alone, as the kernel does when memory runs out; when."""
        assert self.agent is not None
        self.agent.kill()
        when = time.monotonic()
        self.agent.wait(10)
        self.agent = None
        return when

    def stop_agent(self) -> None:
        """SIGTERM, and its end."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(15)
            self.agent = None

    def ask(self, *words: str, check: bool = True) -> str:
        """`anyplane site ...` against this agent."""
        return self._anyplane(
            "site", *words, "--site", self.name, "--run-dir", str(self.run_dir), check=check
        )

    def _anyplane(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "anyplane", *words],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def history(self) -> list[dict[str, Any]]:
        """The journal's facts."""
        words = ("history", "--json", "--site", self.name, "--state-dir", str(self.state_dir))
        answer: dict[str, Any] = json.loads(self._anyplane("site", *words))
        facts: list[dict[str, Any]] = answer["facts"]
        return facts

    def status(self) -> dict[str, Any]:
        """`anyplane site status --json`."""
        answer: dict[str, Any] = json.loads(self.ask("status", "--json"))
        return answer

    @contextlib.contextmanager
    def stopped(self) -> Iterator[float]:
        """The agent is stopped (SIGSTOP) inside the `with`; since when."""
        os.kill(self.agent_pid, signal.SIGSTOP)
        try:
            yield time.monotonic()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.agent_pid, signal.SIGCONT)

    @property
    def log(self) -> str:
        """All that the agent wrote."""
        return (self.host.directory / "agent.log").read_text()


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


class Scene:
    """`count` sites and one upstream that hears them all; the other arguments fill the design's blanks."""

    def __init__(
        self,
        daemon: str = "bird2",
        *,
        count: int = 1,
        checks: str = ANSWERS,
        safety: str = "",
        prefixes: str = '198.51.100.0/24, "2001:db8:53::/48"',
        interval: str = "1 s",
        session: str = "",
        peer: str = "",
        upstream_channel: str = "import all; export none;",
        upstream_extra: str = "",
    ) -> None:
        self.network = Network()
        self.upstream = self.network.host("upstream")
        names = ("fra", "nyc", "lon", "sin", "ams")[:count]
        chosen = tuple(case_named(daemon) for _ in names)
        self.sites = {
            name: Site(name, number, self.network.host(name), chosen[number], self)
            for number, name in enumerate(names)
        }
        self.fleet_file = self.network.directory / "fleet.json"
        for site in self.sites.values():
            self.network.link(
                site.host,
                [f"{site.v4[0]}/31", f"{site.v6[0]}/127"],
                self.upstream,
                [f"{site.v4[1]}/31", f"{site.v6[1]}/127"],
            )
        text = DESIGN.format(
            asn=ASN,
            prefixes=prefixes,
            interval=interval,
            checks=checks,
            safety=safety.replace("FLEET", str(self.fleet_file)),
            sites="\n".join(self._site(site, session) for site in self.sites.values()),
        )
        for site in self.sites.values():
            site.design = site.host.directory / "design.yaml"
            site.design.write_text(text)
        neighbors = [
            Neighbor(ours, theirs, ASN, extra=f"error wait time 1, 1; {peer}", channel=upstream_channel)
            for site in self.sites.values()
            for theirs, ours in (site.v4, site.v6)
        ]
        self.receiver = Receiver(self.upstream, UPSTREAM, neighbors, extra=upstream_extra)

    def _site(self, site: Site, session: str) -> str:
        daemon = site.case.daemon(site.host)
        words = [f"kind: {daemon.kind}", f"router_id: {site.v4[0]}"]
        words += [f'control: "{daemon.control}"'] if daemon.control else []
        words += [f'include: "{daemon.include}"'] if daemon.include else []
        if daemon.settings:
            words.append("settings: " + json.dumps(dict(daemon.settings)))
        extra = f", {session}" if session else ""
        sessions = ", ".join(
            f'{{neighbor: "{theirs}", local: "{ours}"{extra}}}' for ours, theirs in (site.v4, site.v6)
        )
        return (
            f"  {site.name}:\n    metro: {site.name.upper()}\n    daemon: {{{', '.join(words)}}}\n"
            f"    upstreams:\n      - asn: {UPSTREAM}\n        session: [{sessions}]"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for site in self.sites.values():
            with contextlib.suppress(Exception):
                site.case.stop(site.host)
        self.network.__exit__()

    @property
    def fra(self) -> Site:
        """The first site."""
        return self.sites["fra"]

    def start(self, *options: str) -> Self:
        """Everything runs and is announced."""
        for site in self.sites.values():
            site.start_daemon()
            site.start_server()
            site.start_agent(*options)
        self.wait_announced()
        return self

    def wait_announced(self, prefixes: frozenset[Prefix] = BOTH, *, timeout: float = 30) -> None:
        """The upstream holds all the prefixes."""
        try:
            wait_until(lambda: self.receiver.prefixes() >= prefixes, timeout=timeout)
        except AssertionError as error:
            logs = "\n".join(site.log[-3000:] for site in self.sites.values())
            raise AssertionError(f"{error}\nheld: {self.receiver.prefixes()}\n{logs}") from None

    def seconds_to_empty(self, since: float, *, timeout: float = 15) -> float:
        """Seconds from `since` until the upstream's table is empty."""
        self.receiver.seconds_until(lambda held: not held, timeout=timeout)
        return time.monotonic() - since

    def gone(self, site: Site) -> bool:
        """Does the upstream hold nothing from this site?"""
        return not any(f"n{2 * site.number + half}" in self.receiver.ask("show route") for half in (0, 1))

    def never(self, condition: Callable[[], object], *, for_s: float) -> int:
        """Polls every millisecond and fails when `condition()` holds once; how many polls."""
        end = time.monotonic() + for_s
        polls = 0
        while time.monotonic() < end:
            assert not condition(), "it was announced"
            polls += 1
            time.sleep(0.001)
        return polls
