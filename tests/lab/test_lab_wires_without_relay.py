"""Cables of a lab without delays, cut by their neighbours' addresses; and netem's commands."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from namespaces import needs_namespaces, needs_program, wait_until
from wired import A, B, C, D, Wired, blueprint, wired

from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.wires import netem
from anyplane.lab.wires.schedule import Shape
from anyplane.lab.wires.wires import Way, chosen_way
from anyplane.model.errors import LabError


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    needs_namespaces()
    needs_program("ping", "ip", "bridge")
    with wired(tmp_path_factory.mktemp("direct"), Way.DIRECT) as lab:
        yield lab


@pytest.fixture
def lab(running: Wired) -> Iterator[Wired]:
    yield running
    running.wires.clear()


def reaches(lab: Wired, node: str, address: object) -> bool:
    """Whether a ping is answered, at the first try."""
    return bool(lab.round_trips(node, address, 2))


def reached(lab: Wired, node: str, address: object) -> bool:
    """Pings are answered: at last, for the machine may be busy."""
    return wait_until(lambda: reaches(lab, node, address)) >= 0


@pytest.mark.parametrize("direction", ["both", "from_a", "from_b"])
def test_a_direct_link_is_cut_silently_and_heals(lab: Wired, direction: str) -> None:
    link = lab.plan.links[0]
    addresses = link.v4(B).ip, link.v6(B).ip
    assert all(reached(lab, A, address) for address in addresses)

    lab.wires.cut(0, direction=direction)
    assert not any(reaches(lab, A, address) for address in addresses)
    assert lab.run(A, "ip", "-br", "link", "show", "dev", "l0").split()[1] == "UP"
    assert reached(lab, B, lab.plan.links[1].v4(C).ip)

    lab.wires.heal(0, direction=direction)
    assert all(reached(lab, A, address) for address in addresses)


def test_one_direction_of_a_cut_link_still_delivers(lab: Wired) -> None:
    link = lab.plan.links[0]
    lab.wires.cut(0, direction="from_b")

    with lab.bound(B, link.v4(B).ip) as inbox, lab.bound(A, link.v4(A).ip) as outbox:
        outbox.sendto(b"one way", (str(link.v4(B).ip), 7000))
        assert inbox.recv(100) == b"one way"
        inbox.sendto(b"back", (str(link.v4(A).ip), 7000))
        outbox.settimeout(0.2)
        with pytest.raises(TimeoutError):
            outbox.recv(100)


@pytest.mark.parametrize("direction", ["both", "from_a", "from_b"])
def test_a_port_of_a_bridge_is_cut_and_overlapping_cuts_heal_one_by_one(lab: Wired, direction: str) -> None:
    exchange = lab.plan.exchanges[0]
    b, c = exchange.v4(B).ip, exchange.v6(C).ip

    lab.wires.cut((0, 2), direction=direction)
    assert not reaches(lab, A, b)
    assert reached(lab, A, c)
    lab.wires.cut((0, 1), direction=direction)
    assert not reaches(lab, A, c)
    lab.wires.heal((0, 2), direction=direction)
    assert not reaches(lab, A, b)
    assert reached(lab, D, b)
    lab.wires.heal((0, 1), direction=direction)
    assert reached(lab, A, b)
    assert reached(lab, A, c)


@pytest.mark.parametrize(("which", "device", "nodes"), [(0, "l0", (A, B)), ((0, 2), "x0", (B,))])
def test_a_cable_loses_its_carrier_and_gets_it_back_and_a_cut_one_stays_cut(
    lab: Wired, which: int | tuple[int, int], device: str, nodes: tuple[str, ...]
) -> None:
    address = lab.plan.links[0].v6(B).ip if which == 0 else lab.plan.exchanges[0].v6(B).ip
    lab.wires.unplug(which)
    states = [lab.run(node, "ip", "-br", "link", "show", "dev", device) for node in nodes]
    lab.wires.cut(which)
    lab.wires.plug(which)

    assert all("LOWER_UP" not in state for state in states)
    assert not reaches(lab, A, address)
    lab.wires.heal(which)
    wait_until(lambda: reaches(lab, A, address))


def test_anything_but_a_cut_needs_delays(lab: Wired) -> None:
    with pytest.raises(LabError, match="need a lab with delays"):
        lab.wires.shape(0, loss=0.1)
    assert lab.wires.stats()["harmed"] == {}


def test_netem_gets_one_qdisc_for_each_end() -> None:
    assert netem.batches(blueprint()) == {
        A: "qdisc replace dev l0 root handle 1: netem limit 100000 delay 10000us loss 0% rate 0bit\n"
        "qdisc replace dev x0 root handle 1: netem limit 100000 delay 1000us loss 0% rate 0bit\n",
        B: "qdisc replace dev l0 root handle 1: netem limit 100000 delay 10000us loss 0% rate 0bit\n"
        "qdisc replace dev l1 root handle 1: netem limit 100000 delay 0us loss 0% rate 0bit\n"
        "qdisc replace dev x0 root handle 1: netem limit 100000 delay 2000us loss 0% rate 0bit\n",
        C: "qdisc replace dev l1 root handle 1: netem limit 100000 delay 0us loss 0% rate 0bit\n"
        "qdisc replace dev x0 root handle 1: netem limit 100000 delay 3000us loss 0% rate 0bit\n",
        D: "qdisc replace dev x0 root handle 1: netem limit 100000 delay 4000us loss 0% rate 0bit\n",
        "wire": "".join(
            f"qdisc replace dev x0p{n} root handle 1: netem limit 100000 delay {n}000us loss 0% rate 0bit\n"
            for n in (1, 2, 3, 4)
        ),
    }


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape(loss=0.305), "delay 2500us loss 30.5% rate 0bit"),
        (Shape(rate_bps=2e6), "delay 2500us loss 0% rate 2000000bit"),
        (Shape(extra_delay_ms=7.25), "delay 9750us loss 0% rate 0bit"),
        (Shape(is_cut=True, loss=0.5), "delay 2500us loss 100% rate 0bit"),
    ],
)
def test_what_netem_is_told_is_pinned_and_tc_can_read_it(shape: Shape, words: str) -> None:
    line = netem.qdisc("lo", 2.5, shape)

    assert line == f"qdisc replace dev lo root handle 1: netem limit 100000 {words}"
    needs_namespaces()
    needs_program("tc")
    spare = Namespace.made("spare")
    try:
        done = spare.call(
            lambda: subprocess.run(
                ["tc", "-batch", "-"],
                input=line + "\n",
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        )
    finally:
        spare.close()
    # What tc cannot parse it refuses in other words, before it asks the kernel.
    assert done.returncode == 0 or "qdisc kind is unknown" in done.stderr


def test_the_way_is_chosen_by_what_the_kernel_has() -> None:
    needs_namespaces()
    plan = blueprint()
    spare = Namespace.made("spare")
    try:
        has_netem = netem.is_available(spare)
        assert chosen_way(plan, spare) == (Way.NETEM if has_netem else Way.RELAY)
        assert chosen_way(replace(plan, has_delays=False), spare) == Way.DIRECT
    finally:
        spare.close()
