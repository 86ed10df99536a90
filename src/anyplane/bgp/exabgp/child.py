"""Child: one running ExaBGP, its pipes, and the three ways in which it cannot outlive the agent.

    agent ──fork, start.py──> exabgp ──fork──> helper.py
      ^──── socket, over which helper.py hands exabgp's pipes ────┘

- The agent ends (any way): the kernel kills exabgp (parent-death signal), and helper.py, whose socket hangs
  up, kills it too. ExaBGP's TCP sessions close with it, and the upstreams drop what it announced.
- exabgp ends: helper.py sees the pipe hang up and ends; the agent sees the socket hang up.
- helper.py ends: the agent sees the socket hang up and ends exabgp.
- The agent hangs: the keeper runs end.py, which kills the process that the file `child` names.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import anyio

from anyplane.bgp.exabgp.conversation import DAEMON, Conversation
from anyplane.bgp.exabgp.end import started
from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable

_HERE = Path(__file__).resolve().parent
_PREFIX = "anyplane-exabgp-"
_START_S = 15.0
_END_S = 5.0
_LOG_BYTES = 1 << 20
_ENVIRONMENT = {
    "EXABGP_ENVFILE": "/dev/null",  # whatever a packaged ExaBGP on this machine was told is not for ours
    "exabgp_api_ack": "true",
    "exabgp_api_cli": "false",
    "exabgp_api_respawn": "false",
    "exabgp_api_terminate": "true",
    "exabgp_daemon_daemonize": "false",
    "exabgp_daemon_drop": "false",  # changing the user would clear the parent-death signal (prctl(2))
    "exabgp_log_destination": "stderr",
    "exabgp_log_level": "WARNING",
}


class Directory:
    """The private directory of a speaker: configuration, socket, log, what the dead man's order reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.configuration = self.path / "exabgp.conf"
        self.socket = self.path / "agent.sock"
        self.log = self.path / "exabgp.log"
        self.pid = self.path / "child"

    @classmethod
    def make(cls, parent: str = "") -> Directory:
        """A new one."""
        place = parent or _parent()
        _sweep(Path(place))
        return cls(Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place)))

    @classmethod
    def of(cls, path: str) -> Directory:
        """The one that this process made as another program; ValueError where the name says otherwise."""
        found = Path(path)
        if not (found.name.startswith(f"{_PREFIX}{os.getpid()}-") and found.is_dir()):
            raise ValueError(path)
        return cls(found)

    @property
    def helper(self) -> tuple[str, ...]:
        """What ExaBGP is to run as its API process."""
        return (sys.executable, "-S", "-E", str(_HERE / "helper.py"), str(self.socket))

    @property
    def end(self) -> tuple[str, ...]:
        """The order that ends the child without this process."""
        return (sys.executable, "-S", "-E", str(_HERE / "end.py"), str(self.pid))

    def last_words(self) -> str:
        """The end of ExaBGP's log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            return " | ".join(line.strip() for line in lines[-6:] if not line.startswith("advice"))[-600:]
        return ""

    def trim(self) -> None:
        """Empty the log when it has grown large."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > _LOG_BYTES:
                os.truncate(self.log, 0)

    def remove(self) -> None:
        """Nothing of it stays."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(slots=True, kw_only=True)
class Child:
    """A running ExaBGP; `end` it before letting go."""

    pid: int
    handle: int
    """A pidfd, readable when the process has ended."""
    guard: socket.socket
    conversation: Conversation
    directory: Directory

    @property
    def is_alive(self) -> bool:
        """Are ExaBGP and its helper both there?"""
        poller = select.poll()
        poller.register(self.handle, select.POLLIN)
        poller.register(self.guard.fileno(), 0)
        return not poller.poll(0)

    async def end(self) -> None:
        """Kill it and wait until it is gone, with its sessions."""
        with anyio.CancelScope(shield=True):
            self.directory.pid.unlink(missing_ok=True)
            await _end(self.pid, self.handle)
            self.conversation.close()
            self.guard.close()


async def spawn(directory: Directory, configuration: str) -> Child:
    """Start ExaBGP with this configuration; it announces nothing. SpeakerRejected when it refuses it."""
    with contextlib.suppress(FileNotFoundError):
        directory.socket.unlink()
    descriptor = os.open(directory.configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(configuration)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory.socket))
        listener.listen(1)
        listener.settimeout(0)
        pid = _fork(directory)
        handle = os.pidfd_open(pid)
        try:
            directory.pid.write_text(f"{pid} {started(pid)}\n")
            guard, reading, writing = await _introduced(listener, handle, directory)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await _end(pid, handle)
            raise
    return Child(
        pid=pid,
        handle=handle,
        guard=guard,
        conversation=Conversation(reading=reading, writing=writing),
        directory=directory,
    )


def _fork(directory: Directory) -> int:
    command = [sys.executable, "-S", "-E", str(_HERE / "start.py"), str(os.getpid())]
    command += [sys.executable, "-m", "exabgp", "server", str(directory.configuration)]
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.lower().startswith("exabgp") and key != "NOTIFY_SOCKET"
    }
    log = str(directory.log)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        sys.executable,
        command,
        {**inherited, **_ENVIRONMENT},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,  # an interrupt typed at the agent's terminal is the agent's to handle
    )


async def _introduced(
    listener: socket.socket, handle: int, directory: Directory
) -> tuple[socket.socket, int, int]:
    """The helper's socket and ExaBGP's pipes, once the helper has called."""
    deadline = anyio.current_time() + _START_S
    while anyio.current_time() < deadline:
        with anyio.move_on_after(0.1) as waiting:
            await anyio.wait_readable(listener)
        if not waiting.cancelled_caught:
            guard = listener.accept()[0]
            guard.settimeout(0)
            return await _received(guard)
        if select.select([handle], [], [], 0)[0]:
            raise SpeakerRejected(
                DAEMON,
                "it ended while starting",
                command=f"exabgp server {directory.configuration}",
                reply=directory.last_words(),
                hint="`anyplane render` shows the configuration without keys; `exabgp validate` checks it",
            )
    raise SpeakerUnreachable(
        DAEMON,
        f"not ready {_START_S:g} s after its start",
        reply=directory.last_words(),
        hint="is the machine overloaded?",
    )


async def _received(guard: socket.socket) -> tuple[socket.socket, int, int]:
    try:
        with anyio.fail_after(_END_S):
            await anyio.wait_readable(guard)
        _, descriptors, _, _ = socket.recv_fds(guard, 64, 2)
        reading, writing = descriptors
    except (TimeoutError, OSError, ValueError):
        guard.close()
        raise SpeakerUnreachable(DAEMON, "its helper did not hand over the pipes") from None
    except BaseException:
        guard.close()
        raise
    return guard, reading, writing


async def _end(pid: int, handle: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    with anyio.move_on_after(_END_S):
        await anyio.wait_readable(handle)
    os.close(handle)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222  # it does not wait


def _sweep(place: Path) -> None:
    """Remove the directories of agents that were killed; the name of each holds its agent's number."""
    for one in place.glob(f"{_PREFIX}*-*"):
        number = one.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdecimal() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(one, ignore_errors=True)


def _parent() -> str:
    """Where the private directory goes: memory that a reboot empties, and that only we can write to."""
    for place in ("/run/anyplane", "/run", os.environ.get("XDG_RUNTIME_DIR", "")):
        if place and os.access(place, os.W_OK | os.X_OK):
            return place
    return tempfile.gettempdir()
