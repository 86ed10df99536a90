"""Process checks of real processes: found three ways, dead within milliseconds, found again."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import anyio
from small_servers import ask

from anyplane.control.health import CheckResult
from anyplane.design.operation import Check, ProcessProbe
from anyplane.measure import Runner, Shared
from anyplane.measure.process import pids_of_unit


def _sleeper(directory: Path, name: str) -> subprocess.Popen[bytes]:
    """A process of that name."""
    program = directory / name
    if not program.exists():
        shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    while Path(f"/proc/{process.pid}/comm").read_text().strip() != name[:15]:
        time.sleep(0.001)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _unit(root: Path, path: str, *pids: int) -> None:
    (root / path).mkdir(parents=True, exist_ok=True)
    (root / path / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))


def test_a_process_is_found_by_name_and_by_pidfile(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    process = _sleeper(tmp_path, "anyplane-server-of-long-name")
    pidfile.write_text(f"{process.pid}\n")
    try:
        named = ask(ProcessProbe(name="anyplane-server-of-long-name"))
        filed = ask(ProcessProbe(pidfile=str(pidfile)))
    finally:
        _end(process)

    assert named.detail == filed.detail == f"process {process.pid} lives"
    assert ask(ProcessProbe(name="anyplane-server-of-long-name")).detail.startswith("no process is named")
    assert ask(ProcessProbe(pidfile=str(pidfile))).detail.startswith("no process lives that")


def test_a_zombie_is_dead(tmp_path: Path) -> None:
    process = _sleeper(tmp_path, "apl-zombie")
    process.kill()
    time.sleep(0.05)
    try:
        outcome = ask(ProcessProbe(name="apl-zombie"))
    finally:
        process.wait()

    assert not outcome.is_ok


def test_a_pidfile_that_holds_no_pid_is_said(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    details = []
    for text in ("", "abc", "-1", "0", "99999999999"):
        pidfile.write_text(text)
        details.append(ask(ProcessProbe(pidfile=str(pidfile))).detail)

    assert details[0].startswith("no process lives that")
    assert details[1:] == [f"{pidfile} holds no pid"] * 4
    assert not ask(ProcessProbe(pidfile=str(tmp_path / "absent"))).is_ok


def test_a_unit_is_found_in_every_layout_of_control_groups(tmp_path: Path) -> None:
    layouts = {
        "v2": "sys/fs/cgroup/system.slice/unbound.service",
        "v1": "sys/fs/cgroup/systemd/system.slice/unbound.service",
        "hybrid": "sys/fs/cgroup/unified/system.slice/unbound.service",
        "own": "sys/fs/cgroup/anycast.slice/unbound.service",
        "nested": "sys/fs/cgroup/system.slice/system-dns.slice/unbound.service",
        "delegated": "sys/fs/cgroup/system.slice/unbound.service/payload",
    }
    _unit(tmp_path / "delegated", "sys/fs/cgroup/system.slice/unbound.service")
    for name, path in layouts.items():
        _unit(tmp_path / name, path, 41, 7)

    found = {name: pids_of_unit(tmp_path / name, "unbound") for name in layouts}

    assert found == {name: [41, 7] for name in layouts}
    assert pids_of_unit(tmp_path / "v2", "knot.service") == []


async def _watching(
    probe: ProcessProbe, act: Callable[[list[CheckResult]], object], *, interval_s: float, root: str = "/"
) -> list[CheckResult]:
    """Results of a check while `act` runs in a thread."""
    results: list[CheckResult] = []
    check = Check(name="process", probe=probe, interval_s=interval_s)
    runner = Runner({"p": check}, results.append, shared=Shared(root=root))
    async with anyio.create_task_group() as group:
        group.start_soon(runner.run)
        await anyio.to_thread.run_sync(act, results)
        group.cancel_scope.cancel()
    return results


def _until(results: list[CheckResult], is_so: Callable[[CheckResult], bool], within_s: float = 5.0) -> None:
    end = time.monotonic() + within_s
    while not (results and is_so(results[-1])):
        assert time.monotonic() < end, results
        time.sleep(0.0005)


def test_a_death_is_told_within_milliseconds_not_at_the_next_interval(tmp_path: Path) -> None:
    delays = []

    def kill_one(results: list[CheckResult]) -> None:
        _until(results, lambda one: one.is_ok)
        time.sleep(0.02)
        killed = time.monotonic()
        process.kill()
        _until(results, lambda one: not one.is_ok)
        delays.append(results[-1].at - killed)
        assert results[-1].detail == f"process {process.pid} ended"

    for _ in range(10):
        process = _sleeper(tmp_path, "apl-dies")
        try:
            anyio.run(lambda: _watching(ProcessProbe(name="apl-dies"), kill_one, interval_s=600.0))
        finally:
            _end(process)

    print(
        f"death to result: median {statistics.median(delays) * 1e3:.2f} ms, worst {max(delays) * 1e3:.2f} ms"
    )
    assert statistics.median(delays) < 0.05


def test_a_restarted_process_is_found_again_at_an_interval(tmp_path: Path) -> None:
    processes = [_sleeper(tmp_path, "apl-again")]

    def restart(results: list[CheckResult]) -> None:
        _until(results, lambda one: one.is_ok)
        _end(processes[0])
        _until(results, lambda one: not one.is_ok)
        processes.append(_sleeper(tmp_path, "apl-again"))
        _until(results, lambda one: one.is_ok)

    try:
        results = anyio.run(lambda: _watching(ProcessProbe(name="apl-again"), restart, interval_s=0.05))
    finally:
        for process in processes:
            _end(process)

    assert results[-1].detail == f"process {processes[1].pid} lives"


def test_one_of_two_that_dies_is_no_failure_and_the_second_death_is(tmp_path: Path) -> None:
    first, second = _sleeper(tmp_path, "apl-pair"), _sleeper(tmp_path, "apl-pair")
    root = tmp_path / "root"
    root.mkdir()
    (root / "proc").symlink_to("/proc")
    _unit(root, "sys/fs/cgroup/system.slice/pair.service", first.pid, second.pid)
    failed_early: list[bool] = []

    def kill_both(results: list[CheckResult]) -> None:
        _until(results, lambda one: one.is_ok)
        _end(first)
        time.sleep(0.1)
        failed_early.append(any(not one.is_ok for one in results))
        _end(second)
        _until(results, lambda one: not one.is_ok)

    try:
        anyio.run(lambda: _watching(ProcessProbe(unit="pair"), kill_both, interval_s=600.0, root=str(root)))
    finally:
        for process in (first, second):
            _end(process)

    assert failed_early == [False]
