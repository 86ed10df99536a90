"""Stage: the network of one daemon under the contract; its two upstreams are real BIRDs."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TypeVar

import anyio
from case import Case
from namespaces import Host, Network, wait_until
from receiver import Neighbor, Received, Receiver

from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import Speaker
from anyplane.design.operation import Safety, Session
from anyplane.model.nouns import Announcement, Asn, Prefix, SiteName, UpstreamKind

T = TypeVar("T")
OURS, NEAR, FAR = Asn(64500), Asn(64510), Asn(64520)
V4, V6 = ip_network("198.51.100.0/24"), ip_network("2001:db8:53::/48")
HOST = ip_network("198.51.100.66/32")
MANY = tuple(ip_network(f"198.18.{number}.0/24") for number in range(200))
STRANGE = ip_network("203.0.113.0/24")
NEAR_V4, NEAR_V6, FAR_V4 = ip_address("192.0.2.0"), ip_address("2001:db8:ffff::"), ip_address("192.0.2.2")
SOON = 5.0
"""Seconds within which anything wanted must have happened; the figures are taken elsewhere."""


def announcement(prefix: Prefix, upstream: Asn = NEAR, **attributes: object) -> Announcement:
    """`prefix` to one upstream."""
    plain = Announcement(
        prefix=prefix, site=SiteName("fra"), upstream=upstream, kind=UpstreamKind.TRANSIT, origin=OURS
    )
    return replace(plain, **attributes)  # type: ignore[arg-type]


class Stage:
    """One daemon, started once; `run` is a test's way in."""

    def __init__(self, case: Case, network: Network) -> None:
        self.case = case
        self.site = network.host("site")
        self.receivers: dict[Asn, Receiver] = {}
        self.plan = _plan(case, self.site)
        self.speaker: Speaker = case.speaker(self.plan)
        self.is_dirty = False
        if case.is_wired:
            self._wire(network)
        if self.speaker.capabilities.has_lease:
            self.anchor()
        self.case.start(self.site, self.plan)

    def run(self, body: Callable[[Speaker], Awaitable[T]], *, plan: RouterPlan | None = None) -> T:
        """What `body` returns when it runs inside the site's namespace with a new speaker."""

        async def whole() -> T:
            self.speaker = speaker = self.case.speaker(plan or self.plan)
            try:
                with anyio.fail_after(60):
                    return await body(speaker)
            finally:
                await speaker.aclose()

        return self.site.call(lambda: anyio.run(whole))

    def clean(self) -> None:
        """Make everything as before the first test: the daemon alive, nothing announced, all sessions up."""
        if self.is_dirty:
            self.case.stop(self.site)
            self.case.start(self.site, self.plan)
            self.is_dirty = False
        if self.speaker.capabilities.has_lease:
            self.anchor()

        async def empty(speaker: Speaker) -> None:
            await speaker.apply(frozenset())
            await self.connected()

        self.run(empty)
        wait_until(lambda: not any(self.held(asn) for asn in (NEAR, FAR)))

    def close(self) -> None:
        """Hang up; the network ends the processes."""
        self.case.stop(self.site)
        for receiver in self.receivers.values():
            receiver.close()

    async def connected(self) -> None:
        """Wait until every session is up."""
        if self.case.is_wired:
            await until(
                lambda: self.receivers[NEAR].has_sessions(2) and self.receivers[FAR].has_sessions(1),
                within=20,
            )

    def anchor(self) -> None:
        """Keep every prefix of the plan on lo, as the agent does for those that are wanted."""
        prefixes = (*self.plan.prefixes, HOST)
        lines = "\n".join(f"address replace {one} dev lo" for one in prefixes)
        batch = self.site.directory / "anchors"
        batch.write_text(lines + "\n")
        self.site.run("ip", "-force", "-batch", str(batch))

    def cut_anchors(self) -> None:
        """lo as after a reboot."""
        self.site.run("ip", "-4", "address", "flush", "dev", "lo")
        self.site.run("ip", "-6", "address", "flush", "dev", "lo")

    def held(self, upstream: Asn) -> dict[Prefix, Received]:
        """What this upstream holds of ours, with attributes."""
        if self.case.is_wired:
            return self.receivers[upstream].routes()
        routes = getattr(self.speaker, "routes", ())
        neighbors = {one.neighbor for one in self.plan.sessions if one.upstream == upstream}
        return {
            one.prefix: Received(
                prefix=one.prefix,
                as_path=(OURS,) * (one.prepend + 1),
                communities=one.communities,
                med=one.med,
            )
            for one in routes
            if one.neighbor in neighbors
        }

    async def holds(self, upstream: Asn, *prefixes: Prefix) -> dict[Prefix, Received]:
        """Wait until this upstream holds exactly these; what it holds."""
        await until(
            lambda: set(self.held(upstream)) == set(prefixes),
            told=lambda: sorted(map(str, self.held(upstream))),
        )
        return self.held(upstream)

    def changes(self, upstream: Asn) -> tuple[int, int]:
        """Updates and withdrawals that this upstream has been sent, as it counts them."""
        if not self.case.is_wired:
            return 0, 0
        text = self.receivers[upstream].ask("show protocols all")
        updates = re.findall(r"Import updates:\s+(\d+)", text)
        withdrawals = re.findall(r"Import withdraws:\s+(\d+)", text)
        return sum(map(int, updates)), sum(map(int, withdrawals))

    def _wire(self, network: Network) -> None:
        near, far = network.host("near"), network.host("far")
        network.link(
            self.site, ["192.0.2.1/31", "2001:db8:ffff::1/127"], near, [f"{NEAR_V4}/31", f"{NEAR_V6}/127"]
        )
        network.link(self.site, "192.0.2.3/31", far, f"{FAR_V4}/31")
        extra = "passive on; hold time 9; error wait time 1, 2; connect delay time 1;"
        self.receivers[NEAR] = Receiver(
            near,
            NEAR,
            [
                Neighbor(str(NEAR_V4), "192.0.2.1", extra=extra),
                Neighbor(str(NEAR_V6), "2001:db8:ffff::1", extra=extra),
            ],
        )
        self.receivers[FAR] = Receiver(far, FAR, [Neighbor(str(FAR_V4), "192.0.2.3", extra=extra)])


async def until(
    condition: Callable[[], object], *, within: float = SOON, told: Callable[[], object] = lambda: ""
) -> float:
    """Seconds until `condition()` held; AssertionError after `within` seconds."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < within, f"not so after {within} s: {told()}"
        await anyio.sleep(0.01)
    return time.monotonic() - begin


def _plan(case: Case, site: Host) -> RouterPlan:
    def session(name: str, upstream: Asn, neighbor: object, local: str) -> Session:
        return Session(
            name=name,
            upstream=upstream,
            neighbor=ip_address(str(neighbor)),
            local=ip_address(local),
            hold_s=9,
            imports="none",
        )

    prefixes = (V4, V6, *MANY)
    return RouterPlan(
        site=SiteName("fra"),
        asn=OURS,
        router_id=IPv4Address("192.0.2.1"),
        daemon=case.daemon(site),
        sessions=(
            session("as64510_v4", NEAR, NEAR_V4, "192.0.2.1"),
            session("as64510_v6", NEAR, NEAR_V6, "2001:db8:ffff::1"),
            session("as64520_v4", FAR, FAR_V4, "192.0.2.3"),
        ),
        kinds={NEAR: UpstreamKind.TRANSIT, FAR: UpstreamKind.TRANSIT},
        prefixes=prefixes,
        announcements=tuple(announcement(one) for one in prefixes),
        safety=Safety(),
    )
