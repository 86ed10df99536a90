"""What we rely on in GoBGP 3 and 4, pinned: when one fails, its speaker must be thought through again."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import anyio
import pytest
from namespaces import needs_namespaces, needs_program, wait_until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bgp"))

from gobgp_binaries import ACTIVE, BINARIES, needs_gobgp  # the path is set just above
from small_site import BOTH, V4, V6, Wired, announced, router, wired

from anyplane.bgp.gobgp import GobgpSpeaker, render
from anyplane.bgp.gobgp.paths import Told
from anyplane.bgp.router import RouterPlan
from anyplane.design.operation import DaemonKind
from anyplane.model.nouns import Asn

OTHER = Asn(64520)


class Site:
    """GoBGP with two upstreams: one with a v4 and a v6 session, and OTHER, whose neighbour is not there."""

    def __init__(self, site: Wired, binary: str) -> None:
        self.site = site
        self.binary = binary
        self.socket = site.site.directory / "gobgp.sock"
        self.plan: RouterPlan = router(
            DaemonKind.GOBGP,
            replace(V4, is_passive=True),
            replace(V6, is_passive=True),
            control=str(self.socket),
        )
        self.start()

    def start(self) -> None:
        conf = self.site.site.directory / "gobgpd.conf"
        # A second upstream without a living neighbour: only its VRF matters here.
        dead = replace(V4, name="dead", upstream=OTHER, neighbor=ip_address("192.0.2.99"), is_passive=False)
        conf.write_text(render(replace(self.plan, sessions=(*self.plan.sessions, dead))))
        self.socket.unlink(missing_ok=True)
        self.process = self.site.site.start(
            self.binary, "-f", str(conf), "--api-hosts", f"unix://{self.socket}", "--pprof-disable"
        )
        wait_until(self.socket.exists)
        wait_until(lambda: self.site.receiver.has_sessions(2), timeout=20)

    def run(self, body: Callable[[GobgpSpeaker], Awaitable[None]]) -> None:
        async def whole() -> None:
            speaker = GobgpSpeaker(self.plan)
            try:
                await body(speaker)
                await speaker.apply(frozenset())
            finally:
                await speaker.aclose()

        self.site.run(whole)


@pytest.fixture(scope="module", params=BINARIES, ids=["gobgp3", "gobgp4"])
def gobgp(request: pytest.FixtureRequest) -> Iterator[Site]:
    needs_namespaces()
    needs_program("bird")
    needs_gobgp(request.param)
    with wired(ACTIVE) as site:
        yield Site(site, request.param)


def test_a_vrf_tells_its_own_neighbours_and_nobody_else(gobgp: Site) -> None:
    async def body(speaker: GobgpSpeaker) -> None:
        await speaker.apply(BOTH)
        await gobgp.site.until(lambda: len(gobgp.site.receiver.prefixes()) == 2)
        speaker._client.announce(OTHER, Told(prefix=announced("203.0.113.0/24").prefix))
        await anyio.sleep(0.3)

        assert len(gobgp.site.receiver.prefixes()) == 2
        assert len(speaker._client.told(OTHER, 4)) == 1
        assert "generic" not in gobgp.site.receiver.ask("show route all").lower()
        assert "ext_community" not in gobgp.site.receiver.ask("show route all")
        speaker._client.withdraw(OTHER, Told(prefix=announced("203.0.113.0/24").prefix))

    gobgp.run(body)


def test_the_export_policy_lets_nothing_out_that_is_not_ours(gobgp: Site) -> None:
    async def body(speaker: GobgpSpeaker) -> None:
        for text in ("192.0.2.128/25", "0.0.0.0/0"):
            speaker._client.announce(V4.upstream, Told(prefix=announced(text).prefix))
        await speaker.apply(BOTH)
        await gobgp.site.until(lambda: len(gobgp.site.receiver.prefixes()) == 2)
        await anyio.sleep(0.2)

        assert len(gobgp.site.receiver.prefixes()) == 2
        for text in ("192.0.2.128/25", "0.0.0.0/0"):
            speaker._client.withdraw(V4.upstream, Told(prefix=announced(text).prefix))

    gobgp.run(body)


def test_announcing_again_replaces_and_withdrawing_what_is_not_there_is_no_error(gobgp: Site) -> None:
    async def body(speaker: GobgpSpeaker) -> None:
        told = Told(prefix=announced("198.51.100.0/24").prefix, med=5)
        speaker._client.announce(V4.upstream, told)
        speaker._client.announce(V4.upstream, replace(told, med=7))

        assert speaker._client.told(V4.upstream, 4) == {replace(told, med=7)}
        speaker._client.withdraw(V4.upstream, told)
        speaker._client.withdraw(V4.upstream, told)
        assert not speaker._client.told(V4.upstream, 4)

    gobgp.run(body)


def test_a_restart_forgets_every_route(gobgp: Site) -> None:
    async def announce(speaker: GobgpSpeaker) -> None:
        await speaker.apply(BOTH)
        gobgp.site.site.stop(gobgp.process)
        await gobgp.site.until(lambda: not gobgp.site.receiver.prefixes())
        await anyio.to_thread.run_sync(gobgp.start)

        assert not (await speaker.observe()).routes
        assert not gobgp.site.receiver.prefixes()

    gobgp.run(announce)
