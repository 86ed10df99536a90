"""The way of a client's packets to the service, hop by hop, with the nodes and metros that it leads through.

The question id.server goes out with TTL 1, 2, 3...; a router on the way says that its time was up (ICMP, read
from the socket's error queue, so that no privilege is needed), and the site answers it. A router says so from
the address of the link by which the packet came in; the blueprint knows whose that is.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from anyplane.lab.blueprint import Blueprint, Node
from anyplane.lab.probes.prober_sockets import Doors, destination, now_us, queued_error
from anyplane.lab.probes.queries import NO_SITE, Client, Kind, ProbeTarget
from anyplane.lab.probes.questions import identity_of, question, site_of

MOST_HOPS = 30
_PATIENCE_US = 50_000
"""Once the site has answered, for the routers before it that take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Who answered at this TTL; address "" where nobody did, node "" where the address is not the lab's."""

    ttl: int
    address: str = ""
    rtt_ms: float | None = None
    node: str = ""
    metro: str = ""
    asn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """All hops up to the site or the last who answered. site: who answered the question, "" for nobody."""

    client: str
    address: str
    site: str
    hops: tuple[Hop, ...]

    @property
    def as_path(self) -> tuple[int, ...]:
        """The AS numbers in order, each once in a row; hops that nobody knows are left out."""
        found: list[int] = []
        for hop in self.hops:
            if hop.asn and (not found or found[-1] != hop.asn):
                found.append(hop.asn)
        return tuple(found)


def addresses(blueprint: Blueprint) -> Mapping[str, Node]:
    """Whose each address of the lab is: loopbacks, ends of links, ports of exchanges, clients."""
    found: dict[str, Node] = {}
    for node in blueprint.nodes:
        found[str(node.loopback4)] = found[str(node.loopback6)] = node
        for family in (4, 6):
            found[str(node.client_address(family))] = node
    for link in blueprint.links:
        for end in (link.a, link.b):
            found[str(link.v4(end).ip)] = found[str(link.v6(end).ip)] = blueprint.by_name[end]
    for exchange in blueprint.exchanges:
        for port in exchange.ports:
            node = blueprint.by_name[port.node]
            found[str(exchange.v4(port.node).ip)] = found[str(exchange.v6(port.node).ip)] = node
    return found


def trace(
    client: Client, address: str, known: Mapping[str, Node], *, port: int = 53, timeout_s: float = 1.5
) -> Path:
    """All TTLs at once, so that it takes one round trip. Call it in a thread of its own (`in_new_thread`)."""
    target = ProbeTarget(address=address, port=port, kind=Kind.UDP)
    where = destination(target)
    doors = Doors((client,))
    try:
        made = doors.datagrams(client, target.family)
    finally:
        doors.close()
    said: dict[int, tuple[str, float]] = {}
    site, end = NO_SITE, 0
    with made, select.epoll() as epoll:
        epoll.register(made.fileno(), select.EPOLLIN)
        sent: dict[int, int] = {}
        for ttl in range(1, MOST_HOPS + 1):
            if target.family == 4:
                made.setsockopt(socket.SOL_IP, socket.IP_TTL, ttl)
            else:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            for _ in range(2):  # the first may only tell of an error that came meanwhile
                sent[ttl] = now_us()
                try:
                    made.sendto(question(ttl), where)
                except OSError:
                    _hear(made, sent, said)
                    continue
                break
        until = now_us() + int(timeout_s * 1e6)
        while (now := now_us()) < until and not (end and all(ttl in said for ttl in range(1, end))):
            for _, events in epoll.poll((until - now) / 1e6):
                at = now_us()
                if events & select.EPOLLERR:
                    _hear(made, sent, said)
                if events & select.EPOLLIN:
                    data, source = made.recvfrom(2048)
                    ttl = identity_of(data) or 0
                    if source == where and ttl in sent:
                        said.setdefault(ttl, (address, (at - sent[ttl]) / 1000))
                        site = site or site_of(data)
            if not end and any(who == where[0] or who == address for who, _ in said.values()):
                until = min(until, now_us() + _PATIENCE_US + _slowest(said))
            end = min((ttl for ttl, (who, _) in said.items() if who in (address, where[0])), default=0)
    last = end or max(said, default=0)
    return Path(
        client=client.name,
        address=address,
        site=site,
        hops=tuple(_hop(ttl, said.get(ttl), known) for ttl in range(1, last + 1)),
    )


def placed(path: Path, blueprint: Blueprint) -> Path:
    """The same with the last hop's node: the service address is every site's, but one answered."""
    node = blueprint.site_nodes.get(path.site)
    if node is None or not path.hops or path.hops[-1].node:
        return path
    last = path.hops[-1]
    ended = Hop(
        ttl=last.ttl,
        address=last.address,
        rtt_ms=last.rtt_ms,
        node=node.name,
        metro=node.location.metro,
        asn=int(node.asn),
    )
    return Path(client=path.client, address=path.address, site=path.site, hops=(*path.hops[:-1], ended))


def _hear(made: socket.socket, sent: Mapping[int, int], said: dict[int, tuple[str, float]]) -> None:
    while (told := queued_error(made)) is not None:
        data, _, offender = told
        ttl, who = identity_of(data), _address(offender)
        if ttl in sent and ttl is not None and who:
            said.setdefault(ttl, (who, (now_us() - sent[ttl]) / 1000))


def _address(raw: bytes) -> str:
    """Of the socket address that follows an error: who complained."""
    if len(raw) < 8:
        return ""
    family = struct.unpack_from("=H", raw)[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[4:8])
    if family == socket.AF_INET6 and len(raw) >= 24:
        return socket.inet_ntop(socket.AF_INET6, raw[8:24])
    return ""


def _slowest(said: Mapping[int, tuple[str, float]]) -> int:
    return int(1000 * max(took for _, took in said.values()))


def _hop(ttl: int, heard: tuple[str, float] | None, known: Mapping[str, Node]) -> Hop:
    if heard is None:
        return Hop(ttl=ttl)
    who, took = heard
    node = known.get(who)
    if node is None:
        return Hop(ttl=ttl, address=who, rtt_ms=took)
    return Hop(
        ttl=ttl,
        address=who,
        rtt_ms=took,
        node=node.name,
        metro=node.location.metro,
        asn=int(node.asn),
    )
