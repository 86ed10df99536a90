"""LoneSite: a site with a real daemon and the agent in a process of its own; an upstream that hears it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from case import Case
from namespaces import Network, wait_until
from receiver import Neighbor, Receiver

from anyplane.bgp.router import RouterPlan, router_plan
from anyplane.design import parse
from anyplane.model.nouns import Prefix

ROOT = Path(__file__).resolve().parents[2]
V4, V6 = ("192.0.2.1", "192.0.2.0"), ("2001:db8:ffff::1", "2001:db8:ffff::")
"""The link's addresses: ours, the upstream's."""
PREFIXES = frozenset((ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")))
DESIGN = """\
version: 1
service: {{name: lone, origin: 64500, prefixes: {{dns: [{prefixes}]}}}}
health:
  dns:
    together: true
    interval: {interval}
    timeout: 200 ms
    rise: 1
    fall: 2
    {health}
safety: {{lease: 3 s, quarantine: {{first: 100 ms, longest: 200 ms}}, drain: {{prepend: 3, wait: 500 ms}}}}
sites:
  fra:
    metro: FRA
    daemon: {daemon}
    upstreams:
      - asn: 64510
        session: [{{neighbor: "192.0.2.0", local: "192.0.2.1"}},
                  {{neighbor: "2001:db8:ffff::", local: "2001:db8:ffff::1"}}]
"""


class LoneSite:
    """`health` is the rest of the group's health in the design; agent and service are the test's to start."""

    def __init__(self, case: Case, *, health: str, prefixes: frozenset[Prefix] = PREFIXES) -> None:
        self.case = case
        self.prefixes = prefixes
        self.agent: subprocess.Popen[bytes] | None = None
        self.service: subprocess.Popen[bytes] | None = None
        self.network = Network()
        self.host, self.upstream = self.network.host("fra"), self.network.host("upstream")
        self.network.link(
            self.host,
            [f"{V4[0]}/31", f"{V6[0]}/127"],
            self.upstream,
            [f"{V4[1]}/31", f"{V6[1]}/127"],
        )
        self.design = self.host.directory / "design.yaml"
        self.design.write_text(
            DESIGN.format(
                prefixes=", ".join(f'"{one}"' for one in sorted(prefixes, key=str)),
                health=health,
                interval="300 ms",
                daemon=self._daemon(),
            )
        )
        quick = "error wait time 1, 1; connect delay time 1;"
        self.receiver = Receiver(
            self.upstream, 64510, [Neighbor(ours, theirs, extra=quick) for theirs, ours in (V4, V6)]
        )

    def _daemon(self) -> str:
        daemon = self.case.daemon(self.host)
        facts: dict[str, object] = {"kind": str(daemon.kind), "router_id": V4[0]}
        if daemon.control:
            facts["control"] = daemon.control
        if daemon.include:
            facts["include"] = daemon.include
        if daemon.settings:
            facts["settings"] = dict(daemon.settings)
        return json.dumps(facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing of it stays."""
        with contextlib.suppress(Exception):
            self.case.stop(self.host)
        self.receiver.close()
        self.network.__exit__()

    @property
    def plan(self) -> RouterPlan:
        """What its router is to do."""
        return router_plan(parse(self.design.read_text(), file=str(self.design)), "fra")

    @property
    def run_dir(self) -> Path:
        """Where the agent keeps what a reboot forgets."""
        return self.host.directory / "run-anyplane"

    @property
    def log(self) -> str:
        """All that the agents wrote."""
        return (self.host.directory / "agent.log").read_text()

    def start_daemon(self) -> None:
        """The BGP daemon with the rendered configuration."""
        self.case.start(self.host, self.plan)

    def start_agent(self) -> None:
        """The agent; one that an earlier test left is ended before."""
        words = ("--run-dir", str(self.run_dir), "--state-dir", str(self.run_dir), "--metrics", "")
        self.agent = self.host.start(
            *(sys.executable, "-m", "anyplane", "agent", str(self.design), "--site", "fra", *words),
            log="agent.log",
            env={"PYTHONPATH": str(ROOT / "src")},
        )

    @property
    def agent_pid(self) -> int:
        """The agent's process."""
        assert self.agent is not None
        return self.agent.pid

    def kill_agent(self) -> None:
        """SIGKILL to the agent alone."""
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait(10)
        self.agent = None

    def stop_agent(self) -> int:
        """SIGTERM; the exit code."""
        assert self.agent is not None
        self.agent.terminate()
        code = self.agent.wait(15)
        self.agent = None
        return code

    @contextlib.contextmanager
    def agent_stopped(self) -> Iterator[None]:
        """The agent is stopped (SIGSTOP) inside the `with`."""
        os.kill(self.agent_pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.agent_pid, signal.SIGCONT)

    def ask(self, *words: str, check: bool = True) -> str:
        """`anyplane site ...`; `check`: it must end with 0."""
        done = subprocess.run(
            [sys.executable, "-m", "anyplane", "site", *words, "--run-dir", str(self.run_dir)],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """`anyplane site status --json`."""
        answer = self.ask("status", "--json", check=False)
        found: dict[str, Any] = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])
        return found

    def wait_announced(self, *, timeout: float = 20) -> None:
        """The upstream holds all the prefixes."""
        try:
            wait_until(lambda: self.receiver.prefixes() >= self.prefixes, timeout=timeout)
        except AssertionError as error:
            held = sorted(map(str, self.receiver.prefixes()))
            raise AssertionError(f"{error}\nheld: {held}\n{self.log[-3000:]}") from None

    def wait_empty(self, *, timeout: float = 10) -> float:
        """Seconds until the upstream holds none of the prefixes."""
        return self.receiver.seconds_until(lambda held: not held & self.prefixes, timeout=timeout)

    def lost_polls(self, *, for_s: float) -> int:
        """In how many of the polls of so many seconds a prefix was missing at the upstream."""
        end, lost, polls = time.monotonic() + for_s, 0, 0
        while time.monotonic() < end:
            lost += not self.receiver.prefixes() >= self.prefixes
            polls += 1
            time.sleep(0.002)
        assert polls > 50 * for_s, f"only {polls} polls in {for_s} s: the machine is too busy to tell"
        return lost


def cases() -> list[Case]:
    """Every real daemon of the contract suite, anew."""
    found: list[Case] = []
    for path in sorted((ROOT / "tests" / "speaker_contract" / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"scenario_case_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += [one for one in module.CASES if one.is_wired]
    return found


def case_named(name: str) -> Case:
    """One of them."""
    return next(one for one in cases() if one.name == name)
