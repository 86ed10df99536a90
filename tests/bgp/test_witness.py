"""The witness beside a real BIRD and a real FRR, and beside peers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Self

import anyio
import pytest
from namespaces import Host, Network, needs_namespaces, needs_program
from witness_daemons import PREFIXES, bird, frr, plan_of, start_bird, start_frr

from anyplane.bgp.speaker import SessionState
from anyplane.bgp.wire import (
    Attributes,
    Capabilities,
    Family,
    Keepalive,
    Notification,
    Open,
    Segment,
    SegmentKind,
    Update,
    parse,
    render,
)
from anyplane.bgp.wire.attributes import Origin
from anyplane.bgp.witness import Change, Stand, Witness, prepends, stands_of
from anyplane.bgp.witness_sessions import IPV6_BLOCK, NEXT_HOP
from anyplane.design.operation import DaemonKind
from anyplane.model.errors import KernelError
from anyplane.model.nouns import Asn

STAND = Stand(
    host=ip_address("127.0.0.1"),
    port=0,
    asn=Asn(64510),
    neighbor=ip_address("192.0.2.0"),
    peer_asn=Asn(64500),
)


@contextlib.asynccontextmanager
async def serving(witness: Witness) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        await group.start(witness.serve)
        yield
        group.cancel_scope.cancel()


async def until(condition: Callable[[], object], within: float = 15) -> None:
    with anyio.fail_after(within):
        while not condition():  # noqa: ASYNC110  # what is awaited is in another process
            await anyio.sleep(0.01)


def inside(host: Host, body: Callable[[], Awaitable[None]]) -> None:
    """Run an async test body with its sockets in the namespace."""
    host.call(lambda: anyio.run(body))


def seen(witness: Witness) -> dict[tuple[str, str], tuple[int, int, tuple[str, ...]]]:
    return {
        (str(one.route.neighbor), str(one.route.prefix)): (
            one.route.prepend,
            one.route.med,
            tuple(sorted(one.route.communities)),
        )
        for one in witness.routes()
    }


EXPECTED = {
    ("192.0.2.0", str(PREFIXES[0])): (0, 0, ()),
    ("2001:db8:ffff::", str(PREFIXES[1])): (0, 0, ()),
    ("192.0.2.2", str(PREFIXES[0])): (1, 50, ("64500:1:2", "65535:0")),
    ("2001:db8:ffff::2", str(PREFIXES[1])): (1, 50, ("64500:1:2", "65535:0")),
}


def birdc(control: Path, command: str) -> str:
    done = subprocess.run(["birdc", "-s", str(control), command], capture_output=True, text=True, timeout=10)
    return done.stdout


def test_bird_shows_the_witness_what_each_upstream_gets_and_every_change_of_it() -> None:
    needs_namespaces()
    needs_program("bird", "birdc")
    plan = plan_of(DaemonKind.BIRD)
    with Network() as network:
        host = network.host("site")
        witness = Witness(stands_of(plan))

        async def body() -> None:
            async with serving(witness):
                control = start_bird(host, bird(plan))
                await until(lambda: len(witness.routes()) == 4)
                assert seen(witness) == EXPECTED
                assert {one.state for one in witness.sessions()} == {SessionState.UP}
                assert {one.reason for one in witness.sessions()} == {""}
                with witness.changes() as changes:
                    (host.directory / "bird.conf").write_text(
                        bird(plan, second="bgp_path.prepend(64500); bgp_path.prepend(64500);")
                    )
                    await anyio.to_thread.run_sync(birdc, control, "configure")
                    await until(lambda: seen(witness)[("192.0.2.2", str(PREFIXES[0]))][0] == 2)
                    began = time.monotonic()
                    (host.directory / "bird.conf").write_text(bird(plan, is_announced=False))
                    await anyio.to_thread.run_sync(birdc, control, "configure")
                    await until(lambda: not witness.routes())
                    told: list[Change] = []
                    with anyio.move_on_after(0.2):
                        async for change in changes:
                            told.append(change)
                    gone = [one for one in told if one.after is None and one.prefix is not None]
                    assert {(str(one.neighbor), str(one.prefix)) for one in gone} == set(EXPECTED)
                    assert all(began <= one.at <= time.monotonic() for one in gone)
                    assert changes.lost == 0

        inside(host, body)


def test_frr_shows_the_witness_what_each_upstream_gets() -> None:
    needs_namespaces()
    needs_program("/usr/lib/frr/bgpd")
    plan = plan_of(DaemonKind.FRR)
    with Network() as network:
        host = network.host("site")
        host.run("ip", "-6", "route", "replace", "local", str(IPV6_BLOCK), "dev", "lo")
        for session in plan.sessions:
            host.run("ip", "address", "add", str(session.local), "dev", "lo")
        witness = Witness(stands_of(plan))

        async def body() -> None:
            async with serving(witness):
                start_frr(host, frr(plan))
                try:
                    await until(lambda: len(witness.routes()) == 4)
                except TimeoutError:
                    pytest.fail(f"{witness.sessions()}")
                assert seen(witness) == EXPECTED

        inside(host, body)


def test_what_a_killed_bird_announced_is_gone_at_once_and_comes_back_with_it() -> None:
    needs_namespaces()
    needs_program("bird")
    plan = plan_of(DaemonKind.BIRD)
    with Network() as network:
        host = network.host("site")
        witness = Witness(stands_of(plan))

        async def body() -> None:
            async with serving(witness):
                start_bird(host, bird(plan))
                await until(lambda: len(witness.routes()) == 4)
                host.stop(host._daemons[-1])
                await until(lambda: not witness.routes(), within=2)
                assert all("closed the connection" in one.reason for one in witness.sessions())
                (host.directory / "bird.ctl").unlink(missing_ok=True)
                start_bird(host, bird(plan))
                await until(lambda: len(witness.routes()) == 4)

        inside(host, body)


def test_bird_counts_a_route_as_exported_that_the_witness_is_sent_a_withdrawal_of() -> None:
    """The pin behind NEXT_HOP: RFC 4271 section 5.1.3, when the next hop would be the neighbour's address."""
    needs_namespaces()
    needs_program("bird", "birdc")
    plan = plan_of(DaemonKind.BIRD)
    with Network() as network:
        host = network.host("site")
        witness = Witness(stands_of(plan))

        async def body() -> None:
            async with serving(witness):
                control = start_bird(host, bird(plan).replace(f"next hop address {NEXT_HOP};", ""))
                await until(lambda: len(witness.routes()) == 2)
                await until(lambda: all(one.state is SessionState.UP for one in witness.sessions()))
                await anyio.sleep(0.5)
                shown = await anyio.to_thread.run_sync(
                    birdc, control, "show protocols all witness_as64510_v6"
                )

                assert "1 exported" in shown
                assert {one.route.prefix.version for one in witness.routes()} == {4}

        inside(host, body)


class Peer:
    """A BGP peer made of a plain socket, which may say whatever a test wants."""

    def __init__(self, stand: Stand, *, asn: int = 64500, hold_s: int = 9) -> None:
        self.asn, self.hold_s = asn, hold_s
        self.connection = socket.create_connection((str(stand.host), stand.port), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, *messages: object) -> None:
        for one in messages:
            self.connection.sendall(one if isinstance(one, bytes) else render(one))  # type: ignore[arg-type]

    def open(self) -> None:
        capabilities = Capabilities(families=tuple(Family), asn4=Asn(self.asn))
        identifier = IPv4Address("192.0.2.1")
        self.send(
            Open(asn=Asn(self.asn), hold_s=self.hold_s, identifier=identifier, capabilities=capabilities)
        )
        self.send(Keepalive())

    def last(self) -> object:
        """The last message before the witness closes."""
        data = b""
        while part := self.connection.recv(65536):
            data += part
        messages = []
        while data:
            size = int.from_bytes(data[16:18], "big")
            messages.append(parse(data[:size]))
            data = data[size:]
        return messages[-1]


def announce(*prefixes: str, path: tuple[int, ...] = (64500,)) -> Update:
    attributes = Attributes(
        origin=Origin.IGP,
        as_path=(Segment(kind=SegmentKind.SEQUENCE, asns=path),),
        next_hop=IPv4Address("192.0.2.1"),
    )
    return Update(attributes=attributes, announced_v4=tuple(ip_network(one) for one in prefixes))


def off(function: Callable[..., object], *arguments: object) -> Awaitable[object]:
    return anyio.to_thread.run_sync(function, *arguments)


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_peer_with_too_many_prefixes_is_closed_with_cease_1() -> None:
    witness = Witness([STAND], max_prefixes=2)
    async with serving(witness):
        with Peer(witness.stands[0]) as peer:
            peer.open()
            peer.send(announce("198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"))
            last = await off(peer.last)

            assert isinstance(last, Notification)
            assert (last.code, last.subcode) == (6, 1)
            assert str(last) == "Cease/Maximum Number of Prefixes Reached"
            assert witness.routes() == frozenset()
            assert "more than 2 prefixes" in witness.sessions()[0].reason


async def test_the_wrong_as_is_told_so_and_the_reason_is_kept() -> None:
    witness = Witness([STAND])
    async with serving(witness):
        with Peer(witness.stands[0], asn=64999) as peer:
            peer.open()
            last = await off(peer.last)

            assert isinstance(last, Notification)
            assert (last.code, last.subcode) == (2, 2)
            assert "the peer is AS64999, not AS64500" in witness.sessions()[0].reason


async def test_garbage_does_not_touch_the_session_that_is_up() -> None:
    witness = Witness([STAND])
    async with serving(witness):
        with Peer(witness.stands[0]) as good:
            good.open()
            good.send(announce("198.51.100.0/24", path=(64500, 64500)))
            await until(witness.routes)
            for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 15 + b"x", b"\xff" * 16 + b"\0\x13\x09"):
                with Peer(witness.stands[0]) as bad:
                    bad.send(junk)
                    assert isinstance(await off(bad.last), Notification)
            with Peer(witness.stands[0]) as silent:
                silent.connection.close()

            (route,) = witness.routes()
            assert route.route.prepend == 1
            assert witness.sessions()[0].state is SessionState.UP


async def test_a_newer_connection_of_the_same_peer_replaces_the_older() -> None:
    witness = Witness([STAND])
    async with serving(witness):
        with Peer(witness.stands[0]) as old, Peer(witness.stands[0]) as new:
            old.open()
            old.send(announce("198.51.100.0/24"))
            await until(witness.routes)
            new.open()
            new.send(announce("203.0.113.0/24"))
            await until(lambda: {str(one.route.prefix) for one in witness.routes()} == {"203.0.113.0/24"})

            last = await off(old.last)
            assert isinstance(last, Notification)
            assert (last.code, last.subcode) == (6, 7)
            assert witness.sessions()[0].state is SessionState.UP


async def test_a_silent_peer_is_dropped_when_its_hold_time_ends() -> None:
    witness = Witness([STAND])
    async with serving(witness):
        with Peer(witness.stands[0], hold_s=3) as peer:
            peer.open()
            peer.send(announce("198.51.100.0/24"))
            await until(witness.routes)
            began = time.monotonic()
            last = await off(peer.last)

            assert isinstance(last, Notification)
            assert last.code == 4
            assert 2.5 < time.monotonic() - began < 3.8
            assert witness.routes() == frozenset()
            assert witness.sessions()[0].reason == "nothing came for 3 s (RFC 4271 section 6.5)"


async def test_an_address_that_is_not_allowed_gets_no_word() -> None:
    stand = Stand(
        host=ip_address("127.0.0.1"),
        port=0,
        asn=Asn(64510),
        neighbor=ip_address("192.0.2.0"),
        allowed=frozenset({ip_address("127.0.0.9")}),
    )
    witness = Witness([stand])
    async with serving(witness):
        with Peer(witness.stands[0]) as peer:
            assert await off(peer.connection.recv, 100) == b""
            assert "127.0.0.1, which is not allowed" in witness.sessions()[0].reason


async def test_the_shutdown_communication_becomes_the_reason() -> None:
    witness = Witness([STAND])
    words = b"planned work, ticket 7"
    async with serving(witness):
        with Peer(witness.stands[0]) as peer:
            peer.open()
            peer.send(announce("198.51.100.0/24"))
            await until(witness.routes)
            peer.send(Notification(code=6, subcode=2, data=bytes((len(words),)) + words))
            await until(lambda: not witness.routes())

            reason = witness.sessions()[0].reason
            assert reason == 'the peer sent Cease/Administrative Shutdown: "planned work, ticket 7"'


async def test_a_slow_reader_loses_the_oldest_changes_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anyplane.bgp.witness.MAX_CHANGES", 3)
    witness = Witness([STAND])
    async with serving(witness):
        with witness.changes() as changes, Peer(witness.stands[0]) as peer:
            peer.open()
            peer.send(announce(*(f"198.51.{number}.0/24" for number in range(10))))
            await until(lambda: len(witness.routes()) == 10)

            assert changes.lost == 8  # the session, and seven routes
            assert str((await anext(changes)).prefix) == "198.51.7.0/24"


async def test_an_address_that_is_taken_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        stand = Stand(
            host=ip_address("127.0.0.1"),
            port=taken.getsockname()[1],
            asn=Asn(64510),
            neighbor=ip_address("192.0.2.0"),
        )
        with pytest.raises(KernelError, match=r"cannot listen on 127.0.0.1 port"):
            with anyio.fail_after(5):
                await Witness([STAND, stand]).serve()


def test_prepends_are_the_further_copies_of_the_origin() -> None:
    assert prepends((64500,), 64500) == 0
    assert prepends((64500, 64500, 64500), 64500) == 2
    assert prepends((64510, 64500, 64500), 64500) == 1
    assert prepends((64510,), 64500) == 0
    assert prepends((), 64500) == 0
