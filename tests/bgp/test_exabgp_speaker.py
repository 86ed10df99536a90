"""ExaBGP as our child, a real BIRD as its neighbour: what it announces, and that it never outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from namespaces import frozen, needs_namespaces, needs_program, wait_until
from small_site import BOTH, V4, V6, Wired, announced, router, wired

from anyplane.bgp.exabgp import ExabgpSpeaker, child
from anyplane.bgp.speaker import SessionState, difference, routes_of
from anyplane.design.operation import DaemonKind
from anyplane.model.errors import SpeakerError, SpeakerUnreachable

# What the agent is to ExaBGP: a process that started it and told it something. It prints the child's pid.
AGENT = """
import sys, anyio
sys.path[:0] = sys.argv[1].split(":")
from small_site import BOTH, router
from anyplane.agent.keeper import Keeper
from anyplane.bgp.exabgp import ExabgpSpeaker, child
from anyplane.design.operation import DaemonKind

async def main():
    speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=sys.argv[2]))
    async with Keeper(orders=speaker.dead_mans_orders()) as keeper:
        await speaker.apply(BOTH)
        keeper.renew(1.0)
        print(speaker.pid, keeper.pid, flush=True)
        while True:
            keeper.renew(1.0)
            await anyio.sleep(0.1)

anyio.run(main)
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Wired]:
    needs_namespaces()
    needs_program("bird")
    with wired("passive; hold time 9;") as one:
        yield one


@pytest.fixture
def speaker(site: Wired) -> ExabgpSpeaker:
    return ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(site.site.directory)))


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(word) for word in listed.split()]


def is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


class Agent:
    """AGENT inside the site, its routes at the receiver."""

    def __init__(self, site: Wired) -> None:
        here = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1] / "network")])
        self.process = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                site.site.name,
                sys.executable,
                "-c",
                AGENT,
                here,
                str(site.site.directory),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.exabgp, self.keeper = (int(word) for word in self.process.stdout.readline().split())
        (self.helper,) = descendants(self.exabgp)
        wait_until(lambda: len(site.receiver.prefixes()) == 2)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def is_wholly_gone(self) -> bool:
        return is_gone(self.exabgp) and is_gone(self.helper) and is_gone(self.keeper)


@pytest.fixture
def agent(site: Wired) -> Iterator[Agent]:
    one = Agent(site)
    yield one
    one.end()
    wait_until(one.is_wholly_gone)


def test_an_agent_that_is_killed_takes_exabgp_and_its_routes_along(site: Wired, agent: Agent) -> None:
    agent.process.kill()

    assert site.receiver.seconds_until(lambda held: not held) < 0.5
    wait_until(agent.is_wholly_gone)


def test_an_agent_that_is_stopped_is_withdrawn_by_its_keeper_at_the_deadline(
    site: Wired, agent: Agent
) -> None:
    with frozen(agent.process.pid):
        assert 0.7 < site.receiver.seconds_until(lambda held: not held) < 2.0


def test_what_a_killed_agent_left_is_swept_by_the_next(site: Wired, agent: Agent, tmp_path: Path) -> None:
    (left,) = site.site.directory.glob(f"anyplane-exabgp-{agent.process.pid}-*")
    agent.end()

    speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(site.site.directory)))
    speaker.dead_mans_orders()

    assert not left.exists()
    site.run(speaker.aclose)


def test_exabgp_dies_with_the_agent_even_when_the_helper_cannot_help(site: Wired, agent: Agent) -> None:
    with frozen(agent.helper):
        agent.process.kill()

        wait_until(lambda: is_gone(agent.exabgp), timeout=2)


def test_exabgp_dies_with_the_agent_even_when_the_kernel_was_not_asked(site: Wired) -> None:
    """As if the parent-death signal had been cleared: the helper alone."""

    async def body() -> None:
        speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, directory=str(site.site.directory)))
        await speaker.apply(BOTH)
        child = speaker._child
        assert child is not None
        (helper,) = descendants(child.pid)

        child.guard.close()

        await site.until(lambda: is_gone(child.pid) and is_gone(helper), timeout=2)
        await speaker.aclose()

    site.run(body)


def test_a_killed_exabgp_leaves_no_helper_and_is_started_again(site: Wired, speaker: ExabgpSpeaker) -> None:
    async def body() -> None:
        await speaker.apply(BOTH)
        await site.until(lambda: len(site.receiver.prefixes()) == 2)
        first = speaker.pid
        (helper,) = descendants(first)

        os.kill(first, signal.SIGKILL)
        assert await site.until(lambda: not site.receiver.prefixes()) < 1
        await site.until(lambda: is_gone(helper))
        seen = await speaker.observe()

        assert not seen.routes
        assert speaker.pid != first
        await speaker.apply(BOTH)
        await site.until(lambda: len(site.receiver.prefixes()) == 2)
        await speaker.aclose()

    site.run(body)


def test_a_killed_helper_is_noticed_and_exabgp_started_again(site: Wired, speaker: ExabgpSpeaker) -> None:
    async def body() -> None:
        await speaker.apply(BOTH)
        first = speaker.pid
        (helper,) = descendants(first)

        os.kill(helper, signal.SIGKILL)
        await anyio.sleep(0.1)
        seen = await speaker.observe()

        assert not seen.routes
        assert is_gone(first)
        assert speaker.pid not in (0, first)
        await speaker.aclose()

    site.run(body)


def test_one_that_keeps_dying_is_started_less_and_less_often(site: Wired, speaker: ExabgpSpeaker) -> None:
    async def body() -> None:
        starts = set()
        begin = anyio.current_time()
        while anyio.current_time() - begin < 2.5:
            with contextlib.suppress(SpeakerUnreachable):
                await speaker.observe()
                starts.add(speaker.pid)
                os.kill(speaker.pid, signal.SIGKILL)
            await anyio.sleep(0.02)

        assert 3 <= len(starts) <= 6
        await speaker.aclose()

    site.run(body)


def test_attributes_differ_by_neighbour_and_are_read_back_exactly(
    site: Wired, speaker: ExabgpSpeaker
) -> None:
    wanted = frozenset(
        (
            announced("198.51.100.0/24", "65535:0", "65535:666", "64500:1:2", prepend=3, med=50),
            announced("2001:db8:53::/48", "64500:7"),
        )
    )

    async def body() -> None:
        await speaker.apply(wanted)
        await site.until(lambda: len(site.receiver.prefixes()) == 2)
        seen = await speaker.observe()

        assert difference(routes_of(wanted, speaker.plan.sessions), seen).is_healed
        assert {one.state for one in seen.sessions} == {SessionState.UP}
        held = {str(prefix): route for prefix, route in site.receiver.routes().items()}
        assert held["198.51.100.0/24"].as_path == (64500,) * 4
        assert held["198.51.100.0/24"].med == 50
        assert held["198.51.100.0/24"].communities == {"65535:0", "65535:666", "64500:1:2"}
        assert held["2001:db8:53::/48"].communities == {"64500:7"}
        await speaker.aclose()

    site.run(body)


def test_a_cancelled_apply_leaves_the_conversation_in_step(site: Wired, speaker: ExabgpSpeaker) -> None:
    many = frozenset(announced(f"203.0.113.{host}/32", "65535:666") for host in range(200))
    many = frozenset(replace(one, is_blackhole=True) for one in many)

    async def body() -> None:
        await speaker.apply(BOTH)
        pid = speaker.pid
        with anyio.move_on_after(0.02) as scope:
            await speaker.apply(BOTH | many)
        assert scope.cancelled_caught

        await speaker.apply(BOTH)

        assert (await speaker.observe()).routes == routes_of(BOTH, speaker.plan.sessions)
        assert speaker.pid == pid
        await speaker.aclose()

    site.run(body)


def test_a_configuration_that_exabgp_refuses_is_told_with_its_words(site: Wired) -> None:
    both_local = replace(V4, local=V6.local)
    speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, both_local, directory=str(site.site.directory)))

    async def body() -> None:
        with pytest.raises(SpeakerError, match="ended while starting") as refused:
            await speaker.apply(BOTH)
        assert "same family" in str(refused.value)
        await speaker.aclose()

    site.run(body)


def test_md5_and_gtsm_sessions_come_up_and_a_wrong_key_is_seen_as_down(tmp_path: Path) -> None:
    needs_namespaces()
    needs_program("bird")
    key, wrong = tmp_path / "key", tmp_path / "wrong"
    key.write_text("s3cret")
    wrong.write_text("other")
    v4 = replace(V4, password_file=str(key), is_gtsm=True)
    v6 = replace(V6, password_file=str(wrong))

    with wired('passive; hold time 9; password "s3cret";') as secured:
        one = secured.receiver
        one.write(
            [
                replace(n, extra=n.extra + (" ttl security on;" if "." in n.local else ""))
                for n in secured.neighbors('passive; hold time 9; password "s3cret";')
            ]
        )
        one.ask("configure")
        speaker = ExabgpSpeaker(router(DaemonKind.EXABGP, v4, v6, directory=str(secured.site.directory)))

        async def body() -> None:
            begin = time.monotonic()
            await speaker.apply(BOTH)
            await secured.until(lambda: len(one.prefixes()) == 1)
            await anyio.sleep(max(0, 2 - (time.monotonic() - begin)))
            up, down = (await speaker.observe()).sessions

            assert up.state is SessionState.UP
            assert down.state is SessionState.DOWN
            assert "nothing heard from 2001:db8::2" in down.reason
            await speaker.aclose()

        secured.run(body)


def test_a_helper_that_is_slow_to_hand_over_the_pipes_is_waited_for(tmp_path: Path) -> None:
    directory = child.Directory.make(str(tmp_path))
    handle = os.pidfd_open(os.getpid())

    def help_slowly() -> None:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.connect(str(directory.socket))
            time.sleep(0.3)
            socket.send_fds(agent, [b"1"], [handle, handle])

    async def introduce() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(directory.socket))
            listener.listen(1)
            listener.settimeout(0)
            helper = threading.Thread(target=help_slowly)
            helper.start()
            with anyio.fail_after(3):
                guard, reading, writing = await child._introduced(listener, handle, directory)
            helper.join()
            guard.close()
            os.close(reading)
            os.close(writing)

    anyio.run(introduce)
    os.close(handle)
