"""The keeper: a tiny process that withdraws when the agent falls silent; and Keeper, the agent's side of it.

BIRD and FRR announce what hangs on an address that the kernel expires. ExaBGP, GoBGP and OpenBGPD lack such a
thing, so a second process holds *orders*, commands that withdraw everything, and a deadline that the agent's
loop moves on each time that it has evaluated its checks:

    agent ──SOCK_SEQPACKET──> keeper        {"orders": [[...]], "kill": [[pid, start]]}   replace the orders
                                            {"deadline": 1234.5, "hold": false}           CLOCK_MONOTONIC
                                            {"goodbye": true}                             end without orders

It acts when the deadline passes (the agent is stopped, or its loop hangs), and at once when the socket hangs
up (the agent is dead), unless `hold` says to wait for the deadline even then (a supervisor may start another
agent). Orders run at the same time, each with a limit, and again until they have succeeded, for a minute;
then it ends.

This file is a program too (PROGRAM), one without site-packages that must stay small and start at once: hence
the standard library alone, and what only the agent's side needs is imported where that needs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import syslog
import time

TYPE_CHECKING = False  # as in typing, which the keeper's process does not load
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

ORDER_S = 5.0
RETRY_FIRST_S, RETRY_LONGEST_S, RETRY_FOR_S = 0.2, 2.0, 60.0
_START_S = 10.0
_GOODBYE_S = 2.0
_MESSAGE_BYTES = 1 << 16

# Imported rather than run by its path, it comes from the cache: a megabyte less and half the time.
_FOLDER, _NAME = os.path.split(os.path.abspath(__file__))  # noqa: PTH100  # pathlib weighs a megabyte
PROGRAM = ("-S", "-E", "-c", f"import sys; sys.path.append({_FOLDER!r}); import keeper; keeper.main()", _NAME)

Orders = tuple[tuple[str, ...], ...]


class Keeper:
    """The agent's hold on its keeper.

    async with Keeper(orders=speaker.dead_mans_orders()) as keeper:
        keeper.renew(3.0)        # after each turn of the loop
        ...                      # leaving says goodbye: no order runs

    `hold`: also after the agent's death wait for the deadline. `claim`: a link that names the keeper in
    charge; one whose name is no longer in it (a new agent has begun) ends without running its orders.
    """

    def __init__(self, *, orders: Orders = (), hold: bool = False, claim: str = "") -> None:
        self.hold = hold
        self.claim = claim
        self._orders = orders
        self._kill: tuple[int, ...] = ()
        self._pid = 0
        self._handle = -1
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.goodbye()

    @property
    def pid(self) -> int:
        """The keeper's process; 0 when there is none."""
        return self._pid

    @property
    def is_alive(self) -> bool:
        """Would somebody act if we fell silent now?"""
        return self._socket is not None and not select.select([self._handle], [], [], 0)[0]

    async def start(self) -> None:
        """Start it (again), with the orders that stand; KernelError when it does not come up.

        It has no deadline before the first `renew`, but acts on our death from the start.
        """
        from anyplane.model.errors import KernelError  # the keeper itself does without it

        self._let_go()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            try:
                self._pid = _spawn(its)
            except OSError as error:
                ours.close()
                raise KernelError(f"the keeper cannot be started: {error.strerror}") from None
        ours.setblocking(False)  # noqa: FBT003  # the socket module's own spelling
        self._socket, self._handle = ours, os.pidfd_open(self._pid)
        if not (self._tell_orders(claim=self.claim, ask=True) and await self._is_ready()):
            await self.kill()
            raise KernelError(
                "the keeper did not come up, so nothing would withdraw if the agent hung",
                hint=f"does `{sys.executable} -S -E -c 0` start at all? is a process limit reached?",
            )

    def renew(self, deadline_s: float) -> bool:
        """It acts in `deadline_s` seconds unless renewed; False when it is dead and needs a `start`."""
        return self._send({"deadline": time.monotonic() + deadline_s, "hold": self.hold})

    def order(self, orders: Orders, *, kill: Iterable[int] = ()) -> bool:
        """Replace the orders; `kill` names processes of ours to kill, never another that got the number."""
        self._orders, self._kill = orders, tuple(kill)
        return self._tell_orders()

    async def goodbye(self) -> None:
        """End it without orders, for a clean stop."""
        if self._send({"goodbye": True}):
            import anyio  # the keeper itself does without it

            with anyio.CancelScope(shield=True), anyio.move_on_after(_GOODBYE_S):
                await anyio.wait_readable(self._handle)
        await self.kill()

    async def kill(self) -> None:
        """End it, whatever it is doing."""
        if self._socket is not None:
            import anyio  # the keeper itself does without it

            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            with anyio.CancelScope(shield=True), anyio.move_on_after(_GOODBYE_S):
                await anyio.wait_readable(self._handle)
        self._let_go()

    async def died(self) -> None:
        """Return when the keeper is dead; the agent then starts it again."""
        import anyio  # the keeper itself does without it

        if self._socket is not None:
            await anyio.wait_readable(self._handle)

    def handover(self) -> dict[str, object]:
        """What `adopt` needs in the program that this process is about to become (execv, the same pid)."""
        if self._socket is None:
            return {}
        os.set_inheritable(self._socket.fileno(), True)  # noqa: FBT003  # the os module's own spelling
        return {
            "fd": self._socket.fileno(),
            "pid": self._pid,
            "hold": self.hold,
            "claim": self.claim,
            "orders": self._orders,
        }

    @classmethod
    def adopt(cls, facts: Mapping[str, object]) -> Keeper:
        """The keeper that a predecessor handed over; one that needs a `start` where there is none."""
        keeper = cls(hold=facts.get("hold") is True, claim=str(facts.get("claim", "")))
        try:
            keeper._orders = tuple(tuple(map(str, one)) for one in facts["orders"])  # type: ignore[attr-defined]  # TypeError is caught
            fd, pid = int(str(facts["fd"])), int(str(facts["pid"]))
            inherited = socket.socket(fileno=fd)
        except (KeyError, TypeError, ValueError, OSError):
            return keeper
        os.set_inheritable(fd, False)  # noqa: FBT003  # the os module's own spelling
        try:
            keeper._handle = os.pidfd_open(pid)
        except OSError:
            inherited.close()
            return keeper
        inherited.setblocking(False)  # noqa: FBT003  # the socket module's own spelling
        keeper._socket, keeper._pid = inherited, pid
        return keeper

    def _tell_orders(self, **more: object) -> bool:
        kill = [(pid, start) for pid in self._kill if (start := started(pid)) is not None]
        return self._send({"orders": self._orders, "kill": kill, **more})

    def _send(self, message: Mapping[str, object]) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.send(json.dumps(message).encode())
        except OSError:  # it is dead, or has not read for so long that it might as well be
            return False
        return True

    async def _is_ready(self) -> bool:
        import anyio  # the keeper itself does without it

        assert self._socket is not None  # noqa: S101  # start() has just set it
        with anyio.move_on_after(_START_S):
            await anyio.wait_readable(self._socket)
            with contextlib.suppress(OSError):
                return self._socket.recv(16) == b"ready"
        return False

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            os.close(self._handle)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
        self._socket, self._handle, self._pid = None, -1, 0


def _spawn(its: socket.socket) -> int:
    """A process in a session of its own whose descriptor 0 is the socket, and which has no other of ours."""
    return os.posix_spawn(
        sys.executable,
        [sys.executable, *PROGRAM],
        {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, its.fileno(), 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
    )


def started(pid: int) -> int | None:
    """When the process began, in clock ticks since boot; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # as above
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def is_waiting(claim: str) -> bool:
    """Does a keeper in charge there live, whose agent is dead? Asked before another one claims its place."""
    try:
        with open(f"/proc/{_named(claim)}/cmdline", "rb") as file:  # noqa: PTH123  # as above
            return b"keeper.main()" in file.read()
    except OSError:
        return False


# From here on: the keeper's own process.


def main() -> None:
    """Watch, and act when the agent falls silent."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    os.closerange(3, min(1 << 16, os.sysconf("SC_OPEN_MAX")))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("-900")  # it needs privilege; without it the keeper is judged by its small size
    agent = socket.socket(fileno=0)
    watched = _Watched(agent)
    why = watched.wait()
    if why and watched.is_in_charge():
        syslog.openlog("anyplane-keeper", syslog.LOG_PID, syslog.LOG_DAEMON)
        syslog.syslog(syslog.LOG_WARNING, f"{why}: running {len(watched.orders) + len(watched.kill)} orders")
        left = watched.act()
        syslog.syslog(syslog.LOG_ERR if left else syslog.LOG_WARNING, f"done, {left} orders failed")


class _Watched:
    """The agent as the keeper sees it."""

    def __init__(self, agent: socket.socket) -> None:
        self.agent = agent
        self.orders: list[list[str]] = []
        self.kill: list[tuple[int, int]] = []
        self.claim = ""
        self.deadline: float | None = None
        self.hold = False

    def wait(self) -> str:
        """Why it is time to act; empty for goodbye."""
        poller = select.poll()
        poller.register(self.agent, select.POLLIN)
        while True:
            left = None if self.deadline is None else self.deadline - time.monotonic()
            if left is not None and left <= 0:
                return "the agent is silent"
            if not poller.poll(None if left is None else left * 1000 + 1):
                continue
            try:
                message = self.agent.recv(_MESSAGE_BYTES)
            except ConnectionResetError:  # it died with words of ours unread
                message = b""
            if not message:
                if not self.hold or self.deadline is None:
                    return "the agent is dead"
                poller.unregister(self.agent)  # it would only go on to say so
            elif self._heed(message):
                return ""

    def _heed(self, message: bytes) -> bool:
        """Is it goodbye? What makes no sense is passed over, and so renews nothing."""
        try:
            said = json.loads(message)
            if "orders" in said:
                self.orders = [[str(word) for word in order] for order in said["orders"]]
                self.kill = [(int(pid), int(start)) for pid, start in said["kill"]]
            if "deadline" in said:
                self.deadline, self.hold = float(said["deadline"]), said["hold"] is True
            if said.get("claim"):
                self.claim = str(said["claim"])
                _claim(self.claim)
            if "ask" in said:
                self.agent.send(b"ready", socket.MSG_DONTWAIT)
            return "goodbye" in said
        except (ValueError, TypeError, KeyError, AttributeError, OSError):
            return False

    def is_in_charge(self) -> bool:
        """Has no later agent put its own keeper in our place?"""
        if not self.claim:
            return True
        return _named(self.claim) in (0, os.getpid())

    def act(self) -> int:
        """Run what is left of the orders until nothing is, or a minute is over; the number that failed."""
        until = time.monotonic() + RETRY_FOR_S
        pause = RETRY_FIRST_S
        for pid, start in self.kill:
            kill(pid, start)
        left = self.orders
        while True:
            left = _run(left)
            if not left or time.monotonic() + pause > until or not self.is_in_charge():
                return len(left)
            time.sleep(pause)
            pause = min(RETRY_LONGEST_S, 2 * pause)


def _claim(path: str) -> None:
    """Put our number at `path`, as a link that leads nowhere: it fits where the disk is full."""
    fresh = f"{path}.{os.getpid()}"
    with contextlib.suppress(OSError):
        os.symlink(str(os.getpid()), fresh)  # noqa: PTH211  # as above
        os.replace(fresh, path)  # noqa: PTH105  # as above


def _named(path: str) -> int:
    """The keeper in charge; 0 where nothing says."""
    try:
        return int(os.readlink(path))  # noqa: PTH115  # as above
    except (OSError, ValueError):
        return 0


def _run(orders: list[list[str]]) -> list[list[str]]:
    """Run all at once, each in a process group of its own; those that failed or took too long."""
    failed: list[list[str]] = []
    running: dict[int, list[str]] = {}
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    for order in orders:
        try:
            running[os.posix_spawnp(order[0], order, os.environ, file_actions=null, setpgroup=0)] = order
        except (OSError, IndexError, ValueError):
            failed.append(order)
    end = time.monotonic() + ORDER_S
    while running and time.monotonic() < end:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.005)
        elif (order := running.pop(pid, [])) and status:
            failed.append(order)
    for pid, order in running.items():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        failed.append(order)
    return failed


def kill(pid: int, start: int) -> None:
    """SIGKILL, if that number still belongs to the process that was meant."""
    try:
        handle = os.pidfd_open(pid)
        if started(pid) == start:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    except OSError:
        return
