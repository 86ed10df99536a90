"""BackendSite: a router with an agent and BIRD, four DNS servers behind it, an upstream that asks them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from typing import Self

from lone_site import V4, V6, LoneSite, case_named
from namespaces import Host, wait_until

NAME = "up.example."
FLOWS = 2000
FIRST_PORT = 20000
AT_ONCE = 250
SERVICE = {4: "198.51.100.53", 6: "2001:db8:53::53"}
SETTINGS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.fib_multipath_hash_policy=1",
)
# id.up.example. TXT IN, recursion desired
_QUESTION = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02id\x02up\x07example\x00\x00\x10\x00\x01"


def address(number: int, family: int) -> str:
    """Of a backend, on its link."""
    return f"10.0.{number}.2" if family == 4 else f"fd00:{number}::2"


def _backends() -> str:
    lines = [f'addresses: ["{SERVICE[4]}", "{SERVICE[6]}"]', "    need_backends: 2", "    backends:"]
    for family in (4, 6):
        for number in range(4):
            at = address(number, family)
            probe = f'{{name: up.example, type: A, expect: [192.0.2.7], server: "{at}"}}'
            lines.append(
                f'      - {{name: b{number}v{family}, address: "{at}", checks: [{{dns: {probe}, fall: 2}}]}}'
            )
    return "\n".join(lines)


class BackendSite:
    """Everything but the agent runs after the first line; `make_whole` starts what does not run."""

    def __init__(self) -> None:
        self.router = LoneSite(case_named("bird2"), health=_backends())
        self.client = self.router.upstream
        self.hosts: list[Host] = []
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        self.router.host.run("sysctl", "-qw", *SETTINGS)
        self.client.run("ip", "route", "add", "198.51.100.0/24", "via", V4[0])
        self.client.run("ip", "-6", "route", "add", "2001:db8:53::/48", "via", V6[0])
        for number in range(4):
            self._backend(number)
        self.router.start_daemon()

    def _backend(self, number: int) -> None:
        network = self.router.network
        host = network.host(f"b{number}")
        network.link(
            self.router.host,
            [f"10.0.{number}.1/24", f"fd00:{number}::1/64"],
            host,
            [f"{address(number, family)}/{24 if family == 4 else 64}" for family in (4, 6)],
        )
        host.run("ip", "route", "add", "default", "via", f"10.0.{number}.1")
        host.run("ip", "-6", "route", "add", "default", "via", f"fd00:{number}::1")
        for service in SERVICE.values():
            host.run("ip", "address", "add", f"{service}/{128 if ':' in service else 32}", "dev", "lo")
        self.hosts.append(host)
        self.start_server(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing of it stays."""
        self.router.close()

    def start_server(self, number: int) -> None:
        """The backend's DNS server, which says which one it is."""
        host = self.hosts[number]
        conf = host.directory / "unbound.conf"
        conf.write_text(
            'server:\n  username: ""\n  chroot: ""\n  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n'
            f'  directory: "{host.directory}"\n  interface: 0.0.0.0\n  interface: ::0\n'
            "  interface-automatic: yes\n  access-control: 0.0.0.0/0 allow\n  access-control: ::0/0 allow\n"
            f'  module-config: "iterator"\n  local-zone: "example." static\n'
            f'  local-data: "{NAME} 1 A 192.0.2.7"\n  local-data: "id.{NAME} 1 TXT b{number}"\n'
            "remote-control:\n  control-enable: no\n"
        )
        self.servers[number] = host.start("unbound", "-d", "-c", str(conf), log="unbound.log")
        words = ("kdig", "@127.0.0.1", "+short", "+timeout=1", "+retry=0", NAME, "A")
        wait_until(lambda: "192.0.2.7" in host.run(*words, check=False))

    def kill_server(self, number: int) -> None:
        """It dies without a word."""
        server = self.servers.pop(number)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)

    def make_whole(self) -> None:
        """Agent and servers run, all is announced, and every backend is live."""
        for number in range(4):
            if number not in self.servers:
                self.start_server(number)
        if self.router.agent is None:
            self.router.start_agent()
        self.router.wait_announced()
        self.wait_live(4)

    def live(self) -> set[str]:
        """The backends that `anyplane site status` calls live."""
        return set(self.router.status()["services"][0]["backends"])

    def alarm(self) -> str:
        """What the agent says of the host's settings."""
        return str(self.router.status()["alarms"].get("forwarding to backends", ""))

    def wait_live(self, count: int) -> None:
        """So many of each family are live, and the kernel has been told."""
        wait_until(lambda: len(self.live()) == 2 * count, timeout=20)
        time.sleep(0.3)

    def flows(self, family: int) -> dict[int, str]:
        """Source port to the server that answered, for one question of every flow."""
        found: dict[int, str] = {}
        for _ in range(4):  # a datagram may be lost on a busy machine
            lacking = [port for port in range(FIRST_PORT, FIRST_PORT + FLOWS) if port not in found]
            for begin in range(0, len(lacking), AT_ONCE):
                window = lacking[begin : begin + AT_ONCE]
                found |= self.client.call(lambda window=window: _asked(window, family))  # type: ignore[misc]
        return found


def moved(before: dict[int, str], after: dict[int, str], *, but: str = "") -> int:
    """How many flows of servers other than `but` are with another server now, or with none."""
    return sum(after.get(port) != server for port, server in before.items() if server != but)


def _asked(ports: list[int], family: int) -> dict[int, str]:
    kind, here = (socket.AF_INET, "") if family == 4 else (socket.AF_INET6, "::")
    flows: dict[int, socket.socket] = {}
    found: dict[int, str] = {}
    try:
        for port in ports:
            flows[port] = flow = socket.socket(kind, socket.SOCK_DGRAM)
            flow.bind((here, port))
            # Not connected: such a socket has a random hash, which a veth carries to the router's choice.
            flow.sendto(_QUESTION, (SERVICE[family], 53))
        end = time.monotonic() + 0.5
        for port, flow in flows.items():
            flow.settimeout(max(0.001, end - time.monotonic()))
            try:
                found[port] = flow.recv(512)[-2:].decode("ascii", "replace")
            except TimeoutError:
                continue
    finally:
        for flow in flows.values():
            flow.close()
    return found
