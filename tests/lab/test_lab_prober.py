"""The prober against a responder in another namespace: what it counts, and what it blames on nobody else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from namespaces import Host, Network, needs_namespaces, wait_until

from anyplane.lab.probes.losses import losses, outage_interval, stalled_s, stream_losses
from anyplane.lab.probes.queries import Client, Failure, Kind, ProbeLog, ProbePlan, ProbeTarget, Turn
from anyplane.lab.probes.query_log import read
from anyplane.lab.probes.questions import question

RESPONDER = Path(__file__).with_name("lab_responder.py")
SERVICE4, SERVICE6 = "198.51.100.53", "2001:db8:53::53"
CLIENT4, CLIENT6 = "203.0.113.10", "2001:db8:c::10"
PORTS = {Kind.UDP: 53, Kind.TCP: 53, Kind.HTTP: 80, Kind.STREAM: 8081}


@dataclass
class World:
    """A client with two ways to the same addresses, a site at the end of each."""

    client: Host
    sites: tuple[Host, Host]
    responders: list[subprocess.Popen[bytes]]
    directory: Path

    def towards(self, site: int) -> None:
        """The client's routes lead to that site."""
        for family, service in ((4, SERVICE4), (6, SERVICE6)):
            via = f"10.0.{site}.1" if family == 4 else f"fd00:{site}::1"
            self.client.run("ip", f"-{family}", "route", "replace", service, "via", via)

    def respond(self, site: int) -> None:
        """A (new) responder answers at the site."""
        log = f"responder-{len(list(self.directory.rglob('responder-*')))}"
        host = self.sites[site]
        process = host.start(sys.executable, str(RESPONDER), f"site{site}", SERVICE4, SERVICE6, log=log)
        wait_until(lambda: "ready" in (host.directory / log).read_text())
        self.responders[site : site + 1] = [process]

    def is_reached(self) -> bool:
        """Do both families get an answer? A new IPv6 link takes up to a second."""

        def ask() -> bool:
            for family, service in ((socket.AF_INET, SERVICE4), (socket.AF_INET6, SERVICE6)):
                with socket.socket(family, socket.SOCK_DGRAM) as asking:
                    asking.bind((CLIENT4 if family == socket.AF_INET else CLIENT6, 0))
                    asking.settimeout(0.2)
                    asking.sendto(question(1), (service, 53))
                    try:
                        asking.recv(512)
                    except OSError:
                        return False
            return True

        return self.client.call(ask)

    def signal(self, site: int, number: int) -> float:
        """To the responder; when."""
        os.kill(self.responders[site].pid, number)  # `ip netns exec` has become the program
        return time.monotonic()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Both sites answer."""
    needs_namespaces()
    with Network() as network:
        client, *sites = (network.host(name) for name in ("client", "site0", "site1"))
        made = World(client=client, sites=(sites[0], sites[1]), responders=[], directory=network.directory)
        client.run("ip", "address", "add", f"{CLIENT4}/32", "dev", "lo")
        client.run("ip", "address", "add", f"{CLIENT6}/128", "dev", "lo", "nodad")
        for number, site in enumerate(sites):
            ours, theirs = [f"10.0.{number}.0/31", f"fd00:{number}::/127"], f"10.0.{number}.1/31"
            network.link(client, ours, site, [theirs, f"fd00:{number}::1/127"])
            site.run("ip", "address", "add", f"{SERVICE4}/32", "dev", "lo")
            site.run("ip", "address", "add", f"{SERVICE6}/128", "dev", "lo", "nodad")
            site.run("ip", "route", "add", CLIENT4, "via", f"10.0.{number}.0")
            site.run("ip", "-6", "route", "add", CLIENT6, "via", f"fd00:{number}::")
            # One destination of a process that was killed must not shut the others up for a second.
            site.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
            site.run(
                "sysctl", "-qw", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000"
            )
            made.respond(number)
        for number in (1, 0):
            made.towards(number)
            wait_until(lambda: made.is_reached())
        yield made


def test_an_idle_path_loses_nothing_at_the_rate_asked_for(world: World, tmp_path: Path) -> None:
    """1,000 queries a second over IPv4 and IPv6, from two clients."""
    plan = planned(world, tmp_path, (Kind.UDP, 4, 250), (Kind.UDP, 6, 250))
    both = (plan.clients[0], replace(plan.clients[0], name="second", users=3.0))

    # Where the machine is busy an answer may be late; half a second would count it as lost.
    log = probed(replace(plan, clients=both, timeout_s=3.0), for_s=2.0)

    found = losses(log)
    assert len(found) == 4
    assert [one.lost for one in found] == [0, 0, 0, 0]
    for one in found:
        still = stalled_s(log.stalls, log.queries[0].sent_at, log.queries[-1].sent_at)
        queries = log.of(one.number)
        span = queries[-1].sent_at - queries[0].sent_at
        slack = 0.02 + max((stall.for_s for stall in log.stalls), default=0.0)
        assert one.sent + one.unsent - 1 == pytest.approx(250 * span, abs=250 * slack)
        assert one.unsent <= 250 * (still + 0.01 * len(log.stalls)) + 1
        assert {query.site for query in queries} == {"site0"}
    assert [mark.word for mark in log.marks] == ["started", "stopping", "stopped"]


def test_a_server_that_drops_for_300_ms_costs_300_ms_of_queries(world: World, tmp_path: Path) -> None:
    times: list[float] = []

    def drop() -> None:
        times.append(world.signal(0, signal.SIGUSR1))
        time.sleep(0.3)
        times.append(world.signal(0, signal.SIGUSR2))

    log = probed(planned(world, tmp_path, (Kind.UDP, 4, 1000)), drop, for_s=0.4)

    (found,) = losses(log)
    length = times[1] - times[0]
    slack = 0.1 + stalled_s(log.stalls, times[0] - 0.1, times[1] + 0.1)
    assert found.lost + found.excused + found.unsent == pytest.approx(1000 * length, abs=1000 * slack)
    assert found.outage_s == pytest.approx(length, abs=slack)
    low, high = outage_interval(found.lost, 1000)
    assert low < found.lost / 1000 < high
    assert found.failures == {Failure.TIMEOUT: found.lost}


def test_a_killed_server_refuses_and_the_queries_after_its_return_are_answered(
    world: World, tmp_path: Path
) -> None:
    times: list[float] = []

    def kill() -> None:
        times.append(world.signal(0, signal.SIGKILL))
        time.sleep(0.2)
        world.respond(0)
        times.append(time.monotonic())

    log = probed(planned(world, tmp_path, (Kind.UDP, 4, 500), (Kind.UDP, 6, 500)), kill, for_s=0.3)

    for found in losses(log):
        slack = 0.15 + stalled_s(log.stalls, times[0] - 0.1, times[1] + 0.1)
        assert found.outage_s == pytest.approx(times[1] - times[0], abs=slack)
        assert not any(gap.is_open for gap in found.gaps)
    # What the server had taken in and not yet answered died with it, unrefused; what came later is refused.
    for found in losses(log, since=times[0] + 0.01):
        assert found.failures.get(Failure.REFUSED, 0) > 0.9 * found.lost > 0


def test_a_stopped_prober_blames_itself(world: World, tmp_path: Path) -> None:
    times: list[float] = []

    def stop(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        times.append(time.monotonic())
        time.sleep(0.2)
        times.append(time.monotonic())
        os.kill(pid, signal.SIGCONT)

    plan = planned(world, tmp_path, (Kind.UDP, 4, 1000), (Kind.STREAM, 4, 10))
    log = probed(plan, with_pid=stop, for_s=0.4)

    (found,) = losses(log)
    longest = max(log.stalls, key=lambda stall: stall.for_s)
    assert times[1] - times[0] - 0.06 < longest.for_s < times[1] - times[0] + 0.5
    assert found.lost == 0
    assert found.unsent == pytest.approx(1000 * sum(stall.for_s for stall in log.stalls), rel=0.2, abs=20)
    assert not [turn for turn in log.turns if turn.what == Turn.SILENT]


def test_resets_are_seen_on_new_and_on_long_connections(world: World, tmp_path: Path) -> None:
    times: list[float] = []

    def reset() -> None:
        times.append(world.signal(0, signal.SIGUSR1))
        world.signal(0, signal.SIGHUP)
        time.sleep(0.3)
        times.append(world.signal(0, signal.SIGUSR2))

    wanted = [(kind, family, 20) for kind in (Kind.TCP, Kind.HTTP, Kind.STREAM) for family in (4, 6)]
    log = probed(planned(world, tmp_path, *wanted), reset, for_s=0.5)

    for found in losses(log):
        assert {query.site for query in log.of(found.number) if query.answered_at} == {"site0"}
        assert 3 <= found.resets <= 20 * (times[1] - times[0] + 0.2)
        assert found.answered > 10
    for stream in stream_losses(log):
        assert (stream.established, stream.resets) == (2, 1)
        assert 0 < stream.broken_s < 2
    assert {turn.site for turn in log.turns if turn.what == Turn.SITE} == {"site0"}


def test_a_switch_between_two_sites_is_seen_with_its_time(world: World, tmp_path: Path) -> None:
    times: list[float] = []

    def switch() -> None:
        times.append(time.monotonic())
        world.towards(1)

    try:
        plan = planned(world, tmp_path, (Kind.UDP, 4, 500), (Kind.UDP, 6, 500), (Kind.STREAM, 4, 10))
        log = probed(plan, switch, for_s=0.5)
    finally:
        world.towards(0)

    for number in (0, 1):
        answers = [(one.answered_at, one.site) for one in log.of(number) if one.answered_at is not None]
        assert (answers[0][1], answers[-1][1]) == ("site0", "site1")
        elsewhere = min(at for at, site in answers if site == "site1")
        assert 0 < elsewhere - times[0] < 0.5
    (stream,) = stream_losses(log)
    assert stream.resets == 1  # the other site knows nothing of the connection


def test_no_route_is_unreachable_and_no_false_answer(world: World, tmp_path: Path) -> None:
    def cut() -> None:
        world.client.run("ip", "route", "replace", "unreachable", SERVICE4)
        time.sleep(0.1)
        world.client.run("ip", "route", "del", "unreachable", SERVICE4)
        world.towards(0)

    try:
        log = probed(planned(world, tmp_path, (Kind.UDP, 4, 200), (Kind.TCP, 4, 50)), cut, for_s=0.3)
    finally:
        world.towards(0)

    for found in losses(log):
        assert found.failures.get(Failure.UNREACHABLE, 0) > 0


def test_the_log_of_a_killed_prober_is_read(world: World, tmp_path: Path) -> None:
    plan = planned(world, tmp_path, (Kind.UDP, 4, 500))
    process = started(plan)
    try:
        time.sleep(0.4)
    finally:
        process.kill()
        process.wait(30)

    log = read(Path(plan.log))

    (found,) = losses(log)
    assert found.answered > 20
    assert found.lost == 0
    assert found.undecided <= 2


def test_what_is_known_is_written_when_asked_for(world: World, tmp_path: Path) -> None:
    plan = planned(world, tmp_path, (Kind.UDP, 4, 100))
    process = started(plan)
    try:
        asked = time.monotonic()
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: any(mark.word == "flushed" for mark in read(Path(plan.log)).marks))
    finally:
        process.terminate()
        assert process.wait(30) == 0

    (obeyed,) = [mark.at for mark in read(Path(plan.log)).marks if mark.word == "flushed"]
    assert asked <= obeyed < asked + 10


def test_a_missing_namespace_is_said_and_not_shown_as_a_traceback(tmp_path: Path) -> None:
    plan = ProbePlan(
        log=str(tmp_path / "log"),
        clients=(Client(name="nobody", namespace="/run/netns/not-there", source4="127.0.0.1"),),
        targets=(ProbeTarget(address="127.0.0.1", port=53, kind=Kind.UDP),),
    )
    (tmp_path / "plan.json").write_text(plan.to_text())

    done = subprocess.run(
        [sys.executable, "-m", "anyplane.lab.probes.prober", str(tmp_path / "plan.json")],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 4
    assert "namespace /run/netns/not-there cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


def planned(world: World, tmp_path: Path, *asked: tuple[Kind, int, float]) -> ProbePlan:
    """The client asks these kinds, over these families, at these rates."""
    return ProbePlan(
        log=str(tmp_path / "log"),
        clients=(
            Client(
                name="client",
                namespace=f"/run/netns/{world.client.name}",
                source4=CLIENT4,
                source6=CLIENT6,
            ),
        ),
        targets=tuple(
            ProbeTarget(address=SERVICE4 if family == 4 else SERVICE6, port=PORTS[kind], kind=kind, rate=rate)
            for kind, family, rate in asked
        ),
        timeout_s=0.5,
    )


def started(plan: ProbePlan) -> subprocess.Popen[bytes]:
    """A prober that has begun."""
    path = Path(plan.log).with_name("plan.json")
    path.write_text(plan.to_text())
    process = subprocess.Popen([sys.executable, "-m", "anyplane.lab.probes.prober", str(path)])
    wait_until(lambda: Path(plan.log).exists() and b"started" in Path(plan.log).read_bytes())
    return process


def probed(
    plan: ProbePlan,
    event: Callable[[], None] | None = None,
    *,
    with_pid: Callable[[int], None] | None = None,
    for_s: float,
) -> ProbeLog:
    """The log of a prober that ran for so long before and after the event (in all, without one)."""
    process = started(plan)
    try:
        time.sleep(for_s)
        if event is not None:
            event()
            time.sleep(for_s)
        if with_pid is not None:
            with_pid(process.pid)
            time.sleep(for_s)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)
    log = read(Path(plan.log))
    assert log.garbled == 0
    return log
