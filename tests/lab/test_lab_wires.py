"""Real frames through the real relay: on time, in order, whole, and harmed as asked."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import needs_namespaces, needs_program, wait_until
from wired import NAMES, A, B, C, D, Wired, drained, wired

from anyplane.lab.wires.wires import Way, Wires
from anyplane.model.errors import LabError

SENDER = """
import random, socket, sys
with socket.create_connection((sys.argv[2], 7000), 60, (sys.argv[1], 0)) as connection:
    connection.sendall(random.Random(1).randbytes(1 << 20) * 20)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    needs_namespaces()
    needs_program("ping")
    with wired(tmp_path_factory.mktemp("wires")) as lab:
        yield lab


@pytest.fixture
def lab(running: Wired) -> Iterator[Wired]:
    yield running
    running.wires.clear()


def ends(lab: Wired, family: int = 4, link: int = 0) -> tuple[str, str]:
    """The addresses of a link's ends."""
    cable = lab.plan.links[link]
    a, b = (cable.v4(n) if family == 4 else cable.v6(n) for n in (cable.a, cable.b))
    return str(a.ip), str(b.ip)


def received(
    lab: Wired, sender: str, source: str, receiver: str, target: str, count: int, quiet_s: float = 3.0
) -> int:
    """How many of `count` datagrams arrive, when that many seconds without one mean that none will."""
    with lab.bound(receiver, target) as inbox, lab.bound(sender, source) as outbox:
        for _ in range(count):
            outbox.sendto(bytes(64), (target, 7000))
        return len(drained(inbox, quiet_s, enough=count))


@pytest.mark.parametrize("family", [4, 6])
def test_a_round_trip_takes_twice_the_delay(lab: Wired, family: int) -> None:
    assert 20.0 <= lab.quickest(A, ends(lab, family)[1], 20.0) < 20.5


def test_a_cable_without_delay_hands_on_at_once(lab: Wired) -> None:
    assert lab.quickest(B, ends(lab, link=1)[1], 0.0) < 0.5


def test_extra_delay_adds_to_one_direction(lab: Wired) -> None:
    lab.wires.shape(0, extra_delay_ms=7, direction="from_a")

    assert 27.0 <= lab.quickest(A, ends(lab)[1], 27.0) < 27.5


@pytest.mark.parametrize(("one", "other", "wanted"), [(A, B, 6.0), (A, D, 10.0), (C, D, 14.0)])
def test_an_exchange_adds_the_delays_of_both_ports(lab: Wired, one: str, other: str, wanted: float) -> None:
    assert wanted <= lab.quickest(one, lab.plan.exchanges[0].v4(other).ip, wanted) < wanted + 0.5


def test_an_exchange_delivers_to_the_addressee_alone_and_broadcasts_to_all_others(lab: Wired) -> None:
    exchange = lab.plan.exchanges[0]
    macs = {name: bytes.fromhex(exchange.mac(name).replace(":", "")) for name in NAMES}
    sockets = {name: lab.raw(name, "x0") for name in NAMES}
    mark = b"\x88\xb5" + b"anyplane" * 8
    try:
        sockets[A].send(macs[C] + macs[A] + mark)
        sockets[A].send(b"\xff" * 6 + macs[A] + mark)
        found = {
            name: sorted(frame[:6] for frame in drained(sockets[name]) if frame[12:] == mark)
            for name in (B, C, D)
        }
        echoed = [frame for frame in drained(sockets[A]) if frame[12:] == mark]
    finally:
        for each in sockets.values():
            each.close()

    assert found == {B: [b"\xff" * 6], C: [macs[C], b"\xff" * 6], D: [b"\xff" * 6]}
    assert echoed == []


@pytest.mark.parametrize("family", [4, 6])
def test_a_burst_arrives_complete_and_in_order(lab: Wired, family: int) -> None:
    a, b = ends(lab, family)
    with lab.bound(B, b) as inbox, lab.bound(A, a) as outbox:
        for number in range(6_000):
            outbox.sendto(number.to_bytes(4, "big"), (b, 7000))
        numbers = [int.from_bytes(each, "big") for each in drained(inbox, 3.0, enough=6_000)]

    assert numbers == list(range(6_000))


@pytest.mark.parametrize("family", [4, 6])
def test_twenty_megabytes_by_tcp_arrive_as_sent(lab: Wired, family: int) -> None:
    a, b = ends(lab, family)
    digest = hashlib.sha256()

    def receive(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(60)
            while piece := connection.recv(1 << 18):
                digest.update(piece)

    before = lab.wires.stats([0])["cables"]["l0"]["from_a"]
    with lab.bound(B, b, socket.SOCK_STREAM) as listener:
        listener.listen()
        receiver = threading.Thread(target=receive, args=(listener,))
        receiver.start()
        lab.run(A, sys.executable, "-c", SENDER, a, b)
        receiver.join(60)

    assert digest.digest() == hashlib.sha256(random.Random(1).randbytes(1 << 20) * 20).digest()
    counts = lab.wires.stats([0])
    frames, octets = (counts["cables"]["l0"]["from_a"][each] - before[each] for each in ("frames", "octets"))
    assert octets / frames > 3_000  # trains of segments, not single ones
    assert (counts["missed"], counts["cut_short"], counts["refused"]) == (0, 0, 0)


def test_loss_is_as_asked_and_in_one_direction(lab: Wired) -> None:
    a, b = ends(lab)
    lab.wires.shape(0, loss=0.3, direction="from_a")

    assert 1_950 < received(lab, A, a, B, b, 3_000, 1.0) < 2_250
    assert received(lab, B, b, A, a, 500) == 500


def test_a_rate_limit_spaces_frames_and_drops_what_its_buffer_cannot_hold(lab: Wired) -> None:
    a, b = ends(lab)
    lab.wires.shape(0, rate_bps=2e6, buffer_ms=1_000)
    with lab.bound(B, b) as inbox, lab.bound(A, a) as outbox:
        begin = time.monotonic()
        for _ in range(101):
            outbox.sendto(bytes(958), (b, 7000))  # a frame of 1,000 octets, 4 ms
        assert len(drained(inbox, 3.0, enough=101)) == 101
        took = time.monotonic() - begin
        lab.wires.shape(0, rate_bps=2e6, buffer_ms=50)

        def kept() -> int:
            for _ in range(101):
                outbox.sendto(bytes(958), (b, 7000))
            return len(drained(inbox))

        # 50 ms hold 12 frames; each 4 ms that sending the burst takes lets in one more.
        tries = [kept()]
        wait_until(lambda: tries[-1] <= 40 or tries.append(kept()))

    assert 0.4 <= took < 4
    assert min(tries) >= 12


def test_a_cut_is_silent_one_way_if_asked_and_heals(lab: Wired) -> None:
    a, b = ends(lab)
    lab.wires.cut(0, direction="from_a")

    assert received(lab, A, a, B, b, 50, 0.3) == 0
    assert received(lab, B, b, A, a, 50) == 50
    assert lab.run(A, "ip", "-br", "link", "show", "dev", "l0").split()[1] == "UP"
    assert lab.wires.stats([0])["harmed"] == {"l0 from_a": {"is_cut": True}}
    lab.wires.heal(0)
    assert received(lab, A, a, B, b, 50) == 50
    assert lab.wires.stats()["harmed"] == {}


def test_a_cut_port_leaves_the_other_ports_alone(lab: Wired) -> None:
    exchange = lab.plan.exchanges[0]
    lab.wires.cut((0, 2))

    assert lab.round_trips(A, exchange.v4(B).ip, 3) == []
    wait_until(lambda: len(lab.round_trips(A, exchange.v4(C).ip, 3)) == 3)


@pytest.mark.parametrize(("which", "device", "nodes"), [(0, "l0", (A, B)), ((0, 2), "x0", (B,))])
def test_an_unplugged_cable_takes_the_carrier_and_gives_it_back(
    lab: Wired, which: int | tuple[int, int], device: str, nodes: tuple[str, ...]
) -> None:
    address = lab.plan.links[0].v6(B).ip if which == 0 else lab.plan.exchanges[0].v6(B).ip
    lab.wires.unplug(which)
    states = [lab.run(node, "ip", "-br", "link", "show", "dev", device) for node in nodes]
    lab.wires.plug(which)

    assert all("NO-CARRIER" in state for state in states)
    wait_until(lambda: lab.round_trips(A, address, 1))


def test_healing_a_cut_keeps_the_loss(lab: Wired) -> None:
    lab.wires.shape("l0", loss=0.5)
    lab.wires.cut("l0")
    lab.wires.heal("l0")

    assert lab.wires.stats()["harmed"] == {"l0 from_a": {"loss": 0.5}, "l0 from_b": {"loss": 0.5}}


def test_frames_that_make_no_sense_pass_as_they_are_and_hurt_nobody(lab: Wired) -> None:
    frames = [bytes(14), b"\xff" * 15, os.urandom(60), os.urandom(1_514)]
    with lab.raw(A, "l0") as sender, lab.raw(B, "l0") as receiver, lab.raw(A, "x0") as port:
        for frame in frames:
            sender.send(frame)
            port.send(frame)
        found = drained(receiver)

    assert [frame for frame in found if frame in frames] == frames
    wait_until(lambda: len(lab.round_trips(A, ends(lab)[1], 3)) == 3)


def test_lateness_is_reported_and_begins_anew_when_asked(lab: Wired) -> None:
    wait_until(lambda: len(lab.round_trips(A, ends(lab)[1], 5)) == 5)

    lateness = lab.wires.stats(is_reset=True)["lateness"]
    assert lateness["frames"] >= 10
    assert 0 < lateness["p50_us"] <= lateness["p99_us"] <= lateness["max_us"]
    assert lab.wires.stats()["lateness"]["frames"] < lateness["frames"]


@pytest.mark.parametrize(
    ("which", "how", "text"),
    [
        (9, {}, "no cable l9"),
        ((0, 7), {}, "no cable x0p7"),
        ("eth0", {}, "no cable eth0"),
        (0, {"loss": 2.0}, "loss is a probability"),
        (0, {"rate_bps": "much"}, "cannot be shaped so"),
        (0, {"direction": "up"}, "no direction up"),
    ],
)
def test_what_cannot_be_is_refused_in_words(lab: Wired, which: int, how: dict[str, float], text: str) -> None:
    with pytest.raises(LabError, match=text):
        lab.wires.shape(which, **how)  # type: ignore[arg-type]


def test_a_relay_that_dies_is_an_error_in_words_and_a_second_one_can_be_started(tmp_path: Path) -> None:
    needs_namespaces()
    with wired(tmp_path) as lab:
        lab.processes.called("wire", "relay").kill()
        with pytest.raises(LabError, match="the relay"):
            lab.wires.cut(0)
        lab.wires.close()
        lab.wires.start()
        wait_until(lambda: len(lab.round_trips(A, ends(lab)[1], 3)) == 3)


def test_a_relay_without_its_interfaces_says_so(tmp_path: Path) -> None:
    needs_namespaces()
    with wired(tmp_path, Way.DIRECT) as lab:
        wires = Wires(
            lab.plan,
            way=Way.RELAY,
            wiring=lab.wiring,
            processes=lab.processes,
            directory=tmp_path,
        )
        with pytest.raises(LabError, match="did not start"):
            wires.start()
        wires.close()


def test_a_directory_with_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    needs_namespaces()
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    with wired(directory) as lab:
        assert lab.wires.stats()["way"] == "relay"
