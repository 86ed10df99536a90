"""ICMP checks of loopback and of a namespace; NTP checks of a small responder."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest
from namespaces import Network, needs_namespaces
from small_servers import ask, black_hole, free_ports, udp_server

from anyplane.design.operation import Endpoint, IcmpProbe, NtpProbe
from anyplane.measure import Outcome, Shared, once
from anyplane.measure.icmp import checksum

EPOCH = 2_208_988_800


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_an_address_that_replies_passes(host: str) -> None:
    outcome = ask(IcmpProbe(host=host))

    assert outcome.is_ok, outcome.detail
    assert outcome.detail == "echo reply"


def test_a_host_without_a_route_fails_at_once_and_a_silent_one_at_its_deadline() -> None:
    needs_namespaces()
    with Network() as network:
        here, there = network.host("here"), network.host("there")
        network.link(here, "192.0.2.1/30", there, "192.0.2.2/30")
        there.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")

        silent = here.call(lambda: ask(IcmpProbe(host="192.0.2.2"), timeout_s=0.2))
        lost = here.call(lambda: ask(IcmpProbe(host="198.51.100.1"), timeout_s=0.2))
        there.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")
        back = here.call(lambda: ask(IcmpProbe(host="192.0.2.2")))

    assert silent.detail == "no answer in 200 ms, waiting for the echo reply"
    assert lost.detail == "network is unreachable"
    assert back.is_ok


def test_a_reply_with_other_bytes_or_from_elsewhere_is_none() -> None:
    needs_namespaces()

    def answer(change: Callable[[bytes], bytes], source: str) -> Callable[[], None]:
        def serve() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
                sock.settimeout(5)
                sock.bind((source, 0))
                ready.set()
                message = b""
                while message[:1] != b"\x08":
                    message = sock.recv(2048)[20:] if source == "192.0.2.2" else hear.recv(2048)[20:]
                body = message[4:8] + change(message[8:])
                head = b"\0\0"
                sock.sendto(
                    head + checksum(head + b"\0\0" + body).to_bytes(2, "big") + body, ("192.0.2.1", 0)
                )

        return serve

    outcomes = {}
    with Network() as network:
        here, there = network.host("here"), network.host("there")
        network.link(here, "192.0.2.1/30", there, "192.0.2.2/30")
        there.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        there.run("ip", "address", "add", "198.51.100.3/32", "dev", "lo")
        here.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 0")
        here.run("ip", "route", "add", "198.51.100.3/32", "via", "192.0.2.2")
        hear = there.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
        hear.settimeout(5)
        cases: tuple[tuple[str, Callable[[bytes], bytes], str], ...] = (
            ("true", bytes, "192.0.2.2"),
            ("other bytes", lambda body: body[:-1] + bytes([body[-1] ^ 1]), "192.0.2.2"),
            ("from elsewhere", bytes, "198.51.100.3"),
        )
        for name, change, source in cases:
            ready = threading.Event()
            thread = threading.Thread(target=there.call, args=(answer(change, source),))
            thread.start()
            assert ready.wait(5)
            outcomes[name] = here.call(lambda: ask(IcmpProbe(host="192.0.2.2"), timeout_s=0.3)).is_ok
            thread.join()
            hear.settimeout(0.01)
            with contextlib.suppress(TimeoutError):
                while True:
                    hear.recv(2048)
            hear.settimeout(5)
        hear.close()

    assert outcomes == {"true": True, "other bytes": False, "from elsewhere": False}


@pytest.mark.parametrize("groups", ["1 0", "0 2147483647"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_raw_and_unprivileged_sockets_both_serve_many_at_once(groups: str, host: str) -> None:
    needs_namespaces()

    async def many() -> list[Outcome]:
        shared, outcomes = Shared(), []

        async def one() -> None:
            outcomes.append(await once(IcmpProbe(host=host), shared=shared))

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one)
        shared.close()
        return outcomes

    with Network() as network:
        here = network.host("here")
        here.run("sysctl", "-qw", f"net.ipv4.ping_group_range={groups}")
        outcomes = here.call(lambda: anyio.run(many))

    assert len(outcomes) == 100
    assert all(one.is_ok for one in outcomes), {one.detail for one in outcomes}


def test_the_checksum_of_a_message_with_its_checksum_is_zero() -> None:
    data = bytes(range(40))

    assert checksum(data + checksum(data).to_bytes(2, "big")) == 0


def _reply(
    query: bytes, *, head: int = 0x24, stratum: int = 2, code: bytes = b"\x7f\0\0\1", off: float = 0.0
) -> bytes:
    now = int((time.time() + off + EPOCH) * 2**32) % 2**64
    return struct.pack("!BBbb8x4s8x8sQQ", head, stratum, 6, -20, code, query[40:48], now, now)


@pytest.mark.parametrize("family", [4, 6])
def test_a_synchronised_server_passes(family: int) -> None:
    with udp_server(lambda query: [_reply(query)], family=family) as server:
        outcome = ask(NtpProbe(server=server, stratum=4, offset_s=0.05))

    assert outcome.is_ok, outcome.detail
    assert outcome.detail.startswith("stratum 2, offset ")


def test_what_is_wrong_with_a_server_is_said() -> None:
    def answered(probe: NtpProbe | None = None, **changes: object) -> Outcome:
        with udp_server(lambda query: [_reply(query, **changes)]) as server:  # type: ignore[arg-type]
            return ask(replace(probe or NtpProbe(server=server), server=server))

    any_ = NtpProbe(server=Endpoint(host="", port=0))
    assert answered(stratum=0, code=b"RATE").detail == "kiss-o'-death: RATE"
    assert answered(head=0xE4).detail == "the server is not synchronised"
    assert answered(stratum=16).detail == "the server is not synchronised"
    assert answered(head=0x23).detail == "answered in mode 3, not 4 (server)"
    assert answered(replace(any_, stratum=1)).detail.endswith("stratum is more than 1")
    assert answered(replace(any_, offset_s=0.1), off=0.3).detail.endswith("more than 100 ms away")
    far = answered(replace(any_, offset_s=1.0), off=0.3).detail
    assert float(far.split()[3]) == pytest.approx(300, abs=50)
    assert answered(replace(any_, offset_s=0.1), off=-0.3).is_ok is False


def test_an_answer_to_another_request_is_none() -> None:
    def forge(query: bytes) -> list[bytes]:
        return [_reply(bytes(48)), b"", _reply(query)[:40], query]

    with udp_server(forge) as server:
        outcome = ask(NtpProbe(server=server), timeout_s=0.2)
    with black_hole(family=6) as server:
        silent = ask(NtpProbe(server=server), timeout_s=0.1)
    closed = ask(NtpProbe(server=Endpoint(host="127.0.0.1", port=free_ports(1)[0])))

    assert outcome.detail == "no answer in 200 ms, waiting for the answer"
    assert silent.detail == "no answer in 100 ms, waiting for the answer"
    assert closed.detail == "connection refused"


def test_without_any_permission_the_detail_says_what_to_grant() -> None:
    needs_namespaces()
    script = (
        "import anyio; from anyplane.measure import once; from anyplane.design.operation import IcmpProbe;"
        "print(anyio.run(once, IcmpProbe(host='127.0.0.1')).detail)"
    )
    with Network() as network:
        here = network.host("here")
        said = here.run(
            "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", script
        )

    assert "net.ipv4.ping_group_range" in said
    assert "CAP_NET_RAW" in said
