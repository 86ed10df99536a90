"""A site of one upstream with a v4 and a v6 session, as a plan and as two joined namespaces."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TypeVar

import anyio
from namespaces import Host, Network
from receiver import Neighbor, Receiver

from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import Address, Daemon, DaemonKind, Safety, Session
from anyplane.model.nouns import Announcement, Asn, SiteName, UpstreamKind

T = TypeVar("T")

UPSTREAM = Asn(64510)
PREFIXES = (ip_network("198.51.100.0/24"), ip_network("203.0.113.0/24"), ip_network("2001:db8:53::/48"))
V4 = Session(
    name="as64510_v4",
    upstream=UPSTREAM,
    neighbor=IPv4Address("192.0.2.0"),
    local=IPv4Address("192.0.2.1"),
    hold_s=9,
)
V6 = replace(V4, name="as64510_v6", neighbor=ip_address("2001:db8::2"), local=ip_address("2001:db8::1"))


def router(kind: DaemonKind, *sessions: Session, **daemon: str) -> RouterPlan:
    """The plan of a site with this daemon; without sessions, V4 and V6."""
    settings = {key: value for key, value in daemon.items() if key != "control"}
    return RouterPlan(
        site=SiteName("fra"),
        asn=Asn(64500),
        router_id=IPv4Address("192.0.2.1"),
        daemon=Daemon(kind=kind, control=daemon.get("control", ""), settings=settings),
        sessions=sessions or (V4, V6),
        kinds={UPSTREAM: UpstreamKind.TRANSIT},
        prefixes=PREFIXES,
        announcements=tuple(announced(str(one)) for one in PREFIXES),
        safety=Safety(),
    )


def announced(prefix: str, *communities: str, prepend: int = 0, med: int = 0) -> Announcement:
    """The announcement of a prefix to the upstream."""
    return Announcement(
        prefix=ip_network(prefix),
        site=SiteName("fra"),
        upstream=UPSTREAM,
        kind=UpstreamKind.TRANSIT,
        origin=Asn(64500),
        as_path_prepend=prepend,
        med=med,
        communities=communities,
    )


BOTH = frozenset((announced("198.51.100.0/24"), announced("2001:db8:53::/48")))


@dataclass
class Wired:
    """Two hosts, and a real BIRD as the upstream."""

    site: Host
    receiver: Receiver

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        """What the coroutine returns, run inside the site."""

        async def bounded() -> T:
            with anyio.fail_after(60):
                return await body()

        return self.site.call(lambda: anyio.run(bounded))

    def neighbors(self, extra: str = "passive;") -> list[Neighbor]:
        """The receiver's two sessions with something more in each."""
        return [
            Neighbor(local="192.0.2.0", remote="192.0.2.1", extra=extra),
            Neighbor(local="2001:db8::2", remote="2001:db8::1", extra=extra),
        ]

    async def until(self, condition: Callable[[], object], *, timeout: float = 15) -> float:  # noqa: ASYNC109
        """Seconds until `condition()` held, looked at every 2 ms without blocking the speaker for long."""
        begin = anyio.current_time()
        with anyio.fail_after(timeout):
            while not condition():  # noqa: ASYNC110  # it holds in another process
                await anyio.sleep(0.002)
        return anyio.current_time() - begin


@contextlib.contextmanager
def wired(extra: str = "passive;") -> Iterator[Wired]:
    """The site and its upstream, joined."""
    with Network() as network:
        site, upstream = network.host("site"), network.host("upstream")
        network.link(site, ["192.0.2.1/31", "2001:db8::1/64"], upstream, ["192.0.2.0/31", "2001:db8::2/64"])
        one = Wired(site=site, receiver=None)  # type: ignore[arg-type]  # filled in the next line
        one.receiver = Receiver(upstream, UPSTREAM, one.neighbors(extra))
        with contextlib.closing(one.receiver):
            yield one


def address(text: str) -> Address:
    """An address from its text."""
    return ip_address(text)
