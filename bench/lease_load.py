"""The lease under load: `python -m bench.lease_load [--hogs N] [--nice N] [--seconds S]`, as root.

A real agent with 500 checks at 1 s drives a real BIRD in a network namespace of its own; `hogs` processes
burn what CPU there is. The kernel reports each renewal of the announced prefix's lease: the longest gap says
how near the announcement came to being lost (at `lease`, 3 s). Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from anyplane.agent import client
from anyplane.bgp.router import router_plan
from anyplane.bgp.speakers import render
from anyplane.design import parse
from anyplane.kernel.netlink import Netlink
from anyplane.model.errors import AgentUnreachable
from bench.check_load import KINDS, MIX

_IPV4_ADDRESSES = 0x10  # RTMGRP_IPV4_IFADDR
_NEW, _GONE = 20, 21  # RTM_NEWADDR, RTM_DELADDR
READY_S = 30.0


def main() -> None:
    """Enter a namespace, measure there, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hogs", type=int, default=0)
    parser.add_argument("--nice", type=int, default=-5, help="of the agent, as in its systemd unit")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("a network namespace needs root here")
    if not options.inside:
        command = [sys.executable, "-m", "bench.lease_load", *sys.argv[1:], "--inside"]
        raise SystemExit(subprocess.run(["unshare", "--net", *command]).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="anyplane-bench-") as directory:
        print(json.dumps(measure(Path(directory), options)))


def measure(directory: Path, options: argparse.Namespace) -> dict[str, object]:
    """Milliseconds between renewals, and what became of the checks."""
    with _servers() as ports, contextlib.ExitStack() as ending:
        pidfile = directory / "pid"
        pidfile.write_text(str(ports["pid"]))
        file = directory / "design.yaml"
        file.write_text(design(directory, ports, pidfile))
        conf = directory / "bird.conf"
        conf.write_text(render(router_plan(parse(file.read_text(), file=str(file)), "one")))
        (directory / "include").touch()
        ending.enter_context(_process("bird", "-f", "-c", str(conf), "-s", str(directory / "ctl")))
        agent = [sys.executable, "-m", "anyplane", "agent", str(file), "--site", "one", "--metrics", ""]
        agent += ["--run-dir", str(directory / "run"), "--state-dir", str(directory / "state")]
        running = ending.enter_context(_process("nice", "-n", str(options.nice), *agent))
        _wait_for_announcement(directory)
        for _ in range(options.hogs):
            ending.enter_context(_process(sys.executable, "-c", "while True: pass"))
        before, began = _cpu(running.pid), time.monotonic()
        gaps, gone = _renewals(options.seconds)
        share = (_cpu(running.pid) - before) / (time.monotonic() - began)
        failing = sum(one["verdict"] != "pass" for one in _status(directory)["checks"])
    gaps.sort()
    return {
        "renewals": len(gaps),
        "p50_ms": round(gaps[len(gaps) // 2] * 1e3, 1),
        "p99_ms": round(gaps[int(len(gaps) * 0.99)] * 1e3, 1),
        "worst_ms": round(gaps[-1] * 1e3, 1),
        "lease_lost": gone,
        "cpu_share": round(share, 3),
        "failing": failing,
    }


def design(directory: Path, ports: dict[str, int], pidfile: Path) -> str:
    """One site with 500 checks of five kinds."""
    kinds = {
        "dns": f"dns: {{name: a.example, expect: [192.0.2.7], server: 127.0.0.1, port: {ports['dns']}}}",
        "http": f'http: {{url: "http://127.0.0.1:{ports["http"]}/health", body: ok}}',
        "tcp": f'tcp: "127.0.0.1:{ports["tcp"]}"',
        "icmp": "icmp: 127.0.0.1",
        "process": f"process: {{pidfile: {pidfile}}}",
    }
    checks = [f"      - {{name: {kind}{n}, {kinds[kind]}}}" for kind in KINDS for n in range(MIX[kind])]
    return "\n".join(
        [
            "version: 1",
            "service: {name: load, origin: 64500, prefixes: [198.51.100.0/24]}",
            "health:",
            "  all:",
            "    need: all",
            "    checks:",
            *checks,
            "sites:",
            "  one:",
            "    metro: AMS",
            f"    daemon: {{kind: bird, control: {directory}/ctl, include: {directory}/include}}",
            "    upstreams:",
            "      - {asn: 64510, session: {neighbor: 127.0.0.2, local: 127.0.0.1, port: 1179}}",
            "",
        ]
    )


def _renewals(seconds: float) -> tuple[list[float], int]:
    """Seconds between one renewal and the next; how often the address was gone."""
    gaps: list[float] = []
    gone = 0
    last = 0.0
    with Netlink(groups=_IPV4_ADDRESSES) as news:
        ends = time.monotonic() + seconds
        while (now := time.monotonic()) < ends:
            for message in news.notifications():
                if message.kind == _GONE:
                    gone += 1
                elif message.kind == _NEW:
                    if last:
                        gaps.append(now - last)
                    last = now
            time.sleep(0.001)
    return gaps, gone


def _status(directory: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = client.ask(directory / "run" / "one.sock", {"do": "status"})  # type: ignore[assignment]
    return found


def _wait_for_announcement(directory: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with contextlib.suppress(AgentUnreachable):
            if all(one["verdict"] == "pass" for one in _status(directory)["checks"]):
                return
        time.sleep(0.1)
    raise SystemExit("the agent did not announce within 30 s")


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, int]]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.check_servers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as servers:
        assert servers.stdout is not None
        yield json.loads(servers.stdout.readline())


@contextlib.contextmanager
def _process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
