"""The FIB watch against real kernels: what changed, where, when, by which device."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from namespaces import Host, Network, needs_namespaces, wait_until

from anyplane.lab.probes.fib_messages import Change
from anyplane.lab.probes.fib_watch import FibLog, FibPlan, read

PREFIX4, PREFIX6 = "198.51.100.0/24", "2001:db8:53::/48"


@dataclass
class Watched:
    """Two joined nodes and a watch over both."""

    one: Host
    other: Host
    device: str
    log: Path
    process: subprocess.Popen[bytes]

    def seen(self, *, count: int) -> FibLog:
        """The log once it has that many changes."""
        wait_until(lambda: len(read(self.log).changes) >= count)
        return read(self.log)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    needs_namespaces()
    with Network() as network:
        one, other = network.host("one"), network.host("other")
        device = network.link(one, ["10.0.0.0/31", "fd00::/127"], other, ["10.0.0.1/31", "fd00::1/127"])
        plan = FibPlan(
            log=str(tmp_path / "fib"),
            nodes={host.name.split("-")[-1]: f"/run/netns/{host.name}" for host in (one, other)},
            prefixes=(PREFIX4, PREFIX6),
        )
        (tmp_path / "plan.json").write_text(plan.to_text())
        process = subprocess.Popen(
            [sys.executable, "-m", "anyplane.lab.probes.fib_watch", str(tmp_path / "plan.json")]
        )
        try:
            log = Path(plan.log)
            wait_until(lambda: log.exists() and b"started" in log.read_bytes())
            yield Watched(one=one, other=other, device=device, log=log, process=process)
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_changes_of_both_families_are_told_with_node_device_and_next_hop(watched: Watched) -> None:
    began = time.monotonic()
    watched.one.run("ip", "route", "add", PREFIX4, "via", "10.0.0.1")
    watched.one.run("ip", "route", "replace", PREFIX4, "dev", watched.device)
    watched.other.run("ip", "-6", "route", "add", PREFIX6, "via", "fd00::")
    watched.one.run("ip", "route", "add", "203.0.113.0/24", "via", "10.0.0.1")
    watched.one.run("ip", "route", "del", PREFIX4)
    ended = time.monotonic()

    log = watched.seen(count=4)

    assert [(one.node, one.change, one.prefix, one.devices, one.next_hops) for one in log.changes] == [
        ("one", Change.ADDED, PREFIX4, (watched.device,), ("10.0.0.1",)),
        ("one", Change.REPLACED, PREFIX4, (watched.device,), ()),
        ("other", Change.ADDED, PREFIX6, (watched.device,), ("fd00::",)),
        ("one", Change.REMOVED, PREFIX4, (watched.device,), ()),
    ]
    assert all(began <= one.at <= ended + 1 for one in log.changes)  # it is the time of hearing
    assert not log.overflows
    last = log.last(prefix=PREFIX4, since=began)
    assert last is not None
    assert (last.node, last.change) == ("one", Change.REMOVED)
    first = log.first(node="one", prefix=PREFIX4, since=began)
    assert first is log.changes[0]


def test_several_paths_and_blackholes_are_told(watched: Watched) -> None:
    watched.one.run(
        *("ip", "route", "add", PREFIX4, "nexthop", "via", "10.0.0.1", "nexthop", "dev", watched.device)
    )
    watched.one.run("ip", "route", "replace", "blackhole", PREFIX4)
    watched.one.run("ip", "-6", "route", "add", "unreachable", PREFIX6)

    log = watched.seen(count=3)

    assert [(one.devices, one.next_hops) for one in log.changes[:2]] == [
        ((watched.device, watched.device), ("10.0.0.1",)),
        ((), ("blackhole",)),
    ]
    assert log.changes[2].next_hops == ("unreachable",)


def test_devices_that_come_later_have_names(watched: Watched) -> None:
    watched.one.run("ip", "link", "add", "late", "type", "veth", "peer", "name", "later")
    watched.one.run("ip", "link", "set", "late", "up")
    watched.one.run("ip", "route", "add", PREFIX4, "dev", "late")

    assert watched.seen(count=1).changes[0].devices == ("late",)
