"""WitnessStage: a daemon with the configuration that `anyplane render` prints, two real upstreams, a witness.

The plan names two upstreams with both families. Everything async runs in the site's namespace.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TypeVar

import anyio
from case import Case
from namespaces import Network
from receiver import Neighbor, Receiver

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Route, Speaker
from anyplane.bgp.witness import Witness, prepends, stands_of
from anyplane.bgp.witness_sessions import needed_routes
from anyplane.design.operation import Address, Endpoint, Safety, Session
from anyplane.kernel.loopback_routes import LoopbackRoute, LoopbackRoutes
from anyplane.kernel.netlink import Netlink
from anyplane.model.nouns import Announcement, Asn, Prefix, SiteName, UpstreamKind

T = TypeVar("T")
OURS, NEAR, FAR = Asn(64500), Asn(64510), Asn(64520)
V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")
PLACES = (
    ("as64510_v4", NEAR, "192.0.2.0", "192.0.2.1"),
    ("as64510_v6", NEAR, "2001:db8:ffff::", "2001:db8:ffff::1"),
    ("as64520_v4", FAR, "192.0.2.2", "192.0.2.3"),
    ("as64520_v6", FAR, "2001:db8:ffff::2", "2001:db8:ffff::3"),
)


def announced(prefix: Prefix, upstream: Asn, **attributes: object) -> Announcement:
    """`prefix` to one upstream."""
    plain = Announcement(
        prefix=prefix, site=SiteName("fra"), upstream=upstream, kind=UpstreamKind.TRANSIT, origin=OURS
    )
    return replace(plain, **attributes)  # type: ignore[arg-type]


STEERED: dict[str, object] = {
    "as_path_prepend": 2,
    "med": 50,
    "communities": ("64520:77", "65535:0", "64500:1:2"),
}
WANTED = frozenset(
    (
        announced(V4, NEAR),
        announced(V6, NEAR),
        announced(V4, FAR, **STEERED),
        announced(V6, FAR, **STEERED),
    )
)


@dataclass(frozen=True)
class Parts:
    """What a test body works with."""

    speaker: Speaker
    witness: Witness


class WitnessStage:
    """One daemon; `run` is a test's way in."""

    def __init__(self, case: Case, network: Network) -> None:
        self.case = case
        self.site = network.host("site")
        near, far = network.host("near"), network.host("far")
        network.link(
            self.site,
            ["192.0.2.1/31", "2001:db8:ffff::1/127"],
            near,
            ["192.0.2.0/31", "2001:db8:ffff::/127"],
        )
        network.link(
            self.site,
            ["192.0.2.3/31", "2001:db8:ffff::3/127"],
            far,
            ["192.0.2.2/31", "2001:db8:ffff::2/127"],
        )
        extra = "passive on; hold time 9; error wait time 1, 2; connect delay time 1;"
        self.receivers = {
            asn: Receiver(
                host,
                asn,
                [Neighbor(theirs, ours, extra=extra) for _, one, theirs, ours in PLACES if one == asn],
            )
            for asn, host in ((NEAR, near), (FAR, far))
        }
        daemon = replace(case.daemon(self.site), witness=Endpoint(host="127.0.0.1", port=1790))
        self.plan = RouterPlan(
            site=SiteName("fra"),
            asn=OURS,
            router_id=IPv4Address("192.0.2.1"),
            daemon=daemon,
            sessions=tuple(
                Session(
                    name=name,
                    upstream=asn,
                    neighbor=ip_address(theirs),
                    local=ip_address(ours),
                    hold_s=9,
                    imports="none",
                )
                for name, asn, theirs, ours in PLACES
            ),
            kinds={NEAR: UpstreamKind.TRANSIT, FAR: UpstreamKind.TRANSIT},
            prefixes=(V4, V6),
            announcements=tuple(WANTED),
            safety=Safety(),
        )
        self.case.start(self.site, self.plan)

    def close(self) -> None:
        """Hang up."""
        self.case.stop(self.site)
        for receiver in self.receivers.values():
            receiver.close()

    def run(self, body: Callable[[Parts], Awaitable[T]]) -> T:
        """What `body` returns inside the site, with every session of upstreams and witness up."""

        async def whole() -> T:
            speaker = self.case.speaker(self.plan)
            witness = Witness(stands_of(self.plan))
            with Netlink() as netlink:
                routes = LoopbackRoutes(
                    netlink, (LoopbackRoute(prefix=p, is_local=own) for p, own in needed_routes(self.plan))
                )
                routes.ensure()
                try:
                    async with serving(witness):
                        with anyio.fail_after(60):
                            await speaker.apply(frozenset())
                            await until(lambda: self._is_connected(witness), told=witness.sessions)
                            return await body(Parts(speaker, witness))
                finally:
                    await speaker.aclose()
                    routes.forget()

        if self.case.name in ("bird2", "bird3", "frr"):
            for prefix in (V4, V6):
                self.site.run("ip", "address", "replace", str(prefix), "dev", "lo")
        return self.site.call(lambda: anyio.run(whole))

    def received(self) -> frozenset[Route]:
        """What the real upstreams hold, under the name of the session that brought it."""
        found = set()
        for asn, receiver in self.receivers.items():
            for prefix, one in receiver.routes().items():
                found.add(
                    Route(
                        neighbor=neighbor_of(asn, prefix),
                        prefix=prefix,
                        prepend=prepends(one.as_path, OURS),
                        med=one.med,
                        communities=one.communities,
                    )
                )
        return frozenset(found)

    def _is_connected(self, witness: Witness) -> bool:
        return all(one.has_sessions(2) for one in self.receivers.values()) and all(
            one.state == "up" for one in witness.sessions()
        )


@contextlib.asynccontextmanager
async def serving(witness: Witness) -> AsyncIterator[None]:
    """The witness listens inside the `async with`."""
    async with anyio.create_task_group() as group:
        await group.start(witness.serve)
        yield
        group.cancel_scope.cancel()


async def until(
    condition: Callable[[], object],
    *,
    within: float = 20,
    every: float = 0.01,
    told: Callable[[], object] = lambda: "",
) -> float:
    """Seconds until `condition()` held."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < within, f"not so after {within} s: {told()}"
        await anyio.sleep(every)
    return time.monotonic() - begin


def neighbor_of(asn: Asn, prefix: Prefix) -> Address:
    """The upstream's address on its session of the prefix's family."""
    return next(
        address
        for address in (ip_address(theirs) for _, one, theirs, _ in PLACES if one == asn)
        if address.version == prefix.version
    )


def shown(witness: Witness) -> frozenset[Route]:
    """What the witness holds."""
    return frozenset(one.route for one in witness.routes())
