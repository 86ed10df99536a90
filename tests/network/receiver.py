"""Receiver: a real BIRD as the upstream of a site under test; what its table holds is the truth of a test."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from namespaces import Host, wait_until

from anyplane.model.nouns import Prefix


@dataclass(frozen=True)
class Received:
    """One route as the upstream holds it."""

    prefix: Prefix
    as_path: tuple[int, ...] = ()
    communities: frozenset[str] = frozenset()
    med: int = 0


@dataclass
class Neighbor:
    """One session of the receiver: its own address and that of the site's router."""

    local: str
    remote: str
    remote_asn: int = 64500
    extra: str = ""
    """More lines of `protocol bgp`, e.g. 'password "x";' or 'hold time 3;'."""
    channel: str = "import all; export none;"


class Receiver:
    """BIRD with the given ASN on `host`; passive towards each neighbour, keeps all that it is sent."""

    def __init__(self, host: Host, asn: int, neighbors: Iterable[Neighbor], *, extra: str = "") -> None:
        self.host = host
        self.asn = asn
        self.socket = host.directory / "receiver.ctl"
        self.conf = host.directory / "receiver.conf"
        self.write(neighbors, extra=extra)
        self.process = host.start("bird", "-f", "-c", str(self.conf), "-s", str(self.socket))
        wait_until(self.socket.exists)
        self._connection = host.closing.enter_context(_connect(self.socket))

    def write(self, neighbors: Iterable[Neighbor], *, extra: str = "") -> None:
        """The configuration file anew; `ask("configure")` makes it count."""
        lines = ["router id 10.255.0.1;", "protocol device { scan time 1; }", extra]
        for number, one in enumerate(neighbors):
            family = "ipv6" if ":" in one.remote else "ipv4"
            lines.append(
                f"protocol bgp n{number} {{ local {one.local} as {self.asn}; "
                f"neighbor {one.remote} as {one.remote_asn}; {one.extra} {family} {{ {one.channel} }}; }}"
            )
        self.conf.write_text("\n".join(lines) + "\n")

    def ask(self, command: str) -> str:
        """The reply to one command, whole."""
        return _ask(self._connection, command)

    def close(self) -> None:
        """Hang up before the network ends, which hangs up too."""
        self._connection.close()

    def prefixes(self) -> frozenset[Prefix]:
        """All that it holds now."""
        return frozenset(
            ip_network(text)
            for text in re.findall(r"^(?:1007-|\s)([0-9a-f.:]+/\d+)", self.ask("show route"), re.MULTILINE)
        )

    def routes(self) -> dict[Prefix, Received]:
        """All that it holds now, with attributes (of the best route of each prefix)."""
        found: dict[Prefix, Received] = {}
        prefix: Prefix | None = None
        facts: dict[str, str] = {}

        def keep() -> None:
            if prefix is not None and prefix not in found:
                plain = re.findall(r"\((\d+),\s*(\d+)\)", facts.get("BGP.community", ""))
                large = re.findall(r"\((\d+),\s*(\d+),\s*(\d+)\)", facts.get("BGP.large_community", ""))
                found[prefix] = Received(
                    prefix=prefix,
                    as_path=tuple(int(asn) for asn in facts.get("BGP.as_path", "").split()),
                    communities=frozenset(":".join(parts) for parts in [*plain, *large]),
                    med=int(facts.get("BGP.med", "0")),
                )

        for line in self.ask("show route all").splitlines():
            text = re.sub(r"^\d{4}[- ]", "", line)
            if match := re.match(r"\s?([0-9a-f.:]+/\d+)\s", text):
                keep()
                prefix, facts = ip_network(match[1]), {}
            elif match := re.match(r"\s*(BGP\.\w+):\s*(.*)", text):
                facts[match[1]] = match[2]
        keep()
        return found

    def has_sessions(self, count: int) -> bool:
        """Are at least so many sessions Established?"""
        return self.ask("show protocols").count("Established") >= count

    def seconds_until(self, condition: Callable[[frozenset[Prefix]], bool], *, timeout: float = 10) -> float:
        """Seconds until the table is so, polled every millisecond; AssertionError after `timeout`."""
        begin = time.monotonic()
        while not condition(held := self.prefixes()):
            waited = time.monotonic() - begin
            assert waited < timeout, f"after {waited:.1f} s it still holds {sorted(map(str, held))}"
            time.sleep(0.001)
        return time.monotonic() - begin


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(path))
    connection.recv(4096)
    return connection


def _ask(connection: socket.socket, command: str) -> str:
    connection.sendall(command.encode() + b"\n")
    reply = b""
    while not re.search(rb"(?:^|\n)\d{4} [^\n]*\n$", reply):
        part = connection.recv(65536)
        assert part, "the receiver's BIRD hung up"
        reply += part
    return reply.decode()
