"""The runner: schedule, deadlines, replacing, and nothing that one check does to another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest
from small_servers import black_hole, tcp_server

from anyplane.control.health import CheckResult
from anyplane.design.operation import Check, DnsProbe, Endpoint, HttpProbe, Probe, TcpProbe
from anyplane.measure import Outcome, Runner, Shared
from anyplane.measure.names import Names
from anyplane.measure.outcome import good

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Probes:
    """Probers by a function instead of a protocol: passed to the runner as `make`."""

    def __init__(self, behave: object) -> None:
        self.behave = behave
        self.doing = "waiting"
        self.runs: list[float] = []
        self.closed = 0

    def __call__(self, *_: object, **__: object) -> Probes:
        return self

    async def probe(self) -> Outcome:
        self.runs.append(time.monotonic())
        result = self.behave()  # type: ignore[operator]
        return await result if asyncio.iscoroutine(result) else result

    def close(self) -> None:
        self.closed += 1


def _check(probe: Probe | None = None, **changes: object) -> Check:
    probe = probe or TcpProbe(to=Endpoint(host="127.0.0.1", port=1))
    return replace(Check(name="check", probe=probe, interval_s=0.1, timeout_s=0.05), **changes)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(runner: Runner) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(runner.run)
        yield
        group.cancel_scope.cancel()


async def test_the_first_round_begins_at_once_and_the_schedule_does_not_drift() -> None:
    probes = Probes(lambda: _slow(0.03))
    began = time.monotonic()

    async with running(Runner({"a": _check(jitter=0.0)}, print, rng=random.Random(1), make=probes)):
        await anyio.sleep(1.5)

    assert probes.runs[0] - began < 0.2
    times = probes.runs[1:]
    off = [at - times[0] - 0.1 * turn for turn, at in enumerate(times)]
    assert len(times) >= 13
    assert max(abs(one) for one in off) < 0.15


async def _slow(seconds: float) -> Outcome:
    await anyio.sleep(seconds)
    return good()


async def test_a_pause_of_our_own_is_no_failure_of_a_check_that_answers_at_once() -> None:
    results: list[CheckResult] = []

    async with running(Runner({"a": _check(jitter=0.0)}, results.append, make=Probes(good))):
        for _ in range(4):
            await anyio.sleep(0.15)
            time.sleep(0.35)  # noqa: ASYNC251  # the process stands still
        await anyio.sleep(0.15)

    assert len(results) >= 8
    assert [one.detail for one in results if not one.is_ok] == []


async def test_each_interval_is_stretched_by_the_jitter_as_the_seed_says() -> None:
    probes = Probes(good)
    async with running(Runner({"a": _check(jitter=0.5)}, print, rng=random.Random(7), make=probes)):
        await anyio.sleep(1.5)

    rng = random.Random(7)
    steps = [0.1 * rng.random(), *(0.1 * (1 + rng.uniform(-0.5, 0.5)) for _ in probes.runs)]
    due = list(itertools.accumulate(steps, initial=probes.runs[0]))
    assert max(steps[1:]) - min(steps[1:]) > 0.05
    assert len(probes.runs) >= 13
    assert max(abs(at - wanted) for at, wanted in zip(probes.runs, due, strict=False)) < 0.08


async def test_whatever_a_probe_raises_is_a_failed_result_and_ends_nothing() -> None:
    class Surprise(Exception):  # noqa: N818
        pass

    def misbehave() -> Outcome:
        kind = next(faults, Surprise)
        raise kind("why")

    faults = iter([Surprise, asyncio.CancelledError, ZeroDivisionError, TimeoutError, MemoryError])
    results: list[CheckResult] = []

    async with running(Runner({"a": _check()}, results.append, make=Probes(misbehave))):
        await anyio.sleep(0.8)

    details = [one.detail for one in results]
    assert details[:5] == [
        "Surprise: why",
        "the probe was cancelled",
        "ZeroDivisionError: why",
        "TimeoutError: why",
        "MemoryError: why",
    ]
    assert len(details) >= 6
    assert not any(one.is_ok for one in results)


async def test_a_probe_that_ignores_its_cancellation_is_reported_at_each_deadline() -> None:
    is_over = asyncio.Event()

    async def stubborn() -> Outcome:
        while not is_over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await is_over.wait()
        return good("too late to count")

    probes, results = Probes(stubborn), []  # type: ignore[var-annotated]
    async with running(Runner({"a": _check()}, results.append, make=probes)):
        await anyio.sleep(0.6)
        is_over.set()
        stuck = len(results)
        await anyio.sleep(0.25)

    assert len(probes.runs) >= 2
    assert 4 <= stuck <= 8
    assert results[0].detail == "no answer in 50 ms, waiting"
    assert 0.045 < results[0].latency_s < 0.3
    assert "still hangs" in results[1].detail
    assert "too late to count" not in [one.detail for one in results[:stuck]]


async def test_five_hundred_hung_checks_do_not_delay_a_healthy_one() -> None:
    with black_hole() as hole, tcp_server(lambda connection: None) as server:
        url = f"http://{hole.host}:{hole.port}/"
        hung: Probe
        checks = {}
        for index in range(500):
            hung = HttpProbe(url=url) if index % 2 else DnsProbe(server=hole, name="example.net")
            checks[f"hung{index}"] = Check(name="hung", probe=hung)
        checks["healthy"] = Check(name="healthy", probe=TcpProbe(to=server))
        results: list[CheckResult] = []

        async with running(Runner(checks, results.append)):
            await anyio.sleep(4.2)

    healthy = [one for one in results if one.check == "healthy"]
    assert len(healthy) >= 4
    assert all(one.is_ok for one in healthy)
    assert statistics.median(one.latency_s for one in healthy) < 0.05
    assert max(b.at - a.at for a, b in itertools.pairwise(healthy)) < 1.5
    failed = [one for one in results if one.check != "healthy"]
    assert len(failed) >= 1500
    assert not any(one.is_ok for one in failed)
    assert statistics.median(one.latency_s for one in failed) < 0.6


async def test_a_resolver_that_hangs_fails_its_checks_alone_and_is_asked_once() -> None:
    asked = []

    def hang(host: str, family: int) -> list[tuple[int, str]]:
        asked.append(host)
        time.sleep(1.0)
        return []

    named = _check(TcpProbe(to=Endpoint(host="slow.example", port=1)))
    with tcp_server(lambda connection: None) as server:
        checks = {"a": named, "b": named, "literal": _check(TcpProbe(to=server))}
        results: list[CheckResult] = []
        async with running(Runner(checks, results.append, shared=Shared(names=Names(hang)))):
            await anyio.sleep(0.5)

    assert asked == ["slow.example"]
    assert {one.detail for one in results if one.check != "literal"} == {"no answer in 50 ms, connecting"}
    assert all(one.is_ok for one in results if one.check == "literal")


async def test_a_name_that_was_found_is_looked_up_no_more_for_a_while() -> None:
    asked = []

    def look(host: str, family: int) -> list[tuple[int, str]]:
        asked.append((host, family))
        return [(socket.AF_INET, "127.0.0.1")]

    names = Names(look)
    for _ in range(3):
        assert await names.resolve("host.example", 4) == (socket.AF_INET, "127.0.0.1")

    assert asked == [("host.example", 4)]


async def test_replacing_leaves_unchanged_checks_alone_and_runs_new_ones_at_once() -> None:
    made: dict[int, Probes] = {}

    def make(probe: TcpProbe, **_: object) -> Probes:
        return made.setdefault(probe.to.port, Probes(good))

    def to(port: int, **changes: object) -> Check:
        return _check(TcpProbe(to=Endpoint(host="127.0.0.1", port=port)), interval_s=0.5, **changes)

    results: list[CheckResult] = []
    runner = Runner({"same": to(1), "gone": to(2), "other": to(3)}, results.append, make=make)
    async with running(runner):
        await anyio.sleep(0.1)
        runner.replace({"new": to(5), "same": to(1, path="moved"), "other": to(4)})
        before = len(made[1].runs)
        at = time.monotonic()
        results.clear()
        await anyio.sleep(0.2)

    assert made[1].closed == 1
    assert len(made[1].runs) - before <= 1
    assert [port for port in made if made[port].closed] == [1, 2, 3, 5, 4]
    assert made[5].runs[0] - at < 0.2
    assert made[4].runs[0] - at < 0.2
    assert "gone" not in {one.check for one in results}


async def test_nothing_is_reported_after_the_end_and_no_task_is_left() -> None:
    results: list[CheckResult] = []
    with black_hole() as hole:
        checks = {str(i): _check(HttpProbe(url=f"http://127.0.0.1:{hole.port}/")) for i in range(20)}
        async with running(Runner(checks, results.append)):
            await anyio.sleep(0.03)
    count = len(results)
    await anyio.sleep(0.1)

    assert len(results) == count
    assert len(asyncio.all_tasks()) <= 2


async def test_an_answer_that_came_while_we_slept_still_counts() -> None:
    results: list[CheckResult] = []

    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with tcp_server(answer) as server:
        probe = HttpProbe(url=f"http://127.0.0.1:{server.port}/")
        async with running(Runner({"a": _check(probe, interval_s=5.0)}, results.append)):
            await anyio.sleep(0.0)
            await anyio.sleep(0.002)
            time.sleep(0.3)  # noqa: ASYNC251  # as if the process had been stopped
            await anyio.sleep(0.2)

    assert [one.is_ok for one in results] == [True], results
