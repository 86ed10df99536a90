"""GoBGP 3 and 4, driven over gRPC, with a real BIRD as the neighbour."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from gobgp_binaries import ACTIVE, BINARIES, needs_gobgp
from namespaces import frozen, needs_namespaces, needs_program, wait_until
from small_site import BOTH, V4, V6, Wired, announced, router, wired

from anyplane.bgp.gobgp import GobgpSpeaker, render
from anyplane.bgp.router import RouterPlan
from anyplane.bgp.speaker import SessionState, difference, routes_of
from anyplane.design.operation import DaemonKind
from anyplane.model.errors import SpeakerError, SpeakerRejected, SpeakerUnreachable

AGENT = """
import sys, anyio
sys.path[:0] = sys.argv[1].split(":")
from small_site import BOTH, router
from anyplane.agent.keeper import Keeper
from anyplane.bgp.gobgp import GobgpSpeaker
from anyplane.design.operation import DaemonKind

async def main():
    speaker = GobgpSpeaker(router(DaemonKind.GOBGP, control=sys.argv[2]))
    async with Keeper(orders=speaker.dead_mans_orders()) as keeper:
        await speaker.apply(BOTH)
        keeper.renew(1.0)
        print(keeper.pid, flush=True)
        while True:
            keeper.renew(1.0)
            await anyio.sleep(0.1)

anyio.run(main)
"""


class Running:
    """A gobgpd with the rendered configuration in a wired site."""

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
        self.conf = site.site.directory / "gobgpd.conf"
        self.conf.write_text(render(self.plan))
        self.start()

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.process = self.site.site.start(
            self.binary, "-f", str(self.conf), "--api-hosts", f"unix://{self.socket}", "--pprof-disable"
        )
        wait_until(self.socket.exists)
        wait_until(lambda: self.site.receiver.has_sessions(2), timeout=20)

    def agent(self) -> subprocess.Popen[str]:
        here = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1] / "network")])
        agent = subprocess.Popen(
            ["ip", "netns", "exec", self.site.site.name, sys.executable, "-c", AGENT, here, str(self.socket)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert agent.stdout is not None
        assert agent.stdout.readline()
        wait_until(lambda: len(self.site.receiver.prefixes()) == 2)
        return agent


def ended(agent: subprocess.Popen[str]) -> None:
    agent.kill()
    agent.wait(5)
    assert agent.stdout is not None
    agent.stdout.close()


@pytest.fixture(scope="module", params=BINARIES, ids=["gobgp3", "gobgp4"])
def gobgp(request: pytest.FixtureRequest) -> Iterator[Running]:
    needs_namespaces()
    needs_program("bird")
    needs_gobgp(request.param)
    with wired(ACTIVE) as site:
        yield Running(site, request.param)


def test_what_each_neighbour_is_sent_is_read_back_exactly(gobgp: Running) -> None:
    wanted = frozenset(
        (
            announced("198.51.100.0/24", "65535:0", "65535:666", "64500:1:2", prepend=3, med=50),
            announced("2001:db8:53::/48", "64500:7", prepend=1),
        )
    )

    async def body() -> None:
        speaker = GobgpSpeaker(gobgp.plan)
        await speaker.apply(wanted)
        await gobgp.site.until(lambda: len(gobgp.site.receiver.prefixes()) == 2)
        seen = await speaker.observe()

        assert difference(routes_of(wanted, gobgp.plan.sessions), seen).is_healed
        assert {one.state for one in seen.sessions} == {SessionState.UP}
        held = {str(prefix): route for prefix, route in gobgp.site.receiver.routes().items()}
        assert held["198.51.100.0/24"].as_path == (64500,) * 4
        assert held["198.51.100.0/24"].med == 50
        assert held["198.51.100.0/24"].communities == {"65535:0", "65535:666", "64500:1:2"}
        assert held["2001:db8:53::/48"].as_path == (64500, 64500)
        await speaker.apply(frozenset())
        await speaker.aclose()

    gobgp.site.run(body)


def test_another_process_withdraws_all_by_the_dead_mans_order(gobgp: Running) -> None:
    async def body() -> None:
        speaker = GobgpSpeaker(gobgp.plan)
        await speaker.apply(BOTH)
        await gobgp.site.until(lambda: len(gobgp.site.receiver.prefixes()) == 2)
        (order,) = speaker.dead_mans_orders()
        await speaker.aclose()

        done = await anyio.run_process(order, check=False)

        assert done.returncode == 0, done.stderr
        assert not gobgp.site.receiver.prefixes()

    gobgp.site.run(body)


def test_an_agent_that_is_killed_is_withdrawn_by_its_keeper(gobgp: Running) -> None:
    agent = gobgp.agent()
    try:
        agent.kill()

        assert gobgp.site.receiver.seconds_until(lambda held: not held) < 1.5
    finally:
        ended(agent)


def test_an_agent_that_is_stopped_is_withdrawn_at_its_deadline(gobgp: Running) -> None:
    agent = gobgp.agent()
    try:
        with frozen(agent.pid):
            assert 0.7 < gobgp.site.receiver.seconds_until(lambda held: not held) < 3
    finally:
        ended(agent)


def test_a_session_that_was_shut_down_in_panic_comes_back_with_the_next_apply(gobgp: Running) -> None:
    async def body() -> None:
        speaker = GobgpSpeaker(gobgp.plan)
        speaker._client.disable("192.0.2.0")
        speaker._disabled.add(gobgp.plan.sessions[0].neighbor)
        await anyio.sleep(0.2)
        down, _ = (await speaker.observe()).sessions

        await speaker.apply(frozenset())

        assert down.state is SessionState.DOWN
        assert "administratively down" in down.reason
        again, _ = (await speaker.observe()).sessions
        assert "administratively" not in again.reason
        await speaker.aclose()

    gobgp.site.run(body)


def test_a_daemon_with_another_configuration_is_refused_with_the_fix(gobgp: Running) -> None:
    async def body() -> None:
        other_asn = GobgpSpeaker(replace(gobgp.plan, asn=64501))
        stranger = replace(gobgp.plan.sessions[0], upstream=64999)
        no_vrf = GobgpSpeaker(replace(gobgp.plan, sessions=(stranger,)))

        with pytest.raises(SpeakerRejected, match="AS64500, not AS64501"):
            await other_asn.apply(BOTH)
        with pytest.raises(SpeakerRejected, match="anyplane render"):
            await no_vrf.apply(frozenset((replace(announced("198.51.100.0/24"), upstream=64999),)))

        await other_asn.aclose()
        await no_vrf.aclose()

    gobgp.site.run(body)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400 no\r\n\r\n", b"\x00" * 500, os.urandom(2000)])
def test_something_else_at_its_address_is_an_error_within_seconds(tmp_path: Path, reply: bytes) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)
        listener.settimeout(0.2)
        is_over = threading.Event()

        def answer() -> None:
            while not is_over.is_set():
                try:
                    connection = listener.accept()[0]
                except TimeoutError:
                    continue
                with connection:
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()

        async def body() -> None:
            speaker = GobgpSpeaker(router(DaemonKind.GOBGP, control=str(path)))
            begin = time.monotonic()
            for call in (speaker.observe, lambda: speaker.apply(BOTH)):
                with pytest.raises(SpeakerError):
                    await call()
            assert time.monotonic() - begin < 6
            await speaker.aclose()

        try:
            anyio.run(body)
        finally:
            is_over.set()
            thread.join()


def test_no_daemon_is_unreachable_and_says_where_it_looked(tmp_path: Path) -> None:
    speaker = GobgpSpeaker(router(DaemonKind.GOBGP, control=str(tmp_path / "absent")))

    async def body() -> None:
        with pytest.raises(SpeakerUnreachable, match=str(tmp_path)) as refused:
            await speaker.observe()
        assert "--api-hosts" in str(refused.value)
        await speaker.aclose()

    anyio.run(body)
