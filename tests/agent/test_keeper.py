"""The keeper acts when the agent falls silent, however it does, and never when it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from namespaces import wait_until

from anyplane.agent import keeper as module
from anyplane.agent.keeper import Keeper, started

pytestmark = pytest.mark.anyio

# A process like the agent: it starts a keeper, renews until told otherwise, and says what happens on stdout.
PARENT = """
import sys, json, os, anyio
from anyplane.agent.keeper import Keeper
mark, deadline, mode = sys.argv[1], float(sys.argv[2]), sys.argv[3]

async def main():
    orders = (("touch", mark),)
    if mode == "adopt":
        keeper = Keeper.adopt(json.loads(sys.argv[4]))
    else:
        keeper = Keeper(orders=orders, hold=mode == "hold")
        await keeper.start()
    assert keeper.renew(deadline) and keeper.is_alive
    print(keeper.pid, flush=True)
    if mode == "hang":
        await anyio.sleep(600)
    if mode == "exec":
        facts = json.dumps(keeper.handover())
        os.execv(sys.executable, [sys.executable, "-c", sys.argv[4], mark, str(deadline), "adopt", facts])
    with anyio.move_on_after(1.0 if mode in ("goodbye", "adopt") else 600):
        while True:
            assert keeper.renew(deadline)
            await anyio.sleep(deadline / 10)
    await keeper.goodbye()
    print("bye", flush=True)

anyio.run(main)
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Parent:
    """A running PARENT; `end` kills it and its keeper."""

    def __init__(self, mark: Path, *, deadline: float, mode: str) -> None:
        self.mark = mark
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(mark), str(deadline), mode, PARENT],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.keeper = int(self.process.stdout.readline())

    def seconds_until_acted(self, since: float) -> float:
        while not self.mark.exists():
            assert time.monotonic() - since < 15, "the keeper never acted"
            time.sleep(0.001)
        return time.monotonic() - since

    def end(self) -> None:
        self.process.kill()
        self.process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        wait_until(lambda: not is_running(self.keeper))


@pytest.fixture
def parents() -> Iterator[list[Parent]]:
    listed: list[Parent] = []
    yield listed
    for one in listed:
        one.end()


async def appears(path: Path) -> None:
    with anyio.fail_after(5):
        while not path.exists():  # noqa: ASYNC110, ASYNC240  # another process makes it
            await anyio.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_the_death_of_the_agent_is_acted_on_at_once(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=60, mode="renew")
    parents.append(parent)

    begin = time.monotonic()
    parent.process.kill()

    assert parent.seconds_until_acted(begin) < 0.5


def test_a_stopped_agent_is_acted_on_at_its_deadline(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=1.0, mode="renew")
    parents.append(parent)
    time.sleep(0.5)

    begin = time.monotonic()
    parent.process.send_signal(signal.SIGSTOP)

    assert 0.85 < parent.seconds_until_acted(begin) < 1.3


def test_a_loop_that_hangs_is_acted_on_at_its_deadline(tmp_path: Path, parents: list[Parent]) -> None:
    begin = time.monotonic()
    parent = Parent(tmp_path / "mark", deadline=1.0, mode="hang")
    parents.append(parent)

    assert 1.0 < parent.seconds_until_acted(begin) < 2.5


def test_hold_waits_for_the_deadline_even_after_a_death(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=1.5, mode="hold")
    parents.append(parent)

    begin = time.monotonic()
    parent.process.kill()

    assert 1.2 < parent.seconds_until_acted(begin) < 1.9


def test_goodbye_ends_the_keeper_without_an_order(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=1.0, mode="goodbye")
    parents.append(parent)

    assert parent.process.wait(10) == 0

    wait_until(lambda: not is_running(parent.keeper))
    assert not parent.mark.exists()


def test_the_keeper_survives_an_upgrade_in_place(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=2.0, mode="exec")
    parents.append(parent)
    assert parent.process.stdout is not None

    adopted = int(parent.process.stdout.readline())
    said = parent.process.stdout.readline()

    assert adopted == parent.keeper
    assert said == "bye\n"
    assert parent.process.wait(5) == 0
    assert not parent.mark.exists()


def test_an_adopted_keeper_still_acts(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=60.0, mode="exec")
    parents.append(parent)
    assert parent.process.stdout is not None
    parent.process.stdout.readline()

    begin = time.monotonic()
    parent.process.kill()

    assert parent.seconds_until_acted(begin) < 0.5


def test_the_keeper_is_small_alone_and_deaf_to_polite_signals(tmp_path: Path, parents: list[Parent]) -> None:
    parent = Parent(tmp_path / "mark", deadline=60, mode="renew")
    parents.append(parent)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(parent.keeper, number)
    time.sleep(0.1)

    status = Path(f"/proc/{parent.keeper}/status").read_text()
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    descriptors = sorted(int(one.name) for one in Path(f"/proc/{parent.keeper}/fd").iterdir())
    assert is_running(parent.keeper)
    assert resident_kb < 12 * 1024
    assert descriptors == [0, 1, 2]
    assert os.getsid(parent.keeper) == parent.keeper


async def test_orders_can_be_replaced_and_a_failed_one_is_run_again(tmp_path: Path) -> None:
    door, mark, old = tmp_path / "door", tmp_path / "mark", tmp_path / "old"
    keeper = Keeper(orders=(("touch", str(old)),))
    await keeper.start()
    assert keeper.order((("cp", str(door), str(mark)), ("/no/such/program",)))

    assert keeper.renew(0.1)
    await anyio.sleep(0.4)
    door.write_text("open")

    await appears(mark)
    assert not old.exists()
    await keeper.kill()


async def test_orders_run_at_the_same_time_and_none_waits_for_a_hung_one(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with Keeper(orders=(("sleep", "3"), ("touch", str(mark)))) as keeper:
        begin = anyio.current_time()
        keeper.renew(0.05)
        await appears(mark)

        assert anyio.current_time() - begin < 1.0


async def test_a_process_to_kill_is_killed_and_one_that_got_its_number_is_not() -> None:
    meant = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220  # it starts in a millisecond
    spared = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220
    try:
        keeper = Keeper()
        await keeper.start()
        start = started(spared.pid)
        assert start is not None
        assert keeper.order((), kill=(meant.pid,))
        keeper._send({"orders": [], "kill": [(meant.pid, started(meant.pid)), (spared.pid, start - 1)]})

        keeper.renew(0.01)

        with anyio.fail_after(5):
            await keeper.died()
        assert meant.wait(5) == -signal.SIGKILL
        assert spared.poll() is None
    finally:
        for one in (meant, spared):
            one.kill()
            one.wait(5)
        await keeper.kill()


async def test_the_agent_learns_at_once_that_its_keeper_died_and_starts_another() -> None:
    async with Keeper() as keeper:
        first = keeper.pid
        os.kill(first, signal.SIGKILL)

        with anyio.fail_after(1):
            await keeper.died()
        assert not keeper.is_alive
        assert not keeper.renew(3)

        await keeper.start()
        assert keeper.is_alive
        assert keeper.renew(3)
        assert keeper.pid != first


async def test_a_keeper_of_an_agent_that_has_a_successor_leaves_its_routes_alone(tmp_path: Path) -> None:
    claim, mark = tmp_path / "claim", tmp_path / "mark"
    old = Keeper(orders=(("touch", str(mark)),), hold=True, claim=str(claim))
    await old.start()
    async with Keeper(claim=str(claim)) as new:
        assert claim.readlink() == Path(str(new.pid))

        old.renew(0.05)

        with anyio.fail_after(5):
            await old.died()
        assert not mark.exists()
    await old.kill()


async def test_nonsense_renews_nothing_and_kills_nobody(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with Keeper(orders=(("touch", str(mark)),)) as keeper:
        assert keeper._socket is not None
        keeper.renew(0.3)
        for nonsense in (b"{", b"[]", b"7", b'{"deadline": "x"}', b'{"orders": 5}', b"\xff" * 100):
            keeper._socket.send(nonsense)
        keeper._socket.send(json.dumps({"deadline": None, "hold": 1}).encode())

        await appears(mark)


async def test_adopting_nothing_gives_a_keeper_that_must_be_started() -> None:
    for facts in ({}, {"fd": 9999, "pid": 1, "orders": []}, {"fd": "x", "pid": None, "orders": 3}):
        keeper = Keeper.adopt(facts)

        assert not keeper.is_alive
        assert not keeper.renew(1)


def test_the_keeper_loads_nothing_that_it_does_not_need() -> None:
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", *module.PROGRAM],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=10,
    ).stderr

    for heavy in ("anyio", "asyncio", "typing", "dataclasses", "subprocess", "pathlib"):
        assert f" {heavy}\n" not in loaded, heavy
