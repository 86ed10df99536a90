"""Processes are found by what people call them, their death is noticed at once, and children go with us."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from anyplane.kernel.processes import (
    Process,
    dies_with_us,
    find_by_name,
    find_by_pidfile,
    find_by_unit,
    process,
    watch,
)
from anyplane.model.errors import KernelError

SLEEP = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as started:
        yield started
        started.kill()


def test_the_death_of_a_process_is_noticed_in_milliseconds(child: subprocess.Popen[bytes]) -> None:
    watched = process(child.pid)
    assert watched is not None

    async def measured() -> float:
        killed_at = 0.0

        async def kill() -> None:
            nonlocal killed_at
            await anyio.sleep(0.1)
            killed_at = time.monotonic()
            child.kill()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            with anyio.fail_after(5):
                await watch(watched)
        return time.monotonic() - killed_at

    assert 0 < anyio.run(measured) < 0.1


def test_a_watch_does_not_end_while_the_process_lives(child: subprocess.Popen[bytes]) -> None:
    watched = process(child.pid)
    assert watched is not None

    async def patient() -> bool:
        with anyio.move_on_after(0.2) as scope:
            await watch(watched)
        return scope.cancelled_caught

    assert anyio.run(patient)


def test_a_pid_that_was_used_again_is_a_death(child: subprocess.Popen[bytes]) -> None:
    now = process(child.pid)
    assert now is not None
    former = Process(pid=child.pid, started=now.started - 100)

    async def ends() -> None:
        with anyio.fail_after(1):
            await watch(former)

    anyio.run(ends)


def test_a_process_that_is_gone_is_dead_at_once(child: subprocess.Popen[bytes]) -> None:
    watched = process(child.pid)
    assert watched is not None
    child.kill()
    child.wait()

    anyio.run(watch, watched)

    assert process(child.pid) is None


def test_a_zombie_does_not_live(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert process(child.pid) is None


def test_it_is_found_by_name_and_by_pidfile(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    pidfile = tmp_path / "sleep.pid"
    pidfile.write_text(f"{child.pid}\n")
    while not (found := [one for one in find_by_name("sleep") if one.pid == child.pid]):
        time.sleep(0.01)  # between fork and exec it has our name

    assert find_by_pidfile(pidfile) == tuple(found)
    assert child.pid not in [one.pid for one in find_by_name("slee")]


def _in_proc(proc: Path, pid: int, *, comm: str, cgroup: str, started: int, state: str = "S") -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{comm}\n")
    (proc / str(pid) / "cgroup").write_text(cgroup)
    middle = " ".join(["0"] * 18)
    (proc / str(pid) / "stat").write_text(f"{pid} ({comm}) {state} {middle} {started} 0 0\n")


def test_a_unit_is_all_that_is_alive_in_its_control_group_oldest_first(tmp_path: Path) -> None:
    _in_proc(tmp_path, 9, comm="unbound", cgroup="0::/system.slice/unbound.service\n", started=200)
    _in_proc(tmp_path, 12, comm="a) R (b", cgroup="0::/system.slice/unbound.service/sub\n", started=100)
    _in_proc(tmp_path, 13, comm="z", cgroup="0::/system.slice/unbound.service\n", started=50, state="Z")
    _in_proc(tmp_path, 14, comm="x", cgroup="1:cpu:/system.slice/unbound.service.d\n", started=10)
    (tmp_path / "self").mkdir()

    found = find_by_unit("unbound.service", proc=tmp_path)

    assert found == (Process(pid=12, started=100), Process(pid=9, started=200))
    assert find_by_unit("unbound", proc=tmp_path) == found
    assert find_by_unit("knot.service", proc=tmp_path) == ()


def test_a_name_is_compared_as_the_kernel_cuts_it(tmp_path: Path) -> None:
    _in_proc(tmp_path, 9, comm="a-very-long-nam", cgroup="0::/\n", started=200)

    assert [one.pid for one in find_by_name("a-very-long-name-indeed", proc=tmp_path)] == [9]


def test_a_pidfile_that_is_absent_names_nobody_and_nonsense_is_an_error(tmp_path: Path) -> None:
    pidfile = tmp_path / "x.pid"
    assert find_by_pidfile(pidfile) == ()
    pidfile.write_text("unbound")

    with pytest.raises(KernelError, match="no process id"):
        find_by_pidfile(pidfile)


def test_a_child_dies_with_its_parent_even_by_sigkill() -> None:
    script = (
        "import subprocess, sys, time\n"
        "from anyplane.kernel.processes import dies_with_us\n"
        "child = subprocess.Popen([*dies_with_us(), 'sleep', '60'])\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        while "sleep" not in [one.strip() for one in [Path(f"/proc/{pid}/comm").read_text()]]:
            time.sleep(0.01)
        orphan = process(pid)
        assert orphan is not None

        parent.kill()
        parent.wait()

        async def ends() -> None:
            with anyio.fail_after(2):
                await watch(orphan)

        anyio.run(ends)


def test_a_child_whose_parent_is_dead_already_does_not_begin() -> None:
    words = list(dies_with_us())
    words[5] = "1"  # another parent than the one that it finds

    done = subprocess.run([*words, "echo", "alive"], capture_output=True, timeout=10)

    assert done.returncode == 143
    assert done.stdout == b""


def test_the_childs_command_and_status_come_through() -> None:
    done = subprocess.run([*dies_with_us(), "sh", "-c", "echo $0; exit 3", "a b"], capture_output=True)

    assert (done.returncode, done.stdout) == (3, b"a b\n")
