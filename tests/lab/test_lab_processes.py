"""Processes in namespaces: started, frozen, thawed, killed with all that they started, and started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from namespaces import needs_namespaces, wait_until

from anyplane.lab.container.namespaces import Namespace
from anyplane.lab.container.processes import Processes
from anyplane.model.errors import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two empty nodes."""

    namespaces: dict[str, Namespace]
    processes: Processes
    directory: Path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    needs_namespaces()
    namespaces = {name: Namespace.made(name) for name in ("as1-lis", "as2-mad")}
    made = Stage(namespaces=namespaces, processes=Processes(namespaces, tmp_path), directory=tmp_path)
    try:
        yield made
    finally:
        made.processes.close()
        for namespace in namespaces.values():
            namespace.close()


def running(stage: Stage, node: str) -> list[str]:
    """The programs of a node, by name."""
    return sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in stage.processes.pids(node))


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_is_in_its_node_and_in_a_session_of_its_own(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sleep", "60"], label="sleeper")

    assert Path(f"/proc/{process.pid}/ns/net").stat().st_ino == stage.namespaces["as1-lis"].inode
    assert os.getsid(process.pid) == process.pid
    assert stage.processes.pids("as1-lis") == (process.pid,)
    assert stage.processes.pids("as2-mad") == ()
    assert Path("/proc/self/ns/net").stat().st_ino != stage.namespaces["as1-lis"].inode


def test_what_a_thread_inside_does_stays_inside(stage: Stage) -> None:
    def devices() -> list[str]:
        return [
            line.split(":")[0].strip()
            for line in Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
        ]

    assert stage.namespaces["as1-lis"].call(devices) == ["lo"]
    with pytest.raises(ZeroDivisionError):
        stage.namespaces["as1-lis"].call(lambda: 1 // 0)


def test_output_is_appended_to_a_log_of_the_node(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sh", "-c", "echo out; echo err >&2; exit 3"], label="talker")

    assert process.wait(30)
    assert process.ended == "exit code 3"
    assert process.last_words == "out\nerr"
    assert (stage.directory / "nodes/as1-lis/talker.log").read_text() == "out\nerr\n"


def test_a_killed_process_says_which_signal_ended_it(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sleep", "60"], label="sleeper")
    assert process.is_alive
    assert process.ended == ""

    process.send(signal.SIGKILL)

    assert process.wait(30)
    assert process.ended == "SIGKILL"


def test_freezing_a_node_stops_children_that_hid_in_another_session(stage: Stage) -> None:
    parent = stage.processes.start("as1-lis", ["sh", "-c", "setsid sleep 60 & sleep 60"], label="parent")
    elsewhere = stage.processes.start("as2-mad", ["sleep", "60"], label="other")
    # A shell that waits in vfork for its child to run a program cannot stop before the child does.
    wait_until(lambda: running(stage, "as1-lis") == ["sh", "sleep", "sleep"])
    pids = stage.processes.pids("as1-lis")

    stage.processes.freeze("as1-lis")
    wait_until(lambda: [state(pid) for pid in pids] == ["T"] * 3)
    assert state(elsewhere.pid) in "RS"
    stage.processes.thaw("as1-lis")
    wait_until(lambda: [state(pid) for pid in pids] == ["S"] * 3)
    stage.processes.kill("as1-lis")

    assert not parent.is_alive
    wait_until(lambda: stage.processes.pids("as1-lis") == ())
    assert elsewhere.is_alive


def test_a_frozen_process_is_stopped_in_spite_of_that(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sleep", "60"], label="sleeper")
    stage.processes.freeze("as1-lis")

    process.stop(2)

    assert process.ended == "SIGTERM"


def test_a_process_that_ignores_the_order_to_end_is_killed(stage: Stage) -> None:
    process = stage.processes.start(
        "as1-lis", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], label="stubborn"
    )
    wait_until(lambda: process.last_words == "ready")

    process.stop(0.2)

    assert process.ended == "SIGKILL"


def test_a_restarted_process_is_another_one_with_the_same_command(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sleep", "60"], label="sleeper")
    before = process.pid

    process.restart()

    assert process.pid != before
    assert process.is_alive
    assert stage.processes.pids("as1-lis") == (process.pid,)
    assert stage.processes.called("as1-lis", "sleeper") is process


def test_a_death_is_heard_of_at_once(stage: Stage) -> None:
    process = stage.processes.start("as1-lis", ["sleep", "60"], label="sleeper")

    async def main() -> tuple[str, float]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill)
            with anyio.fail_after(30):
                return await process.gone(), time.monotonic()

    killed_at = 0.0

    async def kill() -> None:
        nonlocal killed_at
        await anyio.sleep(0.05)
        killed_at = time.monotonic()
        process.send(signal.SIGKILL)

    how, heard_at = anyio.run(main)

    assert how == "SIGKILL"
    assert heard_at - killed_at < 5


def test_one_that_ended_makes_room_for_the_next_of_its_label(stage: Stage) -> None:
    first = stage.processes.start("as1-lis", ["true"], label="one")
    assert first.wait(30)

    second = stage.processes.start("as1-lis", ["sleep", "60"], label="one")

    assert stage.processes.of("as1-lis") == (second,)


def test_a_program_that_is_missing_is_named(stage: Stage) -> None:
    with pytest.raises(LabError, match="as1-lis: no-such-daemon is missing"):
        stage.processes.start("as1-lis", ["no-such-daemon"], label="x")
    with pytest.raises(LabError, match="as1-lis runs no bird"):
        stage.processes.called("as1-lis", "bird")
