"""Health checks as an agent runs them, under measurement: `python -m bench.check_load KIND COUNT SECONDS`.

Prints one line of JSON: CPU seconds per second, microseconds of CPU per check, memory at the peak, results.
KIND is one of KINDS, or `mix`, which has of each as many as MIX says for 500 checks. `--uvloop` takes
that loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import anyio

from anyplane.control.health import CheckResult
from anyplane.design.operation import (
    Check,
    DnsProbe,
    Endpoint,
    HttpProbe,
    IcmpProbe,
    Probe,
    ProcessProbe,
    TcpProbe,
)
from anyplane.measure import Runner

KINDS = ("dns", "http", "tcp", "icmp", "process")
MIX = {"dns": 200, "http": 100, "tcp": 100, "icmp": 50, "process": 50}
WARM_S = 2.0


def main() -> None:
    """Start the servers, run the checks, print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=(*KINDS, "mix"))
    parser.add_argument("count", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    parts = [options.kind] if options.kind != "mix" else [one for one in KINDS for _ in range(MIX[one])]
    servers = subprocess.Popen(
        [sys.executable, "-m", "bench.check_servers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert servers.stdin is not None
    assert servers.stdout is not None
    try:
        ports = json.loads(servers.stdout.readline())
        with tempfile.NamedTemporaryFile("w") as pidfile:
            pidfile.write(str(ports["pid"]))
            pidfile.flush()
            kinds = [parts[index % len(parts)] for index in range(options.count)]
            checks = {
                f"{kind}{index}": Check(name=kind, probe=probe(kind, ports, pidfile.name))
                for index, kind in enumerate(kinds)
            }
            found = anyio.run(load, checks, options.seconds, backend_options={"use_uvloop": options.uvloop})
    finally:
        servers.stdin.close()
        servers.wait(timeout=10)
        servers.stdout.close()
    print(json.dumps(found))


def probe(kind: str, ports: dict[str, int], pidfile: str) -> Probe:
    """One probe of a kind, of the servers."""
    if kind == "dns":
        server = Endpoint(host="127.0.0.1", port=ports["dns"])
        return DnsProbe(server=server, name="www.example.net", expect=("192.0.2.7",))
    if kind == "http":
        return HttpProbe(url=f"http://127.0.0.1:{ports['http']}/health", body="ok")
    if kind == "tcp":
        return TcpProbe(to=Endpoint(host="127.0.0.1", port=ports["tcp"]))
    return IcmpProbe(host="127.0.0.1") if kind == "icmp" else ProcessProbe(pidfile=pidfile)


async def load(checks: dict[str, Check], seconds: float) -> dict[str, object]:
    """What the checks cost after they have settled."""
    results: list[CheckResult] = []
    runner = Runner(checks, results.append)
    async with anyio.create_task_group() as group:
        group.start_soon(runner.run)
        await asyncio.sleep(WARM_S)
        results.clear()
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        cpu, took, count = time.process_time() - cpu, time.monotonic() - began, len(results)
        group.cancel_scope.cancel()
    failed = Counter(one.detail for one in results if not one.is_ok)
    return {
        "cpu_share": cpu / took,
        "us_per_check": cpu / count * 1e6,
        "rss": peak(),
        "results_per_s": count / took,
        "failed": failed.total(),
        "why": failed.most_common(1)[0][0] if failed else "",
    }


def peak() -> int:
    """The most memory that this process had, bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
